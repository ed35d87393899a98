"""Figures of runs, classes and mistakes of any kind and number, shown and saved anywhere."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, run_python
from PIL import Image

from hotdog_ft import DataError, plot
from hotdog_ft.history import History


def run(test_acc, train_acc=None, **more):
    train_acc = test_acc if train_acc is None else train_acc
    return History(loss=[1.0] * len(train_acc), train_acc=train_acc, test_acc=test_acc, **more)


def is_inside(axes):
    """Whether there are points, and every one lies within the axes."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    points = [xy for line in axes.lines for xy in line.get_xydata() if np.isfinite(xy).all()]
    return points and all(left <= x <= right and bottom < y < top for x, y in points)


class TestHistories:
    @pytest.mark.parametrize(
        "accuracies, low, high",
        [
            ([0.02, 0.05, 0.1], 0.0, 0.12),
            ([0.9, 1.0], 0.88, 1.02),
            ([0.0, 1.0], -0.02, 1.02),
            ([0.5], 0.48, 0.52),  # one epoch
            ([0.5, 0.5], 0.48, 0.52),
        ],
    )
    def test_report_38_the_axes_fit_what_there_is(self, accuracies, low, high):
        figure = plot.plot_histories({"a": run(accuracies)})
        figure._repr_png_()
        assert all(map(is_inside, figure.axes))
        for axes in figure.axes[1:]:
            assert axes.get_ylim() == pytest.approx((low, high))
            assert all(float(x).is_integer() for x in axes.get_xticks())

    def test_both_accuracies_share_an_axis(self):
        _, train, test = plot.plot_histories({"a": run([0.1], [0.9]), "b": run([0.5])}).axes
        assert train.get_ylim() == test.get_ylim() and is_inside(train) and is_inside(test)

    def test_a_probe_is_epoch_0_with_epochs_after_it_or_without(self):
        runs = {"alone": run([], probe_acc=0.25), "then": run([0.5, 0.75], probe_acc=0.375)}
        loss, _, test = plot.plot_histories(runs).axes
        assert [line.get_xydata().tolist() for line in test.lines] == [
            [[0, 0.25]],
            [[0, 0.375], [1, 0.5], [2, 0.75]],
        ]
        assert is_inside(test) and [len(line.get_xdata()) for line in loss.lines] == [0, 2]

    def test_what_was_not_measured_says_so(self):
        figure = plot.plot_histories({"a": run([], [0.5, 0.75])})
        said = [[text.get_text() for text in axes.texts] for axes in figure.axes]
        assert said == [[], [], ["not measured"]]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert plot.plot_histories({})._repr_png_()

    def test_a_run_that_became_no_number_is_drawn_as_far_as_it_came(self):
        history = run([0.5, np.nan, np.inf], [0.5, 0.25, np.nan])
        history.loss = [1.0, np.inf, np.nan]
        figure = plot.plot_histories({"a": history})
        assert figure._repr_png_() and all(map(is_inside, figure.axes))
        assert figure.axes[2].get_ylim() == pytest.approx((0.23, 0.52))

    def test_validation_is_dashed_and_the_kept_epoch_ringed(self):
        history = run([0.5, 0.75, 0.625], probe_acc=0.25)
        history.valid_acc, history.probe_valid_acc, history.kept_epoch = [0.5, 0.8, 0.7], 0.3, 2
        test = plot.plot_histories({"a": history}).axes[2]
        tested, valid, ring = test.lines
        assert (tested.get_linestyle(), valid.get_linestyle()) == ("-", "--")
        assert valid.get_xydata().tolist() == [[0, 0.3], [1, 0.5], [2, 0.8], [3, 0.7]]
        assert ring.get_xydata().tolist() == [[2, 0.8]] and "validation" in test.get_ylabel()

    def test_twelve_runs_with_long_names_have_room(self):
        runs = {
            f"run {i}, a name that is long enough to be in the way": run([0.5]) for i in range(12)
        }
        figure = plot.plot_histories(runs)
        figure._repr_png_()
        (legend,) = figure.legends
        box, (width, height) = legend.get_window_extent(), figure.get_size_inches() * 100
        assert box.x0 >= 0 and box.x1 <= width and box.y1 <= height
        assert all(axes.get_window_extent().height > 100 for axes in figure.axes)
        looks = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
        assert len(looks) == 12


def counts_of(n, pictures=3000):
    """A confusion matrix of `n` classes with names of up to 40 letters, most answers right."""
    rng = np.random.default_rng(0)
    names = np.array([f"class {i} {'abcdefghij' * 4}"[: 8 + i % 33] for i in range(n)])
    true = np.concatenate([np.arange(n), rng.integers(0, n, pictures)])
    label = np.where(rng.random(len(true)) < 0.9, true, rng.integers(0, n, len(true)))
    return pd.crosstab(pd.Series(names[true]), pd.Series(names[label]))


def boxes(labels):
    return [label.get_window_extent() for label in labels if label.get_text()]


class TestConfusion:
    @pytest.mark.parametrize("n", [2, 9, 25, 37, 101, 300])
    def test_report_46_names_do_not_overlap_and_the_figure_stays_small(self, n):
        figure = plot.show_confusion(counts_of(n))
        figure._repr_png_()
        width, height = figure.get_size_inches() * 100
        assert max(width, height) <= 1500
        axes = figure.axes[0]
        across, down = boxes(axes.get_xticklabels()), boxes(axes.get_yticklabels())
        assert all(a.x1 <= b.x0 + 1 for a, b in zip(across, across[1:]))
        assert all(a.y0 >= b.y1 - 1 for a, b in zip(down, down[1:]))
        assert min(box.x0 for box in down) >= 0 and min(box.y0 for box in across) >= 0
        assert len(across) == n or n > 110
        assert len(axes.texts) == (n * n if n <= 25 else 0)

    def test_report_46_a_hundred_and_one_classes_take_neither_time_nor_memory(self):
        code = """
from test_figures import counts_of, plot; import resource, time
table = counts_of(101); plot.show_confusion(table)._repr_png_()  # once to find the fonts
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
plot.show_confusion(table)._repr_png_()
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""  # a process of its own: another test's threads may take memory meanwhile
        done = run_python(code, PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}").stdout
        seconds, kilobytes = map(float, done.split())
        assert seconds < 5 and kilobytes < 200_000  # 0.8 s on a quiet machine

    def test_two_classes_look_as_ever(self):
        table = pd.DataFrame([[9, 1], [2, 8]], ["hotdog", "not-hotdog"], ["hotdog", "not-hotdog"])
        figure = plot.show_confusion(table)
        assert repr(figure) == "<Plot 400 x 280>"
        assert {label.get_rotation() for label in figure.axes[0].get_xticklabels()} == {0}

    def test_report_47_a_class_that_is_never_predicted_or_never_true_keeps_its_place(self):
        def shown(true, label, **more):
            table = pd.crosstab(pd.Series(list(true)), pd.Series(list(label)))
            (axes,) = plot.show_confusion(table, **more).axes
            names = [text.get_text() for text in axes.get_xticklabels()]
            assert names == [text.get_text() for text in axes.get_yticklabels()]
            return "".join(names), axes.images[0].get_array().tolist()

        assert shown("aabc", "aaac") == ("abc", [[2, 0, 0], [1, 0, 0], [0, 0, 1]])
        assert shown("aacc", "aabc") == ("abc", [[2, 0, 0], [0, 0, 0], [0, 1, 1]])
        assert shown("ac", "ab") == ("abc", [[1, 0, 0], [0, 0, 0], [0, 1, 0]])
        assert shown("ab", "aa", classes="cba")[1] == [[0, 0, 0], [0, 0, 1], [0, 0, 1]]

    def test_shares_numbers_and_categories_are_shown_too(self):
        shares = pd.crosstab(pd.Series([0, 0, 0, 10]), pd.Series([0, 0, 10, 2]), normalize="index")
        (axes,) = plot.show_confusion(shares).axes
        assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "2", "10"]
        assert [text.get_text() for text in axes.texts][:3] == ["0.67", "0", "0.33"]
        true = pd.Categorical(["b", "a"], ["b", "a"])
        (axes,) = plot.show_confusion(pd.crosstab(true, pd.Series(["a", "a"]))).axes
        assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "a"]

    def test_an_empty_one_is_refused(self):
        with pytest.raises(ValueError, match="no picture was predicted"):
            plot.show_confusion(pd.DataFrame())


class TestPictures:
    black = np.zeros((4, 6, 3), "uint8")

    @pytest.mark.parametrize("count, shown", [(0, 0), (1, 1), (4, 4), (9, 4)])
    def test_a_grid_takes_fewer_pictures_and_more(self, count, shown):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure = plot.show_images([self.black] * count, 2, 2, ["a"] * count)
            assert figure._repr_png_() and len(figure.axes) == shown
        stacked, titles = np.stack([self.black] * 3), pd.Series(list("abc"))
        assert len(plot.show_images(stacked, np.int64(1), 3.0, titles).axes) == 3

    @pytest.mark.parametrize("shape", [(4, 6, 3), (9, 6, 3), (6, 40, 3)])
    def test_long_titles_stay_over_their_pictures(self, shape):
        names = ["nạm gầu gân sách, Hà Nội", "W" * 40, "of words " * 9, "one", "\U000f0000" * 5]
        titles = [f"{name} 0.39\ntrue: {other}" for name in names for other in names]
        figure = plot.show_images([np.zeros(shape, "uint8")] * 25, 5, 5, titles)
        with pytest.warns(UserWarning, match="Install a font"):
            figure._repr_png_()
        texts = [axes.title.get_window_extent() for axes in figure.axes]
        pictures = [axes.get_window_extent() for axes in figure.axes]
        for number, (text, picture) in enumerate(zip(texts, pictures)):
            assert text.y0 > picture.y1 and picture.height > 10
            assert (texts[number - 1].x1 if number % 5 else 0) < text.x0 and text.x1 <= 625
            assert text.y1 < (pictures[number - 5].y0 if number >= 5 else figure.bbox.y1)
        assert figure.axes[18].title.get_fontsize() == 8  # of "one" and "one"

    def test_what_makes_no_grid_is_refused(self):
        with pytest.raises(ValueError, match="0 x 3 has no place"):
            plot.show_images([self.black], 0, 3)
        with pytest.raises(ValueError, match="1 titles for 2 pictures"):
            plot.show_images([self.black] * 2, 1, 2, ["a"])

    @pytest.fixture
    def frame(self, tmp_path):
        for number in range(12):
            Image.new("RGB", (8, 6), (number, 0, 0)).save(tmp_path / f"{number}.png")
        return pd.DataFrame(
            {
                "file": [str(tmp_path / f"{number}.png") for number in range(12)],
                "label": ["cat"] * 11 + [None],
                "probability": np.linspace(0.5, 1, 12),
                "true": ["cat"] * 2 + ["dog"] * 10,
            }
        )

    def test_mistakes_are_shown_the_surest_first(self, frame):
        figure = plot.show_mistakes(frame, n=3)
        assert [axes.images[0].get_array()[0, 0, 0] for axes in figure.axes] == [10, 9, 8]
        assert figure.axes[0].get_title() == "cat 0.95\ntrue: dog"
        assert len(plot.show_mistakes(frame.astype({"true": "category"}), n=100).axes) == 9

    def test_no_mistake_and_no_true_classes_are_said(self, frame):
        (text,) = plot.show_mistakes(frame[:2]).texts
        assert text.get_text() == "There is no mistake among 2 pictures."
        with pytest.raises(ValueError, match="finds no column 'true'"):
            plot.show_mistakes(frame.drop(columns="true"))


class TestAnywhere:
    def test_report_48_a_figure_is_saved_below_the_home_folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        plot.draw_fine_tuning().savefig("~/idea.png")
        assert [path.name for path in tmp_path.iterdir()] == ["idea.png"]
        with pytest.raises(DataError, match="no home folder for ~nobody-here"):
            plot.draw_fine_tuning().savefig("~nobody-here/idea.png")

    def test_in_a_script_without_a_screen_show_says_where_the_figure_lies(self, tmp_path):
        code = "from hotdog_ft import plot; plot.draw_fine_tuning().show()"
        done = run_python(code, DISPLAY="", WAYLAND_DISPLAY="", TMPDIR=str(tmp_path))
        (path,) = tmp_path.glob("*.png")
        assert (done.stdout, done.stderr) == (f"The figure is in {path}.\n", "")
        assert Image.open(path).size == (800, 360)

    def test_in_a_notebook_show_shows_it_below_the_cell(self, monkeypatch):
        seen = []
        monkeypatch.setattr("IPython.get_ipython", type("Shell", (), {"kernel": None}))
        monkeypatch.setattr("IPython.display.display", seen.append)
        (figure := plot.draw_fine_tuning()).show()
        assert seen == [figure]

"""Figures: pictures of any size in a grid, curves with labels that can be read alone."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from hotdog_ft import plot
from hotdog_ft.history import History


def test_report_3_pictures_of_any_size_are_shown_in_a_grid():
    pictures = [np.full((20 + i, 30, 3), i, "uint8") for i in range(16)]
    figure = plot.show_images(pictures, 2, 8, [f"number {i}" for i in range(16)])
    assert len(figure.axes) == 16
    for number, axes in enumerate(figure.axes):
        assert axes.get_title() == f"number {number}"
        assert np.array_equal(axes.images[0].get_array(), pictures[number])
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_curves_have_labels_a_legend_and_every_point():
    history = History(10, ["cpu(0)"], [2.0, 1.0], [0.5, 0.7], [0.6, 0.8])
    figure = plot.plot_histories({"ours": history, "theirs": history})
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["training loss (nats)", "training accuracy", "test accuracy"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ours", "theirs"]
    for axes, values in zip(figure.axes, (history.loss, history.train_acc, history.test_acc)):
        assert [list(line.get_ydata()) for line in axes.lines] == [values, values]
        assert list(axes.lines[0].get_xdata()) == [1, 2]


def test_the_idea_is_drawn_with_both_models():
    texts = [text.get_text() for text in plot.draw_fine_tuning().axes[0].texts]
    assert {"Source model", "Target model", "not copied", "copy, then fine-tune"} <= set(texts)


def test_curves_of_any_kind_have_labels_and_a_mark():
    curves = {"a": pd.Series([0.5, 0.7], index=[0.01, 0.1]), "b": pd.Series([0.6], index=[0.1])}
    (axes,) = plot.plot_curves(curves, "rate", "accuracy", log_x=True, mark=(0.05, "here")).axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xscale()) == ("rate", "accuracy", "log")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "here"]
    assert list(axes.lines[0].get_xdata()) == [0.01, 0.1] and list(axes.lines[0].get_ydata()) == [
        0.5,
        0.7,
    ]


def test_each_point_may_have_its_interval():
    series = pd.Series([0.5, 0.75], index=[1, 2])
    figure = plot.plot_curves({"a": series}, "x", "y", interval=lambda y: (y - 0.1, y + 0.2))
    (bars,) = figure.axes[0].collections
    ends = [segment.tolist() for segment in bars.get_segments()]
    assert ends == [[[1, 0.4], [1, 0.7]], [[2, 0.65], [2, 0.95]]]


def test_a_confusion_matrix_shows_every_count_at_its_place():
    true, label = pd.Series(list("aaabb"), name="true"), pd.Series(list("aabbb"), name="label")
    (axes,) = plot.show_confusion(pd.crosstab(true, label)).axes
    counts = {text.get_position()[::-1]: int(text.get_text()) for text in axes.texts}
    assert counts == {(0, 0): 2, (0, 1): 1, (1, 0): 0, (1, 1): 2}  # (row: true, column: predicted)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_an_overlay_is_red_where_the_map_is_largest_and_grey_where_it_is_smallest():
    picture = np.random.default_rng(0).integers(50, 200, (64, 96, 3), dtype="uint8")
    seen = plot.overlay(picture, np.array([[1.0, 2.0], [2.0, 3.0]])).astype(int)
    assert seen.shape == picture.shape
    assert np.ptp(seen[:8, :8], axis=2).max() == 0  # grey
    assert (seen[-8:, -8:, 0] > seen[-8:, -8:, 2] + 80).all()  # red
    grey = plot.overlay(picture, -np.ones((2, 2)))
    assert np.array_equal(grey[..., 0], picture.mean(2).astype("uint8"))


def test_outside_a_notebook_no_curves_are_drawn_while_training(monkeypatch):
    assert plot.live_curves("rate 0.01") is None
    monkeypatch.setattr("IPython.get_ipython", SimpleNamespace)  # IPython in a terminal: no kernel
    assert plot.live_curves("rate 0.01") is None


def test_in_a_notebook_the_curves_are_drawn_once_and_then_replaced(monkeypatch):
    seen = []

    class Handle:
        def update(self, figure):
            seen.append(figure)

    def display(figure, display_id):
        seen.append(figure)
        return Handle()

    kernel = SimpleNamespace(kernel=None)
    monkeypatch.setattr("IPython.get_ipython", lambda: kernel)
    monkeypatch.setattr("IPython.display.display", display)
    redraw = plot.live_curves("rate 0.01")
    for epochs in (1, 2):
        redraw(History(loss=[1.0] * epochs, train_acc=[0.5] * epochs, test_acc=[0.5] * epochs))
    assert [len(figure.axes[0].lines[0].get_xdata()) for figure in seen] == [1, 2]
    assert [text.get_text() for text in seen[1].legends[0].get_texts()] == ["rate 0.01"]


def test_the_mistakes_are_those_among_pictures_that_were_judged():
    frame = pd.DataFrame({"file": ["1", "2"], "label": ["a", None], "probability": [0.9, np.nan]})
    figure = plot.show_mistakes(frame.assign(true="a"))
    assert [text.get_text() for text in figure.texts] == ["There is no mistake among 1 pictures."]

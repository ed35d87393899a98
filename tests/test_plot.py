"""Figures: pictures of any size in a grid, curves with labels that can be read alone."""

import hotdog_ft
import numpy as np
import pandas as pd


def test_report_3_pictures_of_any_size_are_shown_in_a_grid():
    pictures = [np.full((20 + i, 30, 3), i, "uint8") for i in range(16)]
    figure = hotdog_ft.plot.show_images(pictures, 2, 8, [f"number {i}" for i in range(16)])
    assert len(figure.axes) == 16
    for number, axes in enumerate(figure.axes):
        assert axes.get_title() == f"number {number}"
        assert np.array_equal(axes.images[0].get_array(), pictures[number])
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_curves_have_labels_a_legend_and_every_point():
    history = hotdog_ft.History(10, 5, 0.1, ["cpu(0)"], [2.0, 1.0], [0.5, 0.7], [0.6, 0.8])
    figure = hotdog_ft.plot.plot_histories({"ours": history, "theirs": history})
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert labels == [("epoch", "training loss (nats)"), ("epoch", "training accuracy"), ("epoch", "test accuracy")]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ours", "theirs"]
    for axes, values in zip(figure.axes, (history.loss, history.train_acc, history.test_acc)):
        assert [list(line.get_ydata()) for line in axes.lines] == [values, values]
        assert list(axes.lines[0].get_xdata()) == [1, 2]


def test_the_idea_is_drawn_with_both_models():
    texts = [text.get_text() for text in hotdog_ft.plot.draw_fine_tuning().axes[0].texts]
    assert {"Source model", "Target model", "not copied", "copy, then fine-tune"} <= set(texts)


def test_curves_of_any_kind_have_labels_and_a_mark():
    curves = {"a": pd.Series([0.5, 0.7], index=[0.01, 0.1]), "b": pd.Series([0.6], index=[0.1])}
    axes, = hotdog_ft.plot.plot_curves(curves, "rate", "accuracy", log_x=True, mark=(0.05, "here")).axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xscale()) == ("rate", "accuracy", "log")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "here"]
    assert list(axes.lines[0].get_xdata()) == [0.01, 0.1] and list(axes.lines[0].get_ydata()) == [0.5, 0.7]


def test_a_confusion_matrix_shows_every_count_at_its_place():
    true, label = pd.Series(list("aaabb"), name="true"), pd.Series(list("aabbb"), name="label")
    axes, = hotdog_ft.plot.show_confusion(pd.crosstab(true, label)).axes
    counts = {text.get_position()[::-1]: int(text.get_text()) for text in axes.texts}
    assert counts == {(0, 0): 2, (0, 1): 1, (1, 0): 0, (1, 1): 2}  # (row: true, column: predicted)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_an_overlay_is_red_where_the_map_is_largest_and_grey_where_it_is_smallest():
    picture = np.random.default_rng(0).integers(50, 200, (64, 96, 3), dtype="uint8")
    seen = hotdog_ft.plot.overlay(picture, np.array([[1.0, 2.0], [2.0, 3.0]])).astype(int)
    assert seen.shape == picture.shape
    assert np.ptp(seen[:8, :8], axis=2).max() == 0  # grey
    assert (seen[-8:, -8:, 0] > seen[-8:, -8:, 2] + 80).all()  # red
    assert np.array_equal(hotdog_ft.plot.overlay(picture, -np.ones((2, 2)))[..., 0], picture.mean(2).astype("uint8"))

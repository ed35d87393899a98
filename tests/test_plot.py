"""Figures: pictures of any size in a grid, curves with labels that can be read alone."""

import hotdog_ft
import numpy as np


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

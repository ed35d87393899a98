"""The chapter's figures: each function returns a Plot, to be shown in a notebook or saved."""

import io

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image


class Plot(Figure):
    """A matplotlib figure of fixed size that needs no pyplot to be shown in a notebook."""

    def _repr_png_(self):
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=100)
        return file.getvalue()

    def __repr__(self):
        return f"<Plot {self.get_figwidth() * 100:.0f} x {self.get_figheight() * 100:.0f}>"


def show_images(imgs, num_rows, num_cols, titles=None):
    """Pictures in a grid, row by row.

    Parameters
    ----------
    imgs : list of numpy.ndarray
        uint8 (height, width, 3), any sizes.
    num_rows, num_cols : int
    titles : list of str, optional
        One per picture.
    """
    figure = Plot(figsize=(1.25 * num_cols, 1.4 * num_rows), layout="tight")
    for number, img in enumerate(imgs[: num_rows * num_cols]):
        axes = figure.add_subplot(num_rows, num_cols, number + 1)
        axes.imshow(img)
        axes.set_axis_off()
        if titles:
            axes.set_title(titles[number], fontsize=8)
    return figure


def plot_histories(histories):
    """Loss, training accuracy and test accuracy against the epoch, one colour per run.

    Parameters
    ----------
    histories : dict of str to History
    """
    figure = Plot(figsize=(9, 3.2), layout="constrained")
    columns = {
        "loss": "training loss (nats)",
        "train_acc": "training accuracy",
        "test_acc": "test accuracy",
    }
    for place, (name, label) in enumerate(columns.items(), 1):
        axes = figure.add_subplot(1, 3, place)
        for number, (title, history) in enumerate(histories.items()):
            values = getattr(history, name)
            axes.plot(range(1, len(values) + 1), values, "os^v"[number % 4] + "-", label=title)
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if name != "loss":
            axes.set_ylim(0.4, 1.02)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8
    )
    return figure


def plot_curves(curves, xlabel, ylabel, log_x=False, mark=None, interval=None):
    """Lines through points, one colour per curve.

    Parameters
    ----------
    curves : dict of str to pandas.Series
        Values against each series' index.
    xlabel, ylabel : str
    log_x : bool
        Logarithmic horizontal axis.
    mark : tuple of (float, str), optional
        A place on the horizontal axis and what it is.
    interval : callable, optional
        Gives (low, high) of a value; drawn as a bar through each point.
    """
    figure = Plot(figsize=(6.5, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for number, (title, values) in enumerate(curves.items()):
        axes.plot(
            values.index,
            values,
            ("os^v"[number % 4] if len(values) < 30 else "") + "-",
            label=title,
        )
        if interval:
            low, high = zip(*map(interval, values))
            axes.vlines(values.index, low, high, color=axes.lines[-1].get_color(), alpha=0.5)
    if mark:
        axes.axvline(mark[0], color="#555555", linestyle="--", label=mark[1])
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if log_x else "linear")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def show_confusion(table):
    """A confusion matrix in colours and numbers: ``pandas.crosstab(frame.true, frame.label)``."""
    figure = Plot(
        figsize=(2.2 + 0.9 * len(table.columns), 1.4 + 0.7 * len(table)), layout="constrained"
    )
    axes = figure.add_subplot()
    axes.imshow(table, cmap="Blues", vmin=0)
    for row, column in np.ndindex(table.shape):
        count = table.iloc[row, column]
        axes.text(
            column,
            row,
            count,
            ha="center",
            va="center",
            color="white" if count > table.to_numpy().max() / 2 else "black",
        )
    axes.set_xticks(range(len(table.columns)), table.columns)
    axes.set_yticks(range(len(table)), table.index)
    axes.set(xlabel="predicted class", ylabel="true class")
    return figure


def overlay(picture, heat):
    """A picture under a map: grey where the map is smallest, red where it is largest.

    Parameters
    ----------
    picture : numpy.ndarray
        uint8 (height, width, 3).
    heat : numpy.ndarray
        Any height and width, as given by `occlusion_map`; stretched to the picture's.

    Returns
    -------
    numpy.ndarray
        uint8 (height, width, 3).
    """
    share = (heat - heat.min()) / max(np.ptp(heat), 1e-12)
    mask = Image.fromarray((255 * share).astype("uint8")).resize(
        picture.shape[1::-1], Image.BILINEAR
    )
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    share = np.asarray(mask)[..., None] / 255
    return (grey * (1 - 0.6 * share) + 0.6 * share * np.array([255, 40, 0])).astype("uint8")


def live_curves():
    """A callback for `train` that redraws the curves after every epoch; None outside a notebook."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return None
    if get_ipython() is None or not hasattr(get_ipython(), "kernel"):
        return None
    handle = []

    def redraw(history):
        figure = plot_histories({"this run": history})
        if handle:
            handle[0].update(figure)
        else:
            handle.append(display(figure, display_id=True))

    return redraw


def draw_fine_tuning(
    source_data="ImageNet", source_classes=1000, features=512, classes=("hot dog", "not hot dog")
):
    """The chapter's idea in one figure: what is copied from source to target model, what is new.

    Parameters
    ----------
    source_data : str
        What the source net has learnt.
    source_classes, features : int
        Outputs and inputs of the source net's `output`.
    classes : sequence of str
        The target's class names.
    """
    figure = Plot(figsize=(8, 3.6), layout="tight")
    axes = figure.add_subplot()
    axes.set(xlim=(0, 8), ylim=(0, 4.1))
    axes.set_axis_off()
    names = " / ".join(classes)
    target_data = names if len(names) <= 36 else f"{len(classes)} classes"
    models = [
        (
            0.4,
            "Source model",
            f"source data set\n({source_data}, {source_classes:,} classes)",
            f"output: {features} features\nto {source_classes:,} logits",
        ),
        (
            4.9,
            "Target model",
            f"target data set\n({target_data})",
            f"output: {features} features to {len(classes)} logits\nXavier, rate × 10",
        ),
    ]
    layers = ["stem", "stages 1 and 2", "stages 3 and 4"]
    for left, title, data, head in models:
        is_target = left > 1
        boxes = [(data, "#eeeeee")] + [(f"features: {layer}", "#a6cee3") for layer in layers]
        boxes.append((head, "#fdbf6f" if is_target else "#cccccc"))
        for number, (text, colour) in enumerate(boxes):
            bottom = 0.05 + 0.74 * number
            axes.add_patch(_box(left, bottom, colour))
            axes.text(left + 1.35, bottom + 0.28, text, ha="center", va="center", fontsize=9)
            if number:
                _arrow(axes, (left + 1.35, bottom - 0.17), (left + 1.35, bottom - 0.01))
            if is_target and 1 <= number <= 3:
                _arrow(axes, (3.15, bottom + 0.28), (4.85, bottom + 0.28))
                axes.text(4.0, bottom + 0.34, "copy, then fine-tune", ha="center", fontsize=8)
        axes.text(left + 1.35, 3.8, title, ha="center", fontsize=11, weight="bold")
    axes.text(4.0, 3.29, "not copied", ha="center", va="center", fontsize=8)
    return figure


def _box(left, bottom, colour):
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (left, bottom), 2.7, 0.54, boxstyle="round,pad=0.02", facecolor=colour, edgecolor="#555555"
    )


def _arrow(axes, start, end):
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "#555555"})

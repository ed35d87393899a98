"""Figures of numbers: the epochs of runs, and lines through points of any kind."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from .figure import Plot
from .lettering import shortened


def plot_histories(histories):
    """Loss, training accuracy and test accuracy against the epoch, one colour per run.

    A probe is epoch 0. Accuracy on validation pictures is dashed; a ring is around the epoch that
    was kept.

    Parameters
    ----------
    histories : dict of str to History
    """
    columns = max(1, min(4, int(9 / (0.7 + 0.065 * max(map(_width, histories), default=0)))))
    rows = -(-len(histories) // columns)
    figure = Plot(figsize=(9, 3.2 + 0.16 * max(0, rows - 2)), layout="constrained")
    loss, train, test = figure.subplots(1, 3)
    loss.set_ylabel("training loss (nats)")
    train.set_ylabel("training accuracy")
    test.set_ylabel("test accuracy")
    for number, history in enumerate(histories.values()):
        style = {"color": f"C{number}", "marker": "os^v"[number % 4]}
        _line(loss, history.loss, **style)
        _line(train, history.train_acc, **style)
        tested = _line(test, history.test_acc, history.probe_acc, **style)
        if history.valid_acc:
            valid = history.valid_acc, history.probe_valid_acc
            tested = _line(test, *valid, **style, linestyle="--", markersize=4)
            test.set_ylabel("test accuracy, dashed: validation")
        if history.kept_epoch in tested:
            kept = history.kept_epoch, tested[history.kept_epoch]
            test.plot(*kept, "o", color=f"C{number}", mfc="none", markersize=12)
    for axes in (loss, train, test):
        axes.set(xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        if not any(np.isfinite(line.get_ydata()).any() for line in axes.lines):
            axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
    _fit_accuracies([train, test])
    if histories:
        place = {"loc": "outside upper center", "ncols": columns, "fontsize": 8}
        _name_lines(figure, loss.lines, histories, **place)
    return figure


def _name_lines(owner, lines, titles, **place):
    """A legend, with titles that begin with _ too, which matplotlib takes for no titles."""
    legend = owner.legend(lines, ["line"] * len(lines), **place)
    for text, title in zip(legend.get_texts(), titles):
        text.set_text(shortened(title, 100))


def _width(title):
    return min(100, len(str(title)))


def _line(axes, values, at_0=None, **style):
    """Draw values over their epochs, those that are no number left out; ``{epoch: value}``."""
    epochs = list(range(1, len(values) + 1))
    if at_0 is not None:
        epochs, values = [0, *epochs], [at_0, *values]
    found = np.array(values, float)
    axes.plot(epochs, np.where(np.isfinite(found), found, np.nan), **style)
    return dict(zip(epochs, found))


def _fit_accuracies(panels):
    """One vertical axis for all panels: what there is and some room, little beyond 0 to 1."""
    drawn = [line.get_ydata() for axes in panels for line in axes.lines]
    points = np.concatenate([*drawn, [np.nan]])
    points = points[np.isfinite(points)]
    low, high = (points.min(), points.max()) if len(points) else (0, 1)
    room = max(0.02, 0.05 * (high - low))
    for axes in panels:
        axes.set_ylim(max(low - room, min(low, -0.02)), min(high + room, max(high, 1.02)))


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
    for number, values in enumerate(curves.values()):
        marker = "os^v"[number % 4] if len(values) < 30 else ""
        axes.plot(values.index, values, f"{marker}-")
        if interval:
            low, high = zip(*map(interval, values))
            axes.vlines(values.index, low, high, color=axes.lines[-1].get_color(), alpha=0.5)
    titles = list(curves)
    if mark:
        axes.axvline(mark[0], color="#555555", linestyle="--")
        titles.append(mark[1])
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if log_x else "linear")
    axes.grid(alpha=0.3)
    _name_lines(axes, axes.lines, titles, fontsize=8)
    return figure


def live_curves(title):
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
        figure = plot_histories({title: history})
        if handle:
            handle[0].update(figure)
        else:
            handle.append(display(figure, display_id=True))

    return redraw

"""The chapter's figures: each function returns a Plot, to be shown or saved."""

import numpy as np
from matplotlib.colors import PowerNorm
from PIL import Image

from .curves import live_curves, plot_curves, plot_histories
from .diagram import draw_fine_tuning
from .figure import Plot
from .lettering import letters, shortened, wrapped
from .picture import read_picture

__all__ = [
    "draw_fine_tuning",
    "live_curves",
    "overlay",
    "plot_curves",
    "plot_histories",
    "show_confusion",
    "show_images",
    "show_mistakes",
]

CELL_LETTERS = 19  # that fit above a picture in a grid
NAME_LETTERS = 24  # of a class beside a confusion matrix
NUMBERED = 25  # classes up to which a confusion matrix shows its numbers


def show_images(imgs, num_rows, num_cols, titles=None):
    """Pictures in a grid, row by row, as many as there are and fit.

    Parameters
    ----------
    imgs : sequence of numpy.ndarray
        uint8 (height, width, 3), any sizes.
    num_rows, num_cols : int
        At least 1.
    titles : sequence of str, optional
        One per picture; a long line is broken in two, and shortened if that is not enough.

    Raises
    ------
    ValueError
        There is no row or column, or not one title per picture.
    """
    num_rows, num_cols, imgs = int(num_rows), int(num_cols), list(imgs)
    titles = titles if titles is None else list(titles)
    if min(num_rows, num_cols) < 1:
        raise ValueError(f"A grid of {num_rows} x {num_cols} has no place for a picture.")
    if titles is not None and len(titles) != len(imgs):
        raise ValueError(f"{len(titles)} titles for {len(imgs)} pictures: one each is expected.")
    shown = imgs[: num_rows * num_cols]
    titles = [wrapped(title, CELL_LETTERS) for _, title in zip(shown, titles or [])]
    width, side, line = 1.25, 1.0, 0.14  # of a cell, a picture and a title's line, in inches
    rows = [titles[row * num_cols :][:num_cols] for row in range(num_rows)]
    lines = [max((len(title.splitlines()) for title in row), default=0) for row in rows]
    bottoms = np.cumsum([line * count + side + 0.12 for count in lines])
    figure = Plot(figsize=(width * num_cols, bottoms[-1]), title_width=width - 0.06)
    for number, img in enumerate(shown):
        row, column = divmod(number, num_cols)
        place = (column + 0.04) / num_cols, 1 - (bottoms[row] - 0.04) / bottoms[-1]
        axes = figure.add_axes((*place, 0.92 / num_cols, side / bottoms[-1]))
        axes.imshow(img)
        axes.set_axis_off()
        if titles:
            axes.set_title(titles[number], fontsize=8)
    return figure


def show_mistakes(frame, n=8):
    """The pictures about which a net was wrong, the surest mistakes first.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `predict` gives, with a column ``true``; its files are opened again.
    n : int
        Pictures at most.

    Raises
    ------
    ValueError
        A column is missing.
    """
    missing = [name for name in ("file", "label", "probability", "true") if name not in frame]
    if missing:
        raise ValueError(
            f"show_mistakes finds no column {missing[0]!r}: it takes what predict gives, with the "
            "right classes beside it, frame['true'] = [...]."
        )
    is_right = frame.label.astype(object) == frame.true.astype(object)
    wrong = frame[~is_right & frame.label.notna()]
    worst = wrong.sort_values("probability", ascending=False, kind="stable").head(n)
    if worst.empty:
        figure = Plot(figsize=(5, 1.4))
        text = f"There is no mistake among {frame.label.notna().sum()} pictures."
        figure.text(0.5, 0.5, text, ha="center", va="center")
        return figure
    titles = [
        f"{shortened(row.label, CELL_LETTERS - 5)} {row.probability:.2f}\n"
        f"true: {shortened(row.true, CELL_LETTERS - 6)}"
        for row in worst.itertuples()
    ]
    columns = min(8, len(worst))
    return show_images(map(read_picture, worst.file), -(-len(worst) // columns), columns, titles)


def show_confusion(table, classes=None):
    """A confusion matrix in colours, with its numbers where they can be read.

    Parameters
    ----------
    table : pandas.DataFrame
        A row per true class and a column per predicted one, such as
        ``pandas.crosstab(frame.true, frame.label)``. What one side lacks is added to it as zeros.
    classes : sequence of str, optional
        In the order wanted, others are left out; by default those of the table.

    Raises
    ------
    ValueError
        The table is empty.
    """
    if table.empty:
        raise ValueError("The confusion matrix is empty: no picture was predicted.")
    names = _all_names(table) if classes is None else list(classes)
    counts = table.set_axis(list(table.index)).set_axis(list(table.columns), axis=1)
    counts = counts.reindex(index=names, columns=names, fill_value=0).fillna(0).to_numpy()
    short = [shortened(name, NAME_LETTERS) for name in names]
    longest, few = max(map(letters, short)), len(names) <= NUMBERED
    spare = 0.07 * max(0, longest - 11)
    side = 0.105 * len(names)  # what names need that are as small as can be read
    width = min(2.2 + 0.9 * len(names), max(9, 1.8 + side), 13)
    height = min(1.4 + 0.7 * len(names), max(8.4, 1.2 + side), 12.4)
    figure = Plot(figsize=(width + spare, height + spare), layout="constrained")
    axes = figure.add_subplot()
    map_ = axes.imshow(
        counts, cmap="Blues", **({"vmin": 0} if few else {"norm": PowerNorm(0.5, 0)})
    )
    if few:
        for row, column in np.ndindex(counts.shape):
            count = counts[row, column]
            axes.text(
                column,
                row,
                f"{count:.2f}".rstrip("0").rstrip(".") if counts.dtype.kind == "f" else count,
                ha="center",
                va="center",
                color="white" if count > counts.max() / 2 else "black",
                fontsize=10 if len(names) <= 10 else 7,
            )
    else:
        figure.colorbar(map_, label="pictures", shrink=0.6)
    size = 10 if len(names) <= 10 else 8 if len(names) <= 60 else 6
    step = -(-len(names) // 110)  # beyond this many, every second name, every third
    places = range(0, len(names), step)
    turned = 90 if longest > 11 or len(names) > 8 else 0
    axes.set_xticks(places, short[::step], rotation=turned, fontsize=size)
    axes.set_yticks(places, short[::step], fontsize=size)
    axes.set(xlabel="predicted class", ylabel="true class")
    return figure


def _all_names(table):
    """The classes of a table's two sides: in the order of the side that has all, else sorted."""
    rows, columns = list(table.index), list(table.columns)
    if set(columns) <= set(rows):
        return rows
    if set(rows) <= set(columns):
        return columns
    return sorted({*rows, *columns}, key=lambda name: (isinstance(name, str), name))


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

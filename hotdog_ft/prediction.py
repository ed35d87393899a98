"""What a net says about picture files."""

from pathlib import Path

import numpy as np

from .data import Pictures
from .download import DataError
from .evaluation import batch_logits, probabilities
from .folders import visible
from .loader import plain_loader
from .model import fused
from .settings import Settings


def _files(paths):
    """The files that are meant: a folder stands for all that is visible in it, at any depth."""
    found = []
    for path in map(Path, [paths] if isinstance(paths, (str, Path)) else paths):
        if not path.exists() and not path.is_symlink():
            raise DataError(f"There is no {path}. Name pictures, or folders of pictures.")
        if path.is_dir() and not path.is_symlink():
            found += _files(visible(path))
        else:
            found.append(path)
    return found


def predict(net, paths, classes=None, size=None):
    """Classify picture files of any kind that Pillow opens.

    Parameters
    ----------
    net : HybridBlock
    paths : path or sequence of path
        Files, or folders whose visible content is meant at any depth.
    classes : sequence of str, optional
        Names of the outputs; by default those that were saved with the net, else numbers.
    size : int, optional
        Side of the network's input in pixels; by default the one saved with the net, else 224.

    Returns
    -------
    pandas.DataFrame
        Columns ``file`` (str), ``label`` (the likeliest class) and ``probability`` (its softmax
        probability, 0 to 1), one row per picture.

    Raises
    ------
    DataError
        There is no picture, or some cannot be read; all of these are named.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> recipe = load_recipe("mini")
    >>> net, names = recipe.load_pretrained_net(), recipe.source_classes().name
    >>> picture = recipe.load_data()[1].paths[0]
    >>> predict(net, picture, classes=names, size=64)[["label"]]
        label
    0  hotdog
    """
    import pandas as pd

    pictures = Pictures(_files(paths)).check()
    if not len(pictures):
        raise DataError(f"There is no picture in {paths}.")
    classes = getattr(net, "classes", None) if classes is None else list(classes)
    size = size or getattr(net, "size", None) or Settings.size
    with fused(net, np.zeros((1, 3, size, size))):
        logits = np.concatenate([batch_logits(net, X) for X, _ in plain_loader(pictures, size)])
    best = logits.argmax(axis=1)
    return pd.DataFrame(
        {
            "file": [str(path) for path in pictures.paths],
            "label": [classes[i] if classes else int(i) for i in best],
            "probability": probabilities(logits).max(axis=1).astype(float),
        }
    )


def occlusion_map(net, x, label, cells=8):
    """Where a picture speaks for a class: how much is lost when a part of it is covered.

    A square of two by two cells in the picture's mean colour moves over the picture, cell by cell
    (Zeiler and Fergus 2014). What counts is the logit over the mean of all logits.

    Parameters
    ----------
    net : HybridBlock
    x : numpy.ndarray
        float32 (3, S, S), as given by TestAugs.
    label : int
    cells : int
        Along each side; the net judges (cells + 1)^2 pictures.

    Returns
    -------
    numpy.ndarray
        float32 (cells, cells): the mean loss over the squares that cover a cell. Positive cells
        speak for the class.
    """
    edges = np.linspace(0, x.shape[-1], cells + 1).round().astype(int)
    spans = [slice(edges[max(i - 1, 0)], edges[min(i + 1, cells)]) for i in range(cells + 1)]
    rows = []
    for rows_covered in spans:
        covered = np.stack([x] * (cells + 2))  # the last one stays as it is
        for picture, columns_covered in zip(covered, spans):
            picture[:, rows_covered, columns_covered] = x.mean(axis=(1, 2), keepdims=True)
        logits = batch_logits(net, covered)
        lead = logits[:, label] - logits.mean(axis=1)
        rows.append(lead[-1] - lead[:-1])
    lost = np.stack(rows)
    return (lost[1:, 1:] + lost[1:, :-1] + lost[:-1, 1:] + lost[:-1, :-1]) / 4

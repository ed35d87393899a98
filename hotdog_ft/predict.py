"""What a net says about picture files."""

from pathlib import Path

import numpy as np

from .augment import TestAugs
from .data import DataError, Pictures, visible
from .loader import BatchLoader
from .train import batch_logits


def _files(paths):
    """The files that are meant: a folder stands for all that is visible in it, at any depth."""
    found = []
    for path in map(Path, [paths] if isinstance(paths, (str, Path)) else paths):
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
    classes : list of str, optional
        Names of the outputs; by default those that were saved with the net, else numbers.
    size : int, optional
        Side of the network's input in pixels; by default the one saved with the net, else 224.

    Returns
    -------
    pandas.DataFrame
        Columns ``file`` (str), ``label`` (the likeliest class) and ``probability`` (its softmax
        probability, 0 to 1), one row a picture.

    Raises
    ------
    DataError
        There is no picture, or some cannot be read; all of these are named.
    """
    import pandas as pd
    pictures = Pictures(_files(paths)).check()
    if not len(pictures):
        raise DataError(f"There is no picture in {paths}.")
    classes = classes or getattr(net, "classes", None)
    augs = TestAugs(size or getattr(net, "size", None) or 224)
    logits = np.concatenate([batch_logits(net, X) for X, _ in BatchLoader(pictures, augs, 32)])
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    best = logits.argmax(axis=1)
    return pd.DataFrame({"file": [str(path) for path in pictures.paths],
                         "label": [classes[i] if classes else int(i) for i in best],
                         "probability": (odds.max(axis=1) / odds.sum(axis=1)).astype(float)})

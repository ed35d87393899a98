"""What a net says about picture files."""

from pathlib import Path

import numpy as np
from mxnet import nd
from mxnet.gluon import nn

from .augment import TestAugs
from .data import Pictures, visible
from .devices import devices_of
from .download import DataError
from .evaluation import batch_logits, probabilities
from .loader import BatchLoader
from .model import fused


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
    classes = classes or getattr(net, "classes", None)
    augs = TestAugs(size or getattr(net, "size", None) or 224)
    with fused(net, np.zeros((1, 3, augs.size, augs.size))):
        logits = np.concatenate([batch_logits(net, X) for X, _ in BatchLoader(pictures, augs, 32)])
    best = logits.argmax(axis=1)
    return pd.DataFrame(
        {
            "file": [str(path) for path in pictures.paths],
            "label": [classes[i] if classes else int(i) for i in best],
            "probability": probabilities(logits).max(axis=1).astype(float),
        }
    )


def class_activation_map(net, x, label):
    """Where a picture speaks for a class (CAM, Zhou et al. 2016).

    The output layer is linear and follows a mean over places, so each logit is a mean of what the places
    contribute. The classes' common part, which softmax ignores, is left out.

    Parameters
    ----------
    net : ResNetV1 or ResNetV2
    x : numpy.ndarray
        float32 (3, S, S), as given by TestAugs.
    label : int

    Returns
    -------
    numpy.ndarray
        float32 (S / 32, S / 32). Positive places speak for the class. The mean, with the biases' part added,
        is the logit minus the mean of all logits.
    """
    device = devices_of(net.output)[0]
    layers = enumerate(net.features)
    pool = next(place for place, layer in layers if isinstance(layer, nn.GlobalAvgPool2D))
    maps = net.features[:pool](nd.array(x[None], ctx=device))[0].asnumpy()
    weight = net.output.weight.data(device).asnumpy()
    return np.tensordot(weight[label] - weight.mean(axis=0), maps, 1)

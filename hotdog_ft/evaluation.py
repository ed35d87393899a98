"""What a net says about mini-batches, and how often it is right."""

import numpy as np

from .devices import arrays
from .inference import outputs


def batch_logits(net, X):
    """The logits of a mini-batch, computed on all devices where `net` is.

    Parameters
    ----------
    X : numpy.ndarray
        float32 (n, 3, S, S), or features (n, d) for an output layer alone.

    Returns
    -------
    numpy.ndarray
        float32 (n, classes).
    """
    return outputs(net, X)


def probabilities(logits):
    """Softmax over the last axis: numpy arrays of the same shape, each row sums to 1."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def evaluate(net, data_iter):
    """Top-1 accuracy of `net` over every picture of `data_iter`, on the devices where `net` is.

    Parameters
    ----------
    net : HybridBlock
    data_iter : iterable of (X, y)
        Mini-batches, such as a `BatchLoader` or a Gluon ``DataLoader``.

    Returns
    -------
    float
        Right answers over all pictures, 0 to 1.

    Examples
    --------
    >>> from hotdog_ft import finetune_net, load_recipe
    >>> recipe = load_recipe("mini")
    >>> net = finetune_net(recipe.load_pretrained_net(), num_classes=2)
    >>> 0 <= evaluate(net, recipe.loaders()[1]) <= 1
    True
    """
    correct = count = 0
    for batch in data_iter:
        X, y = arrays(batch)
        correct += int((batch_logits(net, X).argmax(axis=1) == y).sum())
        count += len(X)
    return correct / count

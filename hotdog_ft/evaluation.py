"""How often a net is right: accuracy, that of each class, and which are taken for which."""

from collections.abc import Iterable

import numpy as np

from .devices import arrays
from .inference import mean_outputs
from .labels import check_labels, check_pairs
from .loader import plain_loader


def probabilities(logits):
    """Softmax over the last axis: numpy arrays of the same shape, each row sums to 1."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def answers(net, batches):
    """What every picture is, and what `net` takes it for.

    Parameters
    ----------
    net : HybridBlock
    batches : iterable of (X, y)
        Mini-batches.

    Returns
    -------
    labels, predicted : numpy.ndarray
        Integer (n,).

    Raises
    ------
    ValueError
        There is no picture.
    """
    labels, predicted = [], []
    mirrored = getattr(net, "mirrored", False)
    for batch in batches:
        X, y = arrays(batch)
        predicted.append(mean_outputs(net, X, mirrored).argmax(axis=1))
        labels.append(y.reshape(-1).astype(int))
    if not labels:
        raise ValueError("There is no picture to evaluate on.")
    return np.concatenate(labels), np.concatenate(predicted)


def accuracy(labels, predicted):
    """Right answers over all: a float from 0 to 1."""
    return int((labels == predicted).sum()) / len(labels)


def class_accuracy(labels, predicted, classes=None):
    """Accuracy on the pictures of each class (its recall), and how many there are.

    Returns
    -------
    dict of str to float, dict of str to int
        By class name, or by label without names; classes without a picture are left out.
    """
    recalls, counts = {}, {}
    for label, count in zip(*np.unique(labels, return_counts=True)):
        name = str(classes[label] if classes else label)
        theirs = labels == label
        recalls[name], counts[name] = accuracy(labels[theirs], predicted[theirs]), int(count)
    return recalls, counts


def _batches(net, data):
    """Mini-batches of `data`, which may hold them already: there every label is an array."""
    if isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
        return data
    check_pairs(data, "evaluate on")
    if len(data) and np.shape(data[0][1]):
        return data
    check_labels(data, "evaluate on")
    if not getattr(net, "size", None):
        raise ValueError(
            "The net does not know its input size: set net.size, such as net.size = 224, or give "
            "mini-batches instead of pictures."
        )
    return plain_loader(data, net.size)


def evaluate(net, data):
    """Top-1 accuracy of `net` over every picture of `data`, on the devices where `net` is.

    Parameters
    ----------
    net : HybridBlock
    data : ImageFolder, or iterable of (X, y)
        Pictures with labels, prepared at the size ``net.size``; or mini-batches, such as a
        `BatchLoader` or a Gluon ``DataLoader``. With ``net.mirrored`` the logits are the mean of a
        picture's and its mirror image's.

    Returns
    -------
    float
        Right answers over all pictures, 0 to 1.

    Raises
    ------
    ValueError
        There is no picture, or the net does not know its input size.

    Examples
    --------
    >>> from hotdog_ft import finetune_net, load_recipe
    >>> recipe = load_recipe("mini")
    >>> net = finetune_net(recipe.load_pretrained_net(), num_classes=2)
    >>> net.size = recipe.size
    >>> 0 <= evaluate(net, recipe.load_data()[1]) <= 1
    True
    """
    return accuracy(*answers(net, _batches(net, data)))


def confusion(net, data):
    """How often each class is taken for each: the confusion matrix.

    Parameters
    ----------
    net, data
        See `evaluate`.

    Returns
    -------
    pandas.DataFrame
        Counts of pictures: a row per true class, a column per predicted class. Every class has
        both, whether or not a picture is of it or taken for it. Names are those of ``net.classes``,
        else of ``data.classes``, else numbers.
    """
    import pandas as pd

    labels, predicted = answers(net, _batches(net, data))
    classes = getattr(net, "classes", None) or getattr(data, "classes", None)
    if not classes:
        least = net.output.weight.shape[0] if hasattr(net, "output") else 0
        classes = range(max(least, labels.max() + 1, predicted.max() + 1))
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    rows, columns = (pd.Index(classes, name=name) for name in ("true", "predicted"))
    return pd.DataFrame(counts, index=rows, columns=columns)

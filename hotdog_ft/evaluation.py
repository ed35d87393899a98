"""How often a net is right: accuracy, that of each class, and which are taken for which."""

from collections.abc import Iterable

import numpy as np

from .checks import check_net
from .devices import arrays
from .inference import mean_outputs
from .labels import check_labels, check_names, check_pairs, class_names
from .loader import plain_loader
from .precision import for_batches, settled


def probabilities(logits):
    """Softmax over the last axis: numpy arrays of the same shape, each row sums to 1."""
    from scipy.special import softmax

    return softmax(logits, axis=-1)


def logits_of(net, data, precision="float32"):
    """What every picture is, and what `net` says about it.

    Parameters
    ----------
    net, data, precision
        See `evaluate`.

    Returns
    -------
    labels, logits : numpy.ndarray
        Integer (n,) and float32 (n, classes).

    Raises
    ------
    ValueError
        There is no picture, labels are no outputs of the net, it is none or does not know its input
        size, or it cannot compute in int8.
    """
    check_net(net)
    labels, logits, block = [], [], None
    mirrored = getattr(net, "mirrored", False)
    for batch in _batches(net, data):
        X, y = arrays(batch)
        if np.size(y) != len(X) or not np.all(y % 1 == 0):
            raise ValueError(
                f"A mini-batch of {len(X)} pictures comes with {np.size(y)} labels such as "
                f"{np.ravel(y)[:1]}: a whole number for each is expected."
            )
        if block is None:
            in_int8 = settled(net, precision, X.shape[-1]) == "int8"
            block = for_batches(net, X, "int8") if in_int8 else net
        logits.append(mean_outputs(block, X, mirrored))
        labels.append(y.reshape(-1).astype(int))
    if not labels:
        raise ValueError("There is no picture to evaluate on.")
    labels, logits = np.concatenate(labels), np.concatenate(logits)
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(
            f"The pictures to evaluate on have labels from {labels.min()} to {labels.max()}, the "
            f"net has {logits.shape[1]} outputs: it is a net for other classes."
        )
    return labels, logits


def pack_answers(labels, logits):
    """Every answer of a net as two texts, for a record.

    Parameters
    ----------
    labels, logits : numpy.ndarray
        As `logits_of` gives them.

    Returns
    -------
    dict
        ``right``: a digit per picture, 1 if the likeliest class is the true one, else 0. ``lead``:
        a number per picture, the log of the odds of that class, two digits after the point.

    Examples
    --------
    >>> pack_answers(np.array([0, 0]), np.log([[0.8, 0.2], [0.1, 0.9]]))
    {'right': '10', 'lead': '1.39 2.20'}
    """
    sure = probabilities(np.asarray(logits, "float64")).max(axis=1)
    lead = np.log(sure) - np.log(np.maximum(1 - sure, 1e-15))
    right = logits.argmax(axis=1) == labels
    return {
        "right": "".join(str(int(hit)) for hit in right),
        "lead": " ".join(f"{value:.2f}" for value in lead),
    }


def unpack_answers(figures):
    """Labels and logits from what `pack_answers` gave for two classes: each answer is class 0.

    Returns
    -------
    labels, logits : numpy.ndarray
        Integer (n,), 0 where the answer is right, else 1, and float64 (n, 2).
    """
    lead = np.array(figures["lead"].split(), "float64")
    labels = np.array([int(hit == "0") for hit in figures["right"]])
    return labels, np.stack([lead, np.zeros_like(lead)], axis=1)


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
    return plain_loader(data, net.size, seed=0)  # a run beside it draws as ever


def evaluate(net, data, precision="float32"):
    """Top-1 accuracy of `net` over every picture of `data`, on the devices where `net` is.

    Parameters
    ----------
    net : HybridBlock
    data : ImageFolder, or iterable of (X, y)
        Pictures with labels, prepared at the size ``net.size``; or mini-batches, such as a
        `BatchLoader` or a Gluon ``DataLoader``. With ``net.mirrored`` the logits are the mean of a
        picture's and its mirror image's.
    precision : {"float32", "int8", "auto"}
        See `precision.settled`; float32 unless something else is asked for.

    Returns
    -------
    float
        Right answers over all pictures, 0 to 1.

    Raises
    ------
    FloatingPointError
        The net's answers are no finite numbers.
    MemoryError, OSError
        There is not enough memory, or a GPU cannot be used; the message says what to do.
    ValueError
        There is no picture, classes are not the net's, the net does not know its input size, or it
        cannot compute in int8.

    Examples
    --------
    >>> from hotdog_ft import finetune_net, load_recipe
    >>> recipe = load_recipe("mini")
    >>> net = finetune_net(recipe.load_pretrained_net(), num_classes=2)
    >>> net.size = recipe.size
    >>> 0 <= evaluate(net, recipe.load_data()[1]) <= 1
    True
    """
    check_names(net, data, "evaluate on")
    labels, logits = logits_of(net, data, precision)
    return accuracy(labels, logits.argmax(axis=1))


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
        else of ``data.classes`` where there are as many as outputs, else numbers.
    """
    import pandas as pd

    check_names(net, data, "evaluate on")
    labels, logits = logits_of(net, data)
    predicted = logits.argmax(axis=1)
    classes = class_names(net) or class_names(data) or ()
    if len(classes) != logits.shape[1]:
        classes = range(logits.shape[1])
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    rows, columns = (pd.Index(classes, name=name) for name in ("true", "predicted"))
    return pd.DataFrame(counts, index=rows, columns=columns)

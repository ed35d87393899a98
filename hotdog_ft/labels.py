"""Labels: what they must be, how many there are of each, what a rare class weighs."""

import os
import warnings
from collections.abc import Iterable, Mapping, Set

import numpy as np

UNBALANCED = 5  # times as many pictures of the largest class as of the smallest: worth a word


def stored_labels(images):
    """The attribute `labels` of a data set as a list, if it is a label per picture, else None."""
    labels = getattr(images, "labels", None)
    have_lengths = hasattr(labels, "__len__") and hasattr(images, "__len__")
    return list(labels) if have_lengths and len(labels) == len(images) else None


def labels_of(images):
    """A list of the labels of a data set, in the pictures' order."""
    stored = stored_labels(images)
    return [images[i][1] for i in range(len(images))] if stored is None else stored


def class_names(images):
    """The class names of a data set or a net as a list, whatever holds them; None without."""
    names = getattr(images, "classes", None)
    return list(names) if isinstance(names, Iterable) else None


def kept_names(net, count):
    """The class names that a net brings along, if it has as many outputs; else None."""
    names = class_names(net)
    return names if names and len(names) == count else None


def check_pairs(images, purpose):
    """Refuse pictures that come as anything but a set of (picture, label).

    Parameters
    ----------
    purpose : str
        For the message, such as ``"train on"``.

    Raises
    ------
    ValueError
    """
    fits, first, fault = stored_labels(images) is not None, None, None
    if not fits and hasattr(images, "__getitem__") and hasattr(images, "__len__"):
        try:
            first = images[0] if len(images) and not isinstance(images, (str, bytes)) else None
        except LookupError as error:  # a dictionary's, a table's, or one of its own
            fault = error
        fits = not len(images) or (isinstance(first, (tuple, list)) and len(first) == 2)
    if not fits:
        raise ValueError(
            f"The pictures to {purpose} come as {type(images).__name__}: give what "
            "load_image_folders opens, or a list of (picture, label)."
        ) from fault


def is_whole(label):
    """Whether this is a whole number, of whatever type."""
    try:
        return not isinstance(label, (str, bytes)) and not np.ndim(label) and int(label) == label
    except (TypeError, ValueError, OverflowError):
        return False


def check_labels(images, purpose, num_outputs=None):
    """Refuse a data set that is empty, or whose labels are no outputs of a net.

    Parameters
    ----------
    purpose : str
        For the message, such as ``"train on"``.
    num_outputs : int, optional

    Returns
    -------
    numpy.ndarray
        The labels, integer (n,).
    """
    check_pairs(images, purpose)
    labels = labels_of(images)
    if not len(labels):
        raise ValueError(f"There is no picture to {purpose}.")
    odd = [label for label in labels if not is_whole(label)]
    if odd:
        raise ValueError(
            f"The pictures to {purpose} have the label {repr(odd[0])[:60]}: a label is a whole "
            "number from 0, the place of the class. From names: label = classes.index(name)."
        )
    least, most = int(min(labels)), int(max(labels))
    if least < 0 or (num_outputs and most >= num_outputs):
        outputs = cure = ""
        if num_outputs:
            outputs = f", the net has {num_outputs} outputs"
            cure = ", and build it with finetune_net(source_net, num_classes)"
        if least == 1 and most == num_outputs:
            cure = ", subtract 1"
        raise ValueError(
            f"The pictures to {purpose} have labels from {least} to {most}{outputs}: count them "
            f"from 0{cure}."
        )
    classes = class_names(images)
    if num_outputs and classes is not None and len(classes) != num_outputs:
        raise ValueError(
            f"The pictures to {purpose} are of {len(classes)} classes, the net has {num_outputs} "
            "outputs: build it with finetune_net(source_net, num_classes)."
        )
    return np.array([int(label) for label in labels])


def check_classes(labels, num_outputs):
    """Refuse a training set of one class; warn of outputs that no picture teaches anything.

    Parameters
    ----------
    labels : numpy.ndarray
        Of the training pictures.
    """
    seen = np.unique(labels).tolist()
    if len(seen) == 1:
        raise ValueError(
            f"All pictures to train on have the label {seen[0]}: with one class there is nothing "
            "to tell apart. Give pictures of another class as well, of anything else if need be."
        )
    missing = sorted(set(range(num_outputs)) - set(seen))
    if missing:
        shift = " Do they count from 1? They count from 0." if missing == [0] else ""
        warnings.warn(
            f"No picture to train on has the label {', '.join(map(str, missing[:5]))}"
            f"{', …' if len(missing) > 5 else ''}: the net, with {num_outputs} outputs, learns "
            f"never to say so.{shift}",
            stacklevel=5,
        )


def outline(images):
    """Labels and file names of a data set: in which order its pictures come."""
    names = [os.path.basename(path) for path in getattr(images, "paths", ())]
    return list(map(int, labels_of(images))), names


def check_names(learnt, images, purpose):
    """Refuse a set that names the classes in another order than what was learnt.

    Parameters
    ----------
    learnt : ImageFolder or HybridBlock
        The training pictures, or the net that they have trained.
    """
    ours, theirs = map(class_names, (learnt, images))
    if None not in (ours, theirs) and ours != theirs:
        raise ValueError(
            f"The pictures to {purpose} have the classes {', '.join(map(str, theirs))}, those to "
            f"train on {', '.join(map(str, ours))}: open them with the same classes in the same "
            "order."
        )


def output_names(classes, count, whose="classes"):
    """A list of the names of a net's outputs, from a sequence of as many.

    Raises
    ------
    ValueError
        They are more or less, or in no order: a set, or a dictionary, whose keys may be either.
    """
    if isinstance(classes, (str, bytes, Mapping, Set)) or not isinstance(classes, Iterable):
        held = repr(classes)[:80]
    else:
        names = [name.item() if isinstance(name, np.generic) else name for name in classes]
        if len(names) == count:
            return names
        held = f"{len(names)} names"
    raise ValueError(
        f"{whose} is {held}, the net has {count} outputs: give classes=[…], a name per output."
    )


def class_weights(labels):
    """What a picture of each class weighs so that every class counts the same: n / (k n_c).

    Returns
    -------
    numpy.ndarray
        float32 (largest label + 1,), 0 for a label without pictures; over all pictures the mean
        is 1.

    Examples
    --------
    >>> class_weights([0, 0, 0, 1]).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = np.bincount(np.asarray(labels, dtype=int))
    shares = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, shares, 0).astype("float32")


def warn_if_unbalanced(labels, classes, settings):
    """Warn, with the cure, when one class has many times as many pictures as another."""
    counts = np.bincount(labels)
    most, least = int(counts.argmax()), int(np.where(counts > 0, counts, len(labels)).argmin())
    if settings.balance == "none" and counts[most] >= UNBALANCED * counts[least]:
        names = classes or range(len(counts))
        warnings.warn(
            f"{counts[most]:,} pictures of {names[most]} against {counts[least]:,} of "
            f"{names[least]}: the rare class is easily overlooked. balance='loss' has every class "
            "count the same (--balance loss on the command line).",
            stacklevel=5,
        )

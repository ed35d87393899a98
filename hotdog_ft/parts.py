"""Which of the training pictures a run trains on, and which it validates on."""

import numpy as np

from .labels import labels_of


def _shuffled(images, rng):
    """The places of every class's pictures, each class in an order of its own."""
    labels = np.asarray(labels_of(images))
    order = rng.permutation(len(labels))
    return [order[labels[order] == label] for label in np.unique(labels)]


def _subset(images, parts):
    indices = np.sort(np.concatenate(parts))
    return images.subset(indices) if hasattr(images, "subset") else [images[i] for i in indices]


def share(images, settings):
    """The part of the training pictures that a run gets: the same share of every class.

    Parameters
    ----------
    images : ImageFolder
    settings : Settings
        ``fraction``; which pictures are drawn follows from ``seed``. At least one of every class.
    """
    if settings.fraction == 1:
        return images
    by_class = _shuffled(images, np.random.default_rng(settings.seed))
    return _subset(
        images, [some[: max(1, round(settings.fraction * len(some)))] for some in by_class]
    )


def hold_out(images, settings):
    """Two parts of the training pictures: to train on, and to validate on.

    Parameters
    ----------
    images : ImageFolder
    settings : Settings
        ``held_out``, the share of every class that is held out; ``seed`` decides which pictures. At
        least one of every class is on either side.

    Raises
    ------
    ValueError
        A class has a single picture.
    """
    # another stream than the share's
    by_class = _shuffled(images, np.random.default_rng((settings.seed, 1)))
    if min(map(len, by_class)) < 2:
        alone = min(by_class, key=len)[0]
        raise ValueError(
            f"Of label {labels_of(images)[alone]} there is a single picture to train on: none can "
            "be held out to validate on. Give more of it, or validation pictures of their own "
            "(valid_imgs)."
        )
    counts = [min(max(1, round(settings.held_out * len(s))), len(s) - 1) for s in by_class]
    held = [some[:count] for some, count in zip(by_class, counts)]
    return _subset(images, [s[c:] for s, c in zip(by_class, counts)]), _subset(images, held)


def run_parts(train_imgs, valid_imgs, settings):
    """What a run trains on and validates on; the latter is None where it does not.

    Parameters
    ----------
    train_imgs : ImageFolder
    valid_imgs : ImageFolder or None
        Validation pictures of their own; then none of `train_imgs` is held out.
    """
    train_imgs = share(train_imgs, settings)
    if valid_imgs is not None and settings.valid_fraction:
        raise ValueError(
            "valid_imgs are given, so nothing is held out of the training pictures: valid_fraction "
            "must be 0."
        )
    if valid_imgs is None and settings.held_out:
        return hold_out(train_imgs, settings)
    return train_imgs, valid_imgs

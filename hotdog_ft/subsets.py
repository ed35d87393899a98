"""Parts of a data set, the same share of every class: to train on, to validate or test on."""

import numpy as np

from .files import DataError
from .labels import class_names, labels_of, stored_labels
from .team import share_of, world_size


def _shuffled(images, rng):
    """The places of every class's pictures by its label, each class in an order of its own."""
    labels = np.asarray(labels_of(images))
    order = rng.permutation(len(labels))
    return {label: order[labels[order] == label] for label in np.unique(labels).tolist()}


class _Part:
    """Some pictures of a data set that knows no parts; they are opened when they are asked for."""

    def __init__(self, images, indices):
        self.images, self.indices, self.classes = images, indices, class_names(images)
        labels = stored_labels(images)
        self.labels = labels and [labels[i] for i in indices]

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, place):
        return self.images[self.indices[place]]


def _subset(images, parts):
    indices = np.sort(np.concatenate(parts)).tolist()
    if hasattr(images, "subset"):
        return images.subset(indices)
    return [images[i] for i in indices] if isinstance(images, list) else _Part(images, indices)


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
        images, [some[: max(1, round(settings.fraction * len(some)))] for some in by_class.values()]
    )


def hold_out(images, share, seed=0):
    """Divide a data set: the same share of every class apart, at least one on either side.

    Parameters
    ----------
    images : ImageFolder
        Or anything with a length whose items are (picture, label).
    share : float
        Above 0, below 1.
    seed : int
        Which pictures are drawn follows from it.

    Returns
    -------
    rest, part : ImageFolder

    Raises
    ------
    DataError
        Of some class there is a single picture.
    """
    by_class = _shuffled(images, np.random.default_rng((seed, 1)))  # not the stream of `share`
    names, single = class_names(images), [label for label in by_class if len(by_class[label]) < 2]
    if single:
        where = f" in {images.name}" if getattr(images, "name", "") else ""
        alone = ", ".join(str(names[label] if names else label) for label in single)
        raise DataError(
            f"There is a single picture of {alone}{where}: two are needed to hold one out. "
            "Give more, or hold none out (holdout=0 or --holdout 0 for no test set, valid_imgs or "
            "a folder valid for validation pictures)."
        )
    rest, held = [], []
    for some in by_class.values():
        count = min(max(1, round(share * len(some))), len(some) - 1)
        rest.append(some[count:])
        held.append(some[:count])
    return _subset(images, rest), _subset(images, held)


def own_part(images):
    """This process's part of pictures that a team measures or looks at; all of them if it is alone.

    Raises
    ------
    ValueError
        There are fewer pictures than processes.
    """
    if images is None or world_size() == 1:
        return images
    if len(images) < world_size():
        raise ValueError(
            f"{world_size()} processes cannot share {len(images)} pictures: begin fewer, or give "
            "more."
        )
    return _subset(images, [np.arange(len(images))[share_of(len(images))]])


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
        return hold_out(train_imgs, settings.held_out, settings.seed)
    return train_imgs, valid_imgs

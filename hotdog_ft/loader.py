"""Mini-batches of augmented pictures."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .augment import TestAugs, TrainAugs
from .data import WORKERS


class BatchLoader:
    """Mini-batches of augmented pictures, prepared by threads while the network computes.

    Every random draw follows from ``numpy.random``'s state when an epoch starts and from the
    picture's place in it, so a seeded run is the same with any number of threads.

    Parameters
    ----------
    images : ImageFolder
        Or anything with a length whose items are (uint8 picture, label).
    augs : callable
        ``augs(picture, rng)`` gives a float32 array (3, S, S): see :mod:`hotdog_ft.augment`.
    batch_size : int
        Pictures in a batch; the last batch of an epoch may be shorter.
    shuffle : bool
        A new order every epoch.

    Yields
    ------
    X, y : numpy.ndarray
        float32 (n, 3, S, S) and int32 (n,).

    Examples
    --------
    >>> images = [(np.zeros((40, 30, 3), "uint8"), 0)] * 5
    >>> [X.shape for X, y in BatchLoader(images, TestAugs(32), batch_size=3)]
    [(3, 3, 32, 32), (2, 3, 32, 32)]
    """

    def __init__(self, images, augs, batch_size, shuffle=False):
        self.images, self.augs, self.shuffle = images, augs, shuffle
        self.batch_size = int(batch_size)
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1.")

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def _example(self, index, seed):
        picture, label = self.images[index]
        return self.augs(picture, np.random.default_rng((seed, index))), label

    def __iter__(self):
        seed = np.random.randint(2**31)
        order = np.arange(len(self.images))
        if self.shuffle:
            np.random.shuffle(order)
        waiting = deque()
        with ThreadPoolExecutor(WORKERS) as pool:
            for start in range(0, len(order), self.batch_size):
                waiting.append(
                    [
                        pool.submit(self._example, int(index), seed)
                        for index in order[start : start + self.batch_size]
                    ]
                )
                if len(waiting) > 1:  # one batch is being prepared while another is used
                    yield self._collate(waiting.popleft())
            while waiting:
                yield self._collate(waiting.popleft())

    @staticmethod
    def _collate(jobs):
        pictures, labels = zip(*(job.result() for job in jobs))
        return np.stack(pictures), np.array(labels, dtype="int32")


def plain_loader(images, size):
    """Mini-batches of the test augmentation, for features and predictions: each picture once."""
    return BatchLoader(images, TestAugs(size), 32)


def labels_of(images):
    """The labels of a data set, in the pictures' order."""
    return images.labels if hasattr(images, "labels") else [label for _, label in images]


def check_labels(images, purpose, num_outputs=None):
    """Refuse a data set that is empty, or whose labels are no outputs of a net.

    Parameters
    ----------
    purpose : str
        For the message, such as ``"train on"``.
    num_outputs : int, optional

    Raises
    ------
    ValueError
    """
    labels = np.unique(labels_of(images))
    if not len(labels):
        raise ValueError(f"There is no picture to {purpose}.")
    classes = getattr(images, "classes", None)
    if num_outputs and (labels[0] < 0 or labels[-1] >= num_outputs):
        raise ValueError(
            f"The pictures to {purpose} have labels up to {labels[-1]}, the net {num_outputs} "
            "outputs: build it with finetune_net(source_net, num_classes)."
        )
    if num_outputs and classes is not None and len(classes) != num_outputs:
        raise ValueError(
            f"The pictures to {purpose} are of {len(classes)} classes, the net has {num_outputs} "
            "outputs: build it with finetune_net(source_net, num_classes)."
        )


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
    labels = np.asarray(labels_of(images))
    order = np.random.default_rng(settings.seed).permutation(len(labels))
    by_class = [order[labels[order] == label] for label in np.unique(labels)]
    drawn = [some[: max(1, round(settings.fraction * len(some)))] for some in by_class]
    indices = np.sort(np.concatenate(drawn))
    return images.subset(indices) if hasattr(images, "subset") else [images[i] for i in indices]


def loaders(train_imgs, test_imgs, settings):
    """``train_iter, test_iter``: mini-batches augmented as the settings say.

    Returns
    -------
    BatchLoader, BatchLoader
        The first one in a new order every epoch.
    """
    train_augs = TrainAugs(settings.size, settings.crop_scale)
    return (
        BatchLoader(train_imgs, train_augs, settings.batch_size, shuffle=True),
        BatchLoader(test_imgs, TestAugs(settings.size), settings.batch_size),
    )

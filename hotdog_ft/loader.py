"""Mini-batches of augmented pictures."""

import hashlib
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import numpy as np
from PIL import Image

from .augment import TestAugs, TrainAugs
from .data import WORKERS, bar
from .files import DataError
from .picture import from_array, from_image
from .settings import Settings

MOST_TESTED = 128  # pictures that are tested together: at 288 px ResNet-18 takes 1.8 GB for them


class BatchLoader:
    """Mini-batches of augmented pictures, prepared by threads while the network computes.

    Every random draw follows from ``numpy.random``'s state when an epoch starts and from the
    picture's place in `images`, so a seeded run is the same with any number of threads.

    Parameters
    ----------
    images : ImageFolder
        Or anything with a length whose items are (picture, label): see `as_picture`.
    augs : callable
        ``augs(picture, rng)`` gives a float32 array (3, S, S): see :mod:`hotdog_ft.augment`. It
        must leave the picture as it is.
    batch_size : int
        Pictures in a batch; the last batch of an epoch may be shorter.
    shuffle : bool
        A new order every epoch.
    share_of : callable, optional
        Which part of a batch of so many pictures is wanted, a slice: see `hotdog_ft.team`.
    seed : int, optional
        Instead of ``numpy.random``'s state, from which nothing is drawn then: for `augs` without
        chance, beside whatever else draws.

    Yields
    ------
    X, y : numpy.ndarray
        float32 (n, 3, S, S) and int32 (n,).

    Raises
    ------
    DataError
        A picture cannot be read.

    Examples
    --------
    >>> images = [(np.zeros((40, 30, 3), "uint8"), 0)] * 5
    >>> [X.shape for X, y in BatchLoader(images, TestAugs(32), batch_size=3)]
    [(3, 3, 32, 32), (2, 3, 32, 32)]
    """

    def __init__(self, images, augs, batch_size, shuffle=False, share_of=None, seed=None):
        self.images, self.augs, self.shuffle, self.seed = images, augs, shuffle, seed
        self.share_of = share_of or (lambda count: slice(None))  # a process alone takes all
        self.batch_size = Settings(batch_size=batch_size).batch_size

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def _example(self, batch, place, index, seed):
        picture, label = self.images[index]
        picture = as_picture(picture, f"picture {index}")
        batch.put(place, self.augs(picture, np.random.default_rng((seed, index))))
        return label

    def __iter__(self):
        seed = np.random.randint(2**31) if self.seed is None else self.seed
        order = np.arange(len(self.images))
        if self.shuffle:
            np.random.shuffle(order)
        begun = deque()

        def jobs():
            for start in range(0, len(order), self.batch_size):
                indices = order[start : start + self.batch_size]
                indices = indices[self.share_of(len(indices))].tolist()
                begun.append(_Batch(len(indices)))
                places = enumerate(indices)
                yield [partial(self._example, begun[-1], *place, seed) for place in places]

        for labels in in_threads(jobs()):
            yield begun.popleft().X, np.array(labels, dtype="int32")


class _Batch:
    """The arrays of a mini-batch, of one shape, put side by side by the threads that make them."""

    def __init__(self, count):
        self.X, self._count, self._lock = np.empty(0, "float32"), count, threading.Lock()

    def put(self, place, x):
        with self._lock:
            if not self.X.size:
                self.X = np.empty((self._count, *x.shape), x.dtype)
        if x.shape != self.X.shape[1:]:
            shapes = sorted([x.shape, self.X.shape[1:]])
            raise ValueError(
                f"The augmentations gave arrays of different shapes, {shapes[0]} and {shapes[1]}: "
                "a network takes one."
            )
        self.X[place] = x


def _begun(pool, job):
    """What waits for the result of `job`, which a thread computes, or else the caller."""
    try:
        return pool.submit(job).result
    except RuntimeError:  # the main thread has ended: no thread can be begun
        return job


def in_threads(batches):
    """What the functions in every batch give, a list each; threads are a batch ahead.

    Parameters
    ----------
    batches : iterable of list of callable
        Asked for one batch after the other.
    """
    waiting = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for jobs in batches:
            waiting.append([_begun(pool, job) for job in jobs])
            if len(waiting) > 1:
                yield [result() for result in waiting.popleft()]
        for results in waiting:
            yield [result() for result in results]


def as_picture(picture, name):
    """A picture in memory as uint8 (height, width, 3), RGB; `name` is for the error.

    NumPy's and MXNet's arrays and Pillow's images are taken: grey, RGB or RGBA, see `from_array`.
    """
    if isinstance(picture, Image.Image):
        return from_image(picture)
    if isinstance(picture, (str, bytes, os.PathLike)):
        what = "bytes" if isinstance(picture, bytes) else f"a path, {os.fspath(picture)}"
        raise DataError(
            f"{name} is {what}: open files with load_image_folders, which takes (path, label) too."
        )
    return from_array(picture, name)


def progress(batches, title, done=0):
    """The mini-batches after the first `done`; in a terminal with a bar while they are used."""
    total = len(batches) if hasattr(batches, "__len__") else None
    return bar(islice(batches, done, None), title, total=total, initial=done)


def plain_loader(images, size, batch_size=32, seed=None):
    """Mini-batches of the test augmentation, for features and predictions: each picture once."""
    return BatchLoader(images, TestAugs(size), batch_size, seed=seed)


def check_augs(augs, images, size):
    """Refuse augmentations that do not give what the network takes, on the first pictures.

    Parameters
    ----------
    augs : callable
        ``augs(picture, rng)``: uint8 (height, width, 3) to float32 (3, size, size).

    Returns
    -------
    str
        Hash of what they gave, which stands for them: a run with others is another run.
    """
    total = hashlib.sha256()
    for index in range(min(4, len(images))):
        picture = as_picture(images[index][0], f"picture {index}")
        try:
            x, again = (augs(picture.copy(), np.random.default_rng(index)) for _ in range(2))
        except TypeError as error:  # such as one argument too many
            raise ValueError(
                "train_augs is called as train_augs(picture, rng), with uint8 (height, width, 3) "
                f"and a NumPy Generator; that failed: {error}."
            ) from error
        kind = f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
        wanted = f"float32 (3, {size}, {size})"
        if kind != wanted:
            raise ValueError(
                f"train_augs gave {kind} for a picture: it must give a NumPy array, {wanted}."
            )
        if not np.isfinite(x).all():
            raise ValueError("train_augs gave numbers that are not finite (NaN or infinity).")
        if not np.array_equal(x, again):
            raise ValueError(
                "train_augs gave two results for the same picture and rng: draw from rng alone, so "
                "that the run can be repeated."
            )
        total.update(x.tobytes())
    return total.hexdigest()


def loaders(train_imgs, test_imgs, settings, train_augs=None, test_size=None):
    """``train_iter, test_iter``: mini-batches augmented as the settings say.

    Parameters
    ----------
    train_imgs, test_imgs : ImageFolder
        `test_imgs` may be None, and `test_iter` is None then.
    train_augs : callable, optional
        Instead of `TrainAugs`: see `BatchLoader`. It is given a copy, to change as it likes.
    test_size : int, optional
        By default ``settings.test_size``.

    Returns
    -------
    BatchLoader, BatchLoader
        The first one in a new order every epoch, this process's share of every mini-batch.
    """
    from .team import share_of  # needs MXNet, and `onnx_predict` uses this module without

    def on_a_copy(picture, rng):
        return train_augs(picture.copy(), rng)

    augs = on_a_copy if train_augs else TrainAugs(settings.size, settings.crop_scale)
    size, batch_size = test_size or settings.test_size, settings.batch_size
    return (
        BatchLoader(train_imgs, augs, batch_size, shuffle=True, share_of=share_of),
        None if test_imgs is None else plain_loader(test_imgs, size, min(batch_size, MOST_TESTED)),
    )

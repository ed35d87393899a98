"""Mini-batches of augmented pictures."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

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
                waiting.append([pool.submit(self._example, int(index), seed)
                                for index in order[start:start + self.batch_size]])
                if len(waiting) > 1:  # one batch is being prepared while another is used
                    yield self._collate(waiting.popleft())
            while waiting:
                yield self._collate(waiting.popleft())

    @staticmethod
    def _collate(jobs):
        pictures, labels = zip(*(job.result() for job in jobs))
        return np.stack(pictures), np.array(labels, dtype="int32")

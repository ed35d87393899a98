"""The three random generators that a run draws from."""

import os
import random
import threading
import zlib
from functools import wraps

import mxnet as mx
import numpy as np

from .settings import Settings


def seed_everything(seed):
    """Seed ``random``, ``numpy.random`` and ``mx.random``.

    Parameters
    ----------
    seed : int
        0 to 2**32 - 1, else a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> seed_everything(0)
    >>> round(np.random.random(), 4)
    0.5488
    """
    seed = Settings(seed=seed).seed
    random.seed(seed)
    np.random.seed(seed)
    mx.random.seed(seed)


def in_every_process(begin):
    """Call `begin` now, and in each forked child: that has none of its parent's threads."""
    begin()
    os.register_at_fork(after_in_child=begin)
    return begin


@in_every_process
def _begin():
    global _lock
    _lock = threading.RLock()


def alone():
    """Within this block no other thread is in such a block: the generators are everybody's."""
    return _lock


def undisturbed(function):
    """`function`, after which the generators are as before, whatever it has drawn."""

    @wraps(function)
    def called(*arguments):
        states = generator_states()
        function(*arguments)
        restore_generators(states)

    return called


def generator_states():
    """The states of ``random`` and ``numpy.random`` as JSON takes them.

    The state of ``mx.random`` cannot be read: see `reseed_mxnet`.
    """
    version, words, gauss = random.getstate()
    _, key, *rest = np.random.get_state()
    return {"random": [version, list(words), gauss], "numpy": [key.tolist(), *rest]}


def restore_generators(states):
    """Put back what `generator_states` gave."""
    version, words, gauss = states["random"]
    random.setstate((version, tuple(words), gauss))
    key, *rest = states["numpy"]
    np.random.set_state(("MT19937", np.array(key, "uint32"), *rest))


def reseed_mxnet(states):
    """Seed ``mx.random`` from the other generators' states, so that these stand for all three."""
    key, place, *_ = states["numpy"]
    mx.random.seed(zlib.crc32(np.array(key, "uint32").tobytes(), place) & 0x7FFFFFFF)

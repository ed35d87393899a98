"""MXNet's modes: a caller may have turned on any of them, and gets the same results."""

from functools import wraps

from mxnet import autograd, cpu
from mxnet.util import np_array, np_shape


def in_plain_mode(compute):
    """Compute with ``mx.nd`` arrays, on the CPU where no device is named, and record nothing.

    The book's notebooks call ``npx.set_np()``: layers then take ``mx.np`` arrays alone.
    """

    @wraps(compute)
    def computed(*args, **kwargs):
        with np_array(False), np_shape(False), autograd.pause(), cpu():
            return compute(*args, **kwargs)

    return computed

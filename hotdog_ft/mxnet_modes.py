"""MXNet's modes: a caller may have turned on any of them, and gets the same results."""

import threading
from contextlib import contextmanager
from functools import wraps

from mxnet import Context, autograd, cpu
from mxnet.context import current_context
from mxnet.util import is_np_array, is_np_shape, np_array, np_shape

_thread = threading.local()


@contextmanager
def plain_mode():
    """Within this block, or function: ``mx.nd`` arrays, on the CPU by default, nothing recorded.

    The book's notebooks call ``npx.set_np()``: layers then take ``mx.np`` arrays alone.
    """
    before = getattr(_thread, "callers", None)
    _thread.callers = before or (is_np_shape(), is_np_array(), current_context())
    try:
        with np_array(False), np_shape(False), autograd.pause(), cpu():
            yield
    finally:
        _thread.callers = before


def in_callers_mode(callback):
    """The same function, with arrays and device as they were when the outermost block began."""

    @wraps(callback)
    def called(*args):
        before = _thread.callers
        shape, array, device = before
        _thread.callers = None
        try:
            with np_shape(shape), np_array(array), Context(device):
                return callback(*args)
        finally:
            _thread.callers = before

    return called

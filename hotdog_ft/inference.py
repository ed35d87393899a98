"""What a block computes in prediction: from any thread, for many pictures with fused operations."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import wraps

import numpy as np
from mxnet import MXNetError, cpu, gluon, nd, sym
from mxnet.runtime import Features

from .cuda_faults import explanation, faults_explained
from .devices import devices_of
from .generators import in_every_process
from .mxnet_internals import build_graph
from .mxnet_modes import plain_mode

_thread = threading.local()


@in_every_process
def _begin():
    # MXNet computes for one thread at a time: it builds a block's graph, and fills the memory that
    # the graph has allocated, without looking who else does.
    global _turn, _helper
    mark = {"initializer": setattr, "initargs": (_thread, "is_helper", True)}
    _turn, _helper = threading.RLock(), ThreadPoolExecutor(1, "hotdog_ft", **mark)


def in_turn(compute):
    """Have threads take turns, and one compute for all but the main thread; in plain mode.

    MXNet keeps megabytes for every thread that has run a graph, even when the thread has ended: a
    server that begins one for each request would fill the memory.
    """

    compute = plain_mode()(compute)

    @wraps(compute)
    def turned(*args, **kwargs):
        if getattr(_thread, "is_helper", False):  # what computes calls on, such as a hook
            return compute(*args, **kwargs)
        with _turn:
            if threading.current_thread() is threading.main_thread():
                return compute(*args, **kwargs)
            try:
                result = _helper.submit(compute, *args, **kwargs).result
            except RuntimeError:  # the main thread has ended, and has stopped all helpers
                return compute(*args, **kwargs)
            return result()

    return turned


@in_turn
def outputs(block, X):
    """What `block` gives for a mini-batch, on all devices where it lies; threads take turns.

    Parameters
    ----------
    block : Block
        A net or a part of one, hybridized or not, or what `fused` has made of it.
    X : numpy.ndarray
        (n, …), as the block takes it: float32 (n, 3, S, S), or features (n, d) for `output` alone.

    Returns
    -------
    numpy.ndarray
        float32 (n, …): logits (n, classes) of a net, features of a part.

    Raises
    ------
    MemoryError, OSError
        There is not enough memory, or a GPU cannot be used; the message says what to do.
    ValueError
        `block` does not take such arrays.
    """
    devices = devices_of(block)[: len(X)]
    shards = zip(np.array_split(X, len(devices)), devices)
    try:
        with faults_explained():
            parts = [block(nd.array(shard, ctx=device)) for shard, device in shards]
            if isinstance(parts[0], (list, tuple)):
                raise ValueError("The net gives several arrays: one of logits is expected.")
            return np.concatenate([part.asnumpy() for part in parts])
    except (MXNetError, ValueError) as error:  # the latter from a layer's first input
        if "MXNetError" not in str(error) or explanation(str(error)):
            raise
        raise ValueError(
            f"The net does not take an array of shape {X.shape}. Nets such as AlexNet, VGG and "
            "DenseNet take pictures of the size that they were made for alone: size=224 mostly."
        ) from error


def mean_outputs(block, X, mirrored):
    """What a net gives for a mini-batch; if `mirrored`, the mean with that for mirror images.

    See `outputs`; for float32 (n, 3, S, S) alone.

    Raises
    ------
    FloatingPointError
        It is NaN or infinite.
    """
    found = outputs(block, X)
    if mirrored:
        found = (found + outputs(block, X[..., ::-1])) / 2
    if not np.isfinite(found.max(axis=1)).all():  # -inf rules a class out
        raise FloatingPointError(
            "The net gives no finite numbers: most likely it has learnt at too large a rate. Train "
            "a fresh net at a smaller one."
        )
    return found


@in_turn
def fused(block, X):
    """A block that computes the same on a CPU with fused operations of oneDNN, for prediction only.

    Convolution, BatchNorm and ReLU become one operation: that saves time, but takes some to make
    and, in the first call, to fold BatchNorm into the weights. Results change in the last digits
    only. When parameters have changed it must be made anew: MXNet would not notice all of them. The
    graph of `block` is its own as before, to train and to export.

    Parameters
    ----------
    block : Block
    X : numpy.ndarray
        An input such as those to come.

    Returns
    -------
    Block
        `block` itself on other devices, and where MXNet cannot make one graph of it.
    """
    build_graph(block, nd.array(X[:1], ctx=devices_of(block)[0]))
    if devices_of(block) != [cpu()] or not Features().is_enabled("MKLDNN"):
        return block
    try:
        data = sym.var("data", dtype="float32")
        copy = gluon.SymbolBlock(block(data), data, params=block.collect_params())
        # without static_shape, MXNet folds and arranges the weights anew in every call
        static = {"static_alloc": True, "static_shape": True}
        copy.optimize_for(nd.array(X[:1]), backend="MKLDNN", **static)
    except Exception:  # whatever a layer raises that is no symbol's business: it runs as it is
        return block
    return copy

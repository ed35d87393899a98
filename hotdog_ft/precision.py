"""In what a net computes: in float32, or its features in int8 where that pays."""

import timeit

import numpy as np

from .cores import has_instructions
from .inference import fused, outputs
from .quantization import find_ranges, in_int8, obstacle, quantized_features
from .rules import PRECISIONS

PICTURES = 32  # that a run finds ranges on: more change nothing, see tools/check_int8.py
TRIAL = 4  # pictures
INSTRUCTIONS = {"avx512_vnni", "avx_vnni", "amx_int8"}

_faster = {}  # whether int8 is, by layers and size of the input: found out once a process


def has_int8():
    """Whether the processor has instructions for int8.

    Without them, int8 is hardly faster than float32.
    """
    return has_instructions(INSTRUCTIONS)


def _seconds(block, X):
    return min(timeit.repeat(lambda: outputs(block, X), number=1, repeat=4))  # the first builds it


def _is_faster(net, size):
    """Whether int8 is faster for this net here, by a short trial."""
    key = repr(net.features), size
    if key not in _faster:
        X = np.zeros((TRIAL, 3, size, size), "float32")
        int8, float32 = quantized_features(net, net.ranges, X), fused(net.features, X)
        _faster[key] = _seconds(int8, X) < _seconds(float32, X)
    return _faster[key]


def settled(net, precision, size):
    """What a precision means for this net on this machine.

    Parameters
    ----------
    net : HybridBlock
    precision : {"float32", "int8", "auto"}
        "auto" is int8 where the net has ``ranges``, the processor has instructions for it, and a
        short trial with this net, once a process, says that it is faster.
    size : int
        Side of the input in pixels.

    Returns
    -------
    str
        "float32" or "int8".

    Raises
    ------
    ValueError
        There is no such precision, or "int8" is asked of a net that has no ranges.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}: it must be one of {', '.join(PRECISIONS)}.")
    has_ranges = getattr(net, "ranges", None) is not None
    if precision == "int8" and not has_ranges:
        raise ValueError(
            "The net has no ranges for int8: train it with precision='int8' (--precision int8), or "
            "set net.ranges = hotdog_ft.quantization.find_ranges(net, pictures)."
        )
    if precision == "auto":
        pays = has_ranges and not obstacle(net) and has_int8() and _is_faster(net, size)
        return "int8" if pays else "float32"
    return precision


def for_batches(net, X, precision):
    """A block that computes what `net` does, for mini-batches such as `X`.

    Parameters
    ----------
    precision : {"float32", "int8"}
        As `settled` says.
    """
    return in_int8(net, X) if precision == "int8" else fused(net, X)


def features_for_batches(net, X, precision):
    """The same for ``net.features``."""
    if precision == "int8":
        return quantized_features(net, net.ranges, X)
    return fused(net.features, X)


def ranges_for(net, images, precision):
    """Ranges from some of a run's training pictures, None where the run takes float32.

    Parameters
    ----------
    net : HybridBlock
    images : ImageFolder
        Or anything with a length whose items are (picture, label).
    precision : {"float32", "int8", "auto"}

    Raises
    ------
    DataError, ValueError
        As `find_ranges`, with "int8"; with "auto" None is returned instead.
    """
    if precision == "float32" or (precision == "auto" and (not has_int8() or obstacle(net))):
        return None
    places = np.unique(np.linspace(0, len(images) - 1, PICTURES).astype(int))
    try:
        return find_ranges(net, (images[place][0] for place in places.tolist()))
    except ValueError:
        if precision == "int8":
            raise
        return None

"""Features in int8, 8-bit integers, by MXNet's quantization and oneDNN.

What is kept of a net for that is the range of values that each of its layers gives, measured on
pictures: the integers are made anew from the float32 parameters. ``output`` stays float32.
"""

import json

import numpy as np
from mxnet import cpu, gluon, nd, sym
from mxnet.contrib.quantization import calib_graph, quantize_graph
from mxnet.gluon import nn
from mxnet.runtime import Features

from .augment import TestAugs
from .checks import check_net
from .devices import devices_of
from .files import DataError
from .inference import in_turn, outputs
from .mxnet_internals import build_graph
from .sources import named, prepared

MOST = 0.2  # by which int8 may move the features; ResNet-18's move by 3 to 6 %
ONEDNN = "MKLDNN_QUANTIZE"

_known = {}  # mixed sums, by a graph's names: MXNet loses 0.2 MB whenever it writes one as JSON


def obstacle(net):
    """Why the features of `net` cannot be int8 here, in words; None if they can."""
    if not (hasattr(net, "features") and hasattr(net, "output")):
        return "it has no `features` and `output`"
    if devices_of(net) != [cpu()]:
        return "it is not on the CPU alone"
    if not Features().is_enabled("MKLDNN"):
        return "this build of MXNet lacks oneDNN"
    return None


def _refusal(net, why):
    return ValueError(f"This {type(net).__name__} cannot compute in int8: {why}. Take float32.")


def _mixed_sums(graph, layers):
    """Convolutions that MXNet 1.9.1 gets wrong in int8: they add what has a sign to what has none.

    It adds in place, and the sum keeps the type of what it was added to.

    Parameters
    ----------
    layers : str
        What the graph is of, in words.

    Returns
    -------
    lost : list of str
        What is added has no sign and the sum has one: all below zero would be lost.
    cut : list of str
        The other way round, a ReLU behind it: all above 127 of 255 steps would be lost.
    """
    key = (layers, *graph.get_internals().list_outputs())
    if key in _known:
        return _known[key]
    unsigned, lost, cut = set(), [], []
    for place, node in enumerate(json.loads(graph.tojson())["nodes"]):
        given, sources = node.get("attrs", {}), [source for source, *_ in node["inputs"]]
        is_sum = "with_sum" in given
        without_sign = (
            given.get("act_type") == "relu"
            or ("with_postsum_act" if is_sum else "with_act") in given
            or (node["op"] == "Pooling" and sources[0] in unsigned)
        )
        if is_sum and without_sign != (sources[-1] in unsigned):
            (cut if without_sign else lost).append(node["name"])
        if without_sign:
            unsigned.add(place)
    return _known.setdefault(key, (lost, cut))


class _Graph:
    """The features of a net as oneDNN fuses them, and the same in int8, but for the ranges."""

    def __init__(self, net, X):
        why = obstacle(net)
        if why:
            raise _refusal(net, why)
        self.data, self.parameters = sym.var("data", dtype="float32"), net.features.collect_params()
        try:
            build_graph(net.features, nd.array(X[:1]))
            self.fused = net.features(self.data).get_backend_symbol(ONEDNN)
            lost, cut = _mixed_sums(self.fused, repr(net.features))
            self.int8, _, _, self.collector = quantize_graph(
                self.fused,
                {},
                {},
                excluded_sym_names=lost,  # one in ResNet-18 V2, behind its first pooling
                # whose weights MXNet wants as further parameters; in nets with such features alone
                excluded_op_names=["_sg_mkldnn_fully_connected"],
                calib_mode="naive",
                quantized_dtype="auto",
                quantize_mode="smart",
            )
        except Exception as error:  # whatever a layer raises that is no symbol's business
            raise _refusal(net, "MXNet finds no graph in its features") from error
        self.layers = self.collector.include_layer
        if not self.layers:
            raise _refusal(net, "its features have no convolution")
        # three in ResNet-18 V1, where a stage begins: their range shall end where it is cut off
        self.widened = [255 / 127 if name[: -len("_output")] in cut else 1 for name in self.layers]

    def block(self, symbol):
        return gluon.SymbolBlock(symbol, self.data, params=self.parameters)


@in_turn
def layer_values(net, X):
    """A block that gives what each layer gives whose range is needed."""
    graph = _Graph(net, X)
    inside = graph.fused.get_internals()
    return graph.block(sym.Group([inside[layer] for layer in graph.layers]))


@in_turn
def _extremes(block, X):
    """The lowest and the highest value of each layer, for few pictures: all of it is in memory."""
    arrays = (layer.asnumpy() for layer in block(nd.array(X)))
    return [[array.min(), array.max()] for array in arrays]


@in_turn
def quantized_features(net, ranges, X):
    """The features of `net` in int8: a block that shares its parameters.

    It takes milliseconds to make, and must be made anew when parameters have changed.

    Parameters
    ----------
    ranges : list
        As `find_ranges` gives them.
    X : numpy.ndarray
        An input such as those to come.
    """
    graph = _Graph(net, X)
    if len(ranges) != len(graph.layers):
        raise ValueError(
            f"The net has ranges for {len(ranges)} layers instead of {len(graph.layers)}: find "
            "them anew by net.ranges = find_ranges(net, pictures)."
        )
    limits = [[low, high * k] for (low, high), k in zip(ranges, graph.widened)]
    graph.collector.min_max_dict = dict(zip(graph.layers, limits))
    symbol, _, _ = calib_graph(graph.int8, {}, {}, graph.collector, "naive", logger=None)
    block = graph.block(symbol.get_backend_symbol(ONEDNN))
    # without static_shape, MXNet quantizes the weights anew in every call
    block.hybridize(static_alloc=True, static_shape=True)
    return block


def find_ranges(net, pictures):
    """Measure what `net` needs to compute its features in int8.

    Parameters
    ----------
    net : HybridBlock
        With `features`, `output` and ``net.size``. With ``net.mirrored``, every second picture
        counts as its mirror image.
    pictures : path, ImageFolder, or any pictures that `predict` takes
        A few dozen of those that it has learnt from are enough.

    Returns
    -------
    list of list of float
        The lowest and the highest value of each layer: to be set as ``net.ranges``, which
        `save_net` keeps. When `features` have learnt, they are to be found anew.

    Raises
    ------
    DataError
        There is no picture, or one cannot be read.
    ValueError
        The net cannot compute in int8, or would lose too much by it; it does not know its size.

    Examples
    --------
    >>> from hotdog_ft import load_recipe, predict
    >>> recipe = load_recipe("mini")
    >>> net, pictures = recipe.load_pretrained_net(), recipe.load_data()[0]
    >>> net.size = recipe.size
    >>> net.ranges = find_ranges(net, pictures.paths[::20])
    >>> predict(net, pictures.paths[:40], precision="int8").attrs["precision"]
    'int8'
    """
    check_net(net)
    if not getattr(net, "size", None):
        raise ValueError("The net does not know its input size: set net.size, such as 224.")
    found, block = [], None
    for batch in prepared(named(pictures), TestAugs(net.size)):
        for _, content in batch:
            if isinstance(content, DataError):
                raise content
        X = np.stack([content for _, content in batch])
        if getattr(net, "mirrored", False):
            X[1::2] = X[1::2, ..., ::-1]
        if block is None:
            block = layer_values(net, X)
        found += [_extremes(block, part) for part in np.array_split(X, -(-len(X) // 8))]
    if not found:
        raise DataError("There is no picture to find ranges on.")
    lowest, highest = np.moveaxis(np.array(found), -1, 0)
    ranges = np.stack([lowest.min(axis=0), highest.max(axis=0)], axis=1).tolist()
    _check(net, ranges, X[:8])
    return ranges


def _check(net, ranges, X):
    """Refuse a net that comes out as another one in int8."""
    wanted = outputs(net.features, X)
    logits = outputs(net, X[:1])
    if not np.allclose(outputs(net.output, wanted[:1]), logits, 1e-3, 1e-3 * abs(logits).max()):
        raise _refusal(net, "its logits are not output(features(X))")
    off = outputs(quantized_features(net, ranges, X), X) - wanted
    share = np.linalg.norm(off) / np.linalg.norm(wanted)
    if not share <= MOST:  # nor where it is NaN
        raise _refusal(net, f"its features would be off by {share:.0%}")


def in_int8(net, X):
    """A block that computes what `net` does, its features in int8; see `quantized_features`."""
    whole = nn.HybridSequential(prefix="")
    whole.add(quantized_features(net, net.ranges, X), net.output)
    return whole

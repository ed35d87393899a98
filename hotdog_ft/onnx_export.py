"""A net as an ONNX file, for runtimes on machines where MXNet does not run."""

import ast
import json

import mxnet as mx
import numpy as np

from .augment import TestAugs
from .checks import check_is_net, check_layers
from .files import user_path, write_whole
from .inference import outputs
from .labels import output_names
from .mxnet_internals import arrays_of, parameters
from .mxnet_modes import plain_mode
from .weights import about_net

OPSET, IR_VERSION = 13, 7  # of 2020: runtimes since then take it
TOLERANCE = 1e-4  # of the largest logit; ten times what fifty layers of float32 were seen to cost
PREPROCESSING = (
    "RGB on the scale 0 to 1; both sides resized to `resize` pixels, bilinear, and smoothed first "
    "where they shrink, as Pillow does; the central `size` x `size` pixels; minus `mean`, divided "
    "by `std`, per channel; channels first; if `mirrored`, the mean of the logits with those for "
    "the mirror image"
)

_PLAIN = {
    "elemwise_add": "Add",
    "broadcast_add": "Add",
    "elemwise_mul": "Mul",
    "broadcast_mul": "Mul",
    "Flatten": "Flatten",
    "Dropout": "Identity",
}
_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softrelu": "Softplus"}
_POOLS = {"max": "MaxPool", "avg": "AveragePool"}


def _value(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):  # a word, such as NCHW
        return text


def _window(given):
    ones = [1] * len(given["kernel"])
    return {
        "kernel_shape": given["kernel"],
        "strides": given.get("stride") or ones,
        "pads": 2 * (given.get("pad") or [0 for _ in ones]),
    }


def _counterpart(op, given):
    """ONNX's name and attributes of an operation of MXNet; a KeyError where there is none.

    What `given` leaves out has MXNet's default.
    """
    if op in _PLAIN:
        return _PLAIN[op], {}
    if op == "Activation":
        return _ACTIVATIONS[given["act_type"]], {}
    if op == "Concat":
        return "Concat", {"axis": given.get("dim", 1)}
    if op == "FullyConnected" and given.get("flatten", True):
        return "Gemm", {"transB": 1}
    if op == "BatchNorm" and given.get("axis", 1) == 1:
        return "BatchNormalization", {"epsilon": given.get("eps", 1e-3)}
    if given.get("layout") not in (None, "NCHW"):
        raise KeyError(op)
    if op == "Convolution":
        window = _window(given)
        dilations = given.get("dilate") or [1] * len(given["kernel"])
        return "Conv", {**window, "dilations": dilations, "group": given.get("num_group", 1)}
    if op == "Pooling":
        kind, ceil = given.get("pool_type", "max"), given.get("pooling_convention", "valid")
        if given.get("global_pool"):
            return f"Global{_POOLS[kind]}", {}
        if kind == "max":
            return "MaxPool", {**_window(given), "ceil_mode": {"valid": 0, "full": 1}[ceil]}
        if kind == "avg" and ceil == "valid":
            counted = int(given.get("count_include_pad", True))
            return "AveragePool", {**_window(given), "count_include_pad": counted}
    raise KeyError(op)


def _traced(net, size):
    """MXNet's description of the net's graph, and the shape of its output for one picture."""
    try:
        graph = net(mx.sym.var("data"))
        wanted = set(graph.list_arguments())
        shapes = {p.name: p.shape for p in net.collect_params().values() if p.name in wanted}
        _, ((_, outputs),), _ = graph.infer_shape(data=(1, 3, size, size), **shapes)
        return json.loads(graph.tojson()), outputs
    except Exception as error:  # whatever a forward pass of its own does to a symbol
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise ValueError(
            f"This {type(net).__name__} cannot be exported: MXNet finds no graph in it that takes "
            f"pictures of {size} pixels and gives logits ({reason})."
        ) from error


def _values(net):
    """The parameters by the names that they have in the graph: their name in a file, and array."""
    try:
        arrays = arrays_of(net)
    except RuntimeError as error:  # MXNet's, for parameters without values
        raise ValueError(
            "The net has no values to export yet: load its parameters, or run it once."
        ) from error
    if any(array.dtype != np.float32 for array in arrays.values()):
        raise ValueError("Only nets of float32 can be exported: call net.cast('float32') first.")
    return {p.name: (name, arrays[name]) for name, p in parameters(net).items()}


def _graph(described, values, title):
    """The nodes and the parameters of an ONNX graph from ``data`` to ``logits``."""
    from onnx import helper, numpy_helper

    nodes, stored, names = [], {}, []
    (head, *_), *_ = described["heads"]
    for place, node in enumerate(described["nodes"]):
        op = node["op"]
        if op == "null":
            name, array = values.get(node["name"], (node["name"], None))
            names.append(name)
            if array is not None:
                stored[name] = array
            continue
        given = {key: _value(text) for key, text in node.get("attrs", {}).items()}
        inputs = [names[source] for source, *_ in node["inputs"]]
        try:
            counterpart, attributes = _counterpart(op, given)
            if any(output for _, output, *_ in node["inputs"]):
                raise KeyError(op)  # a second output, which none of these operations has in ONNX
        except KeyError:
            raise ValueError(
                f"This {title} cannot be exported: its operation {node['name']} ({op}) has no "
                "counterpart here. Nets of convolutions, BatchNorm, pooling, dense layers and sums "
                "have."
            ) from None
        if op == "BatchNorm" and given.get("fix_gamma", True):
            stored[inputs[1]] = np.ones_like(stored[inputs[1]])  # what MXNet computes with
        if op == "FullyConnected":
            flat = f"flat_{place}"
            nodes.append(helper.make_node("Flatten", inputs[:1], [flat]))
            inputs[0] = flat
        names.append("logits" if place == head else f"{counterpart}_{place}")
        nodes.append(helper.make_node(counterpart, inputs, names[-1:], **attributes))
    return nodes, [numpy_helper.from_array(array, name) for name, array in stored.items()]


def _difference(net, content, size):
    """By how much the logits of a batch of noise differ in onnxruntime; None where it is not."""
    try:
        import onnxruntime
    except ImportError:
        return None
    X = np.random.default_rng(0).normal(size=(2, 3, size, size)).astype("float32")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"data": X})
    ours = outputs(net, X)
    difference = float(np.abs(theirs - ours).max())
    if not difference <= TOLERANCE * max(1, np.abs(ours).max()):  # nor where it is NaN
        raise ValueError(
            f"The net was not exported: in onnxruntime its logits differ by {difference:.2g}."
        )
    return difference


@plain_mode()
def export_onnx(net, path, classes=None, size=None):
    """Write a net with its class names and its preprocessing as ONNX, whole or not at all.

    Input ``data`` is float32 (batch, 3, size, size), output ``logits`` float32 (batch, classes);
    a batch has any size. The model's metadata ``hotdog_ft`` is JSON: classes, size, resize, mean,
    std, whether mirror images count, and in words what they mean. ``python -m
    hotdog_ft.onnx_predict`` goes by it.

    Parameters
    ----------
    net : HybridBlock
        Of convolutions, BatchNorm, pooling, dense layers, sums, as `finetune_net` builds them.
    path : path
        Ends in ``.onnx``.
    classes, size
        As in `save_net`.

    Returns
    -------
    float or None
        The largest difference between the logits of MXNet and of onnxruntime for a batch of noise.
        None: onnxruntime is not installed.

    Raises
    ------
    ValueError
        As in `save_net`; the net has an operation without a counterpart; the logits differ.
    ImportError
        The package onnx is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from hotdog_ft import load_recipe
    >>> net = load_recipe("mini").load_pretrained_net()
    >>> names = load_recipe("mini").source_classes().name
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     difference = export_onnx(net, folder + "/net.onnx", names, size=64)
    >>> difference is None or difference < 1e-4
    True
    """
    path = user_path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"{path} must end in .onnx.")
    check_is_net(net)
    check_layers(net)
    about = about_net(net, classes, size)
    try:
        from onnx import TensorProto, checker, helper
    except ImportError as error:
        raise ImportError(
            f"ONNX files need the package onnx ({error}): pip install onnx."
        ) from error
    size = about["size"]
    described, num_outputs = _traced(net, size)
    about["classes"] = output_names(about["classes"], num_outputs)
    nodes, stored = _graph(described, _values(net), type(net).__name__)
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "hotdog_ft",
            [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["batch", 3, size, size])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", num_outputs])],
            stored,
        ),
        producer_name="hotdog_ft",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    about.update(resize=TestAugs(size).resize, preprocessing=PREPROCESSING)
    helper.set_model_props(model, {"hotdog_ft": json.dumps(about)})
    checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    difference = _difference(net, content, size)
    write_whole(path, content)
    return difference

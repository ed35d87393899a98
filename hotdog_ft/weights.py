"""Parameter files: a net read from one, and written to one."""

import json
import math
import re

import mxnet as mx
from safetensors.numpy import save

from .architectures import difference, initialise, net_of, older_names
from .augment import MEAN, STD
from .checks import check_is_net
from .files import DataError, user_path, write_whole
from .inference import in_turn
from .labels import output_names
from .mxnet_internals import arrays_of, parameters, set_arrays
from .mxnet_modes import plain_mode
from .settings import Settings
from .tensor_file import read_tensors
from .torch_names import first_convolutions, gluon_names, torch_name


def _refuse_misfit(path, net, shapes, names):
    """One sentence where the tensors of a file are not those of any net that we know."""
    from_torch = any(re.match(r"(.*\.)?layer\d+\.\d+\.", name) for name in names.values())
    if net is None:
        raise DataError(
            f"{path} belongs to no net that is known here: it holds {next(iter(names.values()))} "
            f"and {len(names) - 1} more. Weights of a ResNet (Gluon's or torchvision's), or of "
            "Gluon's VGG, DenseNet, MobileNet (1), Inception or AlexNet are expected."
        )
    different = difference(net, shapes)
    if different:
        name, wanted = different
        found = names.get(name) or (torch_name(name) if from_torch else name)
        if name not in shapes:
            what = f"it lacks the tensor {found}"
        elif wanted is None:
            what = f"it holds a tensor that such a net has not: {found}"
        else:
            what = f"{found} has the shape {shapes[name]} instead of {tuple(wanted)}"
        raise DataError(f"{path} is not a {type(net).__name__}: {what}.")


@in_turn
def load_net(path):
    """Build the net whose parameters lie in `path`; the architecture is read off the file.

    Parameters
    ----------
    path : path
        ``.params`` or ``.safetensors``: a ResNet of any depth and width by Gluon's or torchvision's
        names, or a VGG, DenseNet, MobileNet (version 1), Inception or AlexNet of Gluon's zoo. What
        PyTorch puts before all names (``module.``) is dropped, a head may have any name, and
        float16, bfloat16 and float64 become float32.

    Returns
    -------
    HybridBlock
        With `features` and `output`, on the CPU. ``net.classes`` (list of str) and ``net.size``
        (pixels) are what `save_net` noted, else None; so is ``net.mirrored``, else False, and
        ``net.ranges``, for int8, else None.

    Raises
    ------
    DataError
        The file is missing, damaged or of another architecture; it names the first tensor at fault.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> load_net(load_recipe("mini").weights).output
    Dense(128 -> 14, linear)
    """
    tensors, notes = read_tensors(path)
    if "hotdog_ft checkpoint" in notes:
        raise DataError(
            f"{path} is the checkpoint of a run, and no net: the same call of train goes on from "
            "it. A net is what save_net has written."
        )
    in_file = {name: array.shape for name, array in tensors.items()}
    begin = first_convolutions(in_file).values()
    if len(begin) > 1:
        raise DataError(
            f"{path} holds {len(begin)} nets, which begin with {' and '.join(begin)}: write a file "
            "of one of them."
        )
    names = (gluon_names if any("." in name for name in in_file) else older_names)(in_file)
    twice = in_file.keys() - set(names.values())
    if twice:
        raise DataError(f"{path} holds {min(twice)} under a second name: write a file of one net.")
    shapes = {ours: in_file[name] for ours, name in names.items()}
    net = net_of(shapes)
    _refuse_misfit(path, net, shapes, names)
    for name, parameter in parameters(net).items():
        parameter.shape = shapes[name]
    initialise(net, mx.init.Uniform())
    set_arrays(net, {ours: tensors[name] for ours, name in names.items()})
    about = _noted(path, notes, shapes["output.bias"][0])
    net.classes, net.size, net.mirrored, net.ranges = about
    return net


def _noted(path, notes, outputs):
    """Class names, input size, whether mirror images count, ranges; or None, None, False, None."""
    try:
        about = json.loads(notes.get("hotdog_ft", "{}"))
        classes, size = about.get("classes"), about.get("size")
        mirrored = bool(about.get("mirrored", False))
        if classes is not None and len(classes) != outputs:
            raise ValueError(f"{len(classes)} class names for {outputs} outputs")
        ranges = about.get("ranges")
        for low, high in ranges or ():
            if not -math.inf < low <= high < math.inf:
                raise ValueError(f"from {low} to {high} is no range")
        normalised = (about["mean"], about["std"]) if about else None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is damaged: its notes are not save_net's ({error}).") from error
    if normalised not in (None, (MEAN.tolist(), STD.tolist())):
        raise DataError(
            f"{path} expects pictures normalised by mean {normalised[0]} and std {normalised[1]}."
        )
    return classes, size, mirrored, ranges


def _layers(net):
    """All layers of a net in words, but for what `freeze` changes."""
    return type(net), re.sub(r"use_global_stats=\w+", "", repr(net))


def _refuse_unknown_layers(net, shapes):
    """Refuse a net that `load_net` would not build again from the shapes of its tensors."""
    again = net_of(shapes)
    if again is not None and not difference(again, shapes):
        for name, parameter in parameters(again).items():
            parameter.shape = shapes[name]
        if _layers(again) == _layers(net):
            return
    raise ValueError(
        f"save_net writes ResNets and other nets of Gluon's zoo, whose layers a file's tensors "
        f"tell; this {type(net).__name__} is none of them. Write it with net.export, and read it "
        "with mxnet.gluon.SymbolBlock.imports."
    )


def about_net(net, classes=None, size=None):
    """What a file says of a net: class names, input size, mirror images, mean and std.

    `classes` and `size` are what the net brings along, where they are not given. ValueError: it
    brings none.
    """
    classes = getattr(net, "classes", None) if classes is None else classes
    size = getattr(net, "size", None) if size is None else size
    if classes is None or size is None:
        raise ValueError(
            "A file needs class names and the input size, and the net brings none along: take one "
            "that `train` has left, or give classes and size to save_net or export_onnx."
        )
    size = Settings(size=size).size
    about = {"classes": classes, "size": size, "mirrored": getattr(net, "mirrored", False)}
    return {**about, "mean": MEAN.tolist(), "std": STD.tolist()}


@plain_mode()
def save_net(net, path, classes=None, size=None):
    """Write a net with its class names and its preprocessing into one file, for `load_net`.

    Its ``ranges`` for int8 go with it, if it has any.

    Parameters
    ----------
    net : HybridBlock
        One that `load_net` can build again: a ResNet, or one of Gluon's zoo.
    path : path
        Ends in ``.safetensors``.
    classes : list of str, optional
        Names of the outputs; by default ``net.classes``, which training leaves.
    size : int, optional
        Side of the network's input in pixels; by default ``net.size``, which training leaves.

    Raises
    ------
    ValueError
        The names do not fit the outputs, there are none, the suffix is another one, or the net is
        of a class that a file of tensors cannot tell.

    Examples
    --------
    >>> import tempfile
    >>> from hotdog_ft import load_recipe
    >>> net = load_recipe("mini").load_pretrained_net()
    >>> names = load_recipe("mini").source_classes().name
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_net(net, folder + "/net.safetensors", names, size=64)
    ...     load_net(folder + "/net.safetensors").classes[:2]
    ['hotdog', 'apple']
    """
    check_is_net(net)
    about = about_net(net, classes, size)
    path = user_path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"{path} must end in .safetensors.")
    tensors = arrays_of(net)
    _refuse_unknown_layers(net, {name: array.shape for name, array in tensors.items()})
    about["classes"] = output_names(about["classes"], len(tensors["output.bias"]))
    if getattr(net, "ranges", None):
        about["ranges"] = net.ranges
    write_whole(path, save(tensors, {"hotdog_ft": json.dumps(about)}))

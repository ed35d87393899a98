"""Parameter files: a net read from one, and written to one."""

import json
import math
import os
import struct
from pathlib import Path

import mxnet as mx
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .augment import MEAN, STD
from .download import DataError, write_whole
from .model import architecture, resnet18
from .mxnet_internals import parameters
from .zoo import gluon_name, today_names


class WeightsError(DataError):
    """A parameter file that cannot be used; the message names the file and the tensor."""


# src/ndarray/ndarray.cc: how a tensor begins in newer and newer files; bytes of an element
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_ITEM_BYTES = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1}


def _check_lengths(path):
    """Refuse a .params file that claims more than it holds: MXNet would allocate all of it."""
    size = path.stat().st_size
    with open(path, "rb") as file:

        def numbers(kind, count=1):
            form = f"<{count}{kind}"
            return struct.unpack(form, file.read(struct.calcsize(form)))

        def skip(length):
            if not 0 <= length <= size - file.tell():
                raise ValueError("a length is wrong")
            file.seek(length, os.SEEK_CUR)

        for _ in range(numbers("Q", 3)[2]):
            (magic,) = numbers("I")
            if magic in (_V2, _V3) and numbers("i")[0] != 0:
                raise ValueError("a tensor is sparse")
            # the oldest files begin a tensor with its number of dimensions
            ndim = numbers("I")[0] if magic in (_V1, _V2, _V3) else magic
            if not 0 < ndim <= 8:
                raise ValueError("a number of dimensions is wrong")
            shape = numbers("q" if magic in (_V1, _V2, _V3) else "I", ndim)
            if min(shape) < 1:
                raise ValueError("a shape is wrong")
            _, _, kind = numbers("i", 3)
            skip(_ITEM_BYTES[kind] * math.prod(shape))
        for _ in range(*numbers("Q")):
            skip(*numbers("Q"))


def _read(path):
    """All tensors of `path` by Gluon's names, and what `save_net` noted; nothing is executed."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(str(path), "numpy") as file:
                names = file.keys()
                tensors = {name: file.get_tensor(name) for name in names}
                about = json.loads((file.metadata() or {}).get("hotdog_ft", "{}"))
            named = {gluon_name(name): tensor for name, tensor in tensors.items()}
            return {name: tensor for name, tensor in named.items() if name}, about
        _check_lengths(path)
        loaded = mx.nd.load(str(path))
        if isinstance(loaded, dict):
            # the zoo's older files name no block: net.collect_params().save(strip_prefix=…)
            return {name.split(":", 1)[-1]: array.asnumpy() for name, array in loaded.items()}, {}
    except (mx.MXNetError, SafetensorError, struct.error, ValueError, TypeError, KeyError) as error:
        reason = (str(error).strip() or repr(error)).splitlines()[-1]
        raise WeightsError(
            f"{path} is damaged or not a parameter file ({reason}). Fetch it again; "
            "a .params file of Gluon or a .safetensors file is expected."
        ) from error
    raise WeightsError(f"{path} names no tensors; a file written by save_parameters is expected.")


def load_net(path):
    """Build the ResNet-18 whose parameters lie in `path`; the topology is read off the file.

    Parameters
    ----------
    path : path
        ``.params`` (Gluon ``resnet18_v1`` or ``resnet18_v2``, any width) or ``.safetensors``
        (torchvision's or Gluon's parameter names).

    Returns
    -------
    ResNetV1 or ResNetV2
        With `features` and `output`, on the CPU. ``net.classes`` (list of str) and ``net.size``
        (pixels) are what `save_net` noted, else None.

    Raises
    ------
    WeightsError
        The file is missing, damaged or of another architecture; it names the first tensor at fault.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> load_net(load_recipe("mini").weights).output
    Dense(128 -> 14, linear)
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise WeightsError(f"There is no file {path}. Name a .params or .safetensors file.")
    tensors, about = _read(path)
    tensors = today_names(tensors)
    try:
        net = resnet18(*architecture({name: array.shape for name, array in tensors.items()}))
    except (KeyError, IndexError) as error:
        raise WeightsError(
            f"{path} is not a ResNet-18: it has no tensor {error}. Weights of "
            "resnet18_v1, resnet18_v2 or torchvision's resnet18 are expected."
        ) from error
    net.initialize()
    net(mx.nd.zeros((1, 3, 64, 64)))
    wanted = parameters(net)
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors or name not in wanted:
            what = (
                "lacks the tensor" if name in wanted else "holds a tensor that ResNet-18 has not:"
            )
            raise WeightsError(f"{path} is not a ResNet-18: it {what} {name}.")
        if tensors[name].shape != wanted[name].shape:
            raise WeightsError(
                f"{path} is not a ResNet-18: {name} has the shape "
                f"{tensors[name].shape} instead of {wanted[name].shape}."
            )
        if not np.isfinite(tensors[name]).all():
            raise WeightsError(
                f"{path} holds a value that is not finite in {name}. Fetch it again."
            )
        wanted[name].set_data(mx.nd.array(tensors[name]))
    std = about.get("std", about.get("sd"))  # "sd" in files of versions before 0.2
    if about and (about["mean"], std) != (MEAN.tolist(), STD.tolist()):
        raise WeightsError(
            f"{path} expects pictures normalised by mean {about['mean']} and std {std}."
        )
    net.classes, net.size = about.get("classes"), about.get("size")
    return net


def about_net(net, classes=None, size=None):
    """What a file says of a net: class names, input size, mean and standard deviation.

    `classes` and `size` are what the net brings along, where they are not given. ValueError: it
    brings none.
    """
    classes = getattr(net, "classes", None) if classes is None else classes
    size = size or getattr(net, "size", None)
    if classes is None or size is None:
        raise ValueError("A file needs class names and the input size: the net brings none along.")
    preprocessing = {"size": int(size), "mean": MEAN.tolist(), "std": STD.tolist()}
    return {"classes": list(classes), **preprocessing}


def check_names(classes, outputs):
    """Refuse class names that are more or fewer than the outputs of a net: a ValueError."""
    if len(classes) != outputs:
        raise ValueError(f"{len(classes)} class names for {outputs} outputs.")


def save_net(net, path, classes=None, size=None):
    """Write a net with its class names and its preprocessing into one file, for `load_net`.

    Parameters
    ----------
    net : ResNetV1 or ResNetV2
    path : path
        Ends in ``.safetensors``.
    classes : list of str, optional
        Names of the outputs; by default ``net.classes``, which training leaves.
    size : int, optional
        Side of the network's input in pixels; by default ``net.size``, which training leaves.

    Raises
    ------
    ValueError
        The names do not fit the outputs, there are none, or the suffix is another one.

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
    about = about_net(net, classes, size)
    tensors = {name: p.data(p.list_ctx()[0]).asnumpy() for name, p in parameters(net).items()}
    if Path(path).suffix != ".safetensors":
        raise ValueError(f"{path} must end in .safetensors.")
    check_names(about["classes"], len(tensors["output.bias"]))
    write_whole(path, save(tensors, {"hotdog_ft": json.dumps(about)}))

"""The source net and where its parameters come from: Gluon's zoo, torchvision, or a file."""

import hashlib
import json
import os
import re
import zipfile
import zlib
from pathlib import Path

import mxnet as mx
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .augment import MEAN, SD
from .download import DataError, cache_folder, fetch, is_intact, write_whole
from .model import architecture, parameters, resnet18

# Gluon's model zoo (mxnet.gluon.model_zoo.model_store).
GLUON_REPO = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/"
GLUON_NAME = "resnet18_v2-a81db45f"
GLUON_SHA1 = "a81db45fd7b7a2d12ab97cd88ef0a5ac48b8f657"

MAX_PARAMS = 1 << 30  # bytes; ResNet-18 takes 47 MB

# torchvision's ResNet-18 as kept by the timm project, BSD-3-Clause.
TORCHVISION_REPO = "https://huggingface.co/"
TORCHVISION_PATH = ("timm/resnet18.tv_in1k/resolve/bbd144b3e5565108aad885f145491d11bc6ce807/"
                    "model.safetensors")
TORCHVISION_SHA256 = "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81"

_TORCH_SUFFIX = {"weight": "gamma", "bias": "beta", "running_mean": "running_mean",
                 "running_var": "running_var"}


class WeightsError(ValueError):
    """A parameter file that cannot be used; the message names the file and the tensor."""


def gluon_name(torch_name):
    """Gluon's name (``resnet18_v1``) of a tensor of torchvision's ResNet-18, None if it has none."""
    part, _, suffix = torch_name.rpartition(".")
    if suffix == "num_batches_tracked":
        return None
    if part == "fc":
        return f"output.{suffix}"
    stem = {"conv1": "features.0", "bn1": "features.1"}.get(part)
    if stem:
        return f"{stem}.{suffix if part == 'conv1' else _TORCH_SUFFIX[suffix]}"
    match = re.fullmatch(r"layer([1-4])\.(\d+)\.(conv|bn|downsample\.)([012])", part)
    if not match:
        return torch_name
    stage, block, kind, number = match.groups()
    # body: conv, bn, relu, conv, bn; downsample: conv, bn
    place = {"conv1": "body.0", "bn1": "body.1", "conv2": "body.3", "bn2": "body.4"}.get(
        kind + number, kind + number)
    is_conv = kind == "conv" or place == "downsample.0"
    return (f"features.{int(stage) + 3}.{block}.{place}."
            f"{suffix if is_conv else _TORCH_SUFFIX[suffix]}")


def _read(path):
    """All tensors of `path` by Gluon's file names, and what `save_net` noted; nothing is executed."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(str(path), "numpy") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}
                about = json.loads((file.metadata() or {}).get("hotdog_ft", "{}"))
            named = {gluon_name(name): tensor for name, tensor in tensors.items()}
            return {name: tensor for name, tensor in named.items() if name}, about
        loaded = mx.nd.load(str(path))
        if isinstance(loaded, dict):
            # the zoo's older files name no block: net.collect_params().save(strip_prefix=…)
            return {name.split(":", 1)[-1]: array.asnumpy() for name, array in loaded.items()}, {}
    except (mx.MXNetError, SafetensorError, ValueError, TypeError, KeyError) as error:
        reason = (str(error).strip() or repr(error)).splitlines()[-1]
        raise WeightsError(f"{path} is damaged or not a parameter file ({reason}). Fetch it again; "
                           "a .params file of Gluon or a .safetensors file is expected.") from error
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
        With `features` and `output`, on the CPU. ``net.classes`` (list of str) and ``net.size`` (pixels)
        are what `save_net` noted, else None.

    Raises
    ------
    WeightsError
        The file is missing, damaged or of another architecture; it names the first tensor at fault.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise WeightsError(f"There is no file {path}. Name a .params or .safetensors file.")
    tensors, about = _read(path)
    tensors = _legacy_names(tensors)
    try:
        net = resnet18(*architecture({name: array.shape for name, array in tensors.items()}))
    except (KeyError, IndexError) as error:
        raise WeightsError(f"{path} is not a ResNet-18: it has no tensor {error}. Weights of "
                           "resnet18_v1, resnet18_v2 or torchvision's resnet18 are expected."
                           ) from error
    net.initialize()
    net(mx.nd.zeros((1, 3, 64, 64)))
    wanted = parameters(net)
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors or name not in wanted:
            what = "lacks the tensor" if name in wanted else "holds a tensor that ResNet-18 has not:"
            raise WeightsError(f"{path} is not a ResNet-18: it {what} {name}.")
        if tensors[name].shape != wanted[name].shape:
            raise WeightsError(f"{path} is not a ResNet-18: {name} has the shape "
                               f"{tensors[name].shape} instead of {wanted[name].shape}.")
        if not np.isfinite(tensors[name]).all():
            raise WeightsError(f"{path} holds a value that is not finite in {name}. Fetch it again.")
        wanted[name].set_data(mx.nd.array(tensors[name]))
    if about and (about["mean"], about["sd"]) != (MEAN.tolist(), SD.tolist()):
        raise WeightsError(f"{path} expects pictures normalised by mean {about['mean']} and sd {about['sd']}.")
    net.classes, net.size = about.get("classes"), about.get("size")
    return net


def save_net(net, path, classes, size=224):
    """Write a net with its class names and its preprocessing into one file, for `load_net`.

    Parameters
    ----------
    net : ResNetV1 or ResNetV2
    path : path
        Ends in ``.safetensors``.
    classes : list of str
        Names of the outputs, such as ``train_imgs.classes``.
    size : int
        Side of the network's input in pixels.
    """
    tensors = {name: p.data(p.list_ctx()[0]).asnumpy() for name, p in parameters(net).items()}
    if Path(path).suffix != ".safetensors":
        raise ValueError(f"{path} must end in .safetensors.")
    if len(classes) != len(tensors["output.bias"]):
        raise ValueError(f"{len(classes)} class names for {len(tensors['output.bias'])} outputs.")
    about = {"classes": list(classes), "size": size, "mean": MEAN.tolist(), "sd": SD.tolist()}
    write_whole(path, save(tensors, {"hotdog_ft": json.dumps(about)}))


def _legacy_names(tensors):
    """Give the tensors of the zoo's older files, ``conv0_weight`` …, today's names by their order."""
    if not tensors or any("." in name for name in tensors):
        return tensors
    first = next((array for name, array in tensors.items() if name.endswith("batchnorm0_gamma")), None)
    net = resnet18(2 if first is not None and first.shape == (3,) else 1, [64, 64, 128, 256, 512], 1000)
    today = {parameter.name[len(net.prefix):]: name for name, parameter in parameters(net).items()}
    return {today.get(name, name): array for name, array in tensors.items()}


def fetched_files():
    """Where ImageNet weights lie once they are fetched, each with its hash: Gluon's, torchvision's."""
    return {Path(mx.base.data_dir()) / "models" / f"{GLUON_NAME}.params": f"sha1:{GLUON_SHA1}",
            cache_folder() / "resnet18.tv_in1k.safetensors": f"sha256:{TORCHVISION_SHA256}"}


def fetch_gluon():
    """Path of the zoo's ``resnet18_v2`` parameters in MXNet's own cache, fetched if need be."""
    final, known_hash = list(fetched_files().items())[0]
    if is_intact(final, known_hash):
        return final
    repo = (os.environ.get("MXNET_GLUON_REPO") or GLUON_REPO).rstrip("/")
    archive = fetch(f"{repo}/gluon/models/{GLUON_NAME}.zip", None,
                    final.with_name(f"{GLUON_NAME}-{os.getpid()}.zip"),  # other processes fetch their own
                    f"put {final.name} with sha1 {GLUON_SHA1} at {final} by hand")
    try:
        with zipfile.ZipFile(archive) as zipped:
            if zipped.getinfo(final.name).file_size > MAX_PARAMS:
                raise KeyError("an absurd size")
            content = zipped.read(final.name)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError) as error:
        raise DataError(f"{repo} sent something else than {final.name} ({error}).") from error
    finally:
        archive.unlink()
    if hashlib.sha1(content).hexdigest() != GLUON_SHA1:
        raise DataError(f"{repo} sent {final.name} with another content than sha1 {GLUON_SHA1}.")
    write_whole(final, content)
    return final


def fetch_torchvision():
    """Path of torchvision's ResNet-18 parameters (46.8 MB) in the cache, fetched if need be."""
    repo = (os.environ.get("HF_ENDPOINT") or TORCHVISION_REPO).rstrip("/")
    final, known_hash = list(fetched_files().items())[1]
    return fetch(f"{repo}/{TORCHVISION_PATH}", known_hash, final)


def fetch_weights():
    """Path of ImageNet weights: Gluon's ``resnet18_v2``, or torchvision's where that host fails."""
    try:
        return fetch_gluon()
    except DataError as error:
        print(f"Gluon's weights are out of reach: {error}\n"
              "Taking torchvision's ResNet-18 instead (topology resnet18_v1).")
        return fetch_torchvision()

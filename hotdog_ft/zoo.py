"""ImageNet weights that others published: hosts, hashes, and the names of their tensors."""

import hashlib
import os
import re
import zipfile
import zlib

import mxnet as mx

from .download import DataError, cache_folder, fetch, is_intact, user_path, write_whole
from .model import resnet18
from .mxnet_internals import parameters

# Gluon's model zoo (mxnet.gluon.model_zoo.model_store).
GLUON_REPO = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/"
GLUON_NAME = "resnet18_v2-a81db45f"
GLUON_SHA1 = "a81db45fd7b7a2d12ab97cd88ef0a5ac48b8f657"

MAX_PARAMS = 1 << 30  # bytes; ResNet-18 takes 47 MB

# torchvision's ResNet-18 as kept by the timm project, BSD-3-Clause.
TORCHVISION_REPO = "https://huggingface.co/"
TORCHVISION_PATH = (
    "timm/resnet18.tv_in1k/resolve/bbd144b3e5565108aad885f145491d11bc6ce807/model.safetensors"
)
TORCHVISION_SHA256 = "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81"

_TORCH_SUFFIX = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "running_mean",
    "running_var": "running_var",
}


def gluon_name(torch_name):
    """Gluon's name (``resnet18_v1``) of a tensor of torchvision's ResNet-18, else None."""
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
        kind + number, kind + number
    )
    is_conv = kind == "conv" or place == "downsample.0"
    return (
        f"features.{int(stage) + 3}.{block}.{place}.{suffix if is_conv else _TORCH_SUFFIX[suffix]}"
    )


def today_names(tensors):
    """Tensors of the zoo's older files (``conv0_weight`` …) by today's names."""
    if not tensors or any("." in name for name in tensors):
        return tensors
    first = next(
        (array for name, array in tensors.items() if name.endswith("batchnorm0_gamma")), None
    )
    net = resnet18(
        2 if first is not None and first.shape == (3,) else 1, [64, 64, 128, 256, 512], 1000
    )
    today = {parameter.name[len(net.prefix) :]: name for name, parameter in parameters(net).items()}
    return {today.get(name, name): array for name, array in tensors.items()}


def fetched_files():
    """Where ImageNet weights lie once they are fetched, each with its hash.

    Returns
    -------
    dict of str to (pathlib.Path, str)
        ``"gluon"`` and ``"torchvision"``; a hash is ``"sha1:…"`` or ``"sha256:…"``.
    """
    home = user_path(mx.base.data_dir(), "name a folder with MXNET_HOME")
    gluon = home / "models" / f"{GLUON_NAME}.params"
    torchvision = cache_folder() / "resnet18.tv_in1k.safetensors"
    return {
        "gluon": (gluon, f"sha1:{GLUON_SHA1}"),
        "torchvision": (torchvision, f"sha256:{TORCHVISION_SHA256}"),
    }


def fetch_gluon():
    """Path of the zoo's ``resnet18_v2`` parameters in MXNet's own cache, fetched if need be."""
    final, known_hash = fetched_files()["gluon"]
    if is_intact(final, known_hash):
        return final
    repo = (os.environ.get("MXNET_GLUON_REPO") or GLUON_REPO).rstrip("/")
    archive = fetch(
        f"{repo}/gluon/models/{GLUON_NAME}.zip",
        None,
        final.with_name(f"{GLUON_NAME}-{os.getpid()}.zip"),  # other processes fetch their own
        f"put {final.name} with sha1 {GLUON_SHA1} at {final} by hand",
    )
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
    final, known_hash = fetched_files()["torchvision"]
    return fetch(f"{repo}/{TORCHVISION_PATH}", known_hash, final)


def fetch_weights():
    """Path of ImageNet weights: Gluon's ``resnet18_v2``, or torchvision's where that host fails.

    What was fetched before is taken first. Gluon's net and torchvision's differ in topology.

    Raises
    ------
    DataError
        Both hosts fail; the message says where to put a file by hand.

    Examples
    --------
    >>> path = fetch_weights()  # doctest: +SKIP
    >>> path.name  # doctest: +SKIP
    'resnet18_v2-a81db45f.params'
    """
    for path, known_hash in fetched_files().values():
        if is_intact(path, known_hash):
            return path  # no host is asked, and the source net stays the same
    try:
        return fetch_gluon()
    except DataError as error:
        print(
            f"Gluon's weights are out of reach: {error}\n"
            "Taking torchvision's ResNet-18 instead (topology resnet18_v1)."
        )
        return fetch_torchvision()

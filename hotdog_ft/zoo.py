"""ImageNet as others published it: hosts and hashes of weights, names of the classes."""

import hashlib
import os
import secrets
import warnings
import zipfile
import zlib

import mxnet as mx

from .download import cache_folder, fetch, is_intact
from .files import DataError, packaged, user_path, write_whole

# Gluon's model zoo (mxnet.gluon.model_zoo.model_store).
GLUON_REPO = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/"
GLUON_NAME = "resnet18_v2-a81db45f"
GLUON_SHA1 = "a81db45fd7b7a2d12ab97cd88ef0a5ac48b8f657"

# torchvision's ResNet-18 as kept by the timm project, BSD-3-Clause.
TORCHVISION_REPO = "https://huggingface.co/"
TORCHVISION_PATH = (
    "timm/resnet18.tv_in1k/resolve/bbd144b3e5565108aad885f145491d11bc6ce807/model.safetensors"
)
TORCHVISION_SHA256 = "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81"


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
        final.with_name(f"{GLUON_NAME}-{secrets.token_hex(8)}.zip"),  # other processes have theirs
        f"put {final.name} with sha1 {GLUON_SHA1} at {final} by hand",
    )
    try:
        with zipfile.ZipFile(archive) as zipped:
            content = zipped.read(final.name)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError) as error:
        raise DataError(f"{repo} sent something else than {final.name} ({error}).") from error
    finally:
        archive.unlink(missing_ok=True)
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
        warnings.warn(
            f"Gluon's weights are out of reach: {error} "
            "Taking torchvision's ResNet-18 instead (topology resnet18_v1).",
            stacklevel=2,
        )
        return fetch_torchvision()


def imagenet_classes():
    """ImageNet's classes in the order of a net's outputs: a frame with ``wnid`` and ``name``."""
    import pandas as pd

    return pd.read_csv(packaged("data") / "imagenet-classes.csv")

"""Tensors out of a file of any origin: checked, as float32, and nothing in it is executed."""

import math
import os
import struct
import zipfile

import mxnet as mx
import numpy as np
from safetensors import SafetensorError, deserialize, safe_open

from .files import DataError, existing

# src/ndarray/ndarray.cc: how a list of tensors begins, and a tensor in newer and newer files;
# bytes of an element
_LIST, _V1, _V2, _V3 = 0x112, 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_ITEM_BYTES = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1}

_FLOATS = {"F16", "F32", "F64"}  # safetensors' words; and BF16, which numpy does not know

_DAMAGE = (mx.MXNetError, SafetensorError, zipfile.BadZipFile, struct.error, ValueError, TypeError)

_EXPECTED = "a .params file of Gluon or a .safetensors file is expected."
_FROM_PYTORCH = (
    'Convert it where PyTorch is installed: python -c "import torch, safetensors.torch as s; '
    "s.save_file(torch.load('{name}', map_location='cpu', weights_only=True), "
    "'{stem}.safetensors')\" (where the weights lie in a larger dictionary, put their key, such as "
    "['state_dict'] or ['model'], behind the call of load)."
)
_PICKLE = ("a pickle, as PyTorch writes", _FROM_PYTORCH)
_BY_START = {
    **{bytes([0x80, protocol]): _PICKLE for protocol in (2, 3, 4, 5)},
    b"\x89HDF": ("an HDF5 file, as Keras writes", _EXPECTED),
    b"\x93NUMPY": ("a NumPy file", _EXPECTED),
    b"GGUF": ("a GGUF file", _EXPECTED),
    b"PK": ("a zip archive", "Unpack it, and name the .params or .safetensors file in it."),
    b"version https://git-lfs": ("a pointer of Git LFS", "Fetch the file itself: git lfs pull."),
    b"{": ("text in JSON", "The parameters lie in a .params or .safetensors file beside it."),
}
_BY_SUFFIX = {
    **dict.fromkeys((".pth", ".pt", ".ckpt", ".bin"), _PICKLE),
    **dict.fromkeys((".h5", ".hdf5", ".keras", ".weights"), ("a file of Keras", _EXPECTED)),
    **dict.fromkeys((".pb", ".tflite", ".index"), ("a file of TensorFlow", _EXPECTED)),
    ".onnx": ("a file of ONNX", _EXPECTED),
    ".pdparams": ("a file of PaddlePaddle, a pickle", _EXPECTED),
    ".npz": ("a file of NumPy", _EXPECTED),
}


def _refuse_another_format(path, head):
    """Say what a file is that is neither of the two formats, where its suffix or content tells."""
    by_start = (found for start, found in _BY_START.items() if head.startswith(start))
    found = next(by_start, None)
    if head.startswith(b"PK") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as zipped:
            if any(name.endswith("data.pkl") for name in zipped.namelist()):
                found = _PICKLE
    suffix = path.suffix.lower()
    # other programs write pickles and zip archives too
    if suffix in _BY_SUFFIX and found in (None, _PICKLE, _BY_START[b"PK"]):
        found = _BY_SUFFIX[suffix]
    if found:
        what, cure = found
        cure = cure.format(name=path.name, stem=path.stem)
        raise DataError(
            f"{path} is {what}; nothing in it is read or executed. " + cure[:1].upper() + cure[1:]
        )


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
            if kind not in _ITEM_BYTES:
                raise ValueError("a type of number is unknown")
            skip(_ITEM_BYTES[kind] * math.prod(shape))
        for _ in range(*numbers("Q")):
            skip(*numbers("Q"))


def _safetensors(path):
    with safe_open(str(path), "numpy") as file:
        notes = file.metadata() or {}
        kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        tensors = {name: file.get_tensor(name) for name in kinds if kinds[name] in _FLOATS}
    if "BF16" in kinds.values():  # the upper half of a float32
        for name, found in deserialize(path.read_bytes()):
            if found["dtype"] == "BF16":
                upper = np.frombuffer(found["data"], "<u2").astype("<u4")
                tensors[name] = (upper << 16).view("<f4").reshape(found["shape"])
    return {name: (kinds[name], tensors.get(name)) for name in kinds}, notes


def _params(path):
    _check_lengths(path)
    try:
        loaded = mx.nd.load(str(path))
    except UnicodeEncodeError:  # a name that is no Unicode, which MXNet cannot open
        loaded = mx.nd.load_frombuffer(path.read_bytes())
    if not isinstance(loaded, dict):
        raise DataError(f"{path} names no tensors; a file written by save_parameters is expected.")
    # net.export marks each name with arg: or aux:
    arrays = {name.split(":", 1)[-1]: array.asnumpy() for name, array in loaded.items()}
    return {name: (array.dtype.name, array) for name, array in arrays.items()}, {}


def read_tensors(path):
    """All tensors of a parameter file, by the names that they have in it.

    Parameters
    ----------
    path : path
        A .params file of Gluon, or a .safetensors file, whatever its suffix.

    Returns
    -------
    tensors : dict of str to numpy.ndarray
        float32. PyTorch's counters ``num_batches_tracked`` are left out.
    notes : dict of str to str
        The metadata of a .safetensors file.

    Raises
    ------
    DataError
        It is missing, damaged, of another format, or holds something else than finite floats.
    """
    path = existing(path, "Name a .params or .safetensors file.")
    if not path.is_file():
        raise DataError(f"{path} is no file. Name a .params or .safetensors file.")
    try:
        with open(path, "rb") as file:
            head = file.read(32)
        is_params = head[:8] == struct.pack("<Q", _LIST)
        is_safetensors = head[8:9] == b"{" and not is_params
        if not is_params and not is_safetensors:
            _refuse_another_format(path, head)
        tensors, notes = _params(path) if is_params else _safetensors(path)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from error
    except _DAMAGE as error:
        reason = (str(error).strip() or repr(error)).splitlines()[-1]
        raise DataError(
            f"{path} is damaged or not a parameter file ({reason}). Fetch it again; {_EXPECTED}"
        ) from error
    read = {}
    for name, (kind, array) in tensors.items():
        if name.endswith("num_batches_tracked"):
            continue
        if array is None or array.dtype.kind != "f" or not array.size:
            raise DataError(
                f"{path} holds {name} as {kind}{list(getattr(array, 'shape', []))}: floating-point "
                "numbers are expected. Export the net as float32."
            )
        with np.errstate(over="ignore"):  # seen below
            read[name] = array.astype("float32", copy=False)
        if not np.isfinite(read[name]).all():
            raise DataError(f"{path} holds a value that is not finite in {name}. Fetch it again.")
    if not read:
        raise DataError(f"{path} holds no tensors.")
    return read, notes

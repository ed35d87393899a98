"""What CUDA says is wrong, and memory that is full, each in a sentence with the cure."""

import ctypes
import re
from contextlib import contextmanager
from pathlib import Path

from .cuda_libraries import BUILD, WHEELS, load
from .versions import INSTALL, MXNET

GPU_BUILD = (
    "For the build for GPUs (of compute capability 5.0 to 8.9, Maxwell to Ada): make venv GPU=1 in "
    f'a checkout, else pip install "hotdog_ft[gpu]", then pip install --no-deps {BUILD}=={MXNET}.'
)
CPU_BUILD = (
    f"For the build for CPUs: make venv GPU=0 in a checkout, else pip uninstall {BUILD}, then "
    f"{INSTALL} --force-reinstall."
)
ON_CPU = "CUDA_VISIBLE_DEVICES=-1 has everything computed on the CPU."
MEMORY = (
    "The GPU's memory is full: nvidia-smi lists who uses it. Take a smaller batch_size, or none of "
    f"it: {ON_CPU}"
)
# libmxnet.so of mxnet-cu112 1.9.1 holds code for 5.0, 6.0, 7.0, 8.0 and 8.6, each good up to the
# next whole number, and nothing that a driver could translate for later ones
ARCHITECTURE = (
    "MXNet 1.9.1 has code for GPUs of compute capability 5.0 to 8.9 (Maxwell to Ada), and for none "
    f"newer or older. {ON_CPU}"
)
OWN_MEMORY = (
    "There is not enough memory for the net at this size of its input: take a smaller size, or end "
    "what else holds memory."
)
FAULTS = {
    "allocate CPU Memory|could not create a (memory object|primitive)(?! desc)": OWN_MEMORY,
    "driver version is insufficient|undefined symbol: cu[A-Z]": (
        "The NVIDIA driver is too old for CUDA 11: install version 450.80.02 or newer."
    ),
    "unsupported display driver|forward compatibility was attempted": (
        "The NVIDIA driver and its library libcuda.so.1 do not fit together: restart the machine "
        "if the driver was updated, and leave no other libcuda.so.1 in LD_LIBRARY_PATH."
    ),
    "CUDA: .*(unknown error|initialization error|not yet initialized|busy or unavailable)": (
        "The GPU or its driver does not answer: if nvidia-smi fails too, restart the machine or "
        "install the driver anew, else another process may hold the GPU for itself alone."
    ),
    "no CUDA-capable device|requires at least 1 GPU": (
        "CUDA finds no GPU here: is CUDA_VISIBLE_DEVICES set, or was a container started without "
        "--gpus all?"
    ),
    "invalid device ordinal": (
        "There is no GPU of that number here: mxnet.context.num_gpus() says how many there are."
    ),
    "GPU is not enabled|not implemented for GPU|Compile with USE_CUDA=1": (
        f"This is MXNet's build for CPUs, which knows no mxnet.gpu(). {GPU_BUILD}"
    ),
    "no kernel image|invalid device function": ARCHITECTURE,
    "out of memory|_ALLOC_FAILED": MEMORY,
}


def explanation(text):
    """The sentence for an error's text, None if that is about neither CUDA nor memory."""
    return next((words for fault, words in FAULTS.items() if re.search(fault, text)), None)


@contextmanager
def faults_explained():
    """Within this block, or function, MXNetErrors about CUDA or memory are sentences with a cure.

    It becomes a MemoryError if memory is full, else an OSError.
    """
    from mxnet import MXNetError  # not above: the doctor takes the sentences without it

    try:
        yield
    except MXNetError as error:
        words = explanation(str(error))
        if not words:
            raise
        raise (MemoryError if words in (MEMORY, OWN_MEMORY) else OSError)(words) from error


def why_import_fails(text):
    """For which want of CUDA ``import mxnet`` has failed, and the cure, in one line; else None.

    Parameters
    ----------
    text : str
        Of the error.
    """
    library = re.search(r"lib(cu|nv|nccl)\w*\.so[.\d]*", text)
    if not library:
        return explanation(text) if "undefined symbol" in text else None
    fault, cure = f"This build of MXNet is for GPUs and misses {library[0]} ({text}).", ""
    if library[0] == "libcuda.so.1":
        cure = "That is the NVIDIA driver's: install it, or start a container with --gpus all. "
    elif any(library[0] in names for names in WHEELS.values()) and (wheels := load()):
        return f"{fault} pip install --no-deps --force-reinstall {' '.join(wheels)}"
    return f"{fault} {cure}{CPU_BUILD}"


def state():
    """What MXNet's build for GPUs computes with.

    Returns
    -------
    words : str
        The CUDA that is loaded, from where, and what the driver can do.
    wrong : str or None
        What keeps it from computing on every GPU, and the cure.
    """
    path = re.search("/.*/libcudart.*", Path("/proc/self/maps").read_text())[0]
    cuda, number = ctypes.CDLL(path), ctypes.c_int()
    cuda.cudaGetErrorString.restype = ctypes.c_char_p
    cuda.cudaDriverGetVersion(ctypes.byref(number))
    driver = f"{number.value // 1000}.{number.value % 1000 // 10}"
    words, wrong = f"CUDA from {Path(path).parent}, driver for CUDA {driver}", None
    code = cuda.cudaGetDeviceCount(ctypes.byref(number))
    if code:
        text = cuda.cudaGetErrorString(code).decode()
        wrong = explanation(f"CUDA: {text}") or f"CUDA fails ({text})."
    for device in range(0 if code else number.value):
        cuda.cudaDeviceGetAttribute(ctypes.byref(number), 75, device)  # compute capability, major
        if not 5 <= number.value <= 8:
            wrong = f"gpu({device}): {ARCHITECTURE}"
    return words, wrong

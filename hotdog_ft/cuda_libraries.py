"""NVIDIA's libraries from pip's wheels, loaded before MXNet's build for GPUs looks for them."""

import ctypes
import os
import sys
from pathlib import Path

BUILD = "mxnet-cu112"

# What libmxnet.so takes from which wheel, each after those that it needs itself. cuDNN's parts are
# named too: it would look for them along LD_LIBRARY_PATH first, where another cuDNN may lie.
WHEELS = {
    "nvidia-cuda-runtime-cu11==11.8.89": ["libcudart.so.11.0"],
    "nvidia-cuda-nvrtc-cu11==11.8.89": ["libnvrtc.so.11.2"],
    "nvidia-nvtx-cu11==11.8.86": ["libnvToolsExt.so.1"],
    "nvidia-cublas-cu11==11.11.3.6": ["libcublasLt.so.11", "libcublas.so.11"],
    "nvidia-cufft-cu11==10.9.0.58": ["libcufft.so.10"],
    "nvidia-curand-cu11==10.3.0.86": ["libcurand.so.10"],
    "nvidia-cusolver-cu11==11.4.1.48": ["libcusolver.so.11"],
    "nvidia-nccl-cu11==2.21.5": ["libnccl.so.2"],
    "nvidia-cudnn-cu11==8.9.6.50": [
        "libcudnn_ops_infer.so.8",
        "libcudnn_ops_train.so.8",
        "libcudnn_cnn_infer.so.8",
        "libcudnn_cnn_train.so.8",
        "libcudnn_adv_infer.so.8",
        "libcudnn_adv_train.so.8",
        "libcudnn.so.8",
    ],
}


def wheel_folders():
    """Where pip has put wheels of NVIDIA's: a list of Paths named ``nvidia``, possibly empty."""
    folders = (Path(entry or ".") / "nvidia" for entry in sys.path)
    return [folder for folder in folders if os.path.isdir(folder)]  # not is_dir: some are closed


def load():
    """Load each library from its wheel, or else from where the system finds it.

    Returns
    -------
    list of str
        Those of WHEELS of which a library cannot be loaded.
    """
    missing, folders = [], wheel_folders()
    for wheel, names in WHEELS.items():
        try:
            for name in names:
                found = [path for folder in folders for path in folder.glob(f"*/lib/{name}")]
                ctypes.CDLL(str(found[0]) if found else name, ctypes.RTLD_GLOBAL)
        except OSError:
            missing.append(wheel)
    return missing


def preload():
    """Have MXNet's build for GPUs, if it is what is installed, find what it needs in pip's wheels.

    Without wheels that is the system's affair; what is missing, MXNet's import complains of.
    """
    if wheel_folders():
        from importlib.metadata import distributions  # takes a while: not above

        if any(distributions(name=BUILD)):
            load()

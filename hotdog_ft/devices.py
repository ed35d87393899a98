"""What MXNet computes on, and what lies on several devices at once."""

import mxnet as mx
import numpy as np
from mxnet import nd

from .cuda_faults import faults_explained
from .mxnet_internals import parameters


@faults_explained()
def available_devices():
    """All GPUs that this build of MXNet sees, else the CPU: never an empty list."""
    return [mx.gpu(i) for i in range(mx.context.num_gpus())] or [mx.cpu()]


def check_devices(devices):
    """Devices without repetition; a ValueError refuses what is none."""
    fits = isinstance(devices, (list, tuple)) and devices
    if not fits or not all(isinstance(device, mx.Context) for device in devices):
        raise ValueError(
            f"devices is {devices!r}: it must be a list such as [mx.gpu(0)] or [mx.cpu()]."
        )
    return list(dict.fromkeys(devices))


@faults_explained()
def try_device(device):
    """Use a device; an OSError says why one cannot be used."""
    nd.zeros(1, ctx=device).wait_to_read()


def describe_devices(devices):
    """One line in words: the devices, and why there is no GPU among them."""
    names = ", ".join(map(str, devices))
    if any(device.device_type == "gpu" for device in devices):
        return names
    build = "sees no GPU" if mx.runtime.Features().is_enabled("CUDA") else "is the build for CPUs"
    return f"{names} (MXNet {mx.__version__} {build})"


def devices_of(block):
    """The devices that a block's parameters lie on."""
    return next(iter(parameters(block).values())).list_ctx()


def arrays(batch):
    """The arrays of a mini-batch, whichever loader it came from, as numpy's."""
    return [a.asnumpy() if isinstance(a, nd.NDArray) else np.asarray(a) for a in batch]


def shards(X, y, devices):
    """Deal a mini-batch out to the devices as evenly as it goes; few pictures use few devices."""
    used = devices[: len(X)]
    parts = zip(used, np.array_split(X, len(used)), np.array_split(y, len(used)))
    return [(nd.array(a, ctx=device), nd.array(b, ctx=device)) for device, a, b in parts]

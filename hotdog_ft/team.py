"""The processes that train one net together, each on its share of every mini-batch.

Horovod starts them and says so in their environment; nothing else turns this on. A process alone is
a team of one: what is summed over it stays as it is, and its share is everything.
"""

import os
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from mxnet import MXNetError, gluon, nd

from .devices import available_devices, check_devices, try_device
from .files import DataError, user_path, write_whole
from .mxnet_internals import arrays_of, parameters, set_arrays


@lru_cache(1)
def _horovod():
    """``horovod.mxnet``, begun; None for a process alone."""
    if int(os.environ.get("HOROVOD_SIZE", 1)) < 2:
        return None
    try:
        import horovod.mxnet as hvd
    except ImportError as error:
        raise ImportError(
            f"Horovod started this process, but its part for MXNet is missing ({error}): see "
            "`make cluster`.",
            name="horovod",
        ) from error
    hvd.init()
    return hvd


def world_size():
    """How many processes there are."""
    hvd = _horovod()
    return hvd.size() if hvd else 1


def is_first():
    """Whether this is the one process that writes and prints."""
    hvd = _horovod()
    return hvd is None or hvd.rank() == 0


def share_of(count):
    """This process's part of `count` things, a slice; the parts follow one another by rank."""
    hvd = _horovod()
    if hvd is None:
        return slice(None)
    return slice(count * hvd.rank() // hvd.size(), count * (hvd.rank() + 1) // hvd.size())


def own_devices(devices=None):
    """The devices that are given, else all GPUs, else the CPU; of several processes each gets one.

    With two contexts in a process Horovod would add up wrong gradients.
    """
    devices = check_devices(available_devices() if devices is None else devices)
    hvd = _horovod()
    own = [devices[hvd.local_rank() % len(devices)]] if hvd else devices
    for device in own:
        try_device(device)
    return own


def all_reduce(values):
    """Numbers summed over all processes, as a list."""
    hvd = _horovod()
    if hvd is None:
        return values
    mine = nd.array(np.asarray(values, "float64"), dtype="float64")
    return hvd.allreduce(mine, op=hvd.Sum, name="hotdog_ft.total").asnumpy().tolist()


def agreed(wish):
    """Whether any of the processes wishes it: all get the same answer."""
    return all_reduce([float(bool(wish))])[0] > 0


def all_gather(*arrays):
    """The rows of all processes in order of rank."""
    hvd = _horovod()
    if hvd is None:
        return arrays
    parts = hvd.allgather_object(arrays, name="hotdog_ft.objects")
    return tuple(np.concatenate(column) for column in zip(*parts))


def broadcast(make):
    """What `make` gives in the first process; the others do not call it."""
    hvd = _horovod()
    if hvd is None:
        return make()
    # not broadcast_object: there the first process does not wait, and its next one meets this one
    found = make() if hvd.rank() == 0 else None
    return hvd.allgather_object(found, name="hotdog_ft.objects")[0]


def same_file(path):
    """Give every process the file of the first one, where they see different folders."""
    if world_size() == 1:
        return
    path = user_path(path)
    content = broadcast(lambda: path.read_bytes() if path.exists() else None)
    if agreed(content is None and path.exists()):
        raise DataError(
            f"The first process does not see {path}, and another one does: name the hosts in the "
            "order of before, or remove the file there to begin again."
        )
    if content is not None and not (path.exists() and path.read_bytes() == content):
        write_whole(path, content)


def check_same(make, what):
    """Refuse what is not the same in all processes.

    Parameters
    ----------
    make : callable
        Gives it; is not called in a process alone.
    what : str
        For the message, such as ``"training pictures"``.
    """
    hvd = _horovod()
    if hvd is not None:
        ours = make()
        if agreed(ours != broadcast(lambda: ours)):
            raise DataError(
                f"The processes see different {what}: all must see the same under the same paths."
            )


@contextmanager
def losses_explained():
    """Within this block, that another process has stopped is a DataError."""
    try:
        yield
    except MXNetError as error:
        if "Horovod has been shut down" not in str(error):
            raise
        raise DataError("Another process has stopped: its message says why.") from error


def same_net(net):
    """Give every process the parameters of the first one; none goes on before all are here."""
    if world_size() > 1:  # as NumPy arrays, for Horovod cannot send a weight in oneDNN's layout
        set_arrays(net, broadcast(lambda: arrays_of(net)))


def average_running_statistics(net, devices):
    """Give all devices of all processes the mean of their BatchNorm statistics."""
    nd.waitall()  # BatchNorm moves them in the backward pass, which the engine knows nothing of
    if len(devices) == world_size() == 1:
        return
    for name, parameter in parameters(net).items():
        if name.endswith(("running_mean", "running_var")):
            mean = np.mean([parameter.data(device).asnumpy() for device in devices], axis=0)
            total = np.reshape(all_reduce(mean.ravel()), mean.shape)
            parameter.set_data(nd.array(total / world_size()))
    nd.waitall()


def new_trainer(learning, optimizer, options):
    """Gluon's trainer, or Horovod's, which averages gradients over the processes before a step."""
    hvd = _horovod()
    if hvd is None:
        return gluon.Trainer(learning, optimizer, options, update_on_kvstore=False)
    # a list raises there; the keys keep the order, which checkpoints go by
    return hvd.DistributedTrainer(
        {f"{place:06}": p for place, p in enumerate(learning)}, optimizer, options
    )

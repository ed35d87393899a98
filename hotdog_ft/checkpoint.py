"""Checkpoints: one file with everything that a stopped training run needs to go on."""

import json
import random
import zlib
from pathlib import Path

import mxnet as mx
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .download import DataError, write_whole
from .model import parameters


def generator_states():
    """The states of ``random`` and ``numpy.random``; seeds ``mx.random``, whose state cannot be read, from them."""
    version, words, gauss = random.getstate()
    _, key, *rest = np.random.get_state()
    mx.random.seed(zlib.crc32(key.tobytes(), rest[0]) & 0x7FFFFFFF)
    return {"random": [version, list(words), gauss], "numpy": [key.tolist(), *rest]}


def _restore_generators(states):
    version, words, gauss = states["random"]
    random.setstate((version, tuple(words), gauss))
    key, *rest = states["numpy"]
    np.random.set_state(("MT19937", np.array(key, "uint32"), *rest))


def save_checkpoint(path, net, trainer, settings, states, progress):
    """Write parameters, momentum, number of updates, settings, generators and progress in one step.

    Parameters
    ----------
    states : dict
        From `generator_states`, taken when the epoch at hand began.
    settings, progress : dict
        Anything that JSON takes.
    """
    tensors = {f"net/{name}": parameter.data(parameter.list_ctx()[0]).asnumpy()
               for name, parameter in parameters(net).items()}
    tensors.update({f"momentum/{index}": state.asnumpy()
                    for index, state in trainer._updaters[0].states.items() if state is not None})
    text = json.dumps({"settings": settings, "states": states, "progress": progress,
                       "updates": trainer.optimizer.num_update})
    write_whole(path, save(tensors, {"hotdog_ft checkpoint": text}))


def load_checkpoint(path, net, trainer, settings):
    """Put everything back as it was, and return the progress; None where there is no such file.

    Raises
    ------
    DataError
        The file is damaged, or belongs to a run with other settings or another network.
    """
    path = Path(path)
    if not path.exists():
        return None
    try:
        with safe_open(str(path), "numpy") as file:
            about = json.loads(file.metadata()["hotdog_ft checkpoint"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} is not an intact checkpoint ({error}). Remove it to begin again."
                        ) from error
    other = next((name for name in settings if about["settings"].get(name) != settings[name]), None)
    if other:
        raise DataError(f"{path} belongs to a run with {other} {about['settings'].get(other)}; this one "
                        f"has {settings[other]}. Name another checkpoint, or remove this one to begin again.")
    wanted = parameters(net)
    shapes = {name[4:]: tensor.shape for name, tensor in tensors.items() if name.startswith("net/")}
    if shapes != {name: parameter.shape for name, parameter in wanted.items()}:
        raise DataError(f"{path} belongs to another network. Name another checkpoint, or remove this one "
                        "to begin again.")
    for name, parameter in wanted.items():
        parameter.set_data(mx.nd.array(tensors[f"net/{name}"]))
    trainer.optimizer.begin_num_update = trainer.optimizer.num_update = about["updates"]
    for index, parameter in enumerate(trainer._params):
        if f"momentum/{index}" in tensors:
            for updater, device in zip(trainer._updaters, parameter.list_ctx()):
                updater.states[index] = mx.nd.array(tensors[f"momentum/{index}"], ctx=device)
                updater.states_synced[index] = True
    _restore_generators(about["states"])
    return about["progress"]

"""Checkpoints: one file with everything that a stopped training run needs to go on, and Ctrl-C."""

import json
import signal
import threading
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import mxnet as mx
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .download import DataError, write_whole
from .generators import generator_states, restore_generators
from .history import EpochSums, History
from .identity import differences, source_sha256, source_sha256_of
from .mxnet_internals import momenta, parameters, set_momenta


class Checkpoint:
    """The file that a training run is kept in; a file of another run is refused and left alone.

    Parameters
    ----------
    path : path
    identity : dict
        Of the run at hand, from `run_identity`.
    """

    def __init__(self, path, identity):
        self.path, self.identity = Path(path), identity
        self._about = self._tensors = None

    def read(self, net):
        """How far the run has come: its `History` and the `EpochSums` of the epoch at hand.

        Returns
        -------
        (History, EpochSums) or None
            None where there is no file yet.

        Raises
        ------
        DataError
            The file is damaged, was written by an older version, or belongs to another run; the
            message names what differs.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(str(self.path), "numpy") as file:
                self._about = json.loads(file.metadata()["hotdog_ft checkpoint"])
                names = file.keys()
                self._tensors = {name: file.get_tensor(name) for name in names}
        except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{self.path} is not an intact checkpoint ({error}). Remove it to begin again."
            ) from error
        if "identity" not in self._about:
            raise DataError(
                f"{self.path} was written by an older version of hotdog_ft, which did not note "
                "what run it belongs to: name another checkpoint, or remove this one to begin "
                "again."
            )
        progress = self._about["progress"]
        history, sums = History(**progress["history"]), EpochSums(**progress["epoch"])
        self._refuse_another_run(net, len(history.loss))
        return history, sums

    def _refuse_another_run(self, net, epochs_done):
        found, wanted = self._about["identity"], dict(self.identity)
        shapes = {name: tensor.shape for name, tensor in self._net_tensors().items()}
        if shapes != {name: parameter.shape for name, parameter in parameters(net).items()}:
            wanted = {**wanted, "source net": None}  # whatever the hashes say
        elif source_sha256(net) == source_sha256_of(self._net_tensors()):
            wanted["source net"] = found["source net"]  # the net is as this checkpoint left it
        settings = dict(wanted["settings"])
        if settings["schedule"] == "constant" and epochs_done <= settings["num_epochs"]:
            # the rate does not know how many epochs are to come: a longer run begins like this one
            settings["num_epochs"] = found["settings"]["num_epochs"]
        elif settings["schedule"] == "constant":
            found = {**found, "settings": {**found["settings"], "num_epochs": epochs_done}}
        other = differences(found, {**wanted, "settings": settings})
        if other:
            raise DataError(
                f"{self.path} belongs to another run ({'; '.join(other)}): name another "
                "checkpoint, or remove this one to begin again."
            )
        self.identity = {**self.identity, "source net": found["source net"]}

    def _net_tensors(self):
        return {name[4:]: a for name, a in self._tensors.items() if name.startswith("net/")}

    def restore(self, net, trainer):
        """Put parameters, momentum, number of updates and generators back as they were read."""
        wanted = parameters(net)
        for name, tensor in self._net_tensors().items():
            wanted[name].set_data(mx.nd.array(tensor))
        optimizer = trainer.optimizer
        optimizer.begin_num_update = optimizer.num_update = self._about["updates"]
        prefix = "momentum/"
        set_momenta(
            trainer,
            {int(n[len(prefix) :]): a for n, a in self._tensors.items() if n.startswith(prefix)},
        )
        restore_generators(self._about["states"])

    def save(self, net, trainer, history, sums=None, states=None):
        """Write everything in one step.

        Parameters
        ----------
        history : History
        sums : EpochSums, optional
            Of an epoch that was stopped on its way.
        states : dict, optional
            From `generator_states` when that epoch began; by default as they are now.
        """
        tensors = {
            f"net/{name}": parameter.data(parameter.list_ctx()[0]).asnumpy()
            for name, parameter in parameters(net).items()
        }
        tensors.update({f"momentum/{i}": m.asnumpy() for i, m in momenta(trainer).items()})
        about = {
            "identity": self.identity,
            "states": states or generator_states(),
            "progress": {"history": asdict(history), "epoch": asdict(sums or EpochSums())},
            "updates": trainer.optimizer.num_update,
        }
        write_whole(self.path, save(tensors, {"hotdog_ft checkpoint": json.dumps(about)}))


@contextmanager
def interrupts_noted(wanted):
    """Within this block Ctrl-C fills the list that is yielded; a second Ctrl-C stops at once."""
    noted = []

    def note(signum, frame):
        if noted:
            raise KeyboardInterrupt
        noted.append(signum)

    if not wanted or threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)

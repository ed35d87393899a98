"""Checkpoints: one file with everything that a stopped training run needs to go on, and Ctrl-C."""

import json
import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .files import DataError, make_folder, user_path, write_whole
from .generators import generator_states, restore_generators
from .history import EpochSums, History
from .identity import arrays_sha256, differences, start_sha256
from .mxnet_internals import arrays_of, optimizer_states, set_arrays, set_optimizer_states
from .team import is_first, world_size


class Checkpoint:
    """The file that a training run is kept in; a file of another run is refused and left alone.

    With dropout, a run that was stopped within an epoch draws other masks in the rest of it.

    Parameters
    ----------
    path : path
    identity : dict
        Of the run at hand, from `run_identity`.
    """

    def __init__(self, path, identity):
        self.path, self.identity = user_path(path), identity
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
            The file is damaged, or belongs to another run; the message names what differs. Or
            there is none and its folder cannot be written to.
        """
        if not os.path.exists(self.path):
            if is_first():  # before any work, whose result would have no place
                make_folder(self.path.parent)
            return None
        if not self.path.is_file():
            raise DataError(f"{self.path} is no file: name another checkpoint.")
        try:
            with safe_open(str(self.path), "numpy") as file:
                about = (file.metadata() or {}).get("hotdog_ft checkpoint")
                if about is None:
                    raise ValueError("something else wrote it")
                self._about = about = json.loads(about)
                names = file.keys()
                self._tensors = {name: file.get_tensor(name) for name in names}
            if about.pop("sha256") != whole_sha256(about, self._tensors):
                raise ValueError("its content is not what was written")
            if not all(name.startswith(("net/", "optimizer/", "best/")) for name in names):
                raise ValueError("another version of hotdog_ft wrote it")
            history, sums = History(**about["history"]), EpochSums(**about["epoch"])
        except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{self.path} is not an intact checkpoint ({error}). Name another one or, if it "
                "was one, remove it to begin again."
            ) from error
        self._refuse_another_run(net, len(history.loss) + (sums.batches > 0))
        return history, sums

    def _refuse_another_run(self, net, epochs_begun):
        found, wanted = dict(self._about["identity"]), dict(self.identity)
        arrays, settings = arrays_of(net), wanted["settings"]
        left = arrays_sha256(self._arrays("net/")), arrays_sha256(self.best() or {})
        if arrays_sha256(arrays) in left:
            wanted["source net"] = found["source net"]  # the net is as this checkpoint left it
        else:  # as it was counted there; another probe is another setting
            probe_steps = found["settings"].get("probe_steps")
            wanted["source net"] = start_sha256(arrays, probe_steps)
        if settings["schedule"] == "constant":
            # the rate does not know how many epochs are to come: a longer run begins like this one
            begun = max(epochs_begun, settings["num_epochs"])
            found["settings"] = {**found["settings"], "num_epochs": begun}
        other = differences(found, wanted)
        if other:
            cure = "name another checkpoint, or remove this one to begin again"
            if "its source net is another" in other:
                cure += "; if the run is the same, build its net anew, seeded as before"
            raise DataError(f"{self.path} belongs to another run ({'; '.join(other)}): {cure}.")
        self.identity = {**self.identity, "source net": found["source net"]}

    def _arrays(self, prefix):
        found = self._tensors.items()
        return {name[len(prefix) :]: a for name, a in found if name.startswith(prefix)}

    def best(self):
        """The arrays of the best epoch as they were read, None if none was kept."""
        return self._arrays("best/") or None

    def restore(self, net, trainer):
        """Put parameters, optimizer, number of updates and generators back as they were read."""
        set_arrays(net, self._arrays("net/"))
        optimizer = trainer.optimizer
        optimizer.begin_num_update = optimizer.num_update = self._about["updates"]
        set_optimizer_states(trainer, self._arrays("optimizer/"))
        restore_generators(self._about["states"])

    def save(self, net, trainer, history, sums=None, states=None, best=None):
        """Write everything in one step; of several processes the first one does.

        Parameters
        ----------
        history : History
        sums : EpochSums, optional
            Of an epoch that was stopped on its way.
        states : dict, optional
            From `generator_states` when that epoch began; by default as they are now.
        best : dict of str to numpy.ndarray, optional
            The net's arrays after the best epoch.
        """
        if not is_first():
            return
        tensors = {f"net/{name}": array for name, array in arrays_of(net).items()}
        states_of = optimizer_states(trainer).items()
        tensors.update({f"optimizer/{name}": array.asnumpy() for name, array in states_of})
        tensors.update({f"best/{name}": array for name, array in (best or {}).items()})
        about = {
            "identity": self.identity,
            "states": states or generator_states(),
            "history": asdict(history),
            "epoch": asdict(sums or EpochSums()),
            "updates": trainer.optimizer.num_update,
        }
        about["sha256"] = whole_sha256(about, tensors)
        write_whole(self.path, save(tensors, {"hotdog_ft checkpoint": json.dumps(about)}))


def whole_sha256(about, tensors):
    """Hash of all that a checkpoint holds."""
    return sha256(f"{json.dumps(about)} {arrays_sha256(tensors)}".encode()).hexdigest()


@contextmanager
def failure_explained(saved, history):
    """Within this block a run's failure brings its history along, and names what to remove.

    Parameters
    ----------
    saved : Checkpoint or None
    """
    try:
        yield
    except (FloatingPointError, MemoryError) as error:
        error.history, error.reason = history, str(error)
        anew = isinstance(error, FloatingPointError) or "Start again" in str(error)
        if saved and anew and saved.path.exists():
            error.args = (f"{error} Remove {saved.path} before.",)
        raise


@contextmanager
def stop_explained(saved):
    """Within this block a stop at once says what is saved; `saved` is a `Checkpoint`, or None."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if saved and not stop.args:
            stop.args = (
                f"Stopped at once. What was saved before is in {saved.path}: the same call with "
                "the net built anew goes on from there."
                if saved.path.exists()
                else f"Stopped before anything was saved in {saved.path}: the same call with the "
                "net built anew begins again.",
            )
        raise


@contextmanager
def interrupts_noted(wanted):
    """Within this block Ctrl-C fills the list that is yielded; a second Ctrl-C stops at once."""
    noted = []

    def note(signum, frame):
        if noted:
            raise KeyboardInterrupt
        noted.append(signum)

    # horovodrun hands Ctrl-C on as SIGTERM
    signals = [signal.SIGINT, signal.SIGTERM] if world_size() > 1 else [signal.SIGINT]
    before = {signum: signal.getsignal(signum) for signum in signals}
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not wanted or not in_main_thread or before[signal.SIGINT] is signal.SIG_IGN:
        yield noted
        return
    for signum in signals:
        signal.signal(signum, note)
    try:
        yield noted
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)

"""Records of runs: what came out, and everything needed to judge and to repeat it."""

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .files import DataError, make_folder, packaged, user_path, write_whole
from .history import History
from .identity import differences, study_identity
from .machine import machine
from .settings import Settings


def save_json(content, path):
    """Write `content` as JSON in one step: a reader never finds half of it."""
    text = json.dumps(content, indent=1, default=lambda value: value.tolist())  # numpy's
    write_whole(path, f"{text}\n".encode())


def save_history(net_path, settings, classes, history):
    """Write what came out of a run beside its net ``x.safetensors``, each file in one step.

    ``x.history.json`` holds settings, class names, history and where it was made;
    ``x.history.csv`` a row per epoch.
    """
    content = {"settings": asdict(settings), "history": asdict(history)}
    content.update(classes=list(map(str, classes)), made=machine())
    save_json(content, Path(net_path).with_suffix(".history.json"))
    write_whole(Path(net_path).with_suffix(".history.csv"), history.to_frame().to_csv().encode())


@contextmanager
def _only_one_writer(folder):
    """Within this block no other process is in such a block for the same folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a disk without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@dataclass
class Entry:
    """One run in a record.

    Attributes
    ----------
    settings : Settings
    history : History
    case : dict
        What was varied beyond the settings, such as the row of the source net.
    figures : dict
        What was measured beyond the history.
    diverged : str or None
        Why the run ended early; its history ends before that epoch.
    made : dict
        The run's versions, machine, date and commit; possibly a ``note``.
    """

    settings: Settings
    history: History = field(default_factory=History)
    case: dict = field(default_factory=dict)
    figures: dict = field(default_factory=dict)
    diverged: str = None
    made: dict = field(default_factory=dict)

    def __post_init__(self):
        if isinstance(self.settings, dict):  # from JSON
            self.settings, self.history = Settings(**self.settings), History(**self.history)

    @property
    def run(self):
        """Which of a recipe's runs this is: so called in a comparison, else by its kind."""
        return self.case.get("run", self.settings.kind)

    def value(self, name):
        """What this run had for a field of the settings, or for a part of its case."""
        return self.case[name] if name in self.case else getattr(self.settings, name, None)


@dataclass
class Record:
    """The runs of one study, on the same pictures, from the same source net, by the same method.

    Attributes
    ----------
    study : str
    mode : {"mini", "full"}
    identity : dict
        Method, class names, hashes of both data sets and of the source net.
    about : dict
        Counts of pictures, and the weights' file name.
    entries : list of Entry
    path : pathlib.Path or None
        Where `add` writes.
    """

    study: str
    mode: str
    identity: dict
    about: dict
    entries: list = field(default_factory=list)
    path: Path = None

    @classmethod
    def open(cls, study, recipe, folder=None):
        """The record of a study of this recipe's pictures and source net in `folder`: old or new.

        Raises
        ------
        DataError
            What lies under its name is damaged, or was made from something else.
        """
        train_imgs, test_imgs = recipe.load_data()
        identity = study_identity(recipe)
        about = {
            "train_pictures": len(train_imgs),
            "test_pictures": len(test_imgs),
            "weights": Path(recipe.weights_file()).name,
        }
        new = cls(study, recipe.mode, identity, about)
        if not folder:
            return new
        new.path = user_path(folder) / new.name
        if not new.path.exists():
            return new
        old = cls.load(new.path)
        other = differences(old.identity, identity)
        if (old.study, old.mode) != (study, recipe.mode):
            other.append(f"it is the study {old.study} in {old.mode} mode")
        if other:
            raise DataError(
                f"{new.path} is the record of other runs ({'; '.join(other)}): move it away, or "
                "name another folder."
            )
        return old

    @classmethod
    def load(cls, path):
        """Read a record.

        Parameters
        ----------
        path : path
            A file; or the name of a record that comes along, such as ``"compare-mini-0123abcd"``.

        Raises
        ------
        DataError
            It is absent, or no record.
        """
        path = user_path(path)
        if not path.suffix and packaged("results"):
            path = packaged("results") / f"{path}.json"
        if not path.exists():
            known = ", ".join(sorted(record.stem for record in path.parent.glob("*.json")))
            raise DataError(f"There is no record {path}; beside it are: {known or 'none'}.")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is not a record of runs ({error}): move it away.") from error
        try:
            entries = [Entry(**entry) for entry in content.pop("entries")]
            return cls(**content, entries=entries, path=path)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path} is not a record of runs ({error!r}): move it away.") from error

    def save(self):
        """Write the record to its path in one step."""
        content = asdict(self)
        del content["path"]
        save_json(content, self.path)

    @property
    def name(self):
        """File name that holds the identity: study, mode, pictures, source net and method."""
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()
        return f"{self.study}-{self.mode}-{digest[:8]}.json"

    def __repr__(self):
        return f"<Record {self.study}, {self.mode} mode: {len(self.entries)} runs>"

    def add(self, entry):
        """Take a run in, and write the record if it has a path.

        What another process has written there meanwhile is kept, the same run of its too.
        """
        entry.made = {**machine(), **entry.made}
        if not self.path:
            self.entries.append(entry)
            return
        make_folder(self.path.parent)
        with _only_one_writer(self.path.parent):
            if self.path.exists():
                self.entries = Record.load(self.path).entries
            if not any(entry.case == other.case for other in self.find(entry.settings)):
                self.entries.append(entry)
                self.save()

    def find(self, settings=None, **wanted):
        """The entries with these settings, or these values of settings or case, in their order."""
        return [
            entry
            for entry in self.entries
            if settings in (None, entry.settings)
            and all(entry.value(name) == value for name, value in wanted.items())
        ]

    def only(self, runs):
        """A record of these runs alone (a list of Settings), without a path."""
        entries = [entry for settings in dict.fromkeys(runs) for entry in self.find(settings)]
        return Record(self.study, self.mode, self.identity, self.about, entries)

    def histories(self, seed=0):
        """The histories of one seed, by `Entry.run`: ``finetune``, ``below_bound``, ``scratch``, …

        Raises
        ------
        ValueError
            There are two of one name; `only` chooses.
        """
        found = {}
        for entry in self.find(seed=seed):
            if entry.run in found:
                raise ValueError(
                    f"{self} has several runs {entry.run} with seed {seed}: take those "
                    "with the same settings, record.only([...])."
                )
            found[entry.run] = entry.history
        return found

"""Records of runs: what came out, and everything needed to judge and to repeat it."""

import datetime
import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mxnet as mx
import numpy as np

from .download import DataError, packaged, write_whole
from .history import History
from .identity import data_identity, differences
from .model import fingerprint
from .settings import METHOD, Settings


def _commit():
    """The commit of the checkout that this package runs from; None in an installed package."""
    here = Path(__file__).parent

    def git(*words):
        done = subprocess.run(
            ["git", "-C", here, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", __file__)
        return git("rev-parse", "HEAD") + (
            " with changes" if git("status", "--porcelain", here) else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def machine():
    """Versions, machine, date and commit, as a dictionary for JSON."""
    return {
        "versions": {
            "python": platform.python_version(),
            "mxnet": mx.__version__,
            "numpy": np.__version__,
        },
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        },
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
    }


def save_json(content, path):
    """Write `content` as JSON in one step: a reader never finds half of it."""
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


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
        identity = {
            "method": METHOD,
            **data_identity(train_imgs, test_imgs),
            "source net": fingerprint(recipe.load_pretrained_net()),
        }
        about = {
            "train_pictures": len(train_imgs),
            "test_pictures": len(test_imgs),
            "weights": Path(recipe.weights_file()).name,
        }
        new = cls(study, recipe.mode, identity, about)
        if not folder:
            return new
        new.path = Path(folder) / new.name
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
        """
        path = Path(path)
        if not path.suffix and packaged("results"):
            path = packaged("results") / f"{path}.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is not a record of runs ({error}).") from error
        if not isinstance(content, dict) or "identity" not in content:
            raise DataError(
                f"{path} was not written by this version of hotdog_ft: it does not say what its "
                "runs are runs of. Move it away, and make it again."
            )
        try:
            entries = [Entry(**entry) for entry in content.pop("entries")]
            return cls(**content, entries=entries, path=path)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path} is not a record of runs ({error!r}).") from error

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
        """Take a run in, and write the record if it has a path."""
        entry.made = {**machine(), **entry.made}
        self.entries.append(entry)
        if self.path:
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
        entries = [entry for settings in runs for entry in self.find(settings)]
        return Record(self.study, self.mode, self.identity, self.about, entries)

    def histories(self, seed=0):
        """The histories of one seed, by the name of the run: ``finetune``, ``scratch``, …"""
        return {entry.settings.run: entry.history for entry in self.find(seed=seed)}

"""Records of runs: what came out, and everything needed to judge and to repeat it."""

import datetime
import json
import os
import platform
import subprocess
from pathlib import Path

import mxnet as mx
import numpy as np
import pooch

from .download import DataError, write_whole


def _commit():
    """The commit of the checkout that this package runs from; None in an installed package."""
    try:
        here = Path(__file__).parent
        say = lambda *words: subprocess.run(  # noqa: E731
            ["git", "-C", here, *words], capture_output=True, text=True, check=True).stdout.strip()
        say("ls-files", "--error-unmatch", __file__)
        return say("rev-parse", "HEAD") + (" with changes" if say("status", "--porcelain", here) else "")
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
        "versions": {"python": platform.python_version(), "mxnet": mx.__version__,
                     "numpy": np.__version__},
        "machine": {"processor": _processor(), "cores": os.cpu_count(),
                    "omp_num_threads": os.environ.get("OMP_NUM_THREADS")},
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
    }


def provenance(train_imgs, test_imgs, weights):
    """Data set, weights, versions, machine, date and commit, as a dictionary for JSON."""
    return {
        "data": {"train_pictures": len(train_imgs), "test_pictures": len(test_imgs),
                 "classes": train_imgs.classes,
                 "train_sha256": train_imgs.sha256(), "test_sha256": test_imgs.sha256()},
        "weights": {"file": Path(weights).name, "sha256": pooch.file_hash(weights)},
        **machine(),
    }


def save_record(record, path):
    """Write `record` as JSON in one step: a reader never finds half of it."""
    write_whole(path, (json.dumps(record, indent=1) + "\n").encode())


def load_record(path):
    """The record that `save_record` wrote."""
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not a record of a run ({error}).") from error

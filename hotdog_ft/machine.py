"""Where and when a run was made: processor, versions, date, commit."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

import mxnet as mx
import numpy as np


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

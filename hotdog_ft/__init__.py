"""Fine-tuning, as in chapter 13.2 of Dive into Deep Learning, to run, check and build on."""

import importlib
import os
import sys
import warnings
from pathlib import Path


def _use_every_core():
    """Have MXNet use each physical core: on virtual machines it takes half of them untold."""
    try:
        cores = {Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
                 for cpu in os.sched_getaffinity(0)}
    except (OSError, AttributeError):  # not Linux: MXNet's own choice stands
        return
    if "OMP_NUM_THREADS" not in os.environ and "MXNET_OMP_MAX_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(len(cores))
        if "mxnet" in sys.modules and len(cores) > 1:
            warnings.warn("MXNet was imported before hotdog_ft and may use half of the cores. Import "
                          f"hotdog_ft first, or set OMP_NUM_THREADS={len(cores)}.", stacklevel=3)


_use_every_core()  # MXNet reads the variable when it is imported and never again

from . import results  # noqa: E402
from .augment import TestAugs, TrainAugs  # noqa: E402
from .chapter import (BOOK, RUNS, Recipe, compare, histories, load_recipe, probe_then_fine_tune,  # noqa: E402
                      result_table, seed_table, train_fine_tuning)
from .data import BatchLoader, ImageFolder, download_hotdog, load_image_folders  # noqa: E402
from .download import DataError  # noqa: E402
from .history import History  # noqa: E402
from .model import finetune_net, freeze, scratch_net  # noqa: E402
from .probe import extract_features, fit_output  # noqa: E402
from .train import devices, evaluate, seed_everything, train  # noqa: E402
from .weights import WeightsError, fetch_weights, load_net  # noqa: E402

__version__ = "0.1.0"


def __getattr__(name):
    # matplotlib and pandas take longer to load than all of the rest: only who uses them pays
    if name == "plot":
        return importlib.import_module(".plot", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

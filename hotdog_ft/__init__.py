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

__version__ = "0.1.0"

try:
    import mxnet  # noqa: F401
except Exception as error:  # a broken installation: `python -m hotdog_ft doctor` must run all the same
    from . import doctor
    _broken = error
else:
    _broken = None
    from . import results
    from .augment import TestAugs, TrainAugs
    from .chapter import Recipe, fine_tune, load_recipe, train_fine_tuning
    from .data import ImageFolder, Pictures, download_hotdog, load_image_folders, near_duplicates
    from .download import DataError
    from .experiment import (BOOK, RUNS, accuracy_interval, compare, find, head_start, histories, paired_gap,
                             result_table, runs_table, seed_table, source_features, study)
    from .history import History
    from .loader import BatchLoader
    from .lr_range import lr_range_test
    from .model import fingerprint, finetune_net, freeze, last_stage, scratch_net
    from .predict import class_activation_map, predict
    from .probe import extract_features, fit_output, rows_from_source
    from .train import devices, evaluate, seed_everything, train
    from .weights import WeightsError, fetch_weights, load_net, save_net


def __getattr__(name):
    if _broken and not name.startswith("__"):
        raise ImportError(doctor.why_mxnet_fails(_broken)) from _broken
    # matplotlib and pandas take longer to load than all of the rest: only who uses them pays
    if name == "plot":
        return importlib.import_module(".plot", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

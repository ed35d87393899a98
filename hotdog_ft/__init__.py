"""Fine-tuning, as in chapter 13.2 of Dive into Deep Learning, to run, check and build on."""

import os
from pathlib import Path


def _use_every_core():
    """Have MXNet use each physical core: on virtual machines it takes half of them untold."""
    try:
        cores = {Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
                 for cpu in os.sched_getaffinity(0)}
        os.environ.setdefault("OMP_NUM_THREADS", str(len(cores)))
    except (OSError, AttributeError):  # not Linux: MXNet's own choice stands
        pass


_use_every_core()  # before MXNet is imported, or it has no effect

from .augment import TestAugs, TrainAugs  # noqa: E402
from .data import BatchLoader, DataError, ImageFolder, download_hotdog, load_image_folders  # noqa: E402
from .model import finetune_net, scratch_net  # noqa: E402
from .train import (History, devices, evaluate, extract_features, fit_output,  # noqa: E402
                    seed_everything, train)
from .weights import WeightsError, fetch_weights, load_net  # noqa: E402

__version__ = "0.1.0"

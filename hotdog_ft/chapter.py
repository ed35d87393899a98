"""The chapter's experiment: its recipe in two modes, and its training function."""

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mxnet as mx

from .augment import TestAugs, TrainAugs
from .data import download_hotdog, load_image_folders
from .download import DataError
from .loader import BatchLoader
from .probe import extract_features, fit_output
from .train import describe_devices, devices, evaluate, train
from .weights import fetch_weights, load_net

# In a checkout data/ lies beside the package, in an installed package inside it.
MINI = next((folder for folder in (Path(__file__).parent / "data", Path(__file__).parents[1] / "data")
             if folder.is_dir()), None)


@dataclass(frozen=True)
class Recipe:
    """What a mode fixes: where data and weights are, and the numbers of the runs.

    Attributes
    ----------
    mode : {"mini", "full"}
    data, weights : str or None
        Paths; None stands for the book's archive and for ImageNet weights, fetched when needed.
    size : int
        Side of the network's input in pixels.
    batch_size, num_epochs : int
    finetune_lr, scratch_lr : float
        The book's rates.
    lp_ft_lr, lp_ft_batch_size : float, int
        For fine-tuning from a head that is trained already (linear probing, then fine-tuning).
    """

    mode: str
    data: str = None
    weights: str = None
    size: int = 224
    batch_size: int = 128
    num_epochs: int = 5
    finetune_lr: float = 0.01
    scratch_lr: float = 0.1
    lp_ft_lr: float = 0.001
    lp_ft_batch_size: int = 32

    def __str__(self):
        data, weights = ("embedded" if self.mode == "mini" else Path(path).name if path else default
                         for path, default in ((self.data, "hotdog.zip"), (self.weights, "ImageNet's")))
        return (f"mode {self.mode}: data {data}, weights {weights}, {self.size} px\n"
                f"devices: {describe_devices(devices())}")

    def load_data(self):
        """``train_imgs, test_imgs`` as two ImageFolders, read from disk once a process."""
        return _load_data(self.data)

    def weights_file(self):
        """Path of the source net's parameters, fetched if the recipe names none."""
        return self.weights or str(fetch_weights())

    def load_pretrained_net(self):
        """The source net."""
        return load_net(self.weights_file())

    def source_classes(self):
        """What the source net's outputs stand for, in their order.

        Returns
        -------
        pandas.DataFrame
            Column ``name``, and for ImageNet ``wnid``, the WordNet id of each class.
        """
        import pandas as pd
        if self.mode == "mini":
            return pd.DataFrame({"name": json.loads((MINI / "resnet18-mini.classes.json").read_text())})
        return pd.read_csv(MINI / "imagenet-classes.csv")

    def loaders(self, batch_size=None):
        """``train_iter, test_iter`` of augmented mini-batches."""
        train_imgs, test_imgs = self.load_data()
        batch_size = batch_size or self.batch_size
        return (BatchLoader(train_imgs, TrainAugs(self.size), batch_size, shuffle=True),
                BatchLoader(test_imgs, TestAugs(self.size), batch_size))


@lru_cache(maxsize=1)
def _load_data(path):
    return load_image_folders(path or download_hotdog())


def load_recipe(mode=None, data=None, weights=None):
    """The recipe of a mode.

    Parameters
    ----------
    mode : {"mini", "full"}, optional
        By default ``$HOTDOG_FT_MODE``, else "mini": the embedded set, no network, seconds.
    data : path, optional
        Full mode: a folder or zip archive instead of the book's; by default ``$HOTDOG_FT_DATA``.
    weights : path, optional
        Full mode: a parameter file instead of ImageNet's; by default ``$HOTDOG_FT_WEIGHTS``.

    Raises
    ------
    DataError
        The mode is unknown, or the mini set is missing or combined with other data.
    """
    mode = mode or os.environ.get("HOTDOG_FT_MODE") or "mini"
    if mode == "full":
        return Recipe("full", str(data or os.environ.get("HOTDOG_FT_DATA") or "") or None,
                      str(weights or os.environ.get("HOTDOG_FT_WEIGHTS") or "") or None)
    if mode != "mini":
        raise DataError(f"There is no mode {mode!r}: HOTDOG_FT_MODE and --mode take mini or full.")
    if data or weights:
        raise DataError("Mini mode runs on the embedded set alone. For your own data or weights "
                        "choose full mode: HOTDOG_FT_MODE=full or --mode full.")
    if MINI is None:
        raise DataError("The embedded set is missing: install hotdog_ft again.")
    return Recipe("mini", str(MINI / "hotdog-mini"), str(MINI / "resnet18-mini.params"), size=64,
                  batch_size=32, num_epochs=10)


def _live_curves():
    from .plot import live_curves
    return live_curves()


def train_fine_tuning(net, learning_rate, batch_size=128, num_epochs=5):
    """The chapter's function: train `net` on the hot dogs of the current mode.

    Layers learn at `learning_rate` times their ``lr_mult``. In a notebook the curves are drawn
    after every epoch. :func:`hotdog_ft.train` is the longer form, for any data set.

    Returns
    -------
    History
        Prints as the book's two result lines.
    """
    train_iter, test_iter = load_recipe().loaders(batch_size)
    return train(net, train_iter, test_iter, learning_rate, num_epochs,
                 after_epoch=_live_curves())


def fine_tune(net, train_imgs, test_imgs, size=224, *, batch_size=32, learning_rate=0.001, num_epochs=5,
              checkpoint=None):
    """Linear probing, then fine-tuning (LP-FT, Kumar et al. 2022), for pictures of any classes.

    First `output` is trained on features that are computed once. Then all of `net` learns at a small rate
    with momentum 0.9, falling to zero along a cosine, on crops of 35 to 100 % of the area, with BatchNorm
    kept on the source's running statistics. `output`, which has settled, learns at a tenth of the rate.

    Parameters
    ----------
    net : ResNetV1 or ResNetV2
        As given by `finetune_net`, with an output for each class.
    train_imgs, test_imgs : ImageFolder
    size : int
        Side of the network's input in pixels.
    batch_size, learning_rate, num_epochs : int, float, int
        Of the second part; 0 epochs leave `features` untouched.
    checkpoint : path, optional
        For the second part: see :func:`hotdog_ft.train`.

    Returns
    -------
    probe_acc : float
        Test accuracy after the first part.
    history : History
        Of the second part.
    """
    train_iter = BatchLoader(train_imgs, TrainAugs(size, scale=(0.35, 1)), batch_size, shuffle=True)
    test_iter = BatchLoader(test_imgs, TestAugs(size), batch_size)
    fit_output(net, *extract_features(net, BatchLoader(train_imgs, TestAugs(size), 32)))
    net.output.collect_params().setattr("lr_mult", 0.1)
    probe_acc = evaluate(net, test_iter)
    schedule = mx.lr_scheduler.CosineScheduler(max(1, num_epochs * len(train_iter)), learning_rate)
    history = train(net, train_iter, test_iter, learning_rate, num_epochs, momentum=0.9, lr_scheduler=schedule,
                    use_global_stats=True, after_epoch=_live_curves(), checkpoint=checkpoint)
    return probe_acc, history

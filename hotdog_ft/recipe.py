"""The chapter's experiment in two modes, and its training function."""

import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from .data import download_hotdog, files_below
from .devices import available_devices, describe_devices
from .files import DataError, packaged, user_path
from .fine_tuning import watched
from .loader import loaders
from .run import train
from .settings import BELOW_BOUND, CHAPTER, FINE_TUNE, SCRATCH, Settings
from .splits import load_image_folders
from .weights import load_net
from .zoo import fetch_weights, imagenet_classes

MINI = packaged("data")

# What the book printed on one GPU (chapter 13.2, MXNet), to set beside ours.
BOOK = {
    "finetune": {"loss": 0.223, "train acc": 0.926, "test acc": 0.934, "examples/sec": 587.8},
    "scratch": {"loss": 0.431, "train acc": 0.807, "test acc": 0.809, "examples/sec": 649.9},
}

HOT_DOGS = ["hotdog", "not-hotdog"]  # the book's classes, in the order of its labels

# What the runs of a recipe are called in tables and figures.
TITLES = {
    "finetune": "fine-tuning",
    "below_bound": "fine-tuning below the bound",
    "scratch": "from scratch",
    "lp_ft": "probing, then fine-tuning",
}


@dataclass(frozen=True)
class Recipe:
    """What a mode fixes: where pictures and weights are, and the settings of its runs.

    Attributes
    ----------
    mode : {"mini", "full"}
    data, weights : str or None
        Paths; None stands for the book's archive and for ImageNet weights, fetched when needed.
    finetune, scratch, lp_ft, below_bound : Settings
        The chapter's two runs; linear probing, then fine-tuning; the chapter's fine-tuning at a
        rate that its new layer is stable with, if there is one.
    """

    mode: str
    data: str = None
    weights: str = None
    finetune: Settings = CHAPTER
    scratch: Settings = SCRATCH
    lp_ft: Settings = FINE_TUNE
    below_bound: Settings = None

    def __str__(self):
        """The mode, the data set, the weights and the devices; no path of this machine."""
        data, weights = (
            "embedded" if self.mode == "mini" else Path(path).name if path else default
            for path, default in ((self.data, "hotdog.zip"), (self.weights, "ImageNet's"))
        )
        return (
            f"mode {self.mode}: data {data}, weights {weights}, {self.size} px\n"
            f"devices: {describe_devices(available_devices())}"
        )

    @property
    def size(self):
        """Side of the network's input in pixels."""
        return self.finetune.size

    @property
    def runs(self):
        """The settings of its runs, by the names in TITLES."""
        return {name: getattr(self, name) for name in TITLES if getattr(self, name)}

    def with_settings(self, **changes):
        """The same recipe with something changed in all runs, such as ``num_epochs=1``."""
        runs = {name: replace(settings, **changes) for name, settings in self.runs.items()}
        return replace(self, **runs)

    def load_data(self):
        """``train_imgs, test_imgs``, read anew when a folder's files, or a list itself, change.

        DataError: there is no test set.
        """
        return _load_data(self.data, self.data and files_below(self.data))

    @property
    def has_hot_dogs(self):
        """Whether the pictures are of the book's two classes."""
        return self.load_data()[0].classes == HOT_DOGS

    def verdict(self, holds, claim, otherwise):
        """Print a claim if it holds, else what was found instead.

        What is true of the drawings need not be of other pictures. In mini mode a claim that does
        not hold raises an AssertionError; in full mode it stops nothing.
        """
        if self.mode == "full":
            also, instead = "On these pictures too", "On these pictures it is otherwise"
            print(f"{also}: {claim}." if holds else f"{instead}: {otherwise}.")
        elif holds:
            print(claim)
        else:
            raise AssertionError(otherwise)

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
            Column ``name``, and for ImageNet ``wnid``, the WordNet id of each class. A net of yours
            has the names that it was saved with, else numbers.
        """
        import pandas as pd

        imagenet, names = imagenet_classes(), None
        if self.mode == "mini":
            names = json.loads((MINI / "resnet18-mini.classes.json").read_text())
        elif self.weights:
            net = self.load_pretrained_net()
            numbers = list(map(str, range(net.output.weight.shape[0])))
            names = net.classes or (numbers if len(numbers) != len(imagenet) else None)
        known = names is None or list(names) == imagenet.name.tolist()
        return imagenet if known else pd.DataFrame({"name": names})

    def loaders(self):
        """``train_iter, test_iter`` of mini-batches, augmented as for the chapter's fine-tuning."""
        return loaders(*self.load_data(), self.finetune)


def _path(path):
    return str(user_path(path)) if path else None


@lru_cache(maxsize=1)
def _load_data(path, files):
    train_imgs, test_imgs = load_image_folders(path or download_hotdog())
    if test_imgs is None:
        raise DataError(
            f"{path} has no test set, and here runs are compared on one. To hold out a part of "
            "its pictures, name its folder train itself."
        )
    return train_imgs, test_imgs


def load_recipe(mode=None, data=None, weights=None):
    """The recipe of a mode.

    Parameters
    ----------
    mode : {"mini", "full"}, optional
        By default ``$HOTDOG_FT_MODE``, else "mini": the embedded set, no network.
    data : path, optional
        Full mode: a data set instead of the book's; by default ``$HOTDOG_FT_DATA``.
    weights : path, optional
        Full mode: a parameter file instead of ImageNet's; by default ``$HOTDOG_FT_WEIGHTS``.

    Returns
    -------
    Recipe

    Raises
    ------
    DataError
        The mode is unknown, or none with data or weights; the mini set is missing.

    Examples
    --------
    >>> recipe = load_recipe("mini")
    >>> recipe.finetune
    Settings(size=64, batch_size=32, num_epochs=10)
    >>> recipe.load_data()[1]
    <ImageFolder test: 200 hotdog, 200 not-hotdog>
    """
    named = mode or os.environ.get("HOTDOG_FT_MODE")
    if named == "full":
        data = _path(data or os.environ.get("HOTDOG_FT_DATA"))
        weights = _path(weights or os.environ.get("HOTDOG_FT_WEIGHTS"))
        return Recipe("full", data, weights, below_bound=BELOW_BOUND)
    if named not in (None, "", "mini"):
        raise DataError(f"There is no mode {named!r}: HOTDOG_FT_MODE and --mode take mini or full.")
    variables = map(os.environ.get, ("HOTDOG_FT_DATA", "HOTDOG_FT_WEIGHTS"))
    if data or weights or (not named and any(variables)):
        raise DataError(
            "Mini mode has pictures of its own. Take full mode: HOTDOG_FT_MODE=full or --mode full."
        )
    if MINI is None:
        raise DataError("The embedded set is missing: install hotdog_ft again.")
    mini = Recipe("mini", str(MINI / "hotdog-mini"), str(MINI / "resnet18-mini.params"))
    # tested as large as trained, and probed as in version 0.1: a lesson on what epochs add
    drawings = replace(FINE_TUNE, test_scale=1, probe_weight_decay=3e-4)
    drawings = replace(drawings, learning_rate=3e-5, full_rate_pictures=0, layer_decay=1)
    return replace(mini, lp_ft=drawings).with_settings(size=64, batch_size=32, num_epochs=10)


def train_fine_tuning(net, learning_rate, batch_size=128, num_epochs=5, *, recipe=None):
    """The chapter's function: train `net` on the hot dogs, plainly, at a constant rate.

    `output` learns at its ``lr_mult`` times the rate, ten after `finetune_net`. Every epoch prints
    a line, or in a notebook draws the curves. `train` is the longer form, for any data set.

    Parameters
    ----------
    net : HybridBlock
    learning_rate : float
        0.01 for fine-tuning and 0.1 from scratch in the book.
    batch_size, num_epochs : int
    recipe : Recipe, optional
        Whose pictures and input size; by default the current mode's, see `load_recipe`.

    Returns
    -------
    History
        Prints as the book's two result lines.

    Examples
    --------
    >>> from hotdog_ft import finetune_net
    >>> recipe = load_recipe("mini")
    >>> net = finetune_net(recipe.load_pretrained_net(), num_classes=2)
    >>> history = train_fine_tuning(net, 0.01, batch_size=32, num_epochs=1, recipe=recipe)
    ... # doctest: +ELLIPSIS
    epoch 1/1  loss 0...  train 0...  test 0...  ... s
    >>> print(history)  # doctest: +ELLIPSIS
    loss 0..., train acc 0..., test acc 0...
    ... examples/sec on [...]
    """
    recipe = recipe or load_recipe()
    weight = getattr(getattr(net, "output", None), "weight", None)
    rates = {"learning_rate": learning_rate, "output_lr_mult": getattr(weight, "lr_mult", 1)}
    settings = replace(recipe.finetune, **rates, batch_size=batch_size, num_epochs=num_epochs)
    title = f"rate {learning_rate:g}, output layer {learning_rate * settings.output_lr_mult:g}"
    return train(net, *recipe.load_data(), settings, **watched(title))

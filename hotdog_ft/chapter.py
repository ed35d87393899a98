"""The chapter's experiment: its recipe in two modes, its training function, its comparison."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import mxnet as mx

from .augment import TestAugs, TrainAugs
from .data import download_hotdog, load_image_folders
from .download import DataError
from .history import History
from .loader import BatchLoader
from .model import finetune_net, scratch_net
from .probe import extract_features, fit_output
from .results import load_record, provenance, save_record
from .train import describe_devices, devices, evaluate, seed_everything, train
from .weights import fetch_weights, load_net

# In a checkout data/ lies beside the package, in an installed package inside it.
MINI = next((folder for folder in (Path(__file__).parent / "data", Path(__file__).parents[1] / "data")
             if folder.is_dir()), None)

# What the book printed on one GPU (chapter 13.2, MXNet), to set beside ours.
BOOK = {"finetune": {"loss": 0.223, "train_acc": 0.926, "test_acc": 0.934, "examples_per_sec": 587.8},
        "scratch": {"loss": 0.431, "train_acc": 0.807, "test_acc": 0.809, "examples_per_sec": 649.9}}

RUNS = {"finetune": "fine-tuning", "scratch": "from scratch", "lp_ft": "probing, then fine-tuning"}


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
                  batch_size=32, num_epochs=10, lp_ft_lr=0.01)


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


def probe_then_fine_tune(net, recipe, checkpoint=None):
    """Train `output` on fixed features first, then all of `net` gently (LP-FT, Kumar et al. 2022).

    The second part runs at ``recipe.lp_ft_lr`` with momentum 0.9, falling to zero along a cosine,
    and keeps BatchNorm on the source's running statistics. `checkpoint`: see :func:`hotdog_ft.train`.

    Returns
    -------
    probe_acc : float
        Test accuracy after the first part, `features` untouched.
    history : History
        Of the second part.
    """
    train_imgs, _ = recipe.load_data()
    train_iter, test_iter = recipe.loaders(recipe.lp_ft_batch_size)
    net.output.collect_params().setattr("lr_mult", 1)
    fit_output(net, *extract_features(net, BatchLoader(train_imgs, TestAugs(recipe.size), 128)))
    probe_acc = evaluate(net, test_iter)
    schedule = mx.lr_scheduler.CosineScheduler(recipe.num_epochs * len(train_iter), recipe.lp_ft_lr)
    history = train(net, train_iter, test_iter, recipe.lp_ft_lr, recipe.num_epochs, momentum=0.9,
                    lr_scheduler=schedule, use_global_stats=True, after_epoch=_live_curves(),
                    checkpoint=checkpoint)
    return probe_acc, history


def run(name, recipe, seed, checkpoint=None):
    """One seeded run of the comparison: its entry for the record. `checkpoint`: see :func:`train`."""
    pretrained_net = recipe.load_pretrained_net()
    num_classes = len(recipe.load_data()[0].classes)
    seed_everything(seed)
    entry = {"run": name, "seed": seed}
    train_iter, test_iter = recipe.loaders()
    if name == "scratch":
        net = scratch_net(pretrained_net, num_classes)
        history = train(net, train_iter, test_iter, recipe.scratch_lr, recipe.num_epochs,
                        checkpoint=checkpoint)
    elif name == "finetune":
        net = finetune_net(pretrained_net, num_classes)
        history = train(net, train_iter, test_iter, recipe.finetune_lr, recipe.num_epochs,
                        checkpoint=checkpoint)
    else:
        entry["probe_test_acc"], history = probe_then_fine_tune(
            finetune_net(pretrained_net, num_classes), recipe, checkpoint)
    return {**entry, "history": asdict(history)}


def record_name(record):
    """File name that holds a record's identity: mode, recipe, data set and weights."""
    identity = [record["mode"], record["recipe"], record["provenance"]["data"],
                record["provenance"]["weights"]["sha256"]]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"compare-{record['mode']}-{digest[:8]}.json"


def compare(recipe, seeds=(0,), folder=None, report=print):
    """Run the comparison for every seed, and keep a record that a second call continues.

    Parameters
    ----------
    recipe : Recipe
    seeds : sequence of int
    folder : path, optional
        Where the record is kept, one file for each combination of mode, recipe, data and weights;
        runs that are in it already are not run again, and one that was stopped on its way goes on
        from its checkpoint beside the record.
    report : callable
        Called with a line of text after every run.

    Returns
    -------
    dict
        ``mode``, ``recipe``, ``provenance``, and ``runs``, one for each seed and name in RUNS.
    """
    settings = {key: value for key, value in asdict(recipe).items() if key not in ("data", "weights")}
    record = {"mode": recipe.mode, "recipe": settings, "runs": [],
              "provenance": provenance(*recipe.load_data(), recipe.weights_file())}
    path = Path(folder) / record_name(record) if folder else None
    if path and path.exists():
        record["runs"] = load_record(path)["runs"]
    done = {(entry["seed"], entry["run"]) for entry in record["runs"]}
    for seed in seeds:
        for name, title in RUNS.items():
            if (seed, name) in done:
                continue
            checkpoint = path and path.with_suffix(f".{name}-{seed}.checkpoint")
            entry = run(name, recipe, seed, checkpoint)
            record["runs"].append({**entry, "commit": record["provenance"]["commit"]})
            if path:
                save_record(record, path)
                checkpoint.unlink(missing_ok=True)
            report(f"seed {seed}, {title}: {History(**entry['history'])}")
    if path:
        report(f"The record is in {path}.")
    return record


def histories(record, seed):
    """The histories of one seed in a record, keyed by the names in RUNS."""
    return {entry["run"]: History(**entry["history"]) for entry in record["runs"]
            if entry["seed"] == seed}


def result_table(runs):
    """A pandas frame: one row a run, ours and the book's figures side by side.

    Parameters
    ----------
    runs : dict of str to History
        Keyed by the names in RUNS.
    """
    import pandas as pd
    rows = {}
    for name, history in runs.items():
        ours = {"loss": history.loss[-1], "train acc": history.train_acc[-1],
                "test acc": history.test_acc[-1], "examples/sec": history.examples_per_sec}
        book = dict(zip(ours, BOOK.get(name, {}).values()))
        rows[RUNS[name]] = {**ours, "examples/sec with data": history.examples_per_sec_with_data,
                            "seconds": sum(history.seconds),
                            **{f"book: {column}": book.get(column) for column in ours}}
    return pd.DataFrame.from_dict(rows, orient="index").round(3)


def seed_table(record):
    """A pandas frame over all seeds of a record: each run's final test accuracy.

    Columns are the number of seeds, mean, standard deviation (n - 1), smallest and largest, and the
    smallest lead over the same seed's run from scratch.
    """
    import pandas as pd
    accuracy = pd.DataFrame({seed: {RUNS[name]: history.test_acc[-1]
                                    for name, history in histories(record, seed).items()}
                             for seed in {entry["seed"]: None for entry in record["runs"]}}).T
    return pd.DataFrame({"seeds": accuracy.count(), "mean": accuracy.mean(), "sd": accuracy.std(),
                         "min": accuracy.min(), "max": accuracy.max(),
                         "smallest lead": accuracy.sub(accuracy[RUNS["scratch"]], axis=0).min()}).round(3)

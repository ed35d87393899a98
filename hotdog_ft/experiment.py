"""Many runs of one kind: each done once, kept in a record, put into a table with its uncertainty."""

import hashlib
import json
import time
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from mxnet import gluon, nd

from .augment import TestAugs
from .chapter import fine_tune
from .history import History
from .loader import BatchLoader
from .model import finetune_net, freeze, last_stage, scratch_net
from .probe import extract_features, fit_output, rows_from_source
from .results import load_record, machine, provenance, save_record
from .train import batch_logits, evaluate, seed_everything, train, train_step

# What the book printed on one GPU (chapter 13.2, MXNet), to set beside ours.
BOOK = {"finetune": {"loss": 0.223, "train_acc": 0.926, "test_acc": 0.934, "examples_per_sec": 587.8},
        "scratch": {"loss": 0.431, "train_acc": 0.807, "test_acc": 0.809, "examples_per_sec": 649.9}}

RUNS = {"finetune": "fine-tuning", "scratch": "from scratch", "lp_ft": "probing, then fine-tuning"}


def run(recipe, run="finetune", seed=0, *, learning_rate=None, num_epochs=None, fraction=1.0,
        trained="all", checkpoint=None):
    """One seeded run, with what the exercises vary.

    Parameters
    ----------
    recipe : Recipe
    run : {"finetune", "scratch", "lp_ft"}
        A name in RUNS.
    learning_rate, num_epochs : float, int, optional
        By default the recipe's.
    fraction : float
        Share of the training pictures of every class, drawn by the seed.
    trained : {"all", "last stage", "output", "output, stored features"}
        What learns; the rest is frozen. Stored features are those of the test augmentation, computed
        once.
    checkpoint : path, optional
        See :func:`hotdog_ft.train`.

    Returns
    -------
    dict
        An entry for a record: ``history``, or for stored features ``test_acc``, ``seconds`` (all) and
        ``epoch_seconds`` (a step over all of them); ``probe_test_acc`` of an LP-FT run; and
        ``diverged`` with the reason, if the loss stopped being a number (the history then ends before
        that epoch).
    """
    recipe = replace(recipe, num_epochs=num_epochs or recipe.num_epochs)
    pretrained_net = recipe.load_pretrained_net()
    train_imgs, test_imgs = recipe.load_data()
    if fraction < 1:
        train_imgs = train_imgs.subset(_share(train_imgs.labels, fraction, seed))
    seed_everything(seed)
    net = (scratch_net if run == "scratch" else finetune_net)(pretrained_net, len(train_imgs.classes))
    train_iter, test_iter = recipe.loaders()
    train_iter.images = train_imgs
    if trained == "output, stored features":
        return _on_stored_features(net, train_imgs, test_iter, recipe.size)
    if trained != "all":
        freeze({"last stage": net.features[:last_stage(net)], "output": net.features}[trained])
    if run == "lp_ft":
        probe_acc, history = fine_tune(
            net, train_imgs, test_imgs, recipe.size, batch_size=recipe.lp_ft_batch_size,
            learning_rate=learning_rate or recipe.lp_ft_lr, num_epochs=recipe.num_epochs, checkpoint=checkpoint)
        return {"probe_test_acc": probe_acc, "history": asdict(history)}
    rate = learning_rate or (recipe.scratch_lr if run == "scratch" else recipe.finetune_lr)
    seen = History(batch_size=recipe.batch_size, learning_rate=rate)
    entry = {}
    try:
        seen = train(net, train_iter, test_iter, rate, recipe.num_epochs, checkpoint=checkpoint,
                     after_epoch=lambda history: seen.__dict__.update(history.__dict__))
    except FloatingPointError as error:
        entry["diverged"] = str(error)
    return {**entry, "history": asdict(seen)}


def _on_stored_features(net, train_imgs, test_iter, size):
    start = time.perf_counter()
    features, labels = extract_features(net, BatchLoader(train_imgs, TestAugs(size), 32))
    stored, num_steps = time.perf_counter(), 300
    fit_output(net, features, labels, num_steps)
    end = time.perf_counter()
    return {"test_acc": evaluate(net, test_iter), "seconds": end - start,
            "epoch_seconds": (end - stored) / num_steps}


def _share(labels, fraction, seed):
    """Indices of a share of every class, at least one of each, in their old order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = [order[np.asarray(labels)[order] == label] for label in np.unique(labels)]
    return np.sort(np.concatenate([some[:max(1, round(fraction * len(some)))] for some in by_class]))


@lru_cache(maxsize=1)
def source_features(recipe):
    """What the source net's `features` give for a recipe's pictures, computed once a process.

    Returns
    -------
    train_x, train_y, test_x, test_y : numpy.ndarray
        float32 (n, d) of the test augmentation, and the labels (n,).
    """
    pretrained_net = recipe.load_pretrained_net()
    return sum((extract_features(pretrained_net, BatchLoader(imgs, TestAugs(recipe.size), 32))
                for imgs in recipe.load_data()), ())


def head_start(recipe, row=None, seed=0, num_epochs=5, checkpoint=None):
    """Train `output` alone on stored features, starting from a row of the source net (exercise 4).

    Parameters
    ----------
    recipe : Recipe
        Its classes are two, the first the one that `row` stands for.
    row : int, optional
        Of the source net, see :func:`rows_from_source`; by default Xavier's random start.
    checkpoint
        Not used: this takes seconds.

    Returns
    -------
    dict
        ``test_acc`` before the first epoch and after each one; with a row, ``top1``: how often the source
        net's first choice is `row` on test pictures of the first class.
    """
    train_x, train_y, test_x, test_y = source_features(recipe)
    pretrained_net = recipe.load_pretrained_net()
    seed_everything(seed)
    net = finetune_net(pretrained_net, 2)
    entry = {"test_acc": []}
    if row is not None:
        for parameter, values in zip((net.output.weight, net.output.bias),
                                     rows_from_source(pretrained_net, row, train_x)):
            parameter.set_data(nd.array(values))
        first_choice = batch_logits(pretrained_net.output, test_x[test_y == 0]).argmax(axis=1)
        entry["top1"] = float((first_choice == row).mean())
    trainer = gluon.Trainer(net.output.collect_params(), "adam", {"learning_rate": 1e-4})  # times lr_mult
    for epoch in range(num_epochs + 1):
        entry["test_acc"].append(float((batch_logits(net.output, test_x).argmax(axis=1) == test_y).mean()))
        order = np.random.permutation(len(train_x))
        for part in np.array_split(order, -(-len(order) // recipe.batch_size)):
            train_step(net.output, train_x[part], train_y[part], trainer, net.output.weight.list_ctx())
    return entry


def record_name(record):
    """File name that holds a record's identity: study, mode, recipe, data set and weights."""
    identity = [record["mode"], record["recipe"], record["provenance"]["data"],
                record["provenance"]["weights"]["sha256"]]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"{record.get('study', 'compare')}-{record['mode']}-{digest[:8]}.json"


def study(name, recipe, cases, folder=None, report=print, run_case=None):
    """Do one run for every case, and keep a record that a second call continues.

    Parameters
    ----------
    name : str
        How the record's file name begins.
    recipe : Recipe
    cases : sequence of dict
        Arguments of `run`, such as ``{"run": "scratch", "learning_rate": 0.03}``.
    folder : path, optional
        Where the record is kept, one file for each combination of name, mode, recipe, data and
        weights; cases that are in it already are not run again, and one that was stopped on its way
        goes on from its checkpoint beside the record.
    report : callable
        Called with a line of text after every run.
    run_case : callable, optional
        ``run_case(recipe, **case, checkpoint=path)`` gives a case's entry, in place of `run`.

    Returns
    -------
    dict
        ``study``, ``mode``, ``recipe``, ``provenance`` (of the call that began the record), and ``runs``: for each
        case an entry with what `run_case` returned, and ``made``, the run's versions, machine, date and commit.
    """
    settings = {key: value for key, value in asdict(recipe).items() if key not in ("data", "weights")}
    record = {"study": name, "mode": recipe.mode, "recipe": settings, "runs": [],
              "provenance": provenance(*recipe.load_data(), recipe.weights_file())}
    path = Path(folder) / record_name(record) if folder else None
    if path and path.exists():
        record = load_record(path)
    for case in cases:
        if find(record, **case):
            continue
        title = ", ".join(f"{key} {value}" for key, value in case.items())
        checkpoint = path and path.with_suffix(f".{title.replace(', ', '-').replace(' ', '_')}.checkpoint")
        entry = (run_case or run)(recipe, **case, checkpoint=checkpoint)
        record["runs"].append({**case, **entry, "made": machine()})
        if path:
            save_record(record, path)
            checkpoint.unlink(missing_ok=True)
        outcome = entry.get("diverged") or ("history" in entry and History(**entry["history"])) or "done"
        report(f"{title}: {outcome}")
    if path:
        report(f"The record is in {path}.")
    return record


def find(record, **case):
    """The entries of a record that hold this case."""
    return [entry for entry in record["runs"] if all(entry.get(key) == value for key, value in case.items())]


def compare(recipe, seeds=(0,), folder=None, report=print):
    """The chapter's comparison for every seed: a :func:`study` of all names in RUNS."""
    cases = [{"run": name, "seed": seed} for seed in seeds for name in RUNS]
    return study("compare", recipe, cases, folder, report)


def histories(record, seed):
    """The histories of one seed in a record, keyed by the names in RUNS."""
    return {entry["run"]: History(**entry["history"]) for entry in find(record, seed=seed)}


def runs_table(record):
    """A pandas frame: one row a run of a record, what was varied and what came out at the end."""
    import pandas as pd
    rows = []
    for entry in record["runs"]:
        row = {key: value for key, value in entry.items() if key not in ("history", "made", "commit")}
        if "history" in entry:
            history = History(**entry["history"])
            last = {name: (getattr(history, name) or [np.nan])[-1] for name in ("loss", "train_acc", "test_acc")}
            row.update(last, seconds=sum(history.seconds))
        rows.append(row)
    return pd.DataFrame(rows)


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


def accuracy_interval(accuracy, num_pictures):
    """95 % interval (low, high) that the number of test pictures alone leaves (Wilson 1927).

    It says what other pictures of the same kind might have given; it knows nothing of the seed.
    """
    from scipy.stats import binomtest
    found = binomtest(round(accuracy * num_pictures), num_pictures).proportion_ci(method="wilson")
    return found.low, found.high


def paired_gap(first, second):
    """Mean of ``first - second`` over the same seeds, and its 95 % interval (Student's t).

    Parameters
    ----------
    first, second : sequence of float
        Accuracies, at least two, in the same order of seeds.

    Returns
    -------
    mean, low, high : float
    """
    from scipy.stats import t
    gaps = np.subtract(first, second)
    half = t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    return gaps.mean(), gaps.mean() - half, gaps.mean() + half

"""Many runs of one kind: each done once, and kept in a record."""

import hashlib
import json
import warnings
from dataclasses import asdict, replace
from functools import lru_cache

import numpy as np
from mxnet import gluon, nd

from .checks import LearningWarning
from .devices import devices_of
from .evaluation import logits_of, pack_answers
from .files import make_folder
from .generators import alone, seed_everything
from .history import History
from .identity import study_identity
from .inference import outputs
from .loader import plain_loader
from .model import finetune_net, scratch_net
from .probe import extract_features, rows_from_source
from .records import Entry, Record
from .run import train
from .training import train_step


def run(recipe, settings, checkpoint=None, report=None):
    """One seeded run of a recipe's pictures and source net.

    Parameters
    ----------
    recipe : Recipe
    settings : Settings
    checkpoint, report : optional
        See `train`.

    Returns
    -------
    Entry
        ``diverged`` says why, if the loss stopped being a number; else the figures say what the
        net answers on the test pictures, see `evaluation.pack_answers`.
    """
    train_imgs, test_imgs = recipe.load_data()
    pretrained_net = recipe.load_pretrained_net()
    with alone():  # no other run seeds the generators meanwhile
        seed_everything(settings.seed)
        new_net = scratch_net if settings.from_scratch else finetune_net
        net = new_net(pretrained_net, len(train_imgs.classes))
        options = {"checkpoint": checkpoint, "report": report}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", LearningWarning)  # a bad end is an outcome here
                history = train(net, train_imgs, test_imgs, settings, **options)
        except FloatingPointError as error:
            return Entry(settings, error.history, diverged=error.reason)
        return Entry(settings, history, figures=pack_answers(*logits_of(net, test_imgs)))


def study(name, recipe, cases, folder=None, report=print, run_case=run):
    """Do one run per case, and keep a record that a second call continues.

    Parameters
    ----------
    name : str
        How the record's file name begins.
    recipe : Recipe
    cases : sequence of Settings, or of (Settings, dict)
        The dictionary holds further arguments of `run_case`.
    folder : path, optional
        Where the record is kept, a file for each combination of name, mode, pictures, source net
        and method. Cases that are in it are not run again, and one that was stopped on its way goes
        on from its checkpoint beside the record.
    report : callable
        Called with a line of text after every run.
    run_case : callable
        ``run_case(recipe, settings, checkpoint=path, **further)`` gives a case's `Entry`.

    Returns
    -------
    Record
    """
    record = Record.open(name, recipe, folder)
    for case in cases:
        settings, further = case if isinstance(case, tuple) else (case, {})
        further = json.loads(json.dumps(further))  # as it will be read back
        if any(entry.case == further for entry in record.find(settings)):
            continue
        checkpoint = record.path and _checkpoint(record.path, settings, further)
        if record.path:
            make_folder(record.path.parent)  # before hours of work, not after
        entry = run_case(recipe, settings, checkpoint=checkpoint, **further)
        entry.case = further
        record.add(entry)
        if checkpoint:
            checkpoint.unlink(missing_ok=True)
        title = ", ".join([_title(settings, recipe), *(f"{k} {v}" for k, v in further.items())])
        report(f"{title}: {entry.diverged or entry.history}")
    if record.path:
        report(f"The record is in {record.path}.")
    return record


def _title(settings, recipe):
    """Kind and seed of a run, and what differs from the recipe's run of this kind."""
    usual, ours = vars(recipe.runs[settings.kind]), vars(settings)
    changed = ["seed", *(name for name in ours if ours[name] != usual[name] and name != "seed")]
    return ", ".join([settings.kind, *(f"{name} {ours[name]}" for name in changed)])


def _checkpoint(path, settings, further):
    """Where a run of a record is kept while it is on its way, beside the record."""
    case = json.dumps([asdict(settings), further], sort_keys=True)
    digest = hashlib.sha256(case.encode()).hexdigest()[:8]
    return path.with_suffix(f".{settings.kind}-seed-{settings.seed}-{digest}.checkpoint")


def compare(recipe, seeds=(0,), folder=None, report=print, run_case=run):
    """The chapter's comparison: a `study` of the recipe's runs by their names, seed after seed.

    Parameters
    ----------
    recipe, folder, report
        As in `study`.
    seeds : iterable of int
    run_case : callable
        ``run_case(recipe, settings, checkpoint=path)`` gives the `Entry` of a run.

    Returns
    -------
    Record
        Of these runs alone, whatever else the file holds.
    """

    def run_named(recipe, settings, checkpoint, run):
        return run_case(recipe, settings, checkpoint=checkpoint)

    cases = [
        (replace(settings, seed=seed), {"run": name})
        for seed in seeds
        for name, settings in recipe.runs.items()
    ]
    record = study("compare", recipe, cases, folder, report, run_named)
    return record.only([settings for settings, _ in cases])


def source_features(recipe):
    """What the source net's `features` give for a recipe's pictures, computed once.

    Returns
    -------
    train_x, train_y, test_x, test_y : numpy.ndarray
        float32 (n, d) of the test augmentation, and the labels (n,).
    """
    return _source_features(recipe, str(study_identity(recipe)))  # its source net too


@lru_cache(maxsize=1)
def _source_features(recipe, _identity):
    net = recipe.load_pretrained_net()
    parts = (
        extract_features(net, plain_loader(i, recipe.size), "float32") for i in recipe.load_data()
    )
    return sum(parts, ())


def head_start(recipe, settings, row=None, checkpoint=None):
    """Train `output` alone on stored features, starting from a row of the source net (exercise 4).

    Parameters
    ----------
    recipe : Recipe
        Its classes are two, the first the one that `row` stands for.
    settings : Settings
        ``seed``, ``num_epochs``, ``batch_size``, and for Adam ``learning_rate`` and
        ``output_lr_mult``; nothing is augmented.
    row : int, optional
        Of the source net, see `rows_from_source`; by default Xavier's random start.
    checkpoint
        Not used: this takes seconds.

    Returns
    -------
    Entry
        The history's ``test_acc`` begins before the first epoch. With a row, the figure ``top1``
        says how often the source net's first choice is `row` on test pictures of the first class.
    """
    train_x, train_y, test_x, test_y = source_features(recipe)
    pretrained_net = recipe.load_pretrained_net()
    with alone():
        seed_everything(settings.seed)
        net = finetune_net(pretrained_net, 2, settings.output_lr_mult)
        entry = Entry(settings, History(num_examples=len(train_x)))
        if row is not None:
            start = rows_from_source(pretrained_net, row, train_x)
            for parameter, values in zip((net.output.weight, net.output.bias), start):
                parameter.set_data(nd.array(values))
            first_choice = outputs(pretrained_net.output, test_x[test_y == 0]).argmax(axis=1)
            entry.figures["top1"] = float((first_choice == row).mean())
        adam = {"learning_rate": settings.learning_rate}
        trainer = gluon.Trainer(net.output.collect_params(), "adam", adam)
        devices = devices_of(net.output)
        for epoch in range(settings.num_epochs + 1):
            if epoch:
                order = np.random.permutation(len(train_x))
                for part in np.array_split(order, -(-len(order) // settings.batch_size)):
                    train_step(net.output, train_x[part], train_y[part], trainer, devices)
            right = outputs(net.output, test_x).argmax(axis=1) == test_y
            entry.history.test_acc.append(float(right.mean()))
        return entry

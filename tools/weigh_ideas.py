"""Weigh ideas for `fine_tune`, one at a time, on parts of the training set alone.

    HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/weigh_ideas.py [IDEA ...]

Each idea is trained on one half of the training pictures and judged on the other, at 288 pixels,
with and without mirror images. The output layer is trained first, on features at 288 pixels.
Minutes a run; what is done is not done again.
"""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from choose_recipe import CHOSEN, accuracy_and_loss, new_net
from mxnet import autograd, gluon, lr_scheduler, nd
from PIL import Image, ImageEnhance

from hotdog_ft import load_recipe
from hotdog_ft.augment import TestAugs, TrainAugs
from hotdog_ft.evaluation import pack_answers
from hotdog_ft.inference import outputs
from hotdog_ft.learning import learning_as_set, learning_parameters
from hotdog_ft.loader import BatchLoader
from hotdog_ft.probe import extract_features, fit_output
from hotdog_ft.records import Entry
from hotdog_ft.studies import study
from hotdog_ft.training import new_trainer

RESULTS = Path(__file__).parents[1] / "results"
VIEWS = {"288": [288], "288 mirrored": [288, -288]}
SIDES = (288, -288)
HALVES = (0,)
BASE = replace(CHOSEN, num_epochs=3)
ADAM = {"optimizer": "adam", "learning_rate": 3e-5, "output_lr_mult": 1.0, "weight_decay": 0.0}
LESS_DECAY = {"probe_weight_decay": 1e-4}
# What differs: settings, and what only this tool knows ("mixup", "smoothing", "colour", "depth").
IDEAS = {
    "as it is": {},
    "a third of the rate": {"learning_rate": 0.0003},
    "batch statistics": {"use_global_stats": False, "learning_rate": 0.003},
    "Adam": ADAM,
    "Adam, 3 times": {**ADAM, "learning_rate": 1e-4},
    "Adam, five epochs": {**ADAM, "num_epochs": 5},
    "Adam, five epochs, twice the rate": {**ADAM, "num_epochs": 5, "learning_rate": 6e-5},
    "Adam, five epochs, crops of the book": {
        **ADAM,
        "num_epochs": 5,
        "learning_rate": 6e-5,
        "crop_scale": (0.08, 1.0),
    },
    "Adam, five epochs, label smoothing": {**ADAM, "num_epochs": 5, "smoothing": 0.1},
    "Adam, five epochs, mixup": {**ADAM, "num_epochs": 5, "mixup": 0.2},
    "Adam, five epochs, less decay before": {**ADAM, **LESS_DECAY, "num_epochs": 5},
    "Adam, five epochs, 3 times, less decay before": {
        **ADAM,
        **LESS_DECAY,
        "num_epochs": 5,
        "learning_rate": 1e-4,
    },
    "Adam, five epochs, 6 times, less decay before": {
        **ADAM,
        **LESS_DECAY,
        "num_epochs": 5,
        "learning_rate": 2e-4,
    },
    "Adam, five epochs, 3 times, less decay before, label smoothing": {
        **ADAM,
        **LESS_DECAY,
        "num_epochs": 5,
        "learning_rate": 1e-4,
        "smoothing": 0.1,
    },
    "Adam, last stage": {**ADAM, "learning_rate": 1e-4, "trained": "last stage"},
    "rates fall with depth": {"depth": 0.5, "learning_rate": 0.002},
    "label smoothing": {"smoothing": 0.1},
    "warm-up": {"warm_up": 0.3, "learning_rate": 0.003},
    "mixup": {"mixup": 0.2},
    "colour": {"colour": 0.4},
    "crops of the book": {"crop_scale": (0.08, 1.0)},
    "crops of nearly all": {"crop_scale": (0.7, 1.0)},
    "larger pictures": {"size": 288},
    "five epochs": {"num_epochs": 5},
    "last stage": {"trained": "last stage", "learning_rate": 0.003},
}


class Coloured(TrainAugs):
    """Brightness, contrast and saturation drawn from 1 - strength to 1 + strength before."""

    strength = 0.0

    def __call__(self, picture, rng):
        image = Image.fromarray(picture)
        for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = kind(image).enhance(rng.uniform(1 - self.strength, 1 + self.strength))
        return super().__call__(np.asarray(image), rng)


def view_of(side):
    augs = TestAugs(abs(side))
    return augs if side > 0 else lambda picture, rng: augs(picture[:, ::-1])


def views_of(net, images, sides):
    loaders = {side: BatchLoader(images, view_of(side), 32) for side in sides}
    return {side: extract_features(net, loader)[0] for side, loader in loaders.items()}


@cache
def source_features(recipe):
    return views_of(recipe.load_pretrained_net(), recipe.load_data()[0], SIDES)


def judge(net, by_side, labels):
    """For each view: accuracy, loss in nats, and every answer."""
    found = {}
    for name, sides in VIEWS.items():
        logits = np.mean([outputs(net.output, by_side[side]) for side in sides], axis=0)
        accuracy, loss = accuracy_and_loss(logits, labels)
        found[name] = {"accuracy": accuracy, "loss": loss, **pack_answers(labels, logits)}
    return found


def train_with(net, images, settings, extra):
    """The epochs of `train`, with what an idea adds; returns the mean loss of each."""
    augs = Coloured(settings.size, settings.crop_scale)
    augs.strength = extra.get("colour", 0.0)
    batches = BatchLoader(images, augs, settings.batch_size, shuffle=True)
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss(sparse_label=False)
    rng, losses = np.random.default_rng(settings.seed), []
    num_classes = len(images.classes)
    with learning_as_set(net, settings):
        for place, layer in enumerate(net.features):
            rate = extra.get("depth", 1.0) ** max(0, 7 - max(place, 3))  # stages are 4 to 7
            layer.collect_params().setattr("lr_mult", rate)
        trainer = new_trainer(net, settings, len(batches))
        steps = settings.num_epochs * len(batches)
        rates = {
            "lr_scheduler": lr_scheduler.CosineScheduler(
                steps,
                settings.learning_rate,
                warmup_steps=int(steps * extra.get("warm_up", 0)),
            ),
            "learning_rate": settings.learning_rate,
        }
        if "warm_up" in extra:
            rates.update(momentum=settings.momentum, wd=settings.weight_decay)
            trainer = gluon.Trainer(learning_parameters(net), "sgd", rates)
        for epoch in range(settings.num_epochs):
            total = 0.0
            for X, y in batches:
                target = np.eye(num_classes)[y]
                target = target * (1 - extra.get("smoothing", 0)) + (
                    extra.get("smoothing", 0) / num_classes
                )
                if "mixup" in extra:
                    share, other = rng.beta(extra["mixup"], extra["mixup"]), rng.permutation(len(X))
                    X = share * X + (1 - share) * X[other]
                    target = share * target + (1 - share) * target[other]
                with autograd.record():
                    loss = loss_function(net(nd.array(X)), nd.array(target))
                loss.backward()
                trainer.step(len(X))
                total += float(loss.sum().asscalar())
            losses.append(total / len(images))
            print(f"  epoch {epoch + 1}: loss {losses[-1]:.4f}", flush=True)
    return losses


def halves(recipe, half):
    """Indices of the training pictures: those that are learnt from, and those left to judge by."""
    order = np.random.default_rng(0).permutation(len(recipe.load_data()[0]))
    parts = np.array_split(order, 2)
    return parts[half], parts[1 - half]


def weigh(recipe, settings, idea, half, checkpoint=None):
    extra = {k: v for k, v in IDEAS[idea].items() if k not in vars(settings)}
    images = recipe.load_data()[0]
    labels = np.array(images.labels)
    training, left = halves(recipe, half)
    net = new_net(recipe, settings)
    by_side = source_features(recipe)
    fit_output(net, by_side[288][training], labels[training], settings)
    held_out = images.subset(left)
    judged = {"probe": judge(net, {s: x[left] for s, x in by_side.items()}, labels[left])}
    losses = train_with(net, images.subset(training), settings, extra)
    judged["end"] = judge(net, views_of(net, held_out, SIDES), labels[left])
    for when, views in judged.items():
        told = (f"{view} {v['accuracy']:.4f} {v['loss']:.4f}" for view, v in views.items())
        print(f"  {when}: {', '.join(told)}", flush=True)
    return Entry(settings, figures={"loss": losses, "judged": judged})


if __name__ == "__main__":
    recipe = load_recipe("full")
    names = sys.argv[1:] or list(IDEAS)
    known = vars(BASE)
    cases = [
        (
            replace(BASE, **{k: v for k, v in IDEAS[name].items() if k in known}),
            {"idea": name, "half": half},
        )
        for half in HALVES
        for name in names
    ]
    study("weigh-adam", recipe, cases, RESULTS, run_case=weigh)

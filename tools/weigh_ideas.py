"""Weigh ideas for `fine_tune`, one at a time, on parts of the training set alone.

    HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/weigh_ideas.py [IDEA ...]

Each idea is trained on four fifths and judged on the fifth that is left, by several views of each
picture: the centre at 224 and 288 pixels, with and without its mirror image. The output layer is
trained first, on the mean features of the views in PROBED. Beside the end stands the net half way
between probe and end (Wortsman et al. 2022). Minutes a run; what is done is not done again.
"""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from choose_recipe import folds, new_net
from mxnet import autograd, gluon, nd
from PIL import Image, ImageEnhance

from hotdog_ft import load_recipe
from hotdog_ft.augment import TestAugs, TrainAugs
from hotdog_ft.learning import learning_as_set
from hotdog_ft.loader import BatchLoader
from hotdog_ft.mxnet_internals import arrays_of, parameters
from hotdog_ft.probe import extract_features, fit_output
from hotdog_ft.records import Entry
from hotdog_ft.settings import FINE_TUNE
from hotdog_ft.studies import study
from hotdog_ft.training import new_trainer

RESULTS = Path(__file__).parents[1] / "results"
VIEWS = {
    "224": [224],
    "224 mirrored": [224, -224],
    "288 mirrored": [288, -288],
    "both mirrored": [224, -224, 288, -288],
}
PROBED = "both mirrored"
BASE = replace(FINE_TUNE, num_epochs=3)
# What differs: settings, and what only this tool knows ("mixup", "smoothing", "colour", "depth").
IDEAS = {
    "as it is": {},
    "three times the rate": {"learning_rate": 0.003},
    "last stage": {"trained": "last stage", "learning_rate": 0.003},
    "label smoothing": {"smoothing": 0.1},
    "mixup": {"mixup": 0.2},
    "colour": {"colour": 0.4},
    "smaller crops": {"crop_scale": (0.2, 1.0)},
    "five epochs": {"num_epochs": 5},
    "rates fall with depth": {"depth": 0.5, "learning_rate": 0.002},
    "larger pictures": {"size": 288},
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


def mean_features(net, images, sides):
    return np.mean(
        [extract_features(net, BatchLoader(images, view_of(side), 32))[0] for side in sides], axis=0
    )


@cache
def source_features(recipe, side):
    return mean_features(recipe.load_pretrained_net(), recipe.load_data()[0], [side])


def judge(net, images):
    """For each view, a string with 1 for each picture that the net has right, else 0."""
    by_side = {s: mean_features(net, images, [s]) for s in (224, -224, 288, -288)}
    labels = np.array(images.labels)
    right = {}
    for name, sides in VIEWS.items():
        features = np.mean([by_side[side] for side in sides], axis=0)
        hits = net.output(nd.array(features)).asnumpy().argmax(axis=1) == labels
        right[name] = "".join(str(int(hit)) for hit in hits)
    return right


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


def weigh(recipe, settings, idea, fold, checkpoint=None):
    extra = {k: v for k, v in IDEAS[idea].items() if k not in vars(settings)}
    images = recipe.load_data()[0]
    training, validation = folds(recipe)[fold]
    net = new_net(recipe, settings)
    features = np.mean([source_features(recipe, side) for side in VIEWS[PROBED]], axis=0)
    fit_output(net, features[training], np.array(images.labels)[training], settings)
    start = arrays_of(net)
    held_out = images.subset(validation)
    right = {"probe": judge(net, held_out)}
    losses = train_with(net, images.subset(training), settings, extra)
    right["end"] = judge(net, held_out)
    end = arrays_of(net)
    for name, parameter in parameters(net).items():
        parameter.set_data(nd.array((start[name] + end[name]) / 2))
    right["half way"] = judge(net, held_out)
    accuracy = {
        f"{when}, {view}": hits.count("1") / len(hits)
        for when, views in right.items()
        for view, hits in views.items()
    }
    print({name: round(value, 4) for name, value in accuracy.items()}, flush=True)
    return Entry(settings, figures={"loss": losses, "accuracy": accuracy, "right": right})


if __name__ == "__main__":
    recipe = load_recipe("full")
    names = sys.argv[1:] or list(IDEAS)
    known = vars(BASE)
    cases = [
        (
            replace(BASE, **{k: v for k, v in IDEAS[name].items() if k in known}),
            {"idea": name, "fold": fold},
        )
        for fold in range(2)
        for name in names
    ]
    study("weigh-ideas", recipe, cases, RESULTS, run_case=weigh)

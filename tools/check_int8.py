"""What int8 costs in accuracy, picture by picture, against float32.

    HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/check_int8.py
    ... python tools/check_int8.py --seeds N

The first call looks at the training pictures alone: ranges are found on 32, 96 and
256 of them, from the lowest to the highest value and by the least divergence (MXNet's "entropy");
the output layer is trained on the features, in five-fold cross-validation. The second call trains a
net for each seed as `fine_tune` does, ten minutes on two cores, and tests it in both precisions.
HOTDOG_FT_MODE=mini takes the drawings; what is done is not done again.
"""

import argparse
import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from choose_recipe import accuracy_and_loss, folds, new_net
from cross_validate import tell
from mxnet import nd
from mxnet.contrib.quantization import combine_histogram

from hotdog_ft import load_recipe, train
from hotdog_ft.augment import TestAugs
from hotdog_ft.evaluation import logits_of, pack_answers
from hotdog_ft.inference import outputs
from hotdog_ft.loader import plain_loader
from hotdog_ft.precision import features_for_batches, ranges_for
from hotdog_ft.probe import fit_output
from hotdog_ft.quantization import find_ranges, layer_values
from hotdog_ft.records import Entry
from hotdog_ft.studies import study

RESULTS = Path(__file__).parents[1] / "results"
BINS = 8001  # of a histogram of each layer, as in MXNet


def evenly(images, count):
    return images.subset(np.unique(np.linspace(0, len(images) - 1, count).astype(int)))


def by_divergence(net, images):
    """The ranges by which int8 tells the least less about how a layer's values are distributed."""
    augs, block, found = TestAugs(net.size), None, {}
    for number, (picture, _) in enumerate(images):
        X = augs(picture)[None]
        if number % 2 and net.mirrored:
            X = X[..., ::-1]
        if block is None:
            block = layer_values(net, X)
        for place, values in enumerate(layer.asnumpy() for layer in block(nd.array(X))):
            limits = values.min(), values.max(), abs(values).max()
            if place in found:
                found[place] = combine_histogram(found[place], values, *limits)
            else:
                histogram = np.histogram(values, BINS, (-limits[2], limits[2]))
                found[place] = *histogram, *limits
    ranges = []
    for counts, edges, low, _, _ in found.values():
        signed = low < 0
        bound, _ = nd.contrib.calibrate_entropy(
            nd.array(counts), nd.array(edges), num_quantized_bins=255 if signed else 511
        )
        ranges.append([-bound.asscalar() if signed else 0.0, bound.asscalar()])
    return ranges


WAYS = {"lowest to highest": find_ranges, "least divergence": by_divergence}


@lru_cache(maxsize=2)
def features(recipe, settings, ranges, pictures, count):
    """The source net's features of each view, in the precision that is asked for."""
    images = evenly(recipe.load_data()[0], count)
    net = recipe.load_pretrained_net()
    net.size, net.mirrored = settings.test_size, settings.test_mirrored
    if ranges:
        net.ranges = WAYS[ranges](net, evenly(images, pictures))
    views, block = [], None
    for X, _ in plain_loader(images, net.size):
        if block is None:
            block = features_for_batches(net, X, "int8" if ranges else "float32")
        both = [X, X[..., ::-1]][: 1 + net.mirrored]
        views.append([outputs(block, view).reshape(len(X), -1) for view in both])
    return [np.concatenate(view) for view in zip(*views)], np.array(images.labels)


def off(found, wanted):
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def cross_validate(recipe, settings, ranges, pictures, count, checkpoint=None):
    views, labels = features(recipe, settings, ranges, pictures, count)
    wanted, _ = features(recipe, settings, None, 0, count)
    source = recipe.load_pretrained_net().output
    choices = [outputs(source, x) for x in (views[0], wanted[0])]
    logits = {}
    for training, part in folds(len(labels)):
        net = new_net(recipe, settings)
        fit_output(net, views[0][training], labels[training], settings)
        answers = np.mean([outputs(net.output, x[part]) for x in views], axis=0)
        logits.update(zip(part, answers))
    logits = np.stack([logits[place] for place in range(len(labels))])
    accuracy, loss = accuracy_and_loss(logits, labels)
    figures = {
        "features_off": off(views[0], wanted[0]),
        "logits_off": off(*choices),
        "same_first_choice": float(np.equal(*[x.argmax(axis=1) for x in choices]).mean()),
    }
    print(f"{ranges}, {pictures}: {figures}", flush=True)
    answers = {"accuracy": accuracy, "loss": loss, **pack_answers(logits=logits, labels=labels)}
    return Entry(settings, figures={**figures, **answers})


def train_and_test(recipe, settings, checkpoint=None):
    train_imgs, test_imgs = recipe.load_data()
    net = new_net(recipe, settings)
    history = train(net, train_imgs, None, settings, checkpoint=checkpoint)
    net.ranges, answers = ranges_for(net, train_imgs, "int8"), {}
    for precision in ("float32", "int8"):
        labels, logits = logits_of(net, test_imgs, precision)
        accuracy, loss = accuracy_and_loss(logits, labels)
        answers[precision] = {"accuracy": accuracy, "loss": loss, **pack_answers(labels, logits)}
    return Entry(settings, history, figures={"answers": answers})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, metavar="N", help="train and test nets of N seeds")
    options = parser.parse_args()
    recipe = load_recipe(os.environ.get("HOTDOG_FT_MODE") or "full")
    if options.seeds:
        cases = [replace(recipe.lp_ft, seed=seed) for seed in range(options.seeds)]
        record = study("int8-nets", recipe, cases, RESULTS, run_case=train_and_test)
        for entry in record.only(cases).entries:
            print(f"seed {entry.settings.seed}")
            tell([entry], "float32")
        return
    settings, count = replace(recipe.lp_ft, num_epochs=0), len(recipe.load_data()[0])
    ways = [(None, 0), *((way, n) for way in WAYS for n in (32, 96, 256))]
    cases = [(settings, {"ranges": way, "pictures": n, "count": count}) for way, n in ways]
    record = study("int8-features", recipe, cases, RESULTS, run_case=cross_validate)
    answers = {}
    for entry in record.only([settings]).entries:
        case = entry.case
        name = f"{case['ranges']}, {case['pictures']} pictures" if case["ranges"] else "float32"
        answers[name] = entry.figures
    tell([Entry(settings, figures={"answers": answers})], "float32")


if __name__ == "__main__":
    main()

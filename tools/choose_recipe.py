"""Choose how to probe and to fine-tune, on parts of the training set, not on the test set.

    HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/choose_recipe.py

Weight decay of the probe, with and without mirror images: five-fold cross-validation. Crops and
the output layer's share of the rate, and a rate for the chapter's own fine-tuning: trained on four
fifths, compared on the fifth that is left.
What is done is not done again.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from hotdog_ft import finetune_net, load_recipe, seed_everything, train
from hotdog_ft.augment import TestAugs
from hotdog_ft.evaluation import probabilities
from hotdog_ft.inference import outputs
from hotdog_ft.loader import BatchLoader
from hotdog_ft.probe import extract_features, fit_output
from hotdog_ft.records import Entry
from hotdog_ft.settings import Settings
from hotdog_ft.studies import study
from hotdog_ft.tables import runs_table

RESULTS = Path(__file__).parents[1] / "results"
# What was chosen here. `fine_tune` has since gone on: weigh_in_pytorch.py, cross_validate.py.
CHOSEN = Settings(
    batch_size=32,
    learning_rate=0.001,
    output_lr_mult=0.1,
    momentum=0.9,
    schedule="cosine",
    crop_scale=(0.35, 1.0),
    use_global_stats=True,
    probe_steps=300,
)
PROBES = [
    (replace(CHOSEN, num_epochs=0, probe_weight_decay=decay), {"mirror_images": mirror})
    for decay in (1e-3, 3e-4, 1e-4, 3e-5)
    for mirror in (False, True)
]
LARGER = replace(CHOSEN, num_epochs=0, test_scale=9 / 7, test_mirrored=True)
PROBES += [
    (replace(LARGER, probe_weight_decay=decay), {"mirror_images": False})
    for decay in (3e-4, 2e-4, 1e-4, 5e-5, 2e-5)
]
PROBES += [
    (replace(LARGER, probe_weight_decay=decay), {"mirror_images": True})
    for decay in (1e-4, 5e-5, 3e-5, 2e-5, 1e-5)
]
# the decay that the probe had when crops and rates were compared
COMPARED = replace(CHOSEN, probe_weight_decay=1e-4)
FINE_TUNINGS = [
    (replace(COMPARED, crop_scale=(crop, 1.0), output_lr_mult=mult, num_epochs=n), {"fold": 0})
    for crop, mult, n in (
        (0.35, 0.1, 1),
        (0.7, 0.1, 1),
        (0.7, 0.1, 3),
        (0.35, 0.1, 3),
        (0.08, 1, 3),
    )
]
# the chapter's own fine-tuning; its new layer learns ten times as fast, and is stable to 0.017
BELOW_BOUND = [
    (replace(Settings(), learning_rate=rate, num_epochs=2), {"fold": 0}) for rate in (5e-4, 1.5e-3)
]


def folds(count):
    """Five times indices of so many training pictures: four fifths, and the fifth that is left."""
    order = np.random.default_rng(0).permutation(count)
    return [(np.setdiff1d(order, part), part) for part in np.array_split(order, 5)]


def new_net(recipe, settings):
    seed_everything(settings.seed)
    return finetune_net(recipe.load_pretrained_net(), len(recipe.load_data()[0].classes))


def accuracy_and_loss(logits, labels):
    """Top-1 accuracy and mean cross-entropy in nats."""
    right = probabilities(logits)[np.arange(len(labels)), labels]
    return float((logits.argmax(axis=1) == labels).mean()), float(-np.log(right).mean())


@lru_cache(maxsize=2)
def features(recipe, size, mirrored):
    augs = TestAugs(size)
    view = (lambda picture, rng: augs(picture[:, ::-1])) if mirrored else augs
    return extract_features(
        recipe.load_pretrained_net(), BatchLoader(recipe.load_data()[0], view, 32)
    )


def cross_validate_probe(recipe, settings, mirror_images, checkpoint=None):
    """Train the output layer on stored features of four fifths, five times; it takes seconds."""
    seen_too = mirror_images or settings.test_mirrored
    views = [features(recipe, settings.test_size, m) for m in (False, True)[: 1 + seen_too]]
    learnt, y = views[: 1 + mirror_images], views[0][1]
    tested = views if settings.test_mirrored else views[:1]
    found = []
    for training, validation in folds(len(y)):
        net = new_net(recipe, settings)
        seen = np.concatenate([x[training] for x, _ in learnt])
        fit_output(net, seen, np.tile(y[training], len(learnt)), settings)
        logits = np.mean([outputs(net.output, x[validation]) for x, _ in tested], axis=0)
        found.append(accuracy_and_loss(logits, y[validation]))
    accuracy, loss = zip(*found)
    means = {"mean_valid_acc": np.mean(accuracy), "mean_valid_loss": np.mean(loss)}
    return Entry(settings, figures={"valid_acc": accuracy, **means})


def validate_fine_tuning(recipe, settings, fold, checkpoint=None):
    """Train on four fifths, test on the fifth; minutes a case, so nothing is kept on the way.

    The history's ``test_acc`` is of the fifth; ``valid_loss`` begins with the probe's.
    """
    train_imgs, _ = recipe.load_data()
    training, validation = (train_imgs.subset(part) for part in folds(len(train_imgs))[fold])
    valid_iter = BatchLoader(validation, TestAugs(settings.size), settings.batch_size)
    losses = []

    def note_loss(net):
        logits = np.concatenate([outputs(net, X) for X, _ in valid_iter])
        accuracy, loss = accuracy_and_loss(logits, np.array(validation.labels))
        losses.append(loss)
        print(f"validation accuracy {accuracy:.4f}, loss {loss:.4f}", flush=True)

    probed = new_net(recipe, settings)
    train(probed, training, validation, replace(settings, num_epochs=0))
    note_loss(probed)
    net = new_net(recipe, settings)
    history = train(net, training, validation, settings, after_epoch=lambda _: note_loss(net))
    return Entry(settings, history, figures={"valid_loss": losses})


if __name__ == "__main__":
    recipe = load_recipe("full")
    probes = study("choose-probe", recipe, PROBES, RESULTS, run_case=cross_validate_probe)
    print(runs_table(probes).to_string())
    for name, cases in (("choose-recipe", FINE_TUNINGS), ("choose-below-bound", BELOW_BOUND)):
        study(name, recipe, cases, RESULTS, run_case=validate_fine_tuning)

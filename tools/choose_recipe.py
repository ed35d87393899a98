"""Choose how `fine_tune` probes and fine-tunes, on parts of the training set; the test set is never looked at.

    HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/choose_recipe.py

Weight decay of the probe, with and without mirror images: five-fold cross-validation. Rate, crops and the output
layer's share of the rate: trained on four fifths, compared on the fifth that is left. What is done is not done again.
"""

from functools import lru_cache
from pathlib import Path

import hotdog_ft
import mxnet as mx
import numpy as np
from hotdog_ft.train import batch_logits

RESULTS = Path(__file__).parents[1] / "results"
PROBES = [{"weight_decay": decay, "mirror_images": mirror}
          for decay in (1e-3, 3e-4, 1e-4, 3e-5) for mirror in (False, True)]
FINE_TUNINGS = [{"learning_rate": rate, "smallest_crop": crop, "output_lr_mult": mult, "num_epochs": epochs}
                for rate, crop, mult, epochs in ((0.001, 0.35, 0.1, 1), (0.001, 0.7, 0.1, 1), (0.001, 0.7, 0.1, 3),
                                                 (0.001, 0.35, 0.1, 3), (0.001, 0.08, 1, 3))]


def folds(recipe):
    """Indices of the training pictures, five parts drawn at random."""
    return np.split(np.random.default_rng(0).permutation(len(recipe.load_data()[0])), 5)


def accuracy_and_loss(logits, labels):
    """Top-1 accuracy and mean cross-entropy in nats."""
    log_odds = logits - logits.max(axis=1, keepdims=True)
    log_odds -= np.log(np.exp(log_odds).sum(axis=1, keepdims=True))
    return (float((logits.argmax(axis=1) == labels).mean()),
            float(-log_odds[np.arange(len(labels)), labels].mean()))


@lru_cache(maxsize=2)
def features(recipe, mirrored):
    augs = hotdog_ft.TestAugs(recipe.size)
    view = (lambda picture, rng: augs(picture[:, ::-1])) if mirrored else augs
    return hotdog_ft.extract_features(recipe.load_pretrained_net(),
                                      hotdog_ft.BatchLoader(recipe.load_data()[0], view, 32))


def cross_validate_probe(recipe, weight_decay, mirror_images, checkpoint=None):
    x, y = features(recipe, False)
    found = []
    for fold in folds(recipe):
        part = np.setdiff1d(np.arange(len(y)), fold)
        views = [features(recipe, mirrored)[0][part] for mirrored in (False, True)[:1 + mirror_images]]
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(recipe.load_pretrained_net(), 2)
        hotdog_ft.fit_output(net, np.concatenate(views), np.tile(y[part], len(views)), weight_decay=weight_decay)
        found.append(accuracy_and_loss(batch_logits(net.output, x[fold]), y[fold]))
    accuracy, loss = zip(*found)
    return {"valid_acc": accuracy, "mean_valid_acc": np.mean(accuracy), "mean_valid_loss": np.mean(loss)}


def validate_fine_tuning(recipe, learning_rate, smallest_crop, output_lr_mult, num_epochs, checkpoint=None):
    train_imgs, _ = recipe.load_data()
    fold, *others = folds(recipe)
    training, validation = train_imgs.subset(np.sort(np.concatenate(others))), train_imgs.subset(fold)
    train_iter = hotdog_ft.BatchLoader(training, hotdog_ft.TrainAugs(recipe.size, (smallest_crop, 1)), 32, shuffle=True)
    valid_iter = hotdog_ft.BatchLoader(validation, hotdog_ft.TestAugs(recipe.size), 32)
    hotdog_ft.seed_everything(0)
    net = hotdog_ft.finetune_net(recipe.load_pretrained_net(), 2)
    hotdog_ft.fit_output(net, *hotdog_ft.extract_features(
        net, hotdog_ft.BatchLoader(training, hotdog_ft.TestAugs(recipe.size), 32)), weight_decay=1e-4)  # as recorded
    net.output.collect_params().setattr("lr_mult", output_lr_mult)
    losses = []

    def note_loss(history=None):
        logits = np.concatenate([batch_logits(net, X) for X, _ in valid_iter])
        accuracy, loss = accuracy_and_loss(logits, np.array(validation.labels))
        losses.append(loss)
        print(f"validation accuracy {accuracy:.4f}, loss {loss:.4f}", flush=True)
        return accuracy

    probe_acc = note_loss()
    schedule = mx.lr_scheduler.CosineScheduler(num_epochs * len(train_iter), learning_rate)
    history = hotdog_ft.train(net, train_iter, valid_iter, learning_rate, num_epochs, momentum=0.9,
                              lr_scheduler=schedule, use_global_stats=True, after_epoch=note_loss, checkpoint=checkpoint)
    return {"probe_valid_acc": probe_acc, "valid_loss": losses, "history": history.__dict__}


if __name__ == "__main__":
    recipe = hotdog_ft.load_recipe("full")
    probes = hotdog_ft.study("choose-probe", recipe, PROBES, RESULTS, run_case=cross_validate_probe)
    print(hotdog_ft.runs_table(probes).to_string())
    hotdog_ft.study("choose-recipe", recipe, FINE_TUNINGS, RESULTS, run_case=validate_fine_tuning)

"""Does `fine_tune` gain on its own probe? Five-fold cross-validation on the training set alone.

    HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/cross_validate.py \\
        [--learning-rate RATE] [--trained PART] [--num-epochs N] [--train-precision bfloat16] \\
        [--seed N] [--fraction F] [--folds N]

Every training picture is answered once by a net that has not learnt from it: by the probe, by the
net after the epochs, by the one half way between the two, and by the mean of the nets after the
last three epochs. Five to ten minutes a fold on two cores; what is done is not done again. The
rate is by default what `fine_tune` has with so many pictures. Epochs in bfloat16 are set against
those in float32 too.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from choose_recipe import accuracy_and_loss, folds, new_net

from hotdog_ft import load_recipe, train
from hotdog_ft.evaluation import logits_of, pack_answers
from hotdog_ft.mxnet_internals import arrays_of, set_arrays
from hotdog_ft.records import Entry
from hotdog_ft.settings import FINE_TUNE
from hotdog_ft.studies import study
from hotdog_ft.tables import paired_gain, right_of

RESULTS = Path(__file__).parents[1] / "results"


def mean_of(*nets):
    return {name: np.mean([arrays[name] for arrays in nets], axis=0) for name in nets[0]}


def validate(recipe, settings, fold, checkpoint=None):
    """Train on four fifths; what the probe, the trained net and two means answer on the fifth."""
    images, _ = recipe.load_data()
    training, held_out = (images.subset(part) for part in folds(len(images))[fold])
    net, passed = new_net(recipe, settings), []

    def keep_probe(line):
        if line.startswith("output layer alone"):
            passed.append(arrays_of(net))

    history = train(
        net,
        training,
        None,
        settings,
        report=keep_probe,
        after_epoch=lambda history: passed.append(arrays_of(net)),
    )
    ends = {
        "probe": passed[0],
        "end": passed[-1],
        "half way": mean_of(passed[0], passed[-1]),
        "last three": mean_of(*passed[-3:]),
    }
    answers = {}
    for name, arrays in ends.items():
        set_arrays(net, arrays)
        labels, logits = logits_of(net, held_out)
        accuracy, loss = accuracy_and_loss(logits, labels)
        answers[name] = {"accuracy": accuracy, "loss": loss, **pack_answers(labels, logits)}
        print(f"fold {fold}, {name}: {accuracy:.4f}, loss {loss:.4f}", flush=True)
    return Entry(settings, history, figures={"answers": answers})


def tell(entries, base="probe"):
    """Accuracy and loss over all pictures, and the gain on the answers `base`."""
    of_base = right_of(entries, base)
    for name in entries[0].figures["answers"]:
        right = right_of(entries, name)
        loss = np.mean([entry.figures["answers"][name]["loss"] for entry in entries])
        won, lost, gain, low, high, p = paired_gain(right, of_base)
        print(
            f"{name}: accuracy {right.mean():.4f}, loss {loss:.4f}; {won} won, {lost} lost, "
            f"gain {gain:.4f} ({low:.4f} to {high:.4f}), p {p:.4f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--trained", default=FINE_TUNE.trained, help='or "last stage"')
    parser.add_argument("--num-epochs", type=int, default=FINE_TUNE.num_epochs)
    parser.add_argument("--train-precision", default="float32", help="or bfloat16")
    parser.add_argument("--seed", type=int, default=FINE_TUNE.seed, help="the folds stay")
    parser.add_argument("--fraction", type=float, default=1.0, help="of the four fifths")
    parser.add_argument("--folds", type=int, default=5, metavar="N", help="the first N of five")
    options = vars(parser.parse_args())
    num_folds, recipe = options.pop("folds"), load_recipe("full")
    num_pictures = len(folds(len(recipe.load_data()[0]))[0][0]) * options["fraction"]
    options["learning_rate"] = options["learning_rate"] or float(
        f"{FINE_TUNE.rate_with(num_pictures):.4g}"
    )
    settings = replace(FINE_TUNE, full_rate_pictures=0, **options)
    cases = [(settings, {"fold": fold}) for fold in range(num_folds)]
    record = study("cross-validate", recipe, cases, RESULTS, run_case=validate)
    entries = record.find(settings)
    tell(entries)
    exact = record.find(replace(settings, train_precision="float32"))
    if entries != exact:  # on the folds that both have
        ends = {entry.case["fold"]: entry.figures["answers"]["end"] for entry in exact}
        both = []
        for entry in entries:
            if entry.case["fold"] in ends:
                answers = {"float32": ends[entry.case["fold"]]}
                answers["bfloat16"] = entry.figures["answers"]["end"]
                both.append(Entry(settings, figures={"answers": answers}))
        if both:
            tell(both, "float32")


if __name__ == "__main__":
    main()

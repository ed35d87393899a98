"""The records of ideas weighed in PyTorch, and how the tool reads them."""

import json
import sys

import numpy as np
import pytest
from conftest import ROOT

from hotdog_ft.records import Record
from hotdog_ft.settings import FINE_TUNE
from hotdog_ft.tables import paired_gain, right_of

sys.path.insert(0, str(ROOT / "tools"))
import weigh_in_pytorch as tool

RECORDS = {path.stem: json.loads(path.read_text()) for path in ROOT.glob("results/pytorch/*.json")}


def test_with_one_seed_the_gain_is_that_of_every_other_record():
    rng = np.random.default_rng(0)
    folds = [(fold, rng.random(400) < 0.95, rng.random(400) < 0.9) for fold in range(5)]
    right, before = (np.concatenate(column) for column in list(zip(*folds))[1:])
    _, _, gain, low, high, _ = paired_gain(right, before)
    assert tool.gain(folds) == pytest.approx((gain, (high - low) / 2))
    # the same again as another seed: no more pictures, so no smaller interval
    assert tool.gain(folds * 2) == pytest.approx(tool.gain(folds))


def test_an_entry_keeps_which_pictures_were_wrong():
    margins = {("probe", "288"): np.array([0.5, -1, 0], "float16")}
    entry = tool.entry_of("idea", 3, 1, margins, {"rate": 2e-4})
    assert tool.right_of(entry, "probe").tolist() == [True, False, False]
    answer = entry["answers"]["probe"]["288"]
    # mean of log(1 + exp(-margin)): 0.4741, 1.3133 and log 2 = 0.6931
    assert answer["accuracy"] == pytest.approx(1 / 3) and answer["loss"] == pytest.approx(0.8268)
    assert (entry["seed"], entry["fold"], entry["differs"]) == (3, 1, {"rate": 2e-4})


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_committed_record_agrees_with_itself(name):
    for entry in RECORDS[name]["entries"]:
        assert entry["differs"].keys() <= RECORDS[name]["base"].keys() and entry["held_out"] == 400
        for end, views in entry["answers"].items():
            for view, answer in views.items():
                wrong = tool.right_of(entry, end, view).size - 400 * answer["accuracy"]
                assert len(answer["wrong"]) == pytest.approx(wrong) and answer["loss"] > 0
    assert {entry["idea"] for entry in RECORDS[name]["entries"]} > {"base"}


def test_fine_tune_has_the_most_accurate_of_the_falling_rates():
    entries = RECORDS["falling-full-9f964af2"]["entries"]
    accuracy = {}
    for entry in entries:
        figure = entry["answers"]["end"]["288"]["accuracy"]
        accuracy.setdefault(json.dumps(entry["differs"]), []).append(figure)
    best = json.loads(max(accuracy, key=lambda idea: np.mean(accuracy[idea])))
    chosen = {"rate": FINE_TUNE.learning_rate, "depth": FINE_TUNE.layer_decay}
    assert best == chosen and {len(values) for values in accuracy.values()} == {10}


def test_the_gains_in_the_texts_are_those_of_all_seeds_together():
    """Five seeds in MXNet, and two in PyTorch."""

    def gain_of(pairs):
        gain, half = tool.gain(pairs)
        return f"{gain:.4f} ({gain - half:.4f} to {gain + half:.4f})".replace("-", "−")

    whole = {"trained": "all", "fraction": 1.0, "train_precision": "float32"}
    entries = Record.load("cross-validate-full-9f964af2").find(
        layer_decay=FINE_TUNE.layer_decay, **whole
    )
    ours = [
        (entry.case["fold"], *(right_of([entry], name) for name in ("end", "probe")))
        for entry in entries
    ]
    chosen = {"rate": FINE_TUNE.learning_rate, "depth": FINE_TUNE.layer_decay}
    theirs = [
        (entry["fold"], tool.right_of(entry, "end"), tool.right_of(entry, "probe"))
        for entry in RECORDS["falling-full-9f964af2"]["entries"]
        if entry["differs"] == chosen
    ]
    names = "README.md", "results/README.md"
    readme, results = (" ".join((ROOT / name).read_text("utf-8").split()) for name in names)
    assert len(ours) == 25 and gain_of(ours) in readme and gain_of(ours) in results
    assert len(theirs) == 10 and gain_of(theirs) in results

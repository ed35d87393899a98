"""Tables of runs and intervals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import trained

from hotdog_ft import studies, tables
from hotdog_ft.__main__ import main
from hotdog_ft.history import History
from hotdog_ft.records import Entry, Record
from hotdog_ft.settings import FINE_TUNE, SCRATCH, Settings

RUNS = {"finetune": Settings(), "scratch": SCRATCH, "lp_ft": FINE_TUNE}


def record_of(accuracies):
    """A record in which each run ends with these test accuracies, one a seed."""
    entries = [
        Entry(replace(RUNS[name], seed=seed), History(test_acc=[0.1, accuracy]))
        for name, row in accuracies.items()
        for seed, accuracy in enumerate(row)
    ]
    return Record("compare", "full", {}, {}, entries)


def test_the_seed_table_gives_spread_and_the_smallest_lead():
    accuracies = {
        "finetune": [0.9, 0.8, 0.85],
        "scratch": [0.6, 0.7, 0.5],
        "lp_ft": [0.95, 0.95, 0.95],
    }
    table = tables.seed_table(record_of(accuracies))
    assert list(table) == ["seeds", "mean", "std", "min", "max", "smallest lead"]
    # by hand: mean 0.85, std sqrt((0.05^2 + 0.05^2) / 2) = 0.05, leads 0.3, 0.1, 0.35
    assert table.loc["fine-tuning"].tolist() == [3, 0.85, 0.05, 0.8, 0.9, 0.1]
    assert table.loc["probing, then fine-tuning"].tolist() == [3, 0.95, 0, 0.95, 0.95, 0.25]
    assert table.loc["from scratch", "smallest lead"] == ""
    assert list(table.index) == ["fine-tuning", "from scratch", "probing, then fine-tuning"]


def test_the_seed_table_without_the_scratch_twin_has_no_lead():
    table = tables.seed_table(record_of({"finetune": [0.75], "lp_ft": [0.5]}))
    assert "smallest lead" not in table and table["mean"].tolist() == [0.75, 0.5]
    assert table["std"].eq("").all()  # one seed has no spread


def test_the_result_table_sets_three_runs_beside_the_books():
    history = History(
        num_examples=100,
        loss=[0.5, 0.25],
        train_acc=[0.5, 0.75],
        test_acc=[0.5, 0.6575],
        seconds=[2.0, 2.0],
        compute_seconds=[0.5, 0.5],
    )
    names = ["finetune", "scratch", "lp_ft"]
    table = tables.result_table(dict.fromkeys(names, history))
    assert list(table) == ["fine-tuning", "from scratch", "probing, then fine-tuning"]
    ours = {"loss": 0.25, "train acc": 0.75, "test acc": 0.658, "examples/sec": 200}
    ours |= {"examples/sec with data": 50, "seconds": 4}
    for title in table:
        assert table[title][list(ours)].tolist() == list(ours.values())
    # as printed in chapter 13.2 for one GPU
    book = ["book: loss", "book: train acc", "book: test acc", "book: examples/sec"]
    assert table.loc[book, "fine-tuning"].tolist() == [0.223, 0.926, 0.934, 587.8]
    assert table.loc[book, "from scratch"].tolist() == [0.431, 0.807, 0.809, 649.9]
    assert table.loc[book, "probing, then fine-tuning"].isna().all()


def test_the_runs_table_has_a_column_for_what_varies_and_none_for_the_rest():
    history = History(loss=[0.5], train_acc=[0.75], test_acc=[0.875], seconds=[2.0])
    entries = [
        Entry(Settings(), history, {"row": 934}, {"top1": 0.5}),
        Entry(Settings(learning_rate=1.0), History(), {"row": 713}, diverged="epoch 1"),
        Entry(Settings(), History(probe_acc=0.625), {"row": None}),
    ]
    table = tables.runs_table(Record("rate", "full", {}, {}, entries))
    assert set(table) == {
        *("run", "learning_rate", "row", "loss", "train_acc", "test_acc", "seconds"),
        *("top1", "diverged", "probe_acc"),
    }
    first, second, third = (table.loc[i].dropna().to_dict() for i in range(3))
    whole = {"loss": 0.5, "train_acc": 0.75, "test_acc": 0.875, "seconds": 2.0, "top1": 0.5}
    assert first == {"run": "finetune", "learning_rate": 0.01, "row": 934, **whole}
    assert (second["diverged"], second["learning_rate"]) == ("epoch 1", 1)
    assert "test_acc" not in second and third["test_acc"] == third["probe_acc"] == 0.625


def test_a_record_without_runs_is_an_empty_table():
    assert tables.runs_table(Record("rate", "full", {}, {}, [])).empty


def test_the_interval_of_an_accuracy_is_wilsons():
    # Brown, Cai, DasGupta 2001: centre (k + z²/2)/(n + z²); for k = n/2 the half width is
    # z/(2 sqrt(n + z²))
    low, high = tables.accuracy_interval(0.5, 100)
    half = 1.959964 / (2 * np.sqrt(100 + 1.959964**2))
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)
    low, high = tables.accuracy_interval(1.0, 800)  # never beyond 1, and not empty at the edge
    assert 0.99 < low < 1 and high == 1


def test_the_paired_gap_has_students_interval():
    # gaps 1, 2, 3: mean 2, std 1; t(0.975, 2) = 4.302653 (any table), so ± 4.302653 / sqrt(3)
    mean, low, high = tables.paired_gap([1, 3, 5], [0, 1, 2])
    assert (mean, low, high) == pytest.approx((2, 2 - 2.484138, 2 + 2.484138), abs=1e-5)


SHORT = History(
    num_examples=8,
    loss=[0.5],
    train_acc=[0.75],
    test_acc=[0.875],
    seconds=[2.0],
    compute_seconds=[1.0],
    test_seconds=[0.1],
)


@pytest.mark.parametrize("classes", [["cat", "dog", "owl"], ["cat", "dog"], [], None])
def test_report_42_the_books_figures_are_set_beside_hot_dogs_alone(classes):
    ours = tables.result_table({"finetune": SHORT}, classes)
    assert len(ours) == 6 and not [row for row in ours.index if "book" in row]
    hot_dogs = tables.result_table({"finetune": SHORT}, ["not-hotdog", "hotdog"])
    assert hot_dogs.loc["book: test acc", "fine-tuning"] == 0.934


def test_report_42_the_shell_prints_no_figures_of_the_book_for_other_classes(
    own_data, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(studies, "train", trained(SHORT))
    data, weights = own_data
    command = ["compare", "--mode", "full", "--data", data, "--weights", weights]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "0.875" in printed and "book" not in printed and "0.934" not in printed


class TestWorstConfusions:
    def test_report_46_they_are_listed_by_count_and_by_share(self):
        # of 10 cats 3 are taken for dogs, of 6 dogs 3 for cats, of 4 owls 1 for a cat
        names = ["cat", "dog", "owl"]
        counts = pd.DataFrame([[7, 3, 0], [3, 3, 0], [1, 0, 3]], names, names)
        found = tables.worst_confusions(counts)
        assert found.to_dict("split")["data"] == [
            ["dog", "cat", 3, 0.5],
            ["cat", "dog", 3, 0.3],
            ["owl", "cat", 1, 0.25],
        ]
        assert tables.worst_confusions(counts, n=1).true.tolist() == ["dog"]

    def test_report_47_a_class_that_is_never_predicted_has_all_its_pictures_in_it(self):
        table = pd.crosstab(pd.Series(list("aab")), pd.Series(list("aaa")))
        assert tables.worst_confusions(table).to_dict("split")["data"] == [["b", "a", 1, 1.0]]

    def test_without_confusions_it_is_an_empty_table_with_its_columns(self):
        found = tables.worst_confusions(pd.DataFrame([[1, 0], [0, 0]]))
        assert list(found) == ["true", "predicted", "count", "share"] and len(found) == 0


def test_the_paired_gain_is_that_of_the_pictures_that_changed():
    # Agresti, Categorical Data Analysis, 10.1: of 1,600 voters 794 approved twice, 150 the first
    # time only, 86 the second time only; the difference is -0.04, its standard error 0.0095
    before = np.repeat([True, True, False, False], [794, 150, 86, 570])
    after = np.repeat([True, False, True, False], [794, 150, 86, 570])
    won, lost, gain, low, high, p = tables.paired_gain(after, before)
    assert (won, lost, gain) == (86, 150, -0.04)
    assert low == pytest.approx(-0.04 - 1.96 * 0.0095, abs=1e-4)
    assert high == pytest.approx(-0.04 + 1.96 * 0.0095, abs=1e-4)
    assert p < 1e-4
    # five changes, all one way: two of the 32 ways that coins may fall
    assert tables.paired_gain([True] * 5, [False] * 5)[-1] == pytest.approx(2 / 32)
    assert tables.paired_gain(before, before) == (0, 0, 0, 0, 0, 1)


@pytest.mark.parametrize("kept, loss, test_acc", [(1, 0.5, 0.9), (0, None, 0.8), (None, 7, 0.4)])
def test_all_figures_of_a_run_are_of_the_epoch_that_was_kept(kept, loss, test_acc):
    history = History(
        10, [], [0.5, 7], [0.8, 0.5], [0.9, 0.4], seconds=[1, 1], compute_seconds=[1, 1]
    )
    history.probe_acc = 0.8
    history.kept_epoch = kept
    table = tables.result_table({"finetune": history}, classes=["a", "b"])
    found = table.iloc[:, 0]
    assert found["test acc"] == test_acc
    assert found["loss"] == loss or (loss is None and np.isnan(found["loss"]))
    assert np.isnan(found["train acc"]) == (loss is None)


def test_a_run_without_a_test_has_no_accuracy_by_minutes():
    assert tables.by_minutes(History(loss=[1, 1], seconds=[60, 60])).empty

"""The two modes, the comparison and its records, and the command line."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import hotdog_ft
import numpy as np
import pytest
from conftest import ROOT, make_source_net
from hotdog_ft import experiment, results
from hotdog_ft.__main__ import main


@pytest.fixture
def own_data(picture_folders, tmp_path):
    """``--data`` and ``--weights`` for full mode, both tiny."""
    make_source_net().save_parameters(str(tmp_path / "net.params"))
    return ["--data", str(picture_folders()), "--weights", str(tmp_path / "net.params")]


@pytest.fixture
def tiny(own_data):
    recipe = hotdog_ft.load_recipe("full", own_data[1], own_data[3])
    return replace(recipe, size=32, batch_size=5, num_epochs=1)


def test_mini_is_the_default_and_needs_no_network():
    recipe = hotdog_ft.load_recipe()
    train_imgs, test_imgs = recipe.load_data()
    assert recipe.mode == "mini" and train_imgs.classes == ["hotdog", "not-hotdog"]
    assert (len(train_imgs), len(test_imgs)) == (600, 400)
    assert "/" not in str(recipe)  # nothing of this machine in a notebook's output


def test_full_mode_takes_data_and_weights_from_the_environment(monkeypatch, own_data):
    monkeypatch.setenv("HOTDOG_FT_MODE", "full")
    monkeypatch.setenv("HOTDOG_FT_DATA", own_data[1])
    monkeypatch.setenv("HOTDOG_FT_WEIGHTS", own_data[3])
    recipe = hotdog_ft.load_recipe()
    assert recipe.load_data()[0].classes == ["a", "b"]
    assert repr(recipe.load_pretrained_net().output) == "Dense(10 -> 5, linear)"
    assert (recipe.batch_size, recipe.num_epochs, recipe.finetune_lr, recipe.scratch_lr, recipe.size) == (
        128, 5, 0.01, 0.1, 224)  # the chapter's


def test_the_chapters_function_has_the_chapters_defaults(monkeypatch, own_data):
    monkeypatch.setenv("HOTDOG_FT_MODE", "full")
    monkeypatch.setenv("HOTDOG_FT_DATA", own_data[1])
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    history = hotdog_ft.train_fine_tuning(net, 0.01)
    assert (history.batch_size, len(history.loss), history.num_examples) == (128, 5, 12)


def test_a_record_holds_every_run_and_where_it_comes_from(tiny, tmp_path):
    lines = []
    record = hotdog_ft.compare(tiny, [0, 1], tmp_path / "results", lines.append)
    path, = (tmp_path / "results").iterdir()
    assert json.loads(path.read_text()) == record == results.load_record(path)
    assert [(run["seed"], run["run"]) for run in record["runs"]] == [
        (seed, name) for seed in (0, 1) for name in hotdog_ft.RUNS]
    assert len(lines) == 7 and str(path) in lines[-1]
    assert record["provenance"]["data"]["train_sha256"] == tiny.load_data()[0].sha256()
    for part in ("weights", "versions", "machine", "date", "commit"):
        assert part in record["provenance"]
    assert str(tmp_path) not in path.read_text()
    table = hotdog_ft.result_table(hotdog_ft.histories(record, 1))
    assert table.loc["fine-tuning", "book: test acc"] == 0.934  # the chapter's printed figures
    assert table.loc["from scratch", "book: test acc"] == 0.809


def test_a_second_call_runs_only_what_is_missing(tiny, tmp_path):
    first = hotdog_ft.compare(tiny, [0], tmp_path)
    lines = []
    second = hotdog_ft.compare(tiny, [0, 1], tmp_path, lines.append)
    assert second["runs"][:3] == first["runs"] and len(second["runs"]) == 6
    assert not any("seed 0" in line for line in lines)


def test_a_run_that_was_stopped_goes_on_from_its_checkpoint(tiny, tmp_path, monkeypatch):
    recipe = replace(tiny, num_epochs=3)
    whole = hotdog_ft.compare(recipe, [0], tmp_path / "whole")
    epochs = []

    def stop_in_the_second_epoch(*arguments):
        epochs.append(1)
        if len(epochs) == 2:
            raise KeyboardInterrupt
        return hotdog_ft.evaluate(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sys.modules["hotdog_ft.train"], "evaluate", stop_in_the_second_epoch)
        hotdog_ft.compare(recipe, [0], tmp_path / "stopped")
    assert [path.name.endswith("run_finetune-seed_0.checkpoint") for path in (tmp_path / "stopped").iterdir()] == [True]
    again = hotdog_ft.compare(recipe, [0], tmp_path / "stopped")
    for ours, wanted in zip(again["runs"], whole["runs"]):
        assert ours["history"]["loss"] == wanted["history"]["loss"]
    assert not list((tmp_path / "stopped").glob("*.checkpoint"))


def test_another_recipe_data_set_or_mode_never_touches_a_record(tiny, picture_folders, tmp_path):
    hotdog_ft.compare(tiny, [0], tmp_path / "results")
    before = {path: path.read_bytes() for path in (tmp_path / "results").iterdir()}
    other = picture_folders({"train": {"a": 5, "b": 7}, "test": {"a": 3, "b": 3}}, tmp_path / "other")
    hotdog_ft.compare(replace(tiny, num_epochs=2), [0], tmp_path / "results")
    hotdog_ft.compare(replace(tiny, data=str(other)), [0], tmp_path / "results")
    assert len(list((tmp_path / "results").iterdir())) == 3
    assert all(path.read_bytes() == content for path, content in before.items())


def test_report_9_a_seeded_run_of_the_comparison_repeats(tiny):
    for name in hotdog_ft.RUNS:
        first, second = (experiment.run(tiny, name, seed=5)["history"] for _ in range(2))
        assert first["loss"] == second["loss"] and first["test_acc"] == second["test_acc"]


def test_fine_tuning_beats_scratch_on_the_mini_set():
    """One of the five seeds of README's table, on half of the epochs."""
    recipe = replace(hotdog_ft.load_recipe(), num_epochs=5)
    finetuned, scratch = (experiment.run(recipe, name, 0)["history"]["test_acc"] for name in ("finetune", "scratch"))
    assert finetuned[-1] - scratch[-1] >= 0.10


def test_without_the_right_labels_fine_tuning_has_nothing_to_learn():
    """The control: labels dealt at random bring the test accuracy of the same run to chance."""
    recipe = replace(hotdog_ft.load_recipe(), num_epochs=2)
    train_imgs, _ = recipe.load_data()
    train_iter, test_iter = recipe.loaders()
    hotdog_ft.seed_everything(0)
    shuffled = train_imgs.subset(range(len(train_imgs)))
    np.random.shuffle(shuffled.labels)
    train_iter.images = shuffled
    net = hotdog_ft.finetune_net(recipe.load_pretrained_net(), 2)
    history = hotdog_ft.train(net, train_iter, test_iter, recipe.finetune_lr, 2)
    # 400 test pictures: chance is 0.5 with a standard error of 0.025; the net need not be unbiased
    assert history.test_acc[-1] < 0.7


def test_the_seed_table_gives_spread_and_the_smallest_lead():
    accuracies = {"finetune": [0.9, 0.8, 0.85], "scratch": [0.6, 0.7, 0.5]}
    record = {"runs": [{"run": name, "seed": seed, "history": {"test_acc": [0.1, value]}}
                       for name, values in accuracies.items() for seed, value in enumerate(values)]}
    table = hotdog_ft.seed_table(record)
    # by hand: mean 0.85, sd sqrt((0.05^2 + 0.05^2) / 2) = 0.05, leads 0.3, 0.1, 0.35
    assert table.loc["fine-tuning"].tolist() == [3, 0.85, 0.05, 0.8, 0.9, 0.1]
    assert table.loc["from scratch", "smallest lead"] == 0


class TestCommandLine:
    def test_compare_prints_the_table_and_keeps_the_record(self, tmp_path, capsys, monkeypatch):
        history = {"num_examples": 10, "loss": [0.5], "train_acc": [0.7], "test_acc": [0.8], "seconds": [2.0],
                   "compute_seconds": [1.0], "test_seconds": [0.1]}
        monkeypatch.setattr(experiment, "run", lambda recipe, **case: {
            "history": {**history, "batch_size": recipe.batch_size}})
        assert main(["compare", "--out", str(tmp_path), "--seeds", "2", "--epochs", "3", "--batch-size", "8"]) == 0
        printed = capsys.readouterr().out
        assert "mode mini" in printed and "from scratch" in printed and "0.934" in printed
        record = results.load_record(next(tmp_path.glob("*.json")))
        assert next(tmp_path.glob("*.png")).read_bytes().startswith(b"\x89PNG")
        assert record["recipe"]["num_epochs"] == 3 and record["recipe"]["batch_size"] == 8
        assert {run["seed"] for run in record["runs"]} == {0, 1}

    @pytest.mark.parametrize("arguments, words", [
        (["--data", "x"], "full mode"),
        (["--mode", "full", "--data", "absent"], "absent"),
        (["--mode", "full", "--weights", "absent.params"], "absent.params"),
        (["--epochs", "0"], "--epochs must be at least 1"),
        (["--batch-size", "-3"], "--batch-size must be at least 1"),
    ])
    def test_a_fault_is_one_line_and_nothing_is_written(self, arguments, words, picture_folders, tmp_path,
                                                        capsys, monkeypatch):
        if "--weights" in arguments:
            arguments = [*arguments, "--data", str(picture_folders())]
        monkeypatch.chdir(tmp_path)
        assert main(["compare", *arguments]) == 1
        error = capsys.readouterr().err
        assert error.startswith("hotdog_ft: ") and error.count("\n") == 1 and words in error
        assert not (tmp_path / "results").exists()

    def test_ctrl_c_ends_the_command_without_a_traceback(self, tmp_path):
        process = subprocess.Popen([sys.executable, "-m", "hotdog_ft", "compare", "--out", str(tmp_path)], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                                   # shells have their background jobs ignore Ctrl-C, and so would this process
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        assert "mode mini" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert process.returncode == 130
        assert "hotdog_ft: Stopped" in err and "Traceback" not in err

    def test_an_unknown_mode_is_named(self, capsys, monkeypatch):
        monkeypatch.setenv("HOTDOG_FT_MODE", "medium")
        assert main(["compare"]) == 1
        assert "'medium'" in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [[], ["compare"], ["download"]])
    def test_help_is_there(self, arguments, capsys):
        with pytest.raises(SystemExit) as stop:
            main([*arguments, "--help"])
        assert stop.value.code == 0 and "usage: python -m hotdog_ft" in capsys.readouterr().out

"""``python -m hotdog_ft train``: its options, and what it leaves beside the net."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT, make_source_net

from hotdog_ft import splits
from hotdog_ft.__main__ import main
from hotdog_ft.history import History
from hotdog_ft.settings import FINE_TUNE, Settings


@pytest.fixture
def train(picture_folders, tmp_path):
    """A run of a second; more arguments override."""
    make_source_net().save_parameters(str(tmp_path / "source.params"))
    out = tmp_path / "net.safetensors"

    def run(*more):
        paths = ["--data", picture_folders(), "--weights", tmp_path / "source.params", "--out", out]
        return main(["train", *map(str, paths), "--size", "32", "--epochs", "2", *map(str, more)])

    return run


def test_the_history_lies_beside_the_net(train, tmp_path, capsys):
    assert train("--balance", "loss") == 0
    content = json.loads((tmp_path / "net.history.json").read_text())
    assert Settings(**content["settings"]) == Settings(
        **{**vars(FINE_TUNE), "size": 32, "num_epochs": 2, "balance": "loss"}
    )
    history = History(**content["history"])
    assert content["classes"] == ["a", "b"] and content["made"]["date"]
    frame = pd.read_csv(tmp_path / "net.history.csv", index_col="epoch")
    pd.testing.assert_frame_equal(frame, history.to_frame())
    printed = capsys.readouterr().out
    assert str(history) in printed and history.epoch_line(2) in printed.splitlines()


def test_a_finished_net_is_not_trained_over(train, tmp_path, capsys):
    assert train("--epochs", "0") == 0
    left = {path: path.read_bytes() for path in tmp_path.glob("net.*")}
    assert train() == 1
    assert "net.safetensors is there already: remove it" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.glob("net.*")} == left


@pytest.mark.parametrize(
    "option, value, rule",
    [
        ("--learning-rate", "1e300", "from 1e-30 to 1e30"),
        ("--learning-rate", "nan", "from 1e-30 to 1e30"),
        ("--epochs", "-1", "a whole number from 0"),
        ("--batch-size", "0", "a whole number from 1"),
        ("--size", "31", "a whole number from 32"),
        ("--patience", "-2", "a whole number from 0"),
    ],
)
def test_report_86_a_number_out_of_range_is_named_with_its_option(
    option, value, rule, train, capsys
):
    assert train(option, value) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"hotdog_ft: {option}: ") and error.count("\n") == 1 and rule in error


def test_report_66_the_best_epoch_may_be_kept(train, tmp_path, capsys):
    assert train("--keep", "best", "--patience", "1") == 0
    history = History(**json.loads((tmp_path / "net.history.json").read_text())["history"])
    assert history.kept_epoch is not None and history.num_examples == 10  # 2 of 12 are held out
    assert "kept: " in capsys.readouterr().out


def test_without_test_pictures_it_says_so_and_passes_the_share_on(train, monkeypatch, capsys):
    load, shares = splits.load_image_folders, []

    def only_training(path, **options):
        shares.append(options)
        train_imgs, _ = load(path)
        train_imgs.notes = ["3 files are no pictures"]
        return train_imgs, None

    monkeypatch.setattr(splits, "load_image_folders", only_training)
    assert train("--holdout", "0") == 0
    printed = capsys.readouterr().out
    assert "nothing is tested" in printed and "3 files are no pictures" in printed
    assert shares == [{"holdout": 0.0}] and "not tested" in printed


def process(data, tmp_path, *more):
    """The command as a shell starts it: its module has another name than when it is imported."""
    source = tmp_path / "source.params"
    make_source_net().save_parameters(str(source))
    command = [sys.executable, "-m", "hotdog_ft", "train", "--data", data, "--weights", source]
    return subprocess.run(
        [*map(str, command), *more],
        text=True,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--learning-rate", "nan"], "--learning-rate: learning_rate is nan"),
        (["--out", ""], "--out is empty"),
        (["--size", "99999999"], "--size: size is 99999999: it must be"),
    ],
)
def test_report_86_a_bad_value_is_one_line_of_a_real_process(
    arguments, words, picture_folders, tmp_path
):
    run = process(picture_folders(), tmp_path, *arguments)
    assert run.returncode == 1 and run.stderr.startswith("hotdog_ft: ") and words in run.stderr
    assert run.stderr.count("\n") == 1


def test_report_68_a_warning_of_the_command_is_one_line(picture_folders, tmp_path):
    counts = {"train": {"a": 2, "b": 12}, "test": {"a": 2, "b": 2}}
    run = process(picture_folders(counts), tmp_path, "--size=32", "--epochs=0")
    lines = run.stderr.splitlines()
    assert run.returncode == 0 and any(line.startswith("hotdog_ft: 12 pictures") for line in lines)
    assert "UserWarning" not in run.stderr

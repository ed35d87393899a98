"""What holds for any picture, any history, any command line, and records of every version."""

import json
from dataclasses import asdict

import hotdog_ft
import numpy as np
import pytest
from conftest import ROOT
from hotdog_ft import experiment, results
from hotdog_ft.__main__ import main
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=200, deadline=None)
@given(height=st.integers(1, 300), width=st.integers(1, 300), size=st.integers(1, 80),
       seed=st.integers(0, 2**32 - 1), train=st.booleans())
@example(height=1, width=3000, size=224, seed=0, train=True)
@example(height=3000, width=1, size=224, seed=0, train=False)
def test_augmentation_gives_a_finite_square_of_float32_for_any_picture(height, width, size, seed, train):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3), dtype="uint8")
    before = picture.copy()
    x = (hotdog_ft.TrainAugs if train else hotdog_ft.TestAugs)(size)(picture, rng)
    assert x.shape == (3, size, size) and x.dtype == np.float32 and np.isfinite(x).all()
    # the darkest and the brightest value that 8 bits can become, channel by channel
    assert (x.min((1, 2)) >= (0 - 0.485) / 0.229 - 0.5).all() and (x.max((1, 2)) <= (1 - 0.406) / 0.224 + 1e-5).all()
    assert np.array_equal(picture, before)


@settings(deadline=None)
@given(num_examples=st.integers(1, 10**6), batch_size=st.integers(1, 10**4), learning_rate=numbers,
       devices=st.lists(st.text()), epochs=st.lists(st.tuples(*[numbers] * 6)))
def test_a_history_survives_json_whatever_is_in_it(num_examples, batch_size, learning_rate, devices, epochs):
    names = ["loss", "train_acc", "test_acc", "seconds", "compute_seconds", "test_seconds"]
    history = hotdog_ft.History(num_examples, batch_size, learning_rate, devices,
                                **{name: [epoch[i] for epoch in epochs] for i, name in enumerate(names)})
    assert hotdog_ft.History.from_json(history.to_json()) == history
    assert hotdog_ft.History(**json.loads(json.dumps(asdict(history)))) == history
    assert len(history.to_frame()) == len(epochs)


WORDS = ["compare", "--mode", "mini", "full", "neither", "--data", "/absent", "--weights", "/absent.params",
         "--seeds", "0", "-1", "2", "0,7", "1,x", "9999999999", "--epochs", "--batch-size", "1.5", "", "--json",
         "doctor", "train", "predict", "--net", "--out", "net.safetensors", "--size", "--help", "--nonsense", "bánh mì"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.lists(st.sampled_from(WORDS), max_size=6))
@example(arguments=["compare", "--seeds", "0"])
@example(arguments=["compare", "--seeds", "-1"])
@example(arguments=["compare", "--seeds", "9999999999,1"])
@example(arguments=["compare", "--out", "/dev/null"])
@example(arguments=["train", "--data", "/absent", "--epochs", "-1"])
@example(arguments=["predict", "/absent", "--net", "/absent.params"])
def test_no_command_line_ends_in_a_traceback(arguments, monkeypatch, tmp_path, capsys):
    history = {"num_examples": 10, "loss": [0.5], "train_acc": [0.7], "test_acc": [0.8], "seconds": [2.0],
               "compute_seconds": [1.0], "test_seconds": [0.1]}
    monkeypatch.setattr(experiment, "run", lambda recipe, **case: {"history": history})  # the training itself takes its time elsewhere
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse: 0 after --help, 2 with a usage line
        status = stop.code
    printed = capsys.readouterr()
    assert status in (0, 1, 2)
    if status:
        assert printed.err.strip() and "Traceback" not in printed.err


# What version 0.1.0 wrote. Records of people's runs must stay readable: add fields, with defaults.
VERSION_0_1_0 = {
    "mode": "full",
    "recipe": {"mode": "full", "size": 224, "batch_size": 128, "num_epochs": 1, "finetune_lr": 0.01,
               "scratch_lr": 0.1, "lp_ft_lr": 0.001, "lp_ft_batch_size": 32},
    "provenance": {"data": {}, "weights": {}, "versions": {}, "machine": {}, "date": "2026-11-25", "commit": None},
    "runs": [{"run": run, "seed": 0, "commit": None, "history": {
        "num_examples": 2000, "batch_size": 128, "learning_rate": 0.01, "devices": ["cpu(0)"], "loss": [0.5],
        "train_acc": [0.75], "test_acc": [0.8], "seconds": [200.0], "compute_seconds": [190.0],
        "test_seconds": [20.0]}} for run in ("finetune", "scratch", "lp_ft")],
}


def test_a_record_of_version_0_1_0_is_read(tmp_path):
    results.save_record(VERSION_0_1_0, tmp_path / "record.json")
    record = results.load_record(tmp_path / "record.json")
    table = hotdog_ft.result_table(hotdog_ft.histories(record, 0))
    assert table.loc["fine-tuning", "test acc"] == 0.8
    assert hotdog_ft.seed_table(record).loc["fine-tuning", "seeds"] == 1


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("compare-*.json")), ids=lambda path: path.name)
def test_every_committed_record_is_read_and_is_plausible(path):
    record = results.load_record(path)
    assert path.name == hotdog_ft.experiment.record_name(record)
    for entry in record["runs"]:
        history = hotdog_ft.History(**entry["history"])
        assert len(history.loss) == record["recipe"]["num_epochs"]
        assert all(0 <= value <= 1 for value in history.train_acc + history.test_acc)
        assert all(np.isfinite(history.loss)) and min(history.seconds) > 0
        assert history.num_examples == record["provenance"]["data"]["train_pictures"]
    assert len(hotdog_ft.seed_table(record)) == 3


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2", b"\xff\xfe", b"<html>"])
def test_what_is_no_record_is_named(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(hotdog_ft.DataError, match="record.json"):
        results.load_record(tmp_path / "record.json")

"""The command line."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, make_source_net, trained
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import hotdog_ft
from hotdog_ft import recipe, studies
from hotdog_ft.__main__ import main
from hotdog_ft.history import History
from hotdog_ft.records import Record


@pytest.fixture
def no_training(monkeypatch):
    """`compare` without the training, which takes its time elsewhere."""
    history = History(
        num_examples=10,
        loss=[0.5],
        train_acc=[0.75],
        test_acc=[0.875],
        seconds=[2.0],
        compute_seconds=[1.0],
        test_seconds=[0.1],
    )
    monkeypatch.setattr(studies, "train", trained(history))


def is_one_line(error, words):
    return error.startswith("hotdog_ft: ") and error.count("\n") == 1 and words in error


class TestCompare:
    def test_it_prints_the_table_and_keeps_the_record(self, tmp_path, capsys, no_training):
        options = ["--seeds", "2", "--epochs", "3", "--batch-size", "8"]
        assert main(["compare", "--out", str(tmp_path), *options]) == 0
        printed = capsys.readouterr().out
        assert "mode mini" in printed and "from scratch" in printed and "0.934" in printed
        assert "Test accuracy over all seeds" in printed and "0.875" in printed
        record = Record.load(next(tmp_path.glob("*.json")))
        assert next(tmp_path.glob("*.png")).read_bytes().startswith(b"\x89PNG")
        used = [entry.settings for entry in record.entries]
        assert [(s.num_epochs, s.batch_size) for s in used] == [(3, 8)] * 6
        assert [s.seed for s in used] == [0, 0, 0, 1, 1, 1]

    def test_seeds_may_be_a_list(self, tmp_path, capsys, no_training):
        assert main(["compare", "--out", str(tmp_path), "--seeds", "3,7"]) == 0
        record = Record.load(next(tmp_path.glob("*.json")))
        assert {entry.settings.seed for entry in record.entries} == {3, 7}

    @pytest.mark.parametrize(
        "arguments, words",
        [
            (["--data", "x"], "full mode"),
            (["--mode", "full", "--data", "absent"], "absent"),
            (["--mode", "full", "--weights", "absent.params"], "absent.params"),
        ],
    )
    def test_a_fault_is_one_line_and_nothing_is_written(
        self, arguments, words, picture_folders, tmp_path, capsys, monkeypatch
    ):
        if "--weights" in arguments:
            arguments = [*arguments, "--data", str(picture_folders())]
        monkeypatch.chdir(tmp_path)
        assert main(["compare", *arguments]) == 1
        assert is_one_line(capsys.readouterr().err, words)
        assert not (tmp_path / "results").exists()

    @pytest.mark.parametrize("option, value", [("--epochs", "0"), ("--batch-size", "-3")])
    def test_a_number_out_of_range_is_named_with_its_option(self, option, value, capsys):
        with pytest.raises(SystemExit) as stop:
            main(["compare", option, value])
        error = capsys.readouterr().err
        assert stop.value.code == 2 and f"{option}: {value} must be a whole number" in error

    @pytest.mark.parametrize("seeds", ["0", "-1", "4294967296,1", "1,x", "1.5"])
    def test_seeds_that_are_none_are_refused(self, seeds, capsys):
        with pytest.raises(SystemExit) as stop:
            main(["compare", f"--seeds={seeds}"])
        assert stop.value.code == 2 and "--seeds" in capsys.readouterr().err

    def test_ctrl_c_ends_the_command_without_a_traceback(self, tmp_path):
        process = subprocess.Popen(
            [sys.executable, "-m", "hotdog_ft", "compare", "--out", str(tmp_path)],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            # shells have their background jobs ignore Ctrl-C, and so would this process
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert "mode mini" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert process.returncode == 130
        assert "hotdog_ft: Stopped" in err and "Traceback" not in err

    def test_a_killed_comparison_of_other_pictures_is_left_alone(
        self, own_data, picture_folders, tmp_path
    ):
        """compare A, killed; compare B begins its own record; compare A goes on."""
        a, weights = own_data
        b = picture_folders({"train": {"a": 4, "b": 5}, "test": {"a": 3, "b": 3}}, tmp_path / "B")
        results = tmp_path / "results"

        def compare(data, epochs):
            command = [
                sys.executable,
                "-m",
                "hotdog_ft",
                "compare",
                "--mode",
                "full",
                "--out",
                results,
            ]
            command += ["--data", data, "--weights", weights, "--epochs", epochs]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            return subprocess.Popen(list(map(str, command)), env=environment)

        first = compare(a, 3)
        while not list(results.glob("*.checkpoint")) and first.poll() is None:
            pass
        first.kill()
        first.wait()
        left = {path: path.read_bytes() for path in results.iterdir()}
        assert compare(b, 1).wait() == 0
        assert all(path.read_bytes() == content for path, content in left.items())
        assert compare(a, 3).wait() == 0
        counts = {Record.load(path).about["train_pictures"] for path in results.glob("*.json")}
        assert counts == {12, 9} and not list(results.glob("*.checkpoint"))

    def test_an_unknown_mode_is_named(self, capsys, monkeypatch):
        monkeypatch.setenv("HOTDOG_FT_MODE", "medium")
        assert main(["compare"]) == 1
        assert "'medium'" in capsys.readouterr().err


class TestTrain:
    def arguments(self, root, tmp_path, *more):
        """A run of a second; `more` overrides."""
        make_source_net().save_parameters(str(tmp_path / "source.params"))
        paths = ["--data", str(root), "--weights", str(tmp_path / "source.params")]
        paths += ["--out", str(tmp_path / "net.safetensors")]
        return ["train", *paths, "--size", "32", "--epochs", "1", *more]

    def test_it_saves_a_net_and_predict_uses_it(self, picture_folders, tmp_path, capsys):
        counts = {"train": {"a": 8, "b": 8, "c d": 8}, "test": {"a": 2, "b": 2, "c d": 2}}
        root = picture_folders(counts)
        assert main(self.arguments(root, tmp_path)) == 0
        printed = capsys.readouterr().out
        assert "<ImageFolder train: 8 a, 8 b, 8 c d>" in printed
        assert "output layer alone: test acc" in printed and "examples/sec" in printed
        left = {path.name for path in tmp_path.iterdir()} - {"net.history.json", "net.history.csv"}
        assert left == {"pictures", "source.params", "net.safetensors"}  # no checkpoint
        net = str(tmp_path / "net.safetensors")
        assert main(["predict", "--net", net, str(root / "test")]) == 0
        header, *lines = capsys.readouterr().out.splitlines()
        frame = hotdog_ft.predict(hotdog_ft.load_net(net), root / "test")
        assert header.split() == ["file", "label", "probability"] and len(lines) == len(frame)
        for row, line in zip(frame.itertuples(), lines):
            assert row.file in line and str(row.label) in line

    def test_it_gives_the_net_that_the_library_gives(self, picture_folders, tmp_path, capsys):
        root = picture_folders()
        options = ["--learning-rate", "0.01", "--batch-size", "5"]
        assert main(self.arguments(root, tmp_path, *options)) == 0
        images = hotdog_ft.load_image_folders(root)
        source_net = hotdog_ft.load_net(tmp_path / "source.params")
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(source_net, 2)
        changes = {"size": 32, "num_epochs": 1, "learning_rate": 0.01, "batch_size": 5}
        history = hotdog_ft.fine_tune(net, *images, **changes)
        assert str(history).splitlines()[0] in capsys.readouterr().out
        saved = hotdog_ft.load_net(tmp_path / "net.safetensors")
        ours, theirs = (n.output.weight.data().asnumpy() for n in (net, saved))
        np.testing.assert_array_equal(ours, theirs)

    @pytest.mark.parametrize(
        "arguments, words",
        [
            (["--out", "net.params"], "must end in .safetensors"),
            (["--out", "nowhere/net.safetensors"], "There is no folder nowhere"),
            (["--epochs", "-1"], "num_epochs is -1: it must be a whole number from 0"),
            (["--learning-rate", "0"], "learning_rate is 0.0: it must be from 1e-30"),
            (["--weights", "absent.params"], "absent.params"),
            (["--data", "absent"], "absent"),
        ],
    )
    def test_a_fault_is_one_line_before_any_training(
        self, arguments, words, picture_folders, tmp_path, capsys, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        assert main(["train", "--data", str(picture_folders()), *arguments]) == 1
        assert is_one_line(capsys.readouterr().err, words)
        assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


@pytest.mark.parametrize("arguments", [[], ["compare"], ["train"], ["predict"], ["download"]])
def test_help_is_there(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--help"])
    assert stop.value.code == 0 and "usage: python -m hotdog_ft" in capsys.readouterr().out


PATHS = ["/absent", "/absent.params", "net.safetensors"]
NUMBERS = ["0", "-1", "2", "0,7", "1,x", "9999999999", "1.5"]
OPTIONS = [
    "--mode",
    "--data",
    "--weights",
    "--seeds",
    "--epochs",
    "--batch-size",
    "--net",
    "--out",
    "--size",
]
WORDS = [*PATHS, *NUMBERS, *OPTIONS, "--json", "--help", "--nonsense", "", "bánh mì"]
WORDS += ["compare", "doctor", "train", "predict", "mini", "full", "neither"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arguments=st.lists(st.sampled_from(WORDS), max_size=6))
@example(arguments=["compare", "--out", "/dev/null"])
@example(arguments=["train", "--data", "/absent", "--epochs", "-1"])
@example(arguments=["predict", "/absent", "--net", "/absent.params"])
def test_no_command_line_ends_in_a_traceback(arguments, no_training, monkeypatch, tmp_path, capsys):
    def refuse():
        raise hotdog_ft.DataError("There is no network.")

    monkeypatch.setattr(recipe, "download_hotdog", refuse)
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse: 0 after --help, 2 with a usage line
        status = stop.code
    printed = capsys.readouterr()
    assert status in (0, 1, 2)
    if status:
        assert printed.err.strip() and "Traceback" not in printed.err

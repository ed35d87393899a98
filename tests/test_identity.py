"""A checkpoint belongs to one run: what makes it another run's is named, and nothing is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from conftest import ROOT, make_source_net
from PIL import Image
from run_training import kill_after, start

from hotdog_ft.settings import Settings


def swap_classes(folder):
    (folder / "train/a").rename(folder / "train/c")
    (folder / "train/b").rename(folder / "train/a")
    (folder / "train/c").rename(folder / "train/b")


def rename_class(folder):
    for split in ("train", "test"):
        (folder / split / "b").rename(folder / split / "bánh mì")


def change_a_picture(split):
    def change(folder):
        Image.new("RGB", (48, 40), "red").save(folder / split / "a/0.png")

    return change


def remove_a_picture(folder):
    (folder / "train/b/5.png").unlink()


def move_a_picture(folder):
    """The same files, one of them under another label."""
    (folder / "train/b/5.png").rename(folder / "train/a/6.png")


COSINE = {"schedule": "cosine"}
OTHERS = "its training pictures are others"
# What is different about the second call: done to its folder, or to the run; and what is said.
OTHER_RUNS = {
    "two class folders swapped": (swap_classes, {}, OTHERS),
    "a class has another name": (rename_class, {}, "its classes are a, b instead of a, bánh mì"),
    "a training picture differs": (change_a_picture("train"), {}, OTHERS),
    "a training picture less": (remove_a_picture, {}, OTHERS),
    "a picture under another label": (move_a_picture, {}, OTHERS),
    "a test picture differs": (change_a_picture("test"), {}, "its test pictures are others"),
    "another source net": (None, {"other_source": True}, "its source net is another"),
    "a net from scratch": (None, {"scratch": True}, "its source net is another"),
    "layers frozen by hand": (
        None,
        {"freeze": True},
        "its layers are others, or were frozen or scaled by hand in another way",
    ),
    "another method": (None, {"method": 99}, "it was made by method 1 instead of 99"),
}
OTHER_SETTINGS = {
    "seed": (1, "seed 0 instead of 1"),
    "from_scratch": (True, "from_scratch False instead of True"),
    "trained": ("output", "trained all instead of output"),
    "fraction": (0.5, "fraction 1.0 instead of 0.5"),
    "size": (48, "size 32 instead of 48"),
    "test_scale": (1.5, "test_scale 1.0 instead of 1.5"),
    "test_mirrored": (True, "test_mirrored False instead of True"),
    "crop_scale": ([0.5, 1], "crop_scale [0.08, 1.0] instead of [0.5, 1.0]"),
    "batch_size": (4, "batch_size 3 instead of 4"),
    "num_epochs": (1, "num_epochs 2 instead of 1"),  # more are done already
    "optimizer": ("adam", "optimizer sgd instead of adam"),
    "learning_rate": (0.02, "learning_rate 0.01 instead of 0.02"),
    "full_rate_pictures": (9, "full_rate_pictures 0 instead of 9"),
    "output_lr_mult": (1, "output_lr_mult 10.0 instead of 1.0"),
    "layer_decay": (0.5, "layer_decay 1.0 instead of 0.5"),
    "momentum": (0.5, "momentum 0.9 instead of 0.5"),
    "weight_decay": (0.1, "weight_decay 0.001 instead of 0.1"),
    "schedule": ("cosine", "schedule constant instead of cosine"),
    "use_global_stats": (True, "use_global_stats False instead of True"),
    "probe_steps": (9, "probe_steps 0 instead of 9"),
    "probe_learning_rate": (0.1, "probe_learning_rate 0.01 instead of 0.1"),
    "probe_weight_decay": (0.1, "probe_weight_decay 0.0003 instead of 0.1"),
    "balance": ("loss", "balance none instead of loss"),
    "keep": ("best", "keep last instead of best"),
    "valid_fraction": (0.3, "valid_fraction 0.0 instead of 0.3"),
    "patience": (2, "patience 0 instead of 2"),
    "precision": ("int8", "precision float32 instead of int8"),
    "train_precision": ("bfloat16", "train_precision float32 instead of bfloat16"),
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Checkpoints of a run with a constant rate and of one along a cosine, killed in epoch 3."""
    folder = tmp_path_factory.mktemp("killed")
    make_pictures(folder / "pictures")
    for name, settings in (("constant", {}), ("cosine", COSINE)):
        run = {"data": folder / "pictures", "settings": settings}
        kill_after(start(folder / name, **run), 10)  # 4 batches per epoch: two epochs are saved
        assert (folder / f"{name}.checkpoint").exists()
    return folder


def make_pictures(root):
    for number, split in enumerate(("train", "test")):
        for label, colour in (("a", (200, 40, 40)), ("b", (40, 40, 200))):
            (root / split / label).mkdir(parents=True)
            for i in range(6 - 3 * number):
                shade = tuple(part + 5 * i + number for part in colour)
                Image.new("RGB", (48, 40), shade).save(root / split / label / f"{i}.png")


def refused(out, checkpoint, **run):
    """What the process says of a checkpoint that it must refuse: a line per try."""
    shutil.copy(checkpoint, f"{out}.checkpoint")
    before = checkpoint.read_bytes()
    process = start(out, **run)
    printed, error = process.communicate()
    assert process.returncode == 1 and "batch" not in printed, error
    assert Path(f"{out}.checkpoint").read_bytes() == before  # it is somebody's work
    return error.splitlines()


@pytest.mark.parametrize("what", OTHER_RUNS)
def test_report_37_a_killed_runs_checkpoint_is_refused_when_something_else_differs(
    what, killed, tmp_path
):
    change, run, words = OTHER_RUNS[what]
    shutil.copytree(killed / "pictures", tmp_path / "pictures")
    if change:
        change(tmp_path / "pictures")
    (line,) = refused(
        tmp_path / "run", killed / "constant.checkpoint", data=tmp_path / "pictures", **run
    )
    assert f"run.checkpoint belongs to another run ({words}): " in line
    assert "remove this one to begin again" in line


def test_a_killed_runs_checkpoint_is_refused_when_any_setting_differs(killed, tmp_path):
    assert OTHER_SETTINGS.keys() == {field.name for field in fields(Settings)}
    each = [{name: value} for name, (value, _) in OTHER_SETTINGS.items()]
    lines = refused(
        tmp_path / "run", killed / "constant.checkpoint", data=killed / "pictures", each=each
    )
    assert len(lines) == len(each)
    for line, (_, words) in zip(lines, OTHER_SETTINGS.values()):
        assert f"run.checkpoint belongs to another run ({words}): " in line


def test_along_a_cosine_more_epochs_are_another_run(killed, tmp_path):
    (line,) = refused(
        tmp_path / "run",
        killed / "cosine.checkpoint",
        data=killed / "pictures",
        settings={**COSINE, "num_epochs": 6},
    )
    assert "belongs to another run (num_epochs 4 instead of 6): " in line


def test_everything_that_differs_is_named(killed, tmp_path):
    (line,) = refused(
        tmp_path / "run",
        killed / "constant.checkpoint",
        data=killed / "pictures",
        scratch=True,
        settings={"size": 48, "seed": 1},
    )
    assert "(its source net is another; seed 0 instead of 1; size 32 instead of 48): " in line


class TestTheSameRun:
    """What may differ honestly: the run goes on from where it was killed."""

    def goes_on(self, killed, tmp_path, kept="constant", **run):
        shutil.copy(killed / f"{kept}.checkpoint", tmp_path / "run.checkpoint")
        process = start(tmp_path / "run", **run)
        printed, error = process.communicate()
        assert process.returncode == 0, error
        return printed.count("batch"), json.loads((tmp_path / "run.json").read_text())

    def test_the_folder_may_have_moved(self, killed, tmp_path):
        shutil.copytree(killed / "pictures", tmp_path / "elsewhere/pictures")
        batches, history = self.goes_on(killed, tmp_path, data=tmp_path / "elsewhere/pictures")
        assert batches == 8 and len(history["loss"]) == 4

    def test_with_a_constant_rate_more_epochs_continue_the_run(self, killed, tmp_path):
        more = {"num_epochs": 5}
        batches, history = self.goes_on(killed, tmp_path, data=killed / "pictures", settings=more)
        whole = start(tmp_path / "whole", data=killed / "pictures", settings=more)
        assert whole.communicate()[0].count("batch") == 20
        expected = json.loads((tmp_path / "whole.json").read_text())
        assert batches == 12 and history["loss"] == expected["loss"]

    def test_with_a_constant_rate_fewer_epochs_than_planned_are_a_part_of_it(
        self, killed, tmp_path
    ):
        batches, history = self.goes_on(
            killed, tmp_path, data=killed / "pictures", settings={"num_epochs": 3}
        )
        assert batches == 4 and len(history["loss"]) == 3

    def test_the_number_of_devices_is_no_part_of_it(self, killed, tmp_path):
        batches, history = self.goes_on(killed, tmp_path, data=killed / "pictures", devices=2)
        assert batches == 8 and history["devices"] == ["cpu(0)", "cpu(1)"]


@pytest.mark.parametrize(
    "change, words",
    [
        (swap_classes, "its training pictures are others"),
        (change_a_picture("test"), "its test pictures are others"),
    ],
)
def test_report_37_the_command_line_refuses_and_leaves_no_net(change, words, killed, tmp_path):
    """``train --data A``, Ctrl-C, ``train --data B``."""
    shutil.copytree(killed / "pictures", tmp_path / "B")
    change(tmp_path / "B")
    make_source_net().save_parameters(str(tmp_path / "source.params"))

    def train(data, epochs="400"):
        arguments = ["train", "--data", data, "--weights", tmp_path / "source.params"]
        arguments += ["--size", "32", "--epochs", epochs, "--out", tmp_path / "net.safetensors"]
        return subprocess.Popen(
            [sys.executable, "-m", "hotdog_ft", *map(str, arguments)],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    first, checkpoint = train(killed / "pictures"), tmp_path / "net.checkpoint"
    while not checkpoint.exists() and first.poll() is None:
        pass
    first.send_signal(signal.SIGINT)
    _, error = first.communicate()
    assert first.returncode == 130 and "The same call goes on" in error
    before = checkpoint.read_bytes()
    second = train(tmp_path / "B")
    _, error = second.communicate()
    assert second.returncode == 1 and words in error and error.count("\n") == 1
    assert checkpoint.read_bytes() == before and not (tmp_path / "net.safetensors").exists()

"""What a run says on its way and when it is stopped: lines in a log, bars in a terminal."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, make_source_net, small_net

import hotdog_ft
from hotdog_ft import checkpoint, probe, studies, training
from hotdog_ft.__main__ import main
from hotdog_ft.checks import LearningWarning
from hotdog_ft.history import History, duration
from hotdog_ft.recipe import TITLES
from hotdog_ft.settings import FINE_TUNE, Settings

SMALL = Settings(size=32, batch_size=4, num_epochs=2)
SCRIPT = """
import sys, hotdog_ft
from conftest import make_source_net
train_imgs, test_imgs = hotdog_ft.load_image_folders(sys.argv[1])
net = hotdog_ft.finetune_net(make_source_net(), 2)
hotdog_ft.fine_tune(net, train_imgs, test_imgs, size=32, num_epochs=3, batch_size=4)
"""


def noise(count, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.integers(0, 256, (40, 32, 3), dtype="uint8"), i % 2) for i in range(count)]


def start(folder, stderr):
    paths = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )


LINES = [
    r"features of 12 pictures  \d+\.\d s",
    r"output layer alone  train \d\.\d{3}  test \d\.\d{3}  \d+\.\d s",
    r"learning rate 2\.[23]e-06: fewer than 1,600 pictures",  # 0.0003 * 12 / 1,600 = 2.25e-6
    *(
        rf"epoch {epoch}/3  loss \d\.\d{{3}}  train \d\.\d{{3}}  test \d\.\d{{3}}  \d+\.\d s"
        + ("" if epoch == 3 else r"  eta \d+ s")
        for epoch in (1, 2, 3)
    ),
]


def test_report_65_a_log_gets_a_line_as_soon_as_there_is_something_to_say(picture_folders):
    process = start(picture_folders(), subprocess.PIPE)
    first = process.stdout.readline().decode()  # while the run is on its way
    assert process.poll() is None
    rest, error = process.communicate()
    lines = [first.rstrip("\n"), *rest.decode().splitlines()]
    assert len(lines) == len(LINES)
    for line, pattern in zip(lines, LINES):
        assert re.fullmatch(pattern, line), line
    assert error == b""  # no bar in a file


def test_report_65_a_terminal_has_bars_with_a_total_that_go_away(picture_folders):
    own, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # rows, columns
    process = start(picture_folders(), theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(own, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        shown += part
        if not part:
            break
    os.close(own)
    printed = process.communicate()[0].decode()
    shown = shown.decode()
    assert re.search(r"features: .*/1 ", shown) and re.search(r"epoch 2: .*/3 ", shown)
    assert "\n" not in shown.strip()  # a bar wipes itself out
    assert len(printed.splitlines()) == len(LINES)


def test_report_65_train_is_silent_unless_it_is_asked_for_lines(capsys):
    images, lines = noise(8), []
    history = hotdog_ft.train(small_net(), images, None, SMALL, report=lines.append)
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "test" not in lines[0] and history.test_acc == [] and "not tested" in str(history)
    assert np.isnan(history.last_test_acc) and history.to_frame().test_acc.isna().all()
    hotdog_ft.train(small_net(), images, images, SMALL, valid_imgs=images, report=lines.append)
    assert re.search(r"train \d\.\d{3}  valid (\d\.\d{3})  test \1  ", lines[-1])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("mode", ["mini", "full"])
def test_report_65_compare_has_a_line_per_epoch_too(
    mode, capsys, monkeypatch, tmp_path, picture_folders
):
    def train(net, *arguments, report, **options):
        report("epoch 1/1")
        net.size = 64
        return History(loss=[1.0], train_acc=[1.0], test_acc=[1.0], seconds=[1.0], num_examples=1)

    monkeypatch.setattr(studies, "train", train)
    monkeypatch.setattr(History, "examples_per_sec", 1.0)
    options, titles = ["--mode", mode, "--out", str(tmp_path)], [*TITLES.values()]
    if mode == "full":
        hotdog_ft.save_net(make_source_net(), tmp_path / "net.safetensors", [*"abcde"], 32)
        options += ["--data", str(picture_folders())]
        options += ["--weights", str(tmp_path / "net.safetensors")]
    else:
        titles.remove("fine-tuning below the bound")
    assert main(["compare", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    begun = [before for before, line in zip(lines, lines[1:]) if line == "epoch 1/1"]
    assert sorted(begun) == sorted(f"{title}, seed 0" for title in titles)


def test_a_duration_is_in_words():
    words = {0.4: "0 s", 99: "99 s", 130: "2 min", 5940: "99 min", 12000: "3 h 20 min"}
    assert [duration(seconds) for seconds in words] == list(words.values())


def test_what_is_left_is_estimated_from_the_epochs_that_are_done():
    history = History(loss=[1.0, 0.5], train_acc=[0.5, 1.0], seconds=[8, 10], test_seconds=[2, 4])
    line = "epoch 2/5  loss 0.500  train 1.000  14.0 s  eta 36 s"  # 3 epochs of 12 s
    assert history.epoch_line(5) == line


class TestStopped:
    """Report 85: what was saved is said, and nothing else."""

    settings = replace(FINE_TUNE, size=32, batch_size=4, num_epochs=2, probe_steps=5)

    def stopped(self, picture_folders, path):
        images = hotdog_ft.load_image_folders(picture_folders())
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        with pytest.raises(KeyboardInterrupt) as stop:
            hotdog_ft.train(net, *images, self.settings, checkpoint=path)
        return str(stop.value)

    def test_report_85_during_the_features_nothing_is_saved(
        self, picture_folders, tmp_path, monkeypatch
    ):
        fit = probe.fit_output

        def ctrl_c(*arguments):
            signal.raise_signal(signal.SIGINT)
            fit(*arguments)

        monkeypatch.setattr(probe, "fit_output", ctrl_c)
        words = self.stopped(picture_folders, tmp_path / "c")
        assert words.startswith("Stopped before anything was saved") and "goes on" not in words
        assert not (tmp_path / "c").exists()

    def test_report_85_the_batch_and_the_epoch_are_named(
        self, picture_folders, tmp_path, monkeypatch
    ):
        steps, train_step = [], training.train_step

        def ctrl_c_at_the_fifth(*arguments):  # of three an epoch: twelve pictures, four at a time
            steps.append(1)
            if len(steps) == 5:
                signal.raise_signal(signal.SIGINT)
            return train_step(*arguments)

        monkeypatch.setattr(training, "train_step", ctrl_c_at_the_fifth)
        words = self.stopped(picture_folders, tmp_path / "c")
        assert words.startswith("Stopped after batch 2 of epoch 2, saved in ")

    def test_report_85_a_second_ctrl_c_leaves_what_was_saved_before(
        self, picture_folders, tmp_path, monkeypatch
    ):
        def two(*arguments):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        with monkeypatch.context() as patch:
            patch.setattr(training, "train_step", two)
            words = self.stopped(picture_folders, tmp_path / "c")
        assert f"What was saved before is in {tmp_path / 'c'}" in words and "anew goes on" in words
        images = hotdog_ft.load_image_folders(picture_folders())
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        history = hotdog_ft.train(net, *images, self.settings, checkpoint=tmp_path / "c")
        assert len(history.loss) == 2

    def test_report_85_where_the_first_save_is_stopped_nothing_is_promised(
        self, picture_folders, tmp_path, monkeypatch
    ):
        def interrupted(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(checkpoint.Checkpoint, "save", interrupted)
        words = self.stopped(picture_folders, tmp_path / "c")
        assert words.startswith("Stopped before anything was saved")


def test_too_large_a_batch_says_what_becomes_of_the_checkpoint(tmp_path, monkeypatch):
    def too_large(*arguments):
        raise MemoryError("A batch of 4 … Start again with batch_size=2 or less.")

    monkeypatch.setattr(training, "train_step", too_large)
    with pytest.raises(MemoryError, match=r"Remove .*c before"):
        hotdog_ft.train(small_net(), noise(8), None, SMALL, checkpoint=tmp_path / "c")


class TestAlarms:
    def test_a_loss_above_that_of_guessing_is_said_with_the_cure(self):
        settings = replace(SMALL, learning_rate=20.0, weight_decay=0)
        with pytest.warns(LearningWarning, match=r"rate of 20 is too high.*smaller rate"):
            history = hotdog_ft.train(small_net(), noise(16), None, settings)
        assert np.isfinite(history.loss[-1])

    def test_the_rate_that_is_told_is_the_one_that_was_used(self):
        settings = replace(SMALL, learning_rate=200.0, weight_decay=0, full_rate_pictures=160)
        with pytest.warns(LearningWarning, match="rate of 20 is too high"):
            hotdog_ft.train(small_net(), noise(16), None, settings)

    def test_so_is_an_accuracy_below_that_of_guessing(self):
        images = [(np.full((40, 32, 3), 200 * (i % 2), "uint8"), i % 2) for i in range(40)]
        swapped = [(picture, 1 - label) for picture, label in images]
        settings = replace(SMALL, num_epochs=20, learning_rate=0.5)
        with pytest.warns(LearningWarning, match=r"test accuracy is 0\.000, below the 0\.500"):
            hotdog_ft.train(small_net(), images, swapped, settings)

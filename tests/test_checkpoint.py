"""Runs that are killed, interrupted, resumed: they end as if they had never been stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import hotdog_ft
import mxnet as mx
import numpy as np
import pytest
from conftest import ROOT, make_source_net, values
from mxnet.gluon import nn

# Trains a narrow ResNet for 4 epochs of 4 batches, and says so at each batch.
RUN = """
import json, sys
import hotdog_ft, mxnet as mx, numpy as np
from conftest import make_source_net, values
folder, out = sys.argv[1:3]
hotdog_ft.seed_everything(5)
net = hotdog_ft.finetune_net(make_source_net(), 2)
images, _ = hotdog_ft.load_image_folders(folder)

class Loud(hotdog_ft.BatchLoader):
    def __iter__(self):
        for batch in super().__iter__():
            print("batch", flush=True)
            yield batch

train_iter = Loud(images, hotdog_ft.TrainAugs(32), 3, shuffle=True)
test_iter = hotdog_ft.BatchLoader(images, hotdog_ft.TestAugs(32), 5)
{extra}
history = hotdog_ft.train(
    net, train_iter, test_iter, 0.01, 4, momentum=0.9, checkpoint=out + ".checkpoint",
    lr_scheduler=mx.lr_scheduler.CosineScheduler(16, 0.01))
np.savez(out + ".npz", **values(net))
open(out + ".json", "w").write(history.to_json())
"""
# Stops for ever between writing a checkpoint and giving it its name.
STUCK = """
import pathlib
def stuck(self, target):
    print("writing", flush=True)
    sys.stdin.read()
pathlib.Path.replace = stuck
"""


def start(folder, out, extra=""):
    return subprocess.Popen(
        [sys.executable, "-c", RUN.replace("{extra}", extra), str(folder), str(out)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"})


def finish(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def lines(process, count):
    return [process.stdout.readline() for _ in range(count)]


def same(one, other):
    a, b = np.load(f"{one}.npz"), np.load(f"{other}.npz")
    assert a.files == b.files and all(np.array_equal(a[name], b[name]) for name in a.files)
    a, b = (json.loads(Path(f"{path}.json").read_text()) for path in (one, other))
    return all(a[name] == b[name] for name in a if "seconds" not in name)


@pytest.fixture
def never_stopped(picture_folders, tmp_path):
    folder = picture_folders()
    assert finish(start(folder, tmp_path / "whole")).count("batch") == 16
    return folder, tmp_path / "whole"


def test_a_run_killed_again_and_again_ends_as_the_one_that_was_never_killed(never_stopped, tmp_path):
    folder, whole = never_stopped
    out = tmp_path / "killed"
    process = start(folder, out, STUCK)  # while its first checkpoint is being written
    while process.stdout.readline() != "writing\n":
        pass
    process.kill()
    process.communicate()
    assert not Path(f"{out}.checkpoint").exists()
    for batches in (2, 5, 7):  # in the first epoch, in the second, two epochs on
        process = start(folder, out)
        assert lines(process, batches) == ["batch\n"] * batches
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL and not Path(f"{out}.npz").exists()
    assert finish(start(folder, out)).count("batch") < 16  # it did not begin again
    assert same(whole, out)


def test_ctrl_c_stops_after_the_batch_saves_and_says_how_to_go_on(never_stopped, tmp_path):
    folder, whole = never_stopped
    out = tmp_path / "stopped"
    process = start(folder, out)
    lines(process, 6)  # in the second epoch
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode != 0
    last = err.strip().splitlines()[-1]
    assert "Stopped after" in last and "epoch" in last and f"{out}.checkpoint" in last
    finish(start(folder, out))
    assert same(whole, out)


def batches(n=3):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(4, 3, 32, 32)).astype("float32"), rng.integers(0, 2, 4)) for _ in range(n)]


def small_net(dropout=0.5):
    mx.random.seed(0)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, 2, in_channels=3), nn.BatchNorm(in_channels=4), nn.GlobalAvgPool2D(),
            nn.Dropout(dropout), nn.Dense(2, in_units=4))
    net.initialize(mx.init.Xavier(), force_reinit=True)
    return net


@pytest.mark.parametrize("count, dropout", [(1, 0.5), (2, 0)])
def test_what_comes_after_a_checkpoint_follows_from_it_alone(tmp_path, count, dropout):
    """Dropout draws from mx.random, whose state cannot be read; momentum lives on every device.

    (With several devices MXNet draws dropout masks in the order in which the devices come along.)
    """
    cpus = [mx.cpu(i) for i in range(count)]

    def run(num_epochs, path):
        net = small_net(dropout)
        history = hotdog_ft.train(net, batches(), batches(), 0.1, num_epochs, momentum=0.9, on_devices=cpus,
                                  checkpoint=path)
        return values(net), history, np.random.random()

    hotdog_ft.seed_everything(1)
    whole, history, draw = run(4, tmp_path / "a")
    hotdog_ft.seed_everything(1)
    run(2, tmp_path / "b")
    hotdog_ft.seed_everything(99)
    resumed, history_resumed, draw_resumed = run(4, tmp_path / "b")
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)
    assert history_resumed.loss == history.loss and draw_resumed == draw
    assert run(4, tmp_path / "b")[1].loss == history.loss  # and there is nothing more to do


class TestWrongCheckpoint:
    @pytest.fixture
    def path(self, tmp_path):
        hotdog_ft.train(small_net(), batches(), batches(), 0.1, 1, checkpoint=tmp_path / "c")
        return tmp_path / "c"

    def refused(self, path, words, net=None, rate=0.1, **options):
        content = path.read_bytes()
        with pytest.raises(hotdog_ft.DataError) as error:
            hotdog_ft.train(net or small_net(), batches(), batches(), rate, 2, checkpoint=path, **options)
        assert str(path) in str(error.value) and words in str(error.value)
        assert path.read_bytes() == content  # it is somebody's work

    def test_other_settings(self, path):
        self.refused(path, "learning_rate 0.1; this one has 0.2", rate=0.2)
        self.refused(path, "momentum", momentum=0.5)

    def test_another_network(self, path):
        self.refused(path, "another network", hotdog_ft.finetune_net(make_source_net(), 2))

    @pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
    def test_damage(self, path, share):
        path.write_bytes(path.read_bytes()[:int(path.stat().st_size * share)])
        self.refused(path, "not an intact checkpoint")

    def test_a_parameter_file(self, path):
        small_net().save_parameters(str(path))
        self.refused(path, "not an intact checkpoint")


def test_without_a_checkpoint_ctrl_c_stays_as_it_is():
    before = signal.getsignal(signal.SIGINT)
    seen = []
    hotdog_ft.train(small_net(), batches(), batches(), 0.1, 1,
                    after_epoch=lambda _: seen.append(signal.getsignal(signal.SIGINT)))
    assert seen == [before] and signal.getsignal(signal.SIGINT) == before

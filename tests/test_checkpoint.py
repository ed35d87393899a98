"""Runs that are killed, interrupted, resumed: they end as if they had never been stopped."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from conftest import values
from mxnet.gluon import nn
from run_training import kill_after, start
from safetensors import safe_open
from safetensors.numpy import load, save

import hotdog_ft
from hotdog_ft.checkpoint import interrupts_noted, whole_sha256
from hotdog_ft.settings import FINE_TUNE, Settings

COSINE = {"schedule": "cosine", "probe_steps": 5, "use_global_stats": True}


def finish(process):
    printed, error = process.communicate()
    assert process.returncode == 0, error
    return printed.count("batch")


def same(one, other):
    a, b = np.load(f"{one}.npz"), np.load(f"{other}.npz")
    assert a.files == b.files and all(np.array_equal(a[name], b[name]) for name in a.files)
    a, b = (json.loads(Path(f"{path}.json").read_text()) for path in (one, other))
    return all(a[name] == b[name] for name in a if "seconds" not in name)


@pytest.fixture
def never_stopped(picture_folders, tmp_path):
    run = {"data": picture_folders(), "settings": COSINE}
    assert finish(start(tmp_path / "whole", **run)) == 16
    return run, tmp_path / "whole"


def test_a_run_killed_again_and_again_ends_as_the_one_that_was_never_killed(
    never_stopped, tmp_path
):
    run, whole = never_stopped
    out = tmp_path / "killed"
    process = start(out, **run, stuck=True)  # while its first checkpoint is being written
    while process.stdout.readline() != "writing\n":
        pass
    process.kill()
    process.communicate()
    assert not Path(f"{out}.checkpoint").exists()
    for batches in (2, 5, 7):  # in the first epoch, in the second, two epochs on
        process = start(out, **run)
        kill_after(process, batches)
        assert process.returncode == -signal.SIGKILL and not Path(f"{out}.npz").exists()
    assert finish(start(out, **run)) < 16  # it did not begin again
    assert same(whole, out)


def test_ctrl_c_stops_after_the_batch_saves_and_says_how_to_go_on(never_stopped, tmp_path):
    run, whole = never_stopped
    out = tmp_path / "stopped"
    process = start(out, **run)
    for _ in range(6):  # in the second epoch
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode != 0
    last = error.strip().splitlines()[-1]
    assert "Stopped after" in last and "epoch" in last and f"{out}.checkpoint" in last
    finish(start(out, **run))
    assert same(whole, out)


SETTINGS = Settings(size=32, batch_size=4, num_epochs=4, learning_rate=0.1, momentum=0.9)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [(rng.integers(0, 256, (40, 32, 3), dtype="uint8"), i % 2) for i in range(12)]


def net_with_dropout(dropout=0.5):
    mx.random.seed(0)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, 2, in_channels=3), nn.BatchNorm(in_channels=4), nn.GlobalAvgPool2D())
    net.add(nn.Dropout(dropout), nn.Dense(2, in_units=4))
    net.initialize(mx.init.Xavier(), force_reinit=True)
    return net


class Stop(Exception):
    pass


def stop_after(epochs):
    def after_epoch(history):
        if len(history.loss) > epochs:
            raise Stop

    return after_epoch


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("count, dropout", [(1, 0.5), (2, 0)])
def test_what_comes_after_a_checkpoint_follows_from_it_alone(
    tmp_path, images, count, dropout, optimizer
):
    """Dropout draws from mx.random, whose state cannot be read; momentum lives on every device.
    (With several devices MXNet draws dropout masks in the order in which the devices come along.)
    """

    def run(path, net=None, **options):
        net = net or net_with_dropout(dropout)
        cpus = [mx.cpu(i) for i in range(count)]
        options = {"devices": cpus, "checkpoint": path, **options}
        settings = replace(SETTINGS, optimizer=optimizer)
        history = hotdog_ft.train(net, images, images, settings, **options)
        return values(net), history, np.random.random()

    whole, history, draw = run(tmp_path / "a")
    with pytest.raises(Stop):
        run(tmp_path / "b", after_epoch=stop_after(2))
    hotdog_ft.seed_everything(99)
    resumed, history_resumed, draw_resumed = run(tmp_path / "b")
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)
    assert history_resumed.loss == history.loss and draw_resumed == draw
    assert run(tmp_path / "b")[1].loss == history.loss  # and there is nothing more to do


def test_whether_a_checkpoint_is_kept_changes_nothing(tmp_path, images):
    with_one, without = net_with_dropout(), net_with_dropout()
    hotdog_ft.train(with_one, images, images, SETTINGS, checkpoint=tmp_path / "c")
    hotdog_ft.train(without, images, images, SETTINGS)
    a, b = values(with_one), values(without)
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_the_same_net_may_go_on_where_its_checkpoint_left_it(tmp_path, images):
    """In a notebook only the cell that trains is run again; the net has moved meanwhile."""
    net, whole = net_with_dropout(), net_with_dropout()

    def interrupt(history):
        if len(history.loss) == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="Stopped after epoch 2"):
        options = {"after_epoch": interrupt, "checkpoint": tmp_path / "c"}
        hotdog_ft.train(net, images, images, SETTINGS, **options)
    history = hotdog_ft.train(net, images, images, SETTINGS, checkpoint=tmp_path / "c")
    expected = hotdog_ft.train(whole, images, images, SETTINGS)
    assert history.loss == expected.loss
    net(mx.nd.zeros((1, 3, 32, 32)))
    net.collect_params()  # it has moved on by hand: neither the start nor what was saved
    net[0].weight.set_data(2 * net[0].weight.data())
    with pytest.raises(hotdog_ft.DataError, match="its source net is another"):
        hotdog_ft.train(net, images, images, SETTINGS, checkpoint=tmp_path / "c")


def test_the_probe_is_not_trained_again(tmp_path, picture_folders, source_net, monkeypatch):
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders())
    options = {"size": 32, "num_epochs": 2, "checkpoint": tmp_path / "c"}
    net = hotdog_ft.finetune_net(source_net, 2)
    with pytest.raises(Stop):
        hotdog_ft.train(
            net,
            train_imgs,
            test_imgs,
            FINE_TUNE_SMALL,
            checkpoint=tmp_path / "c",
            after_epoch=stop_after(1),
        )
    probed = []
    monkeypatch.setattr(hotdog_ft.run, "probe", lambda *arguments: probed.append(arguments))
    net = hotdog_ft.finetune_net(source_net, 2)
    history = hotdog_ft.fine_tune(net, train_imgs, test_imgs, **options)
    assert not probed and 0 <= history.probe_acc <= 1 and len(history.loss) == 2


FINE_TUNE_SMALL = Settings(**{**vars(FINE_TUNE), "size": 32, "num_epochs": 2})


class TestNoCheckpoint:
    """What lies there is damaged, or something else: refused by name, and left as it is."""

    @pytest.fixture
    def path(self, tmp_path, images):
        path = tmp_path / "c"
        hotdog_ft.train(net_with_dropout(), images, images, SETTINGS, checkpoint=path)
        return path

    def refused(self, path, images, words, net=None):
        content = path.read_bytes()
        with pytest.raises(hotdog_ft.DataError) as error:
            net = net or net_with_dropout()
            hotdog_ft.train(net, images, images, SETTINGS, checkpoint=path)
        assert str(path) in str(error.value) and words in str(error.value)
        assert path.read_bytes() == content

    @pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
    def test_damage(self, path, images, share):
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        self.refused(path, images, "not an intact checkpoint")

    def test_one_whose_arrays_have_other_names(self, path, images):
        """As an earlier version wrote it: a run that goes on must not lose what is in them."""
        with safe_open(str(path), "numpy") as file:
            about = json.loads(file.metadata()["hotdog_ft checkpoint"])
        was = load(path.read_bytes()).items()
        tensors = {name.replace("optimizer/", "momentum/"): array for name, array in was}
        del about["sha256"]
        about["sha256"] = whole_sha256(about, tensors)
        path.write_bytes(save(tensors, {"hotdog_ft checkpoint": json.dumps(about)}))
        self.refused(path, images, "another version of hotdog_ft wrote it")

    def test_something_else(self, path, images, tmp_path):
        net_with_dropout().save_parameters(str(path))
        self.refused(path, images, "Name another one")
        for about in ({}, *({"hotdog_ft checkpoint": odd} for odd in ("null", '"x"', "[]", "{}"))):
            path.write_bytes(save({"x": np.zeros(1)}, about))
            self.refused(path, images, "not an intact checkpoint")
        with pytest.raises(hotdog_ft.DataError, match="is no file: name another checkpoint"):
            hotdog_ft.train(net_with_dropout(), images, images, SETTINGS, checkpoint=tmp_path)

    def test_one_of_another_network(self, path, images, source_net):
        other = hotdog_ft.finetune_net(source_net, 2)
        self.refused(path, images, "its source net is another", other)

    def test_arrays_are_labelled_pictures_too(self, path, images):
        others = [(picture, 1 - label) for picture, label in images]
        self.refused(path, others, "its training pictures are others; its test pictures are others")


def test_a_second_ctrl_c_stops_at_once():
    with pytest.raises(KeyboardInterrupt), interrupts_noted(True) as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)


def test_without_a_checkpoint_ctrl_c_stays_as_it_is(images):
    before, seen = signal.getsignal(signal.SIGINT), []
    note = {"after_epoch": lambda _: seen.append(signal.getsignal(signal.SIGINT))}
    hotdog_ft.train(net_with_dropout(), images, images, SETTINGS, **note)
    assert seen == [before] * 4 and signal.getsignal(signal.SIGINT) == before

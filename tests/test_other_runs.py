"""More ways to confuse two runs, in one process: each is refused, or is honestly the same run."""

import json
import os
import signal
from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, values
from mxnet.gluon import nn
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import hotdog_ft
from hotdog_ft.checkpoint import interrupts_noted, whole_sha256
from hotdog_ft.files import DataError, write_whole
from hotdog_ft.folders import ImageFolder
from hotdog_ft.settings import Settings

SETTINGS = Settings(size=32, batch_size=3, num_epochs=4)
PROBED = replace(SETTINGS, probe_steps=5, num_epochs=2)


@pytest.fixture
def folders(picture_folders):
    return hotdog_ft.load_image_folders(picture_folders())


@pytest.fixture
def train(folders, tmp_path, monkeypatch):
    """Train with a checkpoint; ``stop=n`` sends Ctrl-C after n mini-batches."""

    def run(net, settings=SETTINGS, sets=folders, stop=None):
        step, done = hotdog_ft.training.train_step, []

        def stopping_step(*arguments):
            sums = step(*arguments)
            done.append(1)
            if len(done) == stop:
                signal.raise_signal(signal.SIGINT)
            return sums

        with monkeypatch.context() as patch:
            patch.setattr(hotdog_ft.training, "train_step", stopping_step)
            return hotdog_ft.train(net, *sets, settings, checkpoint=tmp_path / "c")

    return run


def new_net(seed=0):
    source_net = make_source_net()
    hotdog_ft.seed_everything(seed)
    return hotdog_ft.finetune_net(source_net, 2)


def stopped(train, net, settings=SETTINGS, batches=5, **options):
    with pytest.raises(KeyboardInterrupt, match="Stopped after"):
        train(net, settings, stop=batches, **options)


def test_an_epoch_that_has_begun_counts_against_fewer_epochs(train):
    stopped(train, new_net(), batches=10)  # in the third epoch: the net is no longer that of two
    with pytest.raises(hotdog_ft.DataError, match="num_epochs 3 instead of 2"):
        train(new_net(), replace(SETTINGS, num_epochs=2))


def test_a_new_output_on_trained_features_is_another_run(train):
    net = new_net()
    train(net, PROBED)
    with pytest.raises(hotdog_ft.DataError, match="its source net is another"):
        train(hotdog_ft.finetune_net(net, 2), PROBED)


def test_without_a_probe_the_output_at_the_start_is_a_part_of_the_run(train):
    stopped(train, new_net())
    with pytest.raises(hotdog_ft.DataError, match="build its net anew, seeded as before"):
        train(new_net(seed=1))


def test_where_the_probe_trains_the_output_its_start_does_not_matter(train):
    stopped(train, new_net(), PROBED)
    assert len(train(new_net(seed=1), PROBED).loss) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.output.collect_params().setattr("wd_mult", 1000),
        lambda net: net.features.collect_params().setattr("lr_mult", 0.5),
        lambda net: hotdog_ft.freeze(net.output),
    ],
)
def test_what_was_set_on_layers_by_hand_is_a_part_of_the_run(train, change):
    stopped(train, new_net())
    net = new_net()
    change(net)
    with pytest.raises(hotdog_ft.DataError, match="its layers are others, or were frozen"):
        train(net)


@pytest.mark.parametrize("other", [nn.Dropout(0.1), nn.Activation("relu"), nn.LeakyReLU(0.1)])
def test_layers_without_parameters_are_a_part_of_the_run(train, other):
    def plain_net(layer):
        mx.random.seed(0)
        net = nn.HybridSequential()
        net.add(nn.Conv2D(4, 3, in_channels=3), layer, nn.GlobalAvgPool2D())
        net.add(nn.Dense(2, in_units=4))
        net.initialize(mx.init.Xavier())
        return net

    stopped(train, plain_net(nn.Dropout(0.5)))
    with pytest.raises(hotdog_ft.DataError, match="its layers are others"):
        train(plain_net(other))


def test_the_pictures_are_those_that_were_read_whatever_lies_there_now(train, folders):
    root = folders[0].root.parent
    for part in ("train", "test"):
        (root / part / "a").rename(root / part / "c")
        (root / part / "b").rename(root / part / "a")
        (root / part / "c").rename(root / part / "b")
    stopped(train, new_net(), sets=folders)  # it learns from what is in memory
    with pytest.raises(hotdog_ft.DataError, match="its training pictures are others"):
        train(new_net(), sets=hotdog_ft.load_image_folders(root))


def test_a_data_set_that_changes_what_it_reads_is_another(train, folders):
    class Grey(ImageFolder):
        def __getitem__(self, index):
            picture, label = super().__getitem__(index)
            return picture.mean(axis=2, keepdims=True).repeat(3, axis=2).astype("uint8"), label

    grey = [Grey(images.root) for images in folders]
    stopped(train, new_net(), sets=grey)
    with pytest.raises(hotdog_ft.DataError, match="its training pictures are others"):
        train(new_net())


def test_class_names_may_be_any_sequence(train, folders):
    for images in folders:
        images.classes = tuple(images.classes)
    stopped(train, new_net())
    assert len(train(new_net()).loss) == 4


class TestDamage:
    @pytest.fixture
    def parts(self, train, tmp_path):
        stopped(train, new_net())
        with safe_open(str(tmp_path / "c"), "numpy") as file:
            about = json.loads(file.metadata()["hotdog_ft checkpoint"])
        return load_file(tmp_path / "c"), about

    @pytest.mark.parametrize(
        "damage",
        [
            lambda tensors, about: tensors["net/output.bias"].fill(7),
            lambda tensors, about: tensors.pop("net/output.bias"),
            lambda tensors, about: about.pop("epoch"),
            lambda tensors, about: about.pop("sha256"),
            lambda tensors, about: about.update(updates=about["updates"] + 1),
            lambda tensors, about: about["history"].update(unknown=1),
        ],
    )
    def test_it_is_no_intact_checkpoint(self, train, tmp_path, parts, damage):
        damage(*parts)
        save_file(parts[0], tmp_path / "c", {"hotdog_ft checkpoint": json.dumps(parts[1])})
        with pytest.raises(hotdog_ft.DataError, match="c is not an intact checkpoint"):
            train(new_net())

    def test_a_setting_that_we_do_not_know_is_named(self, train, tmp_path, parts):
        tensors, about = parts
        about["identity"]["settings"]["warm_up"] = 3
        del about["sha256"]
        about["sha256"] = whole_sha256(about, tensors)
        save_file(tensors, tmp_path / "c", {"hotdog_ft checkpoint": json.dumps(about)})
        with pytest.raises(hotdog_ft.DataError, match="warm_up 3 instead of None"):
            train(new_net())


def test_ctrl_c_is_not_swallowed_when_nothing_is_left_to_train(train, monkeypatch):
    save = hotdog_ft.checkpoint.Checkpoint.save

    def interrupted(*arguments, **options):
        save(*arguments, **options)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(hotdog_ft.checkpoint.Checkpoint, "save", interrupted)
    with pytest.raises(KeyboardInterrupt, match="Stopped after epoch 0"):
        train(new_net(), replace(PROBED, num_epochs=0))


def test_a_signal_that_the_parent_ignores_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # nohup, a script's background job
    try:
        with interrupts_noted(True) as noted:
            signal.raise_signal(signal.SIGINT)
        assert noted == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_no_part_of_a_file_is_left_after_an_interruption(tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "c", b"content")
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_may_lie_in_the_home_folder(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    net = new_net()
    hotdog_ft.train(net, *folders, replace(SETTINGS, num_epochs=1), checkpoint="~/c")
    assert (tmp_path / "c").exists()
    assert np.isfinite(values(net)["output.weight"]).all()


@pytest.mark.parametrize("name", ["file/c", "file/runs/c"])
def test_a_place_for_no_checkpoint_is_told_before_anything_is_learnt(folders, tmp_path, name):
    (tmp_path / "file").touch()
    net = new_net()
    before = values(net)
    with pytest.raises(DataError, match=f"{tmp_path}/file.* cannot be written to"):
        hotdog_ft.train(net, *folders, PROBED, checkpoint=tmp_path / name)
    assert all(np.array_equal(before[key], value) for key, value in values(net).items())

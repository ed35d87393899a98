"""Predictions as a table, and where a picture speaks for a class."""

from dataclasses import replace
from pathlib import Path

import mxnet as mx
import numpy as np
import pandas as pd
import pytest
from conftest import make_source_net
from mxnet.gluon import nn
from picture_zoo import BAD, GOOD

import hotdog_ft
from hotdog_ft.augment import TestAugs
from hotdog_ft.folders import ImageFolder
from hotdog_ft.loader import BatchLoader
from hotdog_ft.picture import SUFFIXES
from hotdog_ft.prediction import occlusion_map

PLAIN = GOOD["plain.png"][0]


@pytest.fixture
def net():
    return hotdog_ft.finetune_net(make_source_net(), 2)


def test_report_31_each_file_gets_its_label_and_a_probability(net, picture_folders):
    root = picture_folders()
    frame = hotdog_ft.predict(net, root / "train", classes=["a", "b"], size=32)
    images = ImageFolder(root / "train")
    X = np.stack([TestAugs(32)(images[i][0]) for i in range(len(images))])
    shares = net(mx.nd.array(X)).softmax().asnumpy()
    assert list(frame.columns) == ["file", "label", "probability"]
    assert frame["file"].tolist() == [str(path) for path in images.paths]
    assert frame["label"].tolist() == [["a", "b"][i] for i in shares.argmax(1)]
    np.testing.assert_allclose(frame["probability"], shares.max(1), rtol=1e-5)


def test_its_labels_give_the_accuracy_that_evaluation_gives(net, picture_folders):
    root = picture_folders()
    images = ImageFolder(root / "test")
    frame = hotdog_ft.predict(
        net, [root / "test/a", root / "test/b"], classes=images.classes, size=32
    )
    right = np.mean([row.file.split("/")[-2] == row.label for row in frame.itertuples()])
    assert right == hotdog_ft.evaluate(net, BatchLoader(images, TestAugs(32), 4))


def test_report_21_all_good_pictures_of_the_zoo_are_predicted(net, tmp_path):
    for name, (content, _, _) in GOOD.items():
        (tmp_path / name).write_bytes(content)
    frame = hotdog_ft.predict(net, tmp_path, size=32)
    assert len(frame) == len(GOOD) and frame["probability"].between(0.5, 1).all()
    assert set(frame["label"]) <= {0, 1}


def test_report_20_all_bad_ones_are_named_and_none_is_predicted(net, tmp_path):
    for name, content in {**BAD, "fine.png": GOOD["plain.png"][0]}.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.predict(net, tmp_path)
    named = [name for name in BAD if Path(name).suffix in SUFFIXES]  # else nobody meant it
    assert len(named) > 8 and all(name in str(error.value) for name in named)
    assert "fine.png" not in str(error.value)
    with pytest.raises(hotdog_ft.DataError, match=r"text\.txt"):  # this one is meant
        hotdog_ft.predict(net, [tmp_path / "fine.png", tmp_path / "text.txt"])


def test_report_59_one_bad_file_does_not_stop_the_others(net, tmp_path):
    for number in range(70):  # three batches
        (tmp_path / f"{number}.png").write_bytes(GOOD["plain.png"][0])
    bad = [0, 33, 69]
    for number in bad:
        (tmp_path / f"{number}.png").write_bytes(BAD["cut-at-0.5.png"])
    frame = hotdog_ft.predict(
        net, tmp_path, ["a", "b"], 32, skip_bad=True, top_k=2, probabilities=True
    )
    names = ["label", "probability", "label_2", "probability_2", "a", "b"]
    assert list(frame.columns) == ["file", *names, "error"]
    assert frame.file.tolist() == [str(tmp_path / f"{number}.png") for number in range(70)]
    assert frame.index[frame.error.notna()].tolist() == bad
    assert frame.loc[bad, names].isna().all(axis=None) and frame.label[0] is None
    assert all(f"{number}.png" in frame.error[number] for number in bad)
    good = frame.drop(index=bad)
    assert good[names].notna().all(axis=None) and set(good.label) == {good.label[1]}
    with pytest.raises(hotdog_ft.DataError, match="3 of 70 pictures are bad"):
        hotdog_ft.predict(net, tmp_path, size=32)


def test_report_59_without_bad_ones_the_column_is_there_too_and_all_bad_is_an_error(net, tmp_path):
    (tmp_path / "1.png").write_bytes(GOOD["plain.png"][0])
    frame = hotdog_ft.predict(net, tmp_path, size=32, skip_bad=True)
    assert frame.error.tolist() == [None] and frame.label.dtype.kind == "i"
    for name in ("2.png", "3.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(hotdog_ft.DataError, match="2 of 2 pictures are bad"):
        hotdog_ft.predict(net, [tmp_path / "2.png", tmp_path / "3.png"], skip_bad=True)
    pictures = [tmp_path / "2.png", tmp_path / "absent.png", 7, b"", tmp_path / "1.png"]
    frame = hotdog_ft.predict(net, pictures, size=32, skip_bad=True)
    assert frame.error.notna().tolist() == [True] * 4 + [False]
    assert frame.label[4] in (0, 1)  # a whole number still


def test_report_67_the_likeliest_classes_and_all_probabilities(net, picture_folders):
    net.output = nn.Dense(4, in_units=10)
    net.output.initialize()
    images = ImageFolder(picture_folders() / "train")
    classes = ["label", "cat", "cat", "file"]  # two are taken, and one comes twice, as in ImageNet
    frame = hotdog_ft.predict(net, images, classes, 32, top_k=3, probabilities=True)
    X = np.stack([TestAugs(32)(images[i][0]) for i in range(len(images))])
    shares = net(mx.nd.array(X)).softmax().asnumpy()
    order = np.argsort(-shares, axis=1)
    for place, end in enumerate(["", "_2", "_3"]):
        assert frame[f"label{end}"].tolist() == [classes[i] for i in order[:, place]]
        expected = np.take_along_axis(shares, order, 1)[:, place]
        np.testing.assert_allclose(frame[f"probability{end}"], expected, rtol=1e-4)
    every = frame[["label (0)", "cat", "cat (2)", "file (3)"]].to_numpy()
    np.testing.assert_allclose(every, shares, rtol=1e-4)
    assert frame.shape == (12, 1 + 6 + 4)
    numbers = hotdog_ft.predict(net, images, size=32, probabilities=True)
    assert list(numbers.columns) == ["file", "label", "probability", 0, 1, 2, 3]


@pytest.mark.parametrize("top_k", [0, -1, 3, 1.5, "2", True, None])
def test_top_k_is_a_number_of_classes(net, top_k):
    with pytest.raises(ValueError, match=f"top_k is {top_k!r}: it must be a whole number from 1"):
        hotdog_ft.predict(net, PLAIN, size=32, top_k=top_k)


@pytest.mark.parametrize("classes", [["a"], list("abc"), "ab", [], {0: "a", 1: "b"}, {"a", "b"}, 2])
def test_report_75_there_is_a_name_for_every_output(net, classes):
    with pytest.raises(ValueError, match="the net has 2 outputs: give classes="):
        hotdog_ft.predict(net, PLAIN, classes=classes, size=32)
    net.classes = classes  # of the layer that was there before
    with pytest.raises(ValueError, match=r"net\.classes is .* the net has 2 outputs"):
        hotdog_ft.predict(net, PLAIN, size=32)
    assert hotdog_ft.predict(net, PLAIN, classes=("a", "b"), size=32).label[0] in ("a", "b")


@pytest.mark.parametrize("size", [0, -32, "224", 31])
def test_a_size_that_is_none_is_named(net, size):
    with pytest.raises(ValueError, match=f"size is {size!r}"):
        hotdog_ft.predict(net, PLAIN, size=size)


def test_training_leaves_names_and_size_for_predictions(tiny):
    for train in (hotdog_ft.fine_tune, hotdog_ft.train):
        net = hotdog_ft.finetune_net(tiny.load_pretrained_net(), 2)
        train_imgs, test_imgs = tiny.load_data()
        train(net, train_imgs, test_imgs, replace(tiny.finetune, num_epochs=0))
        assert (net.classes, net.size) == (["a", "b"], 32)
        assert set(hotdog_ft.predict(net, test_imgs).label) <= {"a", "b"}


def test_folders_are_searched_at_any_depth_and_never_in_a_circle(net, tmp_path):
    (tmp_path / "x/y").mkdir(parents=True)
    (tmp_path / "x/y/1.png").write_bytes(GOOD["plain.png"][0])
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden/2.png").write_bytes(b"not looked at")
    (tmp_path / "Thumbs.db").write_bytes(b"no picture")
    (tmp_path / "x/round").symlink_to(tmp_path, target_is_directory=True)
    assert hotdog_ft.predict(net, tmp_path, size=32).file.tolist() == [str(tmp_path / "x/y/1.png")]


def test_nothing_to_predict_is_an_error(net, tmp_path):
    with pytest.raises(hotdog_ft.DataError, match="no picture"):
        hotdog_ft.predict(net, tmp_path)
    with pytest.raises(hotdog_ft.DataError, match=r"absent\.png"):
        hotdog_ft.predict(net, tmp_path / "absent.png")


def test_names_may_come_in_any_sequence(net):
    names = pd.Series(["a", "b"], index=[7, 8])
    frame = hotdog_ft.predict(net, PLAIN, classes=names, size=32)
    assert frame.equals(hotdog_ft.predict(net, PLAIN, classes=["a", "b"], size=32))


@pytest.mark.parametrize("cell", [(2, 5), (0, 0), (7, 3)])
def test_an_occlusion_map_is_largest_where_the_net_looks(cell):
    """A net whose first logit is the value of one pixel: each loss can be counted by hand."""
    size = 32
    place = tuple(4 * number + 1 for number in cell)  # 8 cells of 4 pixels
    net = nn.Dense(2, in_units=3 * size * size)
    net.initialize(mx.init.Zero())
    weight = np.zeros((2, 3, size, size), "float32")
    weight[(0, 0, *place)] = 1
    net.weight.set_data(mx.nd.array(weight.reshape(2, -1)))
    x = np.random.default_rng(0).normal(size=(3, size, size)).astype("float32")
    x[(0, *place)] = 9
    # a square that covers the pixel costs the logit (value - mean), and half of that in its lead
    # over the mean of both; of the four squares that cover a cell, four, two or one cover the pixel
    lost = (9 - x[0].mean()) / 2
    share = np.zeros((8, 8))
    for row, column in np.ndindex(8, 8):
        share[row, column] = np.prod([max(0, 2 - abs(a - b)) for a, b in zip((row, column), cell)])
    heat = occlusion_map(net, x, 0)
    np.testing.assert_allclose(heat, lost * share / 4, atol=1e-5)
    np.testing.assert_allclose(occlusion_map(net, x, 1), -heat, atol=1e-5)


def test_report_86_what_is_no_net_is_said():
    with pytest.raises(ValueError, match=r"of type str: give what load_net\(path\) returns"):
        hotdog_ft.predict("net.safetensors", PLAIN)
    with pytest.raises(ValueError, match=r"call net\.initialize"):
        hotdog_ft.predict(hotdog_ft.model.nn.Dense(2), PLAIN)

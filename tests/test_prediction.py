"""Predictions as a table, and where a picture speaks for a class."""

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
from hotdog_ft.prediction import occlusion_map


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
    assert all(name in str(error.value) for name in BAD) and "fine.png" not in str(error.value)


def test_folders_are_searched_at_any_depth_and_never_in_a_circle(net, tmp_path):
    (tmp_path / "x/y").mkdir(parents=True)
    (tmp_path / "x/y/1.png").write_bytes(GOOD["plain.png"][0])
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden/2.png").write_bytes(b"not looked at")
    assert len(hotdog_ft.predict(net, tmp_path, size=32)) == 1
    (tmp_path / "x/round").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(hotdog_ft.DataError, match="round"):
        hotdog_ft.predict(net, tmp_path, size=32)


def test_nothing_to_predict_is_an_error(net, tmp_path):
    with pytest.raises(hotdog_ft.DataError, match="no picture"):
        hotdog_ft.predict(net, tmp_path)
    with pytest.raises(hotdog_ft.DataError, match=r"absent\.png"):
        hotdog_ft.predict(net, tmp_path / "absent.png")


def test_names_may_come_in_any_sequence(net, tmp_path):
    (tmp_path / "1.png").write_bytes(GOOD["plain.png"][0])
    names = pd.Series(["a", "b"], index=[7, 8])
    frame = hotdog_ft.predict(net, tmp_path / "1.png", classes=names, size=32)
    assert frame.equals(hotdog_ft.predict(net, tmp_path / "1.png", classes=["a", "b"], size=32))


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

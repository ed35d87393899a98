"""Labels that fit no net, classes that are rare: said before a run, and mended."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import make_source_net, small_net, some_batches, values
from mxnet import autograd, gluon, nd

import hotdog_ft
from hotdog_ft.evaluation import confusion
from hotdog_ft.labels import check_labels, class_weights, labels_of
from hotdog_ft.settings import FINE_TUNE, Settings
from hotdog_ft.subsets import hold_out
from hotdog_ft.training import new_trainer, train_step

SMALL = Settings(size=32, batch_size=5, num_epochs=1)


def pictures(labels, strength=20):
    """Pictures that are the redder the higher their label, under noise."""
    rng = np.random.default_rng(0)
    images = []
    for label in labels:
        pixels = rng.integers(0, 120, (40, 32, 3))
        pixels[..., 0] += int(np.clip(rng.normal(60 + strength * label, 15), 0, 130))
        images.append((pixels.astype("uint8"), label))
    return images


@pytest.mark.parametrize(
    "labels, words",
    [
        (["a", "b"], "'a'.*classes.index"),
        (["0", "1"], "'0'"),
        ([0, 0.5], "0.5"),
        ([0, float("nan")], "nan"),
        ([0, None], "None"),
        ([0, [1]], "whole number from 0"),
        ([np.array([0]), np.array([1])], "whole number from 0"),  # int() takes them
        ([-1, 0], "from -1 to 0.*count them from 0"),
        ([1, 2], "from 1 to 2, the net has 2 outputs: count them from 0, subtract 1"),
        ([0, 2], "from 0 to 2, the net has 2 outputs: .*finetune_net"),
        ([1, 1], "nothing to tell apart"),
    ],
)
@pytest.mark.parametrize("net", [small_net, lambda: hotdog_ft.finetune_net(make_source_net(), 2)])
def test_reports_44_and_86_labels_that_are_no_outputs_are_refused(labels, words, net):
    """Also by a net that has no layer of the name `output`."""
    images = [(np.zeros((40, 32, 3), "uint8"), label) for label in labels]
    with pytest.raises(ValueError, match=words):
        hotdog_ft.train(net(), images, None, SMALL)


PAIRS = [(np.zeros((40, 32, 3), "uint8"), label) for label in (0, 1)]


@pytest.mark.parametrize(
    "images, words",
    [
        (None, "come as NoneType"),
        ("chairs", "come as str: give what load_image_folders opens"),
        ([picture for picture, _ in PAIRS], r"a list of \(picture, label\)"),
        ([(*pair, "note") for pair in PAIRS], r"a list of \(picture, label\)"),
        (iter(PAIRS), "come as list_iterator"),
        (gluon.data.DataLoader(gluon.data.SimpleDataset(PAIRS), 2), "come as DataLoader"),
        ([("chairs/1.jpg", 0), ("chairs/2.jpg", 1)], "a path, chairs/1.jpg: open files with load"),
        ([(b"GIF89a", 0), (b"GIF89a", 1)], "bytes: open files with load_image_folders"),
        (pd.DataFrame({"file": ["1.jpg", "2.jpg"], "label": [0, 1]}), "come as DataFrame"),
    ],
)
def test_report_86_pictures_of_another_kind_are_refused(images, words):
    with pytest.raises(ValueError, match=words):
        hotdog_ft.train(small_net(), images, None, SMALL)


@pytest.mark.parametrize("images", [None, 5, "chairs", PAIRS[0], [PAIRS[0][0]]])
def test_report_86_nothing_else_than_pictures_with_labels_is_evaluated(images):
    net = small_net()
    net.size = 32
    with pytest.raises(ValueError, match="The pictures to evaluate on come as"):
        hotdog_ft.evaluate(net, images)


@pytest.mark.parametrize("kind", [int, bool, float, np.int64, np.float32])
def test_whole_numbers_of_any_type_are_labels(kind):
    images = [(picture, kind(label)) for picture, label in pictures([0, 1] * 3)]
    check_labels(images, "train on", 2)
    assert len(hotdog_ft.train(small_net(), images, images, SMALL).loss) == 1


class Endless:
    """A data set that knows its length alone: any index gives a picture."""

    def __init__(self):
        self.labels = {"a": 0, "b": 1, "c": 2}  # some name their classes so

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return pictures([index % 2])[0]


def test_stored_labels_go_by_their_place():
    """A filtered and shuffled column of pandas has an index of its own."""
    images = Endless()
    images.labels = pd.Series([0, 1] * 3, index=[9, 4, 0, 7, 2, 1])
    rest, held = hold_out(images, 0.34)
    for part in (rest, held):
        assert labels_of(part) == [label for _, label in part]
    assert len(rest) == 4 and sorted(labels_of(held)) == [0, 1]


@pytest.mark.parametrize("classes", [2, None])
def test_a_number_of_classes_is_no_names(classes):
    net, images = small_net(), pictures([0, 1])
    net.size, net.classes = 32, classes
    assert 0 <= hotdog_ft.evaluate(net, images) <= 1


def test_a_data_set_need_not_end_by_an_error():
    assert check_labels(Endless(), "train on").tolist() == [0, 1, 0, 1, 0, 1]
    assert len(hotdog_ft.train(small_net(), Endless(), Endless(), SMALL).test_acc) == 1


def test_report_44_an_output_that_no_picture_teaches_is_named():
    net = hotdog_ft.finetune_net(make_source_net(), 4)
    with pytest.warns(UserWarning, match=r"has the label 0: .*4 outputs.*Do they count from 1\?"):
        hotdog_ft.train(net, pictures([1, 2, 3] * 2), None, SMALL)


def test_sets_whose_classes_have_another_order_are_refused(picture_folders):
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders())
    test_imgs.classes = ["b", "a"]
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    with pytest.raises(ValueError, match="test on have the classes b, a, those to train on a, b"):
        hotdog_ft.train(net, train_imgs, test_imgs, SMALL)


def test_a_rare_class_weighs_as_much_as_a_frequent_one():
    assert class_weights([0] * 6 + [2] * 2).tolist() == pytest.approx([8 / 12, 0, 8 / 4])
    # by hand: the gradient is that of the mean of the weighted losses, w_c = n / (k n_c)
    ((X, _),) = some_batches([4])
    y, weights = np.array([0, 0, 0, 1]), np.array([2 / 3, 2], "float32")
    net, stepped = small_net(), small_net()
    with autograd.record():
        losses = gluon.loss.SoftmaxCrossEntropyLoss()(net(nd.array(X)), nd.array(y))
        total = (losses * nd.array(weights[y])).mean()
    total.backward()
    settings = Settings(weight_decay=0, learning_rate=0.5)
    trainer = new_trainer(stepped, settings, 1)
    devices = [next(iter(stepped.collect_params().values())).list_ctx()[0]]
    loss, _ = train_step(stepped, X, y, trainer, devices, weights)
    assert loss / 4 == pytest.approx(float(total.asscalar()), rel=1e-5)
    after = values(stepped)
    for (name, before), p in zip(values(net).items(), net.collect_params().values()):
        expected = before - 0.5 * p.grad().asnumpy()
        np.testing.assert_allclose(after[name], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("epochs", [0, 1])
def test_report_68_weights_lift_the_rare_class(epochs):
    """20 pictures against 400 that are hard to tell from them."""
    train_imgs = pictures([0] * 400 + [1] * 20)
    test_imgs = pictures([0] * 40 + [1] * 40)[::-1]

    def recalls(balance):
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        settings = replace(FINE_TUNE, size=32, num_epochs=epochs, balance=balance)
        history = hotdog_ft.train(net, train_imgs, test_imgs, settings)
        assert history.class_pictures == {"0": 40, "1": 40}
        return history

    with pytest.warns(UserWarning, match=r"400 pictures of 0 against 20 of 1: .*balance='loss'"):
        plain = recalls("none")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        balanced = recalls("loss")
    assert balanced.class_acc["1"] > plain.class_acc["1"] + 0.2
    assert balanced.last_test_acc > plain.last_test_acc
    assert f"worst class: 1, {plain.class_acc['1']:.3f} of 40 pictures right" in str(plain)


def test_report_47_a_class_that_is_never_predicted_keeps_its_column():
    net = hotdog_ft.finetune_net(make_source_net(), 3)
    net.output.bias.set_data(nd.array([0, 0, -1e6]))
    net.size, net.classes = 32, ["a", "b", "c"]
    images = pictures([0, 1, 2, 2])
    table = confusion(net, images)
    assert list(table.index) == list(table.columns) == ["a", "b", "c"]
    assert table.sum(axis=1).tolist() == [1, 1, 2] and table["c"].tolist() == [0, 0, 0]
    assert np.trace(table) / 4 == hotdog_ft.evaluate(net, images)
    net.classes = None
    assert list(confusion(net, images[:1]).columns) == [0, 1, 2]


def test_class_names_may_be_an_array():
    """As `numpy.unique` and scikit-learn's encoders give them."""
    train_imgs = Endless()
    train_imgs.labels, train_imgs.classes = [0, 1] * 3, np.array(["a", "b"])
    net = small_net()
    history = hotdog_ft.train(net, train_imgs, train_imgs, replace(SMALL, keep="best"))
    assert net.classes == ["a", "b"] and history.class_acc.keys() == {"a", "b"}
    net.classes = train_imgs.classes
    assert confusion(net, train_imgs).columns.tolist() == ["a", "b"]

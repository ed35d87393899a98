"""Logits, probabilities and accuracy over mini-batches."""

import numpy as np
import pytest
from conftest import cpus, make_source_net, small_net, some_batches
from mxnet import gluon, nd

import hotdog_ft
from hotdog_ft import calibration
from hotdog_ft.evaluation import class_accuracy, confusion, probabilities
from hotdog_ft.inference import outputs
from hotdog_ft.loader import plain_loader


def test_accuracy_is_the_share_of_right_answers_over_all_pictures():
    net = small_net()
    batches = some_batches([5, 5, 3], seed=1)
    right = sum((net(nd.array(X)).asnumpy().argmax(1) == y).sum() for X, y in batches)
    assert hotdog_ft.evaluate(net, batches) == right / 13


def test_gluons_loader_and_several_devices_give_the_same():
    net = small_net()
    ((X, y),) = batches = some_batches([13], seed=1)
    expected = hotdog_ft.evaluate(net, batches)
    dataset = gluon.data.ArrayDataset(X, y.astype("float32"))
    assert hotdog_ft.evaluate(net, gluon.data.DataLoader(dataset, batch_size=5)) == expected
    net.collect_params().reset_ctx(cpus(3))
    assert hotdog_ft.evaluate(net, batches) == expected


def test_logits_come_in_the_order_of_the_pictures_from_any_number_of_devices():
    net = small_net()
    ((X, _),) = some_batches([5])
    expected = net(nd.array(X)).asnumpy()
    net.collect_params().reset_ctx(cpus(2))
    np.testing.assert_allclose(outputs(net, X), expected, rtol=1e-5, atol=1e-6)


def test_probabilities_are_the_softmax_even_of_huge_logits():
    logits = np.array([[0, np.log(3)], [1000, 1000], [-1000, 1000]])
    np.testing.assert_allclose(probabilities(logits), [[0.25, 0.75], [0.5, 0.5], [0, 1]])


class TestPictures:
    def test_report_86_a_data_set_is_prepared_at_the_nets_own_size(self, picture_folders):
        _, test_imgs = hotdog_ft.load_image_folders(picture_folders())
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        net.size = 48
        expected = hotdog_ft.evaluate(net, plain_loader(test_imgs, 48))
        assert hotdog_ft.evaluate(net, test_imgs) == expected
        assert hotdog_ft.evaluate(net, [test_imgs[i] for i in range(6)]) == expected

    def test_report_86_without_a_size_the_way_out_is_named(self, picture_folders):
        _, test_imgs = hotdog_ft.load_image_folders(picture_folders())
        with pytest.raises(ValueError, match=r"set net\.size"):
            hotdog_ft.evaluate(hotdog_ft.finetune_net(make_source_net(), 2), test_imgs)

    @pytest.mark.parametrize("nothing", [[], (), iter([])])
    def test_report_86_nothing_is_no_picture(self, nothing):
        with pytest.raises(ValueError, match="There is no picture to evaluate on"):
            hotdog_ft.evaluate(small_net(), nothing)

    def test_labels_are_looked_at(self):
        net = small_net()
        net.size = 32
        with pytest.raises(ValueError, match="the label 'a'"):
            hotdog_ft.evaluate(net, [(np.zeros((40, 32, 3), "uint8"), "a")])


def test_each_class_has_an_accuracy_of_its_own():
    labels, predicted = np.array([0, 0, 0, 2, 2]), np.array([0, 0, 1, 0, 2])
    assert class_accuracy(labels, predicted) == ({"0": 2 / 3, "2": 1 / 2}, {"0": 3, "2": 2})
    names = class_accuracy(labels, predicted, ["a", "b", "c"])[0]
    assert names == {"a": 2 / 3, "c": 1 / 2}


def test_pictures_of_other_classes_than_the_nets_are_refused(picture_folders):
    _, test_imgs = hotdog_ft.load_image_folders(picture_folders())
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    net.size, net.classes = 32, ["b", "a"]
    for ask in (hotdog_ft.evaluate, confusion, calibration.calibrate):
        with pytest.raises(ValueError, match="have the classes a, b, those to train on b, a: open"):
            ask(net, test_imgs)


def test_labels_that_are_no_outputs_are_refused():
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    for label in (2, -1):
        batches = [(X, np.full_like(y, label)) for X, y in some_batches([4])]
        for ask in (hotdog_ft.evaluate, confusion, calibration.calibrate):
            with pytest.raises(ValueError, match=f"labels from {label} to {label}, the net has 2"):
                ask(net, batches)


def test_a_net_with_more_outputs_than_the_data_has_classes_has_numbers(picture_folders):
    _, test_imgs = hotdog_ft.load_image_folders(picture_folders())
    net = make_source_net(classes=5)
    net.size = 32
    table = confusion(net, test_imgs)
    assert list(table) == list(table.index) == [0, 1, 2, 3, 4]
    assert table.sum(axis=1).tolist() == [3, 3, 0, 0, 0]


@pytest.mark.parametrize("labels", [[0], [0, 1, 1], [[1, 0], [0, 1]], [0.5, 1], [np.nan, 1]])
def test_labels_that_are_no_label_for_each_picture_are_refused(labels):
    ((X, _),) = some_batches([2])
    with pytest.raises(ValueError, match="mini-batch of 2 pictures comes with"):
        hotdog_ft.evaluate(small_net(), [(X, np.array(labels))])


@pytest.mark.parametrize("net", [None, "net.safetensors"])
def test_what_is_no_net_is_refused(net):
    with pytest.raises(ValueError, match=r"give what load_net\(path\) returns"):
        hotdog_ft.evaluate(net, some_batches([2]))


def test_a_net_that_has_diverged_gives_no_answer():
    net, ((X, y),) = small_net(), some_batches([2])
    net.collect_params(".*weight").setattr("lr_mult", 1)
    for parameter in net.collect_params(".*weight").values():
        parameter.set_data(parameter.data() * 1e30)
    for answer in (lambda: hotdog_ft.evaluate(net, [(X, y)]), lambda: predict_noise(net)):
        with pytest.raises(FloatingPointError, match="no finite numbers"):
            answer()


def test_a_class_may_be_ruled_out():
    net, ((X, y),) = hotdog_ft.finetune_net(make_source_net(), 2), some_batches([6])
    net.output.bias.set_data(nd.array([0, -np.inf]))
    assert hotdog_ft.evaluate(net, [(X, y)]) == np.mean(y == 0)
    net.output.bias.set_data(nd.array([-np.inf, -np.inf]))
    with pytest.raises(FloatingPointError, match="no finite numbers"):
        hotdog_ft.evaluate(net, [(X, y)])


def predict_noise(net):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype="uint8")
    return hotdog_ft.predict(net, noise, size=32)

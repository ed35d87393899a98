"""Logits, probabilities and accuracy over mini-batches."""

import numpy as np
from conftest import cpus, small_net, some_batches
from mxnet import gluon, nd

import hotdog_ft
from hotdog_ft.evaluation import batch_logits, probabilities


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
    np.testing.assert_allclose(batch_logits(net, X), expected, rtol=1e-5, atol=1e-6)


def test_probabilities_are_the_softmax_even_of_huge_logits():
    logits = np.array([[0, np.log(3)], [1000, 1000], [-1000, 1000]])
    np.testing.assert_allclose(probabilities(logits), [[0.25, 0.75], [0.5, 0.5], [0, 1]])

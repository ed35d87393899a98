"""The target net and the scratch twin."""

import hotdog_ft
import numpy as np
import pytest
from conftest import values
from hotdog_ft.model import fused
from mxnet import nd


def features_of(net):
    return {name: value for name, value in values(net).items() if name.startswith("features")}


@pytest.mark.parametrize("num_classes", [2, 3, 10])  # report 23: any number of classes
def test_report_23_the_target_net_has_the_sources_features_and_a_new_output(source_net, num_classes):
    net = hotdog_ft.finetune_net(source_net, num_classes)
    for name, value in features_of(source_net).items():
        np.testing.assert_array_equal(values(net)[name], value)
    assert net(nd.zeros((2, 3, 32, 32))).shape == (2, num_classes)
    # Xavier, uniform: bounded by sqrt(3 / mean of fan-in and fan-out), mxnet.init.Xavier
    weight, bias = net.output.weight.data().asnumpy(), net.output.bias.data().asnumpy()
    bound = np.sqrt(3 / ((weight.shape[1] + num_classes) / 2))
    assert 0 < np.abs(weight).max() <= bound and not bias.any()


def test_only_the_new_output_learns_ten_times_faster(source_net):
    net = hotdog_ft.finetune_net(source_net, 2)
    assert {p.lr_mult for p in net.output.collect_params().values()} == {10}
    assert {p.lr_mult for p in net.features.collect_params().values()} == {1}


def test_report_4_training_the_target_leaves_the_source_as_it_was(source_net):
    before = values(source_net)
    net = hotdog_ft.finetune_net(source_net, 2)
    batches = [(np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("float32"),
                np.array([0, 1, 0, 1]))]
    hotdog_ft.train(net, batches, batches, 0.1, 2)
    assert any(not np.array_equal(values(net)[name], before[name]) for name in features_of(net))
    for name, value in values(source_net).items():
        np.testing.assert_array_equal(value, before[name])


def test_the_scratch_twin_shares_the_architecture_and_nothing_else(source_net):
    net = hotdog_ft.scratch_net(source_net, 2)
    theirs = features_of(source_net)
    for name, value in features_of(net).items():
        assert value.shape == theirs[name].shape
        if name.endswith("weight"):
            assert not np.array_equal(value, theirs[name])
    assert {p.lr_mult for p in net.collect_params().values()} == {1}


def test_a_fused_net_predicts_the_same_and_learns_afterwards_as_if_it_had_not_been(source_net):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 3, 32, 32)).astype("float32"), np.array([0, 1, 0, 1, 1, 0])
    nets = []
    for _ in range(2):
        hotdog_ft.seed_everything(0)
        nets.append(hotdog_ft.finetune_net(source_net, 2))
    plain = nets[0](nd.array(X)).asnumpy()
    with fused(nets[1], X):
        for count in (6, 1):  # any number of pictures
            np.testing.assert_allclose(nets[1](nd.array(X[:count])).asnumpy(), plain[:count], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(nets[1](nd.array(X)).asnumpy(), plain)
    for net in nets:
        hotdog_ft.train(net, [(X, y)], [(X, y)], 0.1, 1)
    assert hotdog_ft.fingerprint(nets[0]) == hotdog_ft.fingerprint(nets[1])
    with fused(nets[1], X):  # what it has learnt meanwhile counts
        np.testing.assert_allclose(nets[1](nd.array(X)).asnumpy(), nets[0](nd.array(X)).asnumpy(), rtol=1e-4, atol=1e-5)

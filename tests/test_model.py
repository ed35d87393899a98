"""The target net and the scratch twin."""

import mxnet as mx
import numpy as np
import pytest
from conftest import CHANNELS, make_source_net, resnet18, some_batches, train_on, values
from mxnet import nd

import hotdog_ft
from hotdog_ft.identity import fingerprint
from hotdog_ft.mxnet_internals import parameters
from hotdog_ft.settings import Settings


def features_of(net):
    return {name: value for name, value in values(net).items() if name.startswith("features")}


@pytest.mark.parametrize("num_classes", [2, 3, 10])  # report 23: any number of classes
def test_report_23_the_target_net_has_the_sources_features_and_a_new_output(
    source_net, num_classes
):
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
    train_on(net, some_batches([4]), Settings(learning_rate=0.1, num_epochs=2))
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


@pytest.mark.parametrize("version", [1, 2])
def test_a_seed_draws_what_gluon_itself_draws_for_it(version):
    """Records and checkpoints hold nets that were drawn so: Gluon draws the stem last."""
    source, nets, next_draws = make_source_net(version), [], []
    for new_net in (hotdog_ft.scratch_net, hotdog_ft.finetune_net, None):
        mx.random.seed(7)
        if new_net:
            nets.append(new_net(source, 2))
        else:
            nets.append(resnet18(version, CHANNELS, 2))
            nets[-1].initialize(mx.init.Xavier())
            nets[-1](nd.zeros((1, 3, 64, 64)))
        next_draws.append(nd.random.uniform(shape=4).asnumpy().tolist())
    scratch, target, gluons = map(values, nets)
    for name, value in gluons.items():
        np.testing.assert_array_equal(scratch[name], value)
        if name.startswith("output"):
            np.testing.assert_array_equal(target[name], value)
    assert next_draws[0] == next_draws[1] == next_draws[2]


def test_a_fingerprint_follows_every_bit_running_statistics_included(source_net):
    same, other = (hotdog_ft.finetune_net(source_net, 2) for _ in range(2))
    assert (
        fingerprint(same.features)
        == fingerprint(other.features)
        == fingerprint(source_net.features)
    )
    assert fingerprint(same.output) != fingerprint(other.output)
    for suffix in ("running_mean", "weight"):
        parameter = next(p for n, p in parameters(other).items() if n.endswith(suffix))
        value = parameter.data().asnumpy()
        value.flat[0] = np.nextafter(value.flat[0], np.float32(9))
        parameter.set_data(nd.array(value))
        assert fingerprint(same.features) != fingerprint(other.features)
        other = hotdog_ft.finetune_net(source_net, 2)

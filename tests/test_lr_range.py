"""The learning-rate range test."""

import mxnet as mx
import numpy as np
import pytest
from conftest import cpus, values
from mxnet.gluon import nn

import hotdog_ft
from hotdog_ft.devices import devices_of
from hotdog_ft.lr_range import lr_range_test


def linear_net():
    """One weight per class and no bias, on inputs of which all but one are zero."""
    net = nn.HybridSequential()
    net.add(nn.Flatten(), nn.Dense(2, use_bias=False, in_units=3))
    net.initialize(mx.init.Zero())
    return net


def test_it_leaves_the_net_as_it_was_also_when_it_is_stopped(source_net):
    net = hotdog_ft.finetune_net(source_net, 2)
    before = values(net)
    X = np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("float32")

    def batches():
        yield from [(X, np.array([0, 1, 1, 0]))] * 5
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lr_range_test(net, batches(), num_steps=20)
    after = values(net)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_it_leaves_the_net_as_it_was(source_net):
    rng = np.random.default_rng(0)
    net = hotdog_ft.finetune_net(source_net, 2)
    before = values(net)
    batch = (rng.normal(size=(4, 3, 32, 32)).astype("float32"), np.array([0, 1, 1, 0]))
    lr_range_test(net, [batch], num_steps=20)
    after = values(net)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_losses_are_those_of_the_growing_rates():
    # Two pictures (a, 0, 0) with labels 0 and 1 for +a and -a: the loss is log(1 + exp(-2 w a))
    # where ± w are the first weights, and each step moves w by rate * a / (1 + exp(2 w a)):
    # followed here in plain Python.
    a, w, expected = 2.0, 0.0, []
    rates = np.geomspace(1e-3, 1e-1, 30)
    for rate in rates:
        expected.append(np.log1p(np.exp(-2 * w * a)))
        w += rate * a / (1 + np.exp(2 * w * a))
    X = np.zeros((2, 3, 1, 1), "float32")
    X[0, 0], X[1, 0] = a, -a
    losses, suggestion = lr_range_test(
        linear_net(), [(X, np.array([0, 1]))], 1e-3, 1e-1, 30, weight_decay=0
    )
    np.testing.assert_allclose(losses.index, rates[3:-3])
    smooth = [np.mean(expected[i - 3 : i + 4]) for i in range(3, 27)]
    np.testing.assert_allclose(losses, smooth, rtol=1e-4)
    assert suggestion == pytest.approx(rates[26] / 10)  # the loss falls all the way


def test_it_ends_where_the_loss_explodes():
    # Contradicting labels: with lr * curvature > 2 the loss grows without bound
    X = np.full((2, 3, 1, 1), 5.0, "float32")
    X[1] *= 1.1
    losses, suggestion = lr_range_test(
        linear_net(), [(X, np.array([0, 1]))], 1e-4, 1e4, 100, weight_decay=0
    )
    assert len(losses) < 100 and np.isfinite(losses).all()
    assert suggestion == pytest.approx(losses.idxmin() / 10) and losses.idxmin() < losses.index[-1]


def test_a_beginning_that_is_too_high_is_one_clear_error():
    X = np.full((2, 3, 1, 1), 5.0, "float32")
    X[1] *= 1.1
    with pytest.raises(FloatingPointError, match="begin below lowest=10000"):
        lr_range_test(linear_net(), [(X, np.array([0, 1]))], 1e4, 1e8, 100, weight_decay=0)


def test_a_net_that_was_never_used_is_refused_with_the_cure():
    net = nn.Dense(2)  # it does not know how many inputs it will have
    net.initialize()
    with pytest.raises(ValueError, match="run it once on a mini-batch"):
        lr_range_test(net, [(np.ones((2, 3), "float32"), np.array([0, 1]))])


@pytest.mark.parametrize("batches", [[], ()])
def test_no_mini_batch_is_an_error_and_no_endless_wait(batches):
    with pytest.raises(ValueError, match="gives no more mini-batches"):
        lr_range_test(linear_net(), batches)


def test_an_iterator_that_is_used_up_is_one_too_and_leaves_the_net_as_it_was():
    net, batch = linear_net(), (np.ones((2, 3, 1, 1), "float32"), np.array([0, 1]))
    before = values(net)
    with pytest.raises(ValueError, match="gone through again"):
        lr_range_test(net, iter([batch] * 9), 1e-3, 1e-1)
    assert all(np.array_equal(before[name], value) for name, value in values(net).items())


def test_gradients_are_not_added_up_and_devices_are_kept(source_net):
    batch = (np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("float32"), [0, 1, 1, 0])
    net = hotdog_ft.finetune_net(source_net, 2)
    losses, _ = lr_range_test(net, [batch], num_steps=20)
    net.collect_params().reset_ctx(cpus(2))
    net.features.collect_params(".*weight").setattr("grad_req", "add")
    first = next(iter(net.features.collect_params(".*weight").values()))
    again, _ = lr_range_test(net, [batch], num_steps=20)
    assert again.tolist() == losses.tolist()
    assert devices_of(net) == cpus(2) and first.grad_req == "add"


def test_a_net_that_is_right_does_not_explode_by_the_noise_of_its_losses():
    X = np.zeros((2, 3, 1, 1), "float32")
    X[0, 0], X[1, 0] = 9, 1  # losses of 1e-4 and 0.3 with weights of ± 0.5
    net = linear_net()
    net[1].weight.set_data(mx.nd.array([[0.5, 0, 0], [-0.5, 0, 0]]))
    batches = [(X[:1], np.array([0])), (X[1:], np.array([0]))]
    losses, _ = lr_range_test(net, batches, 1e-9, 1e-8, 20)
    assert len(losses) == 14


def test_all_devices_there_are_learn(source_net, monkeypatch):
    batch = (np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("float32"), [0, 1, 1, 0])
    net = hotdog_ft.finetune_net(source_net, 2)
    # by running statistics, each device normalises as one alone does
    hotdog_ft.freeze(net.features)
    net.hybridize()
    losses = lr_range_test(net, [batch], 1e-3, 1, 20, weight_decay=0)[0]
    monkeypatch.setattr("hotdog_ft.lr_range.available_devices", lambda: cpus(2))
    again = lr_range_test(net, [batch], 1e-3, 1, 20, weight_decay=0)[0]
    np.testing.assert_allclose(again, losses, rtol=1e-4)
    assert devices_of(net) == cpus(1) and losses.iloc[-1] != losses.iloc[0]


@pytest.mark.parametrize("shape", [(4, 1, 9, 9), (4, 3, 9, 7), (4, 12)])
def test_inputs_may_have_any_shape(shape):
    net = nn.HybridSequential()
    net.add(nn.Flatten(), nn.Dense(2))
    net.initialize()
    batch = (np.random.default_rng(0).normal(size=shape).astype("float32"), [0, 1, 1, 0])
    net(mx.nd.array(batch[0]))
    assert len(lr_range_test(net, [batch], num_steps=20)[0]) > 1


def test_after_set_np_gradients_that_add_up_are_mxnets_own_again(source_net):
    batch = (np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("float32"), [0, 1, 1, 0])
    net = hotdog_ft.finetune_net(source_net, 2)
    net.output.weight.grad_req = "add"
    mx.npx.set_np()
    try:
        lr_range_test(net, [batch], num_steps=20)
    finally:
        mx.npx.reset_np()
    assert type(net.output.weight.grad()) is mx.nd.NDArray


@pytest.mark.parametrize("steps", [0, 5])
def test_too_few_steps_are_refused(steps):
    with pytest.raises(ValueError, match="must be at least 7"):
        lr_range_test(linear_net(), [], num_steps=steps)

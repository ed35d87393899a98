"""What predicts: it follows the parameters, and nothing is left in memory."""

import gc
import weakref
from dataclasses import replace

import hotdog_ft

# isort: split
import mxnet as mx
import numpy as np
import pytest
from conftest import CHANNELS, cpus, make_source_net, resnet18, some_batches, train_on, values
from mxnet import nd
from mxnet.gluon import nn

from hotdog_ft.augment import TestAugs
from hotdog_ft.evaluation import probabilities
from hotdog_ft.identity import fingerprint
from hotdog_ft.inference import fused, outputs
from hotdog_ft.mxnet_internals import parameters
from hotdog_ft.settings import Settings

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def test_a_fused_net_predicts_the_same_and_learns_afterwards_as_if_it_had_not_been(source_net):
    ((X, y),) = some_batches([6])
    nets = []
    for _ in range(2):
        hotdog_ft.seed_everything(0)
        nets.append(hotdog_ft.finetune_net(source_net, 2))
    plain = nets[0](nd.array(X)).asnumpy()
    fast = fused(nets[1], X)
    assert fast is not nets[1]
    for count in (6, 1):  # any number of pictures
        np.testing.assert_allclose(outputs(fast, X[:count]), plain[:count], **CLOSE)
    np.testing.assert_array_equal(nets[1](nd.array(X)).asnumpy(), plain)
    for net in nets:
        train_on(net, [(X, y)], replace(Settings(num_epochs=1), learning_rate=0.1))
    assert fingerprint(nets[0]) == fingerprint(nets[1])
    # what it has learnt meanwhile counts
    found = outputs(fused(nets[1], X), X)
    np.testing.assert_allclose(found, nets[0](nd.array(X)).asnumpy(), **CLOSE)


@pytest.mark.parametrize("how", ["set_data", "in place"])
def test_a_change_of_any_single_parameter_counts_at_once(source_net, how):
    """MXNet folds BatchNorm into weights, and looks at the weights' version only: made anew."""
    ((X, _),) = some_batches([3])
    before = values(source_net)
    twin = resnet18(1 if "features.0.weight" in before else 2, CHANNELS, 5)  # never fused
    twin.initialize()
    twin(nd.array(X))
    for name, parameter in parameters(twin).items():
        parameter.set_data(nd.array(before[name]))
    effects = 0
    for name, parameter in parameters(source_net).items():
        fast = fused(source_net, X)
        known = [outputs(fast, X) for _ in range(2)][1]
        changed = nd.array(1.5 * before[name] + 0.2)
        if how == "set_data":
            parameter.set_data(changed)
        else:
            parameter.data()[:] = changed
        parameters(twin)[name].set_data(changed)
        expected = twin(nd.array(X)).asnumpy()
        found = outputs(fused(source_net, X), X)
        np.testing.assert_allclose(found, expected, **CLOSE, err_msg=name)
        effects += np.abs(expected - known).max() > 1e-3
        parameter.set_data(nd.array(before[name]))
        parameters(twin)[name].set_data(nd.array(before[name]))
    assert effects > 0.9 * len(before)


def test_predictions_follow_whatever_becomes_of_a_net(tmp_path):
    def check(net):
        frame = hotdog_ft.predict(net, pictures, size=32, probabilities=True)
        shares = net(nd.array(X)).softmax().asnumpy()
        np.testing.assert_allclose(frame.iloc[:, 3:].to_numpy(), shares, rtol=1e-4, atol=1e-6)
        return shares

    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (40, 36, 36, 3), dtype="uint8")  # more than one mini-batch
    X = np.stack([TestAugs(32)(pixels) for pixels in pictures])
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    seen = [check(net)]
    net.save_parameters(str(tmp_path / "net.params"))
    train_on(net, [(X, np.arange(40) % 2)], Settings(learning_rate=0.1, num_epochs=1))
    seen.append(check(net))
    with mx.autograd.record():  # moves BatchNorm's statistics alone
        net(nd.array(X))
    seen.append(check(net))
    net.output = nn.Dense(3, in_units=10)
    net.output.initialize()
    assert check(net).shape == (40, 3)
    net.output = nn.Dense(2, in_units=10, prefix=net.output.prefix)
    net.load_parameters(str(tmp_path / "net.params"))
    np.testing.assert_allclose(check(net), seen[0], **CLOSE)
    net.collect_params().reset_ctx(cpus(2))  # on two devices, and back
    np.testing.assert_allclose(probabilities(outputs(net, X)), seen[0], **CLOSE)
    net.collect_params().reset_ctx(mx.cpu())
    net.cast("float64"), net.cast("float32")
    np.testing.assert_allclose(check(net), seen[0], **CLOSE)
    assert all(np.abs(a - seen[0]).max() > 1e-3 for a in seen[1:])


class Careful(nn.HybridBlock):
    """Asks for a shape, as no symbol can answer."""

    def __init__(self):
        super().__init__()
        self.output = nn.Dense(2, in_units=3)

    def hybrid_forward(self, F, x):
        return self.output(x.mean(axis=(2, 3)) if x.shape[1] == 3 else x)


def test_a_net_that_is_no_graph_runs_as_it_is():
    net = Careful()
    net.initialize()
    X = np.random.default_rng(0).normal(size=(40, 3, 32, 32)).astype("float32")
    assert fused(net, X) is net
    assert hotdog_ft.predict(net, [np.zeros((40, 40, 3), "uint8")] * 40, size=32).shape == (40, 3)
    parts = nn.Sequential()
    parts.add(nn.Flatten(), nn.Dense(2))  # not even hybrid, and no shapes yet
    parts.initialize()
    assert outputs(fused(parts, X), X).shape == (40, 2)


def test_predictions_within_a_recorded_block_are_predictions(source_net):
    ((X, _),) = some_batches([4])
    plain, before = source_net(nd.array(X)).asnumpy(), fingerprint(source_net)
    with mx.autograd.record():
        np.testing.assert_array_equal(outputs(source_net, X), plain)
        np.testing.assert_allclose(outputs(fused(source_net, X), X), plain, **CLOSE)
    nd.waitall()
    assert fingerprint(source_net) == before


def resident():
    """Megabytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


@pytest.mark.parametrize("count", [1, 33])  # the plain net; a fused one
def test_many_calls_leave_nothing_in_memory(count):
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    pictures = [np.zeros((40, 40, 3), "uint8")] * count

    def calls(times):
        for _ in range(times):
            hotdog_ft.predict(net, pictures, size=32)
        gc.collect()

    calls(30)
    before = resident()
    calls(300 if count == 1 else 60)
    assert resident() - before < 10


def test_a_net_that_was_predicted_with_goes_when_nobody_holds_it():
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    hotdog_ft.predict(net, [np.zeros((40, 40, 3), "uint8")] * 33, size=32)
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_report_74_a_net_of_another_input_size_says_so(picture_folders):
    """As AlexNet and VGG of 224 pixels do: the layer behind their last map has a fixed width."""

    class Source(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.features = nn.HybridSequential()
            self.features.add(nn.Conv2D(2, 3, 8), nn.Flatten(), nn.Dense(4))
            self.output = nn.Dense(2)

        def hybrid_forward(self, F, x):
            return self.output(self.features(x))

    net = Source()
    net.initialize()
    outputs(net, np.zeros((1, 3, 64, 64), "float32"))
    images = hotdog_ft.load_image_folders(picture_folders())
    words = r"does not take an array of shape \(\d+, 3, 32, 32\)\. .* size"
    for call in (
        lambda: hotdog_ft.predict(net, images[1], size=32),
        lambda: hotdog_ft.fine_tune(net, *images, size=32),
        lambda: hotdog_ft.train(net, *images, Settings(size=32)),
    ):
        with pytest.raises(ValueError, match=words):
            call()

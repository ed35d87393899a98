"""Features in int8: how near they are to float32, what stays the same, what is kept of them."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import hotdog_ft

# isort: split
import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, run_python, values
from mxnet import nd
from mxnet.gluon import HybridBlock, nn
from picture_zoo import GOOD
from safetensors.numpy import load_file, save_file

from hotdog_ft.augment import TestAugs
from hotdog_ft.data import DataError
from hotdog_ft.evaluation import logits_of
from hotdog_ft.loader import plain_loader
from hotdog_ft.probe import extract_features
from hotdog_ft.quantization import find_ranges, quantized_features


class TwoLayers(HybridBlock):
    """A convolution and a dense layer: small enough for a bound by hand."""

    def __init__(self, more=None):
        super().__init__()
        self.features, self.output = nn.HybridSequential(), nn.Dense(2, in_units=8)
        self.features.add(nn.Conv2D(8, 3, in_channels=3, activation="relu"))
        self.features.add(nn.GlobalAvgPool2D())
        self.more, self.size = more, 32
        self.initialize(mx.init.Xavier())

    def hybrid_forward(self, F, X):
        logits = self.output(self.features(X))
        return logits if self.more is None else self.more(logits)


def drawings(count):
    images = hotdog_ft.load_recipe("mini").load_data()[0]
    return images.subset(np.linspace(0, len(images) - 1, count).astype(int))


def ready(net, size=64):
    net.size, net.classes = size, [str(i) for i in range(net.output.weight.shape[0])]
    net.ranges = find_ranges(net, drawings(32))
    return net


@pytest.fixture(scope="module")
def mini():
    return ready(hotdog_ft.load_recipe("mini").load_pretrained_net())


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def either(request):
    return ready(make_source_net(request.param))


def off(net, images):
    logits = [logits_of(net, images, precision)[1] for precision in ("int8", "float32")]
    return np.linalg.norm(logits[0] - logits[1]) / np.linalg.norm(logits[1])


def shares(net, images, precision):
    table = hotdog_ft.predict(net, images, probabilities=True, precision=precision)
    assert table.attrs["precision"] == precision
    return table.to_numpy()[:, 3:].astype("float32")


def test_features_are_within_half_a_step_of_every_number():
    net, images = TwoLayers(), drawings(8)
    net.ranges = find_ranges(net, images)
    X = np.stack([TestAugs(32)(picture) for picture, _ in images])
    found, wanted = (
        extract_features(net, [(X, np.zeros(8))], precision)[0] for precision in ("int8", "float32")
    )
    # pictures are signed, and so are weights, one scale a channel: 127 steps; behind ReLU it is 255
    weights = values(net)["features.0.weight"]
    step, steps = abs(X).max() / 127, abs(weights).max(axis=(1, 2, 3)) / 127
    moved = abs(weights).sum(axis=(1, 2, 3)) * step / 2 + 27 * (abs(X).max() + step) * steps / 2
    top = nd.relu(net.features[0](nd.array(X))).asnumpy().max()
    assert (abs(found - wanted) <= moved + (top + moved.max()) / 255).all()
    assert 0 < abs(found - wanted).max() < 0.02 * wanted.max()


def test_logits_of_either_topology_are_near_float32s(either):
    # Twenty layers, each rounding its input and its weights. A step is a 127th of the largest
    # value, rounding moves by a step / sqrt(12), and values are a third of the largest or less in
    # the mean square: 0.7 % a time, of forty in quadrature 4 %. Sums add to that.
    assert 0 < off(either, drawings(40)) < 0.1


def test_no_layer_of_the_drawings_net_is_at_fault(mini):
    assert 0 < off(mini, drawings(60)) < 0.06  # 0.14 with the sum that MXNet takes for signed


def test_the_same_bits_come_out_always(mini, tmp_path):
    images = drawings(40)
    once = shares(mini, images, "int8")
    assert not np.array_equal(once, shares(mini, images, "float32"))
    with ThreadPoolExecutor(3) as pool:
        for again in pool.map(lambda _: shares(mini, images, "int8"), range(3)):
            np.testing.assert_array_equal(again, once)
    by = [extract_features(mini, plain_loader(images, 64, n), "int8")[0] for n in (1, 7, 40)]
    assert all(np.array_equal(features, by[0]) for features in by)
    hotdog_ft.save_net(mini, tmp_path / "net.safetensors")
    code = (
        "import sys, hashlib, hotdog_ft; net = hotdog_ft.load_net(sys.argv[1]); "
        "table = hotdog_ft.predict(net, sys.argv[2:], probabilities=True, precision='int8'); "
        "shares = table.to_numpy()[:, 3:].astype('float32'); "
        "print(hashlib.sha256(shares.tobytes()).hexdigest())"
    )
    for threads in "12":
        paths = tmp_path / "net.safetensors", *images.paths
        done = run_python(code, *paths, OMP_NUM_THREADS=threads)
        assert done.stdout.strip() == hashlib.sha256(once.tobytes()).hexdigest(), done.stderr


def test_a_file_keeps_ranges_beside_the_same_tensors(mini, tmp_path):
    hotdog_ft.save_net(mini, tmp_path / "with.safetensors")
    again = hotdog_ft.load_net(tmp_path / "with.safetensors")
    assert again.ranges == mini.ranges
    again.ranges = None
    hotdog_ft.save_net(again, tmp_path / "without.safetensors")
    assert b"ranges" not in (tmp_path / "without.safetensors").read_bytes()[:20000]
    assert hotdog_ft.load_net(tmp_path / "without.safetensors").ranges is None
    one, other = (load_file(tmp_path / f"{name}.safetensors") for name in ("with", "without"))
    assert all(np.array_equal(one[name], other[name]) for name in {**one, **other})
    assert not hasattr(hotdog_ft.finetune_net(mini, 2), "ranges")


@pytest.mark.parametrize(
    "ranges", ["many", 3, [[1.0]], [[2.0, 1.0]], [["a", "b"]], [[0.0, float("nan")]], [None]]
)
def test_damaged_ranges_are_refused(ranges, tmp_path):
    net = make_source_net()
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", list("abcde"), size=32)
    about = {"classes": list("abcde"), "size": 32, "ranges": ranges}
    about.update(mean=hotdog_ft.weights.MEAN.tolist(), std=hotdog_ft.weights.STD.tolist())
    save_file(values(net), tmp_path / "net.safetensors", {"hotdog_ft": json.dumps(about)})
    with pytest.raises(DataError, match=r"net.safetensors is damaged: its notes are not"):
        hotdog_ft.load_net(tmp_path / "net.safetensors")


@pytest.mark.parametrize("precision", ["int8", "auto"])
def test_ranges_of_another_net_are_refused(precision, mini, monkeypatch):
    monkeypatch.setattr(hotdog_ft.precision, "has_int8", lambda: True)
    net = hotdog_ft.load_recipe("mini").load_pretrained_net()
    net.ranges = mini.ranges[:-1]
    with pytest.raises(ValueError, match="ranges for 28 layers instead of 29: find them anew"):
        hotdog_ft.predict(net, drawings(32), size=96, precision=precision)


def test_mirror_images_count_where_the_net_is_asked_about_them(mini):
    net = hotdog_ft.load_recipe("mini").load_pretrained_net()
    net.size, net.mirrored = 64, True
    net.ranges = find_ranges(net, drawings(32))
    assert net.ranges != mini.ranges
    images = drawings(33)
    X = np.stack([TestAugs(64)(picture) for picture, _ in images])
    net.mirrored = False
    by_hand = [logits_of(net, [(x, np.zeros(33))], "int8")[1] for x in (X, X[..., ::-1])]
    net.mirrored = True
    logits = logits_of(net, images, "int8")[1]
    np.testing.assert_allclose(logits, sum(by_hand) / 2, rtol=1e-5, atol=1e-5)


def refused(net, words, pictures=GOOD["plain.png"][0]):
    with pytest.raises(ValueError, match=words) as found:
        find_ranges(net, pictures)
    assert "\n" not in str(found.value)


def test_what_cannot_be_int8_is_refused_in_a_sentence():
    no_parts = nn.HybridSequential()
    no_parts.add(nn.Conv2D(2, 3, in_channels=3))
    no_parts.initialize()
    no_parts.size = 32
    refused(no_parts, "This HybridSequential cannot compute in int8: it has no `features`")
    refused(TwoLayers(lambda logits: -logits), "int8: its logits are not output")
    dense = TwoLayers()
    dense.features = nn.HybridSequential()
    dense.features.add(nn.Dense(8, in_units=3 * 32 * 32))
    dense.features.initialize()
    refused(dense, "int8: its features have no convolution. Take float32")
    spread = TwoLayers()
    spread.collect_params().reset_ctx([mx.cpu(0), mx.cpu(1)])
    refused(spread, "int8: it is not on the CPU alone")
    forgetful = TwoLayers()
    forgetful.size = None
    refused(forgetful, "does not know its input size")
    with pytest.raises(DataError, match="There is no picture"):
        find_ranges(TwoLayers(), [])
    with pytest.raises(DataError, match="picture 1"):
        find_ranges(TwoLayers(), [b"no picture"])


def test_a_net_that_int8_would_change_is_refused():
    """One channel that is a thousand times the others leaves these no step of their own."""
    net = TwoLayers()
    kernel = values(net)["features.0.weight"]
    kernel[0] = 1000
    net.features[0].weight.set_data(nd.array(kernel))
    net.features.add(nn.HybridLambda(lambda F, x: F.slice_axis(x, axis=1, begin=1, end=8)))
    net.output = nn.Dense(2, in_units=7)
    net.output.initialize()
    refused(net, r"int8: its features would be off by \d+%", drawings(8))


def test_a_graph_for_each_call_does_not_fill_the_memory():
    net, X = hotdog_ft.finetune_net(make_source_net(1), 2), np.zeros((1, 3, 32, 32), "float32")
    net.size = 32
    net.ranges = find_ranges(net, drawings(8))

    def graphs(count):
        for _ in range(count):
            quantized_features(net, net.ranges, X)
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = graphs(20)
    assert graphs(100) - before < 5e6  # MXNet loses 0.2 MB for each graph that it writes out

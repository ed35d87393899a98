"""A net as ONNX: the same logits in onnxruntime, whole or not at all."""

import json
import sys

import hotdog_ft

# isort: split
import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net
from mxnet.gluon import nn
from mxnet.gluon.model_zoo.vision import densenet, mobilenet, resnet
from PIL import Image

from hotdog_ft.augment import TestAugs
from hotdog_ft.mxnet_internals import parameters

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

SIZE, NAMES = 64, ["hot dog", "热狗", "c"]


def every_window():
    """What the zoo's large nets have, in a small one: windows, padding, groups, branches."""
    net = nn.HybridSequential()
    both = mx.gluon.contrib.nn.HybridConcurrent(axis=1)
    both.add(
        nn.Conv2D(4, (3, 1), strides=(2, 1), padding=(1, 0), dilation=(2, 1), activation="sigmoid"),
        nn.HybridSequential(),
    )
    both[1].add(
        nn.MaxPool2D(3, (2, 1), (0, 1), ceil_mode=True),
        nn.AvgPool2D((2, 3), (1, 1), (0, 1), count_include_pad=False),
    )
    net.add(
        nn.Conv2D(6, 5, groups=3, use_bias=False),
        nn.MaxPool2D(3, 2, ceil_mode=True),
        nn.AvgPool2D(3, 1, 1),
        both,
        nn.BatchNorm(scale=False, center=False, epsilon=0.1),
        nn.Activation("tanh"),
        nn.Activation("softrelu"),
        nn.Dropout(0.5),
        nn.Dense(7, use_bias=False, activation="relu"),
        nn.Dense(3),
    )
    return net


NARROW = [8, 8, 16, 24, 32]
NETS = {
    "resnet18_v1": lambda: resnet.ResNetV1(resnet.BasicBlockV1, [2, 2, 2, 2], NARROW, classes=3),
    "resnet18_v2": lambda: resnet.ResNetV2(resnet.BasicBlockV2, [2, 2, 2, 2], NARROW, classes=3),
    "resnet34_v2": lambda: resnet.ResNetV2(resnet.BasicBlockV2, [3, 4, 6, 3], NARROW, classes=3),
    "resnet50_v1": lambda: resnet.ResNetV1(resnet.BottleneckV1, [3, 4, 6, 3], NARROW, classes=3),
    "resnet50_v2": lambda: resnet.ResNetV2(resnet.BottleneckV2, [3, 4, 6, 3], NARROW, classes=3),
    "mobilenet": lambda: mobilenet.MobileNet(0.25, classes=3),
    "densenet": lambda: densenet.DenseNet(8, 4, [2, 3], classes=3),
    "windows": every_window,
}


def with_values(net):
    """Every parameter drawn at random, also those that a fresh net has as 0 and 1."""
    net.initialize()
    net(mx.nd.zeros((1, 3, SIZE, SIZE)))
    rng = np.random.default_rng(5)
    for name, parameter in parameters(net).items():
        fan_in = max(1, int(np.prod(parameter.shape[1:])))
        values = rng.normal(size=parameter.shape) * np.sqrt(2 / fan_in)
        if name.endswith(("gamma", "running_var")):
            values = rng.uniform(0.5, 1.5, parameter.shape)
        parameter.set_data(mx.nd.array(values))
    return net


def noise(count):
    return np.random.default_rng(count).normal(size=(count, 3, SIZE, SIZE)).astype("float32")


@pytest.mark.parametrize("name", NETS)
def test_onnxruntime_gives_the_logits_of_mxnet_for_a_batch_of_any_size(name, tmp_path):
    net = with_values(NETS[name]())
    difference = hotdog_ft.export_onnx(net, tmp_path / "net.onnx", NAMES, SIZE)
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    for count in (1, 5):
        ours = net(mx.nd.array(noise(count))).asnumpy()
        (theirs,) = session.run(["logits"], {"data": noise(count)})
        assert theirs.shape == (count, 3) and np.abs(ours).max() > 0.01
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5 * np.abs(ours).max())
    assert 0 <= difference <= 1e-4 * max(1, np.abs(ours).max())


def test_a_fine_tuned_net_is_exported_with_what_it_brings_along(tmp_path):
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    net.classes, net.size = ["a", "\udcff"], 32  # a folder's name that is no Unicode
    hotdog_ft.export_onnx(net, tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    about = json.loads(model.metadata_props[0].value)
    assert (about["classes"], about["size"]) == (["a", "\udcff"], 32)
    # what runtimes of 2020 take, and optimise: a parameter that is an input might be another later
    assert (model.ir_version, model.opset_import[0].version) == (7, 13)
    assert [value.name for value in model.graph.input] == ["data"]


def test_the_notes_tell_another_program_how_to_prepare_a_picture(tmp_path):
    hotdog_ft.export_onnx(with_values(NETS["mobilenet"]()), tmp_path / "net.onnx", NAMES, SIZE)
    (note,) = onnx.load(tmp_path / "net.onnx").metadata_props
    about = json.loads(note.value)
    assert note.key == "hotdog_ft" and "smoothed" in about["preprocessing"]
    image = Image.effect_noise((90, 70), 50).convert("RGB")
    # by the words of `preprocessing`, step by step
    resized = np.asarray(image.resize((about["resize"],) * 2, Image.BILINEAR)) / 255
    start = (about["resize"] - about["size"]) // 2
    x = resized[start : start + about["size"], start : start + about["size"]]
    x = ((x - about["mean"]) / about["std"]).transpose(2, 0, 1)
    np.testing.assert_allclose(x, TestAugs(SIZE)(np.asarray(image)), atol=1e-5)


class Torn(nn.HybridBlock):
    def hybrid_forward(self, F, x):
        return x[:, :1] if x.shape[0] > 1 else x


def without_values():
    net = NETS["mobilenet"]()
    net.initialize()
    return net


def ready():
    return with_values(every_window())


def halved():
    net = ready()
    net.cast("float16")
    return net


def of_one_size():
    net = nn.HybridSequential()
    net.add(nn.MaxPool2D(16), nn.Flatten(), nn.Dense(3))
    return with_values(net)


@pytest.mark.parametrize(
    "make, changes, sentence",
    [
        (ready, {"path": "net.pb"}, r"net\.pb must end in \.onnx"),
        (ready, {"classes": None}, "needs class names and the input size"),
        (ready, {"size": None}, "needs class names and the input size"),
        (ready, {"classes": ["a", "b"]}, "2 names, the net has 3 outputs"),
        (of_one_size, {"size": 96}, "cannot be exported: .* pictures of 96 pixels"),
        (lambda: with_values(mobilenet.MobileNetV2(0.25, classes=3)), {}, r"relu6 \(clip\) has no"),
        (Torn, {}, "This Torn cannot be exported: MXNet finds no graph in it"),
        (nn.Flatten, {"classes": ["a"]}, "1 names, the net has 12288 outputs"),
        (without_values, {}, "The net has no values to export yet"),
        (halved, {}, "Only nets of float32"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence_and_no_file(make, changes, sentence, tmp_path):
    net = make()
    given = {"path": "net.onnx", "classes": NAMES, "size": SIZE, **changes}
    with pytest.raises(ValueError, match=sentence) as error:
        hotdog_ft.export_onnx(net, tmp_path / given.pop("path"), **given)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


def test_a_net_whose_logits_differ_is_not_written_and_an_older_file_stays(tmp_path):
    net, path = with_values(NETS["mobilenet"]()), tmp_path / "net.onnx"
    path.write_bytes(b"older")
    net.output.bias.set_data(mx.nd.array([0, np.nan, 0]))  # equal to nothing
    with pytest.raises(ValueError, match="not exported: in onnxruntime its logits differ"):
        hotdog_ft.export_onnx(net, path, NAMES, SIZE)
    assert path.read_bytes() == b"older"


def test_without_onnx_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    net = with_values(NETS["mobilenet"]())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert hotdog_ft.export_onnx(net, tmp_path / "net.onnx", NAMES, SIZE) is None
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match="pip install onnx"):
        hotdog_ft.export_onnx(net, tmp_path / "net.onnx", NAMES, SIZE)

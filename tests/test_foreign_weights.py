"""Parameter files as PyTorch users bring them: read, or refused in words that they know."""

import json
import pickle
import struct
import zipfile

import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, values
from mxnet import nd
from safetensors.numpy import load_file, save_file
from test_zoo import torchvision_tensors

import hotdog_ft
from hotdog_ft.files import DataError

TENSORS = torchvision_tensors()
X = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype("float32")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The logits of the net as torchvision names its tensors, which test_zoo.py checks."""
    path = tmp_path_factory.mktemp("plain") / "model.safetensors"
    save_file(TENSORS, path)
    return hotdog_ft.load_net(path)(nd.array(X)).asnumpy()


def logits(tensors, path):
    save_file(tensors, path)
    return hotdog_ft.load_net(path)(nd.array(X)).asnumpy()


def renamed(start, head="fc", head_start=None):
    """All names behind `start`, and the head under a name of its own."""
    names = {name: name for name in TENSORS}
    names.update({f"fc.{suffix}": f"{head}.{suffix}" for suffix in ("weight", "bias")})
    return {
        (head_start if old.startswith("fc.") and head_start is not None else start) + new: TENSORS[
            old
        ]
        for old, new in names.items()
    }


@pytest.mark.parametrize("start", ["module.", "model.", "backbone.", "_orig_mod.", "net.resnet."])
def test_report_86_what_stands_before_all_names_is_dropped(start, expected, tmp_path):
    found = logits(renamed(start), tmp_path / "net.safetensors")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("head", ["head", "classifier", "last_linear", "fc.1", "heads.food.out"])
@pytest.mark.parametrize("start, head_start", [("", ""), ("backbone.", ""), ("module.", "module.")])
def test_report_86_a_head_may_have_any_name(head, start, head_start, expected, tmp_path):
    tensors = renamed(start, head, head_start)
    np.testing.assert_array_equal(logits(tensors, tmp_path / "net.safetensors"), expected)


def as_bfloat16(array):
    """The nearest bfloat16 below: the upper two bytes of each float32."""
    return (array.view("<u4") >> 16).astype("<u2")


def test_report_86_bfloat16_is_read_exactly(tmp_path):
    about, data = {}, b""
    for name, array in TENSORS.items():
        whole = array.dtype == "int64"
        content = (array if whole else as_bfloat16(array)).tobytes()
        offsets = [len(data), len(data) + len(content)]
        kind = "I64" if whole else "BF16"
        about[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        data += content
    head = json.dumps(about).encode()  # the format: eight bytes of length, JSON, the tensors
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)
    net = values(hotdog_ft.load_net(path))
    # eight bits of fraction fewer than sixteen: what is left is a float32 with zeros behind
    kept = (TENSORS["fc.weight"].view("u4") & 0xFFFF0000).view("f4")
    np.testing.assert_array_equal(net["output.weight"], kept)
    kept = (TENSORS["layer2.0.conv1.weight"].view("u4") & 0xFFFF0000).view("f4")
    np.testing.assert_array_equal(net["features.5.0.body.0.weight"], kept)


@pytest.mark.parametrize("suffix", [".params", ".safetensors"])
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_report_86_other_floats_become_float32(dtype, suffix, tmp_path):
    source = values(make_source_net())
    tensors = {name: array.astype(dtype) for name, array in source.items()}
    path = tmp_path / f"net{suffix}"
    if suffix == ".params":
        mx.nd.save(str(path), {n: nd.array(t, dtype=dtype) for n, t in tensors.items()})
    else:
        save_file(tensors, path)
    for name, value in values(hotdog_ft.load_net(path)).items():
        assert value.dtype == "float32"
        np.testing.assert_array_equal(value, tensors[name].astype("float32"))


def refused(tmp_path, tensors, words):
    path = tmp_path / "net.safetensors"
    save_file(tensors, path)
    with pytest.raises(DataError, match=words) as error:
        hotdog_ft.load_net(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t.pop("layer2.1.conv1.weight"), r"lacks the tensor layer2\.1\.conv1\.weight"),
        (lambda t: t.pop("layer3.0.downsample.1.bias"), r"lacks .* layer3\.0\.downsample\.1\.bias"),
        (
            lambda t: [t.pop(f"fc.{end}") for end in ("weight", "bias")],
            r"lacks the tensor fc\.bias",
        ),
        (lambda t: t.update({"layer1.0.se.fc1.weight": np.ones((2, 4, 1, 1), "f4")}), r"se\.fc1"),
        (lambda t: t.update({"optimizer.momentum": np.ones(3, "f4")}), r"optimizer\.momentum"),
        (
            lambda t: t.update({"conv1.weight": np.ones((4, 3, 3, 3), "f4")}),
            r"conv1\.weight has the shape \(4, 3, 3, 3\) instead of \(4, 3, 7, 7\)",
        ),
        (
            lambda t: t.update({"bn1.running_var": np.ones(5, "f4")}),
            r"bn1\.running_var has the shape \(5,\) instead of \(4,\)",
        ),
        (
            lambda t: t.update({f"ema.{name}": array for name, array in TENSORS.items()}),
            r"holds 2 nets, which begin with conv1\.weight and ema\.conv1\.weight",
        ),
        (lambda t: t.update({"output.bias": t["fc.bias"]}), r"holds \w+\.bias under a second name"),
        (lambda t: t.update({"fc.weight": np.ones((5, 10), "int8")}), r"fc\.weight as I8\b"),
        (lambda t: t.update({"fc.weight": np.full((5, 10), 1e300)}), r"not finite in fc\.weight"),
        (lambda t: t.update({"fc.weight": np.ones((0, 10), "f4")}), r"fc\.weight as F32"),
    ],
)
def test_report_86_what_does_not_fit_is_named_as_pytorch_names_it(change, words, tmp_path):
    tensors = dict(TENSORS)
    change(tensors)
    refused(tmp_path, tensors, words)


def test_report_86_bottlenecks_in_groups_are_refused(tmp_path):
    """ResNeXt: a 3x3 convolution in groups has fewer inputs than channels."""
    tensors = torchvision_tensors((4, 16, 20, 24, 28), layers=(1, 1, 1, 1), bottleneck=True)
    tensors["layer1.0.conv2.weight"] = tensors["layer1.0.conv2.weight"][:, :2].copy()
    words = r"layer1\.0\.conv2\.weight has the shape \(4, 2, 3, 3\) instead of \(4, 4, 3, 3\)"
    refused(tmp_path, tensors, words)


def test_report_86_another_net_of_pytorch_is_refused(tmp_path):
    tensors = {"cls_token": np.ones((1, 1, 8), "f4"), "head.weight": np.ones((5, 8), "f4")}
    refused(tmp_path, tensors, "belongs to no net that is known here: it holds cls_token and 1 ")


def pytorch_zip(path):
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("archive/data.pkl", pickle.dumps({}))


CONVERT = r"pickle.* weights_only=True\), 'net\.safetensors'\)"


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.bin", "net.ckpt", "net.params"])
@pytest.mark.parametrize("kind", ["zip", "pickle"])
def test_report_86_a_file_of_pytorch_is_refused_with_the_way_to_convert_it(kind, name, tmp_path):
    path = tmp_path / name
    pytorch_zip(path) if kind == "zip" else path.write_bytes(pickle.dumps({}, protocol=2))
    with pytest.raises(DataError, match=CONVERT) as error:
        hotdog_ft.load_net(path)
    assert f"torch.load('{name}'" in str(error.value)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("net.h5", b"\x89HDF\r\n\x1a\n", "Keras"),
        ("net.params", b"\x89HDF\r\n\x1a\n", "Keras"),
        ("net.onnx", b"\x08\x07\x12\x07pytorch", "ONNX"),
        ("net.keras", b"PK\x03\x04", "Keras"),
        ("net.npz", b"PK\x03\x04", "NumPy"),
        ("net.pdparams", pickle.dumps({}, protocol=4), "PaddlePaddle"),
        ("net.npy", b"\x93NUMPY\x01\x00", "NumPy"),
        ("net.zip", b"PK\x03\x04", "zip archive.*Unpack it"),
        # damaged to Python, no zip archive to 3.14, and to 3.9 it cannot be read
        ("net.pth", b"PK\x03\x04" + b"PK\x05\x06" + b"\xff" * 18, "(damaged|pickle|be read)"),
        ("net-symbol.json", b'{"nodes": []}', r"JSON.*\.params"),
        ("net.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_report_86_a_file_of_another_program_is_named_as_such(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} .*{words}"):
        hotdog_ft.load_net(tmp_path / name)


def test_a_file_is_known_by_its_content_whatever_it_is_called(expected, tmp_path):
    assert np.array_equal(logits(TENSORS, tmp_path / "pytorch_model.bin"), expected)
    make_source_net().save_parameters(str(tmp_path / "net.safetensors"))
    assert hotdog_ft.load_net(tmp_path / "net.safetensors").classes is None


@pytest.mark.parametrize(
    "notes", ["[]", "{", '{"classes": ["a"], "size": 32}', '{"classes": 5}', '{"mean": 1}']
)
def test_notes_that_are_not_ours_are_an_error(notes, tmp_path):
    path = tmp_path / "net.safetensors"
    save_file(values(make_source_net()), path, {"hotdog_ft": notes})
    with pytest.raises(DataError, match=r"net\.safetensors"):
        hotdog_ft.load_net(path)


def test_a_file_with_no_tensors_is_an_error(tmp_path):
    refused(tmp_path, {}, "holds no tensors")
    (tmp_path / "net.params").write_bytes(struct.pack("<4Q", 0x112, 0, 0, 0))
    with pytest.raises(DataError, match="no tensors"):
        hotdog_ft.load_net(tmp_path / "net.params")


def test_what_is_written_is_read_by_other_programs(tmp_path):
    net = make_source_net()
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", list("abcde"), 32)
    assert load_file(tmp_path / "net.safetensors").keys() == values(net).keys()

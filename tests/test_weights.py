"""Nets read from parameter files of either topology, and written to files."""

import json
import struct

import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, run_python, values
from mxnet import nd
from mxnet.gluon.model_zoo import vision
from picture_zoo import GOOD
from safetensors.numpy import load_file, save_file

import hotdog_ft
from hotdog_ft.files import DataError


@pytest.fixture
def net():
    return hotdog_ft.finetune_net(make_source_net(), 2)


@pytest.mark.parametrize("suffix", [".params", ".safetensors"])
def test_a_net_of_either_topology_is_recognised(source_net, tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    if suffix == ".params":
        source_net.save_parameters(str(path))
    else:
        save_file(values(source_net), path)
    net = hotdog_ft.load_net(path)
    assert type(net) is type(source_net)
    x = nd.random.normal(shape=(2, 3, 32, 32))
    np.testing.assert_array_equal(net(x).asnumpy(), source_net(x).asnumpy())


@pytest.mark.parametrize("version", [1, 2])
def test_the_zoos_older_names_are_read(tmp_path, version):
    net = {1: vision.resnet18_v1, 2: vision.resnet18_v2}[version]()
    net.initialize(mx.init.Xavier())
    x = nd.random.normal(shape=(1, 3, 64, 64))
    expected = net(x).asnumpy()
    net.collect_params().save(str(tmp_path / "old.params"), strip_prefix=net.prefix)
    np.testing.assert_array_equal(
        hotdog_ft.load_net(tmp_path / "old.params")(x).asnumpy(), expected
    )


@pytest.mark.parametrize("age", ["oldest", "V1", "V2"])
def test_a_params_file_of_any_age_is_read(source_net, age, tmp_path):
    """src/ndarray/ndarray.cc, NDArray::LegacyLoad, TShape and NDArray::Load."""
    content = struct.pack("<3Q", 0x112, 0, len(values(source_net)))
    for array in values(source_net).values():
        start = {"V1": [0xF993FAC8], "V2": [0xF993FAC9, 0]}.get(age, [])  # 0: not sparse
        kind = "I" if age == "oldest" else "q"
        content += struct.pack(f"<{len(start) + 1}I", *start, array.ndim)
        content += struct.pack(f"<{array.ndim}{kind}", *array.shape)
        content += struct.pack("<3i", 1, 0, 0) + array.tobytes()  # on the CPU, float32
    content += struct.pack("<Q", len(values(source_net)))
    for name in values(source_net):
        content += struct.pack("<Q", len(name)) + name.encode()
    (tmp_path / "net.params").write_bytes(content)
    read = values(hotdog_ft.load_net(tmp_path / "net.params"))
    assert all(np.array_equal(read[name], array) for name, array in values(source_net).items())


def test_the_chapters_output_layer_is_shown(tmp_path):
    net = vision.resnet18_v2()
    net.initialize()
    net(nd.zeros((1, 3, 64, 64)))
    net.save_parameters(str(tmp_path / "net.params"))
    assert repr(hotdog_ft.load_net(tmp_path / "net.params").output) == "Dense(512 -> 1000, linear)"


def test_report_29_and_30_a_new_process_has_the_same_logits_classes_and_size(source_net, tmp_path):
    net = hotdog_ft.finetune_net(source_net, 3)
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["chair", "stool", "bánh mì"], size=48)
    x = np.random.default_rng(0).normal(size=(4, 3, 48, 48)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    done = run_python(
        "import sys, hotdog_ft, mxnet as mx, numpy as np\n"
        "net = hotdog_ft.load_net('net.safetensors')\n"
        "np.save('y.npy', net(mx.nd.array(np.load('x.npy'))).asnumpy())\n"
        "print(net.classes, net.size)",
        cwd=tmp_path,
        PYTHONIOENCODING="utf-8",
    )
    assert done.stdout == "['chair', 'stool', 'bánh mì'] 48\n", done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), net(mx.nd.array(x)).asnumpy())


def test_predict_uses_what_was_saved(net, tmp_path):
    (tmp_path / "1.png").write_bytes(GOOD["plain.png"][0])
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["yes", "no"], size=40)
    loaded = hotdog_ft.load_net(tmp_path / "net.safetensors")
    ours = hotdog_ft.predict(loaded, tmp_path / "1.png")
    theirs = hotdog_ft.predict(net, tmp_path / "1.png", classes=["yes", "no"], size=40)
    assert ours.equals(theirs) and ours["label"][0] in ("yes", "no")


def test_names_and_size_are_those_that_training_left_on_the_net(net, picture_folders, tmp_path):
    images = hotdog_ft.load_image_folders(picture_folders())
    hotdog_ft.fine_tune(net, *images, size=48, num_epochs=0)
    hotdog_ft.save_net(net, tmp_path / "net.safetensors")
    loaded = hotdog_ft.load_net(tmp_path / "net.safetensors")
    assert (loaded.classes, loaded.size) == (["a", "b"], 62)  # 9/7 of 48, where it is tested
    hotdog_ft.save_net(loaded, tmp_path / "again.safetensors", classes=["x", "y"])
    loaded = hotdog_ft.load_net(tmp_path / "again.safetensors")
    assert (loaded.classes, loaded.size) == (["x", "y"], 62)


def test_a_net_without_names_or_size_is_not_saved_without_them(net, tmp_path):
    for options in ({}, {"classes": ["a", "b"]}, {"size": 32}):
        with pytest.raises(ValueError, match="needs class names and the input size"):
            hotdog_ft.save_net(net, tmp_path / "net.safetensors", **options)
    assert not list(tmp_path.iterdir())


def test_names_must_fit_the_outputs_and_the_suffix_the_format(net, tmp_path):
    with pytest.raises(ValueError, match="classes is 3 names, the net has 2 outputs"):
        hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["a", "b", "c"], 32)
    with pytest.raises(ValueError, match=r"must end in \.safetensors"):
        hotdog_ft.save_net(net, tmp_path / "net.params", ["a", "b"], 32)
    assert not list(tmp_path.iterdir())


def test_a_net_for_pictures_normalised_in_another_way_is_refused(net, tmp_path):
    path = tmp_path / "net.safetensors"
    about = {"classes": ["a", "b"], "size": 32, "mean": [0.5] * 3, "std": [0.5] * 3}
    save_file(values(net), path, {"hotdog_ft": json.dumps(about)})
    with pytest.raises(DataError, match=r"mean \[0.5, 0.5, 0.5\] and std \[0.5, 0.5, 0.5\]"):
        hotdog_ft.load_net(path)


def test_other_tools_can_read_it(net, tmp_path):
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["a", "b"], 32)
    assert load_file(tmp_path / "net.safetensors")["output.weight"].shape == (2, 10)

"""Parameter files that cannot be used: each is one error that names the file."""

import os
import pickle
import struct
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mxnet import nd
from mxnet.gluon.model_zoo import vision
from safetensors.numpy import save_file

import hotdog_ft
from hotdog_ft.files import DataError


def broken(tmp_path, change, version=1):
    tensors = {name: mx.nd.array(array) for name, array in values(make_source_net(version)).items()}
    change(tensors)
    path = tmp_path / "net.params"
    mx.nd.save(str(path), tensors)
    with pytest.raises(DataError) as error:
        hotdog_ft.load_net(path)
    assert str(path) in str(error.value)
    return str(error.value)


def test_missing_extra_misshapen_and_non_finite_tensors_are_named(tmp_path):
    name = "features.5.1.body.0.weight"
    assert name in broken(tmp_path, lambda t: t.pop(name))
    assert "features.9.weight" in broken(
        tmp_path, lambda t: t.update({"features.9.weight": mx.nd.zeros(3)})
    )
    assert "features.1.beta" in broken(
        tmp_path, lambda t: t.update({"features.1.beta": mx.nd.zeros(3)})
    )
    assert "output.bias" in broken(
        tmp_path, lambda t: t.update({"output.bias": mx.nd.full(5, np.nan)})
    )


@pytest.mark.parametrize("name", ["squeezenet1.1", "mobilenetv2_0.25"])
def test_another_architecture_is_an_error(tmp_path, name):
    net = vision.get_model(name)
    net.initialize()
    net(nd.zeros((1, 3, 224, 224)))
    net.save_parameters(str(tmp_path / "net.params"))
    with pytest.raises(DataError, match=r"net\.params belongs to no net that is known here"):
        hotdog_ft.load_net(tmp_path / "net.params")


@pytest.mark.parametrize("suffix", [".params", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>404</html>" * 9])
def test_a_file_of_something_else_is_an_error(tmp_path, suffix, content):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged or not a parameter file"):
        hotdog_ft.load_net(path)


@pytest.mark.parametrize("suffix", [".params", ".safetensors"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_an_error(tmp_path, suffix, share):
    path = tmp_path / f"net{suffix}"
    net = make_source_net(1)
    net.save_parameters(str(path)) if suffix == ".params" else save_file(values(net), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="damaged or not a parameter file"):
        hotdog_ft.load_net(path)


@pytest.mark.parametrize("name", ["net.params", "net.safetensors", "net.pth"])
def test_nothing_in_a_file_is_executed(tmp_path, name):
    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    (tmp_path / name).write_bytes(pickle.dumps(Attack()))
    with pytest.raises(DataError, match=name):
        hotdog_ft.load_net(tmp_path / name)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("length", [2**20, 2**28, 2**33, 2**40, 0, -5])
def test_a_tensor_of_absurd_length_is_an_error(tmp_path, length):
    path = tmp_path / "net.params"
    make_source_net().save_parameters(str(path))
    content = bytearray(path.read_bytes())
    # src/ndarray/ndarray.cc, NDArray::Save: magic, storage type, dimensions, then the lengths
    place = content.find(struct.pack("<I", 0xF993FAC9)) + 12
    content[place : place + 8] = struct.pack("<q", length)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"(length|shape) is wrong"):
        hotdog_ft.load_net(path)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
    suffix=st.sampled_from([".params", ".safetensors"]),
)
def test_any_bytes_changed_in_the_header_load_or_are_one_error(tmp_path, changes, suffix):
    path = tmp_path / f"net{suffix}"
    net = make_source_net()
    net.save_parameters(str(path)) if suffix == ".params" else save_file(values(net), path)
    content = bytearray(path.read_bytes())
    for place, byte in changes:
        content[place] = byte
    path.write_bytes(content)
    try:
        hotdog_ft.load_net(path)
    except DataError as error:
        assert str(path) in str(error)


def test_a_checkpoint_is_told_from_a_net(tmp_path, picture_folders, source_net):
    images = hotdog_ft.load_image_folders(picture_folders())
    net, path = hotdog_ft.finetune_net(source_net, 2), tmp_path / "c.safetensors"
    settings = hotdog_ft.Settings(size=32, num_epochs=1)
    hotdog_ft.train(net, *images, settings, checkpoint=path)
    with pytest.raises(hotdog_ft.DataError, match="is the checkpoint of a run, and no net"):
        hotdog_ft.load_net(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.params"):
        hotdog_ft.load_net(tmp_path / "absent.params")


@pytest.mark.parametrize(
    "path, words",
    [
        ("https://example.org/net.safetensors", "is an address: download it first"),
        ("nett.params", r"Did you mean .*/net\.params"),
        ("", "path is empty"),
        (".", "is no file"),
    ],
)
def test_reports_71_and_86_what_is_no_path_of_a_file_is_one_sentence(
    path, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.params").touch()
    with pytest.raises(DataError, match=words):
        hotdog_ft.load_net(tmp_path / path if path == "nett.params" else path)


def test_arrays_without_names_are_an_error(tmp_path):
    mx.nd.save(str(tmp_path / "net.params"), [mx.nd.zeros(3)])
    with pytest.raises(DataError, match=r"net\.params names no tensors"):
        hotdog_ft.load_net(tmp_path / "net.params")


def test_a_file_below_a_folder_whose_name_is_no_unicode_is_read(source_net, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9"))
    folder.mkdir()
    source_net.save_parameters(str(tmp_path / "net.params"))
    (tmp_path / "net.params").rename(folder / "net.params")
    assert repr(hotdog_ft.load_net(folder / "net.params").output) == repr(source_net.output)

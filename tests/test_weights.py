"""Source nets from files of either topology, and the two hosts of ImageNet weights."""

import hashlib
import json
import pickle
import struct
import zipfile
from pathlib import Path

import hotdog_ft
import mxnet as mx
import numpy as np
import pytest
from conftest import CHANNELS, make_source_net, values
from hotdog_ft import weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_torch_fixture import FIXTURE, pictures, tensors_like, torch_logits
from mxnet import nd
from mxnet.gluon.model_zoo import model_store, vision
from safetensors.numpy import save_file


def torchvision_tensors(channels=CHANNELS, classes=5):
    """Random parameters under the names and in the shapes of torchvision's resnet18."""
    rng = np.random.default_rng(0)
    tensors = {}

    def conv(name, out, into, size):
        tensors[name + ".weight"] = rng.normal(0, 0.3, (out, into, size, size))

    def norm(name, width):
        tensors[name + ".weight"] = rng.uniform(0.5, 1.5, width)
        tensors[name + ".bias"] = rng.normal(0, 0.5, width)
        tensors[name + ".running_mean"] = rng.normal(0, 0.5, width)
        tensors[name + ".running_var"] = rng.uniform(0.5, 2, width)
        tensors[name + ".num_batches_tracked"] = np.array(7)

    conv("conv1", channels[0], 3, 7)
    norm("bn1", channels[0])
    for stage in range(1, 5):
        for block in range(2):
            name, out = f"layer{stage}.{block}", channels[stage]
            into = channels[stage - 1] if block == 0 else out
            conv(f"{name}.conv1", out, into, 3)
            norm(f"{name}.bn1", out)
            conv(f"{name}.conv2", out, out, 3)
            norm(f"{name}.bn2", out)
            if block == 0 and (stage > 1 or into != out):
                conv(f"{name}.downsample.0", out, into, 1)
                norm(f"{name}.downsample.1", out)
    tensors["fc.weight"], tensors["fc.bias"] = rng.normal(size=(classes, channels[4])), rng.normal(size=classes)
    return {name: np.asarray(tensor, "int64" if tensor.ndim == 0 else "float32")
            for name, tensor in tensors.items()}


def torchvision_forward(tensors, x):
    """torchvision's resnet18 in evaluation mode, written out from its definition.

    He et al. 2016 as in torchvision/models/resnet.py: stem conv 7x7/2, bn, relu, max pool 3x3/2;
    four stages of two basic blocks; average pool; fc.
    """
    t = {name: nd.array(tensor) for name, tensor in tensors.items()}

    def conv(x, name, stride=1):
        weight = t[name + ".weight"]
        size = weight.shape[2]
        return nd.Convolution(x, weight, no_bias=True, kernel=(size, size), stride=(stride, stride),
                              pad=(size // 2, size // 2), num_filter=weight.shape[0])

    def norm(x, name):
        mean, var, gamma, beta = (t[f"{name}.{part}"].reshape((1, -1, 1, 1)) for part in
                                  ("running_mean", "running_var", "weight", "bias"))
        return (x - mean) / (var + 1e-5).sqrt() * gamma + beta

    x = nd.relu(norm(conv(x, "conv1", 2), "bn1"))
    x = nd.Pooling(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")
    for stage in range(1, 5):
        for block in range(2):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = nd.relu(norm(conv(x, name + ".conv1", stride), name + ".bn1"))
            y = norm(conv(y, name + ".conv2"), name + ".bn2")
            if name + ".downsample.0.weight" in t:
                x = norm(conv(x, name + ".downsample.0", stride), name + ".downsample.1")
            x = nd.relu(x + y)
    return nd.dot(x.mean(axis=(2, 3)), t["fc.weight"].T) + t["fc.bias"]


def test_report_7_torchvisions_parameters_give_its_logits(tmp_path):
    tensors = torchvision_tensors()
    save_file(tensors, tmp_path / "model.safetensors")
    net = hotdog_ft.load_net(tmp_path / "model.safetensors")
    x = nd.random.normal(shape=(3, 3, 64, 64))
    expected = torchvision_forward(tensors, x).asnumpy()
    np.testing.assert_allclose(net(x).asnumpy(), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_report_7_the_converted_net_gives_the_logits_that_pytorch_gave(tmp_path):
    """Recorded with PyTorch: see make_torch_fixture.py."""
    fixture = json.loads(FIXTURE.read_text())
    tensors = tensors_like({name: tuple(shape) for name, shape in fixture["shapes"].items()})
    save_file(tensors, tmp_path / "model.safetensors")
    logits = hotdog_ft.load_net(tmp_path / "model.safetensors")(nd.array(pictures())).asnumpy()
    expected = np.array(fixture["logits"])
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_pytorch_still_gives_what_was_recorded():
    pytest.importorskip("torchvision")
    shapes, logits = torch_logits()
    fixture = json.loads(FIXTURE.read_text())
    assert shapes == fixture["shapes"]
    np.testing.assert_allclose(logits, fixture["logits"], rtol=1e-4, atol=1e-4)


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
    np.testing.assert_array_equal(hotdog_ft.load_net(tmp_path / "old.params")(x).asnumpy(), expected)


def test_the_chapters_output_layer_is_shown(tmp_path):
    net = vision.resnet18_v2()
    net.initialize()
    net(nd.zeros((1, 3, 64, 64)))
    net.save_parameters(str(tmp_path / "net.params"))
    assert repr(hotdog_ft.load_net(tmp_path / "net.params").output) == "Dense(512 -> 1000, linear)"


class TestBadFiles:
    def broken(self, tmp_path, change, version=1):
        tensors = {name: mx.nd.array(array) for name, array in values(make_source_net(version)).items()}
        change(tensors)
        path = tmp_path / "net.params"
        mx.nd.save(str(path), tensors)
        with pytest.raises(hotdog_ft.WeightsError) as error:
            hotdog_ft.load_net(path)
        assert str(path) in str(error.value)
        return str(error.value)

    def test_missing_extra_misshapen_and_non_finite_tensors_are_named(self, tmp_path):
        name = "features.5.1.body.0.weight"
        assert name in self.broken(tmp_path, lambda t: t.pop(name))
        assert "features.9.weight" in self.broken(tmp_path, lambda t: t.update(
            {"features.9.weight": mx.nd.zeros(3)}))
        assert "features.1.beta" in self.broken(tmp_path, lambda t: t.update(
            {"features.1.beta": mx.nd.zeros(3)}))
        assert "output.bias" in self.broken(tmp_path, lambda t: t.update(
            {"output.bias": mx.nd.full(5, np.nan)}))

    @pytest.mark.parametrize("name", ["alexnet", "resnet34_v2", "resnet50_v1", "mobilenet0.25"])
    def test_another_architecture_is_an_error(self, tmp_path, name):
        net = vision.get_model(name)
        net.initialize()
        net(nd.zeros((1, 3, 224, 224)))
        net.save_parameters(str(tmp_path / "net.params"))
        with pytest.raises(hotdog_ft.WeightsError, match="not a ResNet-18"):
            hotdog_ft.load_net(tmp_path / "net.params")

    @pytest.mark.parametrize("suffix", [".params", ".safetensors"])
    @pytest.mark.parametrize("content", [b"", b"<html>404</html>" * 9, b"\x80\x04pickled"])
    def test_a_file_of_something_else_is_an_error(self, tmp_path, suffix, content):
        path = tmp_path / f"net{suffix}"
        path.write_bytes(content)
        with pytest.raises(hotdog_ft.WeightsError, match="damaged or not a parameter file"):
            hotdog_ft.load_net(path)

    @pytest.mark.parametrize("suffix", [".params", ".safetensors"])
    @pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
    def test_a_truncated_file_is_an_error(self, tmp_path, suffix, share):
        path = tmp_path / f"net{suffix}"
        net = make_source_net(1)
        net.save_parameters(str(path)) if suffix == ".params" else save_file(values(net), path)
        whole = path.read_bytes()
        path.write_bytes(whole[:int(len(whole) * share)])
        with pytest.raises(hotdog_ft.WeightsError, match="damaged or not a parameter file"):
            hotdog_ft.load_net(path)

    @pytest.mark.parametrize("name", ["net.params", "net.safetensors", "net.pth"])
    def test_nothing_in_a_file_is_executed(self, tmp_path, name):
        class Attack:
            def __reduce__(self):
                return Path.touch, (tmp_path / "executed",)

        (tmp_path / name).write_bytes(pickle.dumps(Attack()))
        with pytest.raises(hotdog_ft.WeightsError, match=name):
            hotdog_ft.load_net(tmp_path / name)
        assert not (tmp_path / "executed").exists()

    @pytest.mark.parametrize("length", [2**33, 2**40, -5])
    def test_a_tensor_of_absurd_length_is_an_error(self, tmp_path, length):
        path = tmp_path / "net.params"
        make_source_net().save_parameters(str(path))
        content = bytearray(path.read_bytes())
        # src/ndarray/ndarray.cc, NDArray::Save: magic, storage type, dimensions, then the lengths
        place = content.find(struct.pack("<I", 0xF993FAC9)) + 12
        content[place:place + 8] = struct.pack("<q", length)
        path.write_bytes(content)
        with pytest.raises(hotdog_ft.WeightsError, match="damaged or not a parameter file"):
            hotdog_ft.load_net(path)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
           suffix=st.sampled_from([".params", ".safetensors"]))
    def test_any_bytes_changed_in_the_header_load_or_are_one_error(self, tmp_path, changes, suffix):
        path = tmp_path / f"net{suffix}"
        net = make_source_net()
        net.save_parameters(str(path)) if suffix == ".params" else save_file(values(net), path)
        content = bytearray(path.read_bytes())
        for place, byte in changes:
            content[place] = byte
        path.write_bytes(content)
        try:
            hotdog_ft.load_net(path)
        except hotdog_ft.WeightsError as error:
            assert str(path) in str(error)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(hotdog_ft.WeightsError, match="absent.params"):
            hotdog_ft.load_net(tmp_path / "absent.params")


class TestHosts:
    @pytest.fixture(autouse=True)
    def hosts(self, server, tmp_path, monkeypatch):
        """Both hosts played by one server, with small files under the real paths."""
        make_source_net(2).save_parameters(str(tmp_path / f"{weights.GLUON_NAME}.params"))
        self.params = (tmp_path / f"{weights.GLUON_NAME}.params").read_bytes()
        with zipfile.ZipFile(tmp_path / "gluon.zip", "w") as zipped:
            zipped.writestr(f"{weights.GLUON_NAME}.params", self.params)
        save_file(torchvision_tensors(), tmp_path / "tv.safetensors")
        torchvision = (tmp_path / "tv.safetensors").read_bytes()
        monkeypatch.setattr(weights, "GLUON_SHA1", hashlib.sha1(self.params).hexdigest())
        monkeypatch.setattr(weights, "TORCHVISION_SHA256", hashlib.sha256(torchvision).hexdigest())
        monkeypatch.setenv("MXNET_GLUON_REPO", server.url)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr("time.sleep", lambda _: None)
        self.gluon = f"/gluon/models/{weights.GLUON_NAME}.zip"
        self.server = server
        server.answers[self.gluon] = 200, (tmp_path / "gluon.zip").read_bytes()
        server.answers["/" + weights.TORCHVISION_PATH] = 200, torchvision

    def test_the_constants_are_gluons_own(self, monkeypatch):
        monkeypatch.undo()
        assert weights.GLUON_NAME == "resnet18_v2-" + model_store.short_hash("resnet18_v2")
        assert weights.GLUON_SHA1 == model_store._model_sha1["resnet18_v2"]
        assert weights.GLUON_REPO == model_store.apache_repo_url

    def test_gluons_weights_go_to_mxnets_cache_and_are_fetched_once(self, own_environment):
        path = hotdog_ft.fetch_weights()
        assert path == own_environment / "mxnet" / "models" / f"{weights.GLUON_NAME}.params"
        assert path.read_bytes() == self.params
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]  # no archive, no part
        assert hotdog_ft.fetch_weights() == path
        assert self.server.requests == [self.gluon]

    @pytest.mark.parametrize("answer", [(403, b""), (200, b"<html>moved</html>"), "another file"])
    def test_report_7_when_gluons_host_fails_torchvisions_are_taken_and_it_says_so(
            self, answer, tmp_path, capsys):
        if answer == "another file":
            with zipfile.ZipFile(tmp_path / "other.zip", "w") as zipped:
                zipped.writestr(f"{weights.GLUON_NAME}.params", b"other content")
            answer = 200, (tmp_path / "other.zip").read_bytes()
        self.server.answers[self.gluon] = answer
        path = hotdog_ft.fetch_weights()
        assert isinstance(hotdog_ft.load_net(path), vision.ResNetV1)
        assert "Taking torchvision's ResNet-18" in capsys.readouterr().out
        models = weights.Path(mx.base.data_dir()) / "models"
        assert not list(models.glob("*"))

    def test_when_both_fail_the_error_names_url_hash_and_place(self):
        self.server.answers.clear()
        with pytest.raises(hotdog_ft.DataError) as error:
            hotdog_ft.fetch_weights()
        for word in (weights.TORCHVISION_PATH, weights.TORCHVISION_SHA256, "resnet18.tv_in1k.safetensors"):
            assert word in str(error.value)

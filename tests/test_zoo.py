"""ImageNet weights: torchvision's tensors under Gluon's names, and the two hosts."""

import hashlib
import json
import zipfile
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from conftest import CHANNELS, make_source_net
from make_torch_fixture import FIXTURE, pictures, tensors_like, torch_logits
from mxnet import nd
from mxnet.gluon.model_zoo import model_store, vision
from safetensors.numpy import save_file

import hotdog_ft
from hotdog_ft import zoo


def torchvision_tensors(channels=CHANNELS, classes=5, layers=(2, 2, 2, 2), bottleneck=False):
    """Random parameters under the names and in the shapes of torchvision's resnets."""
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
    for stage, blocks in enumerate(layers, 1):
        for block in range(blocks):
            name, out = f"layer{stage}.{block}", channels[stage]
            into = channels[stage - 1] if block == 0 else out
            inner = out // 4 if bottleneck else out
            for number, size in enumerate((1, 3, 1) if bottleneck else (3, 3), 1):
                last = number == 2 + bottleneck
                conv(f"{name}.conv{number}", out if last else inner, inner, size)
                norm(f"{name}.bn{number}", out if last else inner)
            conv(f"{name}.conv1", inner, into, 1 if bottleneck else 3)
            if block == 0 and (stage > 1 or into != out):
                conv(f"{name}.downsample.0", out, into, 1)
                norm(f"{name}.downsample.1", out)
    tensors["fc.weight"], tensors["fc.bias"] = (
        rng.normal(size=(classes, channels[-1])),
        rng.normal(size=classes),
    )
    return {
        name: np.asarray(tensor, "int64" if tensor.ndim == 0 else "float32")
        for name, tensor in tensors.items()
    }


def torchvision_forward(tensors, x, layers=(2, 2, 2, 2)):
    """torchvision's resnets in evaluation mode, written out from their definition.

    He et al. 2016 as in torchvision/models/resnet.py: stem conv 7x7/2, bn, relu, max pool 3x3/2;
    four stages of basic blocks, or of bottlenecks whose 3x3 convolution (conv2) has the stride;
    average pool; fc.
    """
    t = {name: nd.array(tensor) for name, tensor in tensors.items()}

    def conv(x, name, stride=1):
        weight = t[name + ".weight"]
        size = weight.shape[2]
        return nd.Convolution(
            x,
            weight,
            no_bias=True,
            kernel=(size, size),
            stride=(stride, stride),
            pad=(size // 2, size // 2),
            num_filter=weight.shape[0],
        )

    def norm(x, name):
        mean, var, gamma, beta = (
            t[f"{name}.{part}"].reshape((1, -1, 1, 1))
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * gamma + beta

    x = nd.relu(norm(conv(x, "conv1", 2), "bn1"))
    x = nd.Pooling(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")
    for stage, blocks in enumerate(layers, 1):
        for block in range(blocks):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            if name + ".conv3.weight" in t:
                y = nd.relu(norm(conv(x, name + ".conv1"), name + ".bn1"))
                y = nd.relu(norm(conv(y, name + ".conv2", stride), name + ".bn2"))
                y = norm(conv(y, name + ".conv3"), name + ".bn3")
            else:
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
    np.testing.assert_allclose(
        net(x).asnumpy(), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
    )


@pytest.mark.parametrize(
    "layers, bottleneck", [((3, 4, 6, 3), False), ((3, 4, 6, 3), True)], ids=["34", "50"]
)
def test_report_54_deeper_nets_of_torchvision_give_their_logits_too(tmp_path, layers, bottleneck):
    tensors = torchvision_tensors((4, 8, 12, 16, 20), layers=layers, bottleneck=bottleneck)
    save_file(tensors, tmp_path / "model.safetensors")
    net = hotdog_ft.load_net(tmp_path / "model.safetensors")
    x = nd.random.normal(shape=(2, 3, 64, 64))
    expected = torchvision_forward(tensors, x, layers).asnumpy()
    close = {"rtol": 1e-3, "atol": 1e-4 * np.abs(expected).max()}
    np.testing.assert_allclose(net(x).asnumpy(), expected, **close)
    hotdog_ft.save_net(net, tmp_path / "ours.safetensors", list("abcde"), 64)
    again = hotdog_ft.load_net(tmp_path / "ours.safetensors")
    np.testing.assert_array_equal(again(x).asnumpy(), net(x).asnumpy())


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


class TestHosts:
    @pytest.fixture(autouse=True)
    def hosts(self, server, tmp_path, monkeypatch):
        """Both hosts played by one server, with small files under the real paths."""
        make_source_net(2).save_parameters(str(tmp_path / f"{zoo.GLUON_NAME}.params"))
        self.params = (tmp_path / f"{zoo.GLUON_NAME}.params").read_bytes()
        with zipfile.ZipFile(tmp_path / "gluon.zip", "w") as zipped:
            zipped.writestr(f"{zoo.GLUON_NAME}.params", self.params)
        save_file(torchvision_tensors(), tmp_path / "tv.safetensors")
        torchvision = (tmp_path / "tv.safetensors").read_bytes()
        monkeypatch.setattr(zoo, "GLUON_SHA1", hashlib.sha1(self.params).hexdigest())
        monkeypatch.setattr(zoo, "TORCHVISION_SHA256", hashlib.sha256(torchvision).hexdigest())
        monkeypatch.setenv("MXNET_GLUON_REPO", server.url)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr("time.sleep", lambda _: None)
        self.gluon = f"/gluon/models/{zoo.GLUON_NAME}.zip"
        self.server = server
        server.answers[self.gluon] = 200, (tmp_path / "gluon.zip").read_bytes()
        server.answers["/" + zoo.TORCHVISION_PATH] = 200, torchvision

    def test_the_constants_are_gluons_own(self, monkeypatch):
        monkeypatch.undo()
        assert "resnet18_v2-" + model_store.short_hash("resnet18_v2") == zoo.GLUON_NAME
        assert model_store._model_sha1["resnet18_v2"] == zoo.GLUON_SHA1
        assert model_store.apache_repo_url == zoo.GLUON_REPO

    def test_gluons_weights_go_to_mxnets_cache_and_are_fetched_once(self, own_environment):
        path = hotdog_ft.fetch_weights()
        assert path == own_environment / "mxnet" / "models" / f"{zoo.GLUON_NAME}.params"
        assert path.read_bytes() == self.params
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]  # no archive, no part
        assert hotdog_ft.fetch_weights() == path
        assert self.server.requests == [self.gluon]

    @pytest.mark.parametrize("answer", [(403, b""), (200, b"<html>moved</html>"), "another file"])
    def test_report_7_when_gluons_host_fails_torchvisions_are_taken_and_it_says_so(
        self, answer, tmp_path
    ):
        if answer == "another file":
            with zipfile.ZipFile(tmp_path / "other.zip", "w") as zipped:
                zipped.writestr(f"{zoo.GLUON_NAME}.params", b"other content")
            answer = 200, (tmp_path / "other.zip").read_bytes()
        self.server.answers[self.gluon] = answer
        with pytest.warns(UserWarning, match="Taking torchvision's ResNet-18"):
            path = hotdog_ft.fetch_weights()
        assert isinstance(hotdog_ft.load_net(path), vision.ResNetV1)
        models = Path(mx.base.data_dir()) / "models"
        assert not list(models.glob("*"))
        asked = len(self.server.requests)
        assert hotdog_ft.fetch_weights() == path  # what is there is taken
        assert len(self.server.requests) == asked

    def test_when_both_fail_the_error_names_url_hash_and_place(self):
        self.server.answers.clear()
        with pytest.raises(hotdog_ft.DataError) as error, pytest.warns(UserWarning):
            hotdog_ft.fetch_weights()
        for word in (zoo.TORCHVISION_PATH, zoo.TORCHVISION_SHA256, "resnet18.tv_in1k.safetensors"):
            assert word in str(error.value)

"""Parts that several tests share: tiny picture folders, tiny nets, a real HTTP server."""

import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import hotdog_ft  # before mxnet, which it tells to use every core

# isort: split
import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn
from mxnet.gluon.model_zoo.vision import resnet
from PIL import Image

from hotdog_ft.devices import available_devices
from hotdog_ft.evaluation import evaluate
from hotdog_ft.history import History
from hotdog_ft.learning import learning_as_set
from hotdog_ft.mxnet_internals import parameters
from hotdog_ft.training import new_trainer, train_one_epoch

ROOT = Path(__file__).parents[1]
CHANNELS = (4, 4, 6, 8, 10)  # each stage that halves the picture must widen it, as in ResNet-18

# a shell has its background jobs ignore Ctrl-C, which some tests send
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_environment(tmp_path_factory, monkeypatch):
    """No test sees the user's settings or touches the user's caches."""
    for name in ("MODE", "DATA", "WEIGHTS"):
        monkeypatch.delenv(f"HOTDOG_FT_{name}", raising=False)
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("HOTDOG_FT_CACHE", str(cache / "hotdog_ft"))
    monkeypatch.setenv("MXNET_HOME", str(cache / "mxnet"))
    return cache


@pytest.fixture
def picture_folders(tmp_path):
    """A function that writes {train,test}/{class}/N.png: red pictures for class a, blue for b."""

    def write(counts=None, root=tmp_path / "pictures"):
        rng = np.random.default_rng(0)
        counts = counts or {"train": {"a": 6, "b": 6}, "test": {"a": 3, "b": 3}}
        for split, classes in counts.items():
            for label, count in classes.items():
                folder = root / split / label
                folder.mkdir(parents=True, exist_ok=True)
                for number in range(count):
                    pixels = rng.integers(0, 80, (40, 48, 3), dtype="uint8")
                    pixels[..., 0 if label == "a" else 2] += 150
                    Image.fromarray(pixels).save(folder / f"{number}.png")
        return root

    return write


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def source_net(request):
    """A narrow source net of either topology for 5 classes, with statistics of its own."""
    return make_source_net(request.param)


def resnet18(version, channels, classes):
    """Gluon's ResNet-18 of any width, uninitialised."""
    kind, block = {
        1: (resnet.ResNetV1, resnet.BasicBlockV1),
        2: (resnet.ResNetV2, resnet.BasicBlockV2),
    }[version]
    net = kind(block, [2, 2, 2, 2], channels, classes=classes)
    net.hybridize(static_alloc=True)
    return net


def make_source_net(version=2, classes=5):
    mx.random.seed(3)
    net = resnet18(version, CHANNELS, classes)
    net.initialize(mx.init.Xavier())
    with mx.autograd.record():  # one step in training mode moves BatchNorm's running statistics
        net(mx.nd.random.normal(shape=(4, 3, 32, 32)))
    return net


def values(net):
    """All parameters of `net`, running statistics included, as one dictionary of arrays."""
    return {name: p.data(p.list_ctx()[0]).asnumpy() for name, p in parameters(net).items()}


@pytest.fixture
def own_data(picture_folders, tmp_path):
    """Paths of a picture folder and of a source net's parameters for full mode, both tiny."""
    make_source_net().save_parameters(str(tmp_path / "net.params"))
    return str(picture_folders()), str(tmp_path / "net.params")


@pytest.fixture
def tiny(own_data):
    """A recipe of full mode whose runs take a second."""
    return hotdog_ft.load_recipe("full", *own_data).with_settings(
        size=32, batch_size=5, num_epochs=1
    )


def some_batches(sizes, seed=0, side=32):
    """Mini-batches of noise in these sizes, with labels 0 and 1."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(n, 3, side, side)).astype("float32"), rng.integers(0, 2, n))
        for n in sizes
    ]


def small_net(seed=0):
    """A net without BatchNorm: every device count must give the same result."""
    mx.random.seed(seed)
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(4, 3, 2, activation="relu", in_channels=3),
        nn.GlobalAvgPool2D(),
        nn.Flatten(),
        nn.Dense(2, in_units=4),
    )
    net.initialize(mx.init.Xavier(), force_reinit=True)
    return net


def quiet(line):
    """Nobody needs to read what a study reports."""


def trained(history, size=64):
    """A `train` that takes no time: it leaves the net as it is, and this history."""

    def train(net, *arguments, **options):
        net.size = size
        return history

    return train


def cpus(count):
    """As many devices as wanted: MXNet takes each for one of its own."""
    return [mx.cpu(i) for i in range(count)]


def train_on(net, batches, settings, test_batches=None, devices=None):
    """Train on ready mini-batches of any kind, and test on them or on others: a `History`."""
    devices = list(devices or available_devices())
    net.collect_params().reset_ctx(devices)
    history = History(devices=[str(device) for device in devices])
    with learning_as_set(net, settings):
        trainer = new_trainer(net, settings, len(batches))
        for epoch in range(1, settings.num_epochs + 1):
            sums = train_one_epoch(net, batches, trainer, devices, f"epoch {epoch}")
            start = time.perf_counter()
            test_acc = evaluate(net, batches if test_batches is None else test_batches)
            history.add_epoch(sums, test_acc, time.perf_counter() - start)
    return history


@pytest.fixture
def dishes(tmp_path):
    """A folder of twelve training and nine test pictures of three classes, see `any_set`."""
    from any_set import write_dishes

    return write_dishes(tmp_path / "dishes")


@pytest.fixture
def run_notebook(tmp_path, monkeypatch):
    """A function of a notebook's name and a folder of pictures: what each cell prints."""
    from any_set import run_notebook

    return partial(run_notebook, folder=tmp_path, monkeypatch=monkeypatch)


@pytest.fixture
def server():
    """A real HTTP server on loopback; it counts requests.

    ``server.answers[path]`` is ``(status, body)``, or a function that gets the handler and writes
    what it likes, or a list of these, one for each request in turn.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append(self.path)
            answer = self.server.answers.get(self.path, (404, b"<html>not found</html>"))
            if isinstance(answer, list):
                answer = answer.pop(0)
            if callable(answer):
                answer(self)
            else:
                self.head(answer[0], len(answer[1]))
                self.wfile.write(answer[1])

        def head(self, status, length, **fields):
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            for name, value in fields.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.handle_error = lambda *_: None  # a client that hangs up is no news
    http.answers, http.requests, http.over = {}, [], threading.Event()
    http.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield http
    http.over.set()  # whoever stalls may go
    http.shutdown()
    http.server_close()
    thread.join()


def zip_of(folder, archive):
    """A zip archive of everything below `folder`, under the folder's own name."""
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(folder.rglob("*")):
            zipped.write(path, path.relative_to(folder.parent))
    return archive


def run_python(code, *arguments, cwd=None, **environment):
    """What a new process of this Python prints for `code`: a CompletedProcess."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )

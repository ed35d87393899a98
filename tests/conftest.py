"""Parts that several tests share: tiny picture folders, tiny nets, a real HTTP server."""

import os
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import hotdog_ft  # noqa: F401  before mxnet, which it tells to use every core
import mxnet as mx
import numpy as np
import pytest
from hotdog_ft.model import resnet18
from PIL import Image

ROOT = Path(__file__).parents[1]
CHANNELS = (4, 4, 6, 8, 10)  # each stage that halves the picture must widen it, as in ResNet-18


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


def make_source_net(version=2, classes=5):
    mx.random.seed(3)
    net = resnet18(version, CHANNELS, classes)
    net.initialize(mx.init.Xavier())
    with mx.autograd.record():  # one step in training mode moves BatchNorm's running statistics
        net(mx.nd.random.normal(shape=(4, 3, 32, 32)))
    return net


def values(net):
    """All parameters of `net`, running statistics included, as one dictionary of arrays."""
    return {name: parameter.data(parameter.list_ctx()[0]).asnumpy()
            for name, parameter in net._collect_params_with_prefix().items()}


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
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True,
                          cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})

"""Downloads from a server that misbehaves."""

import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
import zipfile

import pytest
from conftest import ROOT, zip_of
from d2l import mxnet as d2l

import hotdog_ft
from hotdog_ft import data, download, zoo

BODY = bytes(range(256)) * 400


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)  # pooch waits between its tries
    monkeypatch.setattr(download, "TIMEOUT", 1)


class Source:
    """One of the three downloads: how it is called, where the file goes, what must arrive."""

    def __init__(self, fetch, url_path, final, body, content):
        self.fetch, self.url_path, self.final, self.body, self.content = (
            fetch,
            url_path,
            final,
            body,
            content,
        )

    def left(self):
        return sorted(path.name for path in self.final.parent.glob("**/*"))


@pytest.fixture(params=["pictures", "Gluon's weights", "torchvision's weights"])
def source(request, server, tmp_path, monkeypatch, own_environment):
    if request.param == "pictures":
        monkeypatch.setattr(data, "HOTDOG_URL", server.url + "/hotdog.zip")
        monkeypatch.setattr(data, "HOTDOG_SHA1", hashlib.sha1(BODY).hexdigest())
        return Source(
            data.download_hotdog, "/hotdog.zip", download.cache_folder() / "hotdog.zip", BODY, BODY
        )
    if request.param == "Gluon's weights":
        monkeypatch.setenv("MXNET_GLUON_REPO", server.url)
        monkeypatch.setattr(zoo, "GLUON_SHA1", hashlib.sha1(BODY).hexdigest())
        name = f"{zoo.GLUON_NAME}.params"
        with zipfile.ZipFile(tmp_path / "gluon.zip", "w") as zipped:
            zipped.writestr(name, BODY)
        return Source(
            zoo.fetch_gluon,
            f"/gluon/models/{zoo.GLUON_NAME}.zip",
            own_environment / "mxnet/models" / name,
            (tmp_path / "gluon.zip").read_bytes(),
            BODY,
        )
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setattr(zoo, "TORCHVISION_SHA256", hashlib.sha256(BODY).hexdigest())
    return Source(
        zoo.fetch_torchvision,
        "/" + zoo.TORCHVISION_PATH,
        download.cache_folder() / "resnet18.tv_in1k.safetensors",
        BODY,
        BODY,
    )


def part_of(share, then=lambda handler: None):
    """An answer that promises the whole body, sends a share of it, and then does something."""

    def make(body):
        def answer(handler):
            handler.head(200, len(body))
            handler.wfile.write(body[: int(len(body) * share)])
            handler.wfile.flush()
            then(handler)
            handler.close_connection = True

        return answer

    return make


def reset(handler):
    """Drop the connection without a goodbye: SO_LINGER of zero seconds makes close() send RST."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def slowly(body):
    def answer(handler):
        handler.head(200, len(body))
        for start in range(0, len(body), len(body) // 4):
            handler.wfile.write(body[start : start + len(body) // 4])
            handler.wfile.flush()
            handler.server.over.wait(0.2)

    return answer


FAULTS = {
    "forbidden": lambda body: (403, b"Forbidden"),
    "not found": lambda body: (404, b"<html>"),
    "server error": lambda body: (500, b""),
    "an HTML page with status 200": lambda body: (200, b"<html>sign in first</html>"),
    "an empty body": lambda body: (200, b""),
    "a wrong body of the right length": lambda body: (200, bytes(len(body))),
    "cut short": part_of(0.5),
    "dropped at 90 %": part_of(0.9, reset),
    "stalled": part_of(0.5, lambda handler: handler.server.over.wait(60)),
    "redirected in a circle": lambda body: (
        lambda handler: handler.head(302, 0, Location=handler.path)
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_report_5_whatever_goes_wrong_no_file_is_left_and_the_error_says_what_to_do(
    server, source, fault
):
    server.answers[source.url_path] = FAULTS[fault](source.body)
    with pytest.raises(hotdog_ft.DataError) as error:
        source.fetch()
    # report 17: where from, what, and where to put it by hand
    for word in (server.url, source.final.name):
        assert word in str(error.value)
    assert "\n" not in str(error.value)
    assert source.left() == []
    # report 16: a bounded number of tries, so a bounded time
    assert len(server.requests) <= 3 or fault == "redirected in a circle"


def test_report_17_a_host_that_refuses_is_named_with_hash_and_place(server, source):
    server.shutdown()
    server.server_close()
    with pytest.raises(hotdog_ft.DataError) as error:
        source.fetch()
    hashes = hashlib.sha1(BODY).hexdigest(), hashlib.sha256(BODY).hexdigest()
    assert server.url in str(error.value) and str(source.final) in str(error.value)
    assert any(digest in str(error.value) for digest in hashes)
    assert source.left() == []


@pytest.mark.parametrize("fault", ["server error", "cut short", "dropped at 90 %", "stalled"])
def test_what_passes_is_tried_again(server, source, fault):
    server.answers[source.url_path] = [FAULTS[fault](source.body), (200, source.body)]
    assert source.fetch().read_bytes() == source.content
    assert source.left() == [source.final.name] and len(server.requests) == 2


def test_a_redirect_is_followed(server, source):
    server.answers[source.url_path] = lambda handler: handler.head(
        302, 0, Location=server.url + "/mirror"
    )
    server.answers["/mirror"] = 200, source.body
    assert source.fetch().read_bytes() == source.content


def test_slow_but_steady_arrives_though_it_takes_longer_than_the_time_out(
    server, source, monkeypatch
):
    monkeypatch.setattr(download, "TIMEOUT", 0.5)  # four parts with 0.2 s between them
    server.answers[source.url_path] = slowly(source.body)
    assert source.fetch().read_bytes() == source.content


def test_report_16_a_file_that_is_there_needs_no_network_and_a_damaged_one_is_replaced(
    server, source
):
    server.answers[source.url_path] = 200, source.body
    source.final.parent.mkdir(parents=True)
    source.final.write_bytes(source.content[:100])
    source.fetch()
    assert source.final.read_bytes() == source.content
    server.answers.clear()
    assert source.fetch() == source.final
    assert len(server.requests) == 1


def test_the_registration_is_the_books_over_https(monkeypatch):
    url, sha1 = d2l.DATA_HUB["hotdog"]
    assert url.replace("http://", "https://") == data.HOTDOG_URL
    assert sha1 == data.HOTDOG_SHA1


def test_what_was_fetched_can_be_loaded(server, picture_folders, tmp_path, monkeypatch):
    counts = {"train": {"hotdog": 2, "not-hotdog": 2}, "test": {"hotdog": 1, "not-hotdog": 1}}
    body = zip_of(picture_folders(counts, tmp_path / "hotdog"), tmp_path / "h.zip").read_bytes()
    monkeypatch.setattr(data, "HOTDOG_URL", server.url + "/hotdog.zip")
    monkeypatch.setattr(data, "HOTDOG_SHA1", hashlib.sha1(body).hexdigest())
    server.answers["/hotdog.zip"] = 200, body
    train_imgs, test_imgs = hotdog_ft.load_image_folders(data.download_hotdog())
    assert (len(train_imgs), len(test_imgs)) == (4, 2)


FETCH = (
    "import sys, pathlib; from hotdog_ft import download;"
    "download.fetch(sys.argv[1], 'sha1:' + sys.argv[2], pathlib.Path(sys.argv[3]))"
)


def test_two_processes_that_fetch_the_same_file_do_not_meet(server, tmp_path):
    both = threading.Barrier(2)

    def answer(handler):
        handler.head(200, len(BODY))
        handler.wfile.write(BODY[:1000])
        both.wait(60)  # each has begun before either ends
        handler.wfile.write(BODY[1000:])

    server.answers["/file"] = answer
    final = tmp_path / "cache/file"
    arguments = [
        sys.executable,
        "-c",
        FETCH,
        server.url + "/file",
        hashlib.sha1(BODY).hexdigest(),
        str(final),
    ]
    processes = [
        subprocess.Popen(
            arguments, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0], processes[0].stderr.read()
    assert final.read_bytes() == BODY and os.listdir(final.parent) == ["file"]
    for process in processes:
        process.stderr.close()

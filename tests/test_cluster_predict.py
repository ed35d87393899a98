"""Prediction by the processes of a Dask cluster, all of them on 127.0.0.1; see `make cluster`."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial

import hotdog_ft

# isort: split
import pandas as pd
import pytest
from conftest import ROOT, make_source_net
from picture_zoo import GOOD

from hotdog_ft.parts import predict_files

pytest.importorskip("distributed", reason="needs hotdog_ft[cluster]")
long = pytest.mark.skipif("CLUSTER_TEST" not in os.environ, reason="is run by `make cluster-test`")
PART = "part-*.csv"


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A function that makes links to a good and to some bad pictures; a net; and there we are."""
    net = make_source_net(classes=3)
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["a", "b,c", "热狗"], size=32)
    (tmp_path / "good.png").write_bytes(GOOD["plain.png"][0])
    (tmp_path / "bad.png").write_bytes(b"")
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(count):
        for number in range(count):
            kind = "good" if number % 300 else "bad"
            (tmp_path / f"photos/{number:05}.png").symlink_to(tmp_path / f"{kind}.png")
        return tmp_path

    return write


@pytest.fixture
def cluster(tmp_path):
    """A function that begins a scheduler and workers: its address, and the processes."""
    running = []

    def start(kind, *arguments, package=ROOT):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
        with open(tmp_path / "dask.log", "ab") as log:
            running.append(subprocess.Popen(command, env=environment, stderr=log, stdout=log))
        return running[-1]

    def begin(workers, package=ROOT):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        address = f"tcp://127.0.0.1:{port}"
        options = [address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny"]
        options += ["--no-dashboard", "--local-directory", str(tmp_path / "dask")]
        worker = partial(start, "worker", *options, package=package)
        return address, [running[-1], *(worker() for _ in range(workers))], worker

    yield begin
    for process in running:
        process.kill()
        process.wait()


def predict(*arguments, **options):
    command = [sys.executable, "-m", "hotdog_ft", "predict", "photos", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def wait_for(path, process):
    while not path.exists() and process.poll() is None:
        time.sleep(0.01)


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith(".")}


def test_two_processes_write_byte_for_byte_what_one_writes(photos):
    folder = photos(600)
    assert predict_files("net.safetensors", "photos", "one") == 2
    out, err = predict("--out", "two", "--scheduler", "local").communicate()
    assert "bad files: 2, listed in bad-*.csv." in out and err == ""
    assert contents(folder / "one") == contents(folder / "two")


def test_a_local_worker_has_one_thread_however_many_this_process_has():
    code = """
import hotdog_ft, os
from hotdog_ft.cluster import computed
ours = os.environ["OMP_NUM_THREADS"]
print(*computed("local", os.getenv, [("OMP_NUM_THREADS",)]), os.environ["OMP_NUM_THREADS"] == ours)
"""
    ours = {"OMP_NUM_THREADS", "_HOTDOG_FT_THREADS"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "1 True\n", done.stderr


def test_a_net_in_memory_is_nothing_for_a_scheduler(photos):
    with pytest.raises(ValueError, match="net must be the path of a file"):
        predict_files(make_source_net(), "photos", "out", scheduler="local")


def begun(folder, address):
    """A prediction on the cluster, of which two parts are written."""
    process = predict("--out", "out", "--scheduler", address)
    wait_for(folder / "out/part-000001.csv", process)
    return process


@long
def test_a_killed_worker_leaves_no_gap_and_nothing_twice(photos, cluster):
    folder = photos(2560)
    address, (_, first, second), _ = cluster(2)
    process = begun(folder, address)
    first.kill()
    out, err = process.communicate()
    assert "bad files: 9" in out and err == "" and second.poll() is None
    found = pd.concat(map(pd.read_csv, sorted((folder / "out").glob("*.csv"))))
    names = sorted(str(p.relative_to(folder)) for p in (folder / "photos").iterdir())
    assert sorted(found.file) == names  # each once
    assert predict_files("net.safetensors", "photos", "one") == 9
    assert contents(folder / "out") == contents(folder / "one")


@long
def test_a_scheduler_that_goes_away_is_one_sentence_and_another_goes_on(photos, cluster):
    folder = photos(2560)
    address, (scheduler, _), _ = cluster(1)
    process = begun(folder, address)
    scheduler.kill()
    _, err = process.communicate()
    assert process.returncode == 1 and err == (
        f"hotdog_ft: The scheduler {address} is gone. The same call goes on when it is back.\n"
    )
    assert len(list((folder / "out").glob(PART))) < 10
    assert predict("--out", "out").wait() == 1  # for there are bad files
    assert len(list((folder / "out").glob(PART))) == 10
    process = predict("--out", "other", "--scheduler", address)
    _, err = process.communicate()
    assert process.returncode == 1 and err.count("\n") == 1
    assert err.startswith(f"hotdog_ft: There is no Dask scheduler at {address} (")


@long
def test_all_workers_lost_and_a_new_one_goes_on(photos, cluster):
    folder = photos(2560)
    address, (_, first), worker = cluster(1)
    process = begun(folder, address)
    first.kill()
    threading.Timer(1, worker).start()
    out, err = process.communicate()
    assert "bad files: 9" in out and err == ""


@long
def test_what_a_worker_lacks_is_one_sentence(photos, cluster, tmp_path, monkeypatch):
    folder = photos(10)
    address, _, _ = cluster(1)

    def paths():
        os.rename("net.safetensors", "moved.safetensors")  # after this process has read it
        yield "photos"

    with pytest.raises(hotdog_ft.DataError, match=r"The worker on \S+ cannot use the net: There"):
        predict_files("net.safetensors", paths(), "out", scheduler=address)
    assert [path.name for path in (folder / "out").iterdir()] == ["predictions.json"]

    shutil.copytree(ROOT / "hotdog_ft", tmp_path / "older/hotdog_ft")
    about = tmp_path / "older/hotdog_ft/__init__.py"
    about.write_text(re.sub('__version__ = ".*"', '__version__ = "0.1.9"', about.read_text()))
    address, _, _ = cluster(1, package=tmp_path / "older")
    with pytest.raises(hotdog_ft.DataError, match=r"The worker on \S+ has hotdog_ft 0.1.9, and"):
        predict_files("moved.safetensors", "photos", "out2", scheduler=address)


@long
def test_a_part_of_which_no_file_is_there_is_bad_and_no_workers_fault(photos):
    folder = photos(257)
    (folder / "photos/00256.png").unlink()
    (folder / "photos/00256.png").symlink_to("nowhere")
    assert predict_files("net.safetensors", "photos", "one") == 2
    assert predict_files("net.safetensors", "photos", "two", scheduler="local") == 2
    assert contents(folder / "one") == contents(folder / "two")


@long
def test_ctrl_c_in_a_terminal_is_one_sentence(photos):
    folder = photos(25600)
    process = predict("--out", "out", "--scheduler", "local", start_new_session=True)
    wait_for(folder / "out/part-000001.csv", process)
    os.killpg(process.pid, signal.SIGINT)  # all processes get it, as from a terminal
    _, err = process.communicate()
    assert process.returncode == 130
    assert err == "hotdog_ft: Stopped. What was done is in out: the same call goes on from there.\n"


@long
def test_workers_that_take_more_memory_than_dask_grants_go_on(photos):
    """MXNet gives no memory back: a worker that waits for that would wait for ever."""
    photos(1024)
    limit = (900 << 20, resource.RLIM_INFINITY)  # what Dask takes for the machine's memory

    def little():
        resource.setrlimit(resource.RLIMIT_RSS, limit)

    process = predict("--out", "out", "--scheduler", "local", preexec_fn=little)
    out, err = process.communicate(timeout=120)
    assert "bad files: 4" in out and err == ""

"""Training by two processes that Horovod starts on 127.0.0.1, beside one; see `make cluster`.

In ordinary training every process normalises by its own share of a mini-batch, so what is compared
with one process learns on BatchNorm's running statistics.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import hotdog_ft

# isort: split
import numpy as np
import pytest
from conftest import ROOT, make_source_net
from run_training import SCRIPT

pytest.importorskip("horovod", reason="needs `make cluster`")
long = pytest.mark.skipif("CLUSTER_TEST" not in os.environ, reason="is run by `make cluster-test`")
HOROVODRUN = Path(sys.executable).with_name("horovodrun")

# as `run_training`, each process with a place of its own, as if on a machine of its own
CODE = """
import json, os, sys
import run_training
rank = os.environ.get("HOROVOD_RANK", "0")
print("process", os.getpid(), flush=True)
run_training.training.train_step = run_training.loud_step
run_training.run(f"{sys.argv[1]}-{rank}", **json.loads(sys.argv[2]))
"""
SETTINGS = {"batch_size": 5, "use_global_stats": True, "probe_steps": 20, "num_epochs": 2}


@pytest.fixture
def data(picture_folders):
    """Eleven training pictures: of the last mini-batch, one picture, a process gets none."""
    return picture_folders({"train": {"a": 6, "b": 5}, "test": {"a": 3, "b": 2}})


def start(processes, command):
    team = [HOROVODRUN, "--gloo", "-np", str(processes), "--network-interfaces", "lo"]
    paths = f"{ROOT}{os.pathsep}{SCRIPT.parent}"
    return subprocess.Popen(
        [*(team if processes > 1 else []), sys.executable, *command],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def begin(processes, out, data, **settings):
    about = {"data": str(data), "settings": {**SETTINGS, **settings}}
    return start(processes, ["-c", CODE, str(out), json.dumps(about)])


def finish(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def after(process, batches):
    """The process ids by rank, after so many updates of the first process."""
    ids, seen = {}, 0
    while seen < batches:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        found = re.search(r"\[(\d)\]<stdout>:process (\d+)", line)
        if found:
            ids[int(found[1])] = int(found[2])
        seen += "[0]<stdout>:batch" in line
    return ids


def arrays(out, rank=0):
    with np.load(f"{out}-{rank}.npz") as file:
        return dict(file)


def assert_same(found, expected, exactly=True):
    for name, array in expected.items():
        if exactly:
            assert np.array_equal(found[name], array), name
        else:  # as far apart as is promised, by the norm
            assert np.linalg.norm(found[name] - array) <= 1e-5 * np.linalg.norm(array) + 1e-7, name


def test_two_processes_learn_what_one_learns(data, tmp_path):
    finish(begin(1, tmp_path / "one", data))
    finish(begin(2, tmp_path / "two", data))
    assert_same(arrays(tmp_path / "two"), arrays(tmp_path / "two", rank=1))
    assert_same(arrays(tmp_path / "two"), arrays(tmp_path / "one"), exactly=False)
    one, two = (json.loads((tmp_path / f"{name}-0.json").read_text()) for name in ("one", "two"))
    for name in ("loss", "train_acc", "test_acc", "num_examples", "probe_acc", "class_pictures"):
        assert two[name] == pytest.approx(one[name], abs=1e-5), name
    assert two["num_examples"] == 11 and two["class_pictures"] == {"a": 3, "b": 2}
    assert (tmp_path / "two-0.checkpoint").exists()
    assert not (tmp_path / "two-1.checkpoint").exists()  # the first process alone writes


@long
@pytest.mark.parametrize("how", ["kill", "ctrl-c"])
def test_a_stopped_team_goes_on_from_the_checkpoint(how, data, tmp_path):
    settings = {"use_global_stats": False, "num_epochs": 3, "momentum": 0.9}
    finish(begin(2, tmp_path / "whole", data, **settings))
    process = begin(2, tmp_path / "stopped", data, **settings)
    # in the second epoch, of three batches each
    os.kill(after(process, 4)[1], signal.SIGKILL if how == "kill" else signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode != 0
    if how == "ctrl-c":
        assert "KeyboardInterrupt: Stopped after " in err
    assert not (tmp_path / "stopped-0.npz").exists()
    finish(begin(2, tmp_path / "stopped", data, **settings))
    found, expected = arrays(tmp_path / "stopped"), arrays(tmp_path / "whole")
    assert_same(arrays(tmp_path / "stopped", rank=1), found)
    if how == "ctrl-c":  # a stop within an epoch averages once more what an empty share leaves
        expected = {name: a for name, a in expected.items() if "running_" not in name}
    assert_same(found, expected)


@long
def test_a_loss_that_is_not_finite_stops_all(data, tmp_path):
    process = begin(2, tmp_path / "out", data, learning_rate=1e9, probe_steps=0)
    _, err = process.communicate()
    assert process.returncode != 0
    assert "FloatingPointError: epoch " in err and "learning rate 1e+09" in err


@long
def test_the_command_writes_and_prints_once(data, tmp_path):
    hotdog_ft.save_net(make_source_net(), tmp_path / "source.safetensors", list("abcde"), size=32)
    command = ["-m", "hotdog_ft", "train", "--data", data, "--out", tmp_path / "net.safetensors"]
    command += ["--weights", tmp_path / "source.safetensors", "--size", 32, "--batch-size", 5]
    out = finish(start(2, [*map(str, command), "--epochs", "1"]))
    lines = [line for line in out.splitlines() if line]
    assert all("[0]<stdout>:" in line for line in lines)
    assert sum("epoch 1/1" in line for line in lines) == 1
    assert hotdog_ft.load_net(tmp_path / "net.safetensors").classes == ["a", "b"]
    assert not (tmp_path / "net.checkpoint").exists()


@long
def test_processes_that_see_different_pictures_are_one_sentence(data, tmp_path):
    shutil.copytree(data, tmp_path / "other")
    (tmp_path / "other/train/b/0.png").unlink()
    code = CODE.replace("json.loads(sys.argv[2])", "{**json.loads(sys.argv[2]), 'data': where}")
    places = [str(data), str(tmp_path / "other")]
    code = code.replace("print(", f"where = {places}[int(rank)]\nprint(", 1)
    about = json.dumps({"data": None, "settings": SETTINGS})
    _, err = start(2, ["-c", code, str(tmp_path / "out"), about]).communicate()
    assert "DataError: The processes see different pictures: all must see" in err
    assert not list(tmp_path.glob("out-*"))


@long
def test_another_machines_checkpoint_is_not_lost(data, tmp_path):
    checkpoints = [tmp_path / f"out-{rank}.checkpoint" for rank in (0, 1)]
    finish(begin(2, tmp_path / "out", data))
    checkpoints[0].rename(checkpoints[1])  # as where the hosts are named in another order
    before = checkpoints[1].read_bytes()
    _, err = begin(2, tmp_path / "out", data).communicate()
    assert "DataError: The first process does not see " in err
    assert checkpoints[1].read_bytes() == before and not checkpoints[0].exists()

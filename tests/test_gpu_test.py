"""make gpu-test, with CPUs in place of GPUs: MXNet takes each for a device of its own."""

import json
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest
from conftest import ROOT, cpus, make_source_net

import hotdog_ft
from hotdog_ft.history import History
from hotdog_ft.records import Entry, Record

sys.path.insert(0, str(ROOT / "tools"))
import gpu_test


def narrow_net():
    return hotdog_ft.finetune_net(make_source_net(), 2)


def test_a_step_is_the_same_on_another_device_and_on_several():
    same = gpu_test.difference(narrow_net, 32, cpus(1), [mx.cpu(1)])
    assert max(same.values()) == 0
    split = gpu_test.difference(narrow_net, 32, cpus(2), cpus(1), use_global_stats=True)
    assert 0 < split["update"] <= 1e-4 and max(split["parameters"], split["loss"]) <= 1e-5
    # BatchNorm by the part on each device is another computation
    assert gpu_test.difference(narrow_net, 32, cpus(2), cpus(1))["update"] > 0.01


def test_a_step_that_is_off_by_a_tenth_is_noticed(monkeypatch):
    """On the nets that are compared: the second device's gradient is too long."""
    real = gpu_test.train_step

    def off(net, X, y, trainer, devices):
        if devices == [mx.cpu(1)]:
            trainer.set_learning_rate(1.1 * trainer.learning_rate)
        return real(net, X, y, trainer, devices)

    monkeypatch.setattr(gpu_test, "train_step", off)
    for make_net, size in ((gpu_test.mini_net, 64), (gpu_test.resnet18, 64)):
        figures = gpu_test.difference(make_net, size, [mx.cpu(1)], cpus(1))
        assert figures["update"] == pytest.approx(0.1, rel=0.01)
        assert figures["parameters"] > gpu_test.CLOSE


def test_the_spread_is_students_interval_for_one_more_run():
    """Mean 2, standard deviation 1 of three; t(2) at 0.995 is 9.925 in any table of it."""
    half = 9.925 * (1 + 1 / 3) ** 0.5
    assert gpu_test.spread([1, 2, 3]) == pytest.approx((2 - half, 2 + half), rel=1e-4)


def test_an_accuracy_outside_the_recorded_spread_is_named(tiny, monkeypatch):
    entries = [
        Entry(settings, History(test_acc=[accuracy]), case={"run": kind})
        for kind, settings in tiny.runs.items()
        for accuracy in ((2.0, 2.0) if kind == "scratch" else (0.0, 1.0))  # no run reaches 2
    ]
    monkeypatch.setattr(gpu_test, "mini_net", narrow_net)
    monkeypatch.setattr(gpu_test, "resnet18", narrow_net)
    found = gpu_test.check(cpus(2), cpus(1), tiny, Record("compare", "full", {}, {}, entries))
    assert len(found["steps"]) == 3 and found["runs"].keys() == tiny.runs.keys()
    (wrong,) = found["wrong"]
    assert wrong.startswith("scratch: accuracy 0.") and wrong.endswith("not 2.0000 to 2.0000")
    json.dumps(found)


def test_rates_are_of_one_and_of_all(monkeypatch):
    monkeypatch.setattr(gpu_test, "rate", lambda devices, batch: len(devices) * batch)
    one, two = ([found["pictures per second"] for found in gpu_test.rates(cpus(n))] for n in (1, 2))
    assert one == [32, 128] and two == [32, 128, 64, 256]
    monkeypatch.undo()
    monkeypatch.setattr(gpu_test, "resnet18", narrow_net)
    assert np.isfinite(gpu_test.rate(cpus(1), 4, size=32, steps=2))


@pytest.mark.skipif(mx.context.num_gpus() > 0, reason="speaks of machines without a GPU")
def test_without_a_gpu_it_is_one_sentence_and_nothing_is_written():
    before = sorted((ROOT / "results/bench").iterdir())
    done = subprocess.run(
        [sys.executable, ROOT / "tools/gpu_test.py"], capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("hotdog_ft: There is no GPU to test: cpu(0) (MXNet 1.9.1")
    assert done.stderr.count("\n") == 1
    assert sorted((ROOT / "results/bench").iterdir()) == before

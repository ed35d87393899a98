"""Any number of devices gives the result of one."""

import re
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from conftest import (
    cpus,
    make_source_net,
    run_python,
    small_net,
    some_batches,
    train_on,
    values,
)
from d2l import mxnet as d2l
from mxnet import nd
from mxnet.gluon import nn

import hotdog_ft
from hotdog_ft.devices import available_devices, describe_devices, devices_of, shards
from hotdog_ft.mxnet_internals import parameters
from hotdog_ft.settings import Settings

MOMENTUM = Settings(learning_rate=0.1, num_epochs=2, momentum=0.9)


@pytest.mark.skipif(mx.context.num_gpus() > 0, reason="speaks of machines without a GPU")
def test_report_1_there_is_always_a_device_and_the_build_is_named():
    assert d2l.try_all_gpus() == []  # the trap
    assert available_devices() == [mx.cpu()]
    words = describe_devices(available_devices())
    assert "cpu(0)" in words and "1.9.1" in words
    assert "build for CPUs" in words or "sees no GPU" in words


@pytest.mark.parametrize("pictures, sizes", [(7, [3, 2, 2]), (2, [1, 1]), (1, [1])])
def test_a_batch_is_dealt_out_evenly_and_in_order(pictures, sizes):
    X, y = np.arange(pictures)[:, None], np.arange(pictures)
    parts = shards(X, y, cpus(3))
    assert [len(shard) for shard, _ in parts] == sizes
    assert [shard.context for shard, _ in parts] == cpus(len(sizes))
    assert np.concatenate([labels.asnumpy() for _, labels in parts]).tolist() == y.tolist()


def test_a_net_knows_its_devices():
    net = small_net()
    assert devices_of(net) == [mx.cpu()]
    net.collect_params().reset_ctx(cpus(2))
    assert devices_of(net) == cpus(2)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_report_26_any_number_of_devices_gives_the_single_device_result(count):
    """Batches that do not divide, and a last one with fewer pictures than devices."""
    batches = some_batches([7, 7, 2])
    one, many = small_net(), small_net()
    history = train_on(one, batches, MOMENTUM)
    history_many = train_on(many, batches, MOMENTUM, devices=cpus(count))
    np.testing.assert_allclose(history_many.loss, history.loss, rtol=1e-5)
    assert history_many.train_acc == history.train_acc
    assert history_many.test_acc == history.test_acc
    expected = np.concatenate([value.ravel() for value in values(one).values()])
    for device in cpus(count):  # every device holds the same parameters
        ours = np.concatenate(
            [parameter.data(device).asnumpy().ravel() for parameter in parameters(many).values()]
        )
        assert np.linalg.norm(ours - expected) <= 1e-5 * np.linalg.norm(expected)


def test_a_whole_run_names_its_devices_and_gives_the_single_device_result():
    rng = np.random.default_rng(0)
    images = [(rng.integers(0, 256, (40, 40, 3), dtype="uint8"), n % 2) for n in range(7)]
    settings = Settings(size=32, batch_size=4, num_epochs=2, learning_rate=0.1)
    one = hotdog_ft.train(small_net(), images, images, settings, devices=cpus(1))
    many = hotdog_ft.train(small_net(), images, images, settings, devices=cpus(3))
    np.testing.assert_allclose(many.loss, one.loss, rtol=1e-5)
    assert many.devices == ["cpu(0)", "cpu(1)", "cpu(2)"] and one.devices == ["cpu(0)"]


@pytest.mark.parametrize("count", [2, 3])
def test_report_26_with_running_statistics_the_devices_do_not_matter(count):
    """BatchNorm by its running statistics treats each picture alone: frozen nets, evaluation."""
    batches = some_batches([7, 7, 2])
    settings = Settings(num_epochs=2, momentum=0.9, use_global_stats=True)

    def run(count):
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        history = train_on(net, batches, settings, devices=cpus(count))
        return history, np.concatenate([value.ravel() for value in values(net).values()])

    (history, one), (history_many, many) = run(1), run(count)
    np.testing.assert_allclose(history_many.loss, history.loss, rtol=1e-5)
    assert history_many.test_acc == history.test_acc
    assert history_many.train_acc == history.train_acc
    assert np.linalg.norm(one - many) <= 1e-5 * np.linalg.norm(one)


@pytest.mark.parametrize("count, sizes", [(3, [2, 1]), (5, [1])])
def test_report_26_more_devices_than_pictures_and_each_picture_still_counts_once(count, sizes):
    batches = some_batches(sizes)
    net = small_net()
    settings = Settings(learning_rate=1e-9, num_epochs=1)
    history = train_on(net, batches, settings, devices=cpus(count))
    net.collect_params().reset_ctx(mx.cpu())
    logits = np.concatenate([net(nd.array(X)).asnumpy() for X, _ in batches])
    y = np.concatenate([y for _, y in batches])
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(y)), y]
    assert history.num_examples == len(y)
    assert history.train_acc[0] == history.test_acc[0] == (logits.argmax(1) == y).mean()
    assert history.loss[0] == pytest.approx(losses.mean(), rel=1e-5)


@pytest.mark.parametrize("repetition", range(4))  # a race between devices shows in some of them
def test_running_statistics_are_the_mean_over_the_devices_shards(repetition):
    """running <- 0.9 running + 0.1 batch, for each shard (Gluon's BatchNorm, momentum 0.9).

    The batch's variance is the biased one (Ioffe and Szegedy 2015 take the unbiased one; MXNet
    does not).
    """
    net = nn.HybridSequential()
    net.add(
        nn.BatchNorm(in_channels=3), nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(2, in_units=3)
    )
    net.initialize()
    batches = some_batches([5, 4])
    train_on(net, batches, Settings(num_epochs=1), devices=cpus(2))
    mean, var = np.zeros((2, 3)), np.ones((2, 3))
    for X, _ in batches:
        for device, shard in enumerate(np.array_split(X, 2)):
            mean[device] = 0.9 * mean[device] + 0.1 * shard.mean((0, 2, 3))
            var[device] = 0.9 * var[device] + 0.1 * shard.var((0, 2, 3))
    for device in cpus(2):  # whichever is asked
        ours = net[0].running_mean.data(device).asnumpy(), net[0].running_var.data(device).asnumpy()
        np.testing.assert_allclose(ours[0], mean.mean(0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(ours[1], var.mean(0), rtol=1e-4)


@pytest.mark.parametrize("use_global_stats", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_report_9_the_same_seed_gives_the_same_run_on_any_number_of_devices(
    count, use_global_stats
):
    batches = some_batches([5, 4])
    settings = Settings(num_epochs=3, momentum=0.9, use_global_stats=use_global_stats)

    def run():
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        history = train_on(net, batches, settings, devices=cpus(count))
        return history.loss, values(net)

    first_loss, first = run()
    for _ in range(3):
        loss, again = run()
        assert loss == first_loss
        assert all(np.array_equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(
    "devices, error",
    [
        (["cpu"], r"devices is \['cpu'\]: it must be a list such as"),
        ("gpu", "devices is 'gpu': it must be"),
        ([], r"devices is \[\]: it must be"),
        ([[0]], r"devices is \[\[0\]\]: it must be"),
        pytest.param(
            [mx.gpu(0)],
            "build for CPUs|no GPU",
            marks=pytest.mark.skipif(mx.context.num_gpus() > 0, reason="there is one"),
        ),
    ],
)
def test_a_device_that_cannot_be_used_leaves_the_net_as_it_was(devices, error):
    """In a process of its own, so that no other test comes after a GPU that is not there."""
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import hotdog_ft
import mxnet as mx, numpy as np
from conftest import make_source_net
net = hotdog_ft.finetune_net(make_source_net(), 2)
images = [(np.zeros((40, 40, 3), "uint8"), i % 2) for i in range(4)]
settings = hotdog_ft.Settings(size=32, num_epochs=1, batch_size=4)
try:
    hotdog_ft.train(net, images, None, settings, devices={devices!r})
except (OSError, ValueError) as error:
    print(error)
assert len(hotdog_ft.train(net, images, None, settings, devices=[mx.cpu(0)] * 2).devices) == 1
print(len(hotdog_ft.predict(net, images)))
""".replace("[gpu(0)]", "[mx.gpu(0)]")
    done = run_python(code)
    assert re.search(error, done.stdout) and done.stdout.endswith("\n4\n"), done.stderr

"""One step by hand, several devices, the history, and what stops a run."""

import json
from pathlib import Path

import hotdog_ft
import mxnet as mx
import numpy as np
import pytest
from conftest import ROOT, make_source_net, run_python, values
from d2l import mxnet as d2l
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn


def some_batches(sizes, seed=0, side=32):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, 3, side, side)).astype("float32"), rng.integers(0, 2, n)) for n in sizes]


def small_net(seed=0):
    """A net without BatchNorm: every device count must give the same result."""
    mx.random.seed(seed)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, 2, activation="relu", in_channels=3), nn.GlobalAvgPool2D(), nn.Flatten(),
            nn.Dense(2, in_units=4))
    net.initialize(mx.init.Xavier(), force_reinit=True)
    return net


def cpus(count):
    return [mx.cpu(i) for i in range(count)]


def test_report_25_one_step_is_the_hand_computed_one_and_the_head_moves_ten_times_as_far():
    """w <- w - lr * lr_mult * (gradient of the mean loss + wd * w): SGD without momentum."""
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    (X, y), = some_batches([6])
    before = values(net)
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(nd.array(X)), nd.array(y)).mean()
    loss.backward()
    gradients = {name: p.grad().asnumpy() for name, p in net._collect_params_with_prefix().items()
                 if p.grad_req != "null"}
    net_again = hotdog_ft.finetune_net(make_source_net(), 2)
    for name, parameter in net_again._collect_params_with_prefix().items():
        parameter.set_data(nd.array(before[name]))
    hotdog_ft.train(net_again, [(X, y)], [(X, y)], learning_rate=0.01, num_epochs=1, weight_decay=0.1)
    for name, gradient in gradients.items():
        rate = 0.1 if name.startswith("output") else 0.01
        expected = before[name] - rate * (gradient + 0.1 * before[name])
        np.testing.assert_allclose(values(net_again)[name], expected, rtol=2e-4, atol=2e-6, err_msg=name)


def test_report_24_a_short_last_batch_counts_by_its_own_size():
    """A repeated picture has the mean gradient of one: batches of 1 and of 4 move the net alike."""
    (X, y), = some_batches([1])
    once, four = small_net(), small_net()
    hotdog_ft.train(once, [(X, y)], [(X, y)], 0.5, 1)
    hotdog_ft.train(four, [(X.repeat(4, 0), y.repeat(4))], [(X, y)], 0.5, 1)
    for a, b in zip(values(once).values(), values(four).values()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_report_26_any_number_of_devices_gives_the_single_device_result(count):
    """Batches that do not divide, and a last one with fewer pictures than devices."""
    batches = some_batches([7, 7, 2])
    one, many = small_net(), small_net()
    history = hotdog_ft.train(one, batches, batches, 0.1, 2, momentum=0.9)
    history_many = hotdog_ft.train(many, batches, batches, 0.1, 2, momentum=0.9, on_devices=cpus(count))
    np.testing.assert_allclose(history_many.loss, history.loss, rtol=1e-5)
    assert history_many.train_acc == history.train_acc and history_many.test_acc == history.test_acc
    assert history_many.devices == [f"cpu({i})" for i in range(count)]
    expected = np.concatenate([value.ravel() for value in values(one).values()])
    for device in cpus(count):  # every device holds the same parameters
        ours = np.concatenate([parameter.data(device).asnumpy().ravel() for parameter in
                               many._collect_params_with_prefix().values()])
        assert np.linalg.norm(ours - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("count", [2, 3])
def test_report_26_with_running_statistics_the_devices_do_not_matter(count):
    """BatchNorm by its running statistics treats each picture alone: frozen nets, and evaluation."""
    batches = some_batches([7, 7, 2])

    def run(count):
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        history = hotdog_ft.train(net, batches, batches, 0.01, 2, momentum=0.9, use_global_stats=True,
                                  on_devices=cpus(count))
        return history, np.concatenate([value.ravel() for value in values(net).values()])

    (history, one), (history_many, many) = run(1), run(count)
    np.testing.assert_allclose(history_many.loss, history.loss, rtol=1e-5)
    assert history_many.test_acc == history.test_acc and history_many.train_acc == history.train_acc
    assert np.linalg.norm(one - many) <= 1e-5 * np.linalg.norm(one)


@pytest.mark.parametrize("count, sizes", [(3, [2, 1]), (5, [1])])
def test_report_26_more_devices_than_pictures_and_each_picture_still_counts_once(count, sizes):
    batches = some_batches(sizes)
    net = small_net()
    history = hotdog_ft.train(net, batches, batches, 1e-9, 1, on_devices=cpus(count))
    net.collect_params().reset_ctx(mx.cpu())
    logits = np.concatenate([net(nd.array(X)).asnumpy() for X, _ in batches])
    y = np.concatenate([y for _, y in batches])
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(y)), y]
    assert history.num_examples == len(y)
    assert history.train_acc[0] == history.test_acc[0] == (logits.argmax(1) == y).mean()
    assert history.loss[0] == pytest.approx(losses.mean(), rel=1e-5)


@pytest.mark.parametrize("version", [1, 2])
def test_global_statistics_leave_the_gradient_right_down_to_the_stem(version):
    """With them the loss in training is the loss in prediction: its slope is measured by differences."""
    X, y = some_batches([8])[0]
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    net = hotdog_ft.finetune_net(make_source_net(version), 2)
    before = values(net)
    hotdog_ft.train(net, [(X, y)], [(X, y)], 0.01, 1, weight_decay=0, use_global_stats=True)
    learned = values(net)

    def loss_at(name, direction, step):
        parameter = net._collect_params_with_prefix()[name]
        parameter.set_data(nd.array(before[name] + step * direction))
        return float(loss_function(net(nd.array(X)), nd.array(y)).mean().asscalar())

    for name, value in before.items():  # everything back to the start
        net._collect_params_with_prefix()[name].set_data(nd.array(value))
    checked = [name for name in before if "weight" in name][:3] + ["output.weight"]
    for name in checked:
        gradient = (before[name] - learned[name]) / (0.1 if name.startswith("output") else 0.01)
        length = np.linalg.norm(gradient)
        slope = (loss_at(name, gradient / length, 2e-3) - loss_at(name, gradient / length, -2e-3)) / 4e-3
        loss_at(name, gradient, 0)
        assert slope == pytest.approx(length, rel=0.03), name


@pytest.mark.parametrize("repetition", range(4))  # a race between devices shows in some of them only
def test_running_statistics_are_the_mean_over_the_devices_shards(repetition):
    """running <- 0.9 running + 0.1 batch, for each shard (Gluon's BatchNorm, momentum 0.9).

    The batch's variance is the biased one (Ioffe and Szegedy 2015 take the unbiased one; MXNet does not).
    """
    net = nn.HybridSequential()
    net.add(nn.BatchNorm(in_channels=3), nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(2, in_units=3))
    net.initialize()
    batches = some_batches([5, 4])
    hotdog_ft.train(net, batches, batches, 0.01, 1, on_devices=cpus(2))
    mean, var = np.zeros((2, 3)), np.ones((2, 3))
    for X, _ in batches:
        for device, shard in enumerate(np.array_split(X, 2)):
            mean[device] = 0.9 * mean[device] + 0.1 * shard.mean((0, 2, 3))
            var[device] = 0.9 * var[device] + 0.1 * shard.var((0, 2, 3))
    for device in cpus(2):  # whichever is asked
        np.testing.assert_allclose(net[0].running_mean.data(device).asnumpy(), mean.mean(0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(net[0].running_var.data(device).asnumpy(), var.mean(0), rtol=1e-4)


@pytest.mark.parametrize("use_global_stats", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_report_9_the_same_seed_gives_the_same_run_on_any_number_of_devices(count, use_global_stats):
    def run():
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        history = hotdog_ft.train(net, batches, batches, 0.01, 3, momentum=0.9, on_devices=cpus(count),
                                  use_global_stats=use_global_stats)
        return history.loss, values(net)

    batches = some_batches([5, 4])
    first_loss, first = run()
    for _ in range(3):
        loss, again = run()
        assert loss == first_loss and all(np.array_equal(first[name], again[name]) for name in first)


def test_global_statistics_stay_as_they_are_and_are_what_normalises():
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before = values(net)
    batches = some_batches([6])
    (X, y), = batches
    predicted = net(nd.array(X)).softmax().asnumpy()
    expected = -np.log(predicted[np.arange(6), y]).mean()  # the loss in prediction mode
    history = hotdog_ft.train(net, batches, batches, 0.01, 1, use_global_stats=True)
    assert history.loss[0] == pytest.approx(expected, rel=1e-4)
    after = values(net)
    assert all(np.array_equal(after[name], before[name]) for name in after if "running" in name)
    assert not np.array_equal(after["features.5.0.conv1.weight"], before["features.5.0.conv1.weight"])


def test_report_9_the_same_seed_gives_bit_equal_parameters(picture_folders):
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders())

    def run():
        hotdog_ft.seed_everything(4)
        net = hotdog_ft.finetune_net(source, 2)
        train_iter = hotdog_ft.BatchLoader(train_imgs, hotdog_ft.TrainAugs(32), 5, shuffle=True)
        test_iter = hotdog_ft.BatchLoader(test_imgs, hotdog_ft.TestAugs(32), 5)
        history = hotdog_ft.train(net, train_iter, test_iter, 0.01, 2)
        return values(net), history

    source = make_source_net()
    (first, history), (second, history_again) = run(), run()
    assert history.loss == history_again.loss and history.test_acc == history_again.test_acc
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])


def test_report_2_a_single_batch_is_enough_and_gluons_loader_will_do():
    """Fewer than five batches crash d2l 1.0.3, whose train_ch13 divides by num_batches // 5."""
    (X, y), = some_batches([4])
    loader = gluon.data.DataLoader(gluon.data.ArrayDataset(X, y.astype("float32")), batch_size=4)
    history = hotdog_ft.train(small_net(), loader, loader, 0.1, 1)
    assert len(history.loss) == 1 and history.num_examples == 4


@pytest.mark.skipif(mx.context.num_gpus() > 0, reason="speaks of machines without a GPU")
def test_report_1_there_is_always_a_device_and_the_build_is_named():
    assert d2l.try_all_gpus() == []  # the trap
    assert hotdog_ft.devices() == [mx.cpu()]
    words = hotdog_ft.train.__globals__["describe_devices"](hotdog_ft.devices())
    assert "cpu(0)" in words and "1.9.1" in words and ("build for CPUs" in words or "sees no GPU" in words)


def test_report_32_a_rate_too_high_stops_with_epoch_batch_and_a_hint():
    batches = some_batches([4, 4])
    with pytest.raises(FloatingPointError, match=r"epoch \d+, batch \d+: .* smaller rate"):
        hotdog_ft.train(hotdog_ft.scratch_net(make_source_net(), 2), batches, batches, 1e30, 9)


def test_report_28_too_little_memory_says_by_how_much_to_cut_the_batch():
    """A new process that the system gives 100 MB more than it has; the batch alone takes 200 MB."""
    code = """
import resource
import hotdog_ft, numpy as np
from conftest import make_source_net
net = hotdog_ft.finetune_net(make_source_net(), 2)
X, y = np.zeros((64, 3, 512, 512), 'float32'), np.zeros(64, int)
used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), -1))
try:
    hotdog_ft.train(net, [(X, y)], [(X, y)], 0.01, 1)
except MemoryError as error:
    print(error)
"""
    done = run_python(code, PYTHONPATH=f"{ROOT}:{Path(__file__).parent}")
    assert "64 pictures, 512 pixels wide" in done.stdout and "batch_size=32 or less" in done.stdout, done.stderr


def test_no_picture_is_an_error():
    with pytest.raises(ValueError, match="no picture"):
        hotdog_ft.train(small_net(), [], some_batches([2]), 0.1, 1)


def test_accuracy_is_the_share_of_right_answers_over_all_pictures():
    net = small_net()
    batches = some_batches([5, 5, 3], seed=1)
    right = sum((net(nd.array(X)).asnumpy().argmax(1) == y).sum() for X, y in batches)
    assert hotdog_ft.evaluate(net, batches) == right / 13


class TestHistory:
    @pytest.fixture
    def history(self):
        return hotdog_ft.History(num_examples=100, batch_size=32, learning_rate=0.01, devices=["gpu(0)"],
                                 loss=[0.5, 0.223], train_acc=[0.8, 0.926], test_acc=[0.9, 0.934],
                                 seconds=[1.0, 1.0], compute_seconds=[0.5, 0.5], test_seconds=[0.1, 0.1])

    def test_it_prints_the_books_two_lines(self, history):
        # the book's figures, with 200 pictures in 1 s of computing
        assert str(history) == ("loss 0.223, train acc 0.926, test acc 0.934\n"
                                "200.0 examples/sec on [gpu(0)]")
        assert history.examples_per_sec_with_data == 100.0

    def test_it_becomes_a_frame_with_a_row_an_epoch(self, history):
        frame = history.to_frame()
        assert list(frame.index) == [1, 2] and frame.index.name == "epoch"
        assert frame.test_acc.tolist() == [0.9, 0.934]

    def test_it_survives_json(self, history):
        assert hotdog_ft.History.from_json(history.to_json()) == history
        json.loads(history.to_json())

    def test_epochs_are_timed_with_and_without_the_data(self):
        batches = some_batches([4, 4])
        history = hotdog_ft.train(small_net(), batches, batches, 0.1, 3)
        assert len(history.seconds) == len(history.compute_seconds) == len(history.test_seconds) == 3
        assert all(0 < c <= s for c, s in zip(history.compute_seconds, history.seconds))


def test_linear_probing_trains_the_head_and_nothing_else():
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    batches = some_batches([8, 8, 4])
    before = values(net)
    features, labels = hotdog_ft.extract_features(net, batches)
    assert features.shape == (20, 10) and labels.shape == (20,)
    separable = np.where(labels[:, None] == 1, 1.0, -1.0) + 0.1 * features / np.abs(features).max()
    hotdog_ft.fit_output(net, separable.astype("float32"), labels)
    after = values(net)
    assert all(np.array_equal(after[n], before[n]) for n in after if n.startswith("features"))
    predicted = net.output(nd.array(separable)).asnumpy().argmax(1)
    assert (predicted == labels).all()
    assert {p.lr_mult for p in net.output.collect_params().values()} == {10}  # as it was

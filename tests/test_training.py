"""One step by hand, whole runs, and what stops one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, make_source_net, run_python, small_net, some_batches, train_on, values
from mxnet import autograd, gluon, nd

import hotdog_ft
from hotdog_ft.mxnet_internals import parameters
from hotdog_ft.settings import Settings

ONE_EPOCH = Settings(num_epochs=1)


@pytest.fixture
def images(picture_folders):
    """Training and test pictures; `SMALL` fits them."""
    return hotdog_ft.load_image_folders(picture_folders())


SMALL = Settings(size=32, batch_size=5, num_epochs=2)


def test_report_25_one_step_is_the_hand_computed_one_and_the_head_moves_ten_times_as_far():
    """w <- w - lr * lr_mult * (gradient of the mean loss + wd * w): SGD without momentum."""
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    ((X, y),) = some_batches([6])
    before = values(net)
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(nd.array(X)), nd.array(y)).mean()
    loss.backward()
    gradients = {
        name: p.grad().asnumpy() for name, p in parameters(net).items() if p.grad_req != "null"
    }
    net_again = hotdog_ft.finetune_net(make_source_net(), 2)
    for name, parameter in parameters(net_again).items():
        parameter.set_data(nd.array(before[name]))
    train_on(net_again, [(X, y)], replace(ONE_EPOCH, learning_rate=0.01, weight_decay=0.1))
    for name, gradient in gradients.items():
        rate = 0.1 if name.startswith("output") else 0.01
        expected = before[name] - rate * (gradient + 0.1 * before[name])
        np.testing.assert_allclose(
            values(net_again)[name], expected, rtol=2e-4, atol=2e-6, err_msg=name
        )


def test_adams_first_step_is_as_long_as_the_rate_wherever_there_is_a_gradient():
    """m / (sqrt(v) + e) after one step, both without bias: g / (|g| + e'), with e' = 3e-7."""
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before, ((X, y),) = values(net), some_batches([6])
    settings = replace(ONE_EPOCH, optimizer="adam", learning_rate=0.01, weight_decay=0)
    train_on(net, [(X, y)], settings)
    after = values(net)
    for name, parameter in parameters(net).items():
        if parameter.grad_req == "null":
            continue
        gradient = np.abs(parameter.grad().asnumpy())
        rate = 0.1 if name.startswith("output") else 0.01
        moved = np.abs(after[name] - before[name])[gradient > 1e-4]
        np.testing.assert_allclose(moved, rate, rtol=0.01, err_msg=name)


def test_report_24_a_short_last_batch_counts_by_its_own_size():
    """A repeated picture has the mean gradient of one: batches of 1 and of 4 move the net alike."""
    ((X, y),) = some_batches([1])
    once, four = small_net(), small_net()
    settings = replace(ONE_EPOCH, learning_rate=0.5)
    train_on(once, [(X, y)], settings)
    train_on(four, [(X.repeat(4, 0), y.repeat(4))], settings)
    for a, b in zip(values(once).values(), values(four).values()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_report_2_a_single_batch_is_enough_and_gluons_loader_will_do():
    """Fewer than five batches crash d2l 1.0.3, whose train_ch13 divides by num_batches // 5."""
    ((X, y),) = some_batches([4])
    dataset = gluon.data.ArrayDataset(X, y.astype("float32"))
    history = train_on(small_net(), gluon.data.DataLoader(dataset, batch_size=4), ONE_EPOCH)
    assert len(history.loss) == 1 and history.num_examples == 4


def test_report_9_the_same_seed_gives_bit_equal_parameters(images):
    source = make_source_net()

    def run(seed):
        hotdog_ft.seed_everything(seed)
        net = hotdog_ft.finetune_net(source, 2)
        history = hotdog_ft.train(net, *images, replace(SMALL, seed=seed))
        return values(net), history

    (first, history), (second, history_again) = run(4), run(4)
    assert history.loss == history_again.loss and history.test_acc == history_again.test_acc
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
    assert run(5)[1].loss != history.loss


def test_a_run_seeds_itself_whatever_was_drawn_before(images):
    def run(before):
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        hotdog_ft.seed_everything(0)
        net.output.initialize(force_reinit=True)
        hotdog_ft.seed_everything(before)
        return hotdog_ft.train(net, *images, SMALL).loss

    assert run(1) == run(2)


def test_a_run_is_the_documented_loop_over_the_documented_loaders(images):
    from hotdog_ft.loader import loaders

    settings = replace(SMALL, momentum=0.9, schedule="cosine", use_global_stats=True)
    ours, theirs = (hotdog_ft.finetune_net(make_source_net(), 2) for _ in range(2))
    theirs.output.weight.set_data(ours.output.weight.data())
    history = hotdog_ft.train(ours, *images, settings)
    hotdog_ft.seed_everything(settings.seed)
    train_iter, test_iter = loaders(*images, settings)
    by_hand = train_on(theirs, train_iter, settings, test_iter)
    np.testing.assert_allclose(by_hand.loss, history.loss, rtol=1e-5)
    assert by_hand.test_acc == history.test_acc and by_hand.num_examples == 12
    for name, value in values(ours).items():
        np.testing.assert_allclose(values(theirs)[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "changes, share",
    [
        ({"full_rate_pictures": 48}, 1 / 4),
        ({"full_rate_pictures": 12}, 1),
        ({"full_rate_pictures": 5}, 1),
        ({"full_rate_pictures": 16, "fraction": 0.5}, 3 / 8),
        ({"full_rate_pictures": 16, "valid_fraction": 1 / 3}, 1 / 2),  # who learns, not who judges
    ],
)
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_few_pictures_have_a_smaller_rate_in_proportion(images, changes, share, schedule):
    """Twelve pictures; the other run knows of no such proportion."""

    def run(**changes):
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        settings = replace(SMALL, optimizer="adam", schedule=schedule, **changes)
        lines = []
        history = hotdog_ft.train(net, *images, settings, report=lines.append)
        first = next(line for line in lines if "held out" not in line)
        return history.loss, values(net), first

    loss, found, line = run(**changes)
    rate = SMALL.learning_rate * share
    others = {**changes, "full_rate_pictures": 0, "learning_rate": rate}
    expected_loss, expected, _ = run(**others)
    assert loss == expected_loss
    assert line.startswith(f"learning rate {rate:.2g}: fewer than " if share < 1 else "epoch 1/2")
    assert all(np.array_equal(found[name], a) for name, a in expected.items())


def test_what_a_run_sets_is_as_before_afterwards(images):
    net = hotdog_ft.finetune_net(make_source_net(), 2, lr_mult=7)
    flags = [(p.lr_mult, p.grad_req) for p in net.collect_params().values()]
    seen = []

    def after_epoch(history):
        rates = {p.lr_mult for p in net.output.collect_params().values()}
        learning = {n for n, p in parameters(net).items() if p.grad_req != "null"}
        seen.append((len(history.loss), rates, learning))

    settings = replace(SMALL, trained="output", output_lr_mult=3)
    hotdog_ft.train(net, *images, settings, after_epoch=after_epoch)
    assert seen == [(epoch, {3}, {"output.weight", "output.bias"}) for epoch in (1, 2)]
    assert [(p.lr_mult, p.grad_req) for p in net.collect_params().values()] == flags
    assert (net.classes, net.size) == (["a", "b"], 32)


def test_probing_comes_before_the_first_epoch(images):
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    history = hotdog_ft.train(net, *images, replace(SMALL, num_epochs=0, probe_steps=50))
    assert 0 <= history.probe_acc == history.last_test_acc <= 1 and history.loss == []
    assert history.features_seconds > 0 and history.probe_seconds > 0
    assert hotdog_ft.train(net, *images, replace(SMALL, num_epochs=0)).probe_acc is None


def test_any_sequence_of_pictures_and_labels_will_do():
    rng = np.random.default_rng(0)
    images = [(rng.integers(0, 256, (40, 50, 3), dtype="uint8"), n % 2) for n in range(6)]
    net = small_net()
    history = hotdog_ft.train(net, images, images[:3], SMALL)
    assert history.num_examples == 6 and len(history.loss) == 2
    assert (net.classes, net.size) == (None, 32)


def test_report_32_a_rate_too_high_stops_with_epoch_batch_and_a_hint(images):
    net = hotdog_ft.scratch_net(make_source_net(), 2)
    with pytest.raises(FloatingPointError, match=r"epoch \d+, batch \d+: .* smaller rate"):
        hotdog_ft.train(net, *images, replace(SMALL, learning_rate=1e30, num_epochs=9))


def test_report_28_too_little_memory_says_by_how_much_to_cut_the_batch():
    """A new process that the system gives 100 MB more than it has; the batch takes 200 MB."""
    code = """
import resource
import hotdog_ft, numpy as np
from conftest import make_source_net, train_on
net = hotdog_ft.finetune_net(make_source_net(), 2)
X, y = np.zeros((64, 3, 512, 512), 'float32'), np.zeros(64, int)
used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), -1))
try:
    train_on(net, [(X, y)], hotdog_ft.Settings(num_epochs=1))
except MemoryError as error:
    print(error)
"""
    done = run_python(code, PYTHONPATH=f"{ROOT}:{Path(__file__).parent}")
    assert "64 pictures, 512 pixels wide" in done.stdout, done.stderr
    assert "batch_size=32 or less" in done.stdout


def test_no_picture_is_an_error():
    with pytest.raises(ValueError, match="no picture"):
        train_on(small_net(), [], ONE_EPOCH, some_batches([2]))


def test_without_the_right_labels_fine_tuning_has_nothing_to_learn():
    """The control: labels dealt at random bring the test accuracy of the same run to chance."""
    recipe = hotdog_ft.load_recipe().with_settings(num_epochs=2)
    train_imgs, test_imgs = recipe.load_data()
    hotdog_ft.seed_everything(0)
    shuffled = train_imgs.subset(range(len(train_imgs)))
    np.random.shuffle(shuffled.labels)
    net = hotdog_ft.finetune_net(recipe.load_pretrained_net(), 2)
    history = hotdog_ft.train(net, shuffled, test_imgs, recipe.finetune)
    # 400 test pictures: chance is 0.5 with a standard error of 0.025; the net need not be unbiased
    assert history.test_acc[-1] < 0.7


def test_parameters_that_the_last_batch_has_blown_up_are_noticed():
    """No batch comes after it whose loss would tell."""
    images = [(np.full((40, 32, 3), 60 * i, "uint8"), i % 2) for i in range(4)]
    # 1e30 * 1e6 * 1e6 of a weight is beyond float32
    steps = {"learning_rate": 1e30, "output_lr_mult": 1e6, "weight_decay": 1e6}
    settings = Settings(size=32, batch_size=4, num_epochs=1, **steps)
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    with pytest.raises(FloatingPointError, match=r"epoch 1: after its last batch .* 1e\+30"):
        hotdog_ft.train(net, images, images, settings)

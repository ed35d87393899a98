"""A run that ends between its start and what it has learnt (Wortsman et al. 2022)."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import make_source_net, values

import hotdog_ft
from hotdog_ft.settings import FINE_TUNE

SETTINGS = replace(
    FINE_TUNE,
    size=32,
    batch_size=5,
    num_epochs=3,
    learning_rate=0.01,  # so that every epoch says something else
    probe_steps=50,
    start_share=0.25,
)


def new_net():
    hotdog_ft.seed_everything(0)
    return hotdog_ft.finetune_net(make_source_net(), 2)


@pytest.fixture
def run(picture_folders):
    """A function that trains with some settings changed: the net and its history."""
    images = hotdog_ft.load_image_folders(picture_folders())

    def train(net=None, after_epoch=None, checkpoint=None, **changes):
        net = net or new_net()
        options = {"after_epoch": after_epoch, "checkpoint": checkpoint}
        return net, hotdog_ft.train(net, *images, replace(SETTINGS, **changes), **options)

    return train


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_the_end_lies_between_the_start_and_what_was_learnt(run):
    start, learnt = values(run(num_epochs=0)[0]), values(run(start_share=0.0)[0])
    plain, history = run(start_share=0.0)[1], run()[1]
    end = values(run()[0])
    assert history.loss == plain.loss and history.train_acc == plain.train_acc  # the same epochs
    assert not same(start, learnt)
    for name, array in end.items():
        # in double precision: a quarter of the one, three quarters of the other
        wanted = 0.25 * start[name].astype("float64") + 0.75 * learnt[name]
        assert np.allclose(array, wanted, rtol=1e-6, atol=1e-7), name
        if np.array_equal(start[name], learnt[name]):  # such as running statistics
            assert np.array_equal(array, start[name])
    assert sum("running" in name for name in end if np.array_equal(start[name], end[name])) > 10


def test_what_is_measured_and_shown_after_an_epoch_is_what_a_run_of_so_many_would_end_with(run):
    constant, net, shown = {"schedule": "constant"}, new_net(), []
    _, history = run(net, lambda history: shown.append(values(net)), **constant)
    for epochs in (1, 2, 3):
        shorter, its = run(num_epochs=epochs, **constant)
        assert its.test_acc == history.test_acc[:epochs]
        assert same(values(shorter), shown[epochs - 1])


def test_the_best_epoch_is_kept_as_it_was_measured():
    rng = np.random.default_rng(0)
    noise = [(rng.integers(0, 256, (40, 32, 3), dtype="uint8"), i % 2) for i in range(30)]
    chosen = {"schedule": "constant", "keep": "best", "valid_fraction": 0.3, "probe_steps": 0}
    settings, net, other = replace(SETTINGS, **chosen), new_net(), new_net()
    kept = hotdog_ft.train(net, noise, None, settings).kept_epoch
    assert 1 <= kept < 3, "the case shows nothing"
    hotdog_ft.train(other, noise, None, replace(settings, keep="last", num_epochs=kept))
    assert same(values(net), values(other))
    net = new_net()
    measured = hotdog_ft.train(net, noise, noise, SETTINGS).test_acc
    assert measured[-1] == hotdog_ft.evaluate(net, noise)
    learnt = hotdog_ft.train(new_net(), noise, noise, replace(SETTINGS, start_share=0)).test_acc
    assert measured[-1] != learnt[-1], "the case shows nothing"


@pytest.mark.parametrize("stopped_after", [1, 2])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(run, tmp_path, stopped_after):
    path = tmp_path / "run.checkpoint"

    class Stop(Exception):
        pass

    def stop(history):
        if len(history.loss) == stopped_after:
            raise Stop

    with pytest.raises(Stop):
        run(after_epoch=stop, checkpoint=path)
    net, history = run(checkpoint=path)
    whole, of_whole = run()
    assert same(values(net), values(whole)) and history.test_acc == of_whole.test_acc
    again, _ = run(net, checkpoint=path)  # the net as its checkpoint left it
    assert same(values(again), values(whole))
    with pytest.raises(hotdog_ft.DataError, match=r"start_share 0\.25 instead of 0\.5"):
        run(checkpoint=path, start_share=0.5)

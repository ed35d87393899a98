"""Which epoch a run ends with, chosen on validation pictures alone; and early ends."""

import signal
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from conftest import make_source_net, small_net, values

import hotdog_ft
from hotdog_ft import training
from hotdog_ft.history import History
from hotdog_ft.settings import FINE_TUNE, Settings
from hotdog_ft.subsets import hold_out

PLAIN = Settings(size=32, batch_size=4, num_epochs=6, learning_rate=0.1, seed=2, keep="best")
PROBED = replace(FINE_TUNE, size=32, batch_size=5, num_epochs=3, probe_steps=50, keep="best")


def noise(count, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.integers(0, 256, (40, 32, 3), dtype="uint8"), i % 2) for i in range(count)]


def same(net, other):
    one, two = values(net), values(other)
    return all(np.array_equal(one[name], two[name]) for name in one)


def trained(settings=PLAIN, **options):
    net = small_net()
    history = hotdog_ft.train(net, noise(24), noise(4, 1), settings, **options)
    return net, history


class Stop(Exception):
    pass


def stop_after(epoch):
    def after_epoch(history):
        if len(history.loss) == epoch:
            raise Stop

    return after_epoch


def test_report_66_a_run_ends_with_the_epoch_that_was_best_on_validation_pictures():
    """With a constant rate it is then, bit for bit, the run that had no epochs after it."""
    net, history = trained()
    kept = history.kept_epoch
    assert 1 <= kept < 6, "the case shows nothing"
    assert history.valid_acc.index(max(history.valid_acc)) == kept - 1  # the earliest of several
    assert len(history.test_acc) == len(history.loss) == 6
    assert history.last_test_acc == history.test_acc[kept - 1]
    shorter, last = trained(replace(PLAIN, keep="last", valid_fraction=0.2, num_epochs=kept))
    assert same(net, shorter) and last.kept_epoch is None
    assert last.valid_acc == history.valid_acc[:kept] and last.class_acc == history.class_acc
    assert f"kept: epoch {kept}, valid acc {history.valid_acc[kept - 1]:.3f}" in str(history)


def test_report_66_a_run_never_ends_below_its_probe(picture_folders):
    images = hotdog_ft.load_image_folders(picture_folders())

    def run(**changes):
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        return net, hotdog_ft.train(net, *images, replace(PROBED, **changes))

    net, history = run(learning_rate=3.0, use_global_stats=False)  # it ruins the net
    assert max(history.valid_acc) <= history.probe_valid_acc
    assert history.kept_epoch == 0 and history.last_test_acc == history.probe_acc
    assert same(net, run(num_epochs=0)[0])
    assert "kept: the output layer alone, valid acc" in str(history)
    assert f"after epoch {len(history.loss)}: loss" in str(history)  # not of the net that is kept


def test_the_test_pictures_choose_nothing():
    one, history = trained()
    net = small_net()
    other = hotdog_ft.train(net, noise(24), [(p, 1 - label) for p, label in noise(4, 1)], PLAIN)
    assert same(one, net) and other.valid_acc == history.valid_acc
    assert other.test_acc == [1 - accuracy for accuracy in history.test_acc]


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_the_best_epoch_survives_a_stop(stop, tmp_path, monkeypatch):
    whole, history = trained(checkpoint=tmp_path / "whole")
    path = tmp_path / "c"
    with pytest.raises(Stop):
        trained(checkpoint=path, after_epoch=stop_after(stop))
    step, done = training.train_step, []

    def ctrl_c(*arguments):
        done.append(1)
        if len(done) == 2:  # on the way through the next epoch
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="batch 2 of epoch"):
        patch.setattr(training, "train_step", ctrl_c)
        trained(checkpoint=path)
    resumed, again = trained(checkpoint=path)
    assert same(whole, resumed) and again.kept_epoch == history.kept_epoch
    assert again.valid_acc == history.valid_acc
    # the same cell once more, with the net as the run left it
    assert hotdog_ft.train(resumed, noise(24), noise(4, 1), PLAIN, checkpoint=path) == again
    assert same(whole, resumed)


@pytest.mark.parametrize("keep", ["last", "best"])
def test_report_66_patience_ends_a_run_early(keep):
    _, whole = trained(replace(PLAIN, num_epochs=12))
    _, history = trained(replace(PLAIN, num_epochs=12, patience=2, keep=keep))
    # the first epoch that has none better among the two after it
    accuracies = whole.valid_acc
    best = next(i for i, a in enumerate(accuracies) if max(accuracies[: i + 3]) == a)
    assert len(history.loss) == best + 3 < 12, "the case shows nothing"
    assert history.loss == whole.loss[: best + 3] and history.best_epoch == best + 1
    assert history.kept_epoch == (best + 1 if keep == "best" else None)


def test_pictures_of_their_own_are_validated_on_where_there_are_any(picture_folders, capsys):
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders())
    train_imgs.valid_imgs = test_imgs
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    small = {"size": 32, "num_epochs": 1, "probe_steps": 20}
    history = hotdog_ft.fine_tune(net, train_imgs, test_imgs, keep="best", **small)
    assert history.num_examples == 12  # nothing is held out
    assert "held out" not in capsys.readouterr().out
    train_imgs.valid_imgs = None
    hotdog_ft.fine_tune(net, train_imgs, test_imgs, patience=1, **small)
    assert "held out to validate on  2 of the training pictures\n" in capsys.readouterr().out
    assert history.valid_acc == history.test_acc and history.probe_valid_acc == history.probe_acc
    held = hotdog_ft.fine_tune(net, train_imgs, None, valid_fraction=0.5, **small)
    assert held.num_examples == 6 and held.test_acc == [] and len(held.valid_acc) == 1
    with pytest.raises(ValueError, match="valid_fraction must be 0"):
        hotdog_ft.fine_tune(
            net, train_imgs, None, valid_fraction=0.5, valid_imgs=test_imgs, **small
        )


def test_other_validation_pictures_are_another_run(tmp_path):
    run = {"checkpoint": tmp_path / "c", "valid_imgs": noise(6, 5)}
    with pytest.raises(Stop):
        trained(after_epoch=stop_after(1), **run)
    for others in (noise(6, 6), None):
        with pytest.raises(hotdog_ft.DataError, match="its validation pictures are others"):
            trained(**{**run, "valid_imgs": others})
    assert len(trained(**run)[1].valid_acc) == 6


class TestHoldOut:
    def test_it_is_the_same_share_of_every_class_by_the_seed(self):
        images = [(np.full((4, 4, 3), i, "uint8"), int(i >= 10)) for i in range(40)]
        rest, held = hold_out(images, 0.3)
        assert Counter(label for _, label in held) == {0: 3, 1: 9} and len(rest) == 28
        places = [{int(p[0, 0, 0]) for p, _ in part} for part in (rest, held)]
        assert places[0] | places[1] == set(range(40)) and not places[0] & places[1]
        again = hold_out(images, 0.3)
        assert [p[0, 0, 0] for p, _ in again[1]] == [p[0, 0, 0] for p, _ in held]
        other = hold_out(images, 0.3, seed=1)
        assert [p[0, 0, 0] for p, _ in other[1]] != [p[0, 0, 0] for p, _ in held]

    @pytest.mark.parametrize("fraction", [0.01, 0.99])
    def test_at_least_one_of_every_class_is_on_either_side(self, fraction):
        rest, held = hold_out(noise(6), fraction)
        assert {label for _, label in rest} == {label for _, label in held} == {0, 1}

    def test_a_class_with_one_picture_is_named(self):
        images = [*noise(6), (np.zeros((4, 4, 3), "uint8"), 2)]
        with pytest.raises(ValueError, match="There is a single picture of 2"):
            hold_out(images, 0.2)

    def test_a_data_set_that_knows_no_parts_is_opened_one_by_one(self):
        images = Counted(noise(10))
        rest, held = hold_out(images, 0.4)
        images.opened = 0
        assert (len(rest), len(held)) == (6, 4) and not images.opened
        assert sorted(label for _, label in held) == [0, 0, 1, 1] and images.opened == 4


class Counted:
    def __init__(self, items):
        self.items, self.opened = items, 0

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        self.opened += 1
        return self.items[index]


def test_runs_that_choose_hold_a_fifth_out_unless_told_otherwise():
    assert Settings().held_out == 0
    assert Settings(keep="best").held_out == Settings(patience=1).held_out == 0.2
    assert Settings(keep="best", valid_fraction=0.1).held_out == 0.1


def test_of_several_epochs_that_are_as_good_the_earliest_is_the_best():
    assert History(valid_acc=[0.5, 0.75, 0.75, 0.25]).best_epoch == 2
    assert History(probe_valid_acc=0.75, valid_acc=[0.5, 0.75]).best_epoch == 0
    assert History().best_epoch is None

"""`fine_tune`: the output layer first, then all of the net."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import make_source_net, small_net, values

import hotdog_ft
from hotdog_ft.augment import TestAugs
from hotdog_ft.identity import fingerprint
from hotdog_ft.loader import BatchLoader
from hotdog_ft.settings import FINE_TUNE


@pytest.mark.parametrize("version", [1, 2])
def test_one_call_does_for_any_number_of_classes(version, picture_folders):
    counts = {"train": {"a": 5, "b": 5, "c": 5}, "test": {"a": 2, "b": 2, "c": 2}}
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders(counts))
    net = hotdog_ft.finetune_net(make_source_net(version), 3)
    history = hotdog_ft.fine_tune(net, train_imgs, test_imgs, size=32, num_epochs=1)
    assert 0 <= history.probe_acc <= 1
    assert len(history.test_acc) == 1 and history.num_examples == 15
    assert str(history).count("\n") == 2  # three lines


def test_without_an_epoch_the_features_stay(picture_folders):
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders())
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before = fingerprint(net.features)
    history = hotdog_ft.fine_tune(net, train_imgs, test_imgs, size=32, num_epochs=0)
    assert fingerprint(net.features) == before and history.loss == []
    accuracy = hotdog_ft.evaluate(net, BatchLoader(test_imgs, TestAugs(32), 4))
    assert history.probe_acc == history.last_test_acc == accuracy


def test_it_is_train_with_settings_of_its_own_and_with_what_differs(picture_folders):
    images = hotdog_ft.load_image_folders(picture_folders())
    settings = replace(FINE_TUNE, size=32, num_epochs=1)
    calls = [
        lambda net: hotdog_ft.train(net, *images, settings),
        lambda net: hotdog_ft.fine_tune(net, *images, settings),
        lambda net: hotdog_ft.fine_tune(net, *images, size=32, num_epochs=1),
    ]
    outcomes = []
    for call in calls:
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        outcomes.append((call(net).loss, {n: v.tobytes() for n, v in values(net).items()}))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_a_setting_that_does_not_exist_is_named(picture_folders):
    images = hotdog_ft.load_image_folders(picture_folders())
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    with pytest.raises(TypeError, match=r"There is no setting epochs: did you mean num_epochs\?"):
        hotdog_ft.fine_tune(net, *images, epochs=3)
    with pytest.raises(TypeError, match=r"There is no setting lr: there are .*learning_rate"):
        hotdog_ft.fine_tune(net, *images, lr=0.1)


def test_a_net_without_an_output_layer_of_its_own_is_told_what_to_do():
    net, images = small_net(), [(np.zeros((40, 32, 3), "uint8"), i % 2) for i in range(4)]
    with pytest.raises(ValueError, match=r"no parts `features` and `output`.*probe_steps=0"):
        hotdog_ft.fine_tune(net, images, None, size=32)
    assert len(hotdog_ft.fine_tune(net, images, None, size=32, probe_steps=0).loss) == 5


def test_a_run_of_a_single_step_learns():
    """A cosine's last rate is 0, and here the first step is the last."""
    images = [(np.full((40, 32, 3), 200 * (i % 2), "uint8"), i % 2) for i in range(4)]
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before = fingerprint(net)
    hotdog_ft.fine_tune(net, images, None, size=32, probe_steps=0, num_epochs=1)
    assert fingerprint(net) != before

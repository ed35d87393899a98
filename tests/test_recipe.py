"""The two modes, and the chapter's own function."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import make_source_net
from mxnet.gluon import nn

import hotdog_ft
from hotdog_ft import studies
from hotdog_ft.recipe import TITLES
from hotdog_ft.settings import BELOW_BOUND, FINE_TUNE, SCRATCH, Settings
from hotdog_ft.zoo import imagenet_classes


def test_mini_is_the_default_and_needs_no_network():
    recipe = hotdog_ft.load_recipe()
    train_imgs, test_imgs = recipe.load_data()
    assert recipe.mode == "mini" and train_imgs.classes == ["hotdog", "not-hotdog"]
    assert (len(train_imgs), len(test_imgs)) == (600, 400)
    assert "/" not in str(recipe)  # nothing of this machine in a notebook's output


def test_full_mode_takes_data_and_weights_from_the_environment(monkeypatch, own_data):
    monkeypatch.setenv("HOTDOG_FT_MODE", "full")
    monkeypatch.setenv("HOTDOG_FT_DATA", own_data[0])
    monkeypatch.setenv("HOTDOG_FT_WEIGHTS", own_data[1])
    recipe = hotdog_ft.load_recipe()
    assert recipe.load_data()[0].classes == ["a", "b"]
    assert repr(recipe.load_pretrained_net().output) == "Dense(10 -> 5, linear)"
    assert recipe.runs == {
        "finetune": Settings(),
        "below_bound": BELOW_BOUND,
        "scratch": SCRATCH,
        "lp_ft": FINE_TUNE,
    }
    assert recipe.size == 224 and set(recipe.runs) <= set(TITLES)
    assert "data pictures, weights net.params, 224 px" in str(recipe)


def test_a_change_holds_for_all_runs_and_leaves_the_rest():
    recipe = hotdog_ft.load_recipe("full")
    changed = recipe.with_settings(num_epochs=1, size=64)
    for name, settings in recipe.runs.items():
        assert changed.runs[name] == replace(settings, num_epochs=1, size=64) != settings
    assert changed.size == 64 and recipe.size == 224
    with pytest.raises(ValueError, match="num_epochs"):
        recipe.with_settings(num_epochs=-1)


def test_the_loaders_are_the_chapters(tiny):
    train_iter, test_iter = tiny.loaders()
    assert [len(loader.images) for loader in (train_iter, test_iter)] == [12, 6]
    assert (train_iter.shuffle, test_iter.shuffle) == (True, False)
    assert (
        train_iter.augs.scale == (0.08, 1.0) and train_iter.augs.size == test_iter.augs.size == 32
    )
    assert next(iter(train_iter))[0].shape == (5, 3, 32, 32)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("medium",), "'medium'"),
        (("mini", "folder"), "full mode"),
        (("mini", None, "net.params"), "full mode"),
    ],
)
def test_what_does_not_fit_a_mode_is_named(arguments, words):
    with pytest.raises(hotdog_ft.DataError, match=words):
        hotdog_ft.load_recipe(*arguments)


def test_the_chapters_function_is_a_run_with_the_chapters_settings(monkeypatch, own_data):
    monkeypatch.setenv("HOTDOG_FT_MODE", "full")
    monkeypatch.setenv("HOTDOG_FT_DATA", own_data[0])
    recipe = hotdog_ft.load_recipe()

    def outcome(train):
        hotdog_ft.seed_everything(1)
        history = train(hotdog_ft.finetune_net(make_source_net(), 2))
        return history.loss, history.train_acc, history.test_acc, history.num_examples

    ours = outcome(lambda net: hotdog_ft.train_fine_tuning(net, 0.01))
    assert ours == outcome(lambda net: hotdog_ft.train(net, *recipe.load_data(), Settings()))
    assert len(ours[0]) == 5 and ours[-1] == 12


@pytest.mark.parametrize("new_net, lr_mult", [("finetune_net", 10), ("scratch_net", 1)])
def test_the_chapters_function_keeps_the_outputs_own_rate(new_net, lr_mult, tiny):
    def loss(train):
        hotdog_ft.seed_everything(1)
        return train(getattr(hotdog_ft, new_net)(make_source_net(), 2)).loss

    settings = Settings(
        learning_rate=0.05, batch_size=4, num_epochs=2, size=32, output_lr_mult=lr_mult
    )
    ours = loss(lambda net: hotdog_ft.train_fine_tuning(net, 0.05, 4, 2, recipe=tiny))
    assert ours == loss(lambda net: hotdog_ft.train(net, *tiny.load_data(), settings))
    other = replace(settings, output_lr_mult=11 - lr_mult)
    assert ours != loss(lambda net: hotdog_ft.train(net, *tiny.load_data(), other))


def test_the_chapters_function_takes_nets_without_output_and_refuses_what_is_no_net(tiny):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(2, 3, in_channels=3), nn.GlobalAvgPool2D(), nn.Dense(2, in_units=2))
    net.initialize()
    assert len(hotdog_ft.train_fine_tuning(net, 0.01, 4, 1, recipe=tiny).loss) == 1
    with pytest.raises(ValueError, match=r"type str: give what load_net\(path\) returns"):
        hotdog_ft.train_fine_tuning("net.params", 0.01, recipe=tiny)


def test_report_8_the_hot_dog_is_found_by_name_and_has_row_934():
    classes = hotdog_ft.load_recipe("full").source_classes()
    assert len(classes) == 1000 and classes.wnid.is_unique
    assert classes.wnid.is_monotonic_increasing  # ILSVRC's order: Gluon and torchvision follow it
    (row,) = classes.index[classes.name.str.startswith("hotdog")]
    # ILSVRC-2012's synsets n07697537 and n03924679 (image-net.org); the book's code takes the
    # second for the first
    assert (row, classes.wnid[row]) == (934, "n07697537")
    assert classes.loc[713].tolist() == ["n03924679", "photocopier"]


def test_the_mini_source_nets_outputs_have_names():
    recipe = hotdog_ft.load_recipe()
    assert len(recipe.source_classes()) == len(recipe.load_pretrained_net().output.bias.data())
    assert recipe.source_classes().name[0] == "hotdog"


def test_the_outputs_of_an_own_source_net_are_named_as_it_was_saved(tiny, tmp_path):
    assert tiny.source_classes().name.tolist() == ["0", "1", "2", "3", "4"]
    net = make_source_net(classes=2)
    net.classes, net.size = ["cơm", "phở"], 32
    hotdog_ft.save_net(net, tmp_path / "own.safetensors")
    recipe = hotdog_ft.load_recipe("full", weights=tmp_path / "own.safetensors")
    assert recipe.source_classes().to_dict("list") == {"name": ["cơm", "phở"]}


def test_a_thousand_classes_of_ones_own_keep_their_names(tiny, tmp_path):
    names = [f"chair {number}" for number in range(1000)]
    hotdog_ft.save_net(make_source_net(classes=1000), tmp_path / "own.safetensors", names, 32)
    recipe = replace(tiny, weights=str(tmp_path / "own.safetensors"))
    assert recipe.source_classes().name.tolist() == names


def test_imagenets_own_names_have_their_ids(tiny, tmp_path):
    path, names = tmp_path / "own.safetensors", imagenet_classes().name
    hotdog_ft.save_net(make_source_net(classes=1000), path, names, 32)
    assert replace(tiny, weights=str(path)).source_classes().equals(imagenet_classes())


def test_report_42_hot_dogs_are_known_by_the_names_of_both_classes(tiny, picture_folders, tmp_path):
    assert hotdog_ft.load_recipe("mini").has_hot_dogs and not tiny.has_hot_dogs
    counts = {split: {"hotdog": 1, "not-hotdog": 1} for split in ("train", "test")}
    own = picture_folders(counts, tmp_path / "own")
    assert hotdog_ft.load_recipe("full", own).has_hot_dogs


def test_report_40_a_claim_stops_nobody_but_on_the_drawings(tiny, capsys):
    mini = hotdog_ft.load_recipe("mini")
    mini.verdict(True, "it wins", "it loses")
    with pytest.raises(AssertionError, match=r"^it loses$"):
        mini.verdict(False, "it wins", "it loses")
    tiny.verdict(True, "it wins", "it loses")
    tiny.verdict(False, "it wins", "it loses")
    assert capsys.readouterr().out.splitlines() == [
        "it wins",
        "On these pictures too: it wins.",
        "On these pictures it is otherwise: it loses.",
    ]


def test_pictures_are_read_once_per_process(tiny):
    assert tiny.load_data()[0] is tiny.with_settings(num_epochs=2).load_data()[0]
    assert np.array_equal(tiny.load_data()[0].labels, [0] * 6 + [1] * 6)


def test_pictures_that_have_changed_are_read_again(own_data, picture_folders):
    recipe = hotdog_ft.load_recipe("full", *own_data)
    (train_imgs, test_imgs), features = recipe.load_data(), studies.source_features(recipe)
    train_imgs.paths[0].unlink()
    assert len(recipe.load_data()[0]) == len(train_imgs) - 1
    assert len(studies.source_features(recipe)[0]) == len(features[0]) - 1
    for images in (train_imgs, test_imgs):  # a class more
        folder = images.paths[-1].parent
        shutil.copytree(folder, folder.with_name("more"))
    assert "more" in recipe.load_data()[0].classes


@pytest.mark.parametrize("variable", ["HOTDOG_FT_DATA", "HOTDOG_FT_WEIGHTS"])
def test_own_pictures_or_weights_without_full_mode_are_refused(monkeypatch, variable):
    monkeypatch.setenv(variable, "chairs")
    with pytest.raises(hotdog_ft.DataError, match="HOTDOG_FT_MODE=full"):
        hotdog_ft.load_recipe()
    assert hotdog_ft.load_recipe("mini").mode == "mini"

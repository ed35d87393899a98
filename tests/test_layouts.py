"""Layouts of published sets and of people's disks, beside those in test_folders.py."""

import unicodedata

import pytest
from folder_zoo import CLASSES, PICTURE, error_of, load, parts, put


@pytest.mark.parametrize(
    "train, test",
    [
        ("trainset", "testset"),
        ("TrainData", "TestData"),
        ("trainimages", "valimages"),
        ("trn", "tst"),
        ("train", "evaluation"),
        ("01_train", "02_test"),
        ("1. Training", "2. Validation"),
        ("2_my_train", "10-my_test"),
        ("Huấn luyện", "Kiểm tra"),
        ("huan_luyen", "kiem_tra"),
        ("1. huấn luyện", unicodedata.normalize("NFD", "2. kiểm định")),
    ],
)
def test_report_61_parts_have_more_names_than_these(tmp_path, train, test):
    train_imgs, test_imgs, notes = load(put(tmp_path, *parts(train, test)))
    assert (train_imgs.root.name, test_imgs.root.name, notes) == (train, test, "")


@pytest.mark.parametrize(
    "names", [["testate", "trained"], ["valérie", "zoé"], ["database", "imageset"], ["1", "2"]]
)
def test_a_class_whose_name_begins_like_a_part_is_one(tmp_path, names):
    put(tmp_path, *(f"{name}/{n}.png" for name in names for n in range(3)))
    assert load(tmp_path)[0].classes == names


@pytest.mark.parametrize(
    "train, test", [("train/images", "test/images"), ("seg_train/seg_train", "seg_test/seg_test")]
)
def test_report_84_a_folder_more_in_the_parts(tmp_path, train, test):
    train_imgs, test_imgs, _ = load(put(tmp_path, *parts(train, test)))
    assert train_imgs.classes == test_imgs.classes == ["a", "b"]
    assert train_imgs.name == train.split("/")[0]


@pytest.mark.parametrize("split", [parts("train", "test"), CLASSES])
def test_report_84_any_number_of_folders_that_hold_nothing_else(tmp_path, split):
    wrap = "home/ann/data/2024/chairs"  # as an archive of a whole path holds them
    assert load(put(tmp_path, *(f"{wrap}/{path}" for path in split)))[0].classes == ["a", "b"]


@pytest.mark.parametrize("kinds", [("images", "masks"), ("fold1", "fold2", "fold3")])
def test_report_61_classes_that_all_hold_the_same_folders_are_doubted(tmp_path, kinds):
    put(tmp_path, *parts(*kinds), "notes/1.txt")
    train_imgs, _, notes = load(tmp_path)
    assert train_imgs.classes == list(kinds)
    assert f"{', '.join(kinds)} in {tmp_path} are taken for the classes" in notes
    assert "each holds a, b" in notes


def test_report_63_folders_of_some_classes_alone_raise_no_doubt(tmp_path):
    put(tmp_path, "cat/old/1.png", "cat/new/1.png", "dog/old/1.png", "dog/2.png")
    assert "taken for" not in load(tmp_path)[2]


def test_report_53_where_the_one_class_lies_beside_a_list_the_error_shows_the_way(tmp_path):
    error = error_of(put(tmp_path, "images/1.png", "images/2.png", "labels.csv"))
    assert "one class, images:" in error and "images/  2 pictures" in error and "CSV file" in error


def test_an_error_shows_two_levels_of_folders(tmp_path):
    (tmp_path / "box/train/a/deep").mkdir(parents=True)
    error = error_of(put(tmp_path, "box/notes/1.txt")).splitlines()
    inner = ["    notes/  0 pictures", "    train/  0 pictures"]
    assert error[1:-1] == ["  box/  0 pictures", *inner]


def test_report_60_copies_and_halves_of_pictures_are_skipped(tmp_path):
    put(tmp_path, *CLASSES)
    for name in ("1.png~", "1.png.bak", "1.png_original", "9.jpg.crdownload", "x.KDC"):
        (tmp_path / "a" / name).write_bytes(PICTURE)
    (tmp_path / "a/2.png_large").write_bytes(PICTURE)  # as some sites name them
    train_imgs, _, notes = load(tmp_path, holdout=0)
    assert len(train_imgs) == 5
    for words in ("1 .png~", "1 .bak", "1 .png_original", "1 .crdownload", "1 .kdc"):
        assert words in notes


def test_report_60_folders_of_other_systems_are_no_classes(tmp_path):
    put(tmp_path, *CLASSES, "a/@__thumb/1.png", "RECYCLER/a/1.png", "Temporary Items/1.png")
    train_imgs, _, notes = load(tmp_path, holdout=0)
    assert train_imgs.classes == ["a", "b"] and len(train_imgs) == 4 and "@__thumb" in notes


def test_a_link_to_the_whole_set_brings_no_class_into_another(tmp_path):
    put(tmp_path, "all/a/1.png", "all/a/2.png", "all/b/1.png")
    (tmp_path / "set").mkdir()
    for name in "ab":
        (tmp_path / "set" / name).symlink_to(tmp_path / "all" / name)
    (tmp_path / "all/a/loop").symlink_to(tmp_path / "set")
    assert load(tmp_path / "set", holdout=0)[0].labels == [0, 0, 1]


def test_two_classes_that_are_one_folder_are_refused(tmp_path):
    put(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert "are one folder: remove the link" in error_of(tmp_path)

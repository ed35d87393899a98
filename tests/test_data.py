"""Folders of pictures, and the hash of what they hold."""

import numpy as np
import pytest
from conftest import make_source_net, zip_of
from folder_zoo import load, parts, put
from mxnet import nd

import hotdog_ft
from hotdog_ft import data
from hotdog_ft.data import Pictures, content_sha256
from hotdog_ft.folders import ImageFolder
from hotdog_ft.settings import Settings


def test_labels_go_by_class_name_and_files_count_naturally(picture_folders):
    counts = {"train": {"b": 11, "a": 2}, "test": {"b": 1, "a": 1}}
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders(counts))
    assert train_imgs.classes == test_imgs.classes == ["a", "b"]
    assert train_imgs.labels == [0] * 2 + [1] * 11
    assert [path.name for path in train_imgs.paths[2:]] == [f"{n}.png" for n in range(11)]
    picture, label = train_imgs[-1]
    assert (picture.shape, picture.dtype, label) == ((40, 48, 3), np.uint8, 1)
    assert picture[..., 2].mean() > picture[..., 0].mean()  # class b is blue


def test_files_are_in_the_order_in_which_people_count_and_spell(tmp_path):
    names = ["apple", "cat", "dog_house", "IMG_2", "img_10", "img_010b", "zebra", "zoe\u0301"]
    put(tmp_path, *(f"{label}/{name}.png" for label in "ab" for name in reversed(names)))
    train_imgs, _, _ = load(tmp_path, holdout=0)
    assert [path.stem for path in train_imgs.paths] == names * 2


def test_a_test_picture_that_is_a_training_picture_is_told(tmp_path):
    put(tmp_path, *parts("train", "test", "val"))
    assert load(tmp_path)[2] == ""
    (tmp_path / "test/b/2.png").write_bytes((tmp_path / "train/a/1.png").read_bytes())
    for name in ("val/a/1.png", "val/a/2.png"):
        (tmp_path / name).write_bytes((tmp_path / "train/b/1.png").read_bytes())
    notes = load(tmp_path)[2].splitlines()
    assert len(notes) == 2
    assert "Of 4 pictures in test, 1 are training pictures too, byte for byte: " in notes[0]
    assert str(tmp_path / "test/b/2.png") in notes[0]
    assert "Of 4 pictures in val, 2 are training pictures too" in notes[1]


def test_classes_that_may_be_one_are_told(tmp_path):
    put(tmp_path, "Chairs/1.png", "chairs/2.png", "lamps/3.png")
    notes = load(tmp_path, holdout=0)[2]
    assert notes == "Classes that differ in case alone: Chairs, chairs."


def test_pictures_that_are_not_there_are_named_with_a_checkpoint_too(tmp_path):
    missing = Pictures(["/nowhere/1.jpg", "/nowhere/2.jpg"], [0, 1])
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    for options in ({}, {"checkpoint": tmp_path / "checkpoint"}):
        with pytest.raises(hotdog_ft.DataError, match=r"1\.jpg cannot be"):
            hotdog_ft.train(net, missing, None, Settings(size=32), **options)


def test_report_18_hidden_files_and_folders_are_ignored(picture_folders):
    root = picture_folders()
    clean = [len(images) for images in hotdog_ft.load_image_folders(root)]
    (root / "train/a/.DS_Store").write_bytes(b"\0")
    (root / "train/.ipynb_checkpoints").mkdir()
    (root / ".cache/train").mkdir(parents=True)
    assert [len(images) for images in hotdog_ft.load_image_folders(root)] == clean


def test_a_part_is_chosen_by_places_or_by_a_mask(picture_folders):
    images, _ = hotdog_ft.load_image_folders(picture_folders())
    blue = [label == 1 for label in images.labels]
    for mask in (blue, np.array(blue)):
        part = images.subset(mask)
        assert part.labels == [1] * sum(blue) and len(set(part.paths)) == sum(blue)
    assert images.subset(iter([2, -1])).paths == [images.paths[2], images.paths[-1]]
    assert len(images.subset([])) == 0
    for wrong in ([True], [0.5], [len(images)]):
        with pytest.raises(IndexError):
            images.subset(wrong)


@pytest.mark.parametrize(
    "counts, words",
    [
        ({"train": {"a": 1, "b": 1}, "test": {"a": 1}}, ["test", "b"]),  # report 19
        ({"train": {"a": 1}, "test": {"a": 1, "b": 1}}, ["test", "b"]),
        ({"train": {"a": 1, "b": 0}, "test": {"a": 1, "b": 1}}, ["train/b", "no pictures"]),
        ({"train": {}, "test": {}}, ["train", "test"]),
        ({"train": {"a": 1}}, ["one class, a"]),
    ],
)
def test_report_19_a_data_set_with_a_hole_is_one_clear_error(
    picture_folders, tmp_path, counts, words
):
    root = tmp_path / "pictures"
    root.mkdir()
    picture_folders(counts)
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.load_image_folders(root)
    assert str(root) in str(error.value)
    assert all(word in str(error.value) for word in words)


def test_reports_20_and_52_every_bad_picture_of_both_sets_is_named_before_training(picture_folders):
    root = picture_folders()
    (root / "train/a/empty.jpg").write_bytes(b"")
    (root / "train/b/page.jpg").write_text("<html>403 Forbidden</html>")
    whole = (root / "train/a/0.png").read_bytes()
    (root / "test/b/cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.load_image_folders(root)
    assert all(name in str(error.value) for name in ("empty.jpg", "page.jpg", "cut.png"))
    assert "3 of 21" in str(error.value)


def test_a_zip_is_unpacked_once_and_gives_the_folders_pictures(picture_folders, tmp_path):
    root = picture_folders()
    archive = zip_of(root, tmp_path / "photos.zip")
    first, _ = hotdog_ft.load_image_folders(archive)
    again, _ = hotdog_ft.load_image_folders(root)
    assert content_sha256(first) == content_sha256(again)
    marker = first.root / ".kept"
    marker.touch()
    hotdog_ft.load_image_folders(archive)
    assert marker.exists()  # not unpacked again


@pytest.mark.parametrize("make", [lambda p: p.write_text("<html>"), lambda p: None])
def test_what_is_no_archive_and_no_folder_is_named(tmp_path, make):
    path = tmp_path / "hotdog.zip"
    make(path)
    with pytest.raises(hotdog_ft.DataError, match=r"hotdog\.zip"):
        hotdog_ft.load_image_folders(path)


class TestContentSha256:
    @pytest.fixture
    def images(self, picture_folders):
        return ImageFolder(picture_folders() / "train")

    def test_it_does_not_care_where_the_files_lie(self, images, picture_folders, tmp_path):
        elsewhere = ImageFolder(picture_folders(root=tmp_path / "elsewhere") / "train")
        assert content_sha256(images) == content_sha256(elsewhere)

    def test_it_follows_bytes_order_labels_and_class_names(self, images):
        seen = {content_sha256(images), content_sha256(images.subset(range(11)))}
        swapped = images.subset([1, 0, *range(2, 12)])
        seen |= {content_sha256(swapped), content_sha256(Pictures(images.paths, images.labels))}
        relabelled = images.subset(range(12))
        relabelled.labels[0] = 1
        seen.add(content_sha256(relabelled))
        renamed = images.subset(range(12))
        renamed.classes = ["a", "c"]
        seen.add(content_sha256(renamed))
        content = images.paths[0].read_bytes()
        images.paths[0].write_bytes(content + b" ")  # no pixel differs
        assert content_sha256(images) in seen  # as it was read
        seen.add(content_sha256(ImageFolder(images.root)))
        assert len(seen) == 7

    def test_pictures_that_are_no_files_are_hashed_by_their_pixels(self):
        def digest(pixel=0, shape=(4, 6, 3), label=1):
            picture = np.zeros(shape, "uint8")
            picture.flat[5] = pixel
            return content_sha256([(picture, 0), (picture, label)])

        assert digest() == digest()
        assert len({digest(), digest(pixel=1), digest(shape=(6, 4, 3)), digest(label=0)}) == 4

    def test_arrays_of_mxnet_are_hashed_by_their_pixels_too(self):
        """So that a run on Gluon's data set goes on from its checkpoint."""
        picture = np.arange(72, dtype="uint8").reshape(4, 6, 3)
        theirs = [(nd.array(picture, dtype="uint8"), 0)]
        assert content_sha256(theirs) == content_sha256([(picture, 0)])


def test_the_memory_for_decoded_pictures_has_a_limit(picture_folders, monkeypatch):
    size = 40 * 48 * 3
    monkeypatch.setattr(data, "CACHE_BYTES", 3 * size)
    images = ImageFolder(picture_folders() / "train")
    data.check_pictures(images)
    assert sum(picture.nbytes for picture in images._decoded.values()) == 3 * size
    assert images[11][0].shape == (40, 48, 3)


def test_a_folder_that_is_not_there_or_holds_no_classes_is_named(tmp_path):
    with pytest.raises(hotdog_ft.DataError, match=r"There is no folder .*absent"):
        ImageFolder(tmp_path / "absent")
    with pytest.raises(hotdog_ft.DataError, match="one folder per class is expected"):
        ImageFolder(tmp_path)


def test_a_data_set_says_what_it_holds(picture_folders):
    root = picture_folders({"train": {"a": 6, "b": 2}, "test": {"a": 1, "b": 1}})
    train_imgs, _ = hotdog_ft.load_image_folders(root)
    assert repr(train_imgs) == "<ImageFolder train: 6 a, 2 b>"
    assert repr(data.Pictures(train_imgs.paths)) == "<Pictures: 8 pictures>"


def test_a_picture_in_memory_cannot_be_drawn_on(picture_folders):
    """It stays for the next epoch."""
    train_imgs, _ = hotdog_ft.load_image_folders(picture_folders())
    with pytest.raises(ValueError, match="read-only"):
        train_imgs[0][0][:] = 0

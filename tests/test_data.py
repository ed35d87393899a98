"""Folders of pictures and mini-batches."""

import hotdog_ft
import numpy as np
import pytest
from conftest import zip_of
from hotdog_ft import data
from PIL import Image


def test_labels_go_by_class_name_and_files_count_naturally(picture_folders):
    counts = {"train": {"b": 11, "a": 2}, "test": {"b": 1, "a": 1}}
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders(counts))
    assert train_imgs.classes == test_imgs.classes == ["a", "b"]
    assert train_imgs.labels == [0] * 2 + [1] * 11
    assert [path.name for path in train_imgs.paths[2:]] == [f"{n}.png" for n in range(11)]
    picture, label = train_imgs[-1]
    assert (picture.shape, picture.dtype, label) == ((40, 48, 3), np.uint8, 1)
    assert picture[..., 2].mean() > picture[..., 0].mean()  # class b is blue


def test_report_18_hidden_files_and_folders_are_ignored(picture_folders):
    root = picture_folders()
    clean = [len(images) for images in hotdog_ft.load_image_folders(root)]
    (root / "train/a/.DS_Store").write_bytes(b"\0")
    (root / "train/.ipynb_checkpoints").mkdir()
    (root / ".cache/train").mkdir(parents=True)
    assert [len(images) for images in hotdog_ft.load_image_folders(root)] == clean


@pytest.mark.parametrize("counts, words", [
    ({"train": {"a": 1, "b": 1}, "test": {"a": 1}}, ["test", "b"]),       # report 19
    ({"train": {"a": 1}, "test": {"a": 1, "b": 1}}, ["test", "b"]),
    ({"train": {"a": 1, "b": 0}, "test": {"a": 1, "b": 1}}, ["train/b", "no pictures"]),
    ({"train": {}, "test": {}}, ["train", "test"]),
    ({"train": {"a": 1}}, ["train and test"]),
])
def test_report_19_a_data_set_with_a_hole_is_one_clear_error(picture_folders, tmp_path, counts, words):
    root = tmp_path / "pictures"
    root.mkdir()
    picture_folders(counts)
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.load_image_folders(root)
    assert str(root) in str(error.value)
    assert all(word in str(error.value) for word in words)


def test_report_20_every_bad_picture_is_named_before_training(picture_folders):
    root = picture_folders()
    (root / "train/a/empty.jpg").write_bytes(b"")
    (root / "train/b/page.jpg").write_text("<html>403 Forbidden</html>")
    whole = (root / "train/a/0.png").read_bytes()
    (root / "train/b/cut.png").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.load_image_folders(root)
    assert all(name in str(error.value) for name in ("empty.jpg", "page.jpg", "cut.png"))
    assert "3 of 15" in str(error.value)


def test_a_zip_is_unpacked_once_and_gives_the_folders_pictures(picture_folders, tmp_path):
    root = picture_folders()
    archive = zip_of(root, tmp_path / "photos.zip")
    first, _ = hotdog_ft.load_image_folders(archive)
    assert first.sha256() == hotdog_ft.load_image_folders(root)[0].sha256()
    marker = first.root / "kept"
    marker.touch()
    hotdog_ft.load_image_folders(archive)
    assert marker.exists()  # not unpacked again


@pytest.mark.parametrize("make", [lambda p: p.write_text("<html>"), lambda p: None])
def test_what_is_no_archive_and_no_folder_is_named(tmp_path, make):
    path = tmp_path / "hotdog.zip"
    make(path)
    with pytest.raises(hotdog_ft.DataError, match="hotdog.zip"):
        hotdog_ft.load_image_folders(path)


def test_the_sha256_follows_content_and_names(picture_folders, tmp_path):
    before = hotdog_ft.ImageFolder(picture_folders() / "train").sha256()
    again = hotdog_ft.ImageFolder(picture_folders(root=tmp_path / "elsewhere") / "train").sha256()
    assert before == again
    path = tmp_path / "elsewhere/train/a/0.png"
    path.rename(path.with_name("00.png"))
    assert hotdog_ft.ImageFolder(tmp_path / "elsewhere/train").sha256() != before


class TestBatchLoader:
    def loader(self, picture_folders, batch_size, augs=None, shuffle=False):
        images = hotdog_ft.ImageFolder(picture_folders() / "train")
        return hotdog_ft.BatchLoader(images, augs or hotdog_ft.TestAugs(32), batch_size, shuffle)

    @pytest.mark.parametrize("batch_size, sizes", [(5, [5, 5, 2]), (12, [12]), (100, [12]), (1, [1] * 12)])
    def test_every_picture_comes_once_and_the_last_batch_may_be_short(
            self, picture_folders, batch_size, sizes):
        loader = self.loader(picture_folders, batch_size, shuffle=True)
        batches = list(loader)
        assert [len(y) for _, y in batches] == sizes and len(loader) == len(sizes)
        assert sorted(np.concatenate([y for _, y in batches])) == [0] * 6 + [1] * 6
        assert batches[0][0].shape[1:] == (3, 32, 32) and batches[0][0].dtype == np.float32

    def test_report_9_an_epoch_follows_from_the_seed_whatever_the_threads(self, picture_folders, monkeypatch):
        loader = self.loader(picture_folders, 5, hotdog_ft.TrainAugs(32), shuffle=True)

        def epoch(workers):
            monkeypatch.setattr(data, "WORKERS", workers)
            hotdog_ft.seed_everything(1)
            return list(loader)

        for (X, y), (X_again, y_again) in zip(epoch(1), epoch(4)):
            np.testing.assert_array_equal(X, X_again)
            np.testing.assert_array_equal(y, y_again)
        first, second = epoch(1), list(loader)  # the next epoch differs
        assert any(not np.array_equal(a[0], b[0]) for a, b in zip(first, second))

    def test_the_memory_for_decoded_pictures_has_a_limit(self, picture_folders, monkeypatch):
        size = 40 * 48 * 3
        monkeypatch.setattr(data, "CACHE_BYTES", 3 * size)
        images = hotdog_ft.ImageFolder(picture_folders() / "train").check()
        assert sum(picture.nbytes for picture in images._decoded.values()) == 3 * size
        assert images[11][0].shape == (40, 48, 3)

    def test_a_batch_size_below_one_is_an_error(self, picture_folders):
        with pytest.raises(ValueError, match="at least 1"):
            self.loader(picture_folders, 0)

"""Odd picture files: the good ones become RGB, the bad ones are named before training."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from conftest import run_python
from picture_zoo import BAD, GOOD, GREEN
from PIL import Image

import hotdog_ft
from hotdog_ft.augment import TestAugs, TrainAugs
from hotdog_ft.loader import BatchLoader
from hotdog_ft.picture import read_picture


@pytest.fixture
def class_folder(tmp_path):
    """An empty folder for class a's training pictures; all else is there."""
    for place in ("train/a", "train/b", "test/a", "test/b"):
        (tmp_path / "pictures" / place).mkdir(parents=True)
        if place != "train/a":
            (tmp_path / "pictures" / place / "1.png").write_bytes(GOOD["plain.png"][0])
    return tmp_path / "pictures/train/a"


@pytest.mark.parametrize("name", GOOD)
def test_report_21_a_good_picture_is_read_as_a_viewer_shows_it(class_folder, name):
    content, size, colour = GOOD[name]
    (class_folder / name).write_bytes(content)
    pixels = read_picture(class_folder / name)
    assert pixels.dtype == np.uint8 and pixels.shape == (*size, 3)
    if colour:  # JPEG and the detour over other colour spaces cost a few levels
        assert np.abs(pixels.astype(int) - colour).max() <= 4
    else:  # colours of a palette or of lossy compression
        assert np.abs(pixels.reshape(-1, 3).mean(0) - GREEN).max() <= 30
    train_imgs, _ = hotdog_ft.load_image_folders(class_folder.parents[1])
    assert np.array_equal(train_imgs[0][0], pixels)
    for augs in (TrainAugs(32), TestAugs(32)):
        X, _ = next(iter(BatchLoader(train_imgs, augs, 1)))
        assert X.shape == (1, 3, 32, 32) and np.isfinite(X).all()


def test_report_20_every_bad_picture_is_named_before_training_and_no_good_one(class_folder):
    for name, content in {**{name: good[0] for name, good in GOOD.items()}, **BAD}.items():
        (class_folder / name).write_bytes(content)
    (class_folder / "to-itself.png").symlink_to(class_folder / "to-itself.png")
    (class_folder / "to-nothing.png").symlink_to(class_folder / "absent.png")
    (class_folder / "round-and-round").symlink_to(class_folder, target_is_directory=True)
    (class_folder / "folder.jpg").mkdir()
    os.mkfifo(class_folder / "pipe.png")
    bad = {*BAD, "to-itself.png", "to-nothing.png", "pipe.png"} - {"text.txt", "vector.svg"}
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.load_image_folders(class_folder.parents[1])
    message = str(error.value).splitlines()
    others = 3  # the pictures of the other folders
    assert f"{len(bad)} of {len(GOOD) + len(bad) + others} pictures are bad" in message[0]
    named = {line.split(" cannot be read")[0].rsplit("/", 1)[-1] for line in message[1:]}
    assert named == bad


def test_report_18_hidden_entries_are_ignored_even_when_broken(class_folder):
    (class_folder / "1.png").write_bytes(GOOD["plain.png"][0])
    (class_folder / ".DS_Store").write_bytes(b"x")
    (class_folder / "._1.png").write_bytes(b"x")
    (class_folder.parent / ".ipynb_checkpoints").mkdir()
    train_imgs, _ = hotdog_ft.load_image_folders(class_folder.parents[1])
    assert len(train_imgs) == 2 and train_imgs.classes == ["a", "b"]


@pytest.mark.parametrize("locked", ["train/a/1.png", "train/a"])
def test_what_may_not_be_read_is_named(locked):
    with tempfile.TemporaryDirectory() as root:  # pytest's own folders are closed to other users
        os.chmod(root, 0o755)
        for split in ("train", "test"):
            for name in ("a", "b"):
                Path(root, split, name).mkdir(parents=True)
                Path(root, split, name, "1.png").write_bytes(GOOD["plain.png"][0])
        Path(root, locked).chmod(0)
        # reading one picture first loads all that Pillow needs, while that is allowed
        code = """
import os, sys, hotdog_ft
from hotdog_ft.picture import read_picture
read_picture(sys.argv[1] + '/test/a/1.png')
os.getuid() or os.setuid(65534)
try:
    hotdog_ft.load_image_folders(sys.argv[1])
except hotdog_ft.DataError as error:
    print(error)
"""
        done = run_python(code, root)
        Path(root, locked).chmod(0o755)
    assert str(Path(root, locked)) in done.stdout and "Permission denied" in done.stdout, (
        done.stderr
    )


def test_report_21_exif_turns_the_picture(tmp_path):
    pixels = np.zeros((4, 8, 3), "uint8")
    pixels[:, :4] = 255  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # EXIF 2.3, tag Orientation: turn clockwise to look at it
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    picture = read_picture(tmp_path / "turned.png")
    assert picture.shape == (8, 4, 3)
    assert picture[:4].min() == 255 and picture[4:].max() == 0  # the left went to the top


class TestLargeJpegs:
    """A camera's JPEG is decoded at a fraction of its size, and the network sees the same in it."""

    def write(self, path, width, height, **options):
        # far larger shapes than a pixel of the network's input: two ways to shrink them agree
        coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype="uint8")
        Image.fromarray(coarse).resize((width, height), Image.BICUBIC).save(
            path, quality=95, **options
        )
        return path

    # JPEG allows 1/2, 1/4 and 1/8; the short side stays at 512 or more
    @pytest.mark.parametrize(
        "width, height, expected",
        [
            (1600, 1023, (1023, 1600)),
            (1600, 1024, (512, 800)),
            (4000, 3000, (750, 1000)),
            (5000, 4400, (550, 625)),
        ],
    )
    def test_the_short_side_keeps_512_pixels(self, width, height, expected, tmp_path):
        path = self.write(tmp_path / "photo.jpg", width, height)
        assert read_picture(path).shape[:2] == expected

    def test_the_network_sees_what_it_would_see_at_full_size(self, tmp_path):
        path = self.write(tmp_path / "photo.jpg", 2400, 1800)
        augs = TestAugs(224)
        whole = augs(np.asarray(Image.open(path)))
        # two steps of 1/255 over the smallest std
        assert np.abs(augs(read_picture(path)) - whole).max() <= 2.01 / 255 / 0.224

    def test_it_is_turned_upright_too(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6  # a quarter turn
        path = self.write(tmp_path / "photo.jpg", 2400, 1800, exif=exif)
        assert read_picture(path).shape == (1200, 900, 3)

    @pytest.mark.parametrize("mode", ["L", "CMYK"])
    def test_other_colours_too(self, mode, tmp_path):
        path = self.write(tmp_path / "rgb.jpg", 2400, 1800)
        other = tmp_path / "other.jpg"
        Image.open(path).convert(mode).save(other, quality=95)
        assert read_picture(other).shape == (900, 1200, 3)

    def test_a_truncated_one_is_still_bad(self, tmp_path):
        path = self.write(tmp_path / "photo.jpg", 2400, 1800)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(hotdog_ft.DataError, match=r"photo\.jpg"):
            read_picture(path)

"""A zoo of odd picture files: the good ones become RGB, the bad ones are named before training."""

import io
import os
import struct
import tempfile
import zlib
from pathlib import Path

import hotdog_ft
import numpy as np
import pytest
from conftest import run_python
from hotdog_ft import data
from PIL import Image

GREEN = (40, 200, 80)


def picture(mode="RGB", size=(30, 20), colour=GREEN):
    return Image.new("RGB", size, colour).convert(mode)


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation  # EXIF 2.3, tag Orientation
    return saved(picture(), "JPEG", exif=exif, quality=95)


def grey16(value):
    return saved(Image.fromarray(np.full((20, 30), value, "uint16")), "PNG")


def rgb16_png():
    """A PNG of 16 bits a channel, which Pillow reads and cannot write (PNG, section 11.2)."""
    def chunk(kind, content):
        return (struct.pack(">I", len(content)) + kind + content
                + struct.pack(">I", zlib.crc32(kind + content)))
    rows = (b"\0" + struct.pack(">3H", *(value * 257 for value in GREEN)) * 30) * 20
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 30, 20, 16, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def animated(format):
    frames = [picture(), picture(colour=(250, 0, 0))]
    return saved(frames[0], format, save_all=True, append_images=frames[1:], duration=100)


def see_through(mode):
    """Nothing but transparent pixels, whose hidden colour is black."""
    image = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    return saved(image if mode == "RGBA" else image.convert(mode), "PNG")


def palette_with_transparency():
    image = Image.new("P", (30, 20), 0)
    image.putpalette([0, 0, 0] * 256)
    return saved(image, "PNG", transparency=0)


WHITE = (255, 255, 255)
GREY = (138, 138, 138)  # ITU-R 601: 0.299 * 40 + 0.587 * 200 + 0.114 * 80 = 138.5
# name: content, (height, width), colour that a viewer shows
GOOD = {
    "plain.png": (saved(picture(), "PNG"), (20, 30), GREEN),
    "plain.jpg": (saved(picture(), "JPEG", quality=95), (20, 30), GREEN),
    "progressive.jpg": (saved(picture(), "JPEG", quality=95, progressive=True), (20, 30), GREEN),
    "plain.webp": (saved(picture(), "WEBP", lossless=True), (20, 30), GREEN),
    "plain.bmp": (saved(picture(), "BMP"), (20, 30), GREEN),
    "plain.tiff": (saved(picture(), "TIFF"), (20, 30), GREEN),
    "plain.ppm": (saved(picture(), "PPM"), (20, 30), GREEN),
    "one-bit.png": (saved(picture("L", colour=WHITE).convert("1"), "PNG"), (20, 30), WHITE),
    "grey.png": (saved(picture("L"), "PNG"), (20, 30), GREY),
    "grey.jpg": (saved(picture("L"), "JPEG", quality=95), (20, 30), GREY),
    "grey-16-bit.png": (grey16(100 * 257), (20, 30), (100, 100, 100)),
    "colour-16-bit.png": (rgb16_png(), (20, 30), GREEN),
    "palette.png": (saved(picture("P"), "PNG"), (20, 30), None),
    "palette.gif": (saved(picture(), "GIF"), (20, 30), GREEN),
    "opaque.png": (saved(picture("RGBA"), "PNG"), (20, 30), GREEN),
    "see-through.png": (see_through("RGBA"), (20, 30), WHITE),
    "see-through-grey.png": (see_through("LA"), (20, 30), WHITE),
    "see-through-palette.png": (palette_with_transparency(), (20, 30), WHITE),
    "cmyk.jpg": (saved(picture("CMYK"), "JPEG", quality=95), (20, 30), GREEN),
    "cmyk.tiff": (saved(picture("CMYK"), "TIFF"), (20, 30), GREEN),
    "ycbcr.jpg": (saved(picture("YCbCr"), "JPEG", quality=95), (20, 30), GREEN),
    "first-frame.gif": (animated("GIF"), (20, 30), GREEN),
    "first-frame.webp": (animated("WEBP"), (20, 30), None),
    "first-frame.png": (animated("PNG"), (20, 30), GREEN),
    **{f"turned-{n}.jpg": (turned(n), (20, 30) if n < 5 else (30, 20), GREEN) for n in range(1, 9)},
    "one-pixel.png": (saved(picture(size=(1, 1)), "PNG"), (1, 1), GREEN),
    "tall.png": (saved(picture(size=(1, 3000)), "PNG"), (3000, 1), GREEN),
    "wide.png": (saved(picture(size=(3000, 1)), "PNG"), (1, 3000), GREEN),
    "a-png-named.jpg": (saved(picture(), "PNG"), (20, 30), GREEN),
    "SHOUTED.JPG": (saved(picture(), "JPEG", quality=95), (20, 30), GREEN),
    "no-suffix": (saved(picture(), "PNG"), (20, 30), GREEN),
    "with space.png": (saved(picture(), "PNG"), (20, 30), GREEN),
    "bánh mì 热狗 🌭.png": (saved(picture(), "PNG"), (20, 30), GREEN),
}


def huge_png():
    """12,000 x 12,000 pixels declared in 33 bytes of header, and a few hundred bytes of file."""
    whole = bytearray(saved(picture("1"), "PNG"))
    whole[16:24] = struct.pack(">II", 12_000, 12_000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    return bytes(whole)


JPEG = saved(Image.effect_noise((64, 64), 90).convert("RGB"), "JPEG")
PNG = saved(Image.effect_noise((64, 64), 90).convert("RGB"), "PNG")
BAD = {
    "empty.jpg": b"",
    "page.jpg": b"<html><body>403 Forbidden</body></html>",
    "text.txt": b"not a picture",
    "vector.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "huge.png": huge_png(),
    "only-the-start.jpg": JPEG[:2],
    "header-only.png": PNG[:8],
    "float.tiff": saved(Image.new("F", (30, 20), 0.5), "TIFF"),
    **{f"cut-at-{share}.jpg": JPEG[:int(len(JPEG) * share)] for share in (0.1, 0.5, 0.9)},
    **{f"cut-at-{share}.png": PNG[:int(len(PNG) * share)] for share in (0.1, 0.5, 0.9)},
}


@pytest.fixture
def class_folder(tmp_path):
    folder = tmp_path / "pictures/train/a"
    folder.mkdir(parents=True)
    (tmp_path / "pictures/test/a").mkdir(parents=True)
    (tmp_path / "pictures/test/a/1.png").write_bytes(GOOD["plain.png"][0])
    return folder


@pytest.mark.parametrize("name", GOOD)
def test_report_21_a_good_picture_is_read_as_a_viewer_shows_it(class_folder, name):
    content, size, colour = GOOD[name]
    (class_folder / name).write_bytes(content)
    pixels = data.read_picture(class_folder / name)
    assert pixels.dtype == np.uint8 and pixels.shape == (*size, 3)
    if colour:  # JPEG and the detour over other colour spaces cost a few levels
        assert np.abs(pixels.astype(int) - colour).max() <= 4
    else:  # colours of a palette or of lossy compression
        assert np.abs(pixels.reshape(-1, 3).mean(0) - GREEN).max() <= 30
    train_imgs, test_imgs = hotdog_ft.load_image_folders(class_folder.parents[1])
    assert np.array_equal(train_imgs[0][0], pixels)
    for augs in (hotdog_ft.TrainAugs(32), hotdog_ft.TestAugs(32)):
        X, _ = next(iter(hotdog_ft.BatchLoader(train_imgs, augs, 1)))
        assert X.shape == (1, 3, 32, 32) and np.isfinite(X).all()


def test_report_20_every_bad_picture_is_named_before_training_and_no_good_one(class_folder):
    for name, content in {**{name: good[0] for name, good in GOOD.items()}, **BAD}.items():
        (class_folder / name).write_bytes(content)
    (class_folder / "to-itself.png").symlink_to(class_folder / "to-itself.png")
    (class_folder / "to-nothing.png").symlink_to(class_folder / "absent.png")
    (class_folder / "round-and-round").symlink_to(class_folder, target_is_directory=True)
    (class_folder / "folder.jpg").mkdir()
    os.mkfifo(class_folder / "pipe.png")
    more = ["to-itself.png", "to-nothing.png", "round-and-round", "folder.jpg", "pipe.png"]
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.load_image_folders(class_folder.parents[1])
    message = str(error.value).splitlines()
    assert f"{len(BAD) + len(more)} of {len(GOOD) + len(BAD) + len(more)} pictures are bad" in message[0]
    named = {line.split(" cannot be read")[0].rsplit("/", 1)[-1] for line in message[1:]}
    assert named == {*BAD, *more}


def test_report_18_hidden_entries_are_ignored_even_when_broken(class_folder):
    (class_folder / "1.png").write_bytes(GOOD["plain.png"][0])
    (class_folder / ".DS_Store").write_bytes(b"x")
    (class_folder / "._1.png").write_bytes(b"x")
    (class_folder.parent / ".ipynb_checkpoints").mkdir()
    train_imgs, _ = hotdog_ft.load_image_folders(class_folder.parents[1])
    assert len(train_imgs) == 1 and train_imgs.classes == ["a"]


@pytest.mark.parametrize("locked", ["train/a/1.png", "train/a"])
def test_what_may_not_be_read_is_named(locked):
    with tempfile.TemporaryDirectory() as root:  # pytest's own folders are closed to other users
        os.chmod(root, 0o755)
        for split in ("train", "test"):
            Path(root, split, "a").mkdir(parents=True)
            Path(root, split, "a/1.png").write_bytes(GOOD["plain.png"][0])
        Path(root, locked).chmod(0)
        done = run_python("import os, sys, hotdog_ft; hotdog_ft.data.read_picture(sys.argv[1] + '/test/a/1.png')\n"
                          "os.getuid() or os.setuid(65534)\n"
                          "try:\n    hotdog_ft.load_image_folders(sys.argv[1])\n"
                          "except hotdog_ft.DataError as error:\n    print(error)", root)
        Path(root, locked).chmod(0o755)
    assert str(Path(root, locked)) in done.stdout and "Permission denied" in done.stdout, done.stderr


def test_report_21_exif_turns_the_picture(tmp_path):
    pixels = np.zeros((4, 8, 3), "uint8")
    pixels[:, :4] = 255  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # EXIF 2.3, tag Orientation: turn clockwise to look at it
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    picture = data.read_picture(tmp_path / "turned.png")
    assert picture.shape == (8, 4, 3)
    assert picture[:4].min() == 255 and picture[4:].max() == 0  # the left went to the top


class TestLargeJpegs:
    """A camera's JPEG is decoded at a fraction of its size, and the network sees the same in it."""

    def write(self, path, width, height, **options):
        # shapes far larger than a pixel of the network's input, so that two ways to shrink them agree
        coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype="uint8")
        Image.fromarray(coarse).resize((width, height), Image.BICUBIC).save(path, quality=95, **options)
        return path

    # JPEG allows 1/2, 1/4 and 1/8; the short side stays at 512 or more
    @pytest.mark.parametrize("width, height, expected", [
        (1600, 1023, (1023, 1600)), (1600, 1024, (512, 800)), (4000, 3000, (750, 1000)), (5000, 4400, (550, 625))])
    def test_the_short_side_keeps_512_pixels(self, width, height, expected, tmp_path):
        path = self.write(tmp_path / "photo.jpg", width, height)
        assert data.read_picture(path).shape[:2] == expected

    def test_the_network_sees_what_it_would_see_at_full_size(self, tmp_path):
        path = self.write(tmp_path / "photo.jpg", 2400, 1800)
        augs = hotdog_ft.TestAugs(224)
        whole = augs(np.asarray(Image.open(path)))
        # two steps of 1/255 over the smallest sd
        assert np.abs(augs(data.read_picture(path)) - whole).max() <= 2.01 / 255 / 0.224

    def test_it_is_turned_upright_too(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6  # a quarter turn
        path = self.write(tmp_path / "photo.jpg", 2400, 1800, exif=exif)
        assert data.read_picture(path).shape == (1200, 900, 3)

    @pytest.mark.parametrize("mode", ["L", "CMYK"])
    def test_other_colours_too(self, mode, tmp_path):
        path = self.write(tmp_path / "rgb.jpg", 2400, 1800)
        other = tmp_path / "other.jpg"
        Image.open(path).convert(mode).save(other, quality=95)
        assert data.read_picture(other).shape == (900, 1200, 3)

    def test_a_truncated_one_is_still_bad(self, tmp_path):
        path = self.write(tmp_path / "photo.jpg", 2400, 1800)
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
        with pytest.raises(hotdog_ft.DataError, match="photo.jpg"):
            data.read_picture(path)

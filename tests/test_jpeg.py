"""JPEG files go around Pillow where they can: pixels, and what is said of a bad one, are its."""

import io

import numpy as np
import pytest
from conftest import run_python
from picture_zoo import BAD, GOOD
from PIL import Image, ImageCms

from hotdog_ft import picture
from hotdog_ft.files import DataError
from hotdog_ft.picture import read_picture

pytest.importorskip("simplejpeg", reason="has no wheel for this Python")


def scene(width, height):
    """Edges, gradients and noise, so that no two ways of decoding agree by chance."""
    rng = np.random.default_rng(width)
    y, x = np.mgrid[:61, :97]
    waves = [127 * (1 + np.sin(x / (5 + i) + y * i / 11)) for i in range(3)]
    tile = np.stack(waves, axis=-1) + rng.normal(0, 12, (61, 97, 3))
    tile = np.tile(tile.clip(0, 255).astype("uint8"), (-(-height // 61), -(-width // 97), 1))
    pixels = np.ascontiguousarray(tile[:height, :width])
    pixels[height // 3 : height // 2, : width // 2] = (250, 20, 60)
    return Image.fromarray(pixels)


def jpeg(width=97, height=61, **options):
    file = io.BytesIO()
    scene(width, height).save(file, "JPEG", **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return jpeg(exif=exif)


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
FILES = {
    **{f"{kind} chroma": jpeg(subsampling=kind) for kind in ("4:4:4", "4:2:2", "4:2:0", "4:1:1")},
    **{f"quality {quality}": jpeg(quality=quality) for quality in (1, 30, 75, 100)},
    **{f"turned {way}": turned(way) for way in range(1, 9)},
    **{f"{w} x {h}": jpeg(w, h) for w, h in ((1, 1), (8, 9), (1023, 511), (1024, 1024))},
    # from 1,024 pixels on the short side a half is decoded, from 2,048 a quarter, from 4,096 an 8th
    **{
        f"{w} x {h}": jpeg(w, h)
        for w, h in ((1025, 1031), (3001, 1023), (2051, 2049), (4097, 4101))
    },
    "progressive": jpeg(progressive=True),
    "progressive, large": jpeg(1501, 1203, progressive=True),
    "restart markers": jpeg(restart_marker_blocks=2),
    "a profile that is no RGB's": jpeg(icc_profile=PROFILE),
    "something behind it": jpeg() + b"more",
    **{name: content for name, (content, *_) in GOOD.items() if name.endswith((".jpg", ".jpeg"))},
}


def read(content):
    """The pixels, or what is wrong."""
    try:
        return read_picture(io.BytesIO(content))
    except DataError as error:
        return str(error)


def by_pillow(content, monkeypatch):
    with monkeypatch.context() as without:
        without.setattr(picture, "decode_jpeg", None)
        return read(content)


def same(one, other):
    return type(one) is type(other) and np.array_equal(one, other)


@pytest.mark.parametrize("name", FILES)
def test_the_pixels_are_those_of_pillow(name, monkeypatch):
    assert same(read(FILES[name]), by_pillow(FILES[name], monkeypatch))


def test_what_is_said_of_a_bad_file_is_what_pillow_says(monkeypatch):
    bad = [content for name, content in BAD.items() if content[:2] == b"\xff\xd8"]
    whole = jpeg(restart_marker_blocks=3)
    bad += [whole[: len(whole) * part // 20] for part in range(1, 20)]
    rng = np.random.default_rng(0)
    for _ in range(200):  # some of these a viewer still shows
        content = np.frombuffer(whole, "uint8").copy()
        content[rng.integers(2, len(content), 3)] = rng.integers(0, 256, 3)
        bad.append(content.tobytes())
    for content in bad:
        assert same(read(content), by_pillow(content, monkeypatch))


def test_the_limit_of_pixels_holds(monkeypatch):
    large, progressive = jpeg(3001, 2101), jpeg(3001, 2101, progressive=True)
    # a quarter of 3,001 x 2,101 is decoded; the limit is on that, doubled for a progressive whole
    assert isinstance(read(large), np.ndarray)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 751 * 526 - 1)
    for content in (large, progressive):
        assert "6,305,101 pixels" in read(content)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 751 * 526)
    assert read(large).shape == (526, 751, 3)
    assert "6,305,101 pixels" in read(progressive)


def test_without_simplejpeg_pillow_does_it_all(tmp_path):
    (tmp_path / "a.jpg").write_bytes(FILES["turned 6"])
    code = """
import sys
sys.modules["simplejpeg"] = None  # as where it is not installed
import numpy, hotdog_ft.picture
numpy.save("a.npy", hotdog_ft.picture.read_picture("a.jpg"))
"""
    done = run_python(code, cwd=tmp_path)
    assert same(np.load(tmp_path / "a.npy"), read(FILES["turned 6"])), done.stderr

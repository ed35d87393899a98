"""Colour profiles: a picture looks as on a screen."""

import io
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms

from hotdog_ft.picture import from_image, read_picture

# x and y of red, green and blue: SMPTE EG 432-1, Adobe RGB (1998), IEC 61966-2-1
P3 = [(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)]
ADOBE = [(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)]
SRGB = [(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)]
D65, D50 = (0.3127, 0.3290), np.array([0.9642, 1, 0.8249])


def xyz(x, y):
    return np.array([x / y, 1, (1 - x - y) / y])


def to_xyz(primaries):
    """The matrix from linear RGB to XYZ under D65: white is the sum of the three colours."""
    columns = np.stack([xyz(*primary) for primary in primaries], axis=1)
    return columns * np.linalg.solve(columns, xyz(*D65))


BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
TO_D50 = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ xyz(*D65))) @ BRADFORD


def srgb_to_linear(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(v):
    v = v.clip(0, 1)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)


def adobe_to_linear(v):
    return v ** (563 / 256)


def numbers(values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def profile(primaries, to_linear, first=b""):
    """An ICC profile (ICC.1:2001-04): three colours under D50, or grey, and one curve.

    What is ``first`` stands before all else.
    """
    curve = np.rint(to_linear(np.linspace(0, 1, 1024)) * 65535).astype(int)
    curve = b"curv" + bytes(4) + struct.pack(">I1024H", 1024, *curve)
    tags = {b"some": first, b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"a\0" + bytes(78)}
    tags[b"wtpt"] = b"XYZ " + bytes(4) + numbers(D50)
    tags[b"cprt"] = b"text" + bytes(4) + b"none\0"
    if primaries is None:
        tags[b"kTRC"] = curve
    else:  # adapted to D50 by Bradford's matrix
        for name, column in zip("rgb", (TO_D50 @ to_xyz(primaries)).T):
            tags[f"{name}XYZ".encode()] = b"XYZ " + bytes(4) + numbers(column)
            tags[f"{name}TRC".encode()] = curve
    return icc(b"mntr" + (b"RGB " if primaries else b"GRAY") + b"XYZ ", tags)


def icc(kind, tags):
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI", at + len(body), b"none", 0x02100000) + kind
    head += bytes(12) + b"acsp" + bytes(28) + numbers(D50) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def inks(cyan, magenta, yellow, black):
    """L, a and b in 8 bits of ICC.1, of inks that are there or not."""
    if black:
        return np.array([0, 128, 128])
    ink = cyan * np.array([-60, -40, -40]) + magenta * np.array([-70, 50, 0])
    return np.array([255, 128, 128]) + ink + yellow * np.array([-10, 0, 60])


DISPLAY_P3, ADOBE_RGB = profile(P3, srgb_to_linear), profile(ADOBE, adobe_to_linear)
GREY_18 = profile(None, lambda v: v**1.8)
COLOURS = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype="uint8")


def saved(pixels, profile, format="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, icc_profile=profile, **options)
    return file


def shown(primaries, to_linear):
    matrix = np.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)
    return np.rint(255 * linear_to_srgb(to_linear(COLOURS / 255) @ matrix.T))


@pytest.mark.filterwarnings("error::DeprecationWarning")
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    "primaries, to_linear", [(P3, srgb_to_linear), (ADOBE, adobe_to_linear)], ids=["P3", "Adobe"]
)
def test_report_76_wide_colours_are_shown_as_the_published_matrices_say(
    primaries, to_linear, format
):
    options = {"lossless": True} if format == "WEBP" else {}
    file = saved(COLOURS, profile(primaries, to_linear), format, **options)
    expected = shown(primaries, to_linear)
    assert np.abs(expected - COLOURS).max() > 50  # there is something to see
    assert np.abs(read_picture(file) - expected).max() <= 1
    with Image.open(file) as image:
        assert np.abs(from_image(image) - expected).max() <= 1
        assert np.array_equal(np.asarray(image), COLOURS)  # the caller's image is as it was


def test_report_76_also_in_a_jpeg_in_which_the_profile_comes_in_parts():
    plain = read_picture(saved(COLOURS, None, "JPEG", quality=95)).astype(int)
    long = profile(P3, srgb_to_linear, bytes(70_000))  # more than a segment of JPEG holds
    pixels = read_picture(saved(COLOURS, long, "JPEG", quality=95))
    matrix = np.linalg.inv(to_xyz(SRGB)) @ to_xyz(P3)
    expected = 255 * linear_to_srgb(srgb_to_linear(plain / 255) @ matrix.T)
    assert np.abs(pixels - expected).max() <= 1


def test_report_76_grey_transparent_and_16_bit_pictures_have_profiles_too():
    grey = COLOURS[..., 0]
    expected = 255 * linear_to_srgb((grey / 255) ** 1.8)
    for pixels in (grey, grey.astype("uint16") * 257, np.stack([grey, grey * 0 + 255], axis=2)):
        read = read_picture(saved(pixels, GREY_18))
        assert np.abs(read - expected[..., None]).max() <= 1.5  # LittleCMS rounds its tables
    half = np.concatenate([COLOURS, np.full((40, 50, 1), 255, "uint8")], axis=2)
    half[:, :20, 3] = 0
    read = read_picture(saved(half, DISPLAY_P3))
    assert (read[:, :20] == 255).all()
    assert np.abs(read[:, 20:] - shown(P3, srgb_to_linear)[:, 20:]).max() <= 1


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_report_76_inks_look_as_their_profile_says(format):
    """CIE 1976 L*a*b* under D50, through Bradford's matrix to sRGB."""
    all_inks = [inks(*(n >> shift & 1 for shift in (3, 2, 1, 0))) for n in range(16)]
    ramp = bytes(range(256))
    table = b"mft1" + bytes(4) + b"\4\3\2\0" + numbers([1, 0, 0, 0, 1, 0, 0, 0, 1])
    table += ramp * 4 + np.array(all_inks, "uint8").tobytes() + ramp * 3
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"a\0" + bytes(78)}
    tags = {**tags, b"wtpt": b"XYZ " + bytes(4) + numbers(D50), b"A2B0": table}
    used = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    image = Image.fromarray(np.array([used], "uint8") * 255, "CMYK").resize((80, 16), Image.NEAREST)
    file = io.BytesIO()
    options = {"quality": 100, "subsampling": 0} if format == "JPEG" else {}
    image.save(file, format, icc_profile=icc(b"prtrCMYKLab ", tags), **options)
    lightness, a, b = (np.array([inks(*ink) for ink in used]) - [0, 128, 128]).T
    f = (lightness * 100 / 255 + 16) / 116
    f = np.stack([f + a / 500, f, f - b / 200], axis=1)
    seen = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D50
    linear = seen @ (np.linalg.inv(to_xyz(SRGB)) @ np.linalg.inv(TO_D50)).T
    assert np.abs(read_picture(file)[8, 8::16] - 255 * linear_to_srgb(linear)).max() <= 2


@pytest.mark.parametrize(
    "other",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        profile(SRGB, srgb_to_linear),
        profile(SRGB, lambda v: srgb_to_linear((v + 0.003).clip(0, 1))),
        DISPLAY_P3[:200],
        b"no profile",
        GREY_18,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    ],
    ids=[
        "sRGB",
        "sRGB by its numbers",
        "sRGB but for a level",
        "cut off",
        "garbage",
        "grey",
        "another space",
    ],
)
def test_a_profile_that_is_srgb_or_does_not_fit_changes_not_one_bit(other):
    assert np.array_equal(read_picture(saved(COLOURS, other)), COLOURS)
    for mode in ("CMYK", "L"):
        image = Image.fromarray(COLOURS).convert(mode)
        file = io.BytesIO()
        image.save(file, "TIFF", icc_profile=ADOBE_RGB)
        assert np.array_equal(read_picture(file), np.asarray(image.convert("RGB")))


def test_many_threads_see_the_same_colours():
    """Two threads decode at once, and LittleCMS's transforms are shared."""
    files = [saved(COLOURS, p) for p in (DISPLAY_P3, ADOBE_RGB, profile(P3, lambda v: v**1.5))]
    alone = [read_picture(file).tobytes() for file in files]
    contents = [file.getvalue() for file in files]
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda i: read_picture(io.BytesIO(contents[i % 3])), range(300)))
    assert all(pixels.tobytes() == alone[i % 3] for i, pixels in enumerate(read))

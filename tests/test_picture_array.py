"""Arrays and Pillow images as pictures: the right pixels, or one sentence."""

import io

import numpy as np
import pytest
from picture_zoo import GOOD, GREEN, JPEG, picture, saved
from PIL import Image

import hotdog_ft  # before MXNet
from hotdog_ft.picture import from_array, from_image, read_picture

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype="uint8")
GREY = RGB[..., 0]
BIT = GREY > 127


@pytest.mark.parametrize(
    "array, expected",
    {
        "as it is": (RGB, RGB),
        "grey": (GREY, GREY),
        "grey of one channel": (GREY[..., None], GREY),
        "channels first": (RGB.transpose(2, 0, 1), RGB),
        "grey, channel first": (GREY[None], GREY),
        "a view": (RGB[::-1, ::2], RGB[::-1, ::2]),
        "bool": (BIT, BIT * 255),
        "int64": (RGB.astype("int64"), RGB),
        "uint16": (RGB.astype("uint16") * 257, RGB),
        "float64": (RGB / 255, RGB),
        "float32": ((RGB / 255).astype("float32"), RGB),
        "float16": ((RGB / 255).astype("float16"), RGB),
        "float32, channels first": ((RGB / 255).astype("float32").transpose(2, 0, 1), RGB),
        "at the end of its range": (np.ones((5, 7)) * (1 + 0.5 / 255), GREY * 0 + 255),
        "overshot by resizing": (RGB / 255 * 1.001 - 0.0005, RGB),
        "big-endian": ((RGB.astype("u2") * 257).astype(">u2"), RGB),
        "a list": (GREY.tolist(), GREY),
        "one pixel high": (RGB[:1], RGB[:1]),
        "one pixel": (RGB[:1, :1], RGB[:1, :1]),
    }.values(),
)
def test_reports_43_and_51_an_array_is_the_picture_it_holds(array, expected):
    pixels = from_array(array)
    assert pixels.dtype == np.uint8 and pixels.shape == (*np.shape(expected)[:2], 3)
    expected = np.asarray(expected) if np.ndim(expected) == 3 else np.stack([expected] * 3, axis=2)
    assert np.array_equal(pixels, expected)


def test_report_43_arrays_of_other_libraries():
    import mxnet as mx

    class Tensor:  # as PyTorch's: NumPy may read it
        def __array__(self, dtype=None, copy=None):
            return RGB / 255

    assert np.array_equal(from_array(mx.nd.array(RGB, dtype="uint8")), RGB)
    assert np.array_equal(from_array(mx.nd.array(RGB.transpose(2, 0, 1) / 255)), RGB)
    assert np.array_equal(from_array(Tensor()), RGB)
    assert from_array(RGB) is RGB


@pytest.mark.parametrize("channels_first", [False, True])
def test_report_43_what_is_transparent_in_an_array_lies_on_white(channels_first):
    rgba = np.dstack([RGB, np.full((5, 7), 255, "uint8")])
    rgba[0, :, 3] = 0
    for array in (rgba, rgba / 255, rgba.astype("uint16") * 257):
        pixels = from_array(array.transpose(2, 0, 1) if channels_first else array)
        assert (pixels[0] == 255).all() and np.array_equal(pixels[1:], RGB[1:])


@pytest.mark.parametrize(
    "array, reason",
    [
        (np.zeros((3, 9, 3)), "first or its last axis may be the channels"),
        (np.zeros((4, 9, 1)), "first or its last axis may be the channels"),
        (np.zeros((5, 7, 2), "uint8"), "neither its first nor its last axis"),
        (np.zeros((1, 5, 7, 3), "uint8"), "one picture is (height, width)"),
        (np.zeros(9, "uint8"), "one picture is (height, width)"),
        (np.float32(1), "one picture is (height, width)"),
        (np.zeros((0, 7, 3), "uint8"), "empty"),
        ([], "empty"),
        (RGB.astype("float32"), "divide by 255"),
        (RGB / 127.5 - 1, "before it was normalised"),
        (np.full((5, 7), np.nan), "not finite"),
        (np.full((5, 7), np.inf), "not finite"),
        (RGB.astype("int16") - 1, "integers lie within 0..255"),
        (RGB.astype("int32") * 9, "integers lie within 0..255"),
        (RGB.astype("uint16"), "use uint8"),
        (RGB.astype(complex), "bool, integers or floats"),
        (RGB.astype(str), "bool, integers or floats"),
        (np.array([[None, 1]]), "bool, integers or floats"),
    ],
)
def test_reports_43_and_51_an_array_that_leaves_it_open_is_refused(array, reason):
    with pytest.raises(hotdog_ft.DataError) as error:
        from_array(array, "picture 7")
    message = str(error.value)
    assert message.startswith("picture 7 of shape (") and "cannot be read as a picture" in message
    assert str(np.asarray(array).dtype) in message and reason in message and "\n" not in message


def test_report_43_what_is_no_array_is_refused():
    class OnAnotherDevice:
        def __array__(self, dtype=None, copy=None):
            raise TypeError("copy it to the host first")

    with pytest.raises(hotdog_ft.DataError, match="the array cannot be read as an array"):
        from_array(OnAnotherDevice())
    with pytest.raises(hotdog_ft.DataError, match=r"the array of shape .* cannot be read as a pic"):
        from_array("photo.jpg")


@pytest.mark.parametrize("name", GOOD)
def test_report_43_a_pillow_image_is_read_as_its_file_is(name):
    content = GOOD[name][0]
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        before = dict(image.info)
        pixels = from_image(image)
        assert np.array_equal(pixels, read_picture(io.BytesIO(content)))
        assert image.info == before
        assert np.array_equal(from_image(image), pixels)  # still open, and as it was


def test_report_43_pillow_images_of_every_mode():
    for mode in (
        "1",
        "L",
        "P",
        "RGB",
        "RGBA",
        "CMYK",
        "YCbCr",
        "HSV",
        "LA",
        "PA",
        "RGBa",
        "RGBX",
        "La",
    ):
        image = picture().convert({"RGBa": "RGBA", "La": "LA"}.get(mode, "RGB")).convert(mode)
        pixels = from_image(image)
        assert pixels.shape == (20, 30, 3)
        assert mode in "1 L LA La" or np.abs(pixels.astype(int) - GREEN).max() <= 51  # "P", "PA"
    with pytest.raises(hotdog_ft.DataError, match=r"the Pillow image cannot .* 32 bits a pixel"):
        from_image(Image.new("F", (3, 2)))
    with pytest.raises(hotdog_ft.DataError, match="0 x 9 pixels"):
        from_image(Image.new("RGB", (0, 9)))
    with pytest.raises(hotdog_ft.DataError, match="cut off"):
        from_image(Image.open(io.BytesIO(JPEG[: len(JPEG) // 2])))


def test_report_43_a_pillow_image_is_turned_upright_and_not_twice():
    exif = Image.Exif()
    exif[274] = 6
    for format in ("JPEG", "PNG", "TIFF", "WEBP"):
        image = Image.open(io.BytesIO(saved(picture(), format, exif=exif)))
        assert from_image(image).shape == (30, 20, 3) == from_image(image).shape

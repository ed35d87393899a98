"""One picture file, decoded as a viewer shows it."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .download import DataError

SHORT_SIDE = 512  # pixels; a JPEG of twice that and more is decoded at 1/2, 1/4 or 1/8, never below


def read_picture(path):
    """Decode one picture file as a viewer shows it: upright, RGB, on white, its first frame.

    A large JPEG comes at a fraction of its size, 512 pixels or more on the short side: several
    times as fast, and four to sixty times as many fit into memory.

    Returns
    -------
    numpy.ndarray
        uint8, (height, width, 3).

    Raises
    ------
    DataError
        The file is not a picture, is damaged, or claims more pixels than Pillow holds for safe.
    """
    name = path.name if hasattr(path, "read") else path
    try:
        if not hasattr(path, "read") and not Path(path).is_file():
            raise ValueError("it is not a regular file")
        with Image.open(path) as image:
            if image.width * image.height > Image.MAX_IMAGE_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            if image.mode in ("I", "F"):
                raise ValueError("32 bits a pixel do not say what is white")
            image.draft(None, (SHORT_SIDE, SHORT_SIDE))
            ImageOps.exif_transpose(image, in_place=True)
            if image.mode.startswith("I;16"):
                return np.stack([(np.asarray(image) >> 8).astype("uint8")] * 3, axis=2)
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, …
        raise DataError(
            f"{name} cannot be read as a picture ({error}). Replace or remove it."
        ) from error


# Stand-ins until picture.py has its own.
SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
    + (".heic", ".avif", ".jxl")
)


def is_picture(path):
    """Whether a file's first bytes are of an allowed picture format."""
    try:
        with Image.open(path):
            return True
    except Exception:
        return False


def from_image(image):
    return np.asarray(image.convert("RGB"))


def from_array(array, name="the array"):
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise DataError(f"{name} of shape {array.shape} and dtype {array.dtype} is no picture.")
    return array

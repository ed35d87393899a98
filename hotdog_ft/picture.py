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
    try:
        if not Path(path).is_file():
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
            f"{path} cannot be read as a picture ({error}). Replace or remove it."
        ) from error


def from_image(image):
    """A Pillow image as a viewer shows it: uint8 (height, width, 3)."""
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def from_array(array, name="the array"):
    """An array (h, w), (h, w, 1) or (h, w, 3), uint8 or floats 0 to 1, as uint8 (h, w, 3)."""
    if array.dtype.kind == "f" and array.size and array.min() >= 0 and array.max() <= 1:
        array = np.rint(255 * array).astype("uint8")
    if array.ndim == 2:
        array = array[..., None]
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3):
        raise DataError(f"{name} is {array.dtype} {array.shape}: it must be uint8 (h, w, 3).")
    return np.broadcast_to(array, (*array.shape[:2], 3))

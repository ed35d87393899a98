"""One picture from an array of numbers: NumPy's, MXNet's, or whatever NumPy can read."""

import numpy as np
from PIL import Image

from .files import DataError


def as_numpy(array):
    """An array of NumPy's from any other; MXNet's would be taken for one of objects."""
    return np.asarray(array.asnumpy() if hasattr(array, "asnumpy") else array)


def from_array(array, name="the array"):
    """The pixels of an array, as `hotdog_ft.picture.read_picture` gives a file's.

    Parameters
    ----------
    array : numpy.ndarray, mxnet.nd.NDArray or what NumPy can read
        (height, width) is grey, (height, width, channels) has 1 channel, 3 of RGB or 4 of RGBA, and
        (channels, height, width) is turned round. bool, integers of 0 to 255, uint16 of 0 to 65535
        or floats of 0 to 1. What is transparent lies on white.
    name : str
        What errors call the array.

    Returns
    -------
    numpy.ndarray
        uint8, (height, width, 3); the array itself where it is just that.

    Raises
    ------
    DataError
        Its shape, type or values leave open what picture it is.
    """
    try:
        array = as_numpy(array)
    except Exception as error:  # whatever another library's arrays raise
        raise DataError(f"{name} cannot be read as an array ({error}).") from error
    if array.dtype == np.uint8 and array.size and array.shape[2:] == (3,):
        return array  # as nearly always

    def refuse(why):
        raise DataError(
            f"{name} of shape {array.shape} and dtype {array.dtype} cannot be read as a picture: "
            f"{why}."
        )

    pixels = _eight_bits(_channels_last(array, refuse), refuse)
    if pixels.shape[2] == 4:
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.asarray(image.convert("RGB"))
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def _channels_last(array, refuse):
    if array.size == 0:
        refuse("it is empty")
    if array.ndim == 2:
        return array[:, :, None]
    if array.ndim != 3:
        refuse("one picture is (height, width) or (height, width, channels)")
    first, last = array.shape[0] in (1, 3, 4), array.shape[2] in (1, 3, 4)
    if first and last and array.shape[0] != 1:
        refuse(
            "its first or its last axis may be the channels; turn the pixels into 8 bits and RGB"
        )
    if not first and not last:
        refuse("neither its first nor its last axis has the 1, 3 or 4 channels of a picture")
    return array if last else np.moveaxis(array, 0, 2)


def _eight_bits(array, refuse):
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype("uint8") * 255
    if array.dtype.kind not in "uif":
        refuse("a picture has bool, integers or floats")
    if not np.isfinite(array).all():
        refuse("it has values that are not finite")
    low, high = array.min(), array.max()
    if array.dtype.kind == "f":
        if low < -0.5 / 255 or high > 1 + 0.5 / 255:  # resizing overshoots a little
            cure = "for 0..255, divide by 255" if low >= 0 else "give it before it was normalised"
            refuse(f"floats lie within 0..1, these within {low:.4g}..{high:.4g}; {cure}")
        return np.rint(array.astype("float64").clip(0, 1) * 255).astype("uint8")
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:  # in either order of bytes
        if 0 < high <= 255:
            refuse(f"16 bits lie within 0..65535, these within 0..{high}; for 0..255, use uint8")
        return (array >> 8).astype("uint8")
    if low < 0 or high > 255:
        refuse(f"integers lie within 0..255, these within {low}..{high}")
    return array.astype("uint8")

"""One picture, as a viewer shows it: from a file, a Pillow image or an array."""

import contextlib
import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

try:
    from simplejpeg import decode_jpeg, decode_jpeg_header
except ImportError:  # no wheel for this Python: Pillow does it all
    decode_jpeg = None

from .colour import to_srgb
from .files import DataError
from .picture_array import from_array
from .picture_kinds import HEAD, SUFFIXES, kind_of, why_not
from .picture_metadata import orientation, without_metadata

__all__ = ["SUFFIXES", "from_array", "from_image", "is_picture", "read_picture"]

SHORT_SIDE = 512  # pixels; a JPEG of twice that and more is decoded at 1/2, 1/4 or 1/8, never below
_REPLACE = "Replace or remove it."
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _Unreadable(Exception):
    """Why, and the way out."""


def read_picture(source):
    """Decode one picture as a viewer shows it: upright, in sRGB, on white, its first frame.

    What a file is tells its content, not its name. HEIC needs the package pillow-heif. A large JPEG
    comes at a fraction of its size, 512 pixels or more on the short side: several times as fast,
    and four to sixty times as many fit into memory.

    Parameters
    ----------
    source : path or binary file object
        A file object is read from its beginning, and stays open.

    Returns
    -------
    numpy.ndarray
        uint8, (height, width, 3).

    Raises
    ------
    DataError
        The file is not a picture, is damaged, or claims more pixels than Pillow holds for safe.
    """
    is_file = hasattr(source, "read")
    name = (getattr(source, "name", None) or "the file object") if is_file else source
    with _sentence(name):
        if is_file:
            if getattr(source, "seekable", lambda: False)():
                source.seek(0)
            return _decoded(source, str(name))
        path = Path(source)
        if path.is_dir():
            raise _Unreadable("it is a folder", "Name the pictures in it.")
        if path.exists() and not path.is_file():  # to open a pipe would wait for ever
            raise _Unreadable("it is not a regular file", _REPLACE)
        with open(path, "rb") as file:
            return _decoded(file, path.name)


@contextlib.contextmanager
def _sentence(name):
    """Whatever goes wrong inside becomes one sentence about ``name``."""
    try:
        yield
    except _Unreadable as error:
        reason, way_out = error.args
        raise DataError(f"{name} cannot be read as a picture: {reason}. {way_out}") from error
    except MemoryError:  # nothing is wrong with the picture
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, …
        if "out of memory" in str(error):  # as its decoders say it
            raise MemoryError(f"There is not enough memory to read {name}.") from error
        reason = f"it is damaged or cut off ({str(error) or type(error).__name__})"
        way_out = _REPLACE
        if getattr(error, "strerror", None):  # of the operating system
            reason, way_out = error.strerror, "Check its path and who may read it."
        raise DataError(f"{name} cannot be read as a picture: {reason}. {way_out}") from error


def _decoded(file, name):
    head = file.read(HEAD)
    if not head:
        raise _Unreadable("it is empty", _REPLACE)
    # TGA has no first bytes of its own, and its decoder takes much for a picture
    kind = kind_of(head) or ("TGA" if name.lower().endswith(".tga") else None)
    if kind is None:
        raise _Unreadable(*why_not(head))
    decoder = _decoder(kind, head)
    data, info = without_metadata(kind, head + file.read())
    pixels = _jpeg_at_once(data, info) if kind == "JPEG" else None
    if pixels is not None:
        plain = orientation(info) == 1 and not info.get("icc_profile")
        return pixels if plain else _pixels(Image.fromarray(pixels), info)
    # not Image.open: it gives up at a large JPEG before `draft` can make it small
    with decoder(io.BytesIO(data), name) as image:
        tags = getattr(image, "tag_v2", {})
        if tags.get(254) == 1 or 50706 in tags:  # NewSubfileType: a preview; DNGVersion
            raise _Unreadable("it is a camera's raw file", "Develop it to JPEG or PNG.")
        whole = math.prod(image.size)
        image.draft(None, (SHORT_SIDE, SHORT_SIDE))
        _check_size(math.prod(image.size), whole, scans=info.get("scans", False))
        return _pixels(image, info)


def _decoder(kind, head):
    """The class of Pillow that reads this kind."""
    if kind == "HEIC":
        try:
            from pillow_heif import HeifImageFile
        except ImportError as error:
            way_out = "Run `pip install pillow-heif`, or convert it to JPEG or PNG."
            raise _Unreadable("it is HEIC, which Pillow does not read", way_out) from error
        return HeifImageFile
    Image.init()
    factory, accept = Image.OPEN.get(kind, (None, None))
    if factory is None or (accept and isinstance(accept(head), str)):
        raise _Unreadable(f"this Pillow was built without {kind}", "Convert it to JPEG or PNG.")
    return factory


def _jpeg_at_once(data, info):
    """The pixels of a JPEG in colour, without Pillow's detours; None where it is for Pillow to do.

    Both decode by libjpeg-turbo, to the same pixels. What is odd or damaged Pillow judges.
    """
    if decode_jpeg is None:
        return None
    try:
        height, width, colours, _ = decode_jpeg_header(data)
        if colours != "YCbCr":
            return None
        part = max(n for n in (1, 2, 4, 8) if n == 1 or n * SHORT_SIDE <= min(height, width))
        height, width, whole = -(-height // part), -(-width // part), height * width
        _check_size(height * width, whole, scans=info.get("scans", False))
        return decode_jpeg(data, min_height=height, min_width=width, min_factor=part)
    except ValueError:
        return None


def _check_size(pixels, whole, scans):
    """What Pillow holds for safe, of the pixels that are decoded, not of those in the file."""
    limit = Image.MAX_IMAGE_PIXELS or math.inf
    # of a JPEG in several scans, the decoder keeps all that is in the file, up to 6 bytes a pixel
    if scans and pixels <= limit:
        limit, pixels = 2 * limit, whole
    if pixels > limit:
        raise _Unreadable(
            f"it has {whole:,} pixels, and {limit:,} are the limit",
            "Save it smaller, or raise PIL.Image.MAX_IMAGE_PIXELS.",
        )


def from_image(image):
    """The pixels of a Pillow image of any mode, as `read_picture` shows a file's.

    The way it is turned and its colour profile count. It is loaded, and else left as it is.

    Returns
    -------
    numpy.ndarray
        uint8, (height, width, 3).

    Raises
    ------
    DataError
        Its file is damaged, it is empty, or its values do not say what is white.
    """
    with _sentence("the Pillow image"):
        return _pixels(image)


def _pixels(image, found=None):
    """What a viewer shows of an image; ``found`` is what its file said beside its ``info``."""
    if 0 in image.size:
        raise _Unreadable(f"it is {image.width} x {image.height} pixels large", _REPLACE)
    image.load()
    info, tags = {**image.info, **(found or {})}, getattr(image, "tag_v2", {})
    turn = _TURNS.get(orientation(info))
    # a PGM of 16 bits comes as mode "I" too, scaled to 0..65535
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
    if image.mode in ("I", "F") and not sixteen:
        raise _Unreadable("32 bits a pixel do not say what is white", "Scale it to 8 bits.")
    if turn is not None:
        image = image.transpose(turn)
    if sixteen:
        image = _eight_bits(image, info, tags)
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        image = image.convert("LA") if image.mode == "La" else image
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.getchannel("R") if grey else image.convert("RGB")
    else:
        alpha = None
        image = image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")
    if info.get("icc_profile"):
        image = to_srgb(image, info["icc_profile"])
    image = image if image.mode == "RGB" else image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return np.asarray(image)


def _eight_bits(image, info, tags):
    """Mode L of 16 bits or, in TIFF, 12; LA where one value is transparent."""
    values = np.asarray(image)
    grey = (values >> tags.get(258, (16,))[0] - 8).astype("uint8")  # 258: BitsPerSample
    if info.get("white_is_zero") or tags.get(262) == 0:  # 262: PhotometricInterpretation
        grey = 255 - grey
    image = Image.fromarray(grey)
    if isinstance(info.get("transparency"), int):
        image.putalpha(Image.fromarray((values != info["transparency"]).astype("uint8") * 255))
    return image


def is_picture(path):
    """Whether a file starts as a picture does that `read_picture` reads; cheap, and never raises.

    HEIC counts where pillow-heif is missing too: `read_picture` says what to do then.
    """
    try:
        path = Path(path)
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            return kind_of(file.read(HEAD)) is not None
    except OSError:
        return False

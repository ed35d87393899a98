"""Colours as a screen shows them: from a picture's own profile to sRGB."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of ICC profiles, and Pillow's modes
_UNSEEN = 2  # levels of 255: profiles that call themselves sRGB differ so much from each other


def _probe(mode):
    """Colours from all over a mode's space, one a pixel."""
    bands = Image.getmodebands(mode)
    steps = np.linspace(0, 255, 256 if bands == 1 else 13).astype("uint8")
    grid = np.stack(np.meshgrid(*[steps] * bands), axis=-1).reshape(1, -1, bands)
    return Image.frombytes(mode, (grid.shape[1], 1), grid.tobytes())


@functools.lru_cache(maxsize=32)
def _transform(profile):
    """(mode, the way from it to sRGB); None for the way where there is no difference to see."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = _SPACES[source.profile.xcolor_space.strip()]
    way = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    if mode != "CMYK":
        probe = _probe(mode)
        shown = np.asarray(ImageCms.applyTransform(probe, way), int)
        if np.abs(shown - np.asarray(probe.convert("RGB"), int)).max() <= _UNSEEN:
            way = None
    return mode, way


def to_srgb(image, profile):
    """A picture of mode RGB, L or CMYK with an ICC profile, as RGB for a screen.

    A profile that is damaged, of another mode than the picture, or sRGB itself changes nothing, and
    the picture comes back as it is. Several threads may call this: LittleCMS keeps nothing of a
    picture in a transform.
    """
    try:
        mode, way = _transform(profile)
    except Exception:  # as viewers do: Pillow raises PyCMSError, OSError, KeyError, …
        return image
    if way is None or mode != image.mode:
        return image
    return ImageCms.applyTransform(image, way)

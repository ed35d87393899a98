"""From a picture to the network's input: the chapter's train_augs and test_augs."""

import numpy as np
from PIL import Image

from .settings import Settings

# Statistics of ImageNet's colour channels, on the scale 0 to 1 (chapter 13.2.2.1).
MEAN = np.array([0.485, 0.456, 0.406], dtype="float32")
STD = np.array([0.229, 0.224, 0.225], dtype="float32")


def normalize(pixels):
    """uint8 (height, width, 3) to standardised float32 (3, height, width)."""
    x = np.empty((3, *pixels.shape[:2]), dtype="float32")
    for channel, plane in enumerate(x):  # ten times as fast as all channels at once
        np.multiply(pixels[..., channel], 1 / (255 * STD[channel]), out=plane, dtype="float32")
        plane -= MEAN[channel] / STD[channel]
    return x


def denormalize(x):
    """The inverse of `normalize`, for looking at what the network sees."""
    pixels = (x.transpose(1, 2, 0) * STD + MEAN) * 255
    return np.clip(np.rint(pixels), 0, 255).astype("uint8")


def random_crop_box(height, width, rng, scale=Settings.crop_scale):
    """Box (left, top, right, bottom) of a random crop, width : height from 3:4 to 4:3.

    As in Gluon's ``RandomResizedCrop``: the share of the picture's area is uniform over `scale`,
    the logarithm of the ratio is uniform. After ten boxes that do not fit, the largest central
    square is taken; Gluon then takes one of the input's size.
    """
    for _ in range(10):
        area = rng.uniform(*scale) * height * width
        ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = round(np.sqrt(area * ratio)), round(np.sqrt(area / ratio))
        if 1 <= w <= width and 1 <= h <= height:
            left, top = rng.integers(width - w + 1), rng.integers(height - h + 1)
            return left, top, left + w, top + h
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


class TrainAugs:
    """Random crop resized to size × size, flipped left to right half of the time, normalised.

    Parameters
    ----------
    size : int
        Side of the network's input in pixels, 224 in the book.
    scale : tuple of 2 float
        Smallest and largest share of the picture's area in a crop; the book's by default.
    """

    def __init__(self, size=Settings.size, scale=Settings.crop_scale):
        self.size, self.scale = size, scale

    def __call__(self, picture, rng):
        """uint8 (height, width, 3) to float32 (3, size, size); draws from the Generator `rng`."""
        box = random_crop_box(*picture.shape[:2], rng, self.scale)
        crop = Image.fromarray(picture).resize((self.size, self.size), Image.BILINEAR, box)
        pixels = np.asarray(crop)
        return normalize(pixels[:, ::-1] if rng.random() < 0.5 else pixels)


class TestAugs:
    """Both sides resized to size × 256/224, the central size × size taken, normalised.

    Parameters
    ----------
    size : int
        Side of the network's input in pixels, 224 in the book.
    """

    __test__ = False  # pytest: not a test class

    def __init__(self, size=Settings.size):
        self.size, self.resize = size, round(size * 256 / 224)

    def __call__(self, picture, rng=None):
        """uint8 (height, width, 3) to float32 (3, size, size); nothing is random."""
        start = (self.resize - self.size) // 2
        sides = (self.resize, self.resize)
        pixels = np.asarray(Image.fromarray(picture).resize(sides, Image.BILINEAR))
        return normalize(pixels[start : start + self.size, start : start + self.size])

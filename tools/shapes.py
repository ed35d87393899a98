"""Shapes and colours that the kinds of things are drawn with."""

import colorsys

import numpy as np

SIDE = 256  # of the square that a thing is drawn on
MIDDLE = SIDE / 2


def colour(rng, hue, saturation, value):
    """A random RGB colour; each argument is a (low, high) range, hue in degrees."""
    h, s, v = rng.uniform(*hue) / 360, rng.uniform(*saturation), rng.uniform(*value)
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(h % 1, s, v))


def capsule(draw, length, width, fill, y=MIDDLE):
    draw.rounded_rectangle(
        [MIDDLE - length / 2, y - width / 2, MIDDLE + length / 2, y + width / 2],
        radius=width / 2,
        fill=fill,
    )


def disc(draw, x, y, radius, fill, squeeze=1.0):
    draw.ellipse([x - radius, y - radius * squeeze, x + radius, y + radius * squeeze], fill=fill)


def squiggle(draw, rng, length, height, fill):
    """A line of sauce or icing along the x-axis."""
    x = np.linspace(MIDDLE - length / 2, MIDDLE + length / 2, 60)
    y = MIDDLE + height * np.sin((x - MIDDLE) * rng.uniform(0.12, 0.3) + rng.uniform(0, 6))
    draw.line(
        list(zip(x.tolist(), y.tolist())), fill=fill, width=int(rng.integers(5, 11)), joint="curve"
    )


def slashes(draw, rng, length, height, fill, width):
    for x in np.linspace(-0.4, 0.4, rng.integers(3, 7)) * length + MIDDLE:
        draw.line(
            [x - 10, MIDDLE + height / 2, x + 10, MIDDLE - height / 2], fill=fill, width=width
        )

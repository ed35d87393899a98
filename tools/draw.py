"""Draw small pictures of food and things: the mini set, deterministic by seed.

``draw(kind, rng)`` gives one picture. A thing is drawn lying along the x-axis on a transparent
square (SIDE pixels), bent, shaded, turned, and laid on a background with clutter, light and noise.
"""

import numpy as np
from kinds import banana
from PIL import Image, ImageDraw, ImageFilter
from shapes import MIDDLE, SIDE, capsule, colour, disc


def thing(kind, rng):
    """`kind` on a transparent square: bent, shaded and grained."""
    layer = Image.new("RGBA", (SIDE, SIDE))
    kind(ImageDraw.Draw(layer), rng)
    pixels = np.asarray(layer).astype("float32")
    bend = rng.uniform(30, 60) if kind is banana else rng.uniform(-14, 14)
    rows = np.arange(SIDE)[:, None] - np.rint(bend * ((np.arange(SIDE) - MIDDLE) / MIDDLE) ** 2 * 2)
    pixels = np.take_along_axis(pixels, (rows % SIDE).astype(int)[:, :, None].repeat(4, 2), 0)
    shade = 1 + rng.uniform(0, 0.35) * (MIDDLE - np.arange(SIDE)[:, None, None]) / MIDDLE
    grain = rng.normal(1, rng.uniform(0, 0.12), (SIDE // 8, SIDE // 8, 1)).repeat(8, 0).repeat(8, 1)
    pixels[..., :3] *= shade * grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype("uint8"), "RGBA")


def background(width, height, rng):
    """A table: plain, striped, checked or grained, perhaps with a plate."""
    first, second = (np.array(colour(rng, (0, 360), (0, 0.5), (0.15, 1))) for _ in range(2))
    y, x = np.mgrid[:height, :width]
    period = rng.uniform(6, 24)
    pattern = [
        np.zeros((height, width)),
        np.sin(x / period * 6) > 0,
        (np.sin(x / period * 6) > 0) ^ (np.sin(y / period * 6) > 0),
        0.5 + 0.5 * np.sin(y / period * 6 + 3 * np.sin(x / 20)),
    ][rng.integers(4)]
    mix = pattern[:, :, None] * rng.uniform(0.15, 0.9)
    table = Image.fromarray((first * (1 - mix) + second * mix).astype("uint8"), "RGB")
    if rng.random() < 0.45:
        radius = rng.uniform(0.4, 0.62) * min(width, height)
        middle = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.35, 0.65)
        draw = ImageDraw.Draw(table)
        disc(draw, *middle, radius, colour(rng, (0, 360), (0, 0.3), (0.6, 1)))
        disc(draw, *middle, radius * 0.75, colour(rng, (0, 360), (0, 0.2), (0.7, 1)))
    return table


def lay(table, piece, rng, scale, spread):
    """Turn `piece`, scale it and paste it on `table`, off the centre by up to `spread`."""
    side = round(scale * min(table.size))
    squeeze = rng.uniform(0.75, 1.0)  # looked at from the side
    piece = piece.rotate(rng.uniform(0, 360), Image.BILINEAR).resize(
        (side, max(1, round(side * squeeze))), Image.BOX
    )
    x, y = (
        round(n * (0.5 + rng.uniform(-spread, spread)) - p / 2)
        for n, p in zip(table.size, piece.size)
    )
    shadow = Image.new("RGBA", piece.size, (0, 0, 0, 0))
    shadow.putalpha(piece.getchannel("A").point(lambda a: a // 3))
    table.paste(shadow, (x + 2, y + 3), shadow)
    table.paste(piece, (x, y), piece)


def clutter(draw, rng):
    fill = colour(rng, (0, 360), (0.1, 0.9), (0.2, 1))
    [
        lambda: disc(draw, MIDDLE, MIDDLE, rng.uniform(40, 100), fill),
        lambda: draw.polygon((rng.uniform(30, 226, 6)).tolist(), fill=fill),
        lambda: capsule(draw, rng.uniform(80, 220), rng.uniform(12, 60), fill),
    ][rng.integers(3)]()


def draw(kind, rng):
    """One picture of `kind` (of `kinds`) with the Generator `rng`: RGB, 72 to 96 px."""
    width, height = [(72, 72), (96, 72), (72, 96), (84, 72)][rng.integers(4)]
    table = background(width, height, rng)
    for _ in range(rng.integers(0, 3)):
        lay(table, thing(clutter, rng), rng, rng.uniform(0.2, 0.5), 0.5)
    lay(table, thing(kind, rng), rng, rng.uniform(0.75, 1.25), 0.12)
    if rng.random() < 0.25:  # something in front of it
        lay(table, thing(clutter, rng), rng, rng.uniform(0.15, 0.35), 0.4)
    table = table.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.9)))
    pixels = np.asarray(table).astype("float32")
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = 1 + rng.uniform(0, 0.45) * (x * np.cos(a := rng.uniform(0, 6.3)) + y * np.sin(a))
    cast = rng.uniform(0.6, 1.15) * rng.uniform(0.88, 1.12, 3)
    pixels = pixels * light[:, :, None] * cast + rng.normal(0, rng.uniform(2, 12), pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype("uint8"), "RGB")

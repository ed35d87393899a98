"""Draw small pictures of food and things: the mini set, deterministic by seed.

``draw(kind, rng)`` gives one picture. A thing is drawn lying along the x-axis on a transparent
square (SIDE pixels), bent, shaded, turned, and laid on a background with clutter, light and noise.
"""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 256  # of the square that a thing is drawn on
MIDDLE = SIDE / 2


def colour(rng, hue, saturation, value):
    """A random RGB colour; each argument is a (low, high) range, hue in degrees."""
    h, s, v = rng.uniform(*hue) / 360, rng.uniform(*saturation), rng.uniform(*value)
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(h % 1, s, v))


def crust(rng):
    return colour(rng, (22, 40), (0.3, 0.65), (0.6, 0.98))


def meat(rng):
    return colour(rng, (-5, 22), (0.45, 0.8), (0.4, 0.85))


def capsule(draw, length, width, fill, y=MIDDLE):
    draw.rounded_rectangle([MIDDLE - length / 2, y - width / 2, MIDDLE + length / 2, y + width / 2],
                           radius=width / 2, fill=fill)


def disc(draw, x, y, radius, fill, squeeze=1.0):
    draw.ellipse([x - radius, y - radius * squeeze, x + radius, y + radius * squeeze], fill=fill)


def squiggle(draw, rng, length, height, fill):
    """A line of sauce or icing along the x-axis."""
    x = np.linspace(MIDDLE - length / 2, MIDDLE + length / 2, 60)
    y = MIDDLE + height * np.sin((x - MIDDLE) * rng.uniform(0.12, 0.3) + rng.uniform(0, 6))
    draw.line(list(zip(x.tolist(), y.tolist())), fill=fill, width=int(rng.integers(5, 11)), joint="curve")


def slashes(draw, rng, length, height, fill, width):
    for x in np.linspace(-0.4, 0.4, rng.integers(3, 7)) * length + MIDDLE:
        draw.line([x - 10, MIDDLE + height / 2, x + 10, MIDDLE - height / 2], fill=fill, width=width)


def hotdog(draw, rng):
    length, width = rng.uniform(160, 200), rng.uniform(66, 100)
    capsule(draw, length, width, crust(rng))
    if rng.random() < 0.4:
        capsule(draw, length * 0.95, width * 0.66, colour(rng, (70, 130), (0.5, 0.9), (0.4, 0.8)))
    capsule(draw, length * rng.uniform(0.92, 1.18), width * rng.uniform(0.36, 0.52), meat(rng))
    if rng.random() < 0.75:
        sauce = [(40, 55), (-5, 8), (30, 60)][rng.integers(3)]
        squiggle(draw, rng, length * 0.85, rng.uniform(3, 12),
                 colour(rng, sauce, (0.2, 0.95), (0.75, 1)))


def eclair(draw, rng):
    length, width = rng.uniform(150, 200), rng.uniform(62, 100)
    capsule(draw, length, width, crust(rng))
    capsule(draw, length * rng.uniform(0.8, 0.93), width * rng.uniform(0.5, 0.75),
            colour(rng, (0, 35), (0.2, 0.8), (0.2, 0.85)), MIDDLE - width * 0.08)
    if rng.random() < 0.6:
        squiggle(draw, rng, length * 0.7, rng.uniform(3, 14), colour(rng, (0, 60), (0, 0.4), (0.8, 1)))


def bread(draw, rng):
    length, width = rng.uniform(140, 210), rng.uniform(60, 105)
    capsule(draw, length, width, crust(rng))
    slashes(draw, rng, length, width * rng.uniform(0.3, 0.7), crust(rng), int(rng.integers(5, 14)))


def sausage(draw, rng):
    length, width = rng.uniform(150, 215), rng.uniform(32, 60)
    capsule(draw, length, width, meat(rng))
    if rng.random() < 0.6:
        slashes(draw, rng, length, width * 0.8, colour(rng, (0, 30), (0.3, 0.8), (0.1, 0.4)), 6)


def sandwich(draw, rng):
    length, y = rng.uniform(130, 190), rng.uniform(75, 95)
    layers = [crust(rng)] + [[meat(rng), colour(rng, (70, 130), (0.5, 0.9), (0.4, 0.8)),
                              colour(rng, (40, 55), (0.5, 0.9), (0.8, 1))][i]
                             for i in rng.integers(3, size=rng.integers(2, 4))] + [crust(rng)]
    for number, fill in enumerate(layers):
        height = rng.uniform(22, 34) if number in (0, len(layers) - 1) else rng.uniform(10, 20)
        half = length / 2 * rng.uniform(0.94, 1.06)
        draw.rounded_rectangle([MIDDLE - half, y, MIDDLE + half, y + height], radius=6, fill=fill)
        y += height


def taco(draw, rng):
    radius = rng.uniform(75, 100)
    for x in np.linspace(-0.7, 0.7, 8) * radius:
        disc(draw, MIDDLE + x, MIDDLE - np.sqrt(radius**2 - x**2) * 0.9 + 40, rng.uniform(10, 18),
             [meat(rng), colour(rng, (70, 130), (0.5, 0.9), (0.4, 0.8))][rng.integers(2)])
    draw.pieslice([MIDDLE - radius, MIDDLE + 40 - radius, MIDDLE + radius, MIDDLE + 40 + radius],
                  180, 360, fill=crust(rng))


def banana(draw, rng):
    length, width = rng.uniform(160, 210), rng.uniform(36, 60)
    capsule(draw, length + 14, width * 0.4, colour(rng, (25, 45), (0.5, 0.8), (0.2, 0.5)))
    capsule(draw, length, width, colour(rng, (42, 62), (0.45, 0.95), (0.7, 1)))


def cucumber(draw, rng):
    length, width = rng.uniform(150, 215), rng.uniform(38, 70)
    capsule(draw, length, width, colour(rng, (75, 140), (0.4, 0.85), (0.25, 0.75)))
    for y in (-0.25, 0, 0.25):
        capsule(draw, length * 0.85, 5, colour(rng, (75, 130), (0.2, 0.6), (0.5, 0.9)), MIDDLE + y * width)


def carrot(draw, rng):
    length, width = rng.uniform(150, 200), rng.uniform(36, 64)
    left, right = MIDDLE - length / 2, MIDDLE + length / 2
    for dy in (-14, 0, 14):
        draw.line([left, MIDDLE, left - 26, MIDDLE + dy],
                  fill=colour(rng, (80, 130), (0.5, 0.9), (0.3, 0.7)), width=8)
    fill = colour(rng, (14, 32), (0.7, 1), (0.75, 1))
    disc(draw, left, MIDDLE, width / 2, fill)
    draw.polygon([left, MIDDLE - width / 2, right, MIDDLE, left, MIDDLE + width / 2], fill=fill)


def burger(draw, rng):
    half, bun = rng.uniform(65, 95), crust(rng)
    draw.pieslice([MIDDLE - half, 58, MIDDLE + half, 178], 180, 360, fill=bun)
    draw.rectangle([MIDDLE - half * 1.05, 118, MIDDLE + half * 1.05, 128],
                   fill=colour(rng, (70, 130), (0.5, 0.9), (0.4, 0.8)))
    draw.rounded_rectangle([MIDDLE - half, 128, MIDDLE + half, 152], radius=10, fill=meat(rng))
    draw.rounded_rectangle([MIDDLE - half, 152, MIDDLE + half, 182], radius=14, fill=bun)


def pizza(draw, rng):
    draw.polygon([MIDDLE - 90, MIDDLE, MIDDLE + 70, MIDDLE - 62, MIDDLE + 70, MIDDLE + 62],
                 fill=colour(rng, (35, 52), (0.5, 0.9), (0.75, 1)))
    draw.line([MIDDLE + 72, MIDDLE - 64, MIDDLE + 72, MIDDLE + 64], fill=crust(rng), width=20)
    for _ in range(rng.integers(3, 7)):
        x = rng.uniform(-40, 55)
        disc(draw, MIDDLE + x, MIDDLE + rng.uniform(-0.3, 0.3) * (x + 90), rng.uniform(9, 15), meat(rng))


def donut(draw, rng):
    radius = rng.uniform(65, 95)
    disc(draw, MIDDLE, MIDDLE, radius, crust(rng))
    disc(draw, MIDDLE, MIDDLE, radius * 0.88, colour(rng, (0, 360), (0.1, 0.7), (0.3, 1)))
    disc(draw, MIDDLE, MIDDLE, radius * rng.uniform(0.25, 0.4), (0, 0, 0, 0))


def egg(draw, rng):
    for _ in range(4):
        disc(draw, MIDDLE + rng.uniform(-25, 25), MIDDLE + rng.uniform(-25, 25), rng.uniform(50, 75),
             (250, 248, 240), rng.uniform(0.8, 1.1))
    disc(draw, MIDDLE, MIDDLE, rng.uniform(24, 36), colour(rng, (36, 52), (0.7, 1), (0.85, 1)))


def apple(draw, rng):
    fill = colour(rng, (-20, 120), (0.55, 0.95), (0.5, 0.95))
    disc(draw, MIDDLE - 26, MIDDLE, rng.uniform(50, 62), fill, 1.15)
    disc(draw, MIDDLE + 26, MIDDLE, rng.uniform(50, 62), fill, 1.15)
    draw.line([MIDDLE, MIDDLE - 40, MIDDLE + 12, MIDDLE - 90], fill=(80, 50, 20), width=8)


def pencil(draw, rng):
    width = rng.uniform(16, 30)
    draw.rectangle([MIDDLE - 95, MIDDLE - width / 2, MIDDLE + 65, MIDDLE + width / 2],
                   fill=colour(rng, (0, 360), (0.4, 0.95), (0.4, 1)))
    draw.polygon([MIDDLE + 65, MIDDLE - width / 2, MIDDLE + 100, MIDDLE, MIDDLE + 65, MIDDLE + width / 2],
                 fill=(230, 200, 150))


def fish(draw, rng):
    fill = colour(rng, (0, 360), (0.1, 0.7), (0.4, 0.9))
    draw.polygon([MIDDLE + 50, MIDDLE, MIDDLE + 100, MIDDLE - 40, MIDDLE + 100, MIDDLE + 40], fill=fill)
    disc(draw, MIDDLE - 10, MIDDLE, rng.uniform(75, 90), fill, rng.uniform(0.35, 0.55))
    disc(draw, MIDDLE - 60, MIDDLE - 8, 6, (20, 20, 20))


def spoon(draw, rng):
    fill = colour(rng, (0, 360), (0, 0.25), (0.55, 0.95))
    capsule(draw, 190, rng.uniform(9, 16), fill)
    disc(draw, MIDDLE - 75, MIDDLE, rng.uniform(28, 40), fill, 0.7)


SOURCE = [hotdog, apple, banana, bread, burger, carrot, cucumber, donut, egg, fish, pencil, pizza,
          sausage, spoon]
OTHERS = [apple, banana, bread, burger, carrot, cucumber, donut, eclair, egg, pizza, sandwich, sausage,
          taco]  # of the target task: most look like a hot dog in some way, three are new to the source net


def thing(kind, rng):
    """`kind` on a transparent square: bent, shaded and grained."""
    layer = Image.new("RGBA", (SIDE, SIDE))
    kind(ImageDraw.Draw(layer), rng)
    pixels = np.asarray(layer).astype("float32")
    bend = rng.uniform(30, 60) if kind is banana else rng.uniform(-14, 14)
    rows = np.arange(SIDE)[:, None] - np.rint(bend * ((np.arange(SIDE) - MIDDLE) / MIDDLE)**2 * 2)
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
    pattern = [np.zeros((height, width)), np.sin(x / period * 6) > 0,
               (np.sin(x / period * 6) > 0) ^ (np.sin(y / period * 6) > 0),
               0.5 + 0.5 * np.sin(y / period * 6 + 3 * np.sin(x / 20))][rng.integers(4)]
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
        (side, max(1, round(side * squeeze))), Image.BOX)
    x, y = (round(n * (0.5 + rng.uniform(-spread, spread)) - p / 2)
            for n, p in zip(table.size, piece.size))
    shadow = Image.new("RGBA", piece.size, (0, 0, 0, 0))
    shadow.putalpha(piece.getchannel("A").point(lambda a: a // 3))
    table.paste(shadow, (x + 2, y + 3), shadow)
    table.paste(piece, (x, y), piece)


def clutter(draw, rng):
    fill = colour(rng, (0, 360), (0.1, 0.9), (0.2, 1))
    [lambda: disc(draw, MIDDLE, MIDDLE, rng.uniform(40, 100), fill),
     lambda: draw.polygon((rng.uniform(30, 226, 6)).tolist(), fill=fill),
     lambda: capsule(draw, rng.uniform(80, 220), rng.uniform(12, 60), fill)][rng.integers(3)]()


def draw(kind, rng):
    """One picture of `kind` (a function of this module) with the Generator `rng`: RGB, 72 to 96 px."""
    width, height = [(72, 72), (96, 72), (72, 96), (84, 72)][rng.integers(4)]
    table = background(width, height, rng)
    for _ in range(rng.integers(0, 3)):
        lay(table, thing(clutter, rng), rng, rng.uniform(0.2, 0.5), 0.5)
    lay(table, thing(kind, rng), rng, rng.uniform(0.75, 1.25), 0.12)
    if rng.random() < 0.25:  # something in front of it
        lay(table, thing(clutter, rng), rng, rng.uniform(0.15, 0.35), 0.4)
    table = table.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.9)))
    pixels = np.asarray(table).astype("float32")
    y, x = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
    light = 1 + rng.uniform(0, 0.45) * (x * np.cos(a := rng.uniform(0, 6.3)) + y * np.sin(a))
    cast = rng.uniform(0.6, 1.15) * rng.uniform(0.88, 1.12, 3)
    pixels = pixels * light[:, :, None] * cast + rng.normal(0, rng.uniform(2, 12), pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype("uint8"), "RGB")

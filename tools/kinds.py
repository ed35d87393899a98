"""The kinds of food and things, each drawn lying along the x-axis."""

import numpy as np
from shapes import MIDDLE, capsule, colour, disc, slashes, squiggle


def crust(rng):
    return colour(rng, (22, 40), (0.3, 0.65), (0.6, 0.98))


def meat(rng):
    return colour(rng, (-5, 22), (0.45, 0.8), (0.4, 0.85))


def hotdog(draw, rng):
    length, width = rng.uniform(160, 200), rng.uniform(66, 100)
    capsule(draw, length, width, crust(rng))
    if rng.random() < 0.4:
        capsule(draw, length * 0.95, width * 0.66, colour(rng, (70, 130), (0.5, 0.9), (0.4, 0.8)))
    capsule(draw, length * rng.uniform(0.92, 1.18), width * rng.uniform(0.36, 0.52), meat(rng))
    if rng.random() < 0.75:
        sauce = [(40, 55), (-5, 8), (30, 60)][rng.integers(3)]
        squiggle(
            draw, rng, length * 0.85, rng.uniform(3, 12), colour(rng, sauce, (0.2, 0.95), (0.75, 1))
        )


def eclair(draw, rng):
    length, width = rng.uniform(150, 200), rng.uniform(62, 100)
    capsule(draw, length, width, crust(rng))
    capsule(
        draw,
        length * rng.uniform(0.8, 0.93),
        width * rng.uniform(0.5, 0.75),
        colour(rng, (0, 35), (0.2, 0.8), (0.2, 0.85)),
        MIDDLE - width * 0.08,
    )
    if rng.random() < 0.6:
        squiggle(
            draw, rng, length * 0.7, rng.uniform(3, 14), colour(rng, (0, 60), (0, 0.4), (0.8, 1))
        )


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
    layers = (
        [crust(rng)]
        + [
            [
                meat(rng),
                colour(rng, (70, 130), (0.5, 0.9), (0.4, 0.8)),
                colour(rng, (40, 55), (0.5, 0.9), (0.8, 1)),
            ][i]
            for i in rng.integers(3, size=rng.integers(2, 4))
        ]
        + [crust(rng)]
    )
    for number, fill in enumerate(layers):
        height = rng.uniform(22, 34) if number in (0, len(layers) - 1) else rng.uniform(10, 20)
        half = length / 2 * rng.uniform(0.94, 1.06)
        draw.rounded_rectangle([MIDDLE - half, y, MIDDLE + half, y + height], radius=6, fill=fill)
        y += height


def taco(draw, rng):
    radius = rng.uniform(75, 100)
    for x in np.linspace(-0.7, 0.7, 8) * radius:
        disc(
            draw,
            MIDDLE + x,
            MIDDLE - np.sqrt(radius**2 - x**2) * 0.9 + 40,
            rng.uniform(10, 18),
            [meat(rng), colour(rng, (70, 130), (0.5, 0.9), (0.4, 0.8))][rng.integers(2)],
        )
    draw.pieslice(
        [MIDDLE - radius, MIDDLE + 40 - radius, MIDDLE + radius, MIDDLE + 40 + radius],
        180,
        360,
        fill=crust(rng),
    )


def banana(draw, rng):
    length, width = rng.uniform(160, 210), rng.uniform(36, 60)
    capsule(draw, length + 14, width * 0.4, colour(rng, (25, 45), (0.5, 0.8), (0.2, 0.5)))
    capsule(draw, length, width, colour(rng, (42, 62), (0.45, 0.95), (0.7, 1)))


def cucumber(draw, rng):
    length, width = rng.uniform(150, 215), rng.uniform(38, 70)
    capsule(draw, length, width, colour(rng, (75, 140), (0.4, 0.85), (0.25, 0.75)))
    for y in (-0.25, 0, 0.25):
        capsule(
            draw,
            length * 0.85,
            5,
            colour(rng, (75, 130), (0.2, 0.6), (0.5, 0.9)),
            MIDDLE + y * width,
        )


def carrot(draw, rng):
    length, width = rng.uniform(150, 200), rng.uniform(36, 64)
    left, right = MIDDLE - length / 2, MIDDLE + length / 2
    for dy in (-14, 0, 14):
        draw.line(
            [left, MIDDLE, left - 26, MIDDLE + dy],
            fill=colour(rng, (80, 130), (0.5, 0.9), (0.3, 0.7)),
            width=8,
        )
    fill = colour(rng, (14, 32), (0.7, 1), (0.75, 1))
    disc(draw, left, MIDDLE, width / 2, fill)
    draw.polygon([left, MIDDLE - width / 2, right, MIDDLE, left, MIDDLE + width / 2], fill=fill)


def burger(draw, rng):
    half, bun = rng.uniform(65, 95), crust(rng)
    draw.pieslice([MIDDLE - half, 58, MIDDLE + half, 178], 180, 360, fill=bun)
    draw.rectangle(
        [MIDDLE - half * 1.05, 118, MIDDLE + half * 1.05, 128],
        fill=colour(rng, (70, 130), (0.5, 0.9), (0.4, 0.8)),
    )
    draw.rounded_rectangle([MIDDLE - half, 128, MIDDLE + half, 152], radius=10, fill=meat(rng))
    draw.rounded_rectangle([MIDDLE - half, 152, MIDDLE + half, 182], radius=14, fill=bun)


def pizza(draw, rng):
    draw.polygon(
        [MIDDLE - 90, MIDDLE, MIDDLE + 70, MIDDLE - 62, MIDDLE + 70, MIDDLE + 62],
        fill=colour(rng, (35, 52), (0.5, 0.9), (0.75, 1)),
    )
    draw.line([MIDDLE + 72, MIDDLE - 64, MIDDLE + 72, MIDDLE + 64], fill=crust(rng), width=20)
    for _ in range(rng.integers(3, 7)):
        x = rng.uniform(-40, 55)
        disc(
            draw,
            MIDDLE + x,
            MIDDLE + rng.uniform(-0.3, 0.3) * (x + 90),
            rng.uniform(9, 15),
            meat(rng),
        )


def donut(draw, rng):
    radius = rng.uniform(65, 95)
    disc(draw, MIDDLE, MIDDLE, radius, crust(rng))
    disc(draw, MIDDLE, MIDDLE, radius * 0.88, colour(rng, (0, 360), (0.1, 0.7), (0.3, 1)))
    disc(draw, MIDDLE, MIDDLE, radius * rng.uniform(0.25, 0.4), (0, 0, 0, 0))


def egg(draw, rng):
    for _ in range(4):
        disc(
            draw,
            MIDDLE + rng.uniform(-25, 25),
            MIDDLE + rng.uniform(-25, 25),
            rng.uniform(50, 75),
            (250, 248, 240),
            rng.uniform(0.8, 1.1),
        )
    disc(draw, MIDDLE, MIDDLE, rng.uniform(24, 36), colour(rng, (36, 52), (0.7, 1), (0.85, 1)))


def apple(draw, rng):
    fill = colour(rng, (-20, 120), (0.55, 0.95), (0.5, 0.95))
    disc(draw, MIDDLE - 26, MIDDLE, rng.uniform(50, 62), fill, 1.15)
    disc(draw, MIDDLE + 26, MIDDLE, rng.uniform(50, 62), fill, 1.15)
    draw.line([MIDDLE, MIDDLE - 40, MIDDLE + 12, MIDDLE - 90], fill=(80, 50, 20), width=8)


def pencil(draw, rng):
    width = rng.uniform(16, 30)
    draw.rectangle(
        [MIDDLE - 95, MIDDLE - width / 2, MIDDLE + 65, MIDDLE + width / 2],
        fill=colour(rng, (0, 360), (0.4, 0.95), (0.4, 1)),
    )
    draw.polygon(
        [MIDDLE + 65, MIDDLE - width / 2, MIDDLE + 100, MIDDLE, MIDDLE + 65, MIDDLE + width / 2],
        fill=(230, 200, 150),
    )


def fish(draw, rng):
    fill = colour(rng, (0, 360), (0.1, 0.7), (0.4, 0.9))
    draw.polygon(
        [MIDDLE + 50, MIDDLE, MIDDLE + 100, MIDDLE - 40, MIDDLE + 100, MIDDLE + 40], fill=fill
    )
    disc(draw, MIDDLE - 10, MIDDLE, rng.uniform(75, 90), fill, rng.uniform(0.35, 0.55))
    disc(draw, MIDDLE - 60, MIDDLE - 8, 6, (20, 20, 20))


def spoon(draw, rng):
    fill = colour(rng, (0, 360), (0, 0.25), (0.55, 0.95))
    capsule(draw, 190, rng.uniform(9, 16), fill)
    disc(draw, MIDDLE - 75, MIDDLE, rng.uniform(28, 40), fill, 0.7)


SOURCE = [
    hotdog,
    apple,
    banana,
    bread,
    burger,
    carrot,
    cucumber,
    donut,
    egg,
    fish,
    pencil,
    pizza,
    sausage,
    spoon,
]
OTHERS = [
    apple,
    banana,
    bread,
    burger,
    carrot,
    cucumber,
    donut,
    eclair,
    egg,
    pizza,
    sandwich,
    sausage,
    taco,
]  # of the target task: most look like a hot dog in some way, three are new to the source net

"""Pictures that look alike."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

import hotdog_ft
from hotdog_ft.duplicates import near_duplicates
from hotdog_ft.folders import ImageFolder


def test_report_22_copies_between_training_and_test_set_are_listed(tmp_path):
    """Copies in another size, format and quality, one of them under another label."""
    rng = np.random.default_rng(0)

    def photo():  # smooth, as photographs are
        return Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype="uint8")).resize(
            (90, 60), Image.BICUBIC
        )

    for split, count in (("train", 12), ("test", 8)):
        for label in ("a", "b"):
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(count):
                photo().save(tmp_path / split / label / f"{number}.png")
    leak = Image.open(tmp_path / "train/a/3.png")
    leak.resize((45, 30)).save(tmp_path / "test/a/leak.jpg", quality=80)
    leak.save(tmp_path / "test/b/leak.webp", quality=60)
    frame = near_duplicates(*hotdog_ft.load_image_folders(tmp_path))
    assert set(frame["first"]) == {str(tmp_path / "train/a/3.png")}
    assert dict(zip(frame["second"], frame["same_label"])) == {
        str(tmp_path / "test/a/leak.jpg"): True,
        str(tmp_path / "test/b/leak.webp"): False,
    }
    within = ImageFolder(tmp_path / "test")
    assert len(near_duplicates(within, within)) == 1


def product(rng, colours=3):
    """One object in the middle of white, as shops show it."""
    colour = tuple(int(level) for level in np.resize(rng.integers(0, 200, colours), 3))
    width, height = rng.uniform(20, 75, 2)
    box = (128 - width, 128 - height, 128 + width, 128 + height)
    image = Image.new("RGB", (256, 256), "white")
    draw, kind = ImageDraw.Draw(image), rng.integers(3)
    if kind == 2:
        draw.polygon([(128, box[1]), (box[0], box[3]), (box[2], box[3])], colour)
    else:
        (draw.ellipse if kind else draw.rectangle)(box, colour)
    return image.resize((128, 128), Image.LANCZOS)


def saved_anew(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return Image.open(file)


COPIES = {
    "half the size": lambda image: image.resize((64, 64)),
    "twice the size": lambda image: image.resize((256, 256)),
    "poor JPEG": lambda image: saved_anew(image, "JPEG", quality=40),
    "WebP": lambda image: saved_anew(image, "WEBP", quality=60),
    "GIF": lambda image: saved_anew(image, "GIF"),
    "half the size and poor": lambda image: saved_anew(image.resize((64, 64)), "JPEG", quality=40),
    "grey": lambda image: image.convert("L"),
    "darker": lambda image: image.point(lambda level: level * 0.9),
}


@pytest.fixture
def folder_of(tmp_path):
    def folder_of(name, images):
        (tmp_path / name / "a").mkdir(parents=True)
        for number, image in enumerate(images):
            image.convert("RGB").save(tmp_path / name / "a" / f"{number:03}.png")
        return ImageFolder(tmp_path / name)

    return folder_of


@pytest.mark.parametrize("colours, few", [(3, 0.001), (1, 0.01)], ids=["colour", "grey"])
def test_report_80_products_on_white_are_not_taken_for_copies(colours, few, folder_of):
    rng = np.random.default_rng(0)
    ours = folder_of("ours", [product(rng, colours) for _ in range(80)])
    theirs = folder_of("theirs", [product(rng, colours) for _ in range(80)])
    # of 6400 pairs, a fingerprint of 64 bits takes a fifth; left are a few of one shape and colour
    assert len(near_duplicates(ours, theirs)) <= few * 6400


@pytest.mark.parametrize("copy", COPIES)
def test_report_80_copies_of_products_on_white_are_found(copy, folder_of):
    rng = np.random.default_rng(1)
    products = [product(rng) for _ in range(12)]
    copies = [COPIES[copy](image) for image in products]
    frame = near_duplicates(folder_of("ours", products), folder_of("theirs", copies))
    found = {(first[-7:], second[-7:]) for first, second in zip(frame["first"], frame["second"])}
    assert found == {(f"{number:03}.png", f"{number:03}.png") for number in range(12)}


def test_a_picture_and_itself_differ_in_nothing(folder_of):
    pictures = folder_of("ours", [product(np.random.default_rng(2))])
    assert near_duplicates(pictures, ImageFolder(pictures.paths[0].parents[1])).distance[0] == 0


def test_plain_pictures_are_told_apart_by_their_colour(folder_of):
    colours = ["white", "black", "red", "blue", (200, 200, 200)]
    plain = folder_of("ours", [Image.new("RGB", (40, 30), colour) for colour in colours])
    again = folder_of("again", [Image.new("RGB", (20, 15), colour) for colour in colours])
    frame = near_duplicates(plain, again)
    assert [p[-7:] for p in frame["first"]] == [p[-7:] for p in frame["second"]]
    assert len(frame) == 5

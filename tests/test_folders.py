"""Data sets as people have them: what the folders are called, what else lies in them."""

import unicodedata

import pytest
from picture_zoo import GOOD

import hotdog_ft
from hotdog_ft.folders import ImageFolder, picture_files

PICTURE = GOOD["plain.png"][0]
CLASSES = ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]


def put(root, *paths):
    """Write a picture to each path that ends in .png or has no suffix, else a few bytes."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(PICTURE if path.endswith(".png") else b"no picture")
    return root


def parts(*names):
    """The paths of two classes in each of some parts."""
    return [f"{name}/{path}" for name in names for path in CLASSES]


def load(root, **options):
    """The sets that are opened, and the text of the one warning ("" if there is none)."""
    with pytest.warns(UserWarning) as caught:
        sets = hotdog_ft.load_image_folders(root, **options)
        warned = [str(warning.message) for warning in caught]
        pytest.warns and __import__("warnings").warn("so that there is one", stacklevel=1)
    assert warned == (["\n".join(sets[0].notes)] if sets[0].notes else [])
    return (*sets, "\n".join(sets[0].notes))


def error_of(root, kind=hotdog_ft.DataError, **options):
    with pytest.raises(kind) as error:
        hotdog_ft.load_image_folders(root, **options)
    return str(error.value)

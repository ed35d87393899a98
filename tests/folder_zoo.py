"""Data sets in folders as tests write and open them."""

import warnings

import pytest
from picture_zoo import GOOD

import hotdog_ft

PICTURE = GOOD["plain.png"][0]
CLASSES = ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]


def put(root, *paths):
    """Write a file of its own to each path: a picture where it ends in .png."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        begin = PICTURE if path.endswith(".png") else b"no picture"
        (root / path).write_bytes(begin + path.encode())
    return root


def parts(*names):
    """The paths of two classes in each of some parts."""
    return [f"{name}/{path}" for name in names for path in CLASSES]


def load(root, **options):
    """The two sets and the notes, which come as one warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train_imgs, test_imgs = hotdog_ft.load_image_folders(root, **options)
    notes = "\n".join(train_imgs.notes)
    assert [str(warning.message) for warning in caught] == [notes] * bool(notes)
    return train_imgs, test_imgs, notes


def error_of(root, kind=hotdog_ft.DataError, **options):
    with pytest.raises(kind) as error:
        hotdog_ft.load_image_folders(root, **options)
    return str(error.value)

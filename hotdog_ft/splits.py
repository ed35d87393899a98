"""A data set as it comes: a training and a test set from folders, an archive, a CSV or a list."""

import os
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from .archives import unpack
from .data import check_pictures
from .files import DataError, existing
from .folders import WHAT_FITS, listed, misfit
from .layouts import parts_of_folder
from .lists import parts_of_rows, rows_of_csv, rows_of_list
from .subsets import hold_out

HOLDOUT = 0.2  # the share of each class that becomes the test set where there is none
OTHER_LISTS = (".xlsx", ".xls", ".ods", ".numbers", ".txt", ".json", ".jsonl", ".parquet")


def load_image_folders(source, *, holdout=None):
    """Open a training and a test set with the same labels, every picture checked.

    Parameters
    ----------
    source : path or list
        A folder or a zip or tar archive that holds ``train`` and one of ``test``, ``val``,
        ``valid`` or ``validation``, in any case, each with one folder per class; or class folders
        alone. Other folders may lie around them. Or a CSV file with the columns ``file`` (relative
        to the CSV) and ``label``, and ``split`` if there is one. Or a list of ``(path, label)`` or
        ``(path, label, split)``.
    holdout : float, optional
        The share of every class that is held out as the test set, where there is none: from 0 to
        below 1, the same pictures at every call. By default 0.2, but nothing beside a folder
        ``train``.

    Returns
    -------
    train_imgs, test_imgs : ImageFolder
        `Pictures` for a CSV file or a list. Labels go by class name: they agree between the two.
        ``test_imgs`` is None where there is no test set. Of three parts the validation set is
        ``train_imgs.valid_imgs``. ``train_imgs.notes`` says what was held out or is not used; it
        comes as a warning as well.

    Raises
    ------
    DataError
        There is no such data set, a class is missing from a part, or some pictures cannot be read;
        all of these are named.
    ValueError
        `holdout` is no share, or there is a test set; `source` is no path and no list of pairs.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> train_imgs, test_imgs = load_image_folders(load_recipe("mini").data)
    >>> train_imgs
    <ImageFolder train: 300 hotdog, 300 not-hotdog>
    >>> picture, label = train_imgs[0]
    >>> picture.shape, picture.dtype, train_imgs.classes[label]
    ((96, 72, 3), dtype('uint8'), 'hotdog')
    """
    if holdout is not None and not (
        isinstance(holdout, (int, float, np.number)) and 0 <= holdout < 1
    ):
        raise ValueError(f"holdout is {holdout!r}: it must be a share from 0 to below 1.")
    parts, notes = _parts(source)
    _check_classes(parts)
    if holdout is not None and len(parts) > 1:
        raise ValueError(
            f"holdout={holdout} holds out a test set, and there is one: {parts['test'].name}."
        )
    skipped = sum((getattr(images, "skipped", Counter()) for images in parts.values()), Counter())
    if skipped:
        kinds = [f"{count} {kind}" for kind, count in skipped.most_common()]
        notes.append(f"Skipped, as they are no pictures: {listed(kinds, 9)}.")
    share = (HOLDOUT if "all" in parts else 0) if holdout is None else holdout
    train_imgs, test_imgs = parts.get("all", parts.get("train")), parts.get("test")
    valid_imgs = parts.get("valid")
    if test_imgs is None and share:
        train_imgs, test_imgs = hold_out(train_imgs, share)
        test_imgs.name += " (held out)"
        notes.append(
            f"There is no test set: {len(test_imgs)} of {len(train_imgs) + len(test_imgs)} "
            f"pictures, {share:g} of each class and one at least, are held out (holdout=0: none)."
        )
    elif test_imgs is None and holdout is None:
        notes.append(
            f"There is no test set beside {train_imgs.name}: nothing will be measured "
            f"(holdout={HOLDOUT}, or train --holdout {HOLDOUT}, holds one out)."
        )
    others = [images for images in (test_imgs, valid_imgs) if images is not None]
    check_pictures(train_imgs, *others)
    notes += _alike(train_imgs.classes)
    notes += [note for images in others for note in _learnt(train_imgs, images)]
    train_imgs.valid_imgs = valid_imgs
    train_imgs.notes = [*notes, *(note for images in parts.values() for note in images.notes)]
    if train_imgs.notes:
        warnings.warn("\n".join(train_imgs.notes), stacklevel=2)
    return train_imgs, test_imgs


def _parts(source):
    """``{"all": images}`` or ``{"train": images, "test": …, "valid": …}``, and notes."""
    if not isinstance(source, (str, os.PathLike)):
        return _named(parts_of_rows(rows_of_list(source), "the list", Path()), "The list"), []
    path = existing(source, WHAT_FITS)
    suffix = None if path.is_dir() else path.suffix.lower()
    if suffix is not None and not path.is_file():
        raise DataError(f"{path} is no file and no folder. {WHAT_FITS}")
    if suffix in (".csv", ".tsv"):
        return _named(parts_of_rows(rows_of_csv(path), path.name, path.parent), path), []
    if suffix in OTHER_LISTS:
        raise DataError(f"{path} is no CSV file: save it as CSV UTF-8, columns file and label.")
    parts, notes = parts_of_folder(path if suffix is None else unpack(path))
    return _named(parts, path), notes


def _named(parts, where):
    """Parts of which "train" is one, where there are any; a lone validation set is the test set."""
    if "all" not in parts and "train" not in parts:
        raise DataError(f"{where} holds no picture to train on.")
    if len(parts) == 2 and "test" not in parts:
        parts["test"] = parts.pop("valid")
    return parts


def _alike(classes):
    """A note on classes that may be one."""
    count = Counter(map(str.casefold, classes))
    alike = [name for name in classes if count[name.casefold()] > 1]
    return [f"Classes that differ in case alone: {listed(alike, 9)}."] if alike else []


def _learnt(train_imgs, images):
    """A note on pictures to test or validate on that the net has learnt from."""
    known = set(map(train_imgs.content_of, range(len(train_imgs))))
    learnt = [path for i, path in enumerate(images.paths) if images.content_of(i) in known]
    if not learnt:
        return []
    return [
        f"Of {len(images)} pictures in {images.name}, {len(learnt)} are training pictures too, "
        f"byte for byte: {listed(learnt)}. What is measured on these says too much."
    ]


def _check_classes(parts):
    """Refuse a single class, and parts of different classes."""
    classes = sorted(set().union(*(set(images.classes) for images in parts.values())))
    problems = [
        f"{images.root / name if hasattr(images, 'root') else f'{images.name}: {name}'}"
        for images in parts.values()
        for name in classes
        if name not in images.classes
    ]
    if problems:
        raise DataError(
            f"{listed(problems, 9)} holds no pictures: every part needs the same classes."
        )
    if len(classes) < 2:
        where = parts.get("all", parts.get("train"))
        why = f"holds one class, {listed(classes)}: with fewer than two there is nothing to tell"
        if hasattr(where, "root"):
            raise misfit(where.root, f"{why} apart.")
        raise DataError(f"{where.name} {why} apart.")

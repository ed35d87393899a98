"""A data set as it comes: a training and a test set from folders, an archive, a CSV or a list."""

import os
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from .archives import unpack
from .data import check_pictures
from .files import DataError, existing
from .folders import (
    WHAT_FITS,
    ImageFolder,
    class_name,
    holds_pictures,
    listed,
    loose_pictures,
    misfit,
    other_reading,
    part_of,
    subfolders,
)
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
            f"(holdout={HOLDOUT}, or --holdout {HOLDOUT}, holds one out)."
        )
    check_pictures(
        *(images for images in (train_imgs, test_imgs, valid_imgs) if images is not None)
    )
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
    suffix = path.suffix.lower()
    if path.is_dir():
        return _parts_of_folder(path)
    if not path.is_file():
        raise DataError(f"{path} is no file and no folder. {WHAT_FITS}")
    if suffix in (".csv", ".tsv"):
        return _named(parts_of_rows(rows_of_csv(path), path.name, path.parent), path), []
    if suffix in OTHER_LISTS:
        raise DataError(f"{path} is no CSV file: save it as CSV UTF-8, columns file and label.")
    return _parts_of_folder(unpack(path))


def _named(parts, where):
    """Parts of which "train" is one, where there are any; a lone validation set is the test set."""
    if "all" not in parts and "train" not in parts:
        raise DataError(f"{where} holds no picture to train on.")
    if len(parts) == 2 and "test" not in parts:
        parts["test"] = parts.pop("valid")
    return parts


def _parts_of_folder(folder):
    found = _find_parts(folder)
    if len(found) > 1:
        names = [str(next(iter(some.values())).parent) for some in found]
        raise misfit(folder, f"holds several data sets, {listed(names)}: name one of them.")
    if not found:
        images = ImageFolder(_folder_of_classes(folder))
        return {"all": images}, other_reading(images)
    parts = {kind: ImageFolder(_without_wraps(part)) for kind, part in found[0].items()}
    for kind, part in found[0].items():
        parts[kind].name = class_name(part.name)
    parent, notes = found[0]["train"].parent, []
    others = [sub for sub in subfolders(parent) if sub not in found[0].values()]
    if len(parts) > 1:
        others = [sub for sub in others if part_of(sub.name)]  # of any other it is no wonder
    others = [sub.name for sub in others if holds_pictures(sub)]
    if others and len(parts) == 1:
        raise misfit(
            parent,
            f"holds pictures in train and, beside it, in {listed(others)}: without a test set it "
            "is not clear which are classes. Name one of these folders, or move them apart.",
        )
    others += [path.name for path in loose_pictures(parent)]
    if others:
        notes.append(f"Not used, as it lies beside the parts in {parent}: {listed(others)}.")
    return _named(parts, folder), notes


def _find_parts(folder, levels=2):
    """All splits in a folder, or else in the folders below: a list of ``{"train": folder, …}``."""
    groups, found = {}, {}
    for sub in subfolders(folder):
        kind, rest = part_of(sub.name) or ("", "")
        groups.setdefault(rest, {}).setdefault(kind, []).append(sub)
    for rest, group in groups.items():
        told = len(group) > 1 or rest in ("*", "*set", "*_set", "*-set", "* set")
        parts = {kind: list(filter(_holds_classes, subs)) for kind, subs in group.items()}
        parts = {kind: subs for kind, subs in parts.items() if subs}
        if "train" not in parts or not told:
            continue
        if len(parts) == 1:  # opening what is beside it says what is wrong with it
            parts.update(
                {k: v for k, v in group.items() if k == "test" or any(map(holds_pictures, v))}
            )
        twice = next((subs for subs in parts.values() if len(subs) > 1), None)
        if twice:
            names = listed(sub.name for sub in twice)
            raise misfit(folder, f"holds {names}, which mean the same: rename or merge them.")
        found[rest] = {kind: subs[0] for kind, subs in parts.items()}
    if "*" in found:
        return [found["*"]]
    if found or not levels:
        return list(found.values())
    inner = subfolders(folder)
    levels -= len(inner) > 1  # as many folders in each other as there are, where each is alone
    return [parts for sub in inner for parts in _find_parts(sub, levels)]


def _holds_classes(folder):
    return any(holds_pictures(sub) for sub in subfolders(folder))


def _without_wraps(part):
    """The folder of the classes in a part: "train/images" where that is all that "train" holds."""
    inner = [sub for sub in subfolders(part) if holds_pictures(sub)]
    if len(inner) != 1 or loose_pictures(part) or not _holds_classes(inner[0]):
        return part
    return _without_wraps(inner[0])


def _folder_of_classes(folder):
    """The folder whose folders are the classes: this one, or one below if that is all it holds."""
    while True:
        inner = [sub for sub in subfolders(folder) if holds_pictures(sub)]
        parts = [part_of(sub.name) for sub in inner if part_of(sub.name)]
        alike = len({rest for _, rest in parts}) < len(parts)  # "train" alone may be a class
        if alike or len(parts) == len(inner) > 0 or ("test", "*") in parts:
            names = listed(sub.name for sub in inner if part_of(sub.name))
            raise misfit(
                folder,
                f"holds {names}, and no class folders in a folder train beside the rest. To hold "
                "out a test set, name the folder of the classes itself; rename what is a class.",
            )
        if _without_wraps(folder) == folder:
            break
        folder = inner[0]
    for sub in inner:
        kinds = {part_of(below.name)[0] for below in subfolders(sub) if part_of(below.name)}
        if len(kinds) > 1:
            raise misfit(folder, f"holds parts in {sub.name}: it must be the other way round.")
    return folder


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

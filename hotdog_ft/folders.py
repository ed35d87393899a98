"""Pictures below folders: which files are meant, what else lies there, and folders as classes."""

import os
import re
import unicodedata
from collections import Counter
from itertools import islice
from pathlib import Path

from .data import Pictures
from .files import DataError, user_path
from .picture import SUFFIXES, is_picture

# Folders that systems leave behind. What @eaDir holds is small copies of the pictures beside it.
JUNK = frozenset(
    ("__macosx", "@eadir", "@tmp", "@recycle", "#recycle", "#snapshot", "$recycle.bin")
    + ("@__thumb", "@recently-snapshot", "recycler", "network trash folder", "temporary items")
    + ("lost+found", "system volume information", "__pycache__")
)
# Files that begin like a TIFF or a JPEG and are none: cameras' raw data, and pictures of films.
NO_PICTURES = frozenset(
    (".3fr", ".arw", ".cr2", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raw", ".rw2", ".srw", ".thm")
    + (".dcr", ".erf", ".fff", ".gpr", ".iiq", ".kdc", ".mef", ".mos", ".rwl", ".sr2", ".srf")
)
# A copy that a program kept of a picture, or half a download: "1.jpg~", "1.jpg.crdownload".
COPY = re.compile(rf"({'|'.join(map(re.escape, SUFFIXES))})(~|_original|\.(?!\d+$)\w+)$")
WHAT_FITS = (
    "What fits: train/ and test/ with one folder of pictures per class, or the class folders "
    "alone; a zip or tar archive of that; or a CSV file with the columns file and label."
)


def natural(path):
    """The key that sorts "img_2.jpg" before "IMG_10.jpg": numbers by value, letters in any case."""

    def key(part):
        pieces = re.split(r"(\d+)", class_name(part).casefold())  # a number in each second place
        return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)]

    return [(key(part), part) for part in Path(path).parts]


def visible(folder):
    """What a folder holds, hidden entries left out, "2.jpg" before "10.jpg"."""
    try:
        entries = [entry for entry in Path(folder).iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be listed ({error}).") from error
    return sorted(entries, key=lambda entry: natural(entry.name))


def subfolders(folder):
    """The visible folders in a folder, but for those that systems leave behind."""
    found = (entry for entry in visible(folder) if entry.name.lower() not in JUNK)
    return [entry for entry in found if os.path.isdir(entry)]


def is_meant(file):
    """Whether a file is meant as a picture: by its suffix, else by its first bytes."""
    suffix = file.suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix in NO_PICTURES or COPY.search(file.name.lower()):
        return False
    return is_picture(file)


def _kind(path):
    return path.name if os.path.isdir(path) else path.suffix.lower() or path.name


def _walk(folder, been):
    """Every file below a folder, and whether it is meant as a picture; `been`: folders seen."""
    here = os.path.realpath(folder)
    if here in been:  # a link to a folder above, or to one that was gone into already
        yield folder, False
        return
    been.add(here)
    for entry in visible(folder):
        if entry.name.lower() in JUNK:
            yield entry, False
        elif os.path.isdir(entry):
            yield from _walk(entry, been)
        else:
            yield entry, is_meant(entry)


def _files(folder, root=None):
    above = set(map(str, Path(os.path.realpath(folder)).parents))
    return _walk(folder, above | ({os.path.realpath(root)} if root else set()))


def picture_files(folder, root=None):
    """All pictures below a folder at any depth, and what else is there.

    A file with a picture's suffix is taken, whatever it holds. Any other is taken if its first
    bytes are a picture's. Hidden entries do not count. Links are followed, never in a circle, nor
    to `root`, a folder that holds this one.

    Returns
    -------
    files : list of pathlib.Path
        "2.jpg" before "10.jpg".
    skipped : collections.Counter
        How many others there are, by suffix (``".mov"``), or by name where there is none.

    Raises
    ------
    DataError
        A folder cannot be listed.
    """
    files, skipped = [], Counter()
    for path, meant in _files(folder, root):
        if meant:
            files.append(path)
        else:
            skipped[_kind(path)] += 1
    return files, skipped


def holds_pictures(folder):
    """Whether there is a picture below a folder, at any depth."""
    return any(meant for _, meant in _files(folder))


def loose_pictures(folder):
    """The pictures that lie in a folder itself."""
    return [p for p in visible(folder) if not os.path.isdir(p) and is_meant(p)]


def listed(names, most=3):
    """``a, b, c and 4 more``."""
    names = [class_name(str(name)) for name in names]
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return " ".join([", ".join(names[:most])] + more)


def misfit(folder, why):
    """The DataError for a folder that holds no data set, with what is there and what would fit."""

    def lines(folder, depth):
        counts = [(len(picture_files(sub)[0]), sub) for sub in subfolders(folder)]
        for count, sub in sorted(counts, key=lambda found: not found[0]):
            yield f"{'  ' * depth}{listed([sub.name])}/  {count} picture{'s' * (count != 1)}"
            if depth == 1:
                yield from lines(sub, 2)
        loose = loose_pictures(folder)
        if loose and (depth == 1 or counts):
            names = listed(path.name for path in loose)
            yield f"{'  ' * depth}outside these: {names}"

    found = list(islice(lines(folder, 1), 13)) or ["  no folder and no picture"]
    tree = found if len(found) < 13 else found[:11] + ["  …"]
    return DataError("\n".join([f"{folder} {why} It holds:"] + tree + [WHAT_FITS]))


def class_name(text):
    """A name as it is compared and printed.

    It has Unicode's normal form C, for Macs store "ì" as two signs. Bytes that are no Unicode
    become escapes.
    """
    return unicodedata.normalize("NFC", text.encode("utf-8", "backslashreplace").decode())


class ImageFolder(Pictures):
    """Pictures in one folder per class: ``root/hotdog/1.jpg``, ``root/not-hotdog/old/1.jpg``, …

    Labels are positions in `classes`. Folders in class folders are gone into; what is no picture is
    skipped (see `picture_files`). Names that differ only in how Unicode writes them are one class.

    Parameters
    ----------
    root : path
        The folder that holds one folder per class.
    classes : list of str, optional
        Their names in label order; by default the folders' names, sorted.

    Attributes
    ----------
    skipped : collections.Counter
        What was found in class folders, or beside them, and is no picture.

    Raises
    ------
    DataError
        The folder or a class is missing, or a class has no pictures.
    """

    def __init__(self, root, classes=None):
        self.root = user_path(root)
        if not self.root.is_dir():
            raise DataError(f"There is no folder {self.root}.")
        found, real, self.skipped, empty = {}, {}, Counter(), []
        for folder in subfolders(self.root):
            files, skipped = picture_files(folder, self.root)
            self.skipped += skipped
            other = real.setdefault(os.path.realpath(folder), folder)
            if other is not folder:
                raise DataError(f"{folder} and {other} are one folder: remove the link.")
            if files:
                found.setdefault(class_name(folder.name), []).extend(files)
            else:
                empty.append(folder.name)
        loose = loose_pictures(self.root)
        beside = set(visible(self.root)) - {*loose, *subfolders(self.root)}
        self.skipped += Counter(map(_kind, beside))
        if not found:
            why = "holds pictures, but none in a folder:" if loose else "holds no pictures:"
            raise misfit(self.root, f"{why} one folder per class is expected in it.")
        names = sorted(found) if classes is None else [class_name(str(name)) for name in classes]
        if set(names) != set(found):
            odd = listed(sorted(set(names) ^ set(found)), 9)
            raise DataError(f"{self.root} has other classes than are wanted; what differs: {odd}.")
        paths = [path for name in names for path in found[name]]
        labels = [label for label, name in enumerate(names) for _ in found[name]]
        name = class_name(os.path.basename(os.path.abspath(self.root)))
        super().__init__(paths, labels, names, name)
        if loose:
            self.notes.append(
                f"Pictures beside the class folders of {self.root}, which are not used: "
                f"{listed(path.name for path in loose)}."
            )
        if empty:
            self.notes.append(f"Without a picture in {self.root}: {listed(empty)}.")

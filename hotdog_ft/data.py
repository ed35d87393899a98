"""Pictures with labels: opened, checked, compared."""

import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from .download import cache_folder, fetch
from .files import DataError
from .labels import class_names
from .picture import read_picture
from .picture_array import as_numpy

# The book's registration, d2l.DATA_HUB['hotdog'], with https for http.
HOTDOG_URL = "https://d2l-data.s3-accelerate.amazonaws.com/hotdog.zip"
HOTDOG_SHA1 = "fba480ffa8aa7e0febbb511d181409f899b9baa5"

CACHE_BYTES = 1 << 30  # decoded pictures that one data set keeps in memory
WORKERS = 2  # threads that decode and augment; the result does not depend on it


def download_hotdog():
    """Return the path of the book's ``hotdog.zip`` (about 261 MB), fetched if need be."""
    return fetch(HOTDOG_URL, f"sha1:{HOTDOG_SHA1}", cache_folder() / "hotdog.zip")


class Pictures:
    """Picture files with labels: ``pictures[i]`` is ``(uint8 array (height, width, 3), label)``.

    Decoded pictures stay in memory up to ``CACHE_BYTES``: only the first epoch pays for decoding.
    So the arrays are read-only: change a copy.

    Parameters
    ----------
    paths : sequence of path
    labels : sequence of int, optional
        By default 0 for every picture.
    classes : list of str, optional
        What the labels stand for.
    name : str, optional
        How the set prints.

    Attributes
    ----------
    notes : list of str
        What is to be said about the set, a line each, such as files that were skipped.
    valid_imgs : Pictures or None
        Where a set of three parts was opened, the one that is for choosing the epoch.
    """

    def __init__(self, paths, labels=None, classes=None, name=""):
        self.paths = [Path(path) for path in paths]
        self.labels = [0] * len(self.paths) if labels is None else list(labels)
        self.classes, self.name = classes, name
        self.notes, self.valid_imgs = [], None
        self._decoded, self._sha256, self._room = {}, {}, [CACHE_BYTES]

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        path = self.paths[index]
        picture = self._decoded.get(path)
        if picture is None:
            picture = read_picture(path)
            picture.flags.writeable = False
            self._file_sha256(path)
            fits = picture.nbytes <= self._room[0]
            if fits and self._decoded.setdefault(path, picture) is picture:  # no thread was quicker
                self._room[0] -= picture.nbytes
        return picture, self.labels[index]

    def _file_sha256(self, path):
        """Hash of a file as it was when it was first read, whatever becomes of it on disk."""
        if path not in self._sha256:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise DataError(f"{path} cannot be opened ({error.strerror}).") from error
            self._sha256[path] = hashlib.sha256(content).digest()
        return self._sha256[path]

    def content_of(self, index):
        """Bytes that stand for a picture as it was read: its file's hash."""
        if type(self).__getitem__ is not Pictures.__getitem__:  # it makes something else of a file
            return array_content(self[index][0])
        return self._file_sha256(self.paths[index])

    def subset(self, indices):
        """The same data set with only the pictures at `indices`; the memory is shared."""
        part = object.__new__(type(self))
        part.__dict__.update(self.__dict__)
        chosen = np.array(list(indices))  # a mask of bools may choose too
        indices = np.arange(len(self))[chosen if chosen.size else []].tolist()
        part.paths = [self.paths[i] for i in indices]
        part.labels = [self.labels[i] for i in indices]
        return part

    def __repr__(self):
        holds = f"{len(self)} pictures"
        if self.classes is not None:
            counts = np.bincount(self.labels, minlength=len(self.classes))
            holds = ", ".join(f"{count} {name}" for count, name in zip(counts, self.classes))
        return f"<{' '.join([type(self).__name__, self.name]).strip()}: {holds}>"


def files_below(path):
    """Name, size and time of every file below a path, or of a file: whether any has changed."""
    found, been, stamps = {path}, set(), []
    for folder, folders, files in os.walk(path, followlinks=True):
        here = os.path.realpath(folder)
        if here in been:  # a link to a folder above
            folders.clear()
        been.add(here)
        found.update(os.path.join(folder, file) for file in files)
    for file in sorted(found):
        with suppress(OSError):  # a link to nowhere, or gone meanwhile
            about = os.stat(file)
            stamps.append((file, about.st_size, about.st_mtime_ns))
    return tuple(stamps)


def bad_pictures(sentences, count):
    """The DataError that names all pictures that cannot be read, of `count` that were tried."""
    head = [f"{len(sentences)} of {count} pictures are bad:"] if count > 1 else []
    return DataError("\n".join([*head, *map(str, sentences)]))


def bar(*items, **options):
    """tqdm's bar, in a terminal alone: not in a file or a notebook, or where nothing is shown."""
    from tqdm import tqdm

    # None: where standard error is no terminal
    return tqdm(*items, leave=False, disable=True if sys.stderr is None else None, **options)


def check_pictures(*sets):
    """Decode every picture of these sets now, and name all that cannot be read in one DataError."""
    places = [(images, index) for images in sets for index in range(len(images))]

    def problem(place):
        images, index = place
        try:
            images[index]
        except DataError as error:
            return str(error)

    with ThreadPoolExecutor(WORKERS) as pool:
        found = pool.map(problem, places)
        found = list(bar(found, desc="reading pictures", total=len(places), delay=1))
    bad = [message for message in found if message]
    if bad:
        raise bad_pictures(bad, len(places))


def content_sha256(images):
    """Hash of what a data set holds: its class names in order, and every picture with its label.

    Where the files lie does not matter. Their bytes and their order do, and the order goes by name.

    Parameters
    ----------
    images : Pictures
        Or anything with a length whose items are (uint8 picture, label).
    """
    names = class_names(images)
    total = hashlib.sha256(json.dumps(names and list(map(str, names))).encode())
    for index in range(len(images)):
        if isinstance(images, Pictures):
            content, label = images.content_of(index), images.labels[index]
        else:
            picture, label = images[index]
            content = array_content(picture)
        total.update(f"{int(label)} ".encode() + content)
    return total.hexdigest()


def array_content(picture):
    """Bytes that stand for a picture in memory: the hash of its shape, type and values."""
    picture = as_numpy(picture)
    kind = f"{picture.shape} {picture.dtype} ".encode()
    return hashlib.sha256(kind + picture.tobytes()).digest()

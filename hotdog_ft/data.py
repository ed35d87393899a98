"""Pictures in folders: found, opened, labelled, compared."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from .download import DataError, cache_folder, fetch, unpack
from .picture import read_picture

# The book's registration, d2l.DATA_HUB['hotdog'], with https for http.
HOTDOG_URL = "https://d2l-data.s3-accelerate.amazonaws.com/hotdog.zip"
HOTDOG_SHA1 = "fba480ffa8aa7e0febbb511d181409f899b9baa5"

CACHE_BYTES = 1 << 30  # decoded pictures that one data set keeps in memory
WORKERS = 2  # threads that decode and augment; the result does not depend on it


def download_hotdog():
    """Return the path of the book's ``hotdog.zip`` (about 261 MB), fetched if need be."""
    return fetch(HOTDOG_URL, f"sha1:{HOTDOG_SHA1}", cache_folder() / "hotdog.zip")


def visible(folder):
    """What a folder holds, sorted by name, hidden entries left out."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be listed ({error}).") from error


class Pictures:
    """Picture files with labels: ``pictures[i]`` is ``(uint8 array (height, width, 3), label)``.

    Decoded pictures stay in memory up to ``CACHE_BYTES``: only the first epoch pays for decoding.

    Parameters
    ----------
    paths : sequence of path
    labels : sequence of int, optional
        By default 0 for every picture.
    """

    def __init__(self, paths, labels=None):
        self.paths = [Path(path) for path in paths]
        self.labels = [0] * len(self.paths) if labels is None else list(labels)
        self._decoded, self._sha256, self._room = {}, {}, [CACHE_BYTES]

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        path = self.paths[index]
        picture = self._decoded.get(path)
        if picture is None:
            picture = read_picture(path)
            self._file_sha256(path)
            if picture.nbytes <= self._room[0]:
                self._room[0] -= picture.nbytes
                self._decoded[path] = picture
        return picture, self.labels[index]

    def _file_sha256(self, path):
        """Hash of a file as it was when it was first read, whatever becomes of it on disk."""
        if path not in self._sha256:
            self._sha256[path] = hashlib.sha256(path.read_bytes()).digest()
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
        part.paths = [self.paths[i] for i in indices]
        part.labels = [self.labels[i] for i in indices]
        return part

    def __repr__(self):
        return f"<{type(self).__name__}: {len(self)} pictures>"

    def check(self):
        """Decode every picture now, and name all that cannot be read in one DataError."""

        def problem(index):
            try:
                self[index]
            except DataError as error:
                return str(error)

        with ThreadPoolExecutor(WORKERS) as pool:
            bad = [message for message in pool.map(problem, range(len(self))) if message]
        if bad:
            raise DataError("\n".join([f"{len(bad)} of {len(self)} pictures are bad:"] + bad))
        return self


class ImageFolder(Pictures):
    """Pictures in one folder per class: ``root/hotdog/1.jpg``, ``root/not-hotdog/1.jpg``, …

    Labels are positions in `classes`. Hidden files and folders are ignored.

    Parameters
    ----------
    root : path
        The folder that holds one folder per class.
    classes : list of str, optional
        Their names in label order; by default the folders' names, sorted.

    Raises
    ------
    DataError
        The folder or a class is missing, or a class has no files.
    """

    def __init__(self, root, classes=None):
        self.root = Path(root)
        if not self.root.is_dir():
            raise DataError(f"There is no folder {self.root}.")
        found = [entry.name for entry in visible(self.root) if entry.is_dir()]
        self.classes = list(classes or found)
        if not self.classes:
            raise DataError(
                f"{self.root} holds no pictures: one folder per class is expected in it."
            )
        if sorted(self.classes) != found:
            odd = sorted(set(self.classes) ^ set(found))
            raise DataError(
                f"{self.root} and its sister folder disagree about the classes: "
                f"{', '.join(odd)} is in one of them only. Both need the same."
            )
        paths, labels = [], []
        for label, name in enumerate(self.classes):
            # "2.jpg" before "10.jpg", as a reader would count
            files = sorted(visible(self.root / name), key=lambda path: (len(path.name), path.name))
            if not files:
                raise DataError(f"{self.root / name} holds no pictures.")
            paths += files
            labels += [label] * len(files)
        super().__init__(paths, labels)

    def __repr__(self):
        counts = np.bincount(self.labels, minlength=len(self.classes))
        parts = ", ".join(f"{count} {name}" for name, count in zip(self.classes, counts))
        return f"<ImageFolder {self.root.name}: {parts}>"


def load_image_folders(path):
    """Open ``path/train`` and ``path/test`` with the same labels, every picture checked.

    Parameters
    ----------
    path : path
        A folder or a zip archive that holds ``train`` and ``test``, or one folder with them.

    Returns
    -------
    train_imgs, test_imgs : ImageFolder
        Labels go by class name: they agree between the two.

    Raises
    ------
    DataError
        There is no such folder or archive, a class is missing from one of the two, or some pictures
        cannot be read; all of these are named.

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
    path = Path(path).expanduser()
    if not path.exists():
        raise DataError(
            f"There is no {path}. Name a folder or a zip archive that holds train/ "
            "and test/ with one folder per class."
        )
    folder = path if path.is_dir() else unpack(path)
    for root in [folder] + [entry for entry in visible(folder) if entry.is_dir()]:
        if (root / "train").is_dir() and (root / "test").is_dir():
            train_imgs = ImageFolder(root / "train")
            test_imgs = ImageFolder(root / "test", train_imgs.classes)
            return train_imgs.check(), test_imgs.check()
    raise DataError(
        f"{path} does not hold the folders train and test, each with one folder per class."
    )


def content_sha256(images):
    """Hash of what a data set holds: its class names in order, and every picture with its label.

    Where the files lie does not matter. Their bytes and their order do, and the order goes by name.

    Parameters
    ----------
    images : Pictures
        Or anything with a length whose items are (uint8 picture, label).
    """
    classes = getattr(images, "classes", None)
    names = None if classes is None else list(map(str, classes))
    total = hashlib.sha256(json.dumps(names).encode())
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
    picture = np.asarray(picture)
    kind = f"{picture.shape} {picture.dtype} ".encode()
    return hashlib.sha256(kind + picture.tobytes()).digest()

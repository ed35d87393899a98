"""Whatever may stand for pictures, opened one after the other: paths, bytes, arrays and streams."""

import glob
import io
import os
from collections.abc import Iterable
from functools import partial
from itertools import chain, islice
from pathlib import Path

from PIL import Image

from .data import Pictures
from .files import DataError, existing, on_disk, spellings
from .folders import JUNK, is_meant, natural, picture_files
from .labels import is_whole
from .loader import as_picture, in_threads
from .picture import from_array, from_image, read_picture
from .picture_array import as_numpy

BATCH = 32  # pictures that are prepared, and judged, together
WANTED = "Name pictures, folders of pictures, or a pattern such as 'photos/*.jpg'."


def _matches(pattern):
    """The pictures that a pattern means, in order; of a folder that exists its name counts."""
    root = next(parent for parent in pattern.parents if os.path.exists(parent))
    rest, begin = str(pattern.relative_to(root)), glob.escape(str(root))
    patterns = (os.path.join(begin, each) for each in spellings(rest))
    found = (glob.glob(each, recursive=True) for each in patterns)
    files, paths = [], set(map(Path, chain.from_iterable(found)))
    for path in paths:
        odd = any(part.lower() in JUNK for part in path.relative_to(root).parts)
        if odd or not paths.isdisjoint(path.parents):  # all of a folder that matches is taken
            continue
        if path.is_dir():
            files += picture_files(path)[0]
        elif is_meant(path):
            files.append(path)
    return sorted(files, key=natural)


def _files(text):
    """The files that one path, folder or pattern stands for."""
    if len(text) > 4096 or text.startswith("data:"):
        raise DataError(f"{text[:30]}… is no path: give a picture's content as bytes. {WANTED}")
    path = on_disk(Path(os.path.expanduser(text)))
    if os.path.islink(path) and not os.path.exists(path):
        return [path]  # to nowhere, which is said where it is read
    if glob.has_magic(text) and not os.path.exists(path) and "://" not in text:
        files = _matches(path)
        if not files:
            raise DataError(f"There is no picture that matches {text}. {WANTED}")
        return files
    path = existing(text, WANTED)
    return picture_files(path)[0] if path.is_dir() else [path]


def _name_of(source):
    """The file name that an object brings along; None if it has none."""
    names = (getattr(source, attribute, None) for attribute in ("filename", "name"))
    return next((str(name) for name in names if name and isinstance(name, (str, Path))), None)


def _content(file):
    """All bytes of a file object, from its beginning where it can be wound back."""
    try:
        if hasattr(file, "seekable") and file.seekable():
            file.seek(0)
        content = file.read()
    except (OSError, ValueError) as error:  # ValueError: it is closed
        raise DataError(f"it cannot be read ({error}).") from error
    if not isinstance(content, (bytes, bytearray)):
        kind = type(content).__name__
        raise DataError(f"it gives {kind} instead of bytes: open it in binary mode, 'rb'.")
    return content


def _decoder(content, name):
    file = io.BytesIO(content)
    file.name = name  # for messages
    return partial(read_picture, file)


def _read(file, name):
    return _decoder(_content(file), name)


def _converted(image, name):
    return from_image(image)


def _refuse(error, name=None):
    raise error


def _each(source):
    """``name, fetch`` of every picture that `source` stands for; the name may be None.

    ``fetch(name)`` gives pixels, or what gives them when it is called, by any thread and later. For
    when the next picture is asked for, an array may be overwritten, and a file closed. It is a
    `partial` for all but files.
    """
    if isinstance(source, Pictures):
        for index, path in enumerate(source.paths):
            yield str(path), lambda name, i=index: lambda: as_picture(source[i][0], name)
    elif isinstance(source, (str, os.PathLike)):
        text = os.fsdecode(source)
        try:
            files = _files(text)
        except DataError as error:
            yield text, partial(_refuse, error)
        else:
            for path in files:
                yield str(path), lambda _, path=path: partial(read_picture, path)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        yield None, partial(_decoder, source)
    elif isinstance(source, Image.Image):
        yield _name_of(source), partial(_converted, source)
    elif hasattr(source, "read"):
        yield _name_of(source), partial(_read, source)
    elif hasattr(source, "asnumpy") or hasattr(source, "__array__"):
        array = as_numpy(source)
        if array.ndim == 4 or (array.ndim == 1 and array.dtype.kind in "OU"):
            yield from _each(list(array))
        else:
            yield None, partial(from_array, array)
    elif isinstance(source, tuple) and len(source) == 2 and is_whole(source[1]):
        yield from _each(source[0])  # an example: a picture with its label
    elif isinstance(source, Iterable) and not isinstance(source, dict):
        for item in source:
            yield from _each(item)
    elif {"__getitem__", "__len__"} <= set(dir(source)) and not isinstance(source, dict):
        for index in range(len(source)):  # a data set
            yield from _each(source[index])
    else:
        why = f"an object of type {type(source).__name__} is no picture. {WANTED}"
        yield None, partial(_refuse, DataError(why))


def named(pictures):
    """``name, fetch`` of every picture in order; without a name it is "picture 1", "picture 2", …

    Returns
    -------
    list, or an iterator where `pictures` is no path, list, tuple or `Pictures`
    """
    each = enumerate(_each(pictures), 1)
    found = ((name or f"picture {place}", fetch) for place, (name, fetch) in each)
    held = isinstance(pictures, (str, os.PathLike, list, tuple, Pictures))
    return list(found) if held else found


def files_of(paths):
    """The files that paths, folders and patterns stand for, in order; none of them is opened.

    Parameters
    ----------
    paths : path, ImageFolder, or iterable of these
        See `hotdog_ft.predict`.

    Returns
    -------
    list of str
        With what is not there among them: that is said where it is opened.

    Raises
    ------
    DataError
        Nothing is there.
    ValueError
        Something is no path.
    """
    files, absent = [], []
    for name, fetch in _each(paths):
        how = fetch.func if isinstance(fetch, partial) else None
        if name is None or how not in (None, _refuse):
            raise ValueError(f"Picture {len(files) + 1} is no path: `predict` takes any picture.")
        if how is _refuse:
            if os.path.isdir(os.path.expanduser(name)):
                raise fetch.args[0]  # else all that is in it would count as one bad file
            absent += fetch.args
        files.append(name)
    if len(absent) == len(files):
        raise absent[0] if absent else DataError(f"There is no picture in what was given. {WANTED}")
    return files


def opened(files, folder):
    """``name, fetch`` of each file, as `named` gives them; the names are seen from `folder`."""
    for file in files:
        yield file, lambda _, path=Path(folder, file): partial(read_picture, path)


def _sentence(name, error):
    text = str(error)
    return error if text.startswith(name[:30]) or name in text else DataError(f"{name}: {text}")


def _job(name, fetch, augs):
    """What gives ``(name, content)``, in any thread and later."""

    def job():
        try:
            return name, augs(pixels() if callable(pixels) else pixels)
        except DataError as error:
            return name, _sentence(name, error)

    try:
        pixels = fetch(name)
    except DataError as error:
        pixels = partial(_refuse, error)
    if callable(pixels):
        return job
    done = job()  # before the next picture is asked for
    return lambda: done


def prepared(pictures, augs):
    """Batches of pictures that are ready for a net; a few dozen are in memory at a time.

    Threads decode the next batch while one is in use.

    Parameters
    ----------
    pictures : iterable
        As `named` gives it.
    augs : callable
        See :mod:`hotdog_ft.augment`.

    Returns
    -------
    iterator of list of (name, content)
        The content is float32 (3, S, S), or the DataError of a picture that cannot be read.
    """
    pictures = iter(pictures)
    batches = iter(lambda: [_job(*one, augs) for one in islice(pictures, BATCH)], [])
    return in_threads(batches)

"""Pictures with labels from a CSV file or a Python list."""

import csv
import io
import os
import re
from collections.abc import Iterable, Mapping
from numbers import Integral

import numpy as np

from .data import Pictures
from .files import DataError, on_disk
from .folders import class_name, listed
from .layouts import PARTS, plain

COLUMNS = {
    **dict.fromkeys(("file", "filename", "filepath", "path"), "file"),
    **dict.fromkeys(("image", "imagename", "imagepath", "img", "imgpath"), "file"),
    **dict.fromkeys(("label", "labels", "labelname", "class", "classname", "category"), "label"),
    **dict.fromkeys(("split", "set", "subset", "partition"), "split"),
}
IN_VIETNAMESE = {  # without accents
    **dict.fromkeys(("tep", "tentep", "tepanh", "anh", "hinhanh", "duongdan"), "file"),
    **dict.fromkeys(("nhan", "lop", "tenlop", "loai"), "label"),
    **dict.fromkeys(("tap", "phan"), "split"),
}
MOST = 20  # problems that an error lists; the first ones tell what is wrong


def _text_of(path):
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error}).") from error
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # Excel's "Unicode text"
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error}). Save it as CSV UTF-8.") from error


def _meanings(path, columns):
    """What each column is, "file", "label", "split" or None; the plain word goes first."""
    words = [re.sub(r"[\W_]", "", plain(column)) for column in columns]
    english = [COLUMNS.get(word) for word in words]
    # in a table in English the word for "split" may mean anything
    wanted = {"file", "label"}.difference(english) if any(english) else {"file", "label", "split"}
    others = [kind if kind in wanted else None for kind in map(IN_VIETNAMESE.get, words)]
    found = [kind or other for kind, other in zip(english, others)]
    kinds = [None if kind in words and word != kind else kind for word, kind in zip(words, found)]
    twice = [column for column, kind in zip(columns, kinds) if kind and kinds.count(kind) > 1]
    if twice:
        raise DataError(f"{path} has {listed(twice)}, which mean the same: keep one of them.")
    return kinds


def rows_of_csv(path):
    """The rows of a CSV file, ``(place, file, label, split)`` as text.

    The columns `file` and `label`, and `split` where there is one, may be separated by a comma, a
    semicolon or a tab, and quoted.

    Raises
    ------
    DataError
        It is not UTF-8, no CSV, or misses a column.
    """
    lines = io.StringIO(_text_of(path), newline="").readlines()
    told = (n for n, line in enumerate(lines) if line.strip() and not line.startswith("sep="))
    first = next(told, len(lines))  # after Excel's own first line, and empty ones
    header = lines[first] if len(lines) > first else ""
    reader = csv.reader(lines[first:], delimiter=max(",;\t", key=header.count), strict=True)
    rows, read = [], 0  # lines
    try:
        names = _meanings(path, next(reader, []))
        absent = [name for name in ("file", "label") if name not in names]
        if absent:
            raise DataError(
                f"{path} has no column {' and no column '.join(absent)}: its first line must name "
                f"file and label (and split, if you like), and is {header.strip()[:80]!r}."
            )
        read = reader.line_num
        for cells in reader:
            if any(cell.strip() for cell in cells[len(names) :]):
                raise csv.Error("more cells than columns; quote what holds a separator")
            if any(cell.strip() for cell in cells):
                row = {name: cell.strip() for name, cell in zip(names, cells) if name}
                split = row.get("split", "") if "split" in names else None
                place = f"line {first + read + 1}"
                rows.append((place, row.get("file", ""), row.get("label", ""), split))
            read = reader.line_num
    except csv.Error as error:
        line = first + read + 1  # where the row begins
        raise DataError(f"{path} is no CSV file (line {line}: {error}).") from error
    return rows


def rows_of_list(items):
    """The rows of a list of ``(path, label)`` or ``(path, label, split)``."""
    if not isinstance(items, Iterable) or isinstance(items, (bytes, Mapping)):
        kind = type(items).__name__
        raise ValueError(f"A path or a list of (path, label) is expected instead of {kind}.")
    if hasattr(items, "itertuples"):  # of pandas
        raise ValueError("Give the rows of the frame: list(zip(frame.file, frame.label)).")
    rows = []
    for number, item in enumerate(items, 1):
        if not isinstance(item, (tuple, list, np.ndarray)) or len(item) not in (2, 3):
            raise ValueError(f"Item {number} is no (path, label) and no (path, label, split).")
        file, label, split = (*item, None)[:3]
        if not isinstance(file, (str, os.PathLike)):
            raise ValueError(f"Item {number} begins with {type(file).__name__}, not with a path.")
        if not isinstance(label, (str, Integral, np.bool_)):
            raise ValueError(
                f"Item {number} has a label of type {type(label).__name__}: text or "
                "whole numbers are wanted."
            )
        rows.append((f"item {number}", str(file), str(label), split))
    return rows


def _meant(folder, file):
    """The file that is meant: Windows has other separators, Macs another form of Unicode."""
    names = file, file.replace("\\", "/")
    paths = [on_disk(folder / os.path.expanduser(name)) for name in names]
    return next((path for path in paths if os.path.exists(path)), None)


def parts_of_rows(rows, name, folder):
    """The data sets that rows describe, by kind: "train", "test", "valid", or "all" without splits.

    Parameters
    ----------
    rows : list of (place, file, label, split)
        See `rows_of_csv` and `rows_of_list`.
    name : str
        Of the whole, for errors and for how the sets print.
    folder : pathlib.Path
        What paths are relative to.

    Raises
    ------
    DataError
        A file is missing or has two labels, a label is empty, a split is unknown: all are named.
    """
    seen, problems = {}, []
    undivided = all(row[3] is None for row in rows)
    for place, file, label, split in rows:
        path = _meant(folder, file)
        kind = "all" if undivided else PARTS.get(plain(str(split)).strip())
        row = place, class_name(label), kind, path
        # one file may be written in two ways
        before = seen.setdefault(path and os.path.abspath(path), row)
        if not file:
            problems.append(f"{place}: no file")
        elif path is None and "://" in file:
            problems.append(f"{place}: {file} is an address: download it first")
        elif path is None:
            problems.append(f"{place}: there is no {folder / file}")
        elif not label.strip():
            problems.append(f"{place}: no label for {file}")
        elif kind is None:
            problems.append(f"{place}: the split {split!r} is none of train, test and valid")
        elif before[1:3] != row[1:3]:
            problems.append(f"{place}: {file} has another label or split than on {before[0]}")
    if problems:
        shown = problems[:MOST] + [f"and {len(problems) - MOST} more"] * (len(problems) > MOST)
        raise DataError("\n".join([f"{name} cannot be used as it is:", *shown]))
    parts = {}
    for kind in dict.fromkeys(part for _, _, part, _ in seen.values()):
        pairs = [(path, label) for _, label, part, path in seen.values() if part == kind]
        shown = name if undivided else f"{name} ({kind})"
        parts[kind] = _pictures(pairs, shown)
    if len(seen) < len(rows):
        note = f"Rows of {name} that repeat an earlier one: {len(rows) - len(seen)}."
        next(iter(parts.values())).notes.append(note)
    return parts


def _pictures(pairs, name):
    """A data set of ``(path, label)``; its classes are sorted, those that are numbers by size."""
    paths, labels = zip(*pairs)
    numbers = all(re.fullmatch(r"-?\d+", label) for label in labels)
    classes = sorted(sorted(set(labels)), key=int if numbers else None)
    return Pictures(paths, [classes.index(label) for label in labels], classes, name)

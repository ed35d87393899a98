"""Predictions of any number of files: a folder of small tables, written one after the other."""

import csv
import json
import os
import socket
import sys
from functools import lru_cache, partial
from hashlib import sha256

from .cluster import computed
from .data import bar
from .files import DataError, make_folder, user_path, write_whole
from .identity import fingerprint
from .predictor import Predictor, csv_of, frame
from .sources import files_of, opened
from .weights import load_net

FILES = 256  # in a part
ABOUT = "predictions.json"
VERSION = sys.modules[__package__].__version__


def predict_files(net, paths, out, *, scheduler=None, **options):
    """Classify any number of files; the answers are written as they come.

    The folder `out` gets a table for every 256 files: ``part-000000.csv``, ``part-000001.csv``, …
    have the columns of `predict`, and ``bad-000000.csv``, … list a part's files that cannot be
    read, each with a sentence. A table that is there is whole. The same call goes on where it was
    stopped or killed; when all is done, it reads the parts with bad files again. Two batches of
    pictures are in memory, and the names of all files.

    Parameters
    ----------
    net : HybridBlock, or path of a file from `save_net`
    paths : path, or iterable of paths
        Files, folders and patterns, as in `predict`.
    out : path
        A folder, made unless it is there. It belongs to one net, one list of files, one set of
        options.
    scheduler : str, optional
        Address of a Dask scheduler whose workers do it, or "local" for a process per core of this
        machine, for which a script keeps the call below ``if __name__ == "__main__":``. It needs
        ``hotdog_ft[cluster]``. The workers must see `net`, which is a path then, and the files
        where this process sees them. Only this process writes.
    **options
        ``classes``, ``size``, ``top_k``, ``probabilities`` and ``precision``, as in `predict`; one
        precision for all files, however few. It is kept in ``predictions.json``.

    Returns
    -------
    int
        How many files are bad.

    Raises
    ------
    DataError
        There is none of the files; `out` belongs to something else or cannot be written to; or
        something is wrong with the cluster. What was written stays.
    FloatingPointError
        The net's answers are no finite numbers.
    ImportError
        There is a scheduler, and Dask is not installed.
    ValueError
        `net` is not a path though there is a scheduler; an option is wrong, as in `predict`.

    Examples
    --------
    >>> import tempfile
    >>> from hotdog_ft import load_recipe
    >>> recipe = load_recipe("mini")
    >>> pictures = recipe.load_data()[1].paths[:300]
    >>> with tempfile.TemporaryDirectory() as out:
    ...     predict_files(recipe.load_pretrained_net(), pictures, out, size=64)
    ...     sorted(os.listdir(out))
    0
    ['part-000000.csv', 'part-000001.csv', 'predictions.json']
    """
    is_path = isinstance(net, (str, os.PathLike))
    if scheduler and not is_path:
        raise ValueError("net must be the path of a file for a scheduler: its workers open it.")
    predictor = Predictor(load_net(net) if is_path else net, **options)
    noted = _noted(user_path(out) / ABOUT)
    if predictor.precision == "auto" and noted.get("net") == fingerprint(predictor.net):
        predictor.precision = noted.get("precision", "auto")  # another may be faster today
    predictor.begin()
    files, folder = files_of(paths), os.getcwd()
    digest = sha256()
    for file in files:  # a name that is no full path is seen from the folder
        digest.update(os.fsencode(f"{file}\0{os.path.join(folder, file)}\0"))
    identity = {
        "net": fingerprint(predictor.net),
        "class names": list(map(str, predictor.names)),
        "size": [predictor.size, predictor.mirrored],
        "top_k": int(predictor.top_k),
        "probabilities": bool(predictor.probabilities),
        "precision": predictor.precision,
        "ranges": predictor.net.ranges if predictor.precision == "int8" else None,
        "files": [len(files), digest.hexdigest()],
    }
    out = _claimed(out, identity)
    chunks = {out / f"part-{at // FILES:06}.csv": at for at in range(0, len(files), FILES)}
    of_bad = {path: path.with_name(path.name.replace("part", "bad")) for path in chunks}
    new = [path for path in chunks if not path.exists()]
    again = [path for path in chunks if of_bad[path].exists()]  # may have been replaced meanwhile
    todo = {path: files[chunks[path] : chunks[path] + FILES] for path in new or again}
    begun = len(files) - sum(map(len, todo.values()))
    with bar(total=len(files), initial=begun, unit=" files") as seen:
        if scheduler and todo:
            where = os.path.abspath(user_path(net)), identity["net"], folder
            classes = None if predictor.classes is None else tuple(predictor.classes)
            asked = classes, predictor.size, predictor.top_k, predictor.probabilities
            asked += (predictor.precision,)
            jobs = ((path, some, _sees_any(some, folder)) for path, some in todo.items())
            results = computed(scheduler, partial(_by_worker, VERSION, where, asked), jobs)
        else:
            results = (
                (path, *_part(predictor, some, folder, seen.update)) for path, some in todo.items()
            )
        try:
            for path, good, bad in results:
                if bad:  # first, for the part says that it was done
                    write_whole(of_bad[path], bad)
                write_whole(path, good)
                if not bad:  # of a call before, when something was bad
                    of_bad[path].unlink(missing_ok=True)
                seen.update(len(todo[path]) if scheduler else 0)
        except KeyboardInterrupt as stop:
            stop.args = (f"Stopped. What was done is in {out}: the same call goes on from there.",)
            raise
    return sum(map(_rows, out.glob("bad-*.csv")))


def read_answers(out):
    """All answers in a folder that `predict_files` has written, as one table.

    Parameters
    ----------
    out : path

    Returns
    -------
    pandas.DataFrame
        As of `predict`, without the files that are bad; labels are text, and so are names of
        columns.

    Raises
    ------
    DataError
        It is no such folder.
    """
    import pandas as pd

    out = user_path(out)
    names, parts = _noted(out / ABOUT).get("top_k"), sorted(out.glob("part-*.csv"))
    if not names or not parts:
        raise DataError(f"{out} holds no predictions: name a folder of predict_files.")
    text = ["file", "label", *(f"label_{place}" for place in range(2, names + 1))]
    options = {"dtype": dict.fromkeys(text, str), "encoding_errors": "surrogateescape"}
    tables = [pd.read_csv(part, keep_default_na=False, **options) for part in parts]
    # all files of a part may be bad
    return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)


def _claimed(out, identity):
    """The folder `out`, noted as that of these predictions; one of others is refused."""
    out = make_folder(out)
    about = out / ABOUT
    if not about.exists():
        if any(not entry.name.startswith(".") for entry in out.iterdir()):
            raise DataError(f"{out} holds something else: name a new folder for the predictions.")
        write_whole(about, json.dumps(identity, indent=1).encode())
    found = _noted(about)
    if not found:
        raise DataError(f"{about} is damaged: name another folder, or remove this one.")
    other = [name for name in identity if found.get(name) != identity[name]]
    if other:
        raise DataError(
            f"{out} holds other predictions (what differs: {', '.join(other)}): name another "
            "folder, or remove this one to begin again."
        )
    return out


def _noted(about):
    """What a folder of predictions says of itself, if it does."""
    try:
        found = json.loads(about.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def precision_of(out):
    """What the predictions in the folder `out` were computed in."""
    return _noted(user_path(out) / ABOUT).get("precision")


def _part(predictor, files, folder, seen=lambda count: None):
    """The two tables of some files as CSV, bytes; the second is None if no file is bad."""
    import pandas as pd

    _, errors, answers = predictor(opened(files, folder), True, seen)
    good = [file for place, file in enumerate(files) if place not in errors]
    bad = {"file": [files[place] for place in errors], "error": list(errors.values())}
    tables = frame(good, {}, *answers, names=predictor.names), pd.DataFrame(bad) if errors else None
    return tuple(
        None if table is None else csv_of(table).encode("utf-8", "surrogateescape")
        for table in tables
    )


def _rows(path):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return sum(1 for _ in csv.reader(file)) - 1


@lru_cache(1)
def _predictor_of(path, sha256, classes, size, top_k, probabilities, precision):
    net = load_net(path)
    if fingerprint(net) != sha256:
        raise DataError(f"{path} holds another net there.")
    asked = {"top_k": top_k, "probabilities": probabilities, "precision": precision}
    predictor = Predictor(net, classes, size, **asked)
    predictor.begin()
    return predictor


def _sees_any(files, folder):
    return any(os.path.exists(os.path.join(folder, file)) for file in files)


def _by_worker(version, where, asked, path, files, seen):
    """A part as a worker of a cluster does it: what is wrong with the worker is a DataError.

    One that sees none of the files is wrong, unless the process that asks does not see them either.
    """
    worker = f"The worker on {socket.gethostname()}"
    if version != VERSION:
        raise DataError(
            f"{worker} has hotdog_ft {VERSION}, and this is {version}: install the same."
        )
    net, sha256, folder = where
    try:
        predictor = _predictor_of(net, sha256, *asked)
    except DataError as error:
        raise DataError(f"{worker} cannot use the net: {error}") from error
    if seen and not _sees_any(files, folder):
        raise DataError(f"{worker} sees nothing where {files[0]} is: it must see the same files.")
    return (path, *_part(predictor, files, folder))

"""``python -m hotdog_ft.onnx_predict``: what a net says about pictures, where MXNet does not run.

It takes Python, onnxruntime, Pillow and NumPy, and a file that ``python -m hotdog_ft export``
wrote. ``pip install --no-deps`` installs this package alone.
"""

import argparse
import csv
import json
import sys

import numpy as np

from .__main__ import main as shell
from .augment import MEAN, STD, TestAugs
from .data import bad_pictures
from .files import DataError, existing
from .sources import named, prepared


def load_onnx(path):
    """Open a net that `export_onnx` wrote.

    Returns
    -------
    session : onnxruntime.InferenceSession
    about : dict
        ``classes`` (list of str), ``size`` (pixels), ``mirrored`` (whether the mean of the logits
        for a picture and its mirror image is meant) and what else was noted.

    Raises
    ------
    DataError
        The file is missing, damaged, or was not written by `export_onnx`.
    ImportError
        The package onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            f"ONNX files run in the package onnxruntime ({error}): pip install onnxruntime."
        ) from error
    path = existing(path, "Name what python -m hotdog_ft export wrote.")
    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), providers=["CPUExecutionProvider"]
        )
        about = json.loads(session.get_modelmeta().custom_metadata_map.get("hotdog_ft", "{}"))
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder. Name the file in it that export wrote.") from error
    except Exception as error:  # a class for each of a dozen states, none of them public
        raise DataError(f"{path} cannot be read as ONNX ({error}). Export it again.") from error
    expected = {"mean": MEAN.tolist(), "std": STD.tolist()}
    if "size" in about:
        expected["resize"] = TestAugs(about["size"]).resize
    if "classes" not in about or any(about.get(name) != expected[name] for name in expected):
        raise DataError(
            f"{path} does not say how its pictures are prepared, or otherwise than this version "
            "prepares them. Export it again with python -m hotdog_ft export."
        )
    return session, about


def predict_onnx(path, pictures):
    """Classify pictures as `predict` does.

    Parameters
    ----------
    path : path
        What `export_onnx` wrote.
    pictures : path, bytes, array, or iterable of these
        As `predict` takes them.

    Returns
    -------
    rows : list of (str, str, float)
        File, likeliest class and its probability, for every picture that can be read.
    bad : list of DataError
        For every other one.

    Raises
    ------
    DataError
        The file cannot be used, or there are no pictures.
    FloatingPointError
        The net's answers are no finite numbers.
    """
    session, about = load_onnx(path)
    rows, bad = [], []
    for batch in prepared(named(pictures), TestAugs(about["size"])):
        bad += [content for _, content in batch if isinstance(content, DataError)]
        good = [pair for pair in batch if not isinstance(pair[1], DataError)]
        if good:
            X = np.stack([x for _, x in good])
            views = [X, X[..., ::-1].copy()] if about.get("mirrored") else [X]
            logits = np.mean([session.run(None, {"data": view})[0] for view in views], axis=0)
            if not np.isfinite(logits.max(axis=1)).all():  # -inf rules a class out
                raise FloatingPointError(
                    f"{path} gives no finite numbers: export a net that learnt at a smaller rate."
                )
            shares = np.exp(logits - logits.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            best = shares.argmax(axis=1)
            rows += [
                (name, about["classes"][label], float(share[label]))
                for (name, _), label, share in zip(good, best, shares)
            ]
    return rows, bad


def _print(rows, as_csv):
    head = ("file", "label", "probability")
    if as_csv:
        odd = any("\r" in name for name, *_ in rows)  # by itself it gets no quotes
        quoting = csv.QUOTE_NONNUMERIC if odd else csv.QUOTE_MINIMAL
        csv.writer(sys.stdout, lineterminator="\n", quoting=quoting).writerows([head, *rows])
        return
    shown = {ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t"}
    table = [
        head,
        *((f.translate(shown), str(label), f"{share:.6f}") for f, label, share in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*table)]
    for row in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))


def _run(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m hotdog_ft.onnx_predict",
        description="Print a table: file, class, probability. Takes onnxruntime, Pillow and NumPy.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a picture or a folder")
    parser.add_argument("--net", default="net.onnx", metavar="FILE", help="(default: net.onnx)")
    parser.add_argument("--skip-bad", action="store_true", help="predict the others all the same")
    parser.add_argument("--csv", action="store_true", help="print CSV instead of a table")
    options = parser.parse_args(arguments)
    rows, bad = predict_onnx(options.net, options.paths)
    if bad and not (rows and options.skip_bad):
        raise bad_pictures(bad, len(rows) + len(bad))
    if not rows:
        raise DataError(f"There is no picture in {' '.join(options.paths)}.")
    _print(rows, options.csv)
    for error in bad:
        print(f"hotdog_ft: {error}", file=sys.stderr)
    return int(bool(bad))


def main(arguments=None):
    """Run from a shell; returns the exit status. A fault that has a known cure is one line."""
    return shell(arguments, _run)


if __name__ == "__main__":
    sys.exit(main())

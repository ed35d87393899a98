"""A net that answers batch after batch, and its answers as a table."""

import csv
from numbers import Integral

import numpy as np

from .augment import TestAugs
from .checks import check_net
from .evaluation import probabilities as softmax
from .files import DataError
from .inference import mean_outputs
from .labels import output_names
from .precision import for_batches, settled
from .settings import Settings
from .sources import BATCH, prepared


def _class_names(net, classes, count):
    """A name per output: those given, else the net's own, else numbers."""
    whose = "net.classes" if classes is None else "classes"
    classes = getattr(net, "classes", None) if classes is None else classes
    if classes is None:
        return list(range(count))
    return output_names(classes, count, whose)


def _check_top_k(top_k, count=None):
    good = isinstance(top_k, Integral) and not isinstance(top_k, bool) and top_k >= 1
    if not good or (count and top_k > count):
        most = f" to {count}, the number of classes" if count else ""
        raise ValueError(f"top_k is {top_k!r}: it must be a whole number from 1{most}.")


class Predictor:
    """A net with all that decides its answers; what is given is explained at `predict`.

    Attributes
    ----------
    names : list or None
        Of the outputs, as soon as there was an answer.
    precision : {"float32", "int8", "auto"}
        The last until it is settled; few pictures are float32 then.
    """

    def __init__(
        self, net, classes=None, size=None, *, top_k=1, probabilities=False, precision="auto"
    ):
        check_net(net)
        _check_top_k(top_k)
        size = getattr(net, "size", None) if size is None else size
        self.size = Settings.size if size is None else Settings(size=size).size
        self.net, self.classes, self.top_k, self.probabilities = net, classes, top_k, probabilities
        self.mirrored = getattr(net, "mirrored", False)
        self.names = self._for_batches = None
        self.precision = "auto" if precision == "auto" else settled(net, precision, self.size)

    def _logits(self, block, X):
        logits = mean_outputs(block, X, self.mirrored)
        if self.names is None:
            self.names = _class_names(self.net, self.classes, logits.shape[1])
            _check_top_k(self.top_k, logits.shape[1])
        return logits

    def _for_many(self, X):
        if self._for_batches is None:
            self.precision = settled(self.net, self.precision, self.size)
            self._for_batches = for_batches(self.net, X, self.precision)
        return self._for_batches

    def begin(self):
        """Find out names and precision, and whether all fits together, on an empty picture."""
        X = np.zeros((1, 3, self.size, self.size), "float32")
        self.precision = settled(self.net, self.precision, self.size)
        self._logits(self._for_many(X) if self.precision == "int8" else self.net, X)

    def __call__(self, sources, skip_bad, seen=lambda count: None):
        """What the net says about the pictures that are not bad.

        Parameters
        ----------
        sources : iterable
            As `hotdog_ft.sources.named` gives it.
        skip_bad : bool
            Else the net is asked nothing any more after a bad one.
        seen : callable
            Called with the number of pictures that were opened since the last call.

        Returns
        -------
        files : list of str
        errors : dict of int to str
            What is bad, by place in `files`.
        answers : list of numpy.ndarray
            Likeliest classes and their probabilities, (n, top_k); if wanted, those of all classes.
        """
        files, errors, block = [], {}, None
        best, likely, shares = [], [], []
        for batch in prepared(sources, TestAugs(self.size)):
            good = [content for _, content in batch if not isinstance(content, DataError)]
            for file, content in batch:
                if isinstance(content, DataError):
                    errors[len(files)] = str(content)
                files.append(file)
            if good and (skip_bad or not errors):
                X = np.stack(good)
                if block is None:
                    many = len(batch) == BATCH or self.precision == "int8"
                    block = self._for_many(X) if many else self.net
                logits = self._logits(block, X)
                share = softmax(logits)
                best.append(np.argsort(-logits, axis=1, kind="stable")[:, : self.top_k])
                likely.append(np.take_along_axis(share, best[-1], axis=1))
                shares += [share] if self.probabilities else []
            seen(len(batch))
        kinds = [(best, self.top_k, int), (likely, self.top_k, "float32")]
        if self.probabilities:
            kinds.append((shares, len(self.names or ()), "float32"))
        answers = [np.concatenate([np.zeros((0, n), kind), *parts]) for parts, n, kind in kinds]
        return files, errors, answers


def csv_of(table):
    """A table as CSV, in text."""
    text = table.to_csv(index=False)
    if "\r" in text:  # in a name, which by itself gets no quotes for that
        return table.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC)
    return text


def frame(files, errors, best, likely, shares=None, *, names, skip_bad=False):
    """What a `Predictor` answers as the table that `predict` describes."""
    import pandas as pd

    def column(values, missing):
        values = iter(values)
        return [missing if row in errors else next(values) for row in range(len(files))]

    columns = {"file": pd.Series(files, dtype=object)}  # no text type of pandas: any bytes
    for place in range(best.shape[1]):
        end = f"_{place + 1}" if place else ""
        labels = column((names[i] for i in best[:, place]), None)
        columns[f"label{end}"] = pd.Series(labels, dtype=object if errors else None)
        columns[f"probability{end}"] = column(likely[:, place].astype(float), np.nan)
    for number, name in enumerate(names if shares is not None else ()):
        while name in {*columns, "error"}:
            name = f"{name} ({number})"
        columns[name] = column(shares[:, number].astype(float), np.nan)
    if skip_bad:
        columns["error"] = pd.Series([errors.get(row) for row in range(len(files))], dtype=object)
    return pd.DataFrame(columns)

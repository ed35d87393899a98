"""What a net says about pictures."""

from numbers import Integral

import numpy as np
from tqdm import tqdm

from .augment import TestAugs
from .checks import check_net
from .data import bad_pictures
from .download import DataError
from .evaluation import probabilities as softmax
from .inference import fused, mean_outputs, outputs
from .labels import output_names
from .settings import Settings
from .sources import BATCH, named, prepared


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


def predict(
    net, pictures, classes=None, size=None, *, top_k=1, probabilities=False, skip_bad=False
):
    """Classify pictures, whatever they come as; several threads may call it for the same net.

    Parameters
    ----------
    net : HybridBlock
    pictures : path, bytes, file object, Pillow image, array, ImageFolder, or iterable of these
        A path names a picture, a folder (all pictures below it are meant, other files are not) or a
        pattern such as ``"photos/**/*.jpg"``. A file object is binary. An array is (height, width)
        or (height, width, channels), see `hotdog_ft.picture.from_array`; four dimensions are a
        batch. An iterator is asked for pictures as they are needed, so that it may be long.
    classes : sequence of str, optional
        Names of the outputs; by default those that were saved with the net, else numbers.
    size : int, optional
        Side of the network's input in pixels; by default the one saved with the net, else 224.
    top_k : int
        How many of the likeliest classes get columns.
    probabilities : bool
        Whether every class gets a column as well.
    skip_bad : bool
        Whether pictures that cannot be read are left without an answer. Else they are all named in
        one error, after all were opened, and nothing is returned.

    Returns
    -------
    pandas.DataFrame
        A row per picture, in order. ``file`` is its path or name, else "picture 1", "picture 2", …
        by its place. ``label`` is the likeliest class and ``probability`` its softmax probability,
        0 to 1; then ``label_2``, ``probability_2``, … for `top_k`. With `probabilities` follows a
        column per class by its name; a name that is taken, such as "file", gets the class's number:
        "file (0)". With `skip_bad` the last column is ``error``: a sentence where there is no
        answer (label None, probabilities NaN), else None.

    Raises
    ------
    DataError
        There is no picture, or some cannot be read (all of them with `skip_bad`); these are named.
    ValueError
        `classes` are not as many as the outputs, `top_k` is more, or `size` is no size.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> recipe = load_recipe("mini")
    >>> net, names = recipe.load_pretrained_net(), recipe.source_classes().name
    >>> picture = recipe.load_data()[1].paths[0]
    >>> predict(net, picture, classes=names, size=64)[["label"]]
        label
    0  hotdog
    """
    judge = Judge(net, classes, size, top_k=top_k, probabilities=probabilities)
    sources = named(pictures)
    total = len(sources) if isinstance(sources, list) else None
    # delay: a bar for long work alone; disable=None: in a terminal alone
    with tqdm(total=total, unit=" pictures", leave=False, disable=None, delay=2) as bar:
        files, errors, answers = judge(sources, skip_bad, bar.update)
    if errors and (not skip_bad or len(errors) == len(files)):
        raise bad_pictures(errors.values(), len(files))
    if not files:
        given = pictures if isinstance(pictures, str) else repr(pictures)[:200]
        raise DataError(f"There is no picture in {given}.")
    return frame(files, errors, *answers, names=judge.names, skip_bad=skip_bad)


class Judge:
    """A net with all that decides its answers; what is given is explained at `predict`.

    Attributes
    ----------
    names : list or None
        Of the outputs, as soon as there was an answer.
    """

    def __init__(self, net, classes=None, size=None, *, top_k=1, probabilities=False):
        check_net(net)
        _check_top_k(top_k)
        size = getattr(net, "size", None) if size is None else size
        self.size = Settings.size if size is None else Settings(size=size).size
        self.net, self.classes, self.top_k, self.probabilities = net, classes, top_k, probabilities
        self.mirrored = getattr(net, "mirrored", False)
        self.names = self._fused = None

    def _logits(self, block, X):
        logits = mean_outputs(block, X, self.mirrored)
        if self.names is None:
            self.names = _class_names(self.net, self.classes, logits.shape[1])
            _check_top_k(self.top_k, logits.shape[1])
        return logits

    def _for_many(self, X):
        if self._fused is None:
            self._fused = fused(self.net, X)
        return self._fused

    def begin(self):
        """Find out the names, and whether all fits together, on a picture that is nothing."""
        self._logits(self.net, np.zeros((1, 3, self.size, self.size), "float32"))

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
                    block = self._for_many(X) if len(batch) == BATCH else self.net
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


def frame(files, errors, best, likely, shares=None, *, names, skip_bad=False):
    """What a `Judge` answers as the table that `predict` describes."""
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


def occlusion_map(net, x, label, cells=8):
    """Where a picture speaks for a class: how much is lost when a part of it is covered.

    A square of two by two cells in the picture's mean colour moves over the picture, cell by cell
    (Zeiler and Fergus 2014). What counts is the logit over the mean of all logits.

    Parameters
    ----------
    net : HybridBlock
    x : numpy.ndarray
        float32 (3, S, S), as given by TestAugs.
    label : int
    cells : int
        Along each side; the net judges (cells + 1)^2 pictures.

    Returns
    -------
    numpy.ndarray
        float32 (cells, cells): the mean loss over the squares that cover a cell. Positive cells
        speak for the class.
    """
    edges = np.linspace(0, x.shape[-1], cells + 1).round().astype(int)
    spans = [slice(edges[max(i - 1, 0)], edges[min(i + 1, cells)]) for i in range(cells + 1)]
    rows = []
    for rows_covered in spans:
        covered = np.stack([x] * (cells + 2))  # the last one stays as it is
        for picture, columns_covered in zip(covered, spans):
            picture[:, rows_covered, columns_covered] = x.mean(axis=(1, 2), keepdims=True)
        logits = outputs(net, covered)
        lead = logits[:, label] - logits.mean(axis=1)
        rows.append(lead[-1] - lead[:-1])
    lost = np.stack(rows)
    return (lost[1:, 1:] + lost[1:, :-1] + lost[:-1, 1:] + lost[:-1, :-1]) / 4

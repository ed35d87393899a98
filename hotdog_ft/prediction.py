"""What a net says about pictures."""

import numpy as np

from .data import bad_pictures, bar
from .files import DataError
from .inference import outputs
from .predictor import Predictor, frame
from .sources import named


def predict(
    net,
    pictures,
    classes=None,
    size=None,
    *,
    top_k=1,
    probabilities=False,
    skip_bad=False,
    precision="auto",
):
    """Classify pictures, whatever they come as; several threads may call it for the same net.

    Parameters
    ----------
    net : HybridBlock
    pictures : path, bytes, file object, Pillow image, array, ImageFolder, or iterable of these
        A path names a picture, a folder (all pictures below it are meant, other files are not) or a
        pattern such as ``"photos/**/*.jpg"``. A file object is binary. An array is (height, width)
        or (height, width, channels), see `hotdog_ft.picture.from_array`; four dimensions are a
        batch. An iterator, or whatever else makes pictures, is asked for them as they are needed,
        so that it may be long; a list or a tuple is gone through first.
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
    precision : {"float32", "int8", "auto"}
        "int8" computes features with 8-bit integers, several times as fast; the net needs
        ``ranges`` for that, see `hotdog_ft.quantization.find_ranges`. "auto" is int8 where the net
        has ranges, there are 32 pictures or more, and it is faster here; else float32.

    Returns
    -------
    pandas.DataFrame
        A row per picture, in order. ``file`` is its path or name, else "picture 1", "picture 2", …
        by its place. ``label`` is the likeliest class and ``probability`` its softmax probability,
        0 to 1; then ``label_2``, ``probability_2``, … for `top_k`. With `probabilities` follows a
        column per class by its name; a name that is taken, such as "file", gets the class's number:
        "file (0)". With `skip_bad` the last column is ``error``: a sentence where there is no
        answer (label None, probabilities NaN), else None. Its ``attrs["precision"]`` is "int8" or
        "float32", as it was computed.

    Raises
    ------
    DataError
        There is no picture, or some cannot be read (all of them with `skip_bad`); these are named.
    FloatingPointError
        The net's answers are no finite numbers.
    MemoryError, OSError
        There is not enough memory, or a GPU cannot be used; the message says what to do.
    ValueError
        `classes` are not as many as the outputs, `top_k` is more, `size` is no size, or the net
        cannot compute in int8.

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
    asked = {"top_k": top_k, "probabilities": probabilities, "precision": precision}
    predictor = Predictor(net, classes, size, **asked)
    sources = named(pictures)
    total = len(sources) if isinstance(sources, list) else None
    with bar(total=total, unit=" pictures", delay=2) as seen:  # delay: for long work alone
        files, errors, answers = predictor(sources, skip_bad, seen.update)
    if errors and (not skip_bad or len(errors) == len(files)):
        raise bad_pictures(errors.values(), len(files))
    if not files:
        given = pictures if isinstance(pictures, str) else repr(pictures)[:200]
        raise DataError(f"There is no picture in {given}.")
    table = frame(files, errors, *answers, names=predictor.names, skip_bad=skip_bad)
    table.attrs["precision"] = "int8" if predictor.precision == "int8" else "float32"
    return table


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
        Along each side; the net judges (cells + 1)^2 + 1 pictures.

    Returns
    -------
    numpy.ndarray
        float32 (cells, cells): the mean loss over the squares that cover a cell. Positive cells
        speak for the class.
    """
    edges = np.linspace(0, x.shape[-1], cells + 1).round().astype(int)
    spans = [slice(edges[max(i - 1, 0)], edges[min(i + 1, cells)]) for i in range(cells + 1)]
    logits = outputs(net, x[None])[0]
    lead, rows = logits[label] - logits.mean(), []
    for rows_covered in spans:
        covered = np.stack([x] * (cells + 1))
        for picture, columns_covered in zip(covered, spans):
            picture[:, rows_covered, columns_covered] = x.mean(axis=(1, 2), keepdims=True)
        logits = outputs(net, covered)
        rows.append(lead - (logits[:, label] - logits.mean(axis=1)))
    lost = np.stack(rows)
    return (lost[1:, 1:] + lost[1:, :-1] + lost[:-1, 1:] + lost[:-1, :-1]) / 4

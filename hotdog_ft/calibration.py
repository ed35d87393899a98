"""What a net does not know: whether it is right as often as its probabilities say."""

import warnings

import numpy as np
from mxnet.gluon import nn

from .checks import check_net
from .evaluation import logits_of, probabilities
from .labels import check_names
from .mxnet_modes import plain_mode

LIMITS = 0.05, 20  # of a temperature


def reliability(labels, logits, bins=10):
    """How often a net is right, by how sure it is of its answer.

    Parameters
    ----------
    labels : numpy.ndarray
        Integer (n,).
    logits : numpy.ndarray
        Float (n, classes), as given by `evaluation.logits_of`.
    bins : int
        Groups of the probability of the answer, equally wide between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        A row per group with pictures: ``confidence``, the mean probability of the answers,
        ``accuracy``, the share that is right, and ``pictures``, how many there are.

    Examples
    --------
    >>> logits = np.log([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1], [0.9, 0.1]])
    >>> reliability([0, 1, 0, 1], logits).round(3)
       confidence  accuracy  pictures
    0         0.8     1.000         1
    1         0.9     0.667         3
    """
    import pandas as pd

    shares = probabilities(np.asarray(logits, "float64"))
    frame = pd.DataFrame({"confidence": shares.max(axis=1)})
    frame["accuracy"] = shares.argmax(axis=1) == np.asarray(labels)
    frame["pictures"] = 1
    group = np.minimum((frame.confidence * bins).astype(int), bins - 1)
    how = {"confidence": "mean", "accuracy": "mean", "pictures": "sum"}
    return frame.groupby(group).agg(how).reset_index(drop=True)


def calibration_error(labels, logits, bins=10):
    """Expected calibration error: by how far confidence and accuracy are apart, 0 to 1.

    The mean over all pictures of the distance in their group, see `reliability` (Guo et al. 2017).

    Examples
    --------
    >>> logits = np.log([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1], [0.9, 0.1]])
    >>> round(calibration_error([0, 1, 0, 1], logits), 3)  # (1 * 0.2 + 3 * (0.9 - 2/3)) / 4
    0.225
    """
    table = reliability(labels, logits, bins)
    gap = (table.confidence - table.accuracy).abs()
    return float((gap * table.pictures).sum() / table.pictures.sum())


def chance_error(logits, draws=1000):
    """Between which calibration errors chance alone puts a net that means exactly what it says.

    Labels are drawn by the net's own probabilities, again and again. A `calibration_error` between
    the two ends is no sign that the net is too sure or too modest.

    Returns
    -------
    low, high : float
        Nine draws of ten are between them; the same for the same logits.

    Examples
    --------
    >>> logits = np.log([[0.9, 0.1], [0.2, 0.8]])
    >>> ends = chance_error(np.repeat(logits, 500, axis=0))
    >>> [round(end, 3) for end in ends]
    [0.003, 0.024]
    """
    shares = probabilities(np.asarray(logits, "float64"))
    below, generator = shares.cumsum(axis=1)[:, :-1], np.random.default_rng(0)
    errors = []
    for _ in range(draws):
        labels = (generator.random((len(shares), 1)) > below).sum(axis=1)
        errors.append(calibration_error(labels, logits))
    return tuple(map(float, np.quantile(errors, (0.05, 0.95))))


def temperature(labels, logits):
    """The number to divide logits by, so that the pictures' labels are as likely as they can be.

    Answers stay what they are (Guo et al. 2017). Above 1, the net was surer than it should be.
    Choose it on pictures that the net has neither learnt from nor is tested on.

    Returns
    -------
    float
        Between 0.05 and 20; at an end where none fits.

    Examples
    --------
    >>> logits = np.log([[0.9, 0.1]] * 4)  # says 90 % of four pictures, of which three are right
    >>> round(temperature([0, 0, 0, 1], logits), 3)  # log(9) / log(3)
    2.0
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    labels, logits = np.asarray(labels), np.asarray(logits, "float64")
    if (logits.argmax(axis=1) == labels).all():  # the surer the better, without end
        return LIMITS[0]

    def loss(log_temperature):
        shares = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -shares[np.arange(len(labels)), labels].mean()

    found = minimize_scalar(loss, bounds=np.log(LIMITS), method="bounded")
    return float(np.exp(found.x))


def calibrate(net, data):
    """Divide the logits of `net` by their `temperature` on these pictures, for good.

    Weights and bias of `output` are divided, so that `predict`, and files of the net, have the new
    probabilities; which class is the likeliest stays. Where no temperature fits, as where no answer
    is wrong, the net stays as it is, with a warning.

    Parameters
    ----------
    net : HybridBlock
    data
        Pictures that the net has not learnt from, see `evaluate`.

    Returns
    -------
    float
        The temperature; 1 where none fits.

    Raises
    ------
    ValueError
        The net has no Dense layer `output`; see also `evaluate`.
    """
    check_net(net)
    if not isinstance(getattr(net, "output", None), nn.Dense):
        raise ValueError("The net has no Dense layer `output`, whose weights could be divided.")
    check_names(net, data, "calibrate on")
    found = temperature(*logits_of(net, data))
    if not LIMITS[0] * 1.01 < found < LIMITS[1] / 1.01:
        warnings.warn(
            "No temperature fits these pictures: too few of them, or none, are answered wrong, or "
            "nearly all. The net stays as it is. Calibrate on more pictures.",
            stacklevel=2,
        )
        return 1.0
    with plain_mode():
        for parameter in net.output.collect_params().values():
            for values in parameter.list_data():
                values[:] = values / found
    return found

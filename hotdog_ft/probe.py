"""Linear probing: features computed once, the output layer trained on them."""

import time
from itertools import chain

import numpy as np
from mxnet import autograd, gluon, nd

from .devices import arrays, devices_of
from .evaluation import accuracy, probabilities
from .inference import in_turn, outputs
from .labels import class_weights
from .learning import as_before, learning_parameters, weights_of
from .loader import plain_loader, progress
from .precision import features_for_batches, ranges_for, settled
from .settings import FINE_TUNE
from .subsets import own_part
from .team import all_gather, broadcast


def extract_features(net, data_iter, precision="auto"):
    """What `features` gives for every picture.

    Parameters
    ----------
    net : HybridBlock
    data_iter : iterable of (X, y)
        Mini-batches.
    precision : {"float32", "int8", "auto"}
        See `precision.settled`.

    Returns
    -------
    features, labels : numpy.ndarray
        float32 (n, d) and integer (n,).

    Raises
    ------
    ValueError
        There is no picture, or the net cannot compute in int8.
    """
    batches = map(arrays, data_iter)
    first = next(batches, None)
    if first is None:
        raise ValueError("There is no picture to compute features of.")
    precision = settled(net, precision, first[0].shape[-1])
    features = features_for_batches(net, first[0], precision)
    parts = [(outputs(features, X).reshape(len(X), -1), y) for X, y in chain([first], batches)]
    return tuple(np.concatenate(column) for column in zip(*parts))


@in_turn
def fit_output(net, features, labels, settings=FINE_TUNE):
    """Train `output` alone, by Adam on all of the given features at once.

    Parameters
    ----------
    features, labels : numpy.ndarray
        As given by `extract_features`.
    settings : Settings
        ``probe_steps``, ``probe_learning_rate``, and ``probe_weight_decay``: times the features'
        mean squared norm, so that it means the same for nets whose features differ in scale.
        ``balance``.
    """
    device = devices_of(net.output)[0]
    X, y = nd.array(features, ctx=device), nd.array(labels, ctx=device)
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    weights = class_weights(labels) if settings.balance == "loss" else None
    weights = weights_of(y, weights)
    squared_norm = float((X**2).sum(axis=1).mean().asscalar())
    rates = {
        "learning_rate": settings.probe_learning_rate,
        "wd": settings.probe_weight_decay * squared_norm,
    }
    trainer = gluon.Trainer(net.output.collect_params(), "adam", rates)
    with as_before(net.output):
        net.output.collect_params().setattr("lr_mult", 1)
        for parameter in learning_parameters(net.output):
            parameter.grad_req = "write"
        for _ in range(settings.probe_steps):
            with autograd.record():
                loss = loss_function(net.output(X), y, *weights)
            loss.backward()
            trainer.step(len(X))
        nd.waitall()


def probe(net, train_imgs, settings, history, report):
    """Train `output` on the features of the training pictures; note its accuracy and the time.

    The features are those of the test augmentation: no picture is cropped at random, or mirrored.
    How long they took is reported in a line, and their precision where that is int8.
    """
    start = time.perf_counter()
    net.ranges = broadcast(lambda: ranges_for(net, train_imgs, settings.precision))
    asked = settings.precision if net.ranges else "float32"
    history.probe_precision = broadcast(lambda: settled(net, asked, net.size))
    batches = progress(plain_loader(own_part(train_imgs), net.size), "features")
    features, labels = all_gather(*extract_features(net, batches, history.probe_precision))
    stored = time.perf_counter()
    history.features_seconds = stored - start
    how = " in int8" if history.probe_precision == "int8" else ""
    report(f"features of {len(features):,} pictures{how}  {history.features_seconds:.1f} s")
    fit_output(net, features, labels, settings)
    history.probe_train_acc = accuracy(labels, outputs(net.output, features).argmax(axis=1))
    history.probe_seconds = time.perf_counter() - stored


def rows_from_source(pretrained_net, row, features):
    """Two rows for a new output layer from one row of a source net: its class, and anything else.

    "Anything else" is the mean of the other rows, each weighted by the probability that the source
    net gives to it on these pictures if the class itself is out of the question: the linear part of
    the log of the sum of the exponentials of all other logits. The biases put half of the pictures
    on either side. No label is used.

    Parameters
    ----------
    row : int
        Of ``pretrained_net.output``.
    features : numpy.ndarray
        float32 (n, d), as given by `extract_features`.

    Returns
    -------
    weight, bias : numpy.ndarray
        float32 (2, d) and (2,), the class first.
    """
    output = pretrained_net.output
    device = devices_of(output)[0]
    source_weight, source_bias = (p.data(device).asnumpy() for p in (output.weight, output.bias))
    logits = features @ source_weight.T + source_bias
    logits[:, row] = -np.inf
    share = probabilities(logits).mean(axis=0)
    weight = np.stack([source_weight[row], share @ source_weight])
    scores = features @ (weight[0] - weight[1])
    return weight, np.array([-np.median(scores), 0], dtype="float32")

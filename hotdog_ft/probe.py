"""Linear probing: features computed once, the output layer trained on them."""

from itertools import chain

import numpy as np
from mxnet import autograd, gluon, nd

from .model import fused
from .train import arrays


def extract_features(net, data_iter):
    """What `features` gives for every picture: float32 (n, d), and the labels (n,)."""
    device = net.output.weight.list_ctx()[0]
    batches = map(arrays, data_iter)
    first = next(batches)
    with fused(net.features, first[0]):
        parts = [(net.features(nd.array(X, ctx=device)).flatten().asnumpy(), y) for X, y in chain([first], batches)]
    return tuple(np.concatenate(column) for column in zip(*parts))


def fit_output(net, features, labels, num_steps=300, learning_rate=0.01, weight_decay=3e-4):
    """Linear probing: train `output` alone, by Adam on all of the given features at once.

    Parameters
    ----------
    features, labels : numpy.ndarray
        As given by `extract_features`.
    weight_decay : float
        Times the features' mean squared norm, so that it means the same for nets whose features
        differ in scale.
    """
    device = net.output.weight.list_ctx()[0]
    X, y = nd.array(features, ctx=device), nd.array(labels, ctx=device)
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    squared_norm = float((X**2).sum(axis=1).mean().asscalar())
    trainer = gluon.Trainer(net.output.collect_params(), "adam",
                            {"learning_rate": learning_rate, "wd": weight_decay * squared_norm})
    lr_mults = {p: p.lr_mult for p in net.output.collect_params().values()}
    net.output.collect_params().setattr("lr_mult", 1)
    for _ in range(num_steps):
        with autograd.record():
            loss = loss_function(net.output(X), y)
        loss.backward()
        trainer.step(len(X))
    for parameter, lr_mult in lr_mults.items():
        parameter.lr_mult = lr_mult
    nd.waitall()


def rows_from_source(pretrained_net, row, features):
    """Two rows for a new output layer from one row of a source net: its class, and anything else.

    "Anything else" is the mean of the other rows, each weighted by the probability that the source net
    gives to it on these pictures if the class itself is out of the question: the linear part of the log of
    the sum of the exponentials of all other logits. The biases put half of the pictures on either side.
    No label is used.

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
    source_weight, source_bias = (p.data(p.list_ctx()[0]).asnumpy() for p in (
        pretrained_net.output.weight, pretrained_net.output.bias))
    logits = features @ source_weight.T + source_bias
    logits[:, row] = -np.inf
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    share = (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
    weight = np.stack([source_weight[row], share @ source_weight])
    scores = features @ (weight[0] - weight[1])
    return weight, np.array([-np.median(scores), 0], dtype="float32")

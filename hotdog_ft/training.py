"""Training: one step, one epoch."""

import time

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd

from .cuda_faults import MEMORY, OWN_MEMORY, explanation, faults_explained
from .devices import arrays, shards
from .history import EpochSums
from .inference import in_turn
from .learning import learning_parameters, weights_of
from .loader import progress
from .mxnet_internals import mark_gradient_fresh, parameters
from .mxnet_modes import plain_mode
from .team import agreed, all_reduce, average_running_statistics, world_size
from .team import new_trainer as trainer_of_team

PART = 32  # pictures that a device computes at once where a mini-batch may be taken apart


def _backward(net, X, y, devices, weights):
    """Gradients of the summed loss; ``[(losses, hits), …]`` of each device that has a picture."""
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    sums = []
    with autograd.record():
        for X_shard, y_shard in shards(X, y, devices):
            output = net(X_shard)
            loss = loss_function(output, y_shard, *weights_of(y_shard, weights))
            sums.append((loss, output.argmax(axis=1) == y_shard.astype("float32")))
    autograd.backward([loss for loss, _ in sums])
    return sums


def _backward_in_parts(net, X, y, devices, weights, count):
    """The same for `count` pictures at a time, the gradients added up."""
    sums, gradients, learning = [], {}, learning_parameters(net)
    for begin in range(0, len(X), count):
        end = begin + count
        found = _backward(net, X[begin:end], y[begin:end], devices, weights)
        sums += found
        for device in devices[: len(found)]:
            for place, parameter in enumerate(learning):
                gradient, key = parameter.grad(device), (place, device)
                gradients[key] = gradients[key] + gradient if key in gradients else gradient.copy()
        nd.waitall()  # else the next part's memory is asked for before this one's is free
    for (place, device), gradient in gradients.items():
        gradient.copyto(learning[place].grad(device))
    return sums


@in_turn
@faults_explained()
def train_step(net, X, y, trainer, devices, weights=None, part=None):
    """One update of `net` on one mini-batch.

    The gradient is that of the batch's mean loss: its scale depends neither on the batch size nor
    on the number of devices, and a short last batch is normalised by its own size.

    Parameters
    ----------
    X, y : numpy.ndarray
        float32 (n, 3, S, S) and integer (n,).
    weights : numpy.ndarray, optional
        Of each class in the loss, see `class_weights`; by default every picture counts the same.
    part : int, optional
        A device computes so many pictures at once, at most, and gradients are added up: the same
        update in less memory, where BatchNorm uses its running statistics.

    Returns
    -------
    loss_sum, correct : float, int
        Summed over the batch, from the outputs before the update.

    Raises
    ------
    MemoryError
        The batch does not fit; the message says by how much to cut it.
    """
    at_once = min(len(X), part * len(devices)) if part else len(X)
    try:
        if len(X) > at_once:
            sums = _backward_in_parts(net, X, y, devices, weights, at_once)
        else:
            sums = _backward(net, X, y, devices, weights) if len(X) else []
        for device in devices[at_once:]:  # no picture for these: no gradient
            for parameter in learning_parameters(net):
                parameter.grad(device)[:] = 0
                mark_gradient_fresh(parameter, device)
        trainer.step(all_reduce([len(X)])[0] / world_size())  # a team's trainer divides by its size
        loss, hits = all_reduce(
            [
                sum(float(loss.sum().asscalar()) for loss, _ in sums),  # in double precision
                sum(hits.sum().asscalar() for _, hits in sums),
            ]
        )
        return loss, int(hits)
    except mx.MXNetError as error:
        if explanation(str(error)) not in (MEMORY, OWN_MEMORY):
            raise
        parts = f", {at_once} at a time" if at_once < len(X) else ""
        raise MemoryError(
            f"A batch of {len(X)} pictures{parts}, {X.shape[-1]} pixels wide, does not fit into "
            f"memory. Start again with batch_size={max(1, at_once // 2)} or less."
        ) from error


def train_one_epoch(
    net,
    train_iter,
    trainer,
    devices,
    title="epoch",
    sums=None,
    stop_wanted=(),
    weights=None,
    part=None,
):
    """Train on every mini-batch of `train_iter` that is not in `sums` yet.

    Parameters
    ----------
    train_iter : iterable of (X, y)
        Mini-batches, such as a `BatchLoader` or a Gluon ``DataLoader``.
    trainer : mxnet.gluon.Trainer
        See `new_trainer`.
    devices : list of mxnet.Context
        Those that `net` lies on.
    sums : EpochSums, optional
        Of the part of the epoch that was done before.
    stop_wanted : container
        As soon as it holds something, the epoch ends after the batch at hand.
    weights, part : optional
        See `train_step`.

    Returns
    -------
    EpochSums

    Raises
    ------
    FloatingPointError
        The loss, or a parameter, is no longer a finite number; the message says in which batch.
    """
    sums = sums or EpochSums()
    start = time.perf_counter() - sums.seconds
    for batch in progress(train_iter, title, sums.batches):
        X, y = arrays(batch)
        before = time.perf_counter()
        loss, hits = train_step(net, X, y, trainer, devices, weights, part)
        sums.compute_seconds += time.perf_counter() - before
        sums.batches += 1
        examples = int(all_reduce([len(X)])[0])
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"{title}, batch {sums.batches}: the loss is {loss / examples} at learning rate "
                f"{trainer.learning_rate:g}. Start again from fresh weights with a smaller rate."
            )
        sums.loss, sums.correct = sums.loss + loss, sums.correct + hits
        sums.examples += examples
        if agreed(stop_wanted):
            break
    if sums.examples == 0:
        raise ValueError("There is no picture to train on.")
    average_running_statistics(net, devices)
    if not all(np.isfinite(p.data(devices[0]).sum().asscalar()) for p in parameters(net).values()):
        raise FloatingPointError(
            f"{title}: after its last batch parameters are no longer finite at learning rate "
            f"{trainer.learning_rate:g}. Start again from fresh weights with a smaller rate."
        )
    sums.seconds = time.perf_counter() - start
    return sums


@plain_mode()
def new_trainer(net, settings, num_batches):
    """The trainer of a run: it moves everything in `net` that learns.

    Parameters
    ----------
    num_batches : int
        Mini-batches in an epoch; a cosine ends with the last one of the last epoch.
    """
    # Without BatchNorm's running statistics: the trainer would, at its first step, overwrite those
    # of all devices with the first one's, before or after their first update as it happens.
    learning = learning_parameters(net)
    options = {"learning_rate": settings.learning_rate, "wd": settings.weight_decay}
    if settings.optimizer == "sgd":
        options["momentum"] = settings.momentum
    if settings.schedule == "cosine":
        steps = max(2, settings.num_epochs * num_batches)  # the last one's rate is 0
        options["lr_scheduler"] = mx.lr_scheduler.CosineScheduler(steps, settings.learning_rate)
    return trainer_of_team(learning, settings.optimizer, options)

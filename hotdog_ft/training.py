"""Training: one step, one epoch, a whole run."""

import re
import time
from itertools import islice

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon
from tqdm import tqdm

from .checkpoint import Checkpoint, interrupts_noted
from .devices import arrays, available_devices, average_running_statistics, shards
from .evaluation import evaluate
from .generators import generator_states, reseed_mxnet, seed_everything
from .history import EpochSums, History
from .identity import run_identity
from .learning import learning_as_set, learning_parameters
from .loader import check_labels, loaders, share
from .mxnet_internals import mark_gradient_fresh
from .probe import probe


def train_step(net, X, y, trainer, devices):
    """One update of `net` on one mini-batch.

    The gradient is that of the batch's mean loss: its scale depends neither on the batch size nor
    on the number of devices, and a short last batch is normalised by its own size.

    Parameters
    ----------
    X, y : numpy.ndarray
        float32 (n, 3, S, S) and integer (n,).

    Returns
    -------
    loss_sum, correct : float, int
        Summed over the batch, from the outputs before the update.

    Raises
    ------
    MemoryError
        The batch does not fit; the message says by how much to cut it.
    """
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    sums = []
    try:
        with autograd.record():
            for X_shard, y_shard in shards(X, y, devices):
                output = net(X_shard)
                loss = loss_function(output, y_shard)
                sums.append((loss, output.argmax(axis=1) == y_shard.astype("float32")))
        autograd.backward([loss for loss, _ in sums])
        for device in devices[len(sums) :]:  # no picture for these: their gradient is zero
            for parameter in learning_parameters(net):
                parameter.grad(device)[:] = 0
                mark_gradient_fresh(parameter, device)
        trainer.step(len(X))
        return (
            sum(float(loss.sum().asscalar()) for loss, _ in sums),  # in double precision
            int(sum(hits.sum().asscalar() for _, hits in sums)),
        )
    except mx.MXNetError as error:
        if not re.search("allocate|out of memory", str(error), re.IGNORECASE):
            raise
        raise MemoryError(
            f"A batch of {len(X)} pictures, {X.shape[-1]} pixels wide, does not fit into memory. "
            f"Start again with batch_size={max(1, len(X) // 2)} or less."
        ) from error


def train_one_epoch(net, train_iter, trainer, devices, title="epoch", sums=None, stop_wanted=()):
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

    Returns
    -------
    EpochSums

    Raises
    ------
    FloatingPointError
        The loss is no longer a finite number; the message says in which batch.
    """
    sums = sums or EpochSums()
    start = time.perf_counter() - sums.seconds
    batches = islice(train_iter, sums.batches, None)
    # disable=None: a bar in a terminal, nothing in files and notebooks
    for batch in tqdm(batches, title, leave=False, disable=None):
        X, y = arrays(batch)
        before = time.perf_counter()
        loss, hits = train_step(net, X, y, trainer, devices)
        sums.compute_seconds += time.perf_counter() - before
        sums.batches += 1
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"{title}, batch {sums.batches}: the loss is {loss / len(X)} at learning rate "
                f"{trainer.learning_rate:g}. Start again from fresh weights with a smaller rate."
            )
        sums.loss, sums.correct = sums.loss + loss, sums.correct + hits
        sums.examples += len(X)
        if stop_wanted:
            break
    if sums.examples == 0:
        raise ValueError("There is no picture to train on.")
    average_running_statistics(net, devices)
    sums.seconds = time.perf_counter() - start
    return sums


def new_trainer(net, settings, num_batches):
    """The trainer of a run: stochastic gradient descent on everything in `net` that learns.

    Parameters
    ----------
    num_batches : int
        Mini-batches in an epoch; a cosine ends with the last one of the last epoch.
    """
    # Without BatchNorm's running statistics: the trainer would, at its first step, overwrite those
    # of all devices with the first one's, before or after their first update as it happens.
    learning = learning_parameters(net)
    options = {
        "learning_rate": settings.learning_rate,
        "momentum": settings.momentum,
        "wd": settings.weight_decay,
    }
    if settings.schedule == "cosine":
        steps = max(1, settings.num_epochs * num_batches)
        options["lr_scheduler"] = mx.lr_scheduler.CosineScheduler(steps, settings.learning_rate)
    return gluon.Trainer(learning, "sgd", options, update_on_kvstore=False)


def train(net, train_imgs, test_imgs, settings, *, devices=None, after_epoch=None, checkpoint=None):
    """Train `net` as the settings say, and test it after every epoch.

    The loss is the softmax cross-entropy. The three random generators are seeded with
    ``settings.seed``. What was frozen for the run learns again afterwards; class names and input
    size stay on the net, as ``net.classes`` and ``net.size``.

    Parameters
    ----------
    net : HybridBlock
        From pictures to logits, such as `finetune_net` or `scratch_net` gives.
    train_imgs, test_imgs : ImageFolder
        Or anything with a length whose items are (uint8 picture, label).
    settings : Settings
    devices : list of mxnet.Context, optional
        By default all GPUs, else the CPU.
    after_epoch : callable, optional
        Called with the `History` after every epoch.
    checkpoint : path, optional
        A file that is written after every epoch and on Ctrl-C, and that the same call goes on from.
        With a constant rate, a call with more epochs goes on as well. With a cosine it is another
        run, since every rate depends on the number of epochs.

    Returns
    -------
    History

    Raises
    ------
    DataError
        `checkpoint` is damaged or belongs to another run; the message names what differs.
    FloatingPointError
        The loss is no longer a finite number; the error's ``history`` is that of the epochs before.
    MemoryError
        A mini-batch does not fit; the message says by how much to cut it.
    ValueError
        There is no picture, or a label has no output.
    KeyboardInterrupt
        After Ctrl-C with a checkpoint; the message says where the run was stopped.

    Examples
    --------
    >>> from hotdog_ft import Settings, finetune_net, load_recipe
    >>> recipe = load_recipe("mini")
    >>> train_imgs, test_imgs = recipe.load_data()
    >>> net = finetune_net(recipe.load_pretrained_net(), num_classes=2)
    >>> settings = Settings(size=64, batch_size=32, num_epochs=1, fraction=0.1)
    >>> train(net, train_imgs, test_imgs, settings).num_examples
    60
    """
    devices = list(devices or available_devices())
    for images, split in ((train_imgs, "train on"), (test_imgs, "test on")):
        check_labels(images, split, net.output.weight.shape[0] if hasattr(net, "output") else None)
    saved = checkpoint and Checkpoint(
        checkpoint, run_identity(net, train_imgs, test_imgs, settings)
    )
    progress = saved and saved.read(net)
    history, sums = progress or (History(), EpochSums())
    history.devices = [str(device) for device in devices]
    net.classes, net.size = getattr(train_imgs, "classes", None), settings.size
    seed_everything(settings.seed)
    train_imgs = share(train_imgs, settings)
    train_iter, test_iter = loaders(train_imgs, test_imgs, settings)
    if settings.probe_steps and not progress:
        net.collect_params().reset_ctx(devices[0])
        probe(net, train_imgs, settings, history)
        history.probe_acc = evaluate(net, test_iter)
    net.collect_params().reset_ctx(devices)
    with interrupts_noted(checkpoint) as interrupts, learning_as_set(net, settings):
        trainer = new_trainer(net, settings, len(train_iter))
        net.hybridize(static_alloc=True, static_shape=True)
        if progress:
            saved.restore(net, trainer)
        elif saved:
            saved.save(net, trainer, history)
        for epoch in range(len(history.loss) + 1, settings.num_epochs + 1):
            states = generator_states()
            reseed_mxnet(states)
            title = f"epoch {epoch}"
            try:
                sums = train_one_epoch(net, train_iter, trainer, devices, title, sums, interrupts)
            except FloatingPointError as error:
                error.history = history
                cure = f" Remove {checkpoint} before." if checkpoint else ""
                error.args = (f"{error}{cure}",)
                raise
            if not interrupts:
                start = time.perf_counter()
                test_acc = evaluate(net, test_iter)
                history.add_epoch(sums, test_acc, time.perf_counter() - start)
                sums, states = EpochSums(), None
                if after_epoch:
                    after_epoch(history)
            if saved:
                saved.save(net, trainer, history, sums, states)
            if interrupts:
                break
        if interrupts:
            begun = f"batch {sums.batches} of epoch {len(history.loss) + 1}"
            done = begun if sums.batches else f"epoch {len(history.loss)}"
            raise KeyboardInterrupt(
                f"Stopped after {done}, saved in {checkpoint}. The same call goes on from there."
            )
    return history

"""Training on all devices, and evaluation."""

import random
import re
import signal
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import islice

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from tqdm import tqdm

from .checkpoint import generator_states, load_checkpoint, save_checkpoint
from .history import History
from .model import global_statistics, parameters


def seed_everything(seed):
    """Seed the three generators that a run draws from: ``random``, ``numpy.random``, ``mx.random``."""
    random.seed(seed)
    np.random.seed(seed)
    mx.random.seed(seed)


def devices():
    """All GPUs that this build of MXNet sees, else the CPU: never an empty list."""
    return [mx.gpu(i) for i in range(mx.context.num_gpus())] or [mx.cpu()]


def describe_devices(some_devices):
    """One line in words: the devices, and why there is no GPU among them."""
    names = ", ".join(map(str, some_devices))
    if any(device.device_type == "gpu" for device in some_devices):
        return names
    build = "sees no GPU" if mx.runtime.Features().is_enabled("CUDA") else "is the build for CPUs"
    return f"{names} (MXNet {mx.__version__} {build})"


def _shards(X, y, some_devices):
    """Deal a batch out to the devices, as evenly as it goes; fewer pictures use fewer devices."""
    used = some_devices[:len(X)]
    return [(nd.array(a, ctx=device), nd.array(b, ctx=device)) for device, a, b in zip(
        used, np.array_split(X, len(used)), np.array_split(y, len(used)))]


def arrays(batch):
    """The arrays of a batch, whichever loader it came from, as numpy's."""
    return [a.asnumpy() if isinstance(a, nd.NDArray) else np.asarray(a) for a in batch]


def train_step(net, X, y, trainer, some_devices):
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
    """
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    sums = []
    try:
        with autograd.record():
            for X_shard, y_shard in _shards(X, y, some_devices):
                output = net(X_shard)
                loss = loss_function(output, y_shard)
                sums.append((loss, output.argmax(axis=1) == y_shard.astype("float32")))
        autograd.backward([loss for loss, _ in sums])
        for device in some_devices[len(sums):]:  # no picture for these: their gradient is zero
            for parameter in net.collect_params().values():
                if parameter.grad_req != "null":
                    parameter.grad(device)[:] = 0
                    parameter.data(device)._fresh_grad = True
        trainer.step(len(X))
        return (sum(loss.sum().asscalar() for loss, _ in sums),
                int(sum(hits.sum().asscalar() for _, hits in sums)))
    except mx.MXNetError as error:
        if not re.search("allocate|out of memory", str(error), re.IGNORECASE):
            raise
        raise MemoryError(f"A batch of {len(X)} pictures, {X.shape[-1]} pixels wide, does not fit "
                          f"into memory. Start again with batch_size={max(1, len(X) // 2)} or less."
                          ) from error


def _share_running_statistics(net, some_devices):
    """Give every device the mean of all devices' BatchNorm statistics."""
    nd.waitall()  # BatchNorm moves them in the backward pass, which the engine knows nothing of
    if len(some_devices) > 1:
        for name, parameter in parameters(net).items():
            if name.endswith(("running_mean", "running_var")):
                copies = [parameter.data(device).asnumpy() for device in some_devices]
                parameter.set_data(nd.array(np.mean(copies, axis=0)))
        nd.waitall()


@dataclass
class EpochSums:
    """What an epoch has added up so far; `seconds` are wall time with, `compute_seconds` without data."""

    batches: int = 0
    loss: float = 0.0
    correct: int = 0
    examples: int = 0
    seconds: float = 0.0
    compute_seconds: float = 0.0


def train_one_epoch(net, train_iter, trainer, some_devices, title="", sums=None, stop_wanted=()):
    """Train on every batch of `train_iter` that is not in `sums` yet.

    Parameters
    ----------
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
        loss, hits = train_step(net, X, y, trainer, some_devices)
        sums.compute_seconds += time.perf_counter() - before
        sums.batches += 1
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"{title}, batch {sums.batches}: the loss is {loss / len(X)} at learning rate "
                f"{trainer.learning_rate:g}. Start again from fresh weights with a smaller rate.")
        sums.loss, sums.correct, sums.examples = sums.loss + loss, sums.correct + hits, sums.examples + len(X)
        if stop_wanted:
            break
    if sums.examples == 0:
        raise ValueError("There is no picture to train on.")
    _share_running_statistics(net, some_devices)
    sums.seconds = time.perf_counter() - start
    return sums


@contextmanager
def _interrupts_noted(wanted):
    """Within this block Ctrl-C fills the list that is yielded; a second Ctrl-C stops at once."""
    noted = []

    def note(signum, frame):
        if noted:
            raise KeyboardInterrupt
        noted.append(signum)

    if not wanted or threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def batch_logits(net, X):
    """The logits of a batch as numpy's float32 (n, classes), computed on all devices where `net` is."""
    some_devices = next(iter(net.collect_params().values())).list_ctx()
    parts = [net(shard) for shard, _ in _shards(X, np.zeros(len(X)), some_devices)]
    return np.concatenate([part.asnumpy() for part in parts])


def evaluate(net, data_iter):
    """Top-1 accuracy of `net` over every picture of `data_iter`, on the devices where `net` is."""
    correct = count = 0
    for batch in data_iter:
        X, y = arrays(batch)
        correct += int((batch_logits(net, X).argmax(axis=1) == y).sum())
        count += len(X)
    return correct / count


def train(net, train_iter, test_iter, learning_rate, num_epochs=5, *, momentum=0.0,
          weight_decay=0.001, lr_scheduler=None, use_global_stats=False, on_devices=None,
          after_epoch=None, checkpoint=None):
    """Train `net` by SGD on softmax cross-entropy, each parameter at its own ``lr_mult``.

    Parameters
    ----------
    net : HybridBlock
        Any Gluon net from pictures to logits.
    train_iter, test_iter : iterable of (X, y)
        Mini-batches, such as a :class:`BatchLoader` or a Gluon ``DataLoader``.
    learning_rate : float
        Times each parameter's ``lr_mult``; belongs to the *mean* loss of a batch.
    momentum, weight_decay : float
        The book's values by default.
    lr_scheduler : mxnet.lr_scheduler.LRScheduler, optional
    use_global_stats : bool
        Normalise by BatchNorm's running statistics, which then stay as they are, instead of each
        batch's own.
    on_devices : list of mxnet.Context, optional
        By default all GPUs or the CPU; a batch is dealt out among them.
    after_epoch : callable, optional
        Called with the history after every epoch.
    checkpoint : path, optional
        A file that is written after every epoch, and after the batch at hand when Ctrl-C is pressed.
        Where it exists already, the run goes on from there, and ends (on one CPU) with bit by bit
        the parameters of a run that was never stopped.

    Returns
    -------
    History

    Raises
    ------
    FloatingPointError
        The loss is no longer a finite number.
    DataError
        The checkpoint belongs to another run or is damaged.
    KeyboardInterrupt
        After Ctrl-C; with a checkpoint the message says how to go on.
    """
    on_devices = list(on_devices or devices())
    net.collect_params().reset_ctx(on_devices)
    # Without BatchNorm's running statistics: the trainer would, at its first step, overwrite those of
    # all devices with the first one's, before or after their first update as it happens.
    learning = [p for p in net.collect_params().values() if p.grad_req != "null"]
    settings = {"learning_rate": learning_rate, "momentum": momentum, "wd": weight_decay}
    trainer = gluon.Trainer(learning, "sgd", update_on_kvstore=False, optimizer_params={
        **settings, **({"lr_scheduler": lr_scheduler} if lr_scheduler else {})})
    settings.update(batch_size=getattr(train_iter, "batch_size", 0), use_global_stats=use_global_stats)
    progress = checkpoint and load_checkpoint(checkpoint, net, trainer, settings)
    history, sums = (History(**progress["history"]), EpochSums(**progress["epoch"])) if progress else (
        History(batch_size=settings["batch_size"], learning_rate=learning_rate), EpochSums())
    history.devices = [str(device) for device in on_devices]
    with _interrupts_noted(checkpoint) as interrupts, \
            (global_statistics(net) if use_global_stats else nullcontext()):
        net.hybridize(static_alloc=True, static_shape=True)
        while len(history.loss) < num_epochs:
            states = generator_states()
            title = f"epoch {len(history.loss) + 1}"
            sums = train_one_epoch(net, train_iter, trainer, on_devices, title, sums, interrupts)
            if not interrupts:
                _end_epoch(history, sums, net, test_iter)
                sums, states = EpochSums(), None
                if after_epoch:
                    after_epoch(history)
            if checkpoint:
                save_checkpoint(checkpoint, net, trainer, settings, states or generator_states(),
                                {"history": asdict(history), "epoch": asdict(sums)})
            if interrupts:
                done = f"batch {sums.batches} of {title}" if sums.batches else title
                raise KeyboardInterrupt(f"Stopped after {done}, saved in {checkpoint}. The same call goes "
                                        "on from there.")
    return history


def _end_epoch(history, sums, net, test_iter):
    start = time.perf_counter()
    history.test_acc.append(evaluate(net, test_iter))
    history.test_seconds.append(time.perf_counter() - start)
    history.num_examples = sums.examples
    history.loss.append(sums.loss / sums.examples)
    history.train_acc.append(sums.correct / sums.examples)
    history.seconds.append(sums.seconds)
    history.compute_seconds.append(sums.compute_seconds)

"""Training on all devices, evaluation, and the history that a run leaves."""

import json
import random
import time
from dataclasses import asdict, dataclass, field

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from tqdm import tqdm

from .model import parameters


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


@dataclass
class History:
    """What a training run saw: one number an epoch in each list.

    Attributes
    ----------
    loss, train_acc, test_acc : list of float
        Mean cross-entropy (nats) and top-1 accuracy over the epoch's training batches, taken
        before each update as in the book, and top-1 accuracy on the test set after the epoch.
    seconds, compute_seconds, test_seconds : list of float
        Wall time of the epoch's training with and without waiting for data, and of the test.
    num_examples : int
        Training pictures in an epoch.
    devices : list of str
    learning_rate, batch_size : float, int
    """

    num_examples: int = 0
    batch_size: int = 0
    learning_rate: float = 0.0
    devices: list = field(default_factory=list)
    loss: list = field(default_factory=list)
    train_acc: list = field(default_factory=list)
    test_acc: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    compute_seconds: list = field(default_factory=list)
    test_seconds: list = field(default_factory=list)

    @property
    def examples_per_sec(self):
        """Pictures trained on per second, the data's time left out (the book's figure)."""
        return self.num_examples * len(self.loss) / sum(self.compute_seconds)

    @property
    def examples_per_sec_with_data(self):
        """Pictures trained on per second, the time waiting for data included."""
        return self.num_examples * len(self.loss) / sum(self.seconds)

    def __str__(self):
        """The book's two result lines."""
        if not self.loss:
            return "no epoch yet"
        return (f"loss {self.loss[-1]:.3f}, train acc {self.train_acc[-1]:.3f}, "
                f"test acc {self.test_acc[-1]:.3f}\n"
                f"{self.examples_per_sec:.1f} examples/sec on [{', '.join(self.devices)}]")

    def to_frame(self):
        """A pandas frame with one row an epoch, counted from 1."""
        import pandas as pd
        columns = ["loss", "train_acc", "test_acc", "seconds", "compute_seconds", "test_seconds"]
        epochs = pd.RangeIndex(1, len(self.loss) + 1, name="epoch")
        return pd.DataFrame({name: getattr(self, name) for name in columns}, index=epochs)

    def to_json(self):
        """The attributes as a JSON object; `from_json` reads it back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text):
        """The history that `to_json` wrote."""
        return cls(**json.loads(text))


def _shards(X, y, some_devices):
    """Deal a batch out to the devices, as evenly as it goes; fewer pictures use fewer devices."""
    used = some_devices[:len(X)]
    return [(nd.array(a, ctx=device), nd.array(b, ctx=device)) for device, a, b in zip(
        used, np.array_split(X, len(used)), np.array_split(y, len(used)))]


def _arrays(batch):
    return [a.asnumpy() if isinstance(a, nd.NDArray) else np.asarray(a) for a in batch]


def train_step(net, X, y, trainer, some_devices, use_global_stats=False):
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
    with autograd.record(train_mode=not use_global_stats):
        for X_shard, y_shard in _shards(X, y, some_devices):
            output = net(X_shard)
            loss = loss_function(output, y_shard)
            sums.append((loss, output.argmax(axis=1) == y_shard.astype("float32")))
    autograd.backward([loss for loss, _ in sums], train_mode=not use_global_stats)
    for device in some_devices[len(sums):]:  # no picture for these: their gradient is zero
        for parameter in net.collect_params().values():
            if parameter.grad_req != "null":
                parameter.grad(device)[:] = 0
                parameter.data(device)._fresh_grad = True
    trainer.step(len(X))
    return (sum(loss.sum().asscalar() for loss, _ in sums),
            int(sum(hits.sum().asscalar() for _, hits in sums)))


def _share_running_statistics(net, some_devices):
    """Give every device the mean of all devices' BatchNorm statistics."""
    if len(some_devices) > 1:
        for name, parameter in parameters(net).items():
            if name.endswith(("running_mean", "running_var")):
                copies = [parameter.data(device).asnumpy() for device in some_devices]
                parameter.set_data(nd.array(np.mean(copies, axis=0)))


def train_one_epoch(net, train_iter, trainer, some_devices, use_global_stats=False, title=""):
    """Train on every batch of `train_iter` once.

    Returns
    -------
    loss, accuracy, num_examples, seconds, compute_seconds : float, float, int, float, float

    Raises
    ------
    FloatingPointError
        The loss is no longer a finite number; the message says in which batch.
    """
    loss_sum, correct, count, compute_seconds = 0.0, 0, 0, 0.0
    start = time.perf_counter()
    # disable=None: a bar in a terminal, nothing in files and notebooks
    for number, batch in enumerate(tqdm(train_iter, title, leave=False, disable=None), 1):
        X, y = _arrays(batch)
        before = time.perf_counter()
        loss, hits = train_step(net, X, y, trainer, some_devices, use_global_stats)
        compute_seconds += time.perf_counter() - before
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"{title}, batch {number}: the loss is {loss / len(X)} at learning rate "
                f"{trainer.learning_rate:g}. Start again from fresh weights with a smaller rate.")
        loss_sum, correct, count = loss_sum + loss, correct + hits, count + len(X)
    if count == 0:
        raise ValueError("There is no picture to train on.")
    _share_running_statistics(net, some_devices)
    return loss_sum / count, correct / count, count, time.perf_counter() - start, compute_seconds


def evaluate(net, data_iter):
    """Top-1 accuracy of `net` over every picture of `data_iter`, on the devices where `net` is."""
    some_devices = next(iter(net.collect_params().values())).list_ctx()
    correct = count = 0
    for batch in data_iter:
        X, y = _arrays(batch)
        hits = [(net(X_shard).argmax(axis=1) == y_shard.astype("float32")).sum()
                for X_shard, y_shard in _shards(X, y, some_devices)]
        correct += int(sum(hit.asscalar() for hit in hits))
        count += len(X)
    return correct / count


def train(net, train_iter, test_iter, learning_rate, num_epochs=5, *, momentum=0.0,
          weight_decay=0.001, lr_scheduler=None, use_global_stats=False, on_devices=None,
          after_epoch=None):
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

    Returns
    -------
    History
    """
    on_devices = list(on_devices or devices())
    net.collect_params().reset_ctx(on_devices)
    net.hybridize(static_alloc=True, static_shape=True)
    settings = {"learning_rate": learning_rate, "momentum": momentum, "wd": weight_decay}
    if lr_scheduler is not None:
        settings["lr_scheduler"] = lr_scheduler
    trainer = gluon.Trainer(net.collect_params(), "sgd", settings)
    history = History(batch_size=getattr(train_iter, "batch_size", 0), learning_rate=learning_rate,
                      devices=[str(device) for device in on_devices])
    for epoch in range(1, num_epochs + 1):
        loss, accuracy, history.num_examples, seconds, compute_seconds = train_one_epoch(
            net, train_iter, trainer, on_devices, use_global_stats, f"epoch {epoch}")
        start = time.perf_counter()
        history.test_acc.append(evaluate(net, test_iter))
        history.test_seconds.append(time.perf_counter() - start)
        history.loss.append(loss)
        history.train_acc.append(accuracy)
        history.seconds.append(seconds)
        history.compute_seconds.append(compute_seconds)
        if after_epoch:
            after_epoch(history)
    return history


def extract_features(net, data_iter):
    """What `features` gives for every picture: float32 (n, d), and the labels (n,)."""
    device = next(iter(net.collect_params().values())).list_ctx()[0]
    parts = []
    for batch in data_iter:
        X, y = _arrays(batch)
        parts.append((net.features(nd.array(X, ctx=device)).flatten().asnumpy(), y))
    return tuple(np.concatenate(column) for column in zip(*parts))


def fit_output(net, features, labels, num_steps=300, learning_rate=0.01, weight_decay=0.03):
    """Linear probing: train `output` alone, by Adam on all of the given features at once.

    Parameters
    ----------
    features, labels : numpy.ndarray
        As given by `extract_features`.
    """
    device = net.output.weight.list_ctx()[0]
    X, y = nd.array(features, ctx=device), nd.array(labels, ctx=device)
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.output.collect_params(), "adam",
                            {"learning_rate": learning_rate, "wd": weight_decay})
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

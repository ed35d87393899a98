"""The contender hotdog_ft; `hotdog_ft` sets the threads."""

import atexit
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import hotdog_ft  # noqa: E402
import mxnet as mx  # noqa: E402
import numpy as np  # noqa: E402
from hotdog_ft.data import Pictures  # noqa: E402
from hotdog_ft.model import fused, resnet18  # noqa: E402
from hotdog_ft.train import batch_logits, train_one_epoch, train_step  # noqa: E402
from serve import serve  # noqa: E402


def new_net(size, devices):
    net = resnet18(1, [64, 64, 128, 256, 512], 2)
    net.initialize(mx.init.Xavier(), ctx=devices)
    net(mx.nd.zeros((1, 3, size, size), ctx=devices[0]))
    net.hybridize(static_alloc=True, static_shape=True)
    learning = [p for p in net.collect_params().values() if p.grad_req != "null"]
    return net, mx.gluon.Trainer(learning, "sgd", {"learning_rate": 1e-4, "wd": 0.001}, update_on_kvstore=False)


def train(batch_size, size=224, num_devices=1):
    devices = [mx.cpu(i) for i in range(num_devices)]
    net, trainer = new_net(size, devices)
    X = np.random.normal(size=(batch_size, 3, size, size)).astype("float32")
    y = np.random.randint(0, 2, batch_size)

    def once():
        train_step(net, X, y, trainer, devices)
        mx.nd.waitall()
        return batch_size

    once()
    return once


def predict(batch_size, size=224):
    net, _ = new_net(size, [mx.cpu()])
    X = np.random.normal(size=(batch_size, 3, size, size)).astype("float32")
    graph = fused(net, X)
    graph.__enter__()  # as hotdog_ft.predict and extract_features do for all of their batches

    def once():
        return len(batch_logits(net, X))

    once()
    return once


def images(folder, count):
    found = hotdog_ft.ImageFolder(Path(folder) / "train")
    return found.subset(np.random.default_rng(0).permutation(len(found))[:count])


def load(kind, folder, count, epoch):
    """One pass of the loader alone; `epoch` 1 decodes, from 2 on pictures are in memory."""
    augs = {"train": hotdog_ft.TrainAugs, "test": hotdog_ft.TestAugs}[kind](224)
    loader = hotdog_ft.BatchLoader(images(folder, count), augs, 32, shuffle=kind == "train")

    def once():
        if epoch == 1:
            loader.images = images(folder, count)
        return sum(len(y) for _, y in loader)

    if epoch > 1:
        once()
    return once


def epoch(folder, count, batch_size):
    """An epoch from disk; the net is compiled before, the pictures are read in the first call."""
    net, trainer = new_net(224, [mx.cpu()])
    loader = hotdog_ft.BatchLoader(images(folder, count), hotdog_ft.TrainAugs(224), batch_size, shuffle=True)
    X = np.zeros((batch_size, 3, 224, 224), "float32")
    train_step(net, X, np.zeros(batch_size), trainer, [mx.cpu()])

    def once():
        return train_one_epoch(net, loader, trainer, [mx.cpu()]).examples

    return once


def probe_epoch(count):
    """An epoch of training the output layer on features that were computed before."""
    net, _ = new_net(224, [mx.cpu()])
    features, labels = np.random.normal(size=(count, 512)).astype("float32"), np.arange(count) % 2

    def once():
        hotdog_ft.fit_output(net, features, labels, num_steps=1)
        return count

    once()
    return once


def grow(folder, count):
    """An epoch of the loader over `count` pictures that are files of their own: links, where there are too few."""
    found = images(folder, None)
    links = Path(tempfile.mkdtemp())
    paths = [links / f"{i}.jpg" for i in range(count)]
    for i, path in enumerate(paths):
        path.symlink_to(found.paths[i % len(found)].resolve())
    atexit.register(shutil.rmtree, links)
    loader = hotdog_ft.BatchLoader(Pictures(paths), hotdog_ft.TrainAugs(224), 32, shuffle=True)
    return lambda: sum(len(y) for _, y in loader)


def matrix(side):
    """The float32 matrix rate, by MXNet's oneDNN: "pictures" are floating-point operations."""
    a, b = (mx.nd.array(half) for half in np.random.normal(size=(2, side, side)))
    bias = mx.nd.zeros(side)

    def once():
        mx.nd.FullyConnected(a, b, bias, num_hidden=side).wait_to_read()
        return 2 * side**3

    once()
    return once


if __name__ == "__main__":
    serve({"train": train, "predict": predict, "load": load, "epoch": epoch, "probe_epoch": probe_epoch, "grow": grow,
           "matrix": matrix})

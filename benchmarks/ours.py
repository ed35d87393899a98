"""The contender hotdog_ft; `hotdog_ft` sets the threads."""

import atexit
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import hotdog_ft  # before mxnet

# isort: split
import mxnet as mx
import numpy as np
from mxnet.gluon.model_zoo.vision import resnet18_v1
from serve import KIND, precision_tasks, serve

from hotdog_ft.bfloat16 import in_bfloat16
from hotdog_ft.data import Pictures
from hotdog_ft.folders import ImageFolder
from hotdog_ft.inference import fused, outputs
from hotdog_ft.loader import loaders
from hotdog_ft.precision import for_batches
from hotdog_ft.probe import fit_output
from hotdog_ft.settings import FINE_TUNE, Settings
from hotdog_ft.training import new_trainer, train_one_epoch, train_step


def new_net(size, devices):
    net = resnet18_v1(classes=2)
    net.initialize(mx.init.Xavier(), ctx=devices)
    net(mx.nd.zeros((1, 3, size, size), ctx=devices[0]))
    net.hybridize(static_alloc=True, static_shape=True)
    # random pictures teach nothing: a small rate keeps the numbers finite
    return net, new_trainer(net, Settings(learning_rate=1e-4), num_batches=1)


def train(batch_size, size=224, num_devices=1):
    devices = [mx.cpu(i) for i in range(num_devices)]
    net, trainer = new_net(size, devices)
    net = in_bfloat16(net) if KIND == "bfloat16" else net
    X = np.random.normal(size=(batch_size, 3, size, size)).astype("float32")
    y = np.random.randint(0, 2, batch_size)

    def once():
        train_step(net, X, y, trainer, devices)
        mx.nd.waitall()
        return batch_size

    once()
    return once


def predict(batch_size):
    net, _ = new_net(224, [mx.cpu()])
    X = np.random.normal(size=(batch_size, 3, 224, 224)).astype("float32")
    block = fused(net, X)  # as hotdog_ft.predict and extract_features do for all of their batches

    def once():
        return len(outputs(block, X))

    once()
    return once


def images(folder, count):
    found = ImageFolder(Path(folder) / "train")
    return found.subset(np.random.default_rng(0).permutation(len(found))[:count])


def loader(pictures, batch_size=32, kind="train"):
    train_iter, test_iter = loaders(pictures, pictures, Settings(batch_size=batch_size))
    return {"train": train_iter, "test": test_iter}[kind]


def load(kind, folder, count, epoch):
    """One pass of the loader alone; `epoch` 1 decodes, from 2 on pictures are in memory."""
    found = images(folder, count)
    data_iter = loader(found, kind=kind)

    def once():
        if epoch == 1:  # nothing is decoded; the files are listed before, as the others' are
            data_iter.images = Pictures(found.paths)
        return sum(len(y) for _, y in data_iter)

    if epoch > 1:
        once()
    return once


def epoch(folder, count, batch_size):
    """An epoch from disk; the net is compiled before, the pictures are read in the first call."""
    net, trainer = new_net(224, [mx.cpu()])
    data_iter = loader(images(folder, count), batch_size)
    X = np.zeros((batch_size, 3, 224, 224), "float32")
    train_step(net, X, np.zeros(batch_size), trainer, [mx.cpu()])

    def once():
        return train_one_epoch(net, data_iter, trainer, [mx.cpu()]).examples

    return once


def probe_epoch(count):
    """An epoch of training the output layer on features that were computed before."""
    net, _ = new_net(224, [mx.cpu()])
    features, labels = np.random.normal(size=(count, 512)).astype("float32"), np.arange(count) % 2
    one_step = replace(FINE_TUNE, probe_steps=1)

    def once():
        fit_output(net, features, labels, one_step)
        return count

    once()
    return once


def grow(folder, count):
    """An epoch of the loader over `count` files: links to pictures, where there are too few."""
    found = images(folder, None)
    links = Path(tempfile.mkdtemp())
    paths = [links / f"{i}.jpg" for i in range(count)]
    for i, path in enumerate(paths):
        path.symlink_to(found.paths[i % len(found)].resolve())
    atexit.register(shutil.rmtree, links)
    data_iter = loader(Pictures(paths))
    return lambda: sum(len(y) for _, y in data_iter)


def forward(folder, seen):
    """With the ranges that are in the file."""
    net = hotdog_ft.load_net(folder / "net.safetensors")
    block = for_batches(net, seen, KIND)
    return lambda X: outputs(block, X)


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
    serve(
        {
            "train": train,
            "predict": predict,
            "load": load,
            "epoch": epoch,
            "probe_epoch": probe_epoch,
            "grow": grow,
            "matrix": matrix,
            **precision_tasks(forward),
        }
    )

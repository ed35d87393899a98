"""The contender "the book": d2l 1.0.3's functions as they stand, the CPU as the device list."""

from pathlib import Path

import numpy
from d2l import mxnet as d2l
from mxnet import cpu, gluon, init, np, npx
from serve import serve

npx.set_np()
normalize = gluon.data.vision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
transforms = gluon.data.vision.transforms
AUGS = {
    "train": transforms.Compose(
        [
            transforms.RandomResizedCrop(224),
            transforms.RandomFlipLeftRight(),
            transforms.ToTensor(),
            normalize,
        ]
    ),
    "test": transforms.Compose(
        [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), normalize]
    ),
}


def new_net():
    net = gluon.model_zoo.vision.resnet18_v1(classes=2)
    net.initialize(init.Xavier(), ctx=cpu())
    net.hybridize()
    return net, gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1e-4, "wd": 0.001})


def train(batch_size):
    net, trainer = new_net()
    X = np.random.normal(size=(batch_size, 3, 224, 224))
    y = np.random.randint(0, 2, (batch_size,))
    loss = gluon.loss.SoftmaxCrossEntropyLoss()

    def once():
        d2l.train_batch_ch13(net, X, y, loss, trainer, [cpu()])
        npx.waitall()
        return batch_size

    once()
    return once


def predict(batch_size):
    net, _ = new_net()
    X = np.random.normal(size=(batch_size, 3, 224, 224))

    def once():
        return len(net(X).asnumpy())

    once()
    return once


def batches(kind, folder, count, batch_size):
    images = gluon.data.vision.ImageFolderDataset(str(Path(folder) / "train"))
    images.items = [images.items[i] for i in numpy.random.permutation(len(images))[:count]]
    return gluon.data.DataLoader(
        images.transform_first(AUGS[kind]), batch_size, shuffle=kind == "train"
    )


def load(kind, folder, count, epoch):
    data_iter = batches(kind, folder, count, 32)

    def once():
        return sum(len(y.asnumpy()) for X, y in data_iter)

    return once


def epoch(folder, count, batch_size):
    """The loop of train_ch13 without its drawing."""
    net, trainer = new_net()
    data_iter = batches("train", folder, count, batch_size)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    net(np.zeros((1, 3, 224, 224)))

    def once():
        seen = 0
        for X, y in data_iter:
            d2l.train_batch_ch13(net, X, y, loss, trainer, [cpu()])
            seen += len(y)
        npx.waitall()
        return seen

    return once


if __name__ == "__main__":
    serve({"train": train, "predict": predict, "load": load, "epoch": epoch})

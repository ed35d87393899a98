"""The networks of the chapter: source, target and scratch twin, all in ResNet-18's arrangement."""

import hashlib

from mxnet import init, nd
from mxnet.gluon.model_zoo.vision import resnet

from .mxnet_internals import (
    arrays_of,
    parameters,
)
from .settings import Settings


def resnet18(version, channels, classes):
    """Gluon's ResNet-18 (two basic blocks in each of four stages) of any width, uninitialised.

    Parameters
    ----------
    version : {1, 2}
        ``ResNetV1`` (torchvision's topology) or ``ResNetV2``, which the chapter uses.
    channels : sequence of 5 int
        Of the stem and of the four stages: 64, 64, 128, 256, 512 in ResNet-18 proper.
    classes : int
        Outputs of the dense layer ``output``.
    """
    net = {1: resnet.ResNetV1, 2: resnet.ResNetV2}[version]
    block = {1: resnet.BasicBlockV1, 2: resnet.BasicBlockV2}[version]
    built = net(block, [2, 2, 2, 2], list(channels), classes=classes)
    built.hybridize(static_alloc=True)
    return built


def architecture(shapes):
    """``(version, channels, classes)`` from a mapping of Gluon's file names to shapes.

    ResNet-V2 begins with a BatchNorm over the picture's three channels, V1 with a convolution.
    """
    version = 2 if "features.0.gamma" in shapes else 1
    stem = "features.1.weight" if version == 2 else "features.0.weight"
    first = 5 if version == 2 else 4
    channels = [shapes[stem][0]] + [
        shapes[
            f"features.{first + stage}.1.conv1.weight"
            if version == 2
            else f"features.{first + stage}.1.body.0.weight"
        ][0]
        for stage in range(4)
    ]
    return version, channels, shapes["output.weight"][0]


def _twin(net, classes):
    version, channels, _ = architecture({k: p.shape for k, p in parameters(net).items()})
    return resnet18(version, channels, classes)


def _materialise(net):
    """Run one picture through `net`, so that Gluon allocates what it has put off."""
    net(nd.zeros((1, 3, 64, 64)))
    return net


def finetune_net(pretrained_net, num_classes, lr_mult=Settings.output_lr_mult):
    """The target net: `features` copied from the source, a new `output` that learns faster.

    Nothing is shared: training the target never changes the source.

    Parameters
    ----------
    pretrained_net : ResNetV1 or ResNetV2
        The source net.
    num_classes : int
        Outputs of the new layer, which is initialised by Xavier.
    lr_mult : float
        The new layer's learning rate over that of `features`, for `train_fine_tuning`. `train` and
        `fine_tune` go by ``settings.output_lr_mult``.

    Returns
    -------
    ResNetV1 or ResNetV2
        On the CPU, ready to be trained.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> finetune_net(load_recipe("mini").load_pretrained_net(), num_classes=2).output
    Dense(128 -> 2, linear)
    """
    net = _twin(pretrained_net, num_classes)
    net.initialize(init.Xavier())
    _materialise(net)
    target = parameters(net.features)
    for name, array in arrays_of(pretrained_net.features).items():
        target[name].set_data(nd.array(array))
    net.output.collect_params().setattr("lr_mult", lr_mult)
    return net


def scratch_net(pretrained_net, num_classes):
    """The scratch twin: the source's architecture, every layer initialised by Xavier.

    Call `seed_everything` before, so that the same code builds the same net.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> scratch_net(load_recipe("mini").load_pretrained_net(), num_classes=2).output
    Dense(128 -> 2, linear)
    """
    net = _twin(pretrained_net, num_classes)
    net.initialize(init.Xavier())
    return _materialise(net)


def fingerprint(block):
    """Hash of every array in a part of a net, running statistics included."""
    return arrays_sha256(arrays_of(block))


def arrays_sha256(arrays):
    """Hash of a dictionary of arrays with their names."""
    total = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        total.update(name.encode() + array.tobytes())
    return total.hexdigest()

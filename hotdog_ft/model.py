"""The networks of the chapter: source, target and scratch twin, all in ResNet-18's arrangement."""

import hashlib
from contextlib import ExitStack, contextmanager

from mxnet import cpu, init, nd
from mxnet.gluon import nn
from mxnet.gluon.model_zoo.vision import resnet
from mxnet.runtime import Features

from .devices import devices_of
from .mxnet_internals import parameters, use_global_stats
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
        The new layer's learning rate over that of `features`.

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
    for name, parameter in parameters(pretrained_net.features).items():
        target[name].set_data(parameter.data(parameter.list_ctx()[0]).copy())
    net.output.collect_params().setattr("lr_mult", lr_mult)
    return net


def scratch_net(pretrained_net, num_classes):
    """The scratch twin: the source's architecture, every layer initialised by Xavier.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> scratch_net(load_recipe("mini").load_pretrained_net(), num_classes=2).output
    Dense(128 -> 2, linear)
    """
    net = _twin(pretrained_net, num_classes)
    net.initialize(init.Xavier())
    return _materialise(net)


@contextmanager
def global_statistics(net):
    """Within this block every BatchNorm normalises by its running statistics and leaves them alone.

    (Recording in prediction mode looks like another way to the same end, but MXNet 1.9.1 then
    computes wrong gradients through max pooling.)
    """
    before = use_global_stats(net)
    try:
        net.hybridize(static_alloc=True)  # forget graphs that were built before
        yield
    finally:
        use_global_stats(net, before)
        net.hybridize(static_alloc=True)


@contextmanager
def lr_multiplier(block, value):
    """Within this block the parameters of `block` learn at `value` times the rate."""
    before = {p: p.lr_mult for p in block.collect_params().values()}
    try:
        block.collect_params().setattr("lr_mult", value)
        yield
    finally:
        for parameter, lr_mult in before.items():
            parameter.lr_mult = lr_mult


@contextmanager
def frozen(block):
    """Within this block `block` is as after `freeze`; afterwards it learns again as before."""
    before = {p: p.grad_req for p in block.collect_params().values()}
    flags = use_global_stats(block)
    try:
        yield freeze(block)
    finally:
        for parameter, grad_req in before.items():
            parameter.grad_req = grad_req
        use_global_stats(block, flags)
        block.hybridize(static_alloc=True)


@contextmanager
def learning_as_set(net, settings):
    """Within this block `net` learns as the settings say; afterwards it is as before.

    That is ``trained``, ``use_global_stats`` and ``output_lr_mult``. A net without `output` learns
    as a whole, at one rate.
    """
    with ExitStack() as stack:
        # graphs of the whole net that were built before know nothing of this; nor later of its end
        stack.callback(net.hybridize, static_alloc=True)
        net.hybridize(static_alloc=True)
        if settings.trained == "output":
            stack.enter_context(frozen(net.features))
        elif settings.trained == "last stage":
            stack.enter_context(frozen(net.features[: last_stage(net)]))
        if settings.use_global_stats:
            stack.enter_context(global_statistics(net))
        if hasattr(net, "output"):
            stack.enter_context(lr_multiplier(net.output, settings.output_lr_mult))
        yield net


@contextmanager
def fused(block, X):
    """Within this block a net on a CPU predicts with fused operations of oneDNN.

    Convolution, BatchNorm and ReLU become one operation. Predictions change in the last digits
    only. Nothing is to be trained meanwhile.

    Parameters
    ----------
    block : HybridBlock
    X : numpy.ndarray
        An input such as those to come.
    """
    if devices_of(block) == [cpu()] and Features().is_enabled("MKLDNN"):
        block.optimize_for(nd.array(X), backend="MKLDNN", static_alloc=True)
    try:
        yield
    finally:
        block.hybridize(static_alloc=True)  # the plain graph again, with today's parameters


def freeze(block):
    """Fix a part of a net, such as ``net.features``: training moves nothing in it any more.

    Its parameters get no gradient, and its BatchNorm layers normalise by their running statistics
    and leave them alone: in training it computes what it computes in prediction. (A net that was
    used before keeps a graph that knows nothing of this. `train` and `learning_as_set` renew it; in
    a loop without them call ``net.hybridize()``.)

    Returns
    -------
    HybridBlock
        The same `block`.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> net = finetune_net(load_recipe("mini").load_pretrained_net(), num_classes=2)
    >>> freeze(net.features) is net.features
    True
    >>> sum(parameter.grad_req != "null" for parameter in net.collect_params().values())
    2
    """
    block.collect_params().setattr("grad_req", "null")
    use_global_stats(block)
    block.hybridize(static_alloc=True)
    return block


def last_stage(net):
    """Place of the last of the four stages in ``net.features``; ``[:place]`` is all before it."""
    return max(
        place for place, layer in enumerate(net.features) if isinstance(layer, nn.HybridSequential)
    )


def fingerprint(block):
    """Hash of every array in a part of a net, running statistics included."""
    found = sorted(parameters(block).items())
    return arrays_sha256((name, p.data(p.list_ctx()[0]).asnumpy()) for name, p in found)


def arrays_sha256(named_arrays):
    """Hash of arrays with their names, in the order given."""
    total = hashlib.sha256()
    for name, array in named_arrays:
        total.update(name.encode() + array.tobytes())
    return total.hexdigest()

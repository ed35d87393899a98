"""Which net a set of tensors belongs to: ResNets of any size, and Gluon's zoo."""

import re
from contextlib import suppress

from mxnet import init, sym
from mxnet.gluon import nn
from mxnet.gluon.model_zoo import vision
from mxnet.gluon.model_zoo.vision import resnet

from .mxnet_internals import build_graph, parameters

# what of Gluon's zoo ends in a dense layer `output`
_OTHERS = [
    "alexnet",
    *(f"mobilenet{width}" for width in ("1.0", "0.75", "0.5", "0.25")),
    *(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
    "inceptionv3",
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
]
_RESNETS = [f"resnet{depth}_v{v}" for depth in (18, 34, 50, 101, 152) for v in (1, 2)]


class BottleneckV1b(resnet.BottleneckV1):
    """torchvision's bottleneck: its 3x3 convolution has the stride, and none has a bias."""

    def __init__(self, channels, stride, downsample=False, in_channels=0, **kwargs):
        super(resnet.BottleneckV1, self).__init__(**kwargs)
        self.body, self.downsample = nn.HybridSequential(prefix=""), None
        width = channels // 4
        for out, kernel, step in ((width, 1, 1), (width, 3, stride), (channels, 1, 1)):
            if len(self.body):
                self.body.add(nn.Activation("relu"))
            self.body.add(nn.Conv2D(out, kernel, step, kernel // 2, use_bias=False))
            self.body.add(nn.BatchNorm())
        if downsample:
            self.downsample = nn.HybridSequential(prefix="")
            self.downsample.add(nn.Conv2D(channels, 1, stride, use_bias=False), nn.BatchNorm())


def _classes(shapes):
    return (shapes.get("output.weight") or [1000])[0]


def _resnet_of(shapes):
    """The ResNet whose tensors have these shapes, as far as the first blocks tell.

    Raises KeyError or IndexError where they are no ResNet's.
    """
    # V2 begins with a BatchNorm over the picture's three channels, V1 with a convolution
    version = 2 if "features.0.gamma" in shapes else 1
    blocks = set(re.findall(r"^features\.(\d+)\.(\d+)\.", "\n".join(shapes), re.MULTILINE))
    stages = sorted({int(stage) for stage, _ in blocks})
    layers = [len({block for at, block in blocks if int(at) == stage}) for stage in stages]
    place = f"features.{stages[0]}.0."
    if version == 2:
        last = "conv3" if f"{place}conv3.weight" in shapes else "conv2"
        block = resnet.BottleneckV2 if last == "conv3" else resnet.BasicBlockV2
    else:
        last = "body.6" if f"{place}body.6.weight" in shapes else "body.3"
        bottleneck = resnet.BottleneckV1 if f"{place}body.0.bias" in shapes else BottleneckV1b
        block = bottleneck if last == "body.6" else resnet.BasicBlockV1
    channels = [shapes[f"features.{stage}.0.{last}.weight"][0] for stage in stages]
    stem = shapes[f"features.{version - 1}.weight"][0]
    narrow = last in ("conv3", "body.6") and min(channels) < 4  # a bottleneck is a quarter as wide
    if narrow or any(one == two for one, two in zip(channels, channels[1:])):
        raise IndexError("a stage that halves the picture must widen it")
    kind = resnet.ResNetV2 if version == 2 else resnet.ResNetV1
    # nets for thumbnails go from the first convolution to the stages at once
    about = {"classes": _classes(shapes), "thumbnail": stages[0] == version}
    return kind(block, layers, [stem, *channels], **about)


def _fits(known, shape):
    return len(known) == len(shape) and all(
        ours in (0, theirs) for ours, theirs in zip(known, shape)
    )


def net_of(shapes):
    """The uninitialised net that tensors of these shapes belong to, or the one closest to it.

    Returns
    -------
    HybridBlock or None
        Ask `difference` whether it fits. None: nothing comes close.
    """

    def fitting(net):
        known = {name: parameter.shape for name, parameter in parameters(net).items()}
        return sum(_fits(known[name], shapes[name]) for name in known.keys() & shapes.keys())

    def misfits(net):
        return len(parameters(net).keys() | shapes.keys()) - fitting(net)

    nets = []
    with suppress(KeyError, IndexError):
        nets.append(_resnet_of(shapes))
    for name in _OTHERS:
        if not nets or misfits(nets[-1]):
            nets.append(vision.get_model(name, classes=_classes(shapes)))
    closest = min(nets, key=misfits)
    if 2 * fitting(closest) <= len(parameters(closest)):
        return None
    closest.hybridize(static_alloc=True)
    return closest


def difference(net, shapes):
    """The first tensor that `net` has in another shape, or not at all, or that is lacking.

    Parameters
    ----------
    net : HybridBlock
    shapes : dict of str to tuple
        By Gluon's file names.

    Returns
    -------
    (str, tuple or None) or None
        Its name, and the shape that it has in `net`.
    """
    graph = net(sym.var("data"))
    inputs, _, statistics = graph.infer_shape(data=(1, 3, 299, 299))  # Inception's; any net can
    inferred = dict(zip(graph.list_arguments(), inputs))
    inferred.update(zip(graph.list_auxiliary_states(), statistics))
    wanted = {name: inferred[parameter.name] for name, parameter in parameters(net).items()}
    for name in wanted:
        if name.startswith("features.") and len(wanted[name]) == 2:
            wanted[name] = parameters(net)[name].shape  # VGG's depends on the pictures' size
    for name in sorted(wanted.keys() | shapes.keys()):
        if name not in wanted or not _fits(wanted[name], shapes.get(name, ())):
            return name, wanted.get(name)
    return None


def older_names(names):
    """Today's names of tensors under the zoo's older names (``conv0_weight`` …).

    Returns
    -------
    dict of str to str
        The older name by today's.
    """
    start = re.match(r"([a-z]+\d+_)?", next(iter(names)))[0]  # resnetv20_
    if not all(name.startswith(start) for name in names):
        start = ""
    short = {name: name[len(start) :] for name in names}
    tables = []
    for model in (*_RESNETS, *_OTHERS):
        net = vision.get_model(model)
        tables.append({p.name[len(net.prefix) :]: name for name, p in parameters(net).items()})
    closest = min(tables, key=lambda table: len(table.keys() ^ set(short.values())))
    return {closest.get(short[name], name): name for name in names}


def initialise(net, default_init):
    """Draw all parameters of a net, each of which knows its shape, and note the net's graph.

    Gluon draws a layer last that does not know its input, which in a ResNet-18 is the first
    convolution. So do we: the same seed gives the net that it gave before.
    """
    drawn = list(net.collect_params().values())
    first = next((p for p in drawn if len(p.shape) == 4), None)
    for parameter in sorted(drawn, key=lambda parameter: parameter is first):
        plain = len(parameter.shape) > 1  # Xavier knows no vectors
        parameter.initialize(default_init=default_init if plain else init.Uniform())
    build_graph(net)  # so that `net.export` finds it

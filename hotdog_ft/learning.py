"""What of a net learns, at which share of the rate, from what; set for a while, or for good."""

from contextlib import contextmanager

from mxnet import gluon, nd
from mxnet.gluon import nn

from .mxnet_internals import build_graph, global_stats_flags, set_global_stats_flags


def _check_block(block):
    if not isinstance(block, gluon.Block):
        raise ValueError(f"{block!r:.60} is no part of a net: give one such as net.features.")


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
    >>> from hotdog_ft import finetune_net, load_recipe
    >>> net = finetune_net(load_recipe("mini").load_pretrained_net(), num_classes=2)
    >>> freeze(net.features) is net.features
    True
    >>> sum(parameter.grad_req != "null" for parameter in net.collect_params().values())
    2
    """
    _check_block(block)
    block.collect_params().setattr("grad_req", "null")
    set_global_stats_flags(block, [True] * len(global_stats_flags(block)))
    block.hybridize(static_alloc=True)
    return block


def unfreeze(block):
    """Let a part of a net learn again that `freeze` has fixed, or all of it: its counterpart.

    Every parameter that can have a gradient gets one, and BatchNorm layers normalise by the
    mini-batch and move their running statistics.

    Returns
    -------
    HybridBlock
        The same `block`.

    Examples
    --------
    >>> from hotdog_ft import finetune_net, freeze, load_recipe
    >>> net = finetune_net(load_recipe("mini").load_pretrained_net(), num_classes=2)
    >>> learning = len(learning_parameters(net))
    >>> unfreeze(freeze(net.features)) is net.features
    True
    >>> len(learning_parameters(net)) == learning
    True
    """
    _check_block(block)
    block.collect_params().setattr("grad_req", "write")  # running statistics stay without
    set_global_stats_flags(block, [False] * len(global_stats_flags(block)))
    block.hybridize(static_alloc=True)
    return block


def weights_of(y, weights):
    """What the loss takes after the labels: the weight of each, (n, 1); nothing without weights."""
    if weights is None:
        return ()
    return (nd.array(weights[y.asnumpy().astype(int), None], ctx=y.context),)


def last_stage(net):
    """Place of the last of the stages in ``net.features``; ``[:place]`` is all before it."""
    stages = _stages(net.features if isinstance(net.features, nn.HybridSequential) else [])
    if not stages:
        raise ValueError(f"The features of this {type(net).__name__} have no stages to train.")
    return stages[-1]


def _stages(layers):
    return [i for i, layer in enumerate(layers) if isinstance(layer, nn.HybridSequential)]


def _slow_early_layers(features, decay):
    """Multiply the rates of all parameters of `features`, as ``layer_decay`` says."""
    layers = list(features) if isinstance(features, nn.HybridSequential) else [features]
    begins = _stages(layers) or range(1, len(layers))
    ends = zip([0, *begins], [*begins, len(layers)])
    parts = [[p for layer in layers[a:b] for p in layer.collect_params().values()] for a, b in ends]
    parts = [part for part in parts if part]
    for after, part in enumerate(reversed(parts)):
        for parameter in part:
            parameter.lr_mult *= decay ** (4 * after / max(1, len(parts) - 1))


def learning_parameters(net):
    """The parameters that a trainer moves: all that get a gradient."""
    return [p for p in net.collect_params().values() if p.grad_req != "null"]


@contextmanager
def as_before(block):
    """After this block `block` learns as before: what of it, by which statistics, at which rates.

    It is hybridized then, for graphs from within know nothing of that.
    """
    before = [(p, p.grad_req, p.lr_mult) for p in block.collect_params().values()]
    flags = global_stats_flags(block)
    try:
        yield
    finally:
        for parameter, grad_req, lr_mult in before:
            parameter.grad_req, parameter.lr_mult = grad_req, lr_mult
        set_global_stats_flags(block, flags)
        block.hybridize(static_alloc=True)


def check_parts(net, trained):
    """Refuse, with a ValueError, to train a part that `net` has not."""
    if trained != "all" and not hasattr(net, "features"):
        raise ValueError(f"trained is {trained!r}, but the net has no `features`.")
    if trained == "last stage":
        last_stage(net)  # says where there is none


@contextmanager
def learning_as_set(net, settings):
    """Within this block `net` learns as the settings say; afterwards as before.

    That is ``trained``, ``use_global_stats``, ``output_lr_mult`` and ``layer_decay``. A net without
    `output` learns as a whole, at one rate. The net is hybridized, and stays so.
    """
    check_parts(net, settings.trained)
    try:
        with as_before(net):
            net.hybridize(static_alloc=True)  # a graph from before knows nothing of this
            for parameter in learning_parameters(net):
                parameter.grad_req = "write"  # "add" would keep the gradients of earlier steps
            if settings.trained != "all":
                whole = settings.trained == "output"
                freeze(net.features if whole else net.features[: last_stage(net)])
            if settings.use_global_stats:
                # recording in prediction mode looks like another way, but MXNet 1.9.1 then computes
                # wrong gradients through max pooling
                set_global_stats_flags(net, [True] * len(global_stats_flags(net)))
            if hasattr(net, "output"):
                net.output.collect_params().setattr("lr_mult", settings.output_lr_mult)
                if hasattr(net, "features"):
                    _slow_early_layers(net.features, settings.layer_decay)
            yield net
    finally:
        build_graph(net)  # `net.export` works at once

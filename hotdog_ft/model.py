"""The networks of the chapter: target and scratch twin of any source net."""

from numbers import Integral

from mxnet import MXNetError, init, nd
from mxnet.gluon import HybridBlock, nn

from .architectures import initialise
from .mxnet_internals import arrays_of, parameters, set_arrays, uninitialised_copy
from .mxnet_modes import plain_mode
from .settings import Settings


def _refuse_another_kind(net):
    """Say why a net has no `features` that a new `output` could be put on."""
    output = getattr(net, "output", None)
    if not isinstance(net, HybridBlock):
        why = "is no HybridBlock"
    elif not isinstance(getattr(net, "features", None), HybridBlock):
        why = "has no `features`"
    elif type(output) is not nn.Dense:
        why = f"has {'no' if output is None else f'a {type(output).__name__} as'} `output`"
    else:
        others = [n for n in parameters(net) if n.split(".")[0] not in ("features", "output")]
        if not others:
            return
        why = f"has parameters outside of both ({others[0]})"
    raise ValueError(
        "A source net needs `features` and behind them a Dense layer `output`, as Gluon's ResNet, "
        f"VGG, DenseNet and MobileNet have: this {type(net).__name__} {why}."
    )


def _twin(net, num_classes):
    """The same layers, nothing of them drawn yet, and a new `output`."""
    _refuse_another_kind(net)
    if not isinstance(num_classes, Integral) or num_classes < 1:
        raise ValueError(f"num_classes is {num_classes!r}: it must be a whole number from 1.")
    kind = type(net).__name__
    try:
        twin = uninitialised_copy(net)
    except (TypeError, ValueError) as error:
        raise ValueError(f"This {kind} cannot be copied ({error}).") from error
    try:
        if any(not p.shape or 0 in p.shape for p in twin.collect_params().values()):
            twin.infer_shape(nd.zeros((1, 3, Settings.size, Settings.size)))
    except (ValueError, MXNetError) as error:
        raise ValueError(
            f"This {kind} has not been used yet, and does not take pictures of {Settings.size} "
            "pixels: run it once on one that it takes."
        ) from error
    for name in {"classes", "size", "mirrored", "ranges"} & vars(twin).keys():
        delattr(twin, name)  # the source's, from `load_net` or `train`
    width, prefix = twin.output.weight.shape[1], twin.output.prefix
    twin.output = nn.Dense(int(num_classes), in_units=width, prefix=prefix)
    twin.hybridize(static_alloc=True)
    return twin


@plain_mode()
def finetune_net(pretrained_net, num_classes, lr_mult=Settings.output_lr_mult):
    """The target net: `features` copied from the source, a new `output` that learns faster.

    Nothing is shared: training the target never changes the source.

    Parameters
    ----------
    pretrained_net : HybridBlock
        The source net: any whose logits are ``output(features(X))``, `output` being a ``Dense``
        layer.
    num_classes : int
        Outputs of the new layer, which is initialised by Xavier.
    lr_mult : float
        The new layer's learning rate over that of `features`, for `train_fine_tuning`. `train` and
        `fine_tune` go by ``settings.output_lr_mult``.

    Returns
    -------
    HybridBlock
        Of the source's class, on the CPU, ready to be trained. The functions of hotdog_ft take it
        after ``npx.set_np()`` too; to call it by hand, give ``mx.nd`` arrays without that mode.

    Raises
    ------
    ValueError
        The source net is built in another way, or has no values yet.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> finetune_net(load_recipe("mini").load_pretrained_net(), num_classes=2).output
    Dense(128 -> 2, linear)
    """
    net = scratch_net(pretrained_net, num_classes)
    try:
        source = arrays_of(pretrained_net.features)
    except RuntimeError as error:  # MXNet's, for parameters without values
        raise ValueError(
            f"The source net has no values to begin with ({str(error).split(' because ')[0]}): "
            "load its parameters, or run it once on a picture if it is initialised. A net that is "
            "to learn all by itself is scratch_net's."
        ) from error
    set_arrays(net.features, source)
    net.output.collect_params().setattr("lr_mult", lr_mult)
    return net


@plain_mode()
def scratch_net(pretrained_net, num_classes):
    """The scratch twin: the source's architecture, every layer initialised by Xavier.

    Call `seed_everything` before, so that the same code builds the same net. Arguments and errors
    are those of `finetune_net`.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> scratch_net(load_recipe("mini").load_pretrained_net(), num_classes=2).output
    Dense(128 -> 2, linear)
    """
    net = _twin(pretrained_net, num_classes)
    initialise(net, init.Xavier())
    return net

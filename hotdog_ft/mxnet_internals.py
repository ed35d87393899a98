"""Every private attribute of MXNet 1.9.1 that we touch, each with the reason."""

from mxnet import nd
from mxnet.gluon import nn


def parameters(block):
    """The parameters of `block` by the names of its file, such as ``features.0.weight``.

    ``collect_params`` gives names that hold a counter of this process (``resnetv10_conv0_weight``).
    """
    return block._collect_params_with_prefix()


def use_global_stats(block, flags=True):
    """Tell every BatchNorm in `block` whether to use its running statistics.

    The public way is an argument of the constructor, long before anybody knows.

    Parameters
    ----------
    flags : bool or list of bool
        One for all layers, or one per layer as this function returned them.

    Returns
    -------
    list of bool
        The flags before.
    """
    layers = []
    block.apply(lambda layer: layers.append(layer) if isinstance(layer, nn.BatchNorm) else None)
    flags = flags if isinstance(flags, list) else [flags] * len(layers)
    before = [layer._kwargs["use_global_stats"] for layer in layers]
    for layer, flag in zip(layers, flags):
        layer._kwargs["use_global_stats"] = flag
    return before


def mark_gradient_fresh(parameter, device):
    """Let the trainer take the gradient on `device` as it is, although no backward pass wrote it.

    A device without a picture of its own has a gradient of zero, which the trainer calls stale.
    """
    parameter.data(device)._fresh_grad = True


def momenta(trainer):
    """The optimizer's state per parameter, ``{place: NDArray}``, on the first device.

    The public ``save_states`` pickles them together with the optimizer.
    """
    states = trainer._updaters[0].states
    return {place: state for place, state in states.items() if state is not None}


def set_momenta(trainer, arrays):
    """Put back what `momenta` gave, on every device; the other half of the same reason.

    Parameters
    ----------
    arrays : dict of int to numpy.ndarray
    """
    for place, parameter in enumerate(trainer._params):
        if place in arrays:
            for updater, device in zip(trainer._updaters, parameter.list_ctx()):
                updater.states[place] = nd.array(arrays[place], ctx=device)
                updater.states_synced[place] = True  # else it would be made anew

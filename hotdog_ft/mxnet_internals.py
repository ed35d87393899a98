"""Every private attribute of MXNet 1.9.1 that we touch, each with the reason."""

from copy import deepcopy

from mxnet import Context, gluon, nd
from mxnet.gluon import nn


def parameters(block):
    """The parameters of `block` by the names of its file, such as ``features.0.weight``.

    ``collect_params`` gives names that hold a counter of this process (``resnetv10_conv0_weight``).
    """
    return block._collect_params_with_prefix()


def arrays_of(block):
    """The arrays of `block` by the same names, running statistics included, as numpy's."""
    return {name: p.data(p.list_ctx()[0]).asnumpy() for name, p in parameters(block).items()}


def uninitialised_copy(block):
    """The same layers with parameters of their own, of which none is frozen or has values.

    A deep copy alone takes gradients and trainers along, and fails at a graph that has been built.
    """
    own = {}

    def skip_graph(layer):
        if getattr(layer, "_cached_op", None):
            own[id(layer._cached_op)] = "forgotten below"

    block.apply(skip_graph)
    for p in parameters(block).values():
        own[id(p)] = (
            gluon.Constant(p.name, p.value)
            if isinstance(p, gluon.Constant)
            else gluon.Parameter(
                p.name,
                shape=p.shape,
                init=p.init,
                allow_deferred_init=True,
                differentiable=p._differentiable,
            )
        )
    copied = deepcopy(block, own)
    for layer in built_for_mx_np(copied):
        layer._op_name = layer._op_name.capitalize()
    set_global_stats_flags(copied, [False] * len(global_stats_flags(copied)))
    copied.hybridize(static_alloc=True)
    return copied


def built_for_mx_np(block):
    """The convolutions in `block` that were built after ``npx.set_np()`` and take ``mx.np`` alone.

    Other layers go by the mode in which they are called.
    """
    layers = []
    block.apply(layers.append)
    return [layer for layer in layers if getattr(layer, "_op_name", "").islower()]


def set_arrays(block, arrays):
    """Put back what `arrays_of` gave, on every device."""
    wanted = parameters(block)
    for name, array in arrays.items():
        wanted[name].set_data(nd.array(array))


def build_graph(net, X=None):
    """Build the graph that ``net.export`` writes, if `net` is hybridized and has none.

    The public way is to run a picture, of a size that the net can take.

    Parameters
    ----------
    X : mxnet.nd.NDArray, optional
        An input, for a net whose parameters have no shapes yet.
    """
    if getattr(net, "_active", False) and net._cached_op is None:
        device = next(iter(net.collect_params().values())).list_ctx()[0]
        with Context(device):  # a copy: one that is entered twice is left wrongly
            net._build_cache(nd.zeros((1, 3, 1, 1), ctx=device) if X is None else X)


def _batch_norms(block):
    layers, kinds = [], (nn.BatchNorm, nn.BatchNormReLU)
    block.apply(lambda layer: layers.append(layer) if isinstance(layer, kinds) else None)
    return layers


def global_stats_flags(block):
    """Per BatchNorm in `block`, whether it uses its running statistics: a list of bool.

    The public way is an argument of the constructor, long before anybody knows.
    """
    return [layer._kwargs["use_global_stats"] for layer in _batch_norms(block)]


def set_global_stats_flags(block, flags):
    """The other half of the same reason; a list as `global_stats_flags` gives it."""
    for layer, flag in zip(_batch_norms(block), flags):
        layer._kwargs["use_global_stats"] = flag


def mark_gradient_fresh(parameter, device):
    """Let the trainer take the gradient on `device` as it is, although no backward pass wrote it.

    A device without a picture of its own has a gradient of zero, which the trainer calls stale.
    """
    parameter.data(device)._fresh_grad = True


def optimizer_states(trainer):
    """What the optimizer keeps per parameter, on the first device: ``{name: NDArray}``.

    The name is the parameter's place, and ``place.part`` where there are several: for Adam the mean
    gradient is part 0 and the mean square part 1. The public ``save_states`` pickles them together
    with the optimizer.
    """
    found = {}
    for place, state in trainer._updaters[0].states.items():
        if isinstance(state, tuple):
            found.update({f"{place}.{part}": array for part, array in enumerate(state)})
        elif state is not None:
            found[f"{place}"] = state
    return found


def set_optimizer_states(trainer, arrays):
    """Put back what `optimizer_states` gave, on every device; the other half of the same reason.

    Parameters
    ----------
    arrays : dict of str to numpy.ndarray
    """
    for place, parameter in enumerate(trainer._params):
        parts = [arrays[name] for name in (f"{place}.0", f"{place}.1") if name in arrays]
        if f"{place}" in arrays or parts:
            for updater, device in zip(trainer._updaters, parameter.list_ctx()):
                updater.states[place] = (
                    tuple(nd.array(part, ctx=device) for part in parts)
                    if parts
                    else nd.array(arrays[f"{place}"], ctx=device)
                )
                updater.states_synced[place] = True  # else it would be made anew

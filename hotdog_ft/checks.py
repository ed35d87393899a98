"""Before a run: whether a net and the pictures fit."""

from mxnet import nd
from mxnet.gluon.parameter import DeferredInitializationError

from .generators import seed_everything
from .labels import check_classes, check_labels, check_names, warn_if_unbalanced


def num_outputs_of(net, size):
    """How many outputs `net` has; shapes that it leaves to its first input are settled now.

    Parameters
    ----------
    size : int
        Side of the input in pixels.

    Raises
    ------
    ValueError
        The net was never initialised.
    """
    parameters = list(net.collect_params().values())
    try:
        for parameter in parameters:
            parameter.list_data()
        if hasattr(getattr(net, "output", None), "weight"):
            return net.output.weight.shape[0]
    except DeferredInitializationError:
        seed_everything(0)  # so that the same code builds the same net
    except RuntimeError as error:
        raise ValueError(
            "The net has no parameters yet: call net.initialize() first, or load some."
        ) from error
    return net(nd.zeros((1, 3, size, size), ctx=parameters[0].list_ctx()[0])).shape[1]


def check_sets(net, train_imgs, others, settings):
    """Refuse pictures that `net` cannot learn from, or be measured on; warn of few of a class.

    Parameters
    ----------
    others : dict of str to data set
        By purpose, such as ``"test on"``; None for a set that is not there.

    Returns
    -------
    int
        How many outputs the net has.

    Raises
    ------
    ValueError
    """
    num_outputs = num_outputs_of(net, settings.size)
    labels = check_labels(train_imgs, "train on", num_outputs)
    for purpose, images in others.items():
        if images is not None:
            check_labels(images, purpose, num_outputs)
            check_names(train_imgs, images, purpose)
    check_classes(labels, num_outputs)
    warn_if_unbalanced(labels, getattr(train_imgs, "classes", None), settings)
    return num_outputs

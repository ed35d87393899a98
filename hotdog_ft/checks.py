"""Whether a run makes sense: net and pictures before it, loss and accuracy after it."""

import difflib
import warnings
from dataclasses import fields, replace

import numpy as np
from mxnet import gluon
from mxnet.gluon import nn
from mxnet.gluon.parameter import DeferredInitializationError

from .generators import alone, seed_everything
from .history import three_digits
from .inference import outputs
from .labels import (
    check_classes,
    check_labels,
    check_names,
    class_names,
    outline,
    warn_if_unbalanced,
)
from .learning import check_parts, learning_parameters
from .mxnet_internals import built_for_mx_np, parameters
from .settings import Settings
from .team import check_same


def check_is_net(net):
    """Refuse, with a ValueError, what is no net, such as the path of one."""
    if not isinstance(net, gluon.Block):
        raise ValueError(
            f"The net is of type {type(net).__name__}: give what load_net(path) returns."
        )


def check_net(net):
    """Refuse, with a ValueError, what is no net, such as the path of one, or has no parameters.

    Returns
    -------
    bool
        Whether the net leaves shapes to its first input.
    """
    check_is_net(net)
    check_layers(net)
    if not parameters(net):
        raise ValueError(f"This {type(net).__name__} has no parameters.")
    try:
        for parameter in parameters(net).values():
            parameter.list_data()
    except DeferredInitializationError:
        return True
    except RuntimeError as error:
        raise ValueError(
            "The net has no parameters yet: call net.initialize() first, or load some."
        ) from error
    return False


def check_layers(net):
    """Refuse, with a ValueError, a net of layers that take ``mx.np`` arrays alone."""
    if built_for_mx_np(net):
        raise ValueError(
            "The net was built after npx.set_np(), and its layers take mx.np arrays alone: take "
            "finetune_net(net, num_classes) or scratch_net, whose copies do not, or load_net(path)."
        )


def num_outputs_of(net, size):
    """How many outputs `net` has; shapes that it leaves to its first input are settled now.

    Parameters
    ----------
    size : int
        Side of the input in pixels.

    Raises
    ------
    ValueError
        The net is none, was never initialised, or takes no pictures of this size.
    """
    with alone():
        if check_net(net):
            seed_everything(0)  # so that the same code builds the same net
        logits = outputs(net, np.zeros((1, 3, size, size), "float32"))
    if logits.ndim != 2:
        raise ValueError(
            f"The net gives an array of shape {logits.shape} for a picture: logits of shape "
            "(1, classes) are expected."
        )
    return logits.shape[1]


def test_size(net, settings):
    """Side of the input where `net` is tested and used: as the settings say, if it takes that."""
    if settings.test_size == settings.size:
        return settings.size
    layers = net.features if isinstance(getattr(net, "features", None), nn.HybridSequential) else ()
    # DenseNet's and Inception's last one: of a larger map it takes the upper left part alone
    if any(isinstance(layer, nn.AvgPool2D) for layer in layers):
        return settings.size
    try:
        num_outputs_of(net, settings.test_size)
    except ValueError:  # AlexNet and VGG, whose last layers are made for one size
        return settings.size
    return settings.test_size


def checked(settings, **changes):
    """The settings with some changed.

    Raises
    ------
    TypeError
        There is no such setting; the nearest name is given.
    ValueError
        `settings` are something else, such as a dictionary; or a value is out of range.
    """
    if not isinstance(settings, Settings):
        raise ValueError(f"The settings are {settings!r}: give Settings(...), such as FINE_TUNE.")
    names = [field.name for field in fields(settings)]
    unknown = next((name for name in changes if name not in names), None)
    if unknown:
        near = difflib.get_close_matches(unknown, names, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}."
        raise TypeError(f"There is no setting {unknown}: {hint}")
    return replace(settings, **changes)


def _refuse_frozen(net, settings):
    """Refuse a run in which nothing would learn, or not what its probe trains."""
    output = getattr(net, "output", None)
    check_parts(net, settings.trained)
    if settings.probe_steps and not (hasattr(net, "features") and type(output) is nn.Dense):
        raise ValueError(
            "The net has no parts `features` and `output`, a Dense layer, so its output layer "
            "cannot be trained alone first: take probe_steps=0."
        )
    only_output = hasattr(net, "output") and (settings.probe_steps or settings.trained == "output")
    if not learning_parameters(net.output if only_output else net):
        part = "net.output" if only_output else "net"
        raise ValueError(f"{part} is frozen and would learn nothing: call unfreeze({part}) before.")


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
    """
    num_outputs = num_outputs_of(net, checked(settings).size)
    _refuse_frozen(net, settings)
    labels = check_labels(train_imgs, "train on", num_outputs)
    for purpose, images in others.items():
        if images is not None:
            check_labels(images, purpose, num_outputs)
            check_names(train_imgs, images, purpose)
    for images in (train_imgs, *others.values()):
        check_same(lambda images=images: images and outline(images), "pictures")
    check_classes(labels, num_outputs)
    warn_if_unbalanced(labels, class_names(train_imgs), settings)
    return num_outputs


class LearningWarning(UserWarning):
    """A run ended worse than guessing; where that is an outcome, this can be ignored."""


def warn_if_worse_than_guessing(history, num_classes, num_tested, learning_rate):
    """Warn, with the cure, of a loss that has grown, or of an accuracy below that of guessing.

    Parameters
    ----------
    num_classes, num_tested : int
        Classes, all as likely for who guesses; test pictures.
    """
    guess = np.log(num_classes)
    # the only epoch of a run begins with a net that has learnt nothing
    bound = (1.2 if len(history.loss) > 1 else 3) * guess
    if history.loss and history.loss[-1] > bound:
        words = (
            f"The loss of the last epoch is {history.loss[-1]:.3g}, that of guessing "
            f"{guess:.3g}: a learning rate of {learning_rate:g} is too high for this net, or there "
            "were too few steps. Train a fresh net with a smaller rate, or for longer."
        )
    else:
        chance = 1 / num_classes
        error = np.sqrt(chance * (1 - chance) / max(num_tested, 1))
        if not history.test_acc or history.last_test_acc >= chance - 2.5 * error:
            return
        words = (
            f"The test accuracy is {three_digits(history.last_test_acc)}, below the "
            f"{three_digits(chance)} of guessing: look whether the test pictures have the right "
            "labels, in the order of the training pictures' classes."
        )
    warnings.warn(words, LearningWarning, stacklevel=4)

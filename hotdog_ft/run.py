"""A whole training run: probe, epochs, measuring, saving, choosing."""

import time
import warnings
from dataclasses import replace

from .bfloat16 import check_bfloat16, in_bfloat16
from .checkpoint import Checkpoint, failure_explained, interrupts_noted, stop_explained
from .checks import check_sets, test_size, warn_if_worse_than_guessing
from .cuda_faults import faults_explained
from .evaluation import accuracy, class_accuracy, logits_of
from .generators import alone, generator_states, reseed_mxnet, seed_everything, undisturbed
from .history import EpochSums, History
from .identity import run_identity
from .labels import class_names, class_weights, kept_names, labels_of
from .learning import learning_as_set
from .loader import check_augs, loaders, plain_loader, progress
from .mxnet_internals import arrays_of, set_arrays
from .mxnet_modes import in_callers_mode, plain_mode
from .precision import ranges_for
from .probe import probe
from .subsets import own_part, run_parts
from .team import (
    agreed,
    all_gather,
    broadcast,
    is_first,
    losses_explained,
    own_devices,
    same_file,
    same_net,
)
from .training import PART, new_trainer, train_one_epoch


def _measure(net, test_iter, valid_iter, classes, precision="float32"):
    """``test_acc, valid_acc, by_class``: what there are no pictures for is None.

    The last one holds accuracy and number of pictures per class.
    """
    accuracies, by_class = [], None
    for title, batches in (("test", test_iter), ("validate", valid_iter)):
        if batches is None:
            accuracies.append(None)
            continue
        labels, logits = all_gather(*logits_of(net, progress(batches, title), precision))
        accuracies.append(accuracy(labels, logits.argmax(axis=1)))
        by_class = by_class or class_accuracy(labels, logits.argmax(axis=1), classes)
    return (*accuracies, by_class or ({}, {}))


def _kept(net, settings, history, by_class, best):
    """Note in `history` which epoch is kept; the arrays that a run ends with, if not its last."""
    epoch = len(history.loss)
    if settings.keep == "best" and history.best_epoch != epoch:
        return best
    history.class_acc, history.class_pictures = by_class
    if settings.keep == "last":
        return None
    history.kept_epoch = epoch
    return arrays_of(net)


def _ranges_again(net, images, settings):
    """Ranges of a net that has learnt; None, and a warning, if int8 no longer fits."""
    try:
        return ranges_for(net, images, settings.precision)
    except ValueError as error:
        warnings.warn(f"{error} The net is left without ranges.", stacklevel=6)
        return None


@plain_mode()
def train(
    net,
    train_imgs,
    test_imgs,
    settings,
    *,
    valid_imgs=None,
    train_augs=None,
    devices=None,
    after_epoch=None,
    report=None,
    checkpoint=None,
):
    """Train `net` as the settings say, and test it after every epoch.

    The loss is the softmax cross-entropy. The three random generators are seeded with
    ``settings.seed``; runs in several threads take turns. What was frozen for the run learns again
    afterwards. Class names, input size, whether mirror images count and ranges for int8 stay on the
    net: ``net.classes``, ``size``, ``mirrored``, ``ranges``. If Horovod has started several
    processes, each learns on its share of every mini-batch, and the first alone reports and saves.

    Parameters
    ----------
    net : HybridBlock
        From pictures to logits, such as `finetune_net` or `scratch_net` gives.
    train_imgs, test_imgs : ImageFolder
        Or anything with a length whose items are (picture, label), uint8 (height, width, 3) and a
        whole number from 0. Without test pictures (None) nothing is tested, and from epoch 2 on the
        crops are others than with them; so they are with `valid_imgs`.
    settings : Settings
    valid_imgs : ImageFolder, optional
        What an epoch is chosen by, see ``keep`` and ``patience``, instead of a part of the training
        pictures. The test pictures are never looked at for that. A part of the data set for it,
        ``train_imgs.valid_imgs``, is for `fine_tune` to take, or to be given here.
    train_augs : callable, optional
        Augmentations of your own: ``train_augs(picture, rng)`` makes float32 (3, size, size) of
        uint8 (height, width, 3), all that is random in it drawn from the Generator `rng`.
    devices : list of mxnet.Context, optional
        By default all GPUs, else the CPU.
    after_epoch : callable, optional
        Called with the `History` after every epoch, when the epoch has been saved. Whatever it
        draws at random, the run stays the same.
    report : callable, optional
        Called with lines of text about features, probe and epochs, such as ``print``; likewise.
    checkpoint : path, optional
        A file that is written after every epoch and on Ctrl-C, and that the same call goes on from.
        With a constant rate, a call with more epochs goes on as well. With a cosine it is another
        run, since every rate depends on the number of epochs.

    Returns
    -------
    History

    Raises
    ------
    DataError
        `checkpoint` is damaged or belongs to another run; the message names what differs. A picture
        cannot be read; several processes see different pictures.
    FloatingPointError
        Loss or logits are not finite any more; the error's ``history`` is of the epochs before.
    MemoryError
        A mini-batch does not fit; the message says by how much to cut it.
    OSError
        A GPU cannot be used; the message says why.
    ValueError
        There is no picture, a label has no output, all are of one class, or none of a class can be
        held out.
    KeyboardInterrupt
        After Ctrl-C with a checkpoint; the message says what is saved.

    Warns
    -----
    UserWarning
        Classes are unbalanced or missing; the net no longer fits int8; or the run ends worse than
        guessing (`LearningWarning`).

    Examples
    --------
    >>> from hotdog_ft import Settings, finetune_net, load_recipe
    >>> recipe = load_recipe("mini")
    >>> train_imgs, test_imgs = recipe.load_data()
    >>> net = finetune_net(recipe.load_pretrained_net(), num_classes=2)
    >>> settings = Settings(size=64, batch_size=32, num_epochs=1, fraction=0.1)
    >>> train(net, train_imgs, test_imgs, settings).num_examples
    60
    """
    devices = own_devices(devices)
    # whatever they draw at random, the run stays the same
    report, after_epoch = (
        undisturbed(in_callers_mode(call if call and is_first() else lambda about: None))
        for call in (report, after_epoch)
    )
    others = {"test on": test_imgs, "validate on": valid_imgs}
    num_outputs = check_sets(net, train_imgs, others, settings)
    augs = train_augs and check_augs(train_augs, train_imgs, settings.size)
    saved = None
    if checkpoint is not None:
        same_file(checkpoint)
        given = train_imgs, test_imgs, settings, valid_imgs, augs
        saved = Checkpoint(checkpoint, broadcast(lambda: run_identity(net, *given)))
    begun = saved and saved.read(net)
    if settings.train_precision == "bfloat16":
        check_bfloat16(devices)
    same_net(net)
    history, sums = begun or (History(), EpochSums())
    best = begun and saved.best()
    history.devices = [str(device) for device in devices]
    train_part, valid_part = run_parts(train_imgs, valid_imgs, settings)
    if valid_part is not valid_imgs:
        report(f"held out to validate on  {len(valid_part):,} of the training pictures")
    classes = class_names(train_imgs) or kept_names(net, num_outputs)
    net.classes, net.mirrored, net.ranges = classes, settings.test_mirrored, None
    net.size = test_size(net, settings)
    train_iter, test_iter = loaders(train_part, own_part(test_imgs), settings, train_augs, net.size)
    measured = test_iter, valid_part and plain_loader(own_part(valid_part), net.size), classes
    weights = class_weights(labels_of(train_part)) if settings.balance == "loss" else None
    apart = settings.use_global_stats or settings.trained == "output"  # no picture sways another
    step = {"weights": weights, "part": PART if apart else None}
    with alone(), stop_explained(saved), faults_explained(), losses_explained():
        seed_everything(settings.seed)
        if settings.probe_steps and not begun:
            with failure_explained(saved, history):
                net.collect_params().reset_ctx(devices[0])
                probe(net, train_part, settings, history, report)
                measures = _measure(net, *measured, history.probe_precision)
            history.probe_acc, history.probe_valid_acc, by_class = measures
            best = _kept(net, settings, history, by_class, best)
            report(history.probe_line())
        net.collect_params().reset_ctx(devices)
        same_net(net)
        with interrupts_noted(saved) as interrupts, learning_as_set(net, settings):
            rate = settings.rate_with(len(train_part))
            trainer = new_trainer(net, replace(settings, learning_rate=rate), len(train_iter))
            net.hybridize(static_alloc=True, static_shape=True)
            learner = in_bfloat16(net) if settings.train_precision == "bfloat16" else net
            if begun:
                saved.restore(net, trainer)
            elif saved:
                saved.save(net, trainer, history, best=best)
            if not history.is_over(settings):
                if rate < settings.learning_rate:
                    enough = settings.full_rate_pictures
                    report(f"learning rate {rate:.2g}: fewer than {enough:,} pictures")
                net.ranges = None  # the epochs change what they are of
            while not history.is_over(settings):
                states = generator_states()
                reseed_mxnet(states)
                title = f"epoch {len(history.loss) + 1}"
                with failure_explained(saved, history):
                    sums = train_one_epoch(
                        learner, train_iter, trainer, devices, title, sums, interrupts, **step
                    )
                    whole, start = not agreed(interrupts), time.perf_counter()
                    measures = _measure(net, *measured) if whole else None
                if whole:
                    test_acc, valid_acc, by_class = measures
                    history.add_epoch(sums, test_acc, time.perf_counter() - start, valid_acc)
                    best = _kept(net, settings, history, by_class, best)
                    sums, states = EpochSums(), None
                if saved:
                    saved.save(net, trainer, history, sums, states, best)
                if whole:
                    report(history.epoch_line(settings.num_epochs))
                    after_epoch(history)
                if agreed(interrupts):  # in a team not before the first one has saved
                    break
            if agreed(interrupts):
                midway = f"batch {sums.batches} of epoch {len(history.loss) + 1}"
                done = midway if sums.batches else f"epoch {len(history.loss)}"
                cure = "The same call goes on from there."
                raise KeyboardInterrupt(f"Stopped after {done}, saved in {checkpoint}. {cure}")
            if best:
                set_arrays(net, best)
        if history.loss or not net.ranges:
            net.ranges = broadcast(lambda: _ranges_again(net, train_part, settings))
    warn_if_worse_than_guessing(history, num_outputs, len(test_imgs or ()), rate)
    return history

"""Fine-tuning as this project recommends it: the output layer first, then all of it, gently."""

from functools import partial

from .checks import checked
from .run import train
from .settings import FINE_TUNE

say = partial(print, flush=True)  # a line that is in a log file at once


def watched(title, after_epoch=None):
    """What `train` takes to show a run: its curves in a notebook, elsewhere a line per epoch.

    Parameters
    ----------
    title : str
        Of the curves.
    after_epoch : callable, optional
        Called as well, after the curves are drawn.
    """
    from .plot import live_curves

    redraw = live_curves(title)
    if redraw is None:
        return {"report": say, "after_epoch": after_epoch}

    def redraw_and_call(history):
        redraw(history)
        if after_epoch:
            after_epoch(history)

    return {"after_epoch": redraw_and_call}


def _title(settings):
    learns = {"all": "all layers", "output": "the output layer"}.get(settings.trained, "last stage")
    return f"output layer first, then {learns}" if settings.probe_steps else learns


def fine_tune(
    net,
    train_imgs,
    test_imgs,
    settings=FINE_TUNE,
    *,
    valid_imgs=None,
    train_augs=None,
    after_epoch=None,
    checkpoint=None,
    **changes,
):
    """Linear probing, then fine-tuning (LP-FT, Kumar et al. 2022), for pictures of any classes.

    First `output` is trained on features that are computed once. Then all of `net` learns by Adam,
    at a small rate that falls to zero along a cosine, on crops of 35 to 100 % of the area, with
    BatchNorm kept on the source's running statistics. With fewer than 1,600 pictures the rate is in
    proportion smaller. Pictures are tested, and predicted later, at 9/7 of the size of these crops
    and in their mirror image too. After every epoch its figures are printed in a line; in a
    notebook the curves are drawn instead. (`train` does the same in silence, with the pictures to
    validate on that it is given.)

    Parameters
    ----------
    net : HybridBlock
        As given by `finetune_net`, with an output per class.
    train_imgs, test_imgs : ImageFolder
        See `load_image_folders`. Without test pictures (None) nothing is tested.
    settings : Settings
    valid_imgs : ImageFolder, optional
        By default ``train_imgs.valid_imgs``, which there is where the folder has a part for it.
    train_augs, after_epoch, checkpoint : optional
        See `train`, also for errors and warnings.
    **changes
        Settings that differ, such as ``num_epochs=0`` to leave `features` untouched, which takes a
        fraction of the time and with a few hundred pictures gives as much; ``keep="best"`` to end
        with the best epoch; or ``balance="loss"`` for rare classes.

    Returns
    -------
    History
        Test accuracy of the output layer alone is its ``probe_acc``.

    Examples
    --------
    >>> from hotdog_ft import finetune_net, load_recipe
    >>> recipe = load_recipe("mini")
    >>> train_imgs, test_imgs = recipe.load_data()
    >>> net = finetune_net(recipe.load_pretrained_net(), num_classes=2)
    >>> history = fine_tune(net, train_imgs, test_imgs, size=64, num_epochs=1, fraction=0.1)
    ... # doctest: +ELLIPSIS
    features of 60 pictures  ... s
    output layer alone  train ...  test 0...  ... s
    learning rate 1.1e-05: fewer than 1,600 pictures
    epoch 1/1  loss 0...  train 0...  test 0...  ... s
    >>> history.probe_acc > 0.7
    True
    """
    settings = checked(settings, **changes)
    if valid_imgs is None and not settings.valid_fraction:
        valid_imgs = getattr(train_imgs, "valid_imgs", None)
    return train(
        net,
        train_imgs,
        test_imgs,
        settings,
        valid_imgs=valid_imgs,
        train_augs=train_augs,
        checkpoint=checkpoint,
        **watched(_title(settings), after_epoch),
    )

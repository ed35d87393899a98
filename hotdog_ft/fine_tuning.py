"""Fine-tuning as this project recommends it: the output layer first, then all of it, gently."""

from dataclasses import replace

from .settings import FINE_TUNE
from .training import train


def live_curves():
    """An ``after_epoch`` callback that draws the curves in a notebook and nothing elsewhere."""
    from .plot import live_curves

    return live_curves()


def fine_tune(net, train_imgs, test_imgs, settings=FINE_TUNE, *, checkpoint=None, **changes):
    """Linear probing, then fine-tuning (LP-FT, Kumar et al. 2022), for pictures of any classes.

    First `output` is trained on features that are computed once. Then all of `net` learns at a
    small rate with momentum 0.9, falling to zero along a cosine, on crops of 35 to 100 % of the
    area, with BatchNorm kept on the source's running statistics. `output`, which has settled,
    learns at a tenth of the rate. In a notebook the curves are drawn after every epoch.

    Parameters
    ----------
    net : ResNetV1 or ResNetV2
        As given by `finetune_net`, with an output per class.
    train_imgs, test_imgs : ImageFolder
        See `load_image_folders`.
    settings : Settings
    checkpoint : path, optional
        A file that a run which was stopped goes on from: see `train`, also for errors.
    **changes
        Settings that differ, such as ``num_epochs=0`` to leave `features` untouched.

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
    >>> history.probe_acc > 0.7
    True
    """
    settings = replace(settings, **changes)
    return train(
        net, train_imgs, test_imgs, settings, after_epoch=live_curves(), checkpoint=checkpoint
    )

"""Which views of a picture a net is asked about: at what size, and of its mirror image too."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import make_source_net, some_batches
from mxnet import nd
from mxnet.gluon import nn
from mxnet.gluon.model_zoo import vision

import hotdog_ft
from hotdog_ft.augment import TestAugs
from hotdog_ft.evaluation import logits_of
from hotdog_ft.loader import BatchLoader
from hotdog_ft.settings import FINE_TUNE, Settings

VIEWS = replace(FINE_TUNE, size=32, test_scale=1.5, test_mirrored=True, num_epochs=0)


def both(block, X):
    """By hand: the mean of what a block gives for pictures and for their mirror images."""
    return sum(block(nd.array(x)).asnumpy() for x in (X, X[..., ::-1].copy())) / 2


@pytest.fixture
def trained(picture_folders):
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders())
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    history = hotdog_ft.train(net, train_imgs, test_imgs, VIEWS)
    return net, test_imgs, history


def test_mirror_images_count_as_much_as_pictures_():
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    ((X, _),) = batches = some_batches([6])
    plain = net(nd.array(X)).asnumpy()
    net.mirrored = True
    logits = both(net, X)
    assert np.abs(logits - plain).max() > 1e-3  # else this would show nothing
    np.testing.assert_allclose(logits_of(net, batches)[1], logits, rtol=1e-4, atol=1e-5)


def test_a_run_leaves_its_views_on_the_net_and_is_tested_by_them(trained):
    net, test_imgs, history = trained
    assert (net.size, net.mirrored) == (48, True)  # 32 * 1.5
    X, y = next(iter(BatchLoader(test_imgs, TestAugs(48), len(test_imgs))))
    assert history.probe_acc == (both(net, X).argmax(axis=1) == y).mean()
    assert hotdog_ft.evaluate(net, test_imgs) == history.probe_acc


def test_predictions_and_saved_nets_keep_to_them(trained, tmp_path):
    net, test_imgs, _ = trained
    X, _ = next(iter(BatchLoader(test_imgs, TestAugs(48), len(test_imgs))))
    expected = np.exp(both(net, X))
    expected /= expected.sum(axis=1, keepdims=True)
    hotdog_ft.save_net(net, tmp_path / "net.safetensors")
    again = hotdog_ft.load_net(tmp_path / "net.safetensors")
    assert (again.size, again.mirrored) == (48, True)
    for found in (net, again):
        table = hotdog_ft.predict(found, test_imgs)
        np.testing.assert_allclose(table.probability, expected.max(axis=1), rtol=1e-4)


def test_a_new_net_does_not_inherit_them(trained):
    twin = hotdog_ft.finetune_net(trained[0], 3)
    assert not hasattr(twin, "mirrored") and not hasattr(twin, "size")


def test_another_view_is_another_run_for_a_checkpoint(picture_folders, tmp_path):
    images = hotdog_ft.load_image_folders(picture_folders())
    settings = replace(VIEWS, num_epochs=1)
    for changes in ({"test_scale": 1.0}, {"test_mirrored": False}):
        path = tmp_path / f"{next(iter(changes))}.checkpoint"
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        hotdog_ft.train(net, *images, settings, checkpoint=path)
        with pytest.raises(hotdog_ft.download.DataError, match=next(iter(changes))):
            hotdog_ft.train(net, *images, replace(settings, **changes), checkpoint=path)


def test_a_net_for_one_size_is_tested_at_that(picture_folders):
    """AlexNet's first dense layer has a fixed number of inputs, so 224 pixels are all it takes."""
    images = hotdog_ft.load_image_folders(picture_folders())
    source = vision.alexnet(classes=5)
    source.initialize()
    source(nd.zeros((1, 3, 224, 224)))
    net = hotdog_ft.finetune_net(source, 2)
    hotdog_ft.train(net, *images, replace(VIEWS, size=224, test_scale=9 / 7))
    assert net.size == 224


@pytest.mark.parametrize("scale", [0.5, 5, "large"])
def test_a_scale_that_is_none_is_named(scale):
    with pytest.raises(ValueError, match="test_scale"):
        Settings(test_scale=scale)


@pytest.mark.parametrize("pool, size", [(nn.AvgPool2D(4), 32), (nn.GlobalAvgPool2D(), 48)])
def test_a_net_whose_last_pooling_is_made_for_one_size_keeps_to_it(pool, size, picture_folders):
    """As in Gluon's DenseNet and Inception: of a larger map it would take the upper left alone."""

    class Net(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.features, self.output = nn.HybridSequential(), nn.Dense(2, in_units=4)
            self.features.add(nn.Conv2D(4, 8, 8, in_channels=3), pool, nn.Flatten())

        def hybrid_forward(self, F, x):
            return self.output(self.features(x))

    net = Net()
    net.initialize()
    hotdog_ft.train(net, *hotdog_ft.load_image_folders(picture_folders()), VIEWS)
    assert net.size == size
    ((X, _),) = some_batches([1], side=size)
    before = net(nd.array(X)).asnumpy()
    X[..., -8:, -8:] = 9  # a corner: the net looks there too
    assert np.abs(net(nd.array(X)).asnumpy() - before).max() > 1e-3

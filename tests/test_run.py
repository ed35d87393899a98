"""What a run takes: own augmentations, callbacks, nets and pictures of other kinds."""

from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, small_net, values
from mxnet import nd
from mxnet.gluon import nn
from mxnet.gluon.data.vision import transforms
from PIL import Image

import hotdog_ft
from hotdog_ft.augment import TestAugs, TrainAugs
from hotdog_ft.loader import BatchLoader
from hotdog_ft.settings import Settings

SMALL = Settings(size=32, batch_size=4, num_epochs=2)


def noise(count, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.integers(0, 256, (40, 32, 3), dtype="uint8"), i % 2) for i in range(count)]


def trained(net=None, images=None, settings=SMALL, **options):
    net = net or small_net()
    images = images or noise(12)
    history = hotdog_ft.train(net, images, images, settings, **options)
    return {name: value.tobytes() for name, value in values(net).items()}, history


def grey(picture, rng):
    return TrainAugs(32)(picture.mean(axis=2, keepdims=True).repeat(3, axis=2).astype("uint8"), rng)


class TestOwnAugmentations:
    def test_they_take_the_place_of_ours(self):
        assert trained(train_augs=TrainAugs(32))[0] == trained()[0]
        assert trained(train_augs=grey)[0] != trained()[0]

    @pytest.mark.parametrize(
        "augs, words",
        [
            (lambda picture, rng: picture, r"gave uint8 \(40, 32, 3\).*float32 \(3, 32, 32\)"),
            (lambda picture, rng: TrainAugs(48)(picture, rng), r"gave float32 \(3, 48, 48\)"),
            (lambda picture, rng: grey(picture, rng) / 0, "not finite"),
            (lambda picture, rng: None, "gave NoneType"),
            (lambda picture, rng: nd.array(grey(picture, rng)), "gave NDArray.* NumPy array"),
            (lambda picture: picture, r"called as train_augs\(picture, rng\)"),
            (transforms.Compose([transforms.ToTensor()]), r"train_augs\(picture, rng\)"),
            (3, r"train_augs\(picture, rng\)"),
            (lambda p, rng: grey(p, rng) + np.float32(np.random.random()), "draw from rng alone"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:divide by zero|invalid value:RuntimeWarning")
    def test_what_they_give_is_checked_before_the_run(self, augs, words):
        net = small_net()
        with pytest.raises(ValueError, match=words):
            hotdog_ft.train(net, noise(4), None, SMALL, train_augs=augs)
        assert not hasattr(net, "size")

    def test_they_are_a_part_of_the_run(self, tmp_path):
        path = tmp_path / "c"
        trained(settings=replace(SMALL, num_epochs=1), train_augs=grey, checkpoint=path)
        for others in (None, TrainAugs(32)):
            with pytest.raises(hotdog_ft.DataError, match="its augmentations are others"):
                trained(train_augs=others, checkpoint=path)
        ours = trained(train_augs=grey, checkpoint=path)[0]
        assert ours == trained(train_augs=grey)[0]

    @pytest.mark.parametrize("kind", [list, "folder"])
    def test_one_that_draws_on_the_picture_leaves_it_as_it_was(self, kind, picture_folders):
        def cutout(picture, rng):
            y = rng.integers(20)
            picture[y : y + 16] = 0
            return TrainAugs(32)(picture, rng)

        folder = hotdog_ft.load_image_folders(picture_folders())[0]
        images = folder if kind == "folder" else noise(12)
        before = [picture.copy() for picture, _ in images]
        trained(images=images, train_augs=cutout)
        for (after, _), picture in zip(images, before):
            np.testing.assert_array_equal(after, picture)


class TestAfterEpoch:
    def test_an_epoch_is_saved_before_anybody_is_told(self, tmp_path):
        class Stop(Exception):
            pass

        def stop(history):
            raise Stop

        for _ in range(2):
            with pytest.raises(Stop):
                trained(checkpoint=tmp_path / "c", after_epoch=stop)
        assert trained(checkpoint=tmp_path / "c", after_epoch=stop)[0] == trained()[0]

    def test_what_a_callback_draws_changes_nothing(self):
        def draw(history):
            np.random.random(5)
            mx.nd.random.normal(shape=3).asnumpy()

        assert trained(after_epoch=draw)[0] == trained()[0]

    def test_fine_tune_takes_one_too(self, picture_folders):
        images = hotdog_ft.load_image_folders(picture_folders())
        seen = []
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        hotdog_ft.fine_tune(net, *images, size=32, num_epochs=2, after_epoch=seen.append)
        assert len(seen) == 2 and len(seen[-1].loss) == 2


class TestNets:
    @staticmethod
    def lazy():
        net = nn.HybridSequential()
        net.add(nn.Conv2D(4, 3, 2), nn.BatchNorm(), nn.GlobalAvgPool2D(), nn.Dense(2))
        net.initialize(mx.init.Xavier())
        return net

    def test_one_that_waits_for_its_first_input_is_given_it(self, tmp_path):
        with_one = trained(self.lazy(), checkpoint=tmp_path / "c")[0]
        assert with_one == trained(self.lazy())[0]
        assert trained(self.lazy(), checkpoint=tmp_path / "c")[0] == with_one  # nothing left to do

    def test_one_that_was_never_initialised_is_refused(self):
        net = nn.HybridSequential()
        net.add(nn.Conv2D(4, 3, 2, in_channels=3), nn.GlobalAvgPool2D(), nn.Dense(2, in_units=4))
        with pytest.raises(ValueError, match=r"call net\.initialize\(\)"):
            hotdog_ft.train(net, noise(4), None, SMALL)


@pytest.mark.parametrize(
    "kind",
    [
        lambda picture: picture.astype("float32") / 255,
        lambda picture: nd.array(picture, dtype="uint8"),
        Image.fromarray,
        lambda picture: picture[..., :1],
        lambda picture: picture[..., 0],
    ],
    ids=["floats", "MXNet", "Pillow", "one channel", "grey"],
)
def test_report_51_pictures_in_memory_may_be_of_any_kind(kind):
    images = noise(6)
    if getattr(kind(images[0][0]), "shape", (0, 0, 3))[2:] != (3,):
        images = [(picture[..., :1].repeat(3, axis=2), label) for picture, label in images]
    ours = [(kind(picture), label) for picture, label in images]
    ((X, y),) = BatchLoader(ours, TestAugs(32), 6)
    ((expected, labels),) = BatchLoader(images, TestAugs(32), 6)
    np.testing.assert_array_equal(X, expected)
    np.testing.assert_array_equal(y, labels)


@pytest.mark.parametrize("shape", [(40,), (40, 32, 5), (2, 40, 32, 3)])
def test_report_51_what_is_no_picture_is_named(shape):
    images = [*noise(2), (np.zeros(shape, "uint8"), 0)]
    with pytest.raises(hotdog_ft.DataError, match="picture 2"):
        list(BatchLoader(images, TestAugs(32), 3))


def test_class_names_stay_on_a_net_that_goes_on_with_a_plain_list():
    net = small_net()
    net.classes = ["a", "b"]
    trained(net)
    assert net.classes == ["a", "b"]


class Own(nn.HybridBlock):
    def __init__(self, output):
        super().__init__()
        self.features, self.output = nn.Flatten(), output

    def hybrid_forward(self, F, X):
        return self.output(self.features(X))


@pytest.mark.parametrize(
    "wrapped, trained_part, words",
    [(False, "last stage", "have no stages to train"), (True, "all", "a Dense layer")],
)
def test_a_net_without_a_part_is_refused_before_any_work(wrapped, trained_part, words):
    output, lines = nn.Dense(2), []
    if wrapped:
        output = nn.HybridSequential()
        output.add(nn.Dense(2))
    net = Own(output)
    net.initialize()
    settings = replace(SMALL, probe_steps=5, trained=trained_part)
    with pytest.raises(ValueError, match=words):
        trained(net, settings=settings, report=lines.append)
    assert not lines


def test_an_error_of_a_callback_is_left_as_it_is(tmp_path):
    def fails(history):
        raise FloatingPointError("divide by zero in a callback")

    with pytest.raises(FloatingPointError) as error:
        trained(after_epoch=fails, checkpoint=tmp_path / "c")
    assert str(error.value) == "divide by zero in a callback"
    assert not hasattr(error.value, "history")

"""train_augs and test_augs against the book's, Gluon's, transforms."""

import pickle

import mxnet as mx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mxnet.gluon.data.vision import transforms

import hotdog_ft
from hotdog_ft import augment
from hotdog_ft.augment import TestAugs, TrainAugs


@pytest.fixture
def picture():
    """A smooth picture: two ways to resample it agree up to rounding."""
    y, x = np.mgrid[:90, :120]
    return np.stack([x * 2, y * 2, 120 + x - y], 2).astype("uint8")


def book_normalize(pixels):
    """The chapter's ToTensor and normalize."""
    to_tensor = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    )
    return to_tensor(mx.nd.array(pixels, dtype="uint8")).asnumpy()


def test_normalize_is_the_books(picture):
    np.testing.assert_allclose(augment.normalize(picture), book_normalize(picture), atol=1e-5)


def test_denormalize_inverts_it(picture):
    np.testing.assert_array_equal(augment.denormalize(augment.normalize(picture)), picture)


def test_test_augs_are_the_books(picture):
    resized = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])(
        mx.nd.array(picture, dtype="uint8")
    ).asnumpy()
    ours = TestAugs(224)(picture)
    assert ours.shape == (3, 224, 224) and ours.dtype == np.float32
    # Pillow and OpenCV round differently: by one step of 1/255, over the smallest std
    assert np.abs(ours - book_normalize(resized)).max() <= 1.01 / 255 / 0.224


@pytest.mark.parametrize(
    ("shape", "box"), [((10, 999), (494, 0, 504, 10)), ((999, 10), (0, 494, 10, 504))]
)
def test_where_no_box_fits_the_largest_square_in_the_middle_is_taken(shape, box):
    """All of such an area, at ratios up to 4/3, would be 86 pixels wide and high at least."""
    assert augment.random_crop_box(*shape, np.random.default_rng(0), (1.0, 1.0)) == box


def test_train_augs_cut_what_the_box_says(picture):
    ours = TrainAugs(224)(picture, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    left, top, right, bottom = augment.random_crop_box(90, 120, rng)
    crop = mx.image.fixed_crop(
        mx.nd.array(picture, dtype="uint8"),
        left,
        top,
        right - left,
        bottom - top,
        (224, 224),
        interp=1,
    ).asnumpy()
    crop = crop[:, ::-1] if rng.random() < 0.5 else crop
    # OpenCV spreads the crop by itself, Pillow sees the pixels beyond its rim: compare inside
    inside = np.s_[:, 8:-8, 8:-8]
    assert np.abs(ours - book_normalize(crop))[inside].max() <= 3 / 255 / 0.224


def test_boxes_are_distributed_as_gluons():
    """Means and spreads of 4,000 boxes from both; the tolerance is 5 standard errors."""
    height, width, n = 90, 120, 4000
    mx.random.seed(0)
    hotdog_ft.seed_everything(0)
    blank = mx.nd.zeros((height, width, 3), dtype="uint8")
    theirs = np.array(
        [
            mx.image.random_size_crop(blank, (8, 8), (0.08, 1), (3 / 4, 4 / 3), 1)[1]
            for _ in range(n)
        ],
        dtype=float,
    )  # left, top, width, height
    rng = np.random.default_rng(0)
    ours = np.array([augment.random_crop_box(height, width, rng) for _ in range(n)], dtype=float)
    ours[:, 2:] -= ours[:, :2]
    for column in range(4):
        a, b = ours[:, column], theirs[:, column]
        error = np.sqrt((a.var() + b.var()) / n)
        assert abs(a.mean() - b.mean()) < 5 * error
        assert abs(a.std() - b.std()) < 5 * error


@pytest.mark.parametrize("low, high", [(0.08, 1.0), (0.35, 1.0), (0.5, 0.6)])
def test_crops_have_the_share_of_the_area_that_scale_says(low, high):
    height, width = 300, 400
    rng = np.random.default_rng(0)
    boxes = np.array([augment.random_crop_box(height, width, rng, (low, high)) for _ in range(500)])
    share = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (height * width)
    # rounding a side to whole pixels changes the area by less than 1 %
    assert low * 0.99 < share.min() and share.max() < high * 1.01
    assert share.min() < low + 0.1 * (high - low)  # and all of the range is used


def test_train_augs_use_their_scale():
    picture = np.zeros((60, 60, 3), "uint8")
    picture[:30] = (
        255  # crops of the whole picture have both colours in the same place, whatever is drawn
    )
    whole = [TrainAugs(16, scale=(1, 1))(picture, np.random.default_rng(seed)) for seed in range(5)]
    assert all(np.array_equal(x, whole[0]) for x in whole)
    small = [
        TrainAugs(16, scale=(0.08, 0.1))(picture, np.random.default_rng(seed)) for seed in range(5)
    ]
    assert not all(np.array_equal(x, small[0]) for x in small)


def test_half_of_the_pictures_are_flipped():
    picture = np.zeros((50, 50, 3), "uint8")
    picture[:, 25:] = 255
    augs = TrainAugs(16)
    bright_right = []
    for seed in range(2000):
        x = augs(picture, np.random.default_rng(seed))
        difference = x[:, :, 8:].mean() - x[:, :, :8].mean()
        if abs(difference) > 0.1:  # the crop shows both halves
            bright_right.append(difference > 0)
    # a fair coin: 0.5 within 5 standard errors
    assert abs(np.mean(bright_right) - 0.5) < 5 * 0.5 / np.sqrt(len(bright_right))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 5), (64, 64)])
@pytest.mark.parametrize("augs", [TrainAugs(32), TestAugs(32)])
def test_any_picture_becomes_a_finite_square(augs, shape):
    picture = np.full((*shape, 3), 200, "uint8")
    x = augs(picture, np.random.default_rng(0))
    assert x.shape == (3, 32, 32) and x.dtype == np.float32 and np.isfinite(x).all()
    np.testing.assert_allclose(
        x, augment.normalize(picture[:1, :1]) + np.zeros((1, 32, 32)), atol=1e-6
    )


def test_report_27_transforms_can_be_pickled(picture):
    for augs in (TrainAugs(32), TestAugs(32)):
        again = pickle.loads(pickle.dumps(augs))
        np.testing.assert_array_equal(
            again(picture, np.random.default_rng(1)), augs(picture, np.random.default_rng(1))
        )


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    size=st.integers(1, 80),
    seed=st.integers(0, 2**32 - 1),
    train=st.booleans(),
)
@example(height=1, width=3000, size=224, seed=0, train=True)
@example(height=3000, width=1, size=224, seed=0, train=False)
def test_augmentation_gives_a_finite_square_of_float32_for_any_picture(
    height, width, size, seed, train
):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3), dtype="uint8")
    before = picture.copy()
    x = (TrainAugs if train else TestAugs)(size)(picture, rng)
    assert x.shape == (3, size, size) and x.dtype == np.float32 and np.isfinite(x).all()
    # the darkest and the brightest value that 8 bits can become, channel by channel
    assert (x.min((1, 2)) >= (0 - 0.485) / 0.229 - 0.5).all() and (
        x.max((1, 2)) <= (1 - 0.406) / 0.224 + 1e-5
    ).all()
    assert np.array_equal(picture, before)

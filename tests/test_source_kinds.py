"""Pictures that are made while they are asked for, patterns, and what is no path."""

import hotdog_ft

# isort: split
from pathlib import Path

import numpy as np
import pytest
from conftest import make_source_net
from picture_zoo import saved
from PIL import Image

from hotdog_ft import loader
from hotdog_ft.data import Pictures
from hotdog_ft.parts import predict_files
from hotdog_ft.sources import BATCH

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3), dtype="uint8")


@pytest.fixture
def net(tmp_path):
    net = hotdog_ft.finetune_net(make_source_net(), 3)
    net.size, net.classes = 32, list("abc")
    return net


class Frames:
    """As a camera's: iterable again and again, and one buffer for all pictures."""

    def __iter__(self):
        buffer = np.empty_like(PIXELS[0])
        for picture in PIXELS:
            buffer[:] = picture
            yield buffer


class Made:
    """A data set whose pictures are made when they are asked for."""

    asked = 0

    def __len__(self):
        return 200

    def __getitem__(self, index):
        if not 0 <= index < 200:
            raise IndexError
        self.asked += 1
        return PIXELS[index % 4]


def test_an_iterable_may_overwrite_what_it_gave(net):
    expected = hotdog_ft.predict(net, list(PIXELS)).probability.tolist()
    assert hotdog_ft.predict(net, Frames()).probability.tolist() == expected
    assert hotdog_ft.predict(net, iter(Frames())).probability.tolist() == expected


def test_a_data_set_is_asked_for_a_few_pictures_at_a_time(net):
    made, at_first = Made(), []
    net.features.register_forward_hook(lambda *_: at_first.append(made.asked))
    assert len(hotdog_ft.predict(net, made)) == 200
    assert at_first[0] <= 4 * BATCH and made.asked == 200


class Floats(Pictures):
    """Makes something else of a file's pixels."""

    def __getitem__(self, index):
        picture, label = super().__getitem__(index)
        return picture / 255, label


def test_a_data_set_of_ones_own_is_trained_on_and_predicted_alike(net, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for path, pixels in zip(paths, PIXELS):
        path.write_bytes(saved(Image.fromarray(pixels), "PNG"))
    floats, plain = Floats(paths, [0, 1, 2, 0]), Pictures(paths, [0, 1, 2, 0])
    for ours, theirs in zip(loader.plain_loader(floats, 32), loader.plain_loader(plain, 32)):
        np.testing.assert_array_equal(ours[0], theirs[0])
    assert hotdog_ft.predict(net, floats).equals(hotdog_ft.predict(net, plain))


@pytest.mark.parametrize("label", [1, np.bool_(1), np.array(1), np.float32(1)])
def test_a_picture_with_a_label_of_any_whole_type_is_one_picture(label, net):
    assert len(hotdog_ft.predict(net, [(picture, label) for picture in PIXELS])) == 4


def test_an_image_with_a_narrow_side_is_the_same_picture_everywhere(net):
    narrow = PIXELS[0][:3]  # as wide as its colours are many
    expected = hotdog_ft.predict(net, Image.fromarray(narrow))
    assert hotdog_ft.predict(net, narrow).probability[0] == expected.probability[0]


def test_a_tree_is_gone_through_once(net, tmp_path, monkeypatch):
    deep = tmp_path.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    (deep / "1.png").write_bytes(saved(Image.fromarray(PIXELS[0]), "PNG"))
    listed, iterdir = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: listed.append(path) or iterdir(path))
    assert len(hotdog_ft.predict(net, tmp_path / "**")) == 1
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("pattern", ["*/cats", "**/cats", "**/cats/*", "**/cats/**"])
def test_a_pattern_may_end_in_a_folder(pattern, net, tmp_path):
    for folder in ("a/cats", "b/cats/old", "b/dogs"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.png").write_bytes(saved(Image.fromarray(PIXELS[0]), "PNG"))
    files = hotdog_ft.predict(net, tmp_path / pattern).file
    assert files.tolist() == [f"{tmp_path}/a/cats/1.png", f"{tmp_path}/b/cats/old/1.png"]


@pytest.mark.parametrize("kind", ["image", "stream"])
def test_an_object_with_a_file_name_is_no_path(kind, net, tmp_path):
    path = tmp_path / "1.png"
    path.write_bytes(saved(Image.fromarray(PIXELS[0]), "PNG"))
    with open(path, "rb") as file:
        given = Image.open(path) if kind == "image" else file
        with pytest.raises(ValueError, match="Picture 1 is no path"):
            predict_files(net, [given], tmp_path / "out")


def test_a_link_to_a_folder_above_is_gone_through_like_the_folder(net, tmp_path):
    (tmp_path / "tree/c").mkdir(parents=True)
    for name in ("1.png", "c/2.png"):
        (tmp_path / "tree" / name).write_bytes(saved(Image.fromarray(PIXELS[0]), "PNG"))
    (tmp_path / "tree/c/up").symlink_to("..")
    for path in (tmp_path / "tree/c/up", tmp_path / "tree/c/up/**"):
        assert len(hotdog_ft.predict(net, path)) == 2

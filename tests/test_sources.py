"""What may stand for pictures: everything that people hold in their hands, alone or mixed."""

import io
import shutil
import zipfile
from pathlib import Path

import hotdog_ft

# isort: split
import mxnet as mx
import numpy as np
import pandas as pd
import pytest
from conftest import make_source_net
from picture_zoo import GOOD, picture, saved
from PIL import Image

from hotdog_ft.folders import ImageFolder


@pytest.fixture
def net():
    net = hotdog_ft.finetune_net(make_source_net(), 3)
    net.size, net.classes = 32, list("abc")
    return net


@pytest.fixture
def photos(tmp_path):
    """Five different pictures, two of them in a folder below."""
    (tmp_path / "photos/old").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("1.png", "2.png", "10.png", "old/3.png", "old/4.PNG"):
        pixels = rng.integers(0, 256, (36, 40, 3), dtype="uint8")
        (tmp_path / "photos" / name).write_bytes(saved(Image.fromarray(pixels), "PNG"))
    return tmp_path / "photos"


class Upload:
    """As web frameworks hand files over: an object with a file's methods and a file name."""

    def __init__(self, path):
        self.filename, self.read = path.name, io.FileIO(path).read


class Dataset:
    """As Gluon's: a length and items, nothing else."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def pixels_of(path):
    return np.asarray(Image.open(path))


FORMS = {
    "str": str,
    "path": Path,
    "bytes": Path.read_bytes,
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "file": io.FileIO,
    "upload": Upload,
    "Pillow": Image.open,
    "array": pixels_of,
    "NDArray": lambda path: mx.nd.array(pixels_of(path), dtype="uint8"),
    "example": lambda path: (pixels_of(path), np.int64(1)),
}
NAMED = {"str", "path", "file", "upload", "Pillow"}


@pytest.mark.parametrize("form", FORMS)
def test_report_43_a_picture_is_predicted_in_whatever_form_it_comes(form, net, photos):
    path = photos / "1.png"
    expected, row = (hotdog_ft.predict(net, p).iloc[0] for p in (path, FORMS[form](path)))
    assert (row.label, row.probability) == (expected.label, expected.probability)
    name = "1.png" if form == "upload" else str(path)
    assert row.file == (name if form in NAMED else "picture 1")


def test_report_43_all_forms_come_mixed_in_lists_and_streams(net, photos):
    paths = sorted(photos.glob("*.png")) * 7
    expected = hotdog_ft.predict(net, paths)

    def mixed():
        for path, make in zip(paths, list(FORMS.values()) * 2):
            yield make(path)

    count = min(len(paths), 2 * len(FORMS))
    for pictures in (mixed(), list(mixed()), iter([list(mixed())]), Dataset(list(mixed()))):
        frame = hotdog_ft.predict(net, pictures)
        assert frame.label.tolist() == expected.label[:count].tolist()
        np.testing.assert_allclose(frame.probability, expected.probability[:count], rtol=1e-4)
        assert frame.file[2] == "picture 3"  # its place among all


def test_a_batch_a_data_set_and_columns_of_names_are_many_pictures(net, photos):
    images = ImageFolder(photos.parent)
    expected = hotdog_ft.predict(net, images.paths)
    assert len(expected) == 5 and expected.file.tolist() == list(map(str, images.paths))
    pixels = np.stack([images[i][0] for i in range(5)])
    names = list(map(str, images.paths))
    for pictures in (
        images,
        pixels,
        names,
        np.array(names),
        pd.Series(names, index=range(5, 0, -1)),
    ):
        assert hotdog_ft.predict(net, pictures).label.equals(expected.label)


def test_a_stream_may_close_and_overwrite_what_it_gave(net, photos, tmp_path):
    paths = sorted(photos.glob("*.png")) * 30  # three batches
    expected = hotdog_ft.predict(net, paths)

    def files():
        for path in paths:
            with open(path, "rb") as file:
                yield file

    def frames():
        frame = np.empty((36, 40, 3), "uint8")
        for path in paths:
            frame[:] = pixels_of(path)
            yield frame

    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as zipped:
        for number, path in enumerate(paths):
            zipped.write(path, f"{number}.png")

    def members():
        with zipfile.ZipFile(tmp_path / "photos.zip") as zipped:
            for name in zipped.namelist():
                yield zipped.open(name)

    for stream in (files(), frames(), members()):
        assert hotdog_ft.predict(net, stream).label.equals(expected.label)


def test_few_pictures_of_a_long_stream_are_in_memory_at_a_time(net):
    alive = most = 0

    class Counted(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= 1

    def stream():
        nonlocal alive, most
        for _ in range(300):
            alive += 1
            most = max(most, alive)
            yield np.ndarray.__new__(Counted, (40, 40, 3), "uint8", bytearray(4800))

    assert len(hotdog_ft.predict(net, stream())) == 300
    assert most < 100


def test_report_49_links_to_folders_and_files_are_followed(net, photos, tmp_path):
    (tmp_path / "link").symlink_to(photos, target_is_directory=True)
    (tmp_path / "one.png").symlink_to(photos / "1.png")
    frame = hotdog_ft.predict(net, [tmp_path / "link", tmp_path / "one.png"])
    assert len(frame) == 6 and frame.file[5] == str(tmp_path / "one.png")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "absent")
    with pytest.raises(hotdog_ft.DataError, match=r"nowhere\.png"):
        hotdog_ft.predict(net, tmp_path / "nowhere.png")


@pytest.mark.parametrize(
    "pattern, files",
    [
        ("*.png", ["1.png", "2.png", "10.png"]),
        ("**/*.png", ["1.png", "2.png", "10.png", "old/3.png"]),
        ("*", ["1.png", "2.png", "10.png", "old/3.png", "old/4.PNG"]),
        ("**", ["1.png", "2.png", "10.png", "old/3.png", "old/4.PNG"]),
    ],
)
def test_patterns_find_pictures(pattern, files, net, photos, monkeypatch):
    (photos / "Thumbs.db").write_bytes(b"no picture")
    shutil.copytree(photos / "old", photos / "@eaDir")  # small copies, by a server of files
    frame = hotdog_ft.predict(net, photos / pattern)
    assert sorted(frame.file) == sorted(str(photos / file) for file in files)
    monkeypatch.chdir(photos.parent)
    found = hotdog_ft.predict(net, f"photos/{pattern}").file
    assert sorted(found) == sorted(f"photos/{file}" for file in files)


def test_a_name_that_looks_like_a_pattern_is_a_name_first(net, photos, tmp_path):
    odd = tmp_path / "photos [2024]"
    photos.rename(odd)
    (odd / "*.png").write_bytes(GOOD["plain.png"][0])
    assert hotdog_ft.predict(net, odd / "*.png").file.tolist() == [str(odd / "*.png")]
    assert len(hotdog_ft.predict(net, odd / "?.png")) == 3
    assert len(hotdog_ft.predict(net, odd)) == 6


@pytest.mark.parametrize(
    "given, words",
    [
        ("absent.png", "There is no absent.png"),
        ("photos/1.pgn", "Did you mean photos/1.png?"),
        ("https://example.org/cat.jpg", "download it first"),
        (Path("https://example.org/cat.jpg"), "download it first"),
        ("data:image/png;base64,iVBORw0KGgo", "as bytes"),
        ("x" * 5000, "as bytes"),
        ("photos/*.webp", "no picture that matches photos/*.webp"),
        ("empty", "no picture in empty"),
        ("", "The path is empty"),
        ("a\0b", "a\0b"),
        (iter([]), "no picture"),
        (None, "type NoneType is no picture"),
        ({"a": 1}, "type dict is no picture"),
        (np.zeros((4, 4), "complex64"), "picture 1"),
        (b"not a picture", "picture 1"),
        (io.StringIO("text"), "binary mode"),
    ],
    ids=lambda value: repr(value).split(" object at")[0][:30],
)
def test_report_71_what_is_no_picture_gets_one_sentence(
    given, words, net, photos, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.predict(net, given)
    assert words in str(error.value) and "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_home_folder_is_meant_by_its_sign(net, photos, monkeypatch):
    monkeypatch.setenv("HOME", str(photos))
    assert len(hotdog_ft.predict(net, "~/*.png")) == 3
    assert hotdog_ft.predict(net, "~/1.png").file[0] == str(photos / "1.png")
    assert len(hotdog_ft.predict(net, "~/old")) == 2


def test_an_image_that_was_given_stays_open_and_as_it_was(net):
    image, file = picture("RGBA"), io.BytesIO(GOOD["plain.jpg"][0])
    file.seek(7)
    before = image.tobytes()
    hotdog_ft.predict(net, [image, file])
    assert image.tobytes() == before and not file.closed

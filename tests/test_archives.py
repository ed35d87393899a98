"""Archives that attack or are damaged: nothing of them is unpacked, and the error names them."""

import struct
import zipfile

import pytest
from conftest import zip_of

import hotdog_ft
from hotdog_ft import download


def refused(archive, words):
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.load_image_folders(archive)
    assert archive.name in str(error.value) and words in str(error.value)
    assert not list(download.cache_folder().glob("*"))


@pytest.mark.parametrize(
    "member",
    ["../outside.png", "/tmp/outside.png", "a/../../outside.png", "a\\..\\..\\outside.png"],
)
def test_a_path_that_leaves_its_folder(tmp_path, member):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as zipped:
        zipped.writestr("train/a/1.png", b"x")
        zipped.writestr(member, b"x")
    refused(tmp_path / "bad.zip", "outside its folder")
    assert not (tmp_path / "outside.png").exists()


def test_a_link(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as zipped:
        link = zipfile.ZipInfo("train/a/1.png")
        link.external_attr = 0o120777 << 16
        zipped.writestr(link, "/etc/passwd")
    refused(tmp_path / "bad.zip", "holds a link")


@pytest.mark.parametrize("name", ["train/more.zip", "train/a/MORE.TAR.GZ"])
def test_an_archive_in_an_archive(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as zipped:
        zipped.writestr(name, b"x")
    refused(tmp_path / "bad.zip", "another archive")


def test_an_absurd_size(tmp_path):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for number in range(4):
            zipped.writestr(f"train/a/{number}.png", b"x")
    content = bytearray(path.read_bytes())
    place = content.find(b"PK\1\2")
    while place >= 0:  # APPNOTE 4.3.12: the uncompressed size is 24 bytes into a central header
        content[place + 24 : place + 28] = struct.pack("<I", 2**32 - 2)
        place = content.find(b"PK\1\2", place + 1)
    path.write_bytes(content)
    refused(path, "more than 10 GiB")


def test_an_encrypted_archive(tmp_path):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("train/a/1.png", b"x")
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\1\2") + 8] |= 1  # APPNOTE 4.4.4: bit 0 of the general purpose flags
    path.write_bytes(content)
    refused(path, "encrypted")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive(picture_folders, tmp_path, share):
    path = zip_of(picture_folders(), tmp_path / "photos.zip")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused(path, "not a zip archive")


def test_a_damaged_archive(picture_folders, tmp_path):
    path = zip_of(picture_folders(), tmp_path / "photos.zip")
    content = bytearray(path.read_bytes())
    content[300:400] = bytes(100)  # inside the first picture: its checksum no longer fits
    path.write_bytes(content)
    refused(path, "could not be unpacked")


def test_a_method_that_this_python_cannot_unpack(tmp_path):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("train/a/1.png", b"x")
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\1\2") + 10] = 97  # WavPack
    path.write_bytes(content)
    refused(path, "could not be unpacked")

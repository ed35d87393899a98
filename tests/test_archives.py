"""Archives: those that attack or are damaged leave nothing behind, and the error names them."""

import io
import os
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from conftest import run_python, zip_of

import hotdog_ft
from hotdog_ft import download
from hotdog_ft.data import content_sha256


def refused(archive, words, others=0):
    with pytest.raises(hotdog_ft.DataError) as error:
        hotdog_ft.load_image_folders(archive)
    assert archive.name in str(error.value) and words in str(error.value)
    assert len(list(download.cache_folder().glob("*"))) == others


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
    refused(path, "no zip archive")


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


class TestOtherKinds:
    """What other programs make is the same data set."""

    @pytest.fixture
    def root(self, picture_folders):
        return picture_folders()

    def same(self, archive, root):
        for packed, plain in zip(*map(hotdog_ft.load_image_folders, (archive, root))):
            assert content_sha256(packed) == content_sha256(plain)

    def zip_with(self, root, wrap="", mark="/"):
        archive = root.parent / "photos.zip"
        with zipfile.ZipFile(archive, "w") as zipped:
            for path in sorted(root.rglob("*")):
                member = zipfile.ZipInfo()
                member.filename = f"{wrap}{path.relative_to(root)}{'/' * path.is_dir()}"
                member.filename = member.filename.replace("/", mark)
                zipped.writestr(member, path.read_bytes() if path.is_file() else b"")
        return archive

    def test_report_84_a_zip_with_backslashes(self, root):
        archive = self.zip_with(root, mark="\\")  # as old Windows programs and .NET write
        with zipfile.ZipFile(archive) as zipped:
            assert "train\\a\\0.png" in zipped.namelist()
        self.same(archive, root)

    @pytest.mark.parametrize("wrap", ["chairs/", "download/chairs/"])
    def test_report_84_a_zip_with_folders_around_the_set(self, root, wrap):
        self.same(self.zip_with(root, wrap), root)

    def test_names_in_unmarked_utf_8_are_read_as_macs_write_them(self, root):
        for part in ("train", "test"):
            (root / part / "a").rename(root / part / "bánh mì")
        archive = self.zip_with(root)
        content = bytearray(archive.read_bytes())
        # APPNOTE 4.4.4: bit 11 of the flags, 6 bytes into a local header and 8 into a central one
        for start, place in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
            found = content.find(start)
            while found >= 0:
                content[found + place] &= ~8
                found = content.find(start, found + 1)
        archive.write_bytes(content)
        assert "bánh mì" in hotdog_ft.load_image_folders(archive)[0].classes

    @pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
    def test_report_84_a_tar(self, root, tmp_path, suffix):
        mode = {"tar": "w", "tgz": "w:gz"}.get(suffix, f"w:{suffix[4:]}")
        archive = tmp_path / f"photos.{suffix}"
        with tarfile.open(archive, mode) as tar:
            tar.add(root, "photos")
        self.same(archive, root)
        if suffix == "tgz":
            archive.write_bytes(archive.read_bytes()[:-3000])
            refused(archive, "could not be unpacked", others=1)


class TestTar:
    def test_it_is_refused_whole_where_it_attacks(self, tmp_path):
        link, device = tarfile.TarInfo("train/a/1.png"), tarfile.TarInfo("train/a/1.png")
        link.type, link.linkname, device.type = tarfile.SYMTYPE, "/etc/passwd", tarfile.CHRTYPE
        out, root = tarfile.TarInfo("../1.png"), tarfile.TarInfo("/1.png")
        huge, inner = tarfile.TarInfo("train/a/2.png"), tarfile.TarInfo("train/a/x.zip")
        huge.size = 11 << 30
        cases = [(link, "holds a link"), (device, "or a device"), (out, "outside its folder")]
        cases += [(root, "outside its folder"), (huge, "more than 10 GiB"), (inner, "another")]
        for member, words in cases:
            content = tarfile.TarInfo("train/a/0.png").tobuf() + member.tobuf()
            (tmp_path / "bad.tar").write_bytes(content + bytes(1024))
            refused(tmp_path / "bad.tar", words)

    def test_a_python_that_cannot_do_it_safely_says_so(self, tmp_path, monkeypatch):
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            tar.addfile(tarfile.TarInfo("train/a/1.png"), io.BytesIO())
        monkeypatch.delattr(tarfile, "data_filter")
        refused(tmp_path / "a.tar", "unpack it by hand")

    @pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
    def test_it_is_refused_whole_where_it_is_damaged(self, suffix, picture_folders, tmp_path):
        """`tarfile` ends at the first header that is none, without a word."""
        root, archive = picture_folders(), tmp_path / f"photos.tar{suffix}"
        with tarfile.open(archive, f"w:{suffix[1:]}") as tar:
            tar.add(root, "photos")
        content = archive.read_bytes()
        for place in range(40, len(content), len(content) // 30):
            damaged = [content[:place]]
            if suffix:  # a plain one has no checksum of what it holds
                damaged.append(content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :])
            for bad in damaged:
                archive.write_bytes(bad)
                with pytest.raises(hotdog_ft.DataError, match="Download it again"):
                    hotdog_ft.load_image_folders(archive)
                assert list(download.cache_folder().glob("*")) == []

    @pytest.mark.parametrize("header", [0, 3])
    def test_nor_is_a_plain_one_read_up_to_a_header_that_is_damaged(
        self, header, picture_folders, tmp_path
    ):
        with tarfile.open(tmp_path / "photos.tar", "w") as tar:
            tar.add(picture_folders(), "photos")
            place = tar.getmembers()[header].offset
        content = bytearray((tmp_path / "photos.tar").read_bytes())
        content[place + 5] ^= 1  # of the name: the header's checksum no longer fits
        (tmp_path / "photos.tar").write_bytes(content)
        refused(tmp_path / "photos.tar", "Download it again")
        content[place : place + 512] = bytes(512)  # a hole, as half a download leaves it
        (tmp_path / "photos.tar").write_bytes(content)
        refused(tmp_path / "photos.tar", "tar")


def test_report_83_a_cache_that_cannot_be_written_to_is_named(picture_folders):
    with tempfile.TemporaryDirectory() as root:  # pytest's own folders are closed to other users
        os.chmod(root, 0o755)
        archive = zip_of(picture_folders(), Path(root, "photos.zip"))
        code = """
import os, sys, hotdog_ft
from hotdog_ft import archives
os.getuid() or os.setuid(65534)
os.environ["HOTDOG_FT_CACHE"] = sys.argv[2]
try:
    archives.unpack(sys.argv[1])
except hotdog_ft.DataError as error:
    print(error)
"""
        done = run_python(code, archive, "/proc/cache")  # nobody may write there
    assert "HOTDOG_FT_CACHE" in done.stdout and "/proc" in done.stdout, done.stderr
    assert "Download it again" not in done.stdout and done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "names",
    [[f"a/{'ơ' * 200}.png"], ["a/b", "a/b/1.png"], ["a/" * 1500 + "1.png"], ["a/" * 101 + "1.png"]],
)
def test_report_84_names_that_this_disk_cannot_hold(names, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as zipped:
        for name in names:
            zipped.writestr(name, b"")
    refused(tmp_path / "photos.zip", "npack it by hand")


def test_report_84_an_archive_with_a_long_name(picture_folders, tmp_path):
    archive = zip_of(picture_folders(), tmp_path / f"{'x' * 251}.zip")
    assert len(hotdog_ft.load_image_folders(archive)[0])


def test_an_archive_of_another_kind_is_to_be_unpacked_by_hand(tmp_path):
    (tmp_path / "photos.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    refused(tmp_path / "photos.7z", "unpack it by hand")

"""Which files are pictures, by their content; what is said of the others."""

import gzip
import io
import os
import sys
import threading
import types
import zipfile

import numpy as np
import pytest
from picture_zoo import BAD, GOOD, GREEN, PNG, picture, png, saved, tiff
from PIL import Image, PngImagePlugin

from hotdog_ft import DataError
from hotdog_ft.picture import SUFFIXES, is_picture, read_picture


def refusal(source):
    with pytest.raises(DataError) as error:
        read_picture(source)
    assert "\n" not in str(error.value)
    return str(error.value)


def box(brand, *more):
    content = brand + bytes(4) + b"".join(more)
    return (len(content) + 8).to_bytes(4, "big") + b"ftyp" + content


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as whole:
        whole.writestr("a.jpg", b"")
    return file.getvalue()


OTHERS = {
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{} loop\n",
    "a PDF document": b"%PDF-1.7\n",
    "an SVG drawing": b'<?xml version="1.0"?>\n<!-- a b -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "a web page": b"\n<!doctype HTML><title>404</title>",
    "an archive": archive(),
    "an archive ": gzip.compress(b"x"),
    "a video": box(b"isom", b"mp42"),
    "a video ": b"\x1aE\xdf\xa3\x01",
    "a camera's raw file": b"II*\0\x10\0\0\0CR\2\0",
    "a JPEG XL picture": b"\xff\n\xfa\x1f",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "a Windows metafile": b"\xd7\xcd\xc6\x9a" + bytes(20),
    "no picture of a known kind": b"BMW, Opel and others",
    "it is empty": b"",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_report_56_a_file_that_is_no_picture_is_named_and_never_run(kind, tmp_path, monkeypatch):
    """Ghostscript would run PostScript, whatever the file's name: no program is started."""
    monkeypatch.setattr("subprocess.Popen", None)
    path = tmp_path / "named.jpg"
    path.write_bytes(OTHERS[kind])
    message = refusal(path)
    assert message.startswith(f"{path} cannot be read as a picture: ")
    assert kind.strip() in message and message.count(". ") == 1 and message.endswith(".")
    assert not is_picture(path)


@pytest.mark.parametrize("entry", [(254, 4, 1, b"\1\0\0\0"), (50706, 1, 4, b"\1\4\0\0")])
def test_a_camera_s_raw_file_is_not_taken_for_its_small_preview(entry):
    """TIFF 6.0, NewSubfileType: a smaller copy of another picture; DNG 1.4, DNGVersion."""
    assert "a camera's raw file" in refusal(io.BytesIO(tiff(bytes(600), 8, more=[entry])))


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"mif1"])
def test_report_69_heic_without_the_package_says_what_to_install(brand, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(box(brand, b"mif1heic"))
    assert is_picture(path)
    message = refusal(path)
    assert "HEIC" in message and "pip install pillow-heif" in message and "convert it" in message


def test_report_69_heic_is_read_by_the_package_where_it_is(tmp_path, monkeypatch):
    """A stand-in for the package's decoder: the picture is a PNG behind the head of a HEIC file."""
    head = box(b"heic", b"mif1heic")
    package = types.ModuleType("pillow_heif")
    package.HeifImageFile = lambda file, name: PngImagePlugin.PngImageFile(
        io.BytesIO(file.read()[len(head) :]), name
    )
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    (tmp_path / "a.jpg").write_bytes(head + saved(picture(), "PNG"))
    assert (read_picture(tmp_path / "a.jpg") == GREEN).all()


@pytest.mark.parametrize("note", [None, b"Exif\0\0garbage"])
def test_report_69_real_heic(note, tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    heif = pillow_heif.from_pillow(picture(size=(60, 40)))
    heif.save(tmp_path / "a.jpg", quality=95, **{"exif": note} if note else {})
    pixels = read_picture(tmp_path / "a.jpg")
    assert pixels.shape == (40, 60, 3) and np.abs(pixels.astype(int) - GREEN).max() <= 4
    assert "HEIF" not in Image.OPEN  # other code that uses Pillow sees no change


def test_avif_is_read_turned_by_its_own_box_whatever_its_exif_says():
    note = Image.Exif()
    note[274], note[271] = 6, "maker"
    try:
        content = saved(picture(size=(60, 40)), "AVIF", exif=note, quality=95)
    except (KeyError, ValueError):
        pytest.skip("this Pillow was built without AVIF")
    at = content.index(b"II*\0" if b"II*\0" in content else b"MM\0*")
    for whole in (content, content[:at] + b"garbage!" + content[at + 8 :]):
        pixels = read_picture(io.BytesIO(whole))
        assert pixels.shape == (60, 40, 3) and np.abs(pixels.astype(int) - GREEN).max() <= 4


class TestLargePictures:
    def test_report_78_a_panorama_is_read_at_an_eighth(self, tmp_path):
        Image.new("L", (16_000, 8_000), 90).save(tmp_path / "panorama.jpg", quality=30)
        assert read_picture(tmp_path / "panorama.jpg").shape == (1_000, 2_000, 3)

    @pytest.mark.filterwarnings("error")
    def test_report_78_the_limit_is_of_what_is_decoded(self, monkeypatch):
        """Pillow warns at its limit and gives up at twice as many, before it looks for 1/8."""
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_100_000)
        image = picture(size=(2_400, 1_800))  # 4.32 million, and 1.08 million at 1/2
        assert read_picture(io.BytesIO(saved(image, "JPEG"))).shape == (900, 1_200, 3)
        assert "4,320,000 pixels, and 1,100,000 are" in refusal(io.BytesIO(saved(image, "PNG")))
        # the decoder keeps all of a progressive one, to make it finer scan by scan
        scans = saved(image, "JPEG", progressive=True)
        assert "4,320,000 pixels, and 2,200,000 are" in refusal(io.BytesIO(scans))

    def test_report_78_the_limit_is_named_and_can_be_lifted(self, monkeypatch):
        assert "144,000,000 pixels, and 89,478,485 are" in refusal(io.BytesIO(BAD["huge.png"]))
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        assert read_picture(io.BytesIO(PNG)).shape == (64, 64, 3)


def test_a_decoder_that_gives_up_without_a_word_is_given_one():
    message = refusal(io.BytesIO(png(b"\1" * 600, colours=3)))  # it lacks its palette
    assert "damaged" in message and "()" not in message


def test_places_that_hold_no_picture_are_told_apart(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "to-nothing.jpg").symlink_to(tmp_path / "absent")
    (tmp_path / "cut.png").write_bytes(PNG[: len(PNG) // 2])
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, reason in {
        "absent.jpg": "No such file",
        "folder.jpg": "it is a folder",
        "to-nothing.jpg": "No such file",
        "pipe.jpg": "not a regular file",
        "cut.png": "damaged or cut off",
    }.items():
        assert f"{tmp_path / name} cannot be read as a picture" in refusal(tmp_path / name)
        assert reason in refusal(tmp_path / name)
        assert is_picture(tmp_path / name) == (name == "cut.png")  # its first bytes are


def test_a_file_object_is_read_from_its_beginning_and_stays_open(tmp_path):
    file = io.BytesIO()
    picture().save(file, "PNG")  # it now stands at its end
    assert (read_picture(file) == GREEN).all() and not file.closed
    (tmp_path / "a.png").write_bytes(file.getvalue())
    with open(tmp_path / "a.png", "rb") as opened:
        assert (read_picture(opened) == GREEN).all() and not opened.closed
    ours, theirs = os.pipe()  # as a response over the network: it cannot go back
    threading.Thread(target=lambda: os.close(theirs) if os.write(theirs, PNG) else None).start()
    with os.fdopen(ours, "rb") as pipe:
        assert read_picture(pipe).shape == (64, 64, 3)
    assert "the file object cannot be read as a picture" in refusal(io.BytesIO(b"no"))


@pytest.mark.parametrize("name", GOOD)
def test_the_first_bytes_of_a_picture_tell(name, tmp_path):
    (tmp_path / "no-suffix").write_bytes(GOOD[name][0])
    assert is_picture(tmp_path / "no-suffix")


@pytest.mark.parametrize("format", ["JPEG2000", "ICO", "TGA"])
def test_rarer_kinds_are_read_too(format, tmp_path):
    path = tmp_path / f"a.{format.lower()}"
    picture(size=(32, 32)).save(path, format)
    assert np.abs(read_picture(path).astype(int) - GREEN).max() <= 1


def test_suffixes_are_of_what_is_read_or_refused_by_name():
    assert {".jpg", ".jpeg", ".png", ".heic", ".avif", ".jxl", ".webp", ".tif"} <= SUFFIXES
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in SUFFIXES)
    assert not SUFFIXES & {".txt", ".svg", ".eps", ".pdf", ".json", ".csv", ".mp4", ""}

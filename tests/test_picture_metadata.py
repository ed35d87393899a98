"""What a picture file says beside its pixels does not spoil them."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from picture_zoo import GREEN, chunk, directory, picture, png, saved, tiff
from PIL import Image, ImageOps

from hotdog_ft import DataError
from hotdog_ft.picture import from_image, read_picture

TURN = (274, 3, 1, struct.pack("<H", 6))  # EXIF 2.3: hold it a quarter turn clockwise
ROWS = bytes(GREEN) * 600


def exif(*entries, more=b""):
    return b"II*\0\x08\0\0\0" + directory(list(entries)) + more


def read(content):
    return read_picture(io.BytesIO(content))


def in_format(format, exif, xmp=b""):
    """A picture of 30 x 20 with these bytes of EXIF, as they are: Pillow would tidy them."""
    if format == "JPEG":
        notes = [b"Exif\0\0" + exif] + [b"http://ns.adobe.com/xap/1.0/\0" + xmp] * bool(xmp)
        parts = b"".join(b"\xff\xe1" + struct.pack(">H", len(n) + 2) + n for n in notes)
        whole = saved(picture(), "JPEG", quality=95)
        return whole[:2] + parts + whole[2:]
    if format == "PNG":
        text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
        return png(ROWS, chunk(b"eXIf", exif), *[text] * bool(xmp))
    return saved(picture(), "WEBP", exif=exif, xmp=xmp, lossless=True)


ODD = {
    "resolution as text": [(282, 2, 4, b"72\0\0"), (283, 2, 4, b"72\0\0")],
    "resolution without a value": [(282, 2, 0, b""), (283, 5, 0, b""), (296, 3, 1, b"\2\0")],
    "resolution over zero": [(282, 5, 1, bytes(8)), (296, 3, 1, b"\2\0")],
    "exposure of minus one": [(33434, 10, 1, struct.pack("<ii", -1, 0))],
    "a directory at no place": [(34665, 4, 1, b"\xff\xff\xff\xff"), (34853, 4, 1, b"\xff" * 4)],
    "a directory that is text": [(34665, 2, 3, b"no\0"), (40965, 5, 2, bytes(16))],
    "a maker's name far away": [(271, 2, 99, struct.pack("<I", 10**6) + b"\0")],
    "kinds of field to come": [(270, 77, 1, b"abcd"), (305, 0, 1, b"abcd")],
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.filterwarnings("error")
def test_report_50_odd_exif_elsewhere_does_not_spoil_a_picture(format, odd):
    if format == "TIFF":
        content = tiff(bytes(range(200)) * 3, 8, more=[TURN, *ODD[odd]])
    else:
        content = in_format(format, exif(TURN, *ODD[odd]))
    assert read(content).shape == (30, 20, 3)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "block",
    [
        exif(TURN)[:9],  # cut off in the count of entries, and within an entry
        exif(TURN)[:15],
        b"garbage of any kind",
        b"II*\0\xff\xff\xff\xff",
        b"",
        exif((274, 3, 1, b"\0\0")),  # ways to turn that there are not
        exif((274, 3, 1, b"\x09\0")),
        exif((274, 2, 2, b"6\0")),
        exif((274, 5, 1, bytes(8))),
    ],
)
@pytest.mark.filterwarnings("error")
def test_report_50_exif_that_says_nothing_turns_nothing(format, block):
    assert read(in_format(format, block)).shape == (20, 30, 3)


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_way_to_turn_is_what_pillow_makes_of_it(turn, tmp_path):
    image = Image.fromarray(np.arange(18, dtype="uint8").reshape(2, 3, 3) * 14)
    note = Image.Exif()
    note[274] = turn
    xmp = f"<x tiff:Orientation='1' tiff:Orientation=\"{turn}\"/>".encode()
    for name, options in {
        "a.png": {"exif": note},
        "a.webp": {"exif": note, "lossless": True},
        "a.tiff": {"tiffinfo": {274: turn}},
        "b.tiff": {"tiffinfo": {274: turn}, "compression": "tiff_lzw"},
        "xmp.webp": {"xmp": xmp, "lossless": True},
        "xmp.tiff": {"tiffinfo": {700: xmp}},
    }.items():
        image.save(tmp_path / name, **options)
        with Image.open(tmp_path / name) as opened:
            upright = np.asarray(ImageOps.exif_transpose(opened))
        assert np.array_equal(read_picture(tmp_path / name), upright)
        with Image.open(tmp_path / name) as opened:
            assert np.array_equal(from_image(opened), upright)


def test_a_way_to_turn_in_the_places_of_older_programs():
    assert read(in_format("JPEG", b"", b'<x tiff:Orientation="6"/>')).shape == (30, 20, 3)
    assert read(in_format("PNG", b"", b"<tiff:Orientation>6</tiff:Orientation>")).shape[0] == 30
    text = b"\nexif\n  99\n" + (b"Exif\0\0" + exif(TURN)).hex().encode()
    packed = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    assert read(png(ROWS, packed)).shape == (30, 20, 3)


TWO_MB = b"x" * 2_000_000


@pytest.mark.parametrize(
    "odd",
    [
        chunk(b"tEXt", b"key\0" + TWO_MB),
        chunk(b"zTXt", b"key\0\0" + zlib.compress(TWO_MB)),
        chunk(b"iTXt", b"key\0\1\0\0\0" + zlib.compress(TWO_MB)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(TWO_MB)),
        chunk(b"iCCP", b"key\0\0" + zlib.compress(TWO_MB)),
        chunk(b"iCCP", b"key\0\7unknown"),
        chunk(b"zTXt", b"key\0\7unknown"),
        chunk(b"tEXt", b"key\0text")[:-1] + b"?",  # the checksum is wrong
        chunk(b"pHYs", b"\0"),
        chunk(b"sRGB", b""),
        chunk(b"tRNS", b"\0"),
        chunk(b"acTL", bytes(4)) + chunk(b"fcTL", b""),
    ],
    ids=lambda odd: f"{odd[4:8].decode()}-{len(odd)}",
)
@pytest.mark.filterwarnings("error")
def test_report_77_odd_chunks_of_a_png_do_not_spoil_it(odd):
    pixels = read(png(ROWS, odd, chunk(b"eXIf", exif(TURN))))
    assert pixels.shape == (30, 20, 3) and (pixels == GREEN).all()


def test_a_chunk_with_a_wrong_checksum_says_nothing():
    """PNG, section 13.2: a decoder passes over an ancillary chunk that is damaged."""
    turn = chunk(b"eXIf", exif(TURN))
    assert read(png(ROWS, turn)).shape == (30, 20, 3)
    assert read(png(ROWS, turn[:-1] + bytes([turn[-1] ^ 1]))).shape == (20, 30, 3)


def test_report_77_a_chunk_that_unfolds_to_much_takes_no_memory():
    bomb = zlib.compress(b"x" * 100_000_000)
    content = png(
        ROWS,
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
        chunk(b"iCCP", b"key\0\0" + bomb),
    )
    tracemalloc.start()
    read(content)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 60_000_000


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("bits", [1, 8, 12, 16])
@pytest.mark.filterwarnings("error")
def test_report_57_zero_is_white_where_a_tiff_says_so(bits, packed, order):
    """TIFF 6.0, PhotometricInterpretation: 0 is white and 2**bits - 1 black, or the reverse."""
    value = {1: 1, 8: 50, 12: 50 * 16, 16: 50 * 256}[bits]
    row = "".join(f"{value:0{bits}b}" * 32)  # 32 pixels fill whole bytes
    row = b"".join(int(row[at : at + 8], 2).to_bytes(1, "big") for at in range(0, len(row), 8))
    if bits == 16:
        row = struct.pack(order + "H", value) * 32
    for white_is_zero in (False, True):
        content = tiff(row * 20, bits, white_is_zero, order, packed, size=(32, 20))
        if bits == 12 and order == ">":  # Pillow does not know it
            with pytest.raises(DataError, match="cannot be read as a picture"):
                read(content)
            continue
        grey = 255 if bits == 1 else 50
        assert (read(content) == (255 - grey if white_is_zero else grey)).all()


@pytest.mark.parametrize(
    "depth, clear, other",
    [(1, 1, 0), (2, 2, 1), (4, 9, 3), (8, 77, 78), (16, 700, 1000)],
)
def test_report_58_a_clear_grey_lies_on_white_at_every_depth(depth, clear, other):
    """PNG, section 11.3.2.1: samples of just this value are transparent."""
    bits = "".join(f"{value:0{depth}b}" for value in [clear, other] * 8)
    rows = int(bits, 2).to_bytes(2 * depth, "big") * 4
    hole = chunk(b"tRNS", struct.pack(">H", clear))
    pixels = read(png(rows, hole, size=(16, 4), depth=depth, colours=0))
    expected = other >> 8 if depth == 16 else round(other * 255 / (2**depth - 1))
    assert (pixels[:, ::2] == 255).all() and (pixels[:, 1::2] == expected).all()


def test_report_58_a_clear_colour_of_16_bits_lies_on_white():
    samples = struct.pack(">3H", *(value * 256 + 7 for value in GREEN))
    hole = chunk(b"tRNS", samples)
    assert (read(png(samples * 600, hole, depth=16)) == 255).all()
    assert (read(png(samples * 600, depth=16)) == GREEN).all()


def test_a_pgm_of_16_bits_is_grey_and_32_bits_are_refused():
    values = np.full((2, 3), 40_000, "uint16")
    assert (read(saved(Image.fromarray(values), "PPM")) == 40_000 >> 8).all()
    for mode in ("I", "F"):
        with pytest.raises(DataError, match="32 bits a pixel do not say what is white"):
            read(saved(Image.new(mode, (3, 2)), "TIFF"))

"""A zoo of odd picture files: GOOD ones, with what a viewer shows, and BAD ones."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

GREEN = (40, 200, 80)


def picture(mode="RGB", size=(30, 20), colour=GREEN):
    return Image.new("RGB", size, colour).convert(mode)


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation  # EXIF 2.3, tag Orientation
    return saved(picture(), "JPEG", exif=exif, quality=95)


def grey16(value):
    return saved(Image.fromarray(np.full((20, 30), value, "uint16")), "PNG")


def chunk(kind, content):
    """PNG, section 5.3."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(rows, *chunks, size=(30, 20), depth=8, colours=2):
    """A PNG file from the bytes of its rows, without filter, and chunks to stand before them."""
    step = len(rows) // size[1]
    lines = b"".join(b"\0" + rows[at : at + step] for at in range(0, len(rows), step))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [head, *chunks, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    )


def rgb16_png():
    """16 bits a channel, which Pillow reads and cannot write (PNG, section 11.2)."""
    rows = struct.pack(">3H", *(value * 257 for value in GREEN)) * 600
    return png(rows, depth=16)


def directory(entries, order="<", start=8):
    """A directory of TIFF 6.0, section 2, at ``start``, its long values behind it.

    ``entries``: (tag, kind of field, count, value as bytes).
    """
    values_at, table, values = start + 2 + 12 * len(entries) + 4, b"", b""
    for tag, kind, count, value in sorted(entries):
        where = value.ljust(4, b"\0")
        if len(value) > 4:
            where = struct.pack(order + "I", values_at + len(values))
            values += value
        table += struct.pack(order + "HHI", tag, kind, count) + where
    return struct.pack(order + "H", len(entries)) + table + bytes(4) + values


def tiff(pixels, bits, white_is_zero=False, order="<", packed=False, more=(), size=(30, 20)):
    """A grey TIFF file, in one strip, with more entries if wished."""
    pixels = zlib.compress(pixels) if packed else pixels

    def short(tag, value):
        return tag, 3, 1, struct.pack(order + "H", value)

    def long(tag, value):
        return tag, 4, 1, struct.pack(order + "I", value)

    pixels += bytes(len(pixels) % 2)
    entries = [short(256, size[0]), short(257, size[1]), short(258, bits), long(273, 8)]
    entries += [short(259, 8 if packed else 1), short(262, 0 if white_is_zero else 1)]
    entries += [short(277, 1), short(278, size[1]), long(279, len(pixels)), *more]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(pixels))
    return head + pixels + directory(entries, order, 8 + len(pixels))


def animated(format):
    frames = [picture(), picture(colour=(250, 0, 0))]
    return saved(frames[0], format, save_all=True, append_images=frames[1:], duration=100)


def see_through(mode):
    """Nothing but transparent pixels, whose hidden colour is black."""
    image = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    return saved(image if mode == "RGBA" else image.convert(mode), "PNG")


def palette_with_transparency():
    image = Image.new("P", (30, 20), 0)
    image.putpalette([0, 0, 0] * 256)
    return saved(image, "PNG", transparency=0)


WHITE = (255, 255, 255)
GREY = (138, 138, 138)  # ITU-R 601: 0.299 * 40 + 0.587 * 200 + 0.114 * 80 = 138.5
# name: content, (height, width), colour that a viewer shows
GOOD = {
    "plain.png": (saved(picture(), "PNG"), (20, 30), GREEN),
    "plain.jpg": (saved(picture(), "JPEG", quality=95), (20, 30), GREEN),
    "progressive.jpg": (saved(picture(), "JPEG", quality=95, progressive=True), (20, 30), GREEN),
    "plain.webp": (saved(picture(), "WEBP", lossless=True), (20, 30), GREEN),
    "plain.bmp": (saved(picture(), "BMP"), (20, 30), GREEN),
    "plain.tiff": (saved(picture(), "TIFF"), (20, 30), GREEN),
    "plain.ppm": (saved(picture(), "PPM"), (20, 30), GREEN),
    "one-bit.png": (saved(picture("L", colour=WHITE).convert("1"), "PNG"), (20, 30), WHITE),
    "grey.png": (saved(picture("L"), "PNG"), (20, 30), GREY),
    "grey.jpg": (saved(picture("L"), "JPEG", quality=95), (20, 30), GREY),
    "grey-16-bit.png": (grey16(100 * 257), (20, 30), (100, 100, 100)),
    "colour-16-bit.png": (rgb16_png(), (20, 30), GREEN),
    "grey-16-bit-clear.png": (
        png(b"\0\0" * 600, chunk(b"tRNS", b"\0\0"), depth=16, colours=0),
        (20, 30),
        WHITE,
    ),
    "white-is-zero.tiff": (
        tiff(struct.pack("<H", 155 * 257) * 600, 16, white_is_zero=True),
        (20, 30),
        (100, 100, 100),
    ),
    "several.mpo": (
        saved(picture(), "MPO", save_all=True, append_images=[picture(colour=WHITE)], quality=95),
        (20, 30),
        GREEN,
    ),
    "palette.png": (saved(picture("P"), "PNG"), (20, 30), None),
    "palette.gif": (saved(picture(), "GIF"), (20, 30), GREEN),
    "opaque.png": (saved(picture("RGBA"), "PNG"), (20, 30), GREEN),
    "see-through.png": (see_through("RGBA"), (20, 30), WHITE),
    "see-through-grey.png": (see_through("LA"), (20, 30), WHITE),
    "see-through-palette.png": (palette_with_transparency(), (20, 30), WHITE),
    "cmyk.jpg": (saved(picture("CMYK"), "JPEG", quality=95), (20, 30), GREEN),
    "cmyk.tiff": (saved(picture("CMYK"), "TIFF"), (20, 30), GREEN),
    "ycbcr.jpg": (saved(picture("YCbCr"), "JPEG", quality=95), (20, 30), GREEN),
    "first-frame.gif": (animated("GIF"), (20, 30), GREEN),
    "first-frame.webp": (animated("WEBP"), (20, 30), None),
    "first-frame.png": (animated("PNG"), (20, 30), GREEN),
    **{f"turned-{n}.jpg": (turned(n), (20, 30) if n < 5 else (30, 20), GREEN) for n in range(1, 9)},
    "one-pixel.png": (saved(picture(size=(1, 1)), "PNG"), (1, 1), GREEN),
    "tall.png": (saved(picture(size=(1, 3000)), "PNG"), (3000, 1), GREEN),
    "wide.png": (saved(picture(size=(3000, 1)), "PNG"), (1, 3000), GREEN),
    "a-png-named.jpg": (saved(picture(), "PNG"), (20, 30), GREEN),
    "SHOUTED.JPG": (saved(picture(), "JPEG", quality=95), (20, 30), GREEN),
    "no-suffix": (saved(picture(), "PNG"), (20, 30), GREEN),
    "with space.png": (saved(picture(), "PNG"), (20, 30), GREEN),
    "bánh mì 热狗 🌭.png": (saved(picture(), "PNG"), (20, 30), GREEN),
}


def huge_png():
    """12,000 x 12,000 pixels declared in 33 bytes of header, and a few hundred bytes of file."""
    whole = bytearray(saved(picture("1"), "PNG"))
    whole[16:24] = struct.pack(">II", 12_000, 12_000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    return bytes(whole)


JPEG = saved(Image.effect_noise((64, 64), 90).convert("RGB"), "JPEG")
PNG = saved(Image.effect_noise((64, 64), 90).convert("RGB"), "PNG")
BAD = {
    "empty.jpg": b"",
    "page.jpg": b"<html><body>403 Forbidden</body></html>",
    "text.txt": b"not a picture",
    "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{} loop\n",
    "phone.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "vector.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "huge.png": huge_png(),
    "only-the-start.jpg": JPEG[:2],
    "header-only.png": PNG[:8],
    "float.tiff": saved(Image.new("F", (30, 20), 0.5), "TIFF"),
    **{f"cut-at-{share}.jpg": JPEG[: int(len(JPEG) * share)] for share in (0.1, 0.5, 0.9)},
    **{f"cut-at-{share}.png": PNG[: int(len(PNG) * share)] for share in (0.1, 0.5, 0.9)},
}

"""What kind of file the first bytes tell: the pictures that are read, and the way out of others."""

import re

HEAD = 512  # bytes that are enough to tell; an XML declaration may stand before "<svg"

_ENDINGS = """
jpg jpeg jpe jfif mpo png apng gif bmp tif tiff webp ppm pgm pbm pnm ico tga psd
jp2 j2k jpx jpf j2c jpc avif heic heif hif jxl
"""
SUFFIXES = frozenset("." + ending for ending in _ENDINGS.split())

# Kinds that run no other program and are read by Pillow's own decoders, by Pillow's names.
_READ = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"(?:II[*+]\0|MM\0[*+])(?!....CR)",
    "WEBP": rb"RIFF....WEBP",
    "PPM": rb"P[1-6]\s",
    "JPEG2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "PSD": rb"8BPS\0\x01",
    "ICO": rb"\0\0\x01\0[^\0]\0...\0",
    "AVIF": rb"....ftypavi[fs]|....ftypm[is]f1.{4}(?:....)*?avi[fs]",
    "HEIC": rb"....ftyp(?:he[iv][cxms]|m[is]f1)",
}
_CONVERT = "Convert it to JPEG or PNG."
# Kinds that are not read: what to call it, first bytes, the way out.
_NOT_READ = {
    "a JPEG XL picture": (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", _CONVERT),
    "a camera's raw file": (
        rb"II\*\0....CR|....ftypcrx |FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|FOVb|\0MRM",
        "Develop it to JPEG or PNG.",
    ),
    "PostScript, a program": (rb"%!|\xc5\xd0\xd3\xc6", _CONVERT),
    "a PDF document": (rb"%PDF", "Export its picture as JPEG or PNG."),
    "an SVG drawing": (rb"\s*(?:<\?xml.*)?(?:<!--.*)?(?:<!DOCTYPE svg.*)?<svg\b", _CONVERT),
    "a web page": (
        rb"(?i:\s*<(?:!doctype\s+html|html|head|body)\b)",
        "The server may have sent an error in the picture's place: fetch it again.",
    ),
    "an archive": (rb"PK\x03\x04|\x1f\x8b|Rar!|7z\xbc\xaf|BZh|\xfd7zXZ", "Unpack it."),
    "a video": (
        rb"....ftyp|....(?:moov|mdat)|\x1aE\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]",
        "Save a frame of it as JPEG or PNG.",
    ),
    "a Windows metafile": (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", _CONVERT),
    "only a pointer of Git LFS": (rb"version https://git-lfs", "Run `git lfs pull`."),
}


def kind_of(head):
    """Pillow's name of the kind of picture that starts with these bytes, or None."""
    for kind, pattern in _READ.items():
        if re.match(pattern, head, re.DOTALL):
            return kind
    return None


def why_not(head):
    """What a file that is no picture is instead, and the way out: two texts."""
    for name, (pattern, way_out) in _NOT_READ.items():
        if re.match(pattern, head.removeprefix(b"\xef\xbb\xbf"), re.DOTALL):
            return f"it is {name}", way_out
    return (
        "it is no picture of a known kind, or it is damaged from its first byte",
        "Convert it to JPEG or PNG, replace it or remove it.",
    )

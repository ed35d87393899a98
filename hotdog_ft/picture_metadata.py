"""What a picture file says beside its pixels.

A decoder reads all of it and gives up at the first oddity; a viewer needs two things of it. So
the way it is turned and its colour profile are read here, with a blind eye for all else, and the
decoder gets a file with nothing but what its pixels need.
"""

import contextlib
import re
import struct
import zlib

_MOST = 1 << 24  # bytes that a compressed profile or text may unfold to
_SIZES = {1: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 16: 8}  # of TIFF's field types, as far as used
_ORIENTATION, _XMP, _PROFILE = 0x112, 700, 34675
# TIFF 6.0 and its supplements: all that tells how to decode; also DNG's version, 50706
_TIFF_PIXELS = {254, *range(256, 260), 262, 266, 273, *range(277, 280), 284, 292, 293, 317}
_TIFF_PIXELS |= {*range(320, 326), 332, 334, 338, 339, 347, *range(512, 533), 50706}


class _Directory:
    """The first directory of a TIFF file or EXIF block: where each tag's entry lies."""

    def __init__(self, data):
        self.data, self.entries = data, {}
        self.order = {b"II": "little", b"MM": "big"}.get(bytes(data[:2]))
        if self.order is None:
            return
        big = self._int(2, 2) == 43  # BigTIFF counts in 8 bytes
        self.word, self.step = (8, 20) if big else (4, 12)
        self.counter = 8 if big else 2
        self.at = self._int(8 if big else 4, self.word)
        first = self.at + self.counter
        last = min(first + self._int(self.at, self.counter) * self.step, len(data) - self.step + 1)
        for entry in range(first, last, self.step):
            self.entries.setdefault(self._int(entry, 2), entry)

    def _int(self, at, size):
        return int.from_bytes(self.data[at : at + size], self.order)

    def content(self, tag):
        """The bytes of a field, none if it is missing or of a kind that nobody expects."""
        entry = self.entries.get(tag)
        if entry is None:
            return b""
        size = self._int(entry + 4, self.word) * _SIZES.get(self._int(entry + 2, 2), 0)
        where = entry + 4 + self.word
        if size > self.word:
            where = self._int(where, self.word)
        return bytes(self.data[where : where + size])

    def number(self, tag):
        """The first number of a field, 0 where there is none."""
        content = self.content(tag)
        size = _SIZES[self._int(self.entries[tag] + 2, 2)] if content else 0
        return int.from_bytes(content[:size], self.order or "little")


def orientation(info):
    """1 to 8, as EXIF numbers the ways to hold a camera; other values mean nothing to a viewer."""
    exif = info.get("exif") or b""
    exif = exif if isinstance(exif, bytes) else b""
    exif = exif.removeprefix(b"Exif\0\0")
    directory = _Directory(exif)
    if _ORIENTATION in directory.entries:
        return directory.number(_ORIENTATION)
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    found = isinstance(xmp, bytes) and re.search(rb'tiff:Orientation(?:="|>)([0-9])', xmp)
    return int(found[1]) if found else 1


def without_metadata(kind, data):
    """A JPEG, PNG, TIFF or AVIF file with only what its pixels need, and what is worth reading.

    What cannot be followed is handed on as it is: the decoder says what is wrong with it.

    Returns
    -------
    bytes, dict
        The keys of Pillow's ``info``: "exif", "xmp", "icc_profile". Of a JPEG, "scans": whether its
        pixels come in several; of a TIFF, "white_is_zero".
    """
    part = {"JPEG": _jpeg, "PNG": _png, "TIFF": _tiff, "AVIF": _without_exif_item}
    return part.get(kind, lambda data: (data, {}))(data)


def _jpeg(data):
    kept, info, profile, at, parts = [data[:2]], {}, {}, 2, 1
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (0xFF, 1, *range(0xD0, 0xD8)):  # padding, and markers without content
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : end]
        if 0xC0 <= marker <= 0xC2 and len(body) > 5:
            parts = body[5] if marker < 0xC2 else 255  # a progressive one comes in scans
        if marker == 0xDA:  # pixels from here on
            info["scans"] = body[:1] < bytes([parts])
            break
        if body.startswith(b"Exif\0\0") and marker == 0xE1:
            info["exif"] = info.get("exif", b"Exif\0\0") + body[6:]
        elif body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            info.setdefault("xmp", body[29:])
        elif body.startswith(b"ICC_PROFILE\0") and marker == 0xE2:
            profile[body[12:13]] = body[14:]
        # all that the decoder looks at: whether it is JFIF, and Adobe's note about colours
        needed = (body.startswith(b"JFIF\0") and len(body) >= 14) or (
            body.startswith(b"Adobe") and len(body) >= 12
        )
        if needed or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(data[at:end])
        at = end
    if profile:
        info["icc_profile"] = b"".join(profile[number] for number in sorted(profile))
    return b"".join([*kept, data[at:]]), info


def _unfolded(content):
    try:
        return zlib.decompressobj().decompress(content, _MOST)
    except zlib.error:
        return b""


def _chunk(kind, body):
    crc = zlib.crc32(body, zlib.crc32(kind))
    return len(body).to_bytes(4, "big") + kind + body + crc.to_bytes(4, "big")


def _png(data):
    kept, info, at, depth, colours = [data[:8]], {}, 8, 8, 2
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : end - 4]
        if end > len(data):
            break
        if kind == b"IHDR" and len(body) >= 10:
            depth, colours = body[8:10]
        if kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
            kept.append(data[at:end])
        elif _chunk(kind, body) == data[at:end]:  # a damaged one is passed over
            if kind == b"tRNS":
                kept.append(_transparency(body, depth, colours))
            elif kind == b"eXIf":
                info["exif"] = bytes(body)
            elif kind == b"iCCP":
                info["icc_profile"] = _unfolded(body.partition(b"\0")[2][1:])
            elif kind in (b"tEXt", b"zTXt", b"iTXt"):
                _text(kind, body, info)
        at = end
    return b"".join([*kept, data[at:]]), info


def _transparency(body, depth, colours):
    """One colour is clear: told in the file's bits a sample, compared in the decoder's eight."""
    if colours == 3:
        return _chunk(b"tRNS", body[:256]) if body else b""
    if len(body) != {0: 2, 2: 6}.get(colours):
        return b""
    samples = struct.unpack(f">{len(body) // 2}H", body)
    if depth < 8:
        samples = [min(sample * 255 // (2**depth - 1), 255) for sample in samples]
    elif depth == 16 and colours == 2:  # of these the decoder keeps the upper half
        samples = [sample >> 8 for sample in samples]
    return _chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))


def _text(kind, body, info):
    """Where ImageMagick puts EXIF, and everyone XMP."""
    key, _, rest = body.partition(b"\0")
    if key == b"Raw profile type exif" and kind in (b"tEXt", b"zTXt"):
        text = _unfolded(rest[1:]) if kind == b"zTXt" else rest
        with contextlib.suppress(ValueError):
            info.setdefault("exif", bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii")))
    elif key == b"XML:com.adobe.xmp" and kind == b"iTXt" and rest[2:].count(b"\0") >= 2:
        text = rest[2:].split(b"\0", 2)[2]
        info["xmp"] = _unfolded(text) if rest[0] else text


def _tiff(data):
    directory = _Directory(data)
    entries = [at for tag, at in directory.entries.items() if tag in _TIFF_PIXELS]
    if not entries:
        return data, {}
    info = {"exif": data, "xmp": directory.content(_XMP)}
    info["icc_profile"] = directory.content(_PROFILE)
    whole = bytearray(data)
    if directory.content(262) and directory.number(262) == 0 and directory.number(258) > 8:
        # Pillow turns 8 bits and fewer over, and of more it reads but some
        start = directory.entries[262] + 4 + directory.word
        whole[start : start + 2] = (1).to_bytes(2, directory.order)
        info["white_is_zero"] = True
    kept = b"".join(whole[at : at + directory.step] for at in sorted(entries))
    kept = len(entries).to_bytes(directory.counter, directory.order) + kept
    kept += bytes(directory.word)  # no further page
    whole[directory.at : directory.at + len(kept)] = kept
    return bytes(whole), info


def _without_exif_item(data):
    """AVIF turns pictures by a box of its own; Pillow writes EXIF anew to say so, and may fail."""
    return re.sub(rb"(?s)(infe[\2\3].{7,9}?)Exif", rb"\1none", data), {}

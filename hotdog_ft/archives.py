"""Archives of pictures, unpacked once into the cache, and only what a set of pictures holds."""

import contextlib
import errno
import os
import shutil
import stat
import tarfile
import tempfile
import time
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path

import pooch

from .download import cache_folder
from .files import DataError, share

MAX_UNPACKED = 10 << 30  # bytes that an archive may hold; the book's holds 0.26 GB
MAX_LEVELS = 100  # of folders; a thousand take hours to look through
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
BY_HAND = "unpack it by hand and name the folder of pictures"
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, UnicodeError)
DAMAGED += (NotImplementedError, OverflowError)  # an unknown method; a time that no clock shows
with contextlib.suppress(ImportError):  # Python 3.14 and newer
    from compression.zstd import ZstdError

    DAMAGED += (ZstdError,)


def _zip_members(zipped):
    """``(member, name, bytes, what is wrong with it)``, names with "/" and in Unicode."""
    for member in zipped.infolist():
        if not member.flag_bits & 0x800:  # not marked as UTF-8, which old Macs write all the same
            with contextlib.suppress(UnicodeError):
                member.filename = member.filename.encode("cp437").decode("utf-8")
        member.filename = member.filename.replace("\\", "/")  # as old Windows programs separate
        problem = None
        if stat.S_ISLNK(member.external_attr >> 16):
            problem = "holds a link"
        elif member.flag_bits & 1:
            problem = "is encrypted"
        yield member, member.filename, member.file_size, problem


def _tar_members(tar):
    for member in tar:
        odd = not (member.isfile() or member.isdir())
        member.mode |= 0o444  # other users read the cache too
        yield member, member.name, member.size, "holds a link or a device" if odd else None


def _picture_members(archive, members):
    """The members, or a DataError for what an archive of pictures never holds and an attack may."""
    kept, total = [], 0
    for member, name, size, problem in members:
        total += size
        if total > MAX_UNPACKED:
            problem = f"would unpack to more than {MAX_UNPACKED >> 30} GiB"
        elif name.count("/") > MAX_LEVELS:
            problem = f"has folders more than {MAX_LEVELS} levels deep"
        elif os.path.isabs(name) or ".." in name.replace("\\", "/").split("/"):
            problem = "wants to write outside its folder"
        elif not problem and name.lower().endswith(ARCHIVES):
            problem = "holds another archive"
        if problem:
            raise DataError(
                f"{archive} {problem} ({name[:200]}): refused, nothing was unpacked. If you trust "
                f"it, {BY_HAND}."
            )
        kept.append(member)
    return kept


def _unpack_zip(archive, folder):
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder, _picture_members(archive, _zip_members(zipped)))


def _unpack_tar(archive, folder):
    if not hasattr(tarfile, "data_filter"):
        raise DataError(f"{archive}: this Python cannot unpack a tar safely; {BY_HAND}.")
    with tarfile.open(archive) as tar:
        members = _picture_members(archive, _tar_members(tar))
        _read_to_end(tar)
        tar.extractall(folder, members, filter="data")


def _read_to_end(tar):
    """Refuse a tar that is cut off or damaged, which `tarfile` takes for a shorter one.

    A whole one has zeros behind its last member, and nothing else. Where it is compressed, what was
    changed in it shows at the end, by the checksum.
    """
    tar.fileobj.seek(tar.offset)
    zeros = 0
    for chunk in iter(lambda: tar.fileobj.read(1 << 20), b""):
        zeros += len(chunk)
        if chunk.strip(b"\0") or zeros > MAX_UNPACKED:
            zeros = 0
            break
    if zeros < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it is damaged, or a part of it is missing")


def _unpacker(archive):
    try:
        with archive.open("rb"):
            pass
    except OSError as error:
        raise DataError(f"{archive} cannot be opened ({error.strerror}).") from error
    if zipfile.is_zipfile(archive):
        return _unpack_zip
    with contextlib.suppress(*DAMAGED, OSError):  # cut off in its first header
        if tarfile.is_tarfile(archive):
            return _unpack_tar
    raise DataError(
        f"{archive} is no zip archive and no tar archive. Download it again, or {BY_HAND}."
    )


def _damaged(archive, error):
    return DataError(f"{archive} could not be unpacked ({error}). Download it again, or {BY_HAND}.")


def _remove_abandoned(cache):
    """Remove what processes that were killed had unpacked; a day later, none is still at it."""
    for folder in cache.glob("unpacking-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > 86400:
                shutil.rmtree(folder, ignore_errors=True)


def unpack(archive):
    """Unpack a zip or tar archive once into the cache, and return the folder.

    A second call only looks it up.

    Raises
    ------
    DataError
        It is no archive, damaged or encrypted, does not fit on the disk, or holds what a set of
        pictures does not: paths out of its folder, links, other archives, more than
        ``MAX_UNPACKED`` bytes.
    """
    archive = Path(archive)
    unpack_into = _unpacker(archive)
    folder = cache_folder() / f"{archive.stem[:50]}-{pooch.file_hash(archive)[:12]}"
    if os.path.isdir(folder):  # not is_dir: the cache may be closed to this user
        return folder
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder.parent)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix="unpacking-"))
        unpack_into(archive, scratch)
        share(scratch)
        scratch.rename(folder)
    except DAMAGED as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno is None:  # gzip's and bz2's own, for damage
            raise _damaged(archive, error) from error
        if not os.path.isdir(folder):  # else another process was quicker
            way_out = "Make room there, or name another folder with HOTDOG_FT_CACHE."
            of_member = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR)
            if scratch and error.errno in of_member:
                way_out = "Unpack it by hand, and name the folder of pictures."
            raise DataError(
                f"{archive} could not be unpacked into {folder.parent} ({error}). {way_out}"
            ) from error
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder

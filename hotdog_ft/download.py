"""Files from elsewhere: fetched once and checked, archives unpacked once."""

import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path

TIMEOUT = 30  # seconds without a byte after which a try is given up; there are three tries
MAX_UNPACKED = 10 << 30  # bytes that an archive may hold; the book's holds 0.26 GB
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


class DataError(ValueError):
    """A file or folder that cannot be used; the message names it and the way out.

    Examples
    --------
    >>> from hotdog_ft import load_image_folders
    >>> try:
    ...     load_image_folders("chairs")
    ... except DataError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    There is no chairs. Name a folder or a zip archive that holds train/ and test/ with ...
    """


def cache_folder():
    """Folder for downloads and unpacked archives, ``$HOTDOG_FT_CACHE`` or the system's own."""
    import pooch

    return Path(os.environ.get("HOTDOG_FT_CACHE") or pooch.os_cache("hotdog_ft"))


def packaged(name):
    """A folder that comes along: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parent
    return next((f for f in (package / name, package.parent / name) if f.is_dir()), None)


def fetch(url, known_hash, path, by_hand=None):
    """Return `path`, downloading it from `url` only if it is not there intact.

    Parameters
    ----------
    url : str
        Where the file lies.
    known_hash : str or None
        ``"sha1:…"`` or ``"sha256:…"`` of the file; None where its host publishes none.
    path : pathlib.Path
        Where the file goes. What arrives incomplete or different never gets this name.
    by_hand : str, optional
        What the error advises instead of "put the file with this hash at `path`".

    Raises
    ------
    DataError
        The host did not answer, answered with an error, or sent another file; or the folder cannot
        be written to.
    """
    import pooch
    from requests import RequestException

    try:
        pooch.create(
            path.parent,
            base_url="",
            urls={path.name: url},
            registry={path.name: known_hash},
            retry_if_failed=2,
        ).fetch(path.name, downloader=pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=True))
    except (RequestException, ValueError) as error:  # ValueError: pooch found another hash
        raise DataError(
            f"Could not fetch {url} ({error.__class__.__name__}: {error}). To go on without this "
            f"host, {by_hand or f'put the file with the hash {known_hash} at {path} by hand'}."
        ) from error
    except OSError as error:
        raise DataError(
            f"Could not write {path} ({error}). Make room there, or name another folder "
            "with HOTDOG_FT_CACHE (MXNET_HOME for Gluon's weights)."
        ) from error
    return path


def is_intact(path, known_hash):
    """Whether a file is there with the hash ``"sha1:…"`` or ``"sha256:…"``."""
    import pooch

    kind, _, digest = known_hash.partition(":")
    return Path(path).is_file() and pooch.file_hash(path, kind) == digest


def write_whole(path, content):
    """Write bytes so that no reader ever finds half of them, however the process ends.

    Raises
    ------
    DataError
        The folder cannot be written to.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise DataError(
            f"Could not write {path} ({error}). Make room there or name another place."
        ) from error
    finally:
        part.unlink(missing_ok=True)  # after Ctrl-C too


def _refuse_what_is_no_picture_set(archive, members):
    """Raise DataError for what an archive of pictures never holds and an attack may."""
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED:
        raise DataError(
            f"{archive} would unpack to {total / 1e9:.0f} GB: refused, nothing was "
            "unpacked. Unpack it by hand if you trust it, and name the folder."
        )
    for member in members:
        name = member.filename
        if os.path.isabs(name) or ".." in name.replace("\\", "/").split("/"):
            problem = "wants to write outside its folder"
        elif stat.S_ISLNK(member.external_attr >> 16):
            problem = "holds a link"
        elif name.lower().endswith(ARCHIVES):
            problem = "holds another archive"
        elif member.flag_bits & 1:
            problem = "is encrypted"
        else:
            continue
        raise DataError(
            f"{archive} {problem} ({name}): refused, nothing was unpacked. Unpack it by "
            "hand if you trust it, and name the folder of pictures."
        )


def unpack(archive):
    """Unpack a zip once into the cache, and return the folder; a second call only looks it up.

    Raises
    ------
    DataError
        It is no zip, damaged or encrypted, does not fit on the disk, or holds what a set of
        pictures does not: paths out of its folder, links, other archives, more than
        ``MAX_UNPACKED`` bytes.
    """
    import pooch

    archive = Path(archive)
    if not zipfile.is_zipfile(archive):
        raise DataError(
            f"{archive} is not a zip archive. Download it again, or name the folder "
            "of pictures itself."
        )
    folder = cache_folder() / f"{archive.stem}-{pooch.file_hash(archive)[:12]}"
    if folder.is_dir():
        return folder
    scratch = None
    try:
        with zipfile.ZipFile(archive) as zipped:
            _refuse_what_is_no_picture_set(archive, zipped.infolist())
            folder.parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix="unpacking-"))
            zipped.extractall(scratch)
        scratch.rename(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        if not folder.is_dir():  # else another process was quicker
            raise DataError(
                f"{archive} could not be unpacked ({error}). Download it again, or "
                f"make room in {folder.parent}."
            ) from error
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder

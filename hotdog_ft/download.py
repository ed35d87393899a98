"""Files from elsewhere: fetched once and checked, archives unpacked once."""

import hashlib
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import pooch

TIMEOUT = 30  # seconds without an answer after which a download gives up


class DataError(ValueError):
    """A data set that cannot be used; the message names the file and the way out."""


def cache_folder():
    """Folder for downloads and unpacked archives, ``$HOTDOG_FT_CACHE`` or the system's own."""
    return Path(os.environ.get("HOTDOG_FT_CACHE") or pooch.os_cache("hotdog_ft"))


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
        The host did not answer, answered with an error, or sent another file.
    """
    try:
        pooch.create(path.parent, base_url="", urls={path.name: url}, registry={path.name: known_hash},
                     retry_if_failed=2).fetch(
            path.name, downloader=pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=True))
    except Exception as error:  # requests, urllib3, pooch and the file system each have their own
        raise DataError(
            f"Could not fetch {url} ({error.__class__.__name__}: {error}). To go on without this host, "
            f"{by_hand or f'put the file with the hash {known_hash} at {path} by hand'}.") from error
    return path


def unpack(archive):
    """Unpack a zip once into the cache, and return the folder; a second call only looks it up."""
    archive = Path(archive)
    if not zipfile.is_zipfile(archive):
        raise DataError(f"{archive} is not a zip archive. Download it again, or name the folder "
                        "of pictures itself.")
    with open(archive, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    folder = cache_folder() / f"{archive.stem}-{digest[:12]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix="unpacking-"))
    try:
        with zipfile.ZipFile(archive) as zipped:
            for name in zipped.namelist():
                if os.path.isabs(name) or ".." in name.replace("\\", "/").split("/"):
                    raise DataError(f"{archive} wants to write outside its folder ({name}): "
                                    "refused, nothing was unpacked.")
            zipped.extractall(scratch)
        scratch.rename(folder)
    except (zipfile.BadZipFile, OSError) as error:
        if not folder.is_dir():  # else another process was quicker
            raise DataError(f"{archive} could not be unpacked ({error}). Download it again, or "
                            f"make room in {folder.parent}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder

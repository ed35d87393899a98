"""Files from elsewhere, fetched once and checked."""

import os
from pathlib import Path

from .files import DataError, share, user_path

TIMEOUT = 30  # seconds without a byte after which a try is given up; there are three tries


def cache_folder():
    """Folder for downloads and unpacked archives, ``$HOTDOG_FT_CACHE`` or the system's own."""
    named = os.environ.get("HOTDOG_FT_CACHE")
    if named:
        return user_path(named)
    import pooch  # here and below: what predicts from ONNX alone needs neither it nor requests

    try:
        return user_path(pooch.os_cache("hotdog_ft"))
    except (RuntimeError, KeyError, DataError) as error:
        raise DataError(
            "This user has no home folder for downloads and unpacked archives: name a folder with "
            "HOTDOG_FT_CACHE, or set HOME."
        ) from error


def _share_new(path, action, _):
    if action != "fetch":  # it was there
        share(path)
    return path


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
        ).fetch(
            path.name,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=True),
            processor=_share_new,
        )
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
    try:
        return Path(path).is_file() and pooch.file_hash(path, kind) == digest
    except OSError:  # closed to this user, as `fetch` will say
        return False

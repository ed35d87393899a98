"""Paths as people write them, and files that are written whole or not at all."""

import contextlib
import difflib
import os
import re
import secrets
import tempfile
import unicodedata
from pathlib import Path


class DataError(ValueError):
    """A file or folder that cannot be used; the message names it and the way out.

    Examples
    --------
    >>> from hotdog_ft import load_image_folders
    >>> try:
    ...     load_image_folders("chairs")
    ... except DataError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    There is no chairs. What fits: train/ and test/ with one folder of pictures per class, ...
    """


def user_path(path, cure="write the whole path"):
    """A path as somebody wrote it, with ``~`` and ``~name`` for home folders as in a shell.

    Parameters
    ----------
    path : path
    cure : str
        What to do where that is no home folder.

    Raises
    ------
    DataError
        It is no path, or empty; or there is no such home folder, and no file of that very name.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise DataError(f"{path!r} is no path: give text, or a pathlib.Path.")
    if not os.fspath(path):  # Path("") would be the current folder
        raise DataError(f"The path is empty: {cure}.")
    try:
        return Path(path).expanduser()
    except (RuntimeError, KeyError) as error:  # the latter in Python 3.9
        if os.path.lexists(path):  # a file such as ~$draft.jpg
            return Path(path)
        raise DataError(f"There is no home folder for {path}: {cure}, or set HOME.") from error


def spellings(name):
    """A name as it is, and in both forms of Unicode that disks have."""
    return dict.fromkeys((name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))))


def on_disk(path):
    """The path by the names that are on the disk: Macs write them in another form of Unicode.

    What is not there is left as it is.
    """
    if os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts:
        found /= next((name for name in spellings(part) if os.path.lexists(found / name)), part)
    return found


def existing(path, wanted):
    """The path, if something is there that may be opened.

    Parameters
    ----------
    path : path
        ``~`` stands for the home folder.
    wanted : str
        The sentence that says what to name instead.

    Raises
    ------
    DataError
        It is an address, empty, absent (the nearest name is given) or closed to this user.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(path)):  # a Path has one slash of two
        raise DataError(f"{path} is an address: download it first, and name the file.")
    if not str(path).strip():
        raise DataError(f"The path is empty. {wanted}")
    path = on_disk(user_path(path))
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        absent = next((up for up in reversed(path.parents) if not up.exists()), path)
        try:
            names = {unicodedata.normalize("NFC", n): n for n in os.listdir(absent.parent)}
        except OSError:
            names = {}
        meant = unicodedata.normalize("NFC", absent.name)
        near = difflib.get_close_matches(meant, names, 1, 0.7)
        hint = f" Did you mean {absent.parent / names[near[0]]}?" if near else ""
        raise DataError(f"There is no {path}.{hint} {wanted}") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise DataError(f"{path} cannot be opened ({error}).") from error
    return path


def make_folder(path):
    """Make a folder, unless it is there, before work begins whose results go into it.

    Raises
    ------
    DataError
        It cannot be made or written to.
    """
    path = user_path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise DataError(
            f"The folder {path} cannot be written to ({error.strerror}): name another one "
            "(--out in the shell)."
        ) from error
    return path


def packaged(name):
    """A folder that comes along: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parent
    return next((f for f in (package / name, package.parent / name) if f.is_dir()), None)


def share(path):
    """Let others read what was made as a temporary file or folder, as far as for any new one."""
    mask = os.umask(0o022)
    os.umask(mask)
    with contextlib.suppress(OSError):  # a disk without permissions
        os.chmod(path, (0o777 if os.path.isdir(path) else 0o666) & ~mask)


def write_whole(path, content):
    """Write bytes so that no reader ever finds half of them, however the process ends.

    Raises
    ------
    DataError
        The folder cannot be written to.
    """
    path, part = user_path(path), None
    try:
        target = Path(os.path.realpath(path))  # a link stays one
        # other hosts have other names
        part = target.with_name(f".{path.name[:50]}.{secrets.token_hex(8)}")
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        raise DataError(
            f"Could not write {path} ({error}). Make room there or name another place."
        ) from error
    finally:
        if part:  # after Ctrl-C too
            with contextlib.suppress(OSError):
                part.unlink()


@contextlib.contextmanager
def only_here(path):
    """Within this block no other process makes the file `path`; False where one is at it."""
    import fcntl  # not on Windows, where `onnx_predict` runs

    lock = path.with_name(f".{path.name}.lock")
    while True:
        with open(lock, "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if lock.stat().st_ino != os.fstat(handle.fileno()).st_ino:
                    continue  # its last owner has just removed it
            except FileNotFoundError:
                continue
            except BlockingIOError:
                yield False
                return
            except OSError:  # a disk without locks
                pass
            try:
                yield True
            finally:
                lock.unlink(missing_ok=True)
            return

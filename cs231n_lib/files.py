"""Files without surprises: written whole or not at all, looked at before they are opened."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import shutil
import stat
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_file", "download", "write_atomically"]

_CHUNK = 2**16


def check_file(path: str | Path, what: str = "the file", most: int | None = None) -> None:
    """Check, before a file is opened, that it is one.

    Whoever opens a pipe waits until somebody writes into it, and some devices never end.

    Parameters
    ----------
    path : str or Path
    what : str
        What the message calls it, such as ``"the checkpoint"``.
    most : int, optional
        The most bytes that such a file can have.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    ValueError
        If it is a folder, a pipe or a device, or too large.
    OSError
        If the system does not let us look.
    """
    status = Path(path).stat()
    if stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{what} {path} is a folder, not to be read as a file")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(
            f"{what} {path} is a pipe, a socket or a device, expected a file on a disk"
        )
    if most is not None and status.st_size > most:
        raise ValueError(f"{what} {path} has {status.st_size} bytes, expected at most {most}")


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside the target, then move it into place: whoever reads finds the old or the new.

    Parameters
    ----------
    path : str or Path
        Its folder must exist. A file that is already there is replaced at the very end.
    write : callable
        Gets the open file. If it raises, nothing is left of the new file.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    OSError
        If the disk is full, or the file may not be written; the message names ``path``.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no folder to write into", str(path.parent))
    partial = None
    try:
        # The name's beginning only: together they must not be longer than a name may be.
        handle, partial = tempfile.mkstemp(".partial", path.name[:40], path.parent)
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, partial)  # a temporary file is for its owner's eyes only
        Path(partial).replace(path)
    except BaseException as error:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)
        about_ours = partial is None or getattr(error, "filename", "") in (None, partial)
        if isinstance(error, OSError) and error.errno and about_ours:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def download(url: str, path: str | Path, sha256: str, most: int = 2**26) -> None:
    """Fetch a file whose content is known, unless it is there.

    What was cut off is kept beside it, as ``.partial``, and the next call goes on from there.

    Parameters
    ----------
    url : str
        Of the web: ``https://`` or ``http://``.
    path : str or Path
        Where to put it. Its folder is made where it is missing. Nothing but the whole and right
        file ever has this name.
    sha256 : str
        Of the content, in hexadecimal digits.
    most : int
        No more bytes than so many are fetched.

    Raises
    ------
    ValueError
        If ``url`` is no address of the web; if what is there, or what was sent, has another hash or
        too many bytes. What was sent is then removed, what was there is not.
    OSError
        If the network or the server fails, or the file cannot be written.
    """
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"download: url is {url!r}, expected https://... or http://...")
    path = Path(path)
    if path.exists():
        check_file(path, "download: the file", most)
        if _sha256(path) != sha256:
            raise ValueError(
                f"download: {path} is there, but its SHA-256 is not {sha256}; "
                "move it away to fetch the right one"
            )
        return
    partial = path.with_name(f"{path.name}.partial")
    if partial.exists():
        check_file(partial, "download: the file")
    if not partial.exists() or _sha256(partial) != sha256:
        _fetch(url, partial, most)
    if partial.stat().st_size > most:
        partial.unlink()
        raise ValueError(f"download: {url} has more than {most} bytes")
    if (digest := _sha256(partial)) != sha256:
        partial.unlink()
        raise ValueError(f"download: {url} has SHA-256 {digest}, expected {sha256}")
    partial.replace(path)


def _fetch(url: str, partial: Path, most: int) -> None:
    """Fetch what is missing, or all where the server does not send parts."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            goes_on = response.status == http.HTTPStatus.PARTIAL_CONTENT
            have = have if goes_on else 0
            partial.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("ab" if goes_on else "wb") as file:
                while have <= most and (chunk := response.read(_CHUNK)):
                    file.write(chunk)
                    have += len(chunk)
                file.flush()
                os.fsync(file.fileno())
            missing = response.length if have <= most else 0
    except urllib.error.HTTPError as error:
        if have and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink()  # longer than what the server has now: begin again
            return _fetch(url, partial, most)
        raise OSError(f"download: {url}: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise OSError(
            f"download: {url} could not be fetched ({error}); what has come is kept, "
            "and the next call goes on from there"
        ) from error
    if missing:
        raise OSError(
            f"download: {url} was cut off after {have} bytes, {missing} are missing; "
            "the next call goes on from there"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Files without surprises: written whole or not at all, and looked at before they are opened."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_file", "write_atomically"]


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
        If it is a folder, a pipe or a device, or too large, or no file can have such a name.
    OSError
        If the system does not let us look.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - Path("") would be a folder
    except ValueError as error:
        raise ValueError(f"{what} {str(path)!r} has a name that no file has: {error}") from None
    if stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{what} {path} is a folder, expected a file")
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
        Its folder must exist. A file that is already there, or that a link leads to, is replaced
        at the very end.
    write : callable
        Gets the open file. If it raises, nothing is left of the new file.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    OSError
        If the disk is full, or the file may not be written; the message names ``path``.
    ValueError
        If there is something other than a file, or no file can have such a name.
    """
    path = Path(path)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        check_file(path)  # root would put a file in the place of a device
    if path.is_symlink():
        path = path.resolve()
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no folder to write into", str(path.parent))
    partial = None
    try:
        # The name's beginning only: together they must not be longer than a name may be.
        handle, partial = tempfile.mkstemp(".partial", path.name[:40], path.parent)
        with os.fdopen(handle, "w+b") as file:  # HDF5 reads, too
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

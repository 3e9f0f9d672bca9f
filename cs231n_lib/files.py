"""Writing files so that an interruption loses nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["write_atomically"]


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside the target, then move it into place: whoever reads finds the old or the new.

    Parameters
    ----------
    path : str or Path
        Its folder must exist. A file that is already there is replaced at the very end.
    write : callable
        Gets the open file. If it raises, nothing is left of the new file.
    """
    path = Path(path)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, partial)  # a temporary file is for its owner's eyes only
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise

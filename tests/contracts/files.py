"""Contracts of ``cs231n_lib.files``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from cs231n_lib.files import check_file, write_atomically
from tests.contracts import Contract, Refusal


def _file(content: bytes = b"old") -> Path:
    path = Path(tempfile.mkdtemp()) / "file"
    path.write_bytes(content)
    return path


def _pipe() -> Path:
    path = Path(tempfile.mkdtemp()) / "pipe"
    os.mkfifo(path)
    return path


def _fails(file: BinaryIO) -> None:
    file.write(b"half")
    raise ZeroDivisionError("what was to be written fails")


CONTRACTS = (
    Contract(
        check_file,
        lambda: {"path": _file(), "most": 3},
        (
            Refusal(
                "a file that does not exist", {"path": "nowhere"},
                FileNotFoundError, "No such file or directory: 'nowhere'",
            ),
            Refusal(
                "a folder", lambda a: {"path": a["path"].parent},
                ValueError, "is a folder, expected a file",
            ),
            Refusal(
                "a pipe, which would wait", lambda a: {"path": _pipe()},
                ValueError, "is a pipe, a socket or a device, expected a file on a disk",
            ),
            Refusal("a file too large", {"most": 2}, ValueError, "has 3 bytes, expected at most 2"),
        ),
    ),
    Contract(
        write_atomically,
        lambda: {"path": _file(), "write": lambda file: file.write(b"new")},
        (
            Refusal(
                "a folder that does not exist", {"path": "nowhere/file"},
                FileNotFoundError,
                r"\[Errno 2\] there is no folder to write into: 'nowhere'",
            ),
            Refusal("content that fails half way", {"write": _fails}, ZeroDivisionError, "fails"),
            Refusal("bytes instead of a function", {"write": b"new"}, TypeError, "not callable"),
        ),
    ),
)  # fmt: skip

"""Contracts of what a network sees in photographs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cs231n_lib.see.images import save_png
from cs231n_lib.speak.photograph_features import describe
from tests.contracts import Contract, Refusal


def _pictures() -> list[Path]:
    folder = Path(tempfile.mkdtemp())
    for number in range(3):
        save_png(folder / f"{number}.png", np.full((8, 8, 3), 80 * number, np.uint8))
    return sorted(folder.iterdir())


def _new(name: str = "features.h5") -> Path:
    return Path(tempfile.mkdtemp()) / name


def _described(**change: Any) -> dict[str, Any]:
    path, files = _new(), _pictures()
    describe(files, path)
    return {"files": files, "path": path}


def _text() -> Path:
    path = _new("text.jpg")
    path.write_text("This is not a picture.")
    return path


CONTRACTS = (
    Contract(
        describe,
        lambda: {"files": _pictures(), "path": _new(), "network": "squeezenet", "like": None},
        (
            Refusal("the path of one picture", {"files": "a.jpg"},
                    TypeError, "files is a str, expected a list of paths"),
            Refusal("no pictures", {"files": []},
                    ValueError, "files is empty, expected at least one picture"),
            Refusal("a picture twice", {"files": ["a.jpg", "b.jpg", "a.jpg"]},
                    ValueError, "files has 'a.jpg' twice, expected each picture once"),
            Refusal("a folder that is not there", {"path": "nowhere/features.h5"},
                    FileNotFoundError, "there is no folder nowhere to write features.h5 to"),
            Refusal("a folder in its place", lambda a: {"path": a["path"].parent},
                    ValueError, "is a folder, expected a file"),
            Refusal("something else in its place", lambda a: {"path": _text()},
                    ValueError, "is damaged, or was not made by describe"),
            Refusal("features of other pictures", lambda a: _described() | {"files": ["a.jpg"]},
                    ValueError, "was made with other settings: pictures 3 and not 1, list of file"),
            Refusal("features of another network",
                    lambda a: _described() | {"network": "vgg19"},
                    ValueError, "was made with other settings: network 'squeezenet' and not 'vgg1"),
            Refusal("components of another network",
                    lambda a: {"like": _described()["path"], "network": "vgg19"},
                    ValueError, "was made with other settings: network 'squeezenet' and not 'vgg1"),
            Refusal("components that are not there", {"like": "nowhere.h5"},
                    FileNotFoundError, "nowhere.h5"),
            Refusal("nothing that can be read", lambda a: {"files": [_text()]},
                    ValueError, "of 1 pictures 0 can be read, expected at least 2 to fit principa"),
            Refusal("nothing that can be read, like what could be",
                    lambda a: {"files": [_text()], "like": _described()["path"]},
                    ValueError, "none of 1 pictures can be read: .*text.jpg, .* is not a picture"),
        ),
    ),
)  # fmt: skip

"""The API reference lists the modules of a room by itself: a new module asks for no line.

A line ``{room} cs231n_lib.see`` in a page becomes a table of the room's modules and an entry for
each.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

__all__ = ["room", "setup"]


def room(root: Path, package: str) -> str:
    """MyST that describes every module of a package, but not of the packages inside it."""
    folder = root.joinpath(*package.split("."))
    modules = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    entries = "".join(
        f"### {name}\n\n```{{eval-rst}}\n.. automodule:: {package}.{name}\n```\n\n"
        for name in modules
    )
    table = "\n   ".join([f".. currentmodule:: {package}", *modules])
    table = table.replace("\n", "\n.. autosummary::\n\n", 1)
    return f"```{{eval-rst}}\n{table}\n```\n\n{entries}"


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the lines that name a room."""
    pattern = re.compile(r"^\{room\} ([\w.]+)$", re.M)
    source[0] = pattern.sub(lambda line: room(Path(app.srcdir), line[1]), source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

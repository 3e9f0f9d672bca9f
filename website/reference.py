"""Pages that are not chapters read the library, so that they cannot disagree with it.

A line ``{room} cs231n_lib.see`` in a page becomes a table of the room's modules and an entry for
each: a new module asks for no line. Names behind it, as in ``{room} cs231n_lib.workshop grade``,
choose some of its modules. A line ``{source} cs231n_lib.speak.rnn rnn_forward`` becomes the source
of a function, or of several, as the chapters' ``show_source`` shows it.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from sphinx.application import Sphinx

from cs231n_lib.notebook import show_source

__all__ = ["room", "setup", "source_of"]


def room(root: Path, package: str, *only: str) -> str:
    """MyST that describes the modules of a package, or some, but not the packages inside it."""
    folder = root.joinpath(*package.split("."))
    modules = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    modules = only or modules
    entries = "".join(
        f"### {name}\n\n```{{eval-rst}}\n.. automodule:: {package}.{name}\n```\n\n"
        for name in modules
    )
    table = "\n   ".join([f".. currentmodule:: {package}", *modules])
    table = table.replace("\n", "\n.. autosummary::\n\n", 1)
    return f"```{{eval-rst}}\n{table}\n```\n\n{entries}"


def source_of(module: str, names: str) -> str:
    """MyST with the source of some functions of a module, their names separated by blanks."""
    home = import_module(module)
    return show_source(*(getattr(home, name) for name in names.split())).data


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the lines that name a room, or functions."""

    def functions(line: re.Match) -> str:
        app.env.note_dependency(f"{line[1].replace('.', '/')}.py")
        return source_of(line[1], line[2])

    text = re.sub(
        r"^\{room\} (.+)$",
        lambda line: room(Path(app.srcdir), *line[1].split()),
        source[0],
        flags=re.M,
    )
    source[0] = re.sub(r"^\{source\} ([\w.]+) ([\w ]+)$", functions, text, flags=re.M)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

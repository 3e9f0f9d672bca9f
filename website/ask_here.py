"""The page on which one asks the captioners: its script, and how large their files are."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from sphinx.application import Sphinx

from website.runtime import add_module

__all__ = ["captioner_files", "setup"]

PAGE = "chapters/ask"


def captioner_files(root: Path) -> dict[str, dict[str, int]]:
    """What each world needs before its captioners can be asked: name of a file -> its bytes."""
    folder = root / "website" / "page"
    return {
        world: {
            str(path.relative_to(folder)): path.stat().st_size
            for path in sorted(folder.glob(f"captioners/{world}-*.npz"))
            if not path.stem.endswith("-data")
        }
        for world in ("scenes", "nouns")
    }


def prepare_page(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Have the page load its module, and tell that what there is to load."""
    if page != PAGE:
        return
    files = escape(json.dumps(captioner_files(Path(app.srcdir))))
    context["body"] = context["body"].replace('id="ask"', f'id="ask" data-files="{files}"')
    add_module(app, context, "ask.mjs")
    app.add_css_file("page/ask.css")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", prepare_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Each chapter as a Python script, beside its notebook in the menu of downloads."""

from __future__ import annotations

from pathlib import Path

import jupytext
from sphinx.application import Sphinx

from website.book import chapter_files, read

__all__ = ["as_script", "setup"]


def as_script(path: Path) -> str:
    """A chapter as Python: its texts as comments, its cells divided by ``# %%``."""
    notebook = read(path)
    notebook.metadata["jupytext"] = {
        "cell_metadata_filter": "-all", "notebook_metadata_filter": "-all",
    }  # fmt: skip
    return jupytext.writes(notebook, fmt="py:percent")


def write_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Write the scripts where the theme keeps the notebooks."""
    folder = Path(app.outdir, "_sources", "chapters")
    if exception is None and folder.is_dir():
        for path in chapter_files(Path(app.srcdir, "chapters")):
            folder.joinpath(f"{path.stem}.py").write_text(as_script(path), encoding="utf-8")


def add_button(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Add the script to the menu of downloads on a chapter's page."""
    chapters = chapter_files(Path(app.srcdir, "chapters"))
    if pagename not in {f"chapters/{path.stem}" for path in chapters}:
        return
    buttons = {group["label"]: group.get("buttons") for group in context["header_buttons"]}
    buttons["download-buttons"].insert(1, {
        "type": "link",
        "url": f"{context['pathto']('_sources', 1)}/{pagename}.py",
        "text": ".py",
        "tooltip": "Download this chapter as a script",
        "icon": "fas fa-code",
        "label": "download-script-button",
    })  # fmt: skip


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", add_button, priority=900)  # after the theme's own buttons
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Each chapter as a Python script, beside its notebook in the menu of downloads."""

from __future__ import annotations

from pathlib import Path

import jupytext
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from website.book import chapter_files, read

__all__ = ["as_script", "setup"]

HEADER = """\
# {name}, a chapter of "{title}", as a script.
#
# It runs as it is, with the book's library cs231n_lib installed, and draws without showing. To see
# the figures, run it cell by cell in an editor that knows "# %%".

"""


def as_script(path: str | Path, title: str) -> str:
    """A chapter as Python: its texts as comments, its cells divided by ``# %%``.

    Parameters
    ----------
    path : str or Path
        Of the chapter's text file or notebook.
    title : str
        The book's.

    Returns
    -------
    str
    """
    notebook = read(path)
    notebook.metadata["jupytext"] = {
        "cell_metadata_filter": "-all", "notebook_metadata_filter": "-all",
    }  # fmt: skip
    return HEADER.format(name=Path(path).stem, title=title) + jupytext.writes(
        notebook, fmt="py:percent"
    )


def write_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Write the scripts where the theme keeps the notebooks."""
    if exception is None and app.builder.format == "html":
        for path in chapter_files(Path(app.srcdir, "chapters")):
            target = Path(app.outdir, "_sources", "chapters", f"{path.stem}.py")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(as_script(path, app.config.html_title), encoding="utf-8")


def add_button(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Add the script to the menu of downloads on a chapter's page."""
    chapters = chapter_files(Path(app.srcdir, "chapters"))
    if pagename not in {f"chapters/{path.stem}" for path in chapters}:
        return
    for group in context.get("header_buttons", []):
        if group["label"] == "download-buttons":
            button = {
                "type": "link",
                "url": f"{context['pathto']('_sources', 1)}/{pagename}.py",
                "text": ".py",
                "tooltip": "Download this chapter as a script",
                "icon": "fas fa-code",
                "label": "download-script-button",
            }
            group["buttons"].insert(1, button)
            return
    raise ExtensionError("downloads: the theme has no menu of downloads to add the script to")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", add_button, priority=900)  # after the theme's own buttons
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

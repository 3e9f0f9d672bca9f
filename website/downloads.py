"""What a reader can take away from a chapter's page: a script of it, and its workbook."""

from __future__ import annotations

import shutil
from pathlib import Path

import jupytext
from sphinx.application import Sphinx

from website.book import chapter_files, read
from website.write_here import listings_on

__all__ = ["as_script", "setup"]

_DO_IT = """
<p class="do-it-yourself"><strong>Do it yourself.</strong> The workbook of this chapter has a blank
for each function, and a check that tells you which mistake you made: {}.</p>
"""


def as_script(path: Path) -> str:
    """A chapter as Python: its texts as comments, its cells divided by ``# %%``."""
    notebook = read(path)
    notebook.metadata["jupytext"] = {
        "cell_metadata_filter": "-all", "notebook_metadata_filter": "-all",
    }  # fmt: skip
    return jupytext.writes(notebook, fmt="py:percent")


def write_files(app: Sphinx, exception: Exception | None) -> None:
    """Put scripts and workbooks where the theme keeps the notebooks."""
    folder = Path(app.outdir, "_sources", "chapters")
    if exception is None and folder.is_dir():
        for path in chapter_files(Path(app.srcdir, "chapters")):
            folder.joinpath(f"{path.stem}.py").write_text(as_script(path), encoding="utf-8")
        shutil.copytree(
            Path(app.srcdir, "workbooks"), folder.with_name("workbooks"), dirs_exist_ok=True
        )


def add_buttons(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Add the script to the menu of downloads on a chapter's page, and a menu for the workbook."""
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
    workbook = pagename.replace("chapters/", "workbooks/")
    launched = [
        button | {"url": button["url"].replace(pagename, workbook)}
        for button in buttons.get("launch-buttons") or []
    ]
    download = {
        "type": "link",
        "url": f"{context['pathto']('_sources', 1)}/{workbook}.ipynb",
        "text": "Workbook",
        "tooltip": "Download this chapter with blanks for you to fill",
        "icon": "fas fa-download",
        "label": "download-workbook-button",
    }
    here = {
        "type": "link",
        "url": f"{pagename.rpartition('/')[2]}.html?write",
        "text": "In the page",
        "tooltip": "Write the functions of this chapter here",
        "icon": "fas fa-pen",
        "label": "write-here-button",
    }
    writes = [here] if listings_on(app, pagename) else []
    context["header_buttons"].append({
        "type": "group",
        "tooltip": "Do it yourself",
        "icon": "fas fa-pen",
        "label": "workbook-buttons",
        "buttons": [*writes, download, *launched],
    })  # fmt: skip
    places = {button["text"].lower(): button["url"] for button in writes}
    places |= {"download": download["url"]} | {b["text"]: b["url"] for b in launched}
    links = ", ".join(f'<a href="{url}">{name}</a>' for name, url in places.items())
    context["body"] = context["body"].replace("</h1>", f"</h1>{_DO_IT.format(links)}", 1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", add_buttons, priority=900)  # after the theme's own buttons
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

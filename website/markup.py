"""What theme and extensions write into a page, mended where browsers or readers stumble."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

__all__ = ["drop_scripts", "mend_body", "setup"]

# Code that runs cells on a server: this book starts none. Written twice, it is an error.
UNUSED = re.compile(r"thebe", re.IGNORECASE)

# A name that hides the words it labels; roles that ARIA no longer has.
MENDED = {
    '<summary aria-label="Toggle hidden content">': "<summary>",
    ' role="doc-biblioentry"': "",
    '<div role="list" class="citation-list">': '<div class="citation-list">',
}

# What sphinx-codeautolink says above the sections whose code uses an object.
SUMMARY = re.compile(r"<summary>Expand for references to .*?</summary>", re.DOTALL)


def mend_body(body: str) -> str:
    """The HTML of a page's text, with its markup made accessible."""
    for wrong, right in MENDED.items():
        body = body.replace(wrong, right)
    return SUMMARY.sub("<summary>Where the book uses it</summary>", body)


def drop_scripts(files: list) -> list:
    """Scripts or style sheets of a page, each once and without the unused ones."""
    kept = {
        (file.filename, file.attributes.get("body")): file
        for file in files
        if not UNUSED.search(f"{file.filename} {file.attributes.get('body')}")
    }
    return list(kept.values())


def mend_page(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Mend what the templates are about to get."""
    for name in ("script_files", "css_files"):
        context[name] = drop_scripts(context[name])
    if "body" in context:
        context["body"] = mend_body(context["body"])


def mend_sections(app: Sphinx, doctree: nodes.document) -> None:
    """Make containers of the sections without a title that exercises consist of.

    All of them have the same id, and sphinx-codeautolink expects a title in every section.
    """
    for section in list(doctree.findall(nodes.section)):
        if not isinstance(section.next_node(), nodes.title):
            section.replace_self(nodes.container("", *section.children))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", mend_sections, priority=400)
    app.connect("html-page-context", mend_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

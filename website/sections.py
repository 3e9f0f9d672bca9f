"""Links to a section of a chapter by its title, which fail the build when there is no such section.

``{section}`01-rnn: One step forward``` becomes a link "Chapter 1: One step forward".
"""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

__all__ = ["link", "sections", "setup"]

logger = logging.getLogger(__name__)


def sections(env: BuildEnvironment, page: str) -> list[tuple[str, str]]:
    """Anchor and title of each section of a page, from the page's title on; once all are read."""
    if page not in env.tocs:
        return []
    return [
        (reference["anchorname"], reference.astext())
        for reference in env.tocs[page].findall(nodes.reference)
    ]


def link(app: Sphinx, docname: str, page: str, anchor: str, text: str) -> nodes.reference:
    """A link from one page to a place on another."""
    address = app.builder.get_relative_uri(docname, page) + anchor
    return nodes.reference("", text, refuri=address, internal=True, classes=["internal"])


class _Section(nodes.Inline, nodes.TextElement):
    """Stands for a link until all pages have been read."""


def _role(
    role: str, raw: str, text: str, line: int, inliner: Inliner, options: object = None,
    content: Sequence[str] = (),
) -> tuple[list[nodes.Node], list]:  # fmt: skip
    chapter, _, title = text.partition(": ")
    return [_Section(text, chapter=chapter, title=title)], []


def _resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(_Section)):
        page, title = f"chapters/{node['chapter']}", node["title"]
        anchors = [anchor for anchor, found in sections(app.env, page) if found == title]
        text = f"Chapter {int(node['chapter'][:2])}: {title}"
        if len(anchors) == 1:
            node.replace_self(link(app, docname, page, anchors[0], text))
        else:
            logger.warning(
                "%s has %d sections named %r", page, len(anchors), title, location=docname
            )
            node.replace_self(nodes.Text(text))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_role("section", _role)
    app.add_node(_Section)
    app.connect("doctree-resolved", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

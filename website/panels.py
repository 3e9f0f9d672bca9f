"""Figures to work with: what a picture of tiles says about itself, copied into the page."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from website.pictures import picture_file

__all__ = ["ListOfPanels", "as_list", "read_panels", "setup"]


def read_panels(path: Path) -> dict | None:
    """What `cs231n_lib.figures.panels.panels` wrote into a picture, if it made the picture."""
    with Image.open(path) as picture:
        comment = picture.info.get("comment", "")
    comment = comment.decode(errors="replace") if isinstance(comment, bytes) else comment
    return json.loads(comment)["panels"] if comment.startswith('{"panels":') else None


def as_list(facts: dict) -> str:
    """A hidden list for `interactive.js`: the labels, and where the tiles are."""
    labels = "".join(f"<li>{escape(label)}</li>" for label in facts["labels"])
    data = {name: fact for name, fact in facts.items() if name != "labels"}
    return f'<ol class="panels" data-panels="{escape(json.dumps(data))}" hidden>{labels}</ol>'


class ListOfPanels(SphinxPostTransform):
    """Put a list behind each picture that has one in its file."""

    default_priority = 290  # before the pictures are made lighter, which loses their comments
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for node in list(self.document.findall(nodes.image)):
            source = picture_file(self.app, node)
            if source and (facts := read_panels(source)):
                after = node.parent.index(node) + 1
                node.parent.insert(after, nodes.raw("", as_list(facts), format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_post_transform(ListOfPanels)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Pictures of the site: WebP, with their size in the markup, loaded when they come into view."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

__all__ = ["QUALITY", "LighterPictures", "picture_file", "setup", "write_webp"]

# Of photographs, which have twice the pixels that a page shows; drawings are kept without loss.
QUALITY = 56


def write_webp(source: Path, target: Path) -> bool:
    """Write a JPEG again as a WebP that looks the same, or a PNG pixel for pixel.

    Returns whether the new file is smaller. If it is not, it is deleted.
    """
    with Image.open(source) as picture:
        lossless = picture.format == "PNG"
        picture.save(target, "WEBP", lossless=lossless, quality=QUALITY)
    if target.stat().st_size < source.stat().st_size:
        return True
    target.unlink()
    return False


def picture_file(app: Sphinx, node: nodes.image) -> Path | None:
    """The JPEG or PNG of this book that a page shows, or None if it shows something else."""
    source = Path(app.srcdir, node["uri"])
    is_picture = source.suffix.lower() in {".jpg", ".jpeg", ".png"} and source.is_file()
    return source if is_picture else None


class LighterPictures(SphinxPostTransform):
    """Replace each JPEG and PNG of a page by its WebP, and note its size in pixels."""

    default_priority = 300  # after MyST-NB has chosen among the outputs of a cell
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for number, node in enumerate(self.document.findall(nodes.image)):
            source = picture_file(self.app, node)
            if source is None:
                continue
            with Image.open(source) as picture:
                node["pixels"] = picture.size
            # The first picture is mostly in sight when a page opens.
            node["loading"] = "lazy" if number else "link"
            target = Path(self.app.doctreedir, "webp", f"{source.stem}.webp")
            target.parent.mkdir(exist_ok=True)
            if self._is_current(target, source) or write_webp(source, target):
                node["uri"] = str(target)
                node["candidates"] = {"*": str(target)}
                self.env.images.add_file(self.env.docname, str(target))

    @staticmethod
    def _is_current(target: Path, source: Path) -> bool:
        return target.exists() and target.stat().st_mtime >= source.stat().st_mtime


def visit_image(translator: HTML5Translator, node: nodes.image) -> None:
    """Write the picture's size as attributes: the browser keeps its place before it is loaded."""
    HTML5Translator.visit_image(translator, node)
    if "pixels" in node:
        width, height = node["pixels"]
        size = f'<img width="{width}" height="{height}" decoding="async" '
        translator.body[-1] = translator.body[-1].replace("<img ", size, 1)


def depart_image(translator: HTML5Translator, node: nodes.image) -> None:
    """Close what `visit_image` opened."""
    HTML5Translator.depart_image(translator, node)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_post_transform(LighterPictures)
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

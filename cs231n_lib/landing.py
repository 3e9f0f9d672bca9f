"""The pictures on the landing page: ``python -m cs231n_lib.landing chapters``."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import matplotlib
import nbformat
from matplotlib.figure import Figure
from PIL import Image

from cs231n_lib.plotting import STYLE, show_captions
from cs231n_lib.scenes import sample_scenes

__all__ = ["CARDS", "chapter_figure", "landing_picture", "write_pictures"]

# For a chapter's card on the landing page, one of its figures.
CARDS = {
    "03-saliency": "fig-saliency-opening",
    "04-fooling-images": "fig-fooling-opening",
    "05-class-visualization": "fig-class-unfolding",
    "06-style-transfer": "fig-style-idea",
}


def landing_picture() -> Figure:
    """Four scenes of the test with their captions: a matplotlib figure, always the same."""
    with matplotlib.rc_context(STYLE):
        return show_captions(sample_scenes("test", 12)[8:])


def chapter_figure(notebook: str | Path, name: str, width: int = 700) -> Image.Image:
    """A figure of a chapter, from the outputs in its notebook.

    Parameters
    ----------
    notebook : str or Path
    name : str
        The figure's label, such as ``"fig-style-idea"``.
    width : int
        In pixels.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
        If the notebook has no such figure.
    """
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
            for output in cell.outputs:
                for kind, data in output.get("data", {}).items():
                    if kind.startswith("image/"):
                        picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
                        height = round(width * picture.height / picture.width)
                        return picture.resize((width, height), Image.Resampling.LANCZOS)
    raise ValueError(f"chapter_figure: {notebook} has no figure {name!r} among its outputs")


def write_pictures(chapters: str | Path) -> None:
    """Write all pictures of the landing page into the folder ``_static`` of the chapters."""
    static = Path(chapters) / "_static"
    landing_picture().savefig(static / "landing.png", dpi=160, bbox_inches="tight")
    for chapter, name in CARDS.items():
        picture = chapter_figure(Path(chapters) / f"{chapter}.ipynb", name)
        picture.save(static / f"{chapter}.jpg", quality=85)


if __name__ == "__main__":
    write_pictures(sys.argv[1])

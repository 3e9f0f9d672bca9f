"""The pictures on the landing page: ``python -m website.landing chapters``."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont, ImageOps

from cs231n_lib.figures.style import COLOUR, STYLE
from cs231n_lib.files import write_atomically
from cs231n_lib.speak.scenes import RELATIONS, draw, sample_scenes

__all__ = [
    "CARDS",
    "SIZE",
    "Card",
    "caption_picture",
    "card_picture",
    "card_pictures",
    "chapter_figure",
    "cover",
    "write_pictures",
]

SIZE = (720, 360)  # of a card's picture, in pixels: twice what the page shows
GAP = 8  # pixels between two parts


class Card(NamedTuple):
    """What a chapter's card on the landing page shows: parts of one of the chapter's figures.

    ``figure`` is its label; a part is (left, top, right, bottom), each from 0 to 1; ``labels`` are
    written across the parts.
    """

    figure: str
    parts: tuple[tuple[float, float, float, float], ...]
    labels: tuple[str, ...] = ()


def caption_picture() -> Image.Image:
    """A scene of the test and its caption beside it, for a chapter's card: always the same."""
    (scene,) = sample_scenes("test", 1)
    caption = scene.captions[0]
    relation = next(name for name in RELATIONS if name in caption)
    lines = "\n".join(part.strip() for part in caption.partition(relation))
    with matplotlib.rc_context(STYLE):
        figure, ax = plt.subplots(
            figsize=np.divide(SIZE, 160), dpi=160, layout="none", facecolor="#F4F1EA"
        )
        figure.subplots_adjust(0, 0, 0.5, 1)
        ax.imshow(draw(scene, scale=4))
        ax.axis("off")
        figure.text(
            0.54, 0.5, lines, va="center", fontsize=14, linespacing=1.6, color=COLOUR["ink"]
        )
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=160, facecolor="auto")
        plt.close(figure)
    return Image.open(file).convert("RGB")


# Chapter -> what its card shows, or what draws its picture.
CARDS: dict[str, Card | Callable[[], Image.Image]] = {
    "01-rnn": caption_picture,
    "02-lstm": Card(
        "fig-gates",
        ((0.236, 0.03, 0.395, 0.70), (0.825, 0.03, 0.984, 0.70)),
        ("forget gate", "cell state"),
    ),
    "03-saliency": Card(
        "fig-saliency-opening", ((0.339, 0.02, 0.661, 0.491), (0.339, 0.508, 0.661, 0.979))
    ),
    "04-fooling-images": Card(
        "fig-fooling-opening",
        ((0.005, 0.013, 0.328, 0.905), (0.338, 0.013, 0.661, 0.905), (0.672, 0.013, 0.994, 0.905)),
        ("“cat”", "difference × 10", "“stingray”"),
    ),
    "05-class-visualization": Card(
        "fig-gallery", ((0.014, 0.751, 0.333, 0.989), (0.341, 0.751, 0.660, 0.989))
    ),
    "06-style-transfer": Card(
        "fig-style-idea", ((0.005, 0.013, 0.328, 0.905), (0.672, 0.013, 0.994, 0.905))
    ),
    "07-captions-that-look": Card(
        "fig-noun-looks",
        ((0.003, 0.007, 0.197, 0.429), (0.403, 0.507, 0.597, 0.929)),
        ("", "“whale”"),
    ),
}


def chapter_figure(notebook: str | Path, name: str) -> Image.Image:
    """A figure of a chapter by its label, from the outputs in its notebook."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
            for output in cell.outputs:
                for kind, data in output.get("data", {}).items():
                    if kind.startswith("image/"):
                        return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    raise ValueError(f"chapter_figure: {notebook} has no figure {name!r} among its outputs")


def card_picture(figure: Image.Image, card: Card) -> Image.Image:
    """Parts of a figure side by side, each cut to fill its share of the card."""
    picture = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 26)
    width = (SIZE[0] - GAP * (len(card.parts) - 1)) // len(card.parts)
    labels = (*card.labels, *[""] * len(card.parts))
    for number, (part, label) in enumerate(zip(card.parts, labels)):
        left, top, right, bottom = part
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(
                f"card_picture: a part is {part}, expected (left, top, right, bottom) from 0 to 1"
            )
        box = np.multiply(part, figure.size * 2).round().astype(int)
        cut = ImageOps.fit(figure.crop(tuple(box)), (width, SIZE[1]), Image.Resampling.LANCZOS)
        corner = number * (width + GAP)
        picture.paste(cut, (corner, 0))
        pen.text((corner + width / 2, SIZE[1] - 22), label, "white", font, "ms",
                 stroke_width=4, stroke_fill=COLOUR["ink"])  # fmt: skip
    return picture


def card_pictures(chapters: str | Path) -> dict[str, Image.Image]:
    """Chapter, such as ``"03-saliency"`` -> the picture of its card, from a folder of notebooks."""
    return {
        chapter: card()
        if callable(card)
        else card_picture(chapter_figure(Path(chapters, f"{chapter}.ipynb"), card.figure), card)
        for chapter, card in CARDS.items()
    }


def cover(cards: dict[str, Image.Image]) -> Image.Image:
    """All cards in one picture, in two columns: for the README, and for links to the book.

    Of an odd number, the last is in the middle.
    """
    rows, alone = divmod(len(cards), 2)
    rows += alone
    picture = Image.new("RGB", (2 * SIZE[0] + GAP, rows * (SIZE[1] + GAP) - GAP), "white")
    for number, card in enumerate(cards.values()):
        row, column = divmod(number, 2)
        column = 0.5 if alone and row == rows - 1 else column
        picture.paste(card, (int(column * (SIZE[0] + GAP)), row * (SIZE[1] + GAP)))
    return picture


def write_pictures(chapters: str | Path) -> None:
    """Write all pictures of the landing page into the folder ``_static`` of the chapters.

    If a notebook, or a figure in it, is missing, nothing is written.
    """
    cards = card_pictures(chapters)
    for name, picture in (cards | {"cover": cover(cards)}).items():
        write_atomically(
            Path(chapters, "_static", f"{name}.jpg"),
            lambda file, picture=picture: picture.save(file, "jpeg", quality=88),
        )


if __name__ == "__main__":
    write_pictures(sys.argv[1])

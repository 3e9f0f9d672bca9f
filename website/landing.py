"""The pictures on the landing page: ``python -m website.landing chapters``."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path
from typing import NamedTuple

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont, ImageOps

from cs231n_lib.figures.style import COLOUR, STYLE
from cs231n_lib.files import check_file, write_atomically
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


CARDS = {
    "02-lstm": Card(
        "fig-gates",
        ((0.236, 0.03, 0.395, 0.70), (0.825, 0.03, 0.984, 0.70)),
        ("forget gate", "cell state"),
    ),
    "03-saliency": Card(
        "fig-saliency-opening", ((0.61, 0.075, 0.795, 0.495), (0.61, 0.535, 0.795, 0.975))
    ),
    "04-fooling-images": Card(
        "fig-fooling-opening",
        ((0.005, 0.013, 0.328, 0.905), (0.338, 0.013, 0.661, 0.905), (0.672, 0.013, 0.994, 0.905)),
        ("“cat”", "difference × 10", "“stingray”"),
    ),
    "05-class-visualization": Card(
        "fig-gallery", ((0.26, 0.685, 0.49, 0.995), (0.51, 0.35, 0.745, 0.66))
    ),
    "06-style-transfer": Card(
        "fig-style-idea", ((0.005, 0.013, 0.328, 0.905), (0.672, 0.013, 0.994, 0.905))
    ),
}


def caption_picture() -> Image.Image:
    """A scene of the test and its caption beside it, for the first chapter's card: always the same.

    Returns
    -------
    PIL.Image.Image
        Of the size `SIZE`.
    """
    scene = sample_scenes("test", 1)[0]
    with matplotlib.rc_context(STYLE):
        inches = np.divide(SIZE, 160)
        figure, ax = plt.subplots(figsize=inches, dpi=160, layout="none", facecolor="#F4F1EA")
        figure.subplots_adjust(0, 0, 0.5, 1)
        ax.imshow(draw(scene, scale=4))
        ax.axis("off")
        relation = next(name for name in RELATIONS if name in scene.captions[0])
        lines = (part.strip() for part in scene.captions[0].partition(relation))
        figure.text(0.54, 0.5, "\n".join(lines), va="center", fontsize=14, linespacing=1.6,
                    color=COLOUR["ink"])  # fmt: skip
        return _as_picture(figure)


def _as_picture(figure: Figure) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, facecolor="auto")
    plt.close(figure)
    return Image.open(buffer).convert("RGB")


def chapter_figure(notebook: str | Path, name: str) -> Image.Image:
    """A figure of a chapter, from the outputs in its notebook.

    Parameters
    ----------
    notebook : str or Path
    name : str
        The figure's label, such as ``"fig-style-idea"``.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    FileNotFoundError
        If there is no such notebook.
    ValueError
        If the file is no notebook, or has no such figure.
    """
    check_file(notebook, "chapter_figure: the notebook")
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
            for output in cell.outputs:
                for kind, data in output.get("data", {}).items():
                    if kind.startswith("image/"):
                        return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    raise ValueError(f"chapter_figure: {notebook} has no figure {name!r} among its outputs")


def card_picture(figure: Image.Image, card: Card) -> Image.Image:
    """Parts of a figure side by side, each cut to fill its share of the card.

    Parameters
    ----------
    figure : PIL.Image.Image
    card : Card

    Returns
    -------
    PIL.Image.Image
        Of the size `SIZE`.

    Raises
    ------
    TypeError
        If ``figure`` is no picture of Pillow's.
    ValueError
        If the card has no parts, one that is not inside the figure, or more labels than parts.
    """
    if not isinstance(figure, Image.Image):
        raise TypeError(f"card_picture: figure is a {type(figure).__name__}, expected a PIL image")
    if not card.parts or len(card.labels) > len(card.parts):
        raise ValueError(
            f"card_picture: {len(card.parts)} parts and {len(card.labels)} labels, expected one "
            "part at least and no more labels than parts"
        )
    for part in card.parts:
        left, top, right, bottom = part
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(
                f"card_picture: a part is {part}, expected (left, top, right, bottom) from 0 to 1"
            )
    picture = Image.new("RGB", SIZE, "white")
    width = (SIZE[0] - GAP * (len(card.parts) - 1)) // len(card.parts)
    for number, share in enumerate(card.parts):
        box = np.multiply(share, figure.size * 2).round().astype(int)
        part = ImageOps.fit(figure.crop(tuple(box)), (width, SIZE[1]), Image.Resampling.LANCZOS)
        picture.paste(part, (number * (width + GAP), 0))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 26)
    for number, label in enumerate(card.labels):
        middle = number * (width + GAP) + width / 2
        pen.text((middle, SIZE[1] - 22), label, "white", font, "ms",
                 stroke_width=4, stroke_fill=COLOUR["ink"])  # fmt: skip
    return picture


def card_pictures(chapters: str | Path) -> dict[str, Image.Image]:
    """The pictures of all cards.

    Parameters
    ----------
    chapters : str or Path
        The folder of the notebooks.

    Returns
    -------
    dict
        Chapter, such as ``"03-saliency"`` -> PIL.Image.Image.

    Raises
    ------
    FileNotFoundError
        If a notebook is missing.
    ValueError
        If one has not the figure that is asked for.
    """
    return {"01-rnn": caption_picture()} | {
        chapter: card_picture(chapter_figure(Path(chapters, f"{chapter}.ipynb"), card.figure), card)
        for chapter, card in CARDS.items()
    }


def cover(cards: dict[str, Image.Image]) -> Image.Image:
    """All cards in one picture, in two columns: for the README, and for links to the book.

    Parameters
    ----------
    cards : dict
        Of `card_pictures`.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
        If there are no cards, or one has another size than `SIZE`.
    """
    if not cards:
        raise ValueError("cover: cards is empty, expected one card at least")
    for name, card in cards.items():
        if card.size != SIZE:
            raise ValueError(f"cover: cards[{name!r}] has size {card.size}, expected {SIZE}")
    rows = -(-len(cards) // 2)
    picture = Image.new("RGB", (2 * SIZE[0] + GAP, rows * (SIZE[1] + GAP) - GAP), "white")
    for number, card in enumerate(cards.values()):
        row, column = divmod(number, 2)
        picture.paste(card, (column * (SIZE[0] + GAP), row * (SIZE[1] + GAP)))
    return picture


def write_pictures(chapters: str | Path) -> None:
    """Write all pictures of the landing page into the folder ``_static`` of the chapters.

    Parameters
    ----------
    chapters : str or Path
        The folder of the notebooks.

    Raises
    ------
    FileNotFoundError
        If a notebook or the folder ``_static`` is missing. Nothing is written then.
    ValueError
        If a notebook has not the figure that is asked for. Nothing is written then.
    """
    cards = card_pictures(chapters)
    for name, picture, quality in (
        *((chapter, card, 88) for chapter, card in cards.items()), ("cover", cover(cards), 85)
    ):  # fmt: skip
        write_atomically(
            Path(chapters) / "_static" / f"{name}.jpg",
            lambda file, picture=picture, quality=quality: picture.save(
                file, "jpeg", quality=quality
            ),
        )


if __name__ == "__main__":
    write_pictures(sys.argv[1])

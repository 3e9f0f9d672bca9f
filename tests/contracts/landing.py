"""Contracts of ``website.landing``."""

from __future__ import annotations

import base64
import io
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from tests.contracts import Contract, Refusal
from website import landing
from website.landing import CARDS, SIZE, Card

HALF = (0.0, 0.0, 0.5, 1.0)


def figure_cell(name: str) -> nbformat.NotebookNode:
    """A cell whose output is a small figure."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "#0072B2").save(file, "png")
    data = {"image/png": base64.b64encode(file.getvalue()).decode()}
    return new_code_cell(
        metadata={"mystnb": {"figure": {"name": name}}},
        outputs=[new_output("display_data", data=data)],
    )


def chapters() -> dict[str, Any]:
    """A folder of notebooks, each with the figure that its card shows."""
    folder = Path(tempfile.mkdtemp())
    (folder / "_static").mkdir()
    for chapter, card in CARDS.items():
        nbformat.write(new_notebook(cells=[figure_cell(card.figure)]), folder / f"{chapter}.ipynb")
    return {"chapters": folder}


def one_figure() -> dict[str, Any]:
    return {"notebook": chapters()["chapters"] / "02-lstm.ipynb", "name": "fig-gates"}


def without(file: str) -> Any:
    """A change that takes a file, or the empty folder for the pictures, away."""

    def change(valid: dict[str, Any]) -> dict[str, Any]:
        path = valid["chapters"] / file
        path.rmdir() if path.is_dir() else path.unlink()
        return {}

    return change


def no_notebook(valid: dict[str, Any]) -> dict[str, Any]:
    valid["notebook"].write_text("# A chapter", encoding="utf-8")
    return {}


MISSING = Refusal("a folder without a notebook", without("03-saliency.ipynb"), FileNotFoundError,
                  r"03-saliency\.ipynb")  # fmt: skip

CONTRACTS = (
    Contract(Card, lambda: {"figure": "fig-gates", "parts": (HALF,), "labels": ("forget gate",)}),
    Contract(landing.caption_picture, dict),
    Contract(
        landing.chapter_figure,
        one_figure,
        (
            Refusal("a figure that the notebook does not have", {"name": "fig-nothing"},
                    ValueError, "has no figure 'fig-nothing'"),
            Refusal("a notebook that does not exist", {"notebook": "nowhere.ipynb"},
                    FileNotFoundError, r"nowhere\.ipynb"),
            Refusal("a folder", {"notebook": Path(__file__).parent}, ValueError,
                    "^chapter_figure: the notebook .* is a folder"),
            Refusal("a file that is no notebook", no_notebook, ValueError, "Notebook does not"),
        ),
    ),
    Contract(
        landing.card_picture,
        lambda: {"figure": Image.new("RGB", (40, 30)), "card": Card("a", (HALF, HALF), ("b",))},
        (
            Refusal("a path instead of a picture", {"figure": "a.png"}, TypeError,
                    "is a str, expected a PIL image"),
            Refusal("a card without parts", {"card": Card("a", ())}, ValueError,
                    "0 parts and 0 labels, expected one part at least and no more labels than pa"),
            Refusal("more labels than parts", {"card": Card("a", (HALF,), ("b", "c"))},
                    ValueError, "1 parts and 2 labels"),
            Refusal("a part beyond the figure", {"card": Card("a", ((0, 0, 1.5, 1),))},
                    ValueError, r"a part is \(0, 0, 1.5, 1\)"),
            Refusal("a part without width", {"card": Card("a", ((0.5, 0, 0.5, 1),))},
                    ValueError, r"a part is \(0.5, 0, 0.5, 1\)"),
        ),
    ),
    Contract(landing.card_pictures, chapters, (MISSING,)),
    Contract(
        landing.cover,
        lambda: {"cards": {name: Image.new("RGB", SIZE) for name in ("01-rnn", "02-lstm")}},
        (
            Refusal("no cards", {"cards": {}}, ValueError, "cards is empty, expected one card"),
            Refusal("a card of another size", {"cards": {"01-rnn": Image.new("RGB", (9, 9))}},
                    ValueError, r"has size \(9, 9\), expected \(720, 360\)"),
        ),
    ),
    Contract(
        landing.write_pictures,
        chapters,
        (
            MISSING,
            Refusal("a folder without a place for the pictures", without("_static"),
                    FileNotFoundError, "_static"),
        ),
    ),
)  # fmt: skip

"""How figures are drawn, in a few words and numbers: ``python -m tests.drawings`` records it anew.

A figure is written as a vector graphic, which says where each line, letter and patch is, and how it
looks. Of that are kept the texts, a digest of everything that is no number, how many numbers there
are, and their sum, each times a weight of its own: a number anywhere that is another shows there,
and rounding does not.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from cs231n_lib.figures.captions import STYLE
from tests.contracts import Contract, contracts

__all__ = ["RECORD", "differences", "drawing_contracts", "look", "looks"]

RECORD = Path(__file__).with_suffix(".json")

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?")
_NAME = re.compile(r'(?<=id=")[^"]+|(?<=url\(#)[^)]+|(?<=href="#)[^"]+')
_IMAGE = re.compile(r"data:image/png;base64,([\w+/=\s]+)")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_FIELDS = 4  # in a row and in a column of an image
_ROUNDING = 0.1  # of a sum of some thousand numbers with six digits behind the point

Look = dict[str, Any]


def look(figure: Figure) -> Look:
    """The texts of a figure, a digest of its form, and how many numbers it has, with what sum."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "the same"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    graphic = file.getvalue()
    numbers = [value for found in _IMAGE.finditer(graphic) for value in _pixels(found[1])]
    graphic = _NAME.sub("", _IMAGE.sub("", graphic))
    texts = re.findall(r"<text[^>]*>(?:<tspan[^>]*>)?([^<]+)", graphic)
    colours = _COLOUR.findall(graphic)
    form = _COLOUR.sub("", graphic)
    numbers += [float(number) for number in _NUMBER.findall(form)]
    form = _NUMBER.sub("", form) + " ".join(colours)
    weights = np.random.default_rng(0).uniform(1, 2, len(numbers))
    return {
        "texts": " | ".join(html.unescape(text) for text in texts if text.strip()),
        "form": hashlib.sha256(form.encode()).hexdigest()[:16],
        "numbers": len(numbers),
        "sum": round(float(weights @ numbers), 2),
    }


def _pixels(encoded: str) -> Iterator[float]:
    """The mean of every field of an image, in each of its channels, and its size."""
    image = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA")
    yield from image.size
    fields = image.resize((_FIELDS, _FIELDS), Image.Resampling.BOX)
    yield from (np.asarray(fields).ravel() / 255).tolist()  # one level counts as rounding


def differences(found: Look, recorded: Look) -> list[str]:
    """In which parts two looks differ."""
    return [
        f"{part}: {found[part]}, recorded is {recorded[part]}"
        for part in recorded
        if found[part] != recorded[part]
        and not (part == "sum" and abs(found[part] - recorded[part]) < _ROUNDING)
    ]


def drawing_contracts() -> dict[str, Contract]:
    """The contracts of functions that draw, by name."""
    return {
        f"{module}.{contract} {number}": contract
        for module, of_module in contracts().items()
        for number, contract in enumerate(of_module)
        if "Figure" in str(getattr(contract.function, "__annotations__", {}).get("return"))
    }


def looks(contract: Contract) -> list[Look]:
    """How every figure of a valid call looks, in the book's style."""
    with matplotlib.rc_context(STYLE):
        given = contract.function(**contract.arguments())
        return [look(figure) for figure in _figures(given)]


def _figures(given: Any) -> Iterator[Figure]:
    """The figure that a function gave, or those that its callables draw."""
    for part in given if isinstance(given, list | tuple) else [given]:
        if isinstance(part, Figure):
            yield part
        elif callable(part):
            figure = Figure(figsize=(3, 3), layout="none")
            part(figure)
            yield figure


def main() -> None:
    found = {name: looks(contract) for name, contract in drawing_contracts().items()}
    RECORD.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

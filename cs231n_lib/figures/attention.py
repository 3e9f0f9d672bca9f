"""Figures of where a captioning network with attention looked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cs231n_lib.checks import Bytes, Call, Floats, Texts, checked, named
from cs231n_lib.figures.checks import Values
from cs231n_lib.figures.style import COLOUR

__all__ = ["look_tiles"]

_DARK = 0.25  # what is left of a field's brightness where the network does not look


def _check_weights(name: str, weights: np.ndarray, call: Call) -> None:
    """(T, L): shares of attention for each word, over fields that form a square."""
    Floats("T L", finite=True)(name, weights, call)
    Values(least=0, most=1 + 1e-5)(name, weights.ravel(), call)
    fields = weights.shape[1]
    if math.isqrt(fields) ** 2 != fields:
        raise ValueError(named(f"{name} has {fields} fields, expected a square such as 6 x 6"))


@checked(picture=Bytes(), words=Texts("T"), weights=_check_weights)
def look_tiles(
    picture: np.ndarray, words: Sequence[str], weights: np.ndarray
) -> list[Callable[[Figure], None]]:
    """Where a network looked before each word, for :func:`cs231n_lib.figures.panels.panels`.

    Parameters
    ----------
    picture : (H, W, 3) uint8
    words : sequence of T str
        What it said.
    weights : (T, L) floats
        How much of its attention each field had before each word, row by row of a square of
        fields: one sentence of :func:`cs231n_lib.speak.memory.attention_maps`.

    Returns
    -------
    list of T + 1 callables
        The first draws the picture. Each of the others draws it as in the dark, lit where the
        network looked, with a frame around the strongest field and its share in percent.
    """
    side = math.isqrt(weights.shape[1])
    rows, columns = (np.arange(n) * side // n for n in picture.shape[:2])
    tiles = [_Look(picture.copy())]
    for shares in weights:
        light = _DARK + (1 - _DARK) * np.sqrt(shares / shares.max())
        lit = picture * light.reshape(side, side)[np.ix_(rows, columns)][:, :, None]
        row, column = divmod(int(shares.argmax()), side)
        frame = column / side, row / side, 1 / side
        tiles.append(_Look(lit.astype(np.uint8), frame, f"{shares.max():.0%}"))
    return tiles


@dataclass(frozen=True)
class _Look:
    """Draws a picture; and a frame (left, top, side), each a share of the picture, with a label."""

    picture: np.ndarray
    frame: tuple[float, float, float] | None = None
    label: str = ""

    def __call__(self, figure: Figure) -> None:
        ax = figure.add_axes((0, 0, 1, 1))
        ax.axis("off")
        ax.imshow(self.picture, extent=(0, 1, 1, 0), aspect="auto")
        if self.frame is None:
            return
        left, top, side = self.frame
        look = {"fill": False, "edgecolor": "white", "linewidth": 1.6, "clip_on": False}
        ax.add_patch(Rectangle((left, top), side, side, **look))
        y, align = (top - 0.015, "bottom") if top > 0 else (top + side + 0.015, "top")
        x = min(max(left + side / 2, 0.115), 0.885)  # no label is cut off at an edge
        ax.text(
            x, y, self.label, ha="center", va=align,
            fontsize=9, weight="bold", color="white",
            bbox={"facecolor": COLOUR["ink"], "edgecolor": "none", "pad": 1.2},
        )  # fmt: skip

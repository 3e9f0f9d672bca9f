"""Pictures of equal tiles, which the website turns into figures that a reader can work with.

A cell shows one ordinary picture: tiles in rows, a label under each. A notebook, a printed page and
a browser without scripts show just that. A comment inside its file gives the labels and the places
of the tiles. The website's builder (``website/panels.py``) copies it into the page, and
``chapters/_static/interactive.js`` makes sliders and buttons from it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from IPython.display import Image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from cs231n_lib.checks import Bytes, Call, Count, Each, Number, OneOf, Texts, checked, named
from cs231n_lib.figures.style import COLOUR

__all__ = ["panels"]

PAGE = 700  # pixels of a page's column, at which labels are legible

Tile = np.ndarray | Callable[[Figure], None]


@dataclass(frozen=True)
class _Tile:
    """A picture of bytes, or a function that draws."""

    def __call__(self, name: str, tile: Tile, call: Call) -> None:
        if not callable(tile):
            Bytes()(name, tile, Call({}))


@checked(
    kind=OneOf(("compare", "steps", "words", "looks")),
    tiles=Each(_Tile(), "K"),
    labels=Texts("K"),
    columns=Count(),
    size=(Count(), Count()),
    together=Count(),
    magnified=Number(above=0),
)
def panels(
    kind: str,
    tiles: Sequence[Tile],
    labels: Sequence[str],
    columns: int | None = None,
    size: tuple[int, int] = (896, 896),
    together: int = 1,
    magnified: float | None = None,
) -> Image:
    """A grid of equal tiles, filled row by row, with a label under each.

    Parameters
    ----------
    kind : {"compare", "steps", "words", "looks"}
        What the website makes of it. ``"compare"``: a movable line between the first picture and
        the last. ``"steps"``: a slider through the tiles. ``"words"``: a button for each tile after
        the first, which stays in view; each word is one that was read. ``"looks"``: the same, and
        each word is one that was said.
    tiles : sequence of (H, W, 3) uint8 arrays, or of callables
        A callable is given an empty matplotlib figure of the tile's size to draw on. Its
        units are those of the page: text of size 9 is legible there.
    labels : sequence of str
        One for each tile.
    columns : int, optional
        By default all in one row.
    size : (int, int)
        Width and height of a tile in pixels.
    together : int
        For steps: how many pictures change together. The tiles are all steps of the first picture,
        then all steps of the second, and so on.
    magnified : float, optional
        For a comparison: the middle tile is the difference of the other two, magnified by this
        factor, on mid grey. The reader can then magnify it further.

    Returns
    -------
    IPython.display.Image
        A JPEG if all tiles are arrays, otherwise a PNG, with a JSON comment in its file.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or the number of tiles does not fit the kind.
    """
    if len(tiles) < 2 or (kind == "compare" and len(tiles) != 3) or len(tiles) % together:
        raise ValueError(
            named(
                f"tiles has {len(tiles)} parts, expected at least 2, exactly 3 to compare (before, "
                f"between, after), and as many for each of {together} pictures"
            )
        )
    columns = len(tiles) if columns is None else columns
    rows = -(-len(tiles) // columns)
    width, height = size
    gap = round(0.03 * width)
    pixel = columns * (width + gap) / PAGE  # one pixel of the page, in pixels of the picture
    font = min(12, 1.6 * (width / pixel) / max(1, *map(len, labels)))
    cell = width + gap, height + gap + round(1.7 * font * pixel)
    grid = Pillow.new("RGB", (columns * cell[0], rows * cell[1]), "white")
    for k, (tile, label) in enumerate(zip(tiles, labels)):
        left, top = k % columns * cell[0], k // columns * cell[1]
        grid.paste(_label(label, cell, font, pixel), (left, top))
        grid.paste(_tile(tile, size, pixel), (left + gap // 2, top + gap // 2))
    facts = {
        "kind": kind,
        "columns": columns,
        "together": together,
        "picture": grid.size,
        "cell": cell,
        "tile": (gap // 2, gap // 2, width, height),
        "magnified": magnified,
        "labels": list(labels),
    }
    photographs = all(isinstance(tile, np.ndarray) for tile in tiles)
    return _as_image(grid, json.dumps({"panels": facts}), photographs)


def _as_image(picture: Pillow.Image, comment: str, photographs: bool) -> Image:
    file = io.BytesIO()
    if photographs:
        picture.save(file, "jpeg", quality=85, comment=comment)
    else:
        information = PngInfo()
        information.add_text("comment", comment)
        picture.save(file, "png", pnginfo=information)
    return Image(file.getvalue(), format="jpeg" if photographs else "png", width=PAGE)


def _tile(tile: Tile, size: tuple[int, int], pixel: float) -> Pillow.Image:
    if isinstance(tile, np.ndarray):
        return Pillow.fromarray(tile).resize(size, Pillow.Resampling.BICUBIC)
    figure = _figure(size, pixel)
    tile(figure)
    return _drawn(figure)


def _label(text: str, size: tuple[int, int], font: float, pixel: float) -> Pillow.Image:
    figure = _figure(size, pixel)
    low = 0.6 * font * pixel / size[1]
    figure.text(0.5, low, text, fontsize=font, ha="center", va="baseline", color=COLOUR["ink"])
    return _drawn(figure)


def _figure(size: tuple[int, int], pixel: float) -> Figure:
    dpi = 72 * pixel  # a point is a pixel of the page
    return Figure(figsize=(size[0] / dpi, size[1] / dpi), dpi=dpi, layout="none")


def _drawn(figure: Figure) -> Pillow.Image:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Pillow.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")

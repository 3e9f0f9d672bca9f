"""An extension of nbval: freshly drawn pictures are compared with the committed ones.

nbval skips pictures. Here each is compared by its structural similarity (Wang et al. 2004), 1 for
equal pictures, as a whole and tile by tile: a number that has changed in a large diagram is lost in
the average of all pixels, and fills its tile. There are two kinds of pictures:

- Determined ones must reach :data:`LEAST_SIMILARITY` as a whole, and :data:`LEAST_TILE` in every
  square of 8 pixels.
- Of the others, the loop that made them magnifies rounding errors. The cell's metadata state what
  they must reach as a whole, as in ``least_similarity: 0.5``. Every tile, here an eighth of the
  width by an eighth of the height, must reach half of that, or what the metadata state for tiles,
  as in ``least_tile: 0.1``, where lines move.

When a picture does not, committed picture, fresh picture and their difference are put side by side
in a file, with a frame around the worst tile.
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nbval.plugin import IPyNbCell
from PIL import Image, ImageDraw
from skimage.metrics import structural_similarity

LEAST_SIMILARITY = 0.97
LEAST_TILE = 0.95
REPORT = Path("_build") / "pictures"
_KINDS = ("image/png", "image/jpeg")
_WIDTH = 700  # compare what a reader sees, in a column of the page
_SMALL_TILE = 8  # about a letter, at this width
_LARGE_TILES = 8  # in a row and in a column

Box = tuple[float, float, float, float]  # left, top, right, bottom, as parts of width and height


@dataclass(frozen=True)
class Limits:
    """What two pictures must reach, from -1 to 1: as a whole, and in the worst tile."""

    whole: float
    tile: float
    small_tiles: bool


@dataclass(frozen=True)
class Likeness:
    """What two pictures have reached, and where the worst tile is."""

    whole: float
    tile: float
    box: Box

    def suffices(self, limits: Limits) -> bool:
        return self.whole >= limits.whole and self.tile >= limits.tile


def limits(metadata: Mapping[str, Any]) -> Limits:
    """What the pictures of a cell must reach, by the cell's metadata."""
    if "least_similarity" not in metadata:
        return Limits(LEAST_SIMILARITY, LEAST_TILE, small_tiles=True)
    whole = metadata["least_similarity"]
    return Limits(whole, metadata.get("least_tile", whole / 2), small_tiles=False)


def pictures(outputs: list[dict]) -> list[Image.Image]:
    """The pictures among a cell's outputs, in their order."""
    return [
        Image.open(io.BytesIO(base64.b64decode(output["data"][kind]))).convert("RGB")
        for output in outputs
        for kind in _KINDS
        if kind in output.get("data", {})
    ]


def _edges(length: int, small_tiles: bool) -> np.ndarray:
    """Where tiles begin, and where the last one ends."""
    count = max(1, round(length / _SMALL_TILE)) if small_tiles else _LARGE_TILES
    return np.linspace(0, length, count + 1).astype(int)


def likeness(committed: Image.Image, fresh: Image.Image, small_tiles: bool = True) -> Likeness:
    """Structural similarity at reading size; pictures of other shapes have none at all, so -1."""
    if abs(committed.width / committed.height - fresh.width / fresh.height) > 0.01:
        return Likeness(-1.0, -1.0, (0.0, 0.0, 1.0, 1.0))
    size = (_WIDTH, round(_WIDTH * committed.height / committed.width))
    arrays = [np.asarray(picture.resize(size)) for picture in (committed, fresh)]
    whole, every_pixel = structural_similarity(
        *arrays, channel_axis=2, gaussian_weights=True, full=True
    )
    rows, columns = (_edges(length, small_tiles) for length in every_pixel.shape[:2])
    sums = np.add.reduceat(every_pixel.mean(axis=2), rows[:-1], axis=0)
    sums = np.add.reduceat(sums, columns[:-1], axis=1)
    tiles = sums / np.outer(np.diff(rows), np.diff(columns))
    i, j = np.unravel_index(tiles.argmin(), tiles.shape)
    width, height = size
    box = (columns[j] / width, rows[i] / height, columns[j + 1] / width, rows[i + 1] / height)
    return Likeness(float(whole), float(tiles[i, j]), box)


def similarity(committed: Image.Image, fresh: Image.Image) -> float:
    """Structural similarity of whole pictures at reading size, from -1 to 1."""
    return likeness(committed, fresh).whole


def report(committed: Image.Image, fresh: Image.Image, box: Box, path: Path) -> None:
    """Save committed picture, fresh picture and their difference side by side, a box framed."""
    width, height = committed.size
    fresh = fresh.resize(committed.size)
    arrays = [np.asarray(picture).astype(int) for picture in (committed, fresh)]
    difference = np.abs(arrays[0] - arrays[1]).clip(0, 255)
    side_by_side = Image.fromarray(np.concatenate([*arrays, difference], axis=1).astype(np.uint8))
    left, top, right, bottom = np.multiply(box, (width, height, width, height))
    margin = max(3, width // 80)  # the tile stays visible, and what is around it
    draw = ImageDraw.Draw(side_by_side)
    for start in (0, width, 2 * width):
        frame = (start + left - margin, top - margin, start + right + margin, bottom + margin)
        draw.rectangle(frame, outline="red", width=max(1, margin // 4))
    path.parent.mkdir(parents=True, exist_ok=True)
    side_by_side.save(path)


def compare(
    item: IPyNbCell, compare_text: Callable[..., bool], fresh: list[dict], committed: list[dict]
) -> bool:
    if not compare_text(fresh, committed):
        return False
    least = limits(item.cell.metadata)
    ours, theirs = pictures(committed), pictures(fresh)
    if len(ours) != len(theirs):
        item.comparison_traceback.append(f"{len(ours)} pictures committed, {len(theirs)} drawn")
        return False
    for number, (old, new) in enumerate(zip(ours, theirs)):
        found = likeness(old, new, least.small_tiles)
        if not found.suffices(least):
            path = REPORT / f"{Path(item.parent.name).stem}-cell-{item.cell_num}-{number}.png"
            report(old, new, found.box, path)
            item.comparison_traceback.append(
                f"the picture has changed: similarity {found.whole:.3f}, expected at least "
                f"{least.whole:g}; in the worst tile {found.tile:.3f}, expected at least "
                f"{least.tile:g}; committed, fresh and difference are in {path}"
            )
            return False
    return True


@pytest.hookimpl(trylast=True)  # behind the tolerance of numbers, which wraps the same method
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, IPyNbCell):
            item.compare_outputs = functools.partial(compare, item, item.compare_outputs)

"""Pictures side by side, with a few words each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from cs231n_lib.checks import (
    Call,
    Count,
    Each,
    Texts,
    a_type,
    check_finite,
    checked,
    named,
    shown,
)
from cs231n_lib.figures.checks import Colours
from cs231n_lib.figures.style import finish

__all__ = ["show_images"]

_GAP = 0.02  # inches around a picture


@dataclass(frozen=True)
class _Image:
    """A picture, (H, W, 3), of bytes or of floats from 0 to 1; or a map, (H, W), of any numbers."""

    def __call__(self, name: str, image: np.ndarray, call: Call) -> None:
        if isinstance(image, Image.Image):  # which may lie on its side, or be numbers of a palette
            raise TypeError(
                named(
                    f"{name} is {a_type(image)}, expected an array; "
                    "cs231n_lib.see.images.load_image makes one"
                )
            )
        image = np.asarray(image)
        if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or image.size == 0:
            raise ValueError(
                named(f"{name} has shape {image.shape}, expected (H, W, 3), or (H, W) for a map")
            )
        whole = image.dtype == np.uint8 if image.ndim == 3 else image.dtype.kind in "iub"
        if image.dtype.kind != "f" and not whole:
            raise TypeError(
                named(
                    f"{name} has dtype {image.dtype}, expected uint8 or floats from 0 to 1, "
                    "or real numbers for a map"
                )
            )
        check_finite(name, image)
        if image.ndim == 3 and image.dtype.kind == "f" and (image.min() < 0 or image.max() > 1):
            raise ValueError(
                named(
                    f"{name} has values from {shown(image.min(), 0)} to {shown(image.max(), 1)}, "
                    "expected 0 to 1; cs231n_lib.see.images.deprocess makes pictures from "
                    "normalised ones"
                )
            )


@checked(
    images=Each(_Image()), titles=Texts(), columns=Count(), row_labels=Texts(), colours=Colours()
)
def show_images(
    images: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
    colours: str = "inferno",
) -> Figure:
    """A grid of pictures and maps, filled row by row, all of a row equally high.

    Parameters
    ----------
    images : sequence of (H, W, 3) uint8 or [0, 1] float arrays, or of (H, W) maps
        A map is drawn in false colours, from its smallest to its largest value; one with negative
        values in blue, white and red, with white at zero.
    titles : sequence of str, optional
        One for each image, or one for each column of the first row. May contain line breaks.
    columns : int, optional
        By default all in one row.
    row_labels : sequence of str, optional
        One for each row, written on its left.
    colours : str
        Matplotlib's name of the colour map for maps without negative values.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, an image is neither a picture nor a map, or titles
        or labels do not fit the rows and columns.
    """
    images = [np.asarray(image) for image in images]
    titles = [] if titles is None else list(titles)
    row_labels = [] if row_labels is None else list(row_labels)
    columns = min(columns or len(images), len(images))
    rows = [images[first : first + columns] for first in range(0, len(images), columns)]
    _check_words(titles, row_labels, len(images), columns, len(rows))
    size = min(11.0, 7.5 + 3.5 * 4 / (3 * columns))  # points; fewer pictures are larger
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    over = lines * 1.35 * size / 72 + 0.06 if lines else 0.04  # inches above a row with titles
    left = 0.27 if row_labels else 0.0
    overs = [over if r == 0 or len(titles) > columns else 0.04 for r in range(len(rows))]
    heights = _heights(rows, columns, 8 - left)
    total = low = sum(heights) + sum(overs) + _GAP * len(rows)
    figure = plt.figure(figsize=(8, total), layout="none")
    for r, row in enumerate(rows):
        low -= overs[r] + heights[r] + _GAP
        x = left + _GAP
        for column, image in enumerate(row):
            width = heights[r] * _aspect(image)
            box = x, low + _GAP, width, heights[r]
            ax = figure.add_axes(np.divide(box, (8, total, 8, total)))
            _draw(ax, image, colours)
            if r * columns + column < len(titles):
                title = titles[r * columns + column]
                ax.set_title(title, fontsize=size, pad=3, loc="center", weight="normal")
            if row_labels and column == 0:
                ax.set_ylabel(row_labels[r], fontsize=size)
            x += width + 2 * _GAP
    return finish(figure, figure.axes[0])


def _aspect(image: np.ndarray) -> float:
    return image.shape[1] / image.shape[0]


def _heights(rows: list[list[np.ndarray]], columns: int, room: float) -> list[float]:
    """Inches that the pictures of each row are high when they fill the row."""
    heights = [(room - 2 * _GAP * len(row)) / sum(map(_aspect, row)) for row in rows]
    if len(rows) > 1 and len(rows[-1]) < columns:  # one that is not full is like the one above
        heights[-1] = min(heights[-2:])
    return heights


def _check_words(
    titles: list[str], row_labels: list[str], images: int, columns: int, rows: int
) -> None:
    if titles and len(titles) not in (columns, images):
        raise ValueError(named(f"{len(titles)} titles for {images} images in {columns} columns"))
    if row_labels and len(row_labels) != rows:
        raise ValueError(named(f"{len(row_labels)} row_labels for {rows} rows"))


def _draw(ax: plt.Axes, image: np.ndarray, colours: str) -> None:
    if image.ndim == 3:
        ax.imshow(image, interpolation="bicubic", interpolation_stage="rgba")
    elif image.min() < 0:
        limit = np.abs(image).max()
        ax.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
    else:
        ax.imshow(image, cmap=colours)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)

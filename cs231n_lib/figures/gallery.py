"""Pictures side by side, with a few words each."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cs231n_lib.figures.checks import check_colours
from cs231n_lib.figures.style import finish
from cs231n_lib.validation import check_count, check_finite, check_texts

__all__ = ["show_images"]


def show_images(
    images: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
    colours: str = "inferno",
) -> Figure:
    """A grid of pictures and maps, filled row by row.

    Parameters
    ----------
    images : sequence of (H, W, 3) uint8 or [0, 1] float arrays, or of (H, W) maps
        A map is drawn in false colours, from its smallest to its largest value; one that has
        values of both signs from blue over white to red, with white at zero.
    titles : sequence of str, optional
        One an image, or one a column for the first row only. May hold line breaks.
    columns : int, optional
        By default all in one row.
    row_labels : sequence of str, optional
        One a row, written at its left.
    colours : str
        Matplotlib's name of the false colours of maps without sign.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If an image has another dtype, a title or a label is no string, or ``columns`` no int.
    ValueError
        If there are no images or no columns, or if the titles or labels are of another number; if
        an image has another shape, values that are NaN or infinite, or floats out of [0, 1]; if
        there are no such colours.
    """
    images = [_checked(image, f"images[{k}]") for k, image in enumerate(images)]
    if len(images) == 0:
        raise ValueError("show_images: no images were given")
    check_colours("show_images", colours)
    for name, words in (("titles", titles), ("row_labels", row_labels)):
        if words is not None:
            check_texts("show_images", name, words)
    if columns is not None:
        check_count("show_images", "columns", columns)
    columns = len(images) if columns is None else min(columns, len(images))
    rows = -(-len(images) // columns)
    titles = [] if titles is None else list(titles)
    if titles and len(titles) not in (columns, len(images)):
        raise ValueError(
            f"show_images: {len(titles)} titles for {len(images)} images in {columns} columns"
        )
    if row_labels is not None and len(row_labels) != rows:
        raise ValueError(f"show_images: {len(row_labels)} row labels for {rows} rows")

    size = min(11.0, 7.5 + 3.5 * 4 / (3 * columns))  # points; few pictures are large ones
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    label = 0.27 if row_labels else 0.0  # inches
    side = (8 - label) / columns
    heights = [
        max(image.shape[0] / image.shape[1] for image in images[row * columns :][:columns])
        for row in range(rows)
    ]
    line = 1.35 * size / 72
    titled = [lines * line + 0.06 if lines and (r == 0 or len(titles) > columns) else 0.04
              for r in range(rows)]  # fmt: skip
    total = sum(side * height for height in heights) + sum(titled)
    figure = plt.figure(figsize=(8, total), layout="none")
    top = total
    for row in range(rows):
        top -= titled[row] + side * heights[row]
        for column in range(columns):
            index = row * columns + column
            if index >= len(images):
                break
            gap = 0.02
            box = (label + column * side + gap, top, side - 2 * gap, side * heights[row] - gap)
            ax = figure.add_axes((box[0] / 8, box[1] / total, box[2] / 8, box[3] / total))
            _draw(ax, images[index], colours)
            if index < len(titles):
                ax.set_title(titles[index], fontsize=size, pad=3, loc="center", weight="normal")
            if row_labels is not None and column == 0:
                ax.set_ylabel(row_labels[row], fontsize=size)
    return finish(figure, figure.axes[0])


def _checked(image: np.ndarray, name: str) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or image.size == 0:
        raise ValueError(
            f"show_images: {name} has shape {image.shape}, expected (H, W, 3), or (H, W) of a map"
        )
    whole = image.dtype == np.uint8 if image.ndim == 3 else image.dtype.kind in "iub"
    if image.dtype.kind != "f" and not whole:
        raise TypeError(
            f"show_images: {name} has dtype {image.dtype}, expected uint8 or floats from 0 to 1, "
            "or real numbers of a map"
        )
    check_finite("show_images", {name: image})
    if image.ndim == 3 and image.dtype.kind == "f" and (image.min() < 0 or image.max() > 1):
        raise ValueError(
            f"show_images: {name} has values from {image.min():.4g} to {image.max():.4g}, expected "
            "0 to 1; cs231n_lib.see.images.deprocess makes pictures of normalised ones"
        )
    return image


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

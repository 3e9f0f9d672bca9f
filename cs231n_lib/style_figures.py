"""Figures of the chapter on style transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from cs231n_lib.gallery import show_images
from cs231n_lib.plotting import plot_curves

__all__ = ["plot_losses", "show_paintings"]


def show_paintings(
    images: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
) -> Figure:
    """Pictures that an optimiser made, enlarged softly.

    The sharp enlargement that suits photographs makes the fine grain of such pictures stand out.

    Parameters
    ----------
    images, titles, columns, row_labels
        As for :func:`cs231n_lib.gallery.show_images`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = show_images(images, titles, columns, row_labels)
    for ax in figure.axes:
        for image in ax.images:
            image.set_interpolation("bicubic")
    return figure


def plot_losses(losses: Mapping[str, Sequence[float]], ylabel: str = "loss") -> Figure:
    """Losses for each evaluation, over whole decades of a logarithmic axis.

    Parameters
    ----------
    losses : dict
        Name -> values. Those that are zero are not drawn.
    ylabel : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = plot_curves(losses, ylabel)
    values = np.concatenate([np.asarray(v, float) for v in losses.values()])
    powers = np.log10(values[values > 0])
    figure.axes[0].set(
        xlabel="evaluations of the loss",
        ylim=(10.0 ** np.floor(powers.min()), 10.0 ** np.ceil(powers.max())),
    )
    return figure

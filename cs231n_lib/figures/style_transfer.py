"""Figures of the chapter on style transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from cs231n_lib.figures.captions import plot_curves
from cs231n_lib.figures.checks import check_curves

__all__ = ["plot_losses"]


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

    Raises
    ------
    TypeError
        If a loss holds no real numbers.
    ValueError
        If there is no loss, or none above zero; if a value is NaN, infinite or negative.
    """
    losses = check_curves("plot_losses", "losses", losses, least=0)
    values = np.concatenate([*losses.values()], dtype=float)
    if not values.any():
        raise ValueError("plot_losses: losses are all zero, expected one value above zero at least")
    figure = plot_curves(losses, ylabel)
    powers = np.log10(values[values > 0])
    figure.axes[0].set(
        xlabel="evaluations of the loss",
        ylim=(10.0 ** np.floor(powers.min()), 10.0 ** np.ceil(powers.max())),
    )
    return figure

"""Figures of the chapter on style transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from cs231n_lib.plotting import plot_curves

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
    """
    figure = plot_curves(losses, ylabel)
    values = np.concatenate([np.asarray(v, float) for v in losses.values()])
    powers = np.log10(values[values > 0])
    figure.axes[0].set(
        xlabel="evaluations of the loss",
        ylim=(10.0 ** np.floor(powers.min()), 10.0 ** np.ceil(powers.max())),
    )
    return figure

"""Figures of the chapter on style transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from cs231n_lib.checks import Call, checked, named
from cs231n_lib.figures.captions import plot_curves
from cs231n_lib.figures.checks import Curves, Values

__all__ = ["plot_losses"]


def _losses(name: str, losses: Mapping[str, Sequence[float]], call: Call) -> None:
    Curves(Values(least=0))(name, losses, call)
    if not any(np.any(values) for values in losses.values()):
        raise ValueError(named(f"{name} are all zero, expected at least one value above zero"))


@checked(losses=_losses)
def plot_losses(losses: Mapping[str, Sequence[float]], ylabel: str = "loss") -> Figure:
    """Losses for each evaluation, over whole decades of a logarithmic axis.

    Parameters
    ----------
    losses : dict
        Name -> values. Zeros are not drawn.
    ylabel : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or all losses are zero.
    """
    values = np.concatenate([*losses.values()], dtype=float)
    figure = plot_curves(losses, ylabel)
    powers = np.log10(values[values > 0])
    figure.axes[0].set(
        xlabel="evaluations of the loss",
        ylim=(10.0 ** np.floor(powers.min()), 10.0 ** np.ceil(powers.max())),
    )
    return figure

"""The look of every figure."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["COLOUR", "MARKERS", "STYLE", "finish"]

# Okabe and Ito's palette, which readers with any kind of colour vision can tell apart.
COLOUR = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#AA4499",
    "grey": "#6B6B6B",
    "ink": "#222222",
}
STYLE = {
    "figure.figsize": (8, 3.2),
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "axes.prop_cycle": plt.cycler(
        color=[COLOUR[name] for name in ("blue", "orange", "green", "purple", "grey")]
    ),
}

# To tell curves apart without colours.
MARKERS = "osD^v"


def finish(figure: Figure, ax: Axes, legend: bool = False) -> Figure:
    """Close a figure, so that a notebook shows it once: as the value of its cell."""
    if legend:
        ax.legend()
    plt.close(figure)
    return figure

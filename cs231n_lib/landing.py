"""The picture on the landing page: ``python -m cs231n_lib.landing FILE``."""

from __future__ import annotations

import sys

import matplotlib
from matplotlib.figure import Figure

from cs231n_lib.plotting import STYLE, show_captions
from cs231n_lib.scenes import sample_scenes

__all__ = ["landing_picture"]


def landing_picture() -> Figure:
    """Four scenes of the test with their captions: a matplotlib figure, always the same."""
    with matplotlib.rc_context(STYLE):
        return show_captions(sample_scenes("test", 12)[8:])


if __name__ == "__main__":
    landing_picture().savefig(sys.argv[1], dpi=160, bbox_inches="tight")

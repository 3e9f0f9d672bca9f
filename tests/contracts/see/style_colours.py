"""Contracts of ``cs231n_lib.see.style_colours``."""

from __future__ import annotations

import numpy as np

from cs231n_lib.see.style_colours import grey, match_colours, replace_luminance
from tests.contracts import Contract, Refusal


def _picture(seed: int = 0, height: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, 18, 3), dtype=np.uint8)


CONTRACTS = (
    Contract(
        match_colours,
        lambda: {"image": _picture(), "reference": _picture(1, 9)},
        (Refusal("a picture of a single pixel", {"reference": np.zeros((1, 1, 3), np.uint8)},
                 ValueError, "a picture of a single pixel has no covariance"),),
    ),
    Contract(replace_luminance, lambda: {"image": _picture(), "luminance": _picture(1)}),
    Contract(grey, lambda: {"image": _picture()}),
)  # fmt: skip

"""Contracts of pictures described by features."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

from cs231n_lib.speak.features import describe_pictures, load_nouns, load_scenes
from tests.contracts import Contract, Refusal
from tests.contracts.speak.scenes import scenes

CONTRACTS = (
    Contract(
        describe_pictures,
        lambda: {"scenes": scenes(32)},
        (
            Refusal("too few scenes to fit a projection", {"scenes": scenes(31)},
                    ValueError, "scenes has 31 parts, expected at least 32 to fit a projection to"),
            Refusal("a projection that was not fitted", {"projection": PCA(32)},
                    TypeError, "projection is PCA.* expected the one of an earlier call"),
            Refusal("a projection of something else",
                    lambda a: {"projection": PCA(2).fit(np.random.default_rng(0).random((5, 3)))},
                    TypeError, r"components of shape \(2, 3\), expected the one of an earlier"),
        ),
    ),
    Contract(
        describe_pictures,
        lambda: {"scenes": scenes(64), "layers": 8},
        (
            Refusal("layers whose map nobody asked for", {"layers": 6},
                    ValueError, r"layers is 6, expected one of \[5, 8\]"),
            Refusal("a projection of other layers",
                    lambda a: {"projection": PCA(32).fit(np.eye(128)[:40])},
                    TypeError, r"components of shape \(32, 128\), expected the one of an earlier"),
        ),
    ),
    Contract(load_scenes, lambda: {"num_train": 32, "num_val": 1, "num_test": 1, "seed": 0}),
    Contract(load_nouns, lambda: {"num_train": 64, "num_val": 1, "num_test": 1, "seed": 0}),
)  # fmt: skip

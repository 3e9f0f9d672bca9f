"""Contracts of ``cs231n_lib.figures.saliency``."""

from __future__ import annotations

import numpy as np
import torch

from cs231n_lib.figures.saliency import (
    overlay,
    plot_deletion,
    plot_path,
    plot_randomisation,
    show_maps,
    show_overlays,
    visible,
)
from tests.contracts import Contract, Refusal

PATH = [0.0, 0.5, 1.0]

CONTRACTS = (
    Contract(
        visible, lambda: {"maps": torch.linspace(-1, 1, 24).reshape(2, 3, 4), "percentile": 90.0}
    ),
    Contract(
        overlay,
        lambda: {"image": np.full((3, 4, 3), 90, np.uint8), "heat": np.eye(3, 4)},
        (
            Refusal("a map of another size", {"heat": np.zeros((4, 3))}, ValueError,
                    r"heat has shape \(4, 3\), expected \(H, W\)"),
            Refusal("a map with negative values", {"heat": -np.ones((3, 4))}, ValueError,
                    "heat goes from -1 to -1, expected 0 to 1"),
            Refusal("a map above one", {"heat": 2 * np.eye(3, 4)}, ValueError,
                    "heat goes from 0 to 2, expected 0 to 1"),
            Refusal("a map that is NaN", {"heat": np.full((3, 4), np.nan)}, ValueError,
                    "heat contains 12 values that are NaN"),
            Refusal("a map as a list", {"heat": [[0.0]]}, TypeError, "heat is a list, expected"),
        ),
    ),
    Contract(
        show_overlays,
        lambda: {"images": [np.full((3, 4, 3), 90, np.uint8)] * 2, "heats": [np.eye(3, 4)] * 2,
                 "words": ["cat", "dog"]},
    ),
    Contract(
        show_maps,
        lambda: {"images": [np.full((3, 4, 3), 90, np.uint8)] * 2, "titles": ["cat", "dog"],
                 "rows": {"gradient": torch.ones(2, 3, 4)}, "percentile": 90.0},
        (
            Refusal("no rows", {"rows": {}}, ValueError, "rows is empty, expected at least one"),
            Refusal("maps alone", {"rows": torch.ones(2, 3, 4)}, TypeError,
                    "rows is a Tensor, expected a dict"),
            Refusal("a map too few", {"rows": {"gradient": torch.ones(1, 3, 4)}}, ValueError,
                    r"rows\['gradient'\] has shape \(1, 3, 4\), .* = \(2, 3, 4\)"),
            Refusal("maps of another size", {"rows": {"gradient": torch.ones(2, 4, 4)}},
                    ValueError, r"rows\['gradient'\] has shape \(2, 4, 4\), .* = \(2, 3, 4\)"),
        ),
    ),
    Contract(
        plot_path,
        lambda: {"alpha": list(PATH), "curves": {"cat": [1.0, 3.0, 4.0]}},
        (
            Refusal("points that do not rise", {"alpha": [0.0, 0.0, 1.0]}, ValueError,
                    "alpha is .*, expected at least two numbers, rising"),
            Refusal("a single point", {"alpha": [0.5], "curves": {"cat": [1.0]}}, ValueError,
                    "alpha is .*, expected at least two numbers"),
        ),
    ),
    Contract(
        plot_deletion,
        lambda: {
            "parts": list(PATH),
            "deletion": {"gradient": [0.9, 0.5, 0.1]},
            "insertion": {"gradient": [0.1, 0.5, 0.9]},
        },
    ),
    Contract(
        plot_randomisation,
        lambda: {
            "correlations": {
                "gradient": {"trained": 1.0, "classifier": 0.5},
                "Grad-CAM": {"trained": torch.tensor(1.0), "classifier": torch.tensor(-0.6)},
            }
        },
        (
            Refusal("no methods", {"correlations": {}}, ValueError, "correlations is empty, exp"),
            Refusal("a list of methods", {"correlations": [1.0]}, TypeError,
                    "correlations is a list, expected a dict"),
            Refusal("methods with other blocks",
                    {"correlations": {"a": {"all": 1, "top": 0}, "b": {"all": 1, "low": 0}}},
                    ValueError, r"correlations\['b'\] has the blocks all, low, expected all, top"),
            Refusal("a method without blocks", {"correlations": {"a": {}}}, ValueError,
                    r"correlations\['a'\] has shape \(0,\)"),
            Refusal("a correlation above one", {"correlations": {"a": {"trained": 1.5}}},
                    ValueError,
                    r"correlations\['a'\] contains 1.5, expected at least -1 and at most 1"),
            Refusal("a correlation that is NaN", {"correlations": {"a": {"trained": np.nan}}},
                    ValueError, r"correlations\['a'\] contains 1 values that are NaN"),
        ),
    ),
)  # fmt: skip

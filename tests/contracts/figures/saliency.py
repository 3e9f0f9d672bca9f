"""Contracts of ``cs231n_lib.figures.saliency``."""

from __future__ import annotations

import numpy as np
import torch

from cs231n_lib.figures import saliency as saliency_figures
from tests.contracts import Contract, Refusal

PATH = [0.0, 0.5, 1.0]

BAD_CURVES = (
    Refusal("a curve of another length", {"curves": {"cat": [1.0, 2.0]}}, ValueError,
            r"curves\['cat'\] has 2 values, expected 3"),
    Refusal("a score that is NaN", {"curves": {"cat": [1.0, np.nan, 2.0]}}, ValueError,
            r"curves\['cat'\] contains 1 values that are NaN"),
    Refusal("no curves", {"curves": {}}, ValueError, "curves is empty, expected one curve"),
)  # fmt: skip

CONTRACTS = (
    Contract(
        saliency_figures.visible,
        lambda: {"maps": torch.linspace(-1, 1, 24).reshape(2, 3, 4), "percentile": 90.0},
        (
            Refusal("NumPy instead of a tensor", {"maps": np.zeros((2, 3, 4))}, TypeError,
                    "maps are ndarray, expected a tensor"),
            Refusal("complex maps", {"maps": torch.zeros(2, 3, 4, dtype=torch.complex64)},
                    TypeError, "maps are torch.complex64"),
            Refusal("a single map without a batch", {"maps": torch.zeros(3, 4)}, ValueError,
                    r"shape \(3, 4\), expected \(N, H, W\)"),
            Refusal("no maps", {"maps": torch.zeros(0, 3, 4)}, ValueError, r"shape \(0, 3, 4\)"),
            Refusal("a map that is NaN", {"maps": torch.full((1, 3, 4), torch.nan)}, ValueError,
                    "maps contains 12 values that are NaN"),
            Refusal("an infinite map", {"maps": torch.full((1, 3, 4), torch.inf)}, ValueError,
                    "12 values that are NaN or infinite"),
            Refusal("a percentile above 100", {"percentile": 101}, ValueError,
                    "percentile is 101, expected above 0 and at most 100"),
            Refusal("a percentile of zero", {"percentile": 0}, ValueError,
                    "percentile is 0, expected above 0"),
        ),
    ),
    Contract(
        saliency_figures.overlay,
        lambda: {"image": np.full((3, 4, 3), 90, np.uint8), "heat": np.eye(3, 4)},
        (
            Refusal("a picture of floats", {"image": np.zeros((3, 4, 3))}, TypeError,
                    "image is of float64, expected an"),
            Refusal("a grey picture", {"image": np.zeros((3, 4), np.uint8)}, ValueError,
                    "with 3 colours"),
            Refusal("a picture with opacity", {"image": np.zeros((3, 4, 4), np.uint8)},
                    ValueError, "with 3 colours"),
            Refusal("a map of another size", {"heat": np.zeros((4, 3))}, ValueError,
                    r"and heat \(4, 3\)"),
            Refusal("a map with negative values", {"heat": -np.ones((3, 4))}, ValueError,
                    "heat contains -1, expected at least 0 and at most 1"),
            Refusal("a map that is NaN", {"heat": np.full((3, 4), np.nan)}, ValueError,
                    "heat contains 12 values that are NaN"),
            Refusal("colours that do not exist", {"colours": "fire"}, ValueError,
                    "colours is 'fire'"),
        ),
    ),
    Contract(
        saliency_figures.plot_path,
        lambda: {"alpha": list(PATH), "curves": {"cat": [1.0, 3.0, 4.0]}},
        (
            *BAD_CURVES,
            Refusal("points that do not rise", {"alpha": [0.0, 0.0, 1.0]}, ValueError,
                    "expected two rising numbers"),
            Refusal("a single point", {"alpha": [0.5], "curves": {"cat": [1.0]}}, ValueError,
                    "expected two rising numbers"),
            Refusal("a point beyond the picture", {"alpha": [0.0, 1.0, 2.0]}, ValueError,
                    "alpha contains 2, expected at least 0 and at most 1"),
        ),
    ),
    Contract(
        saliency_figures.plot_deletion,
        lambda: {
            "parts": list(PATH),
            "deletion": {"gradient": [0.9, 0.5, 0.1]},
            "insertion": {"gradient": [0.1, 0.5, 0.9]},
        },
        (
            Refusal("a curve of another length", {"insertion": {"gradient": [0.1, 0.9]}},
                    ValueError, r"insertion\['gradient'\] has 2 values, expected 3"),
            Refusal("a probability that is NaN", {"deletion": {"gradient": [np.nan] * 3}},
                    ValueError, r"deletion\['gradient'\] contains 3 values that are NaN"),
            Refusal("a negative probability", {"deletion": {"gradient": [0.9, -0.5, 0.1]}},
                    ValueError, r"deletion\['gradient'\] contains -0.5, expected at least 0"),
            Refusal("a negative probability of an insertion",
                    {"insertion": {"gradient": [0.9, -0.5, 0.1]}}, ValueError,
                    r"insertion\['gradient'\] contains -0.5, expected at least 0"),
            Refusal("no curves", {"deletion": {}}, ValueError,
                    "deletion is empty, expected one curve"),
            Refusal("parts in percent", {"parts": [0, 50, 100]}, ValueError,
                    "parts contains 50, expected at least 0 and at most 1"),
        ),
    ),
    Contract(
        saliency_figures.plot_randomisation,
        lambda: {
            "correlations": {
                "gradient": {"trained": 1.0, "classifier": 0.5},
                "Grad-CAM": {"trained": torch.tensor(1.0), "classifier": torch.tensor(-0.6)},
            }
        },
        (
            Refusal("no methods", {"correlations": {}}, ValueError,
                    "correlations is empty, expected one"),
            Refusal("methods with other blocks",
                    {"correlations": {"a": {"all": 1, "top": 0}, "b": {"all": 1, "low": 0}}},
                    ValueError, "blocks of 'b' are all, low, expected all, top"),
            Refusal("a method without blocks", {"correlations": {"a": {}}}, ValueError,
                    r"shape \(0,\), expected a sequence of numbers"),
            Refusal("a correlation above one", {"correlations": {"a": {"trained": 1.5}}},
                    ValueError,
                    r"correlations\['a'\] contains 1.5, expected at least -1 and at most 1"),
            Refusal("a correlation below minus one", {"correlations": {"a": {"trained": -1.5}}},
                    ValueError, r"correlations\['a'\] contains -1.5, expected at least -1"),
            Refusal("a correlation that is NaN", {"correlations": {"a": {"trained": np.nan}}},
                    ValueError, r"correlations\['a'\] contains 1 values that are NaN"),
        ),
    ),
)  # fmt: skip

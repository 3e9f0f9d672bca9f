"""Contracts of ``cs231n_lib.see.distortions``."""

from __future__ import annotations

import torch

from cs231n_lib.see.distortions import crop, jpeg, shrink_and_pad, survives
from tests.contracts import Contract, Refusal
from tests.tiny import pictures, question

CONTRACTS = (
    Contract(
        survives,
        question,
        (
            Refusal("a class that does not exist", {"y": 5}, ValueError, "no class 5, expected 0"),
            Refusal("a list of distortions without names", {"distortions": [crop]}, TypeError,
                    "expected a dict from names to functions"),
            Refusal("a distortion that gives pixels from 0 to 255",
                    {"distortions": {"bytes": lambda X: 255 * X.abs()}},
                    ValueError, "X has values .*, expected normalised pixels"),
            Refusal("a distortion that loses pictures", {"distortions": {"less": lambda X: X[:1]}},
                    ValueError, r"y has shape \(2,\), expected \(1,\)"),
            Refusal("a distortion that is not a function", {"distortions": {"crop": 0.9}},
                    TypeError, "expected a dict from names to functions"),
        ),
    ),
    Contract(crop, lambda: {"X": pictures(), "share": 0.9}),
    Contract(
        shrink_and_pad,
        lambda: {"X": pictures(), "generator": torch.Generator(), "least": 0.8},
        (Refusal("no generator, so that numbers would come from the one that all share",
                 {"generator": None}, TypeError,
                 "generator is a NoneType, expected a torch.*Generator"),),
        changes={"generator": "numbers are drawn from it"},
    ),
    Contract(jpeg, lambda: {"X": pictures(), "quality": 75}),
)  # fmt: skip

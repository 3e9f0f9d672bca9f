"""Contracts of the scenes of things with names."""

from __future__ import annotations

from cs231n_lib.speak.nouns import NamedThing, sample_noun_scenes, split_pairs
from tests.contracts import Contract

CONTRACTS = (
    Contract(NamedThing, lambda: {"size": "large", "noun": "guitar"}),
    Contract(split_pairs, dict),
    Contract(sample_noun_scenes, lambda: {"split": "val", "count": 3, "seed": 1}),
)

"""Processes of their own, forked from one that has imported PyTorch, which takes seconds."""

from __future__ import annotations

import multiprocessing

__all__ = ["FORKED"]

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["tests.speak.test_distributed", "tests.speak.test_photograph_features"]
)

"""The benchmarks run, both sides of each loop."""

from __future__ import annotations

from benchmarks.pictures import measure


def test_every_loop_is_measured_on_both_sides():
    rows = measure(repeats=0)
    assert len(rows) == 6
    for name, plain, ours, ratio in rows:
        assert name
        assert 0 < ours < 60 and 0 < plain < 60
        assert ratio == plain / ours

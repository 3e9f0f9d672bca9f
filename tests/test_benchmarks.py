"""The benchmarks run, all sides of each loop."""

from __future__ import annotations

from benchmarks import pictures


def test_every_loop_of_the_vision_chapters_is_measured(monkeypatch):
    monkeypatch.setattr(pictures, "STEPS", dict.fromkeys(pictures.STEPS, 1))
    (rows,) = pictures.tables(repeats=1).values()
    assert len({row["loop"] for row in rows}) == len(rows) == 7
    for row in rows:
        seconds = [float(row[f"{side}, s"]) for side in ("plain", "ours", "floor")]
        assert all(0 < s < 60 for s in seconds)
        assert float(row["plain / ours"]) > 0 and float(row["ours / floor"]) > 0

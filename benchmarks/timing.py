"""Time several ways to do one thing, fairly: in turn, in one process, the best of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from timeit import Timer

import torch
from threadpoolctl import threadpool_limits
from torch.utils.benchmark import timer

_LEAST = 0.05  # seconds that one measurement takes at least: short calls are repeated within it


def best_of(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Seconds of one call of each side.

    The sides take turns, so that whatever else the machine does hits them alike, and the best of
    ``repeats`` turns counts: noise only ever adds. On a GPU the timer waits for it to finish.
    """
    timers = {name: Timer(call, timer=timer) for name, call in sides.items()}
    counts = {  # this first turn also warms up
        name: max(1, math.ceil(_LEAST / side.timeit(1))) for name, side in timers.items()
    }
    turns = [
        {name: side.timeit(counts[name]) / counts[name] for name, side in timers.items()}
        for _ in range(repeats)
    ]
    return {name: min(turn[name] for turn in turns) for name in sides}


def best_on_threads(
    sides: Mapping[str, Callable[[], object]], repeats: int, counts: Sequence[int] = (1, 2)
) -> list[dict[str, float]]:
    """Seconds of one call of each side with so many threads, for each count."""
    before, best = torch.get_num_threads(), []
    for threads in counts:
        torch.set_num_threads(threads)
        with threadpool_limits(threads, user_api="blas"):
            best.append(best_of(sides, repeats))
    torch.set_num_threads(before)
    return best


def peak_memory(call: Callable[[], object]) -> int:
    """Bytes that a call needs at most, beyond what the process held before. On Linux alone."""
    before = _held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    call()
    return _held("VmHWM") - before


def _held(what: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split(f"{what}:")[1].split()[0])

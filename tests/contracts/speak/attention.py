"""Contracts of the LSTM that looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cs231n_lib.speak import attention
from tests.contracts import Contract, Refusal
from tests.gradients import normal

N, T, D, H, L, A, C = 2, 3, 4, 5, 6, 7, 8


def _step() -> dict[str, np.ndarray]:
    return normal(0, prev_h=(N, H), keys=(N, L, A), values=(N, L, A), Wq=(H, A))


def _sequence() -> dict[str, np.ndarray]:
    return normal(
        0, x=(N, T, D), h0=(N, H), keys=(N, L, A), values=(N, L, A), Wx=(D + A, 4 * H),
        Wh=(H, 4 * H), Wq=(H, A), b=(4 * H,),
    )  # fmt: skip


def _field() -> dict[str, np.ndarray]:
    return normal(0, x=(N, L, C), w=(C, A), P=(L, A))


def _back(
    forward: Callable, arguments: Callable, upstream: str, cache: str = "cache"
) -> Callable[[], dict[str, Any]]:
    """Arguments of a backward pass, after ``forward``."""

    def made() -> dict[str, Any]:
        out, kept = forward(**arguments())
        return {upstream: np.ones_like(out), cache: kept}

    return made


_REFUSES = tuple(
    Refusal(
        f"weights of the input {what}", lambda a, change=change: {"Wx": change(a["Wx"])},
        ValueError, rf"Wx has shape \({rows}, 20\), expected \(11, 4H\) = \(11, 20\)",
    )
    for what, rows, change in (
        ("without rows for the context", D, lambda Wx: Wx[:D]),
        ("with a row too many", D + A + 1, lambda Wx: np.concatenate([Wx, Wx[:1]])),
    )
)  # fmt: skip

CONTRACTS = (
    Contract(attention.attention_step_forward, _step),
    Contract(
        attention.attention_step_backward,
        _back(attention.attention_step_forward, _step, "dcontext"),
    ),
    Contract(attention.attention_loop_forward, _sequence, _REFUSES),
    Contract(
        attention.attention_loop_backward,
        _back(attention.attention_loop_forward, _sequence, "dh", "caches"),
    ),
    Contract(attention.attention_forward, _sequence, _REFUSES),
    Contract(attention.attention_backward, _back(attention.attention_forward, _sequence, "dh")),
    Contract(
        attention.attention_weights,
        lambda: {"cache": attention.attention_forward(**_sequence())[1]},
    ),
    Contract(attention.field_affine_forward, _field),
    Contract(
        attention.field_affine_backward, _back(attention.field_affine_forward, _field, "dout")
    ),
)

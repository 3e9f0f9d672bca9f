"""Contracts of ``cs231n_lib.see.fourier``."""

from __future__ import annotations

import math

import torch

from cs231n_lib.see.fourier import FourierPicture, PixelPicture, random_view, wave_amplitudes
from tests.contracts import Contract, Refusal
from tests.tiny import of_tensors, pictures


def _of_counts(name: str, what: str) -> tuple[Refusal, ...]:
    return (
        Refusal(f"no {what}", {name: 0}, ValueError, f"{name} is 0, expected at least 1"),
        Refusal(f"a {what} and a half", {name: 1.5}, TypeError,
                f"{name} is 1.5, expected a whole number"),
        Refusal(f"True in place of a {what}", {name: True}, TypeError,
                f"{name} is True, expected a whole number"),
    )  # fmt: skip


OF_PICTURES = (*_of_counts("count", "picture"), *_of_counts("size", "pixel"))

CONTRACTS = (
    Contract(wave_amplitudes, lambda: {"size": 8}, _of_counts("size", "pixel")),
    Contract(FourierPicture, lambda: {"count": 2, "size": 8}, OF_PICTURES),
    Contract(FourierPicture.forward, lambda: {"self": FourierPicture(2, 8)}),
    Contract(PixelPicture, lambda: {"count": 2, "size": 8}, OF_PICTURES),
    Contract(PixelPicture.forward, lambda: {"self": PixelPicture(2, 8)}),
    Contract(
        random_view,
        lambda: {"X": pictures(), "generator": torch.Generator(), "shift": 2},
        (
            *of_tensors("X", "pictures"),
            Refusal("grey pictures", lambda a: {"X": a["X"].detach()[:, :1]}, ValueError,
                    r"X has shape \(2, 1, 8, 8\), expected \(N, 3, H, W\)"),
            Refusal("no generator, so that numbers would come from the one that all share",
                    {"generator": None}, TypeError,
                    "generator is a NoneType, expected a torch.Generator"),
            Refusal("a negative shift", {"shift": -1}, ValueError, "shift is -1, expected at lea"),
            Refusal("a picture that may vanish", {"scale": 1.0}, ValueError,
                    "scale is 1, expected at least 0 and at most 0.99"),
            Refusal("an angle that is NaN", {"degrees": math.nan}, ValueError, "degrees is nan"),
            Refusal("an angle as a text", {"degrees": "5"}, TypeError, "degrees is '5', expected"),
        ),
        changes={"generator": "numbers are drawn from it"},
    ),
)  # fmt: skip

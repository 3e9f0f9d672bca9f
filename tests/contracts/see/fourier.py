"""Contracts of ``cs231n_lib.see.fourier``."""

from __future__ import annotations

import torch

from cs231n_lib.see.fourier import FourierPicture, PixelPicture, random_view, wave_amplitudes
from tests.contracts import Contract, Refusal
from tests.tiny import pictures

CONTRACTS = (
    Contract(wave_amplitudes, lambda: {"size": 8}),
    Contract(FourierPicture, lambda: {"count": 2, "size": 8}),
    Contract(
        FourierPicture.forward,
        lambda: {"self": FourierPicture(2, 8)},
        (
            Refusal("half precision", {"self": FourierPicture(2, 8).half()}, TypeError,
                    "^FourierPicture: the picture has dtype torch.float16, .* picture.float()"),
        ),
    ),
    Contract(
        FourierPicture.enlarged,
        lambda: {"self": FourierPicture(2, 8), "size": 16},
        (
            Refusal("a smaller size", {"size": 7}, ValueError, "size is 7, expected 8 or more"),
            Refusal("half precision", {"self": FourierPicture(2, 8).half()}, TypeError,
                    "the picture has dtype torch.float16, .* picture.float()"),
        ),
    ),
    Contract(PixelPicture, lambda: {"count": 2, "size": 8}),
    Contract(PixelPicture.forward, lambda: {"self": PixelPicture(2, 8)}),
    Contract(
        random_view,
        lambda: {
            "X": pictures(),
            "generator": torch.Generator(),
            "shift": 2,
            "scale": 0.1,
            "degrees": 5,
        },
        changes={"generator": "numbers are drawn from it"},
    ),
)  # fmt: skip

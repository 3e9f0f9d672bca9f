"""Scales of pixels: floats from 0 to 1, and what networks trained on ImageNet read.

A network reads *normalised* pictures: ImageNet's mean colour is subtracted, and each channel
divided by its standard deviation.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch

from cs231n_lib.checks import Call, checked, named, shown
from cs231n_lib.see.checks import Pictures, Tensor
from cs231n_lib.see.precision import in_float32

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "RealPictures",
    "check_real",
    "clamp_pixels",
    "denormalize",
    "mean_and_std",
    "normalize",
]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@checked(pixels=Tensor("... 3 H W", half=True))
@in_float32
def normalize(pixels: torch.Tensor) -> torch.Tensor:
    """From floats in [0, 1], (..., 3, H, W), to a network's normalised pictures.

    Raises TypeError or ValueError if ``pixels`` is not such a tensor.
    """
    mean, std = _statistics(pixels.device, pixels.dtype)
    return (pixels - mean) / std


@checked(X=Tensor("... 3 H W", half=True))
@in_float32
def denormalize(X: torch.Tensor) -> torch.Tensor:
    """From normalised pictures, (..., 3, H, W), to floats; those of real pictures are in [0, 1].

    Raises TypeError or ValueError if ``X`` is not such a tensor.
    """
    mean, std = _statistics(X.device, X.dtype)
    return X * std + mean


@checked(X=Tensor("N 3 H W", half=True))
@in_float32
def clamp_pixels(X: torch.Tensor) -> torch.Tensor:
    """Normalised pictures, (N, 3, H, W), with every pixel moved into the range of bytes.

    Raises TypeError or ValueError if ``X`` is not such a tensor.
    """
    mean, std = _statistics(X.device, X.dtype)
    return X.clamp(-mean / std, (1 - mean) / std)


def check_real(name: str, X: torch.Tensor) -> None:
    """Raise ValueError unless normalised pictures have pixels from 0 to 1, up to rounding."""
    X = X.detach()
    each = (0, 2, 3)  # the ends of each colour
    low, high = (denormalize(end[:, None, None]) for end in (X.amin(each), X.amax(each)))
    low, high = low.min().item(), high.max().item()
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(
            named(
                f"{name} has pixels from {shown(low, 0)} to {shown(high, 1)} "
                "once the normalisation is undone, expected 0 to 1; "
                "cs231n_lib.see.pixels.clamp_pixels moves them there"
            )
        )


@dataclass(frozen=True)
class RealPictures(Pictures):
    """A kind of argument: normalised pictures whose pixels are from 0 to 1, up to rounding."""

    def __call__(self, name: str, X: torch.Tensor, call: Call) -> None:
        super().__call__(name, X, call)
        check_real(name, X)


@checked(like=Tensor("...", half=True))
def mean_and_std(like: torch.Tensor) -> list[torch.Tensor]:
    """ImageNet's mean colour and its standard deviation, (3, 1, 1) each, as another tensor."""
    return [part.clone() for part in _statistics(like.device, like.dtype)]


@functools.cache  # copying a number to a GPU means waiting for it
def _statistics(device: torch.device, dtype: torch.dtype) -> list[torch.Tensor]:
    """ImageNet's mean colour and its standard deviation, (3, 1, 1) each."""
    with torch.inference_mode(False):  # tensors made in that mode cannot take part in gradients
        return [
            torch.tensor(values, device=device, dtype=dtype)[:, None, None]
            for values in (IMAGENET_MEAN, IMAGENET_STD)
        ]

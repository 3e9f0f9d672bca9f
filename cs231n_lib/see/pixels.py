"""Scales of pixels: floats from 0 to 1, and what networks trained on ImageNet read.

A network reads *normalised* pictures: ImageNet's mean colour is subtracted, and each channel
divided by its standard deviation.
"""

from __future__ import annotations

import functools

import torch

from cs231n_lib.checks import checked
from cs231n_lib.see.checks import Tensor

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "clamp_pixels", "denormalize", "normalize"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@checked(pixels=Tensor("... 3 H W"))
def normalize(pixels: torch.Tensor) -> torch.Tensor:
    """From floats in [0, 1], (..., 3, H, W), to a network's normalised pictures.

    Raises TypeError or ValueError if ``pixels`` is no such tensor.
    """
    mean, std = _statistics(pixels.device, pixels.dtype)
    return (pixels - mean) / std


@checked(X=Tensor("... 3 H W"))
def denormalize(X: torch.Tensor) -> torch.Tensor:
    """From normalised pictures, (..., 3, H, W), to floats; those of real pictures are in [0, 1].

    Raises TypeError or ValueError if ``X`` is no such tensor.
    """
    mean, std = _statistics(X.device, X.dtype)
    return X * std + mean


@checked(X=Tensor("N 3 H W"))
def clamp_pixels(X: torch.Tensor) -> torch.Tensor:
    """Normalised pictures, (N, 3, H, W), with every pixel moved into the range that bytes have.

    Raises TypeError or ValueError if ``X`` is no such tensor.
    """
    mean, std = _statistics(X.device, X.dtype)
    return X.clamp(-mean / std, (1 - mean) / std)


@functools.cache  # to copy a number to a GPU is to wait for it
def _statistics(device: torch.device, dtype: torch.dtype) -> list[torch.Tensor]:
    """ImageNet's mean colour and its standard deviation, (3, 1, 1) each."""
    with torch.inference_mode(False):  # what is made in that mode can take part in no gradient
        return [
            torch.tensor(values, device=device, dtype=dtype)[:, None, None]
            for values in (IMAGENET_MEAN, IMAGENET_STD)
        ]

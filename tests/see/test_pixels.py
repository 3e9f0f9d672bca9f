"""Scales of pixels: there and back, within the range of bytes, and the chain rule in between."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cs231n_lib.checks import checked
from cs231n_lib.see import pixels as module
from cs231n_lib.see.pixels import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    RealPictures,
    check_real,
    clamp_pixels,
    denormalize,
    mean_and_std,
    normalize,
)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_denormalize_undoes_normalize(dtype):
    pixels = torch.rand(2, 3, 4, 5, dtype=dtype)
    X = normalize(pixels)
    assert X.dtype == dtype
    torch.testing.assert_close(denormalize(X), pixels, rtol=0, atol=1e-6)


def test_clamping_moves_only_what_no_byte_can_hold():
    X = 5 * torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    clamped = clamp_pixels(X)
    pixels = denormalize(clamped)
    assert -1e-6 < pixels.min() < 1e-6 and 1 - 1e-6 < pixels.max() < 1 + 1e-6
    inside = (denormalize(X) > 0) & (denormalize(X) < 1)
    assert inside.any() and (~inside).any()
    torch.testing.assert_close(clamped[inside], X[inside], rtol=0, atol=0)
    torch.testing.assert_close(denormalize(X).clamp(0, 1), pixels, rtol=0, atol=1e-6)


def test_mean_and_standard_deviation_are_imagenets():
    mean, std = mean_and_std(torch.zeros(1, dtype=torch.float64))
    assert mean.dtype == torch.float64 and mean.shape == std.shape == (3, 1, 1)
    assert mean.flatten().tolist() == list(IMAGENET_MEAN)
    assert std.flatten().tolist() == list(IMAGENET_STD)
    X = np.random.default_rng(0).random((2, 3, 4, 5))
    expected = (X - np.reshape(IMAGENET_MEAN, (3, 1, 1))) / np.reshape(IMAGENET_STD, (3, 1, 1))
    np.testing.assert_allclose(normalize(torch.from_numpy(X)).numpy(), expected)


def test_normalising_without_gradients_first_spoils_no_gradient_later():
    module._statistics.cache_clear()
    with torch.inference_mode():
        normalize(torch.rand(1, 3, 2, 2))
    pixels = torch.rand(1, 3, 2, 2, requires_grad=True)
    normalize(pixels).sum().backward()
    expected = (1 / torch.tensor(IMAGENET_STD)).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    torch.testing.assert_close(pixels.grad, expected)


@pytest.mark.parametrize("ends", [(-0.0011, 1.0), (0.0, 1.0011)])
def test_pictures_are_real_where_pixels_are_from_zero_to_one(ends):
    @checked(X=RealPictures())
    def look(X):
        pass

    pixels = torch.rand(2, 3, 4, 5)
    for scale in (0.8, 1):  # rounding is allowed
        low, high = scale * ends[0], 1 + scale * (ends[1] - 1)
        pixels[0, 0, 0, 0], pixels[1, 2, 3, 4] = low, high
        if scale < 1:
            look(normalize(pixels))
    with pytest.raises(ValueError, match=r"^look: X has .*expected 0 to 1; .*clamp_pixels moves"):
        look(normalize(pixels))
    with pytest.raises(ValueError, match=r"pictures has pixels from .*expected 0 to 1"):
        check_real("pictures", normalize(pixels))
    with pytest.raises(ValueError, match=r"^look: X contains pixels that are NaN"):
        look(normalize(pixels) * torch.nan)

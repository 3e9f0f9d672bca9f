"""Distortions: equal to Pillow's, to plain code, and differentiable where they promise it."""

from __future__ import annotations

import functools
import io

import numpy as np
import pytest
import torch
from PIL import Image

from cs231n_lib.see.distortions import DISTORTIONS, crop, jpeg, shrink_and_pad, survives
from cs231n_lib.see.images import blur_image, deprocess, load_image, preprocess
from tests.tiny import exact_pictures, question, smooth_network
from tests.untouched import differences, photograph


def test_crop_keeps_the_middle():
    X = torch.zeros(1, 3, 20, 10, dtype=torch.float64)
    X[:, :, 5:15, 2:8] = 1
    assert torch.equal(crop(X, 0.5), torch.ones_like(X))
    assert torch.equal(crop(X, 1.0), X)
    X = torch.arange(35.0).view(1, 1, 5, 7).repeat(1, 3, 1, 1)
    torch.testing.assert_close(crop(X, 0.01), torch.full_like(X, 17))  # a single pixel is left


@pytest.mark.parametrize("quality", [1, 60, 95])
def test_jpeg_is_pils(quality):
    X = preprocess("coffee", 32)
    file = io.BytesIO()
    Image.fromarray(load_image("coffee", 32)).save(file, format="JPEG", quality=quality)
    expected = np.asarray(Image.open(file))
    np.testing.assert_array_equal(deprocess(jpeg(X, quality))[0], expected)


@pytest.mark.parametrize("H, W, least", [(30, 40, 0.5), (3, 2, 0.05)])
def test_shrink_and_pad_draws_a_share_and_a_place(H, W, least):
    generator, same = (torch.Generator().manual_seed(2) for _ in range(2))
    for _ in range(20):
        share, down, right = torch.rand(3, generator=same, dtype=torch.float64).tolist()
        share = least + (1 - least) * share
        h, w = max(1, round(share * H)), max(1, round(share * W))
        top, left = round(down * (H - h)), round(right * (W - w))
        expected = torch.zeros(1, 3, H, W)
        expected[:, :, top : top + h, left : left + w] = 1
        ours = shrink_and_pad(torch.ones(1, 3, H, W), generator, least)
        torch.testing.assert_close(ours, expected)


def test_distortions_let_gradients_through_where_they_promise():
    X = exact_pictures(1).requires_grad_()
    generator = torch.Generator().manual_seed(0)
    for distorted in (blur_image(X, 0.5), crop(X), shrink_and_pad(X, generator)):
        (g,) = torch.autograd.grad(distorted.square().sum(), X)
        assert g.isfinite().all() and (g != 0).any()


def test_survives_asks_for_each_distortion_and_changes_nothing():
    model, X = smooth_network().train(), exact_pictures().requires_grad_()
    y = smooth_network()(X).argmax(dim=1)
    before = photograph(X=X, y=y, model=model)
    assert set(survives(X, y, model)) == set(DISTORTIONS) == {"rounding", "blur", "crop", "JPEG"}
    answers = survives(X, y, model, {"nothing": lambda Z: Z, "black": lambda Z: 0 * Z - 2})
    assert answers["nothing"].all()
    black = smooth_network()(torch.full_like(X, -2)).argmax(dim=1)
    assert torch.equal(answers["black"], black == y)
    assert differences(before, photograph(X=X, y=y, model=model)) == []


@pytest.mark.parametrize(
    ("distortion", "message"),
    [
        (functools.partial(crop, share=2.0), "crop: share is 2"),
        (functools.partial(jpeg, quality=0), "jpeg: quality is 0"),
    ],
)
def test_a_setting_bound_to_a_distortion_is_checked(distortion, message):
    with pytest.raises(ValueError, match=f"^{message}, expected"):
        survives(**question(), distortions={"distorted": distortion})

"""The generated paintings: their promises, and that each has strokes and not only colours."""

import numpy as np
import pytest

from cs231n_lib.paintings import PAINTINGS

every = pytest.mark.parametrize("paint", PAINTINGS.values(), ids=PAINTINGS.keys())


@every
@pytest.mark.parametrize("size", [32, 77])
def test_a_painting_is_a_square_of_bytes(paint, size):
    picture = paint(size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8


@every
def test_the_seed_decides_and_no_global_generator_is_touched(paint):
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - nobody may have used it
    first, again, other = paint(64, 3), paint(64, 3), paint(64, 4)
    assert np.array_equal(first, again)
    assert (first != other).mean() > 0.05
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@every
def test_a_larger_painting_is_the_same_one(paint):
    large = paint(192).reshape(64, 3, 64, 3, 3).mean(axis=(1, 3))
    small = paint(64).astype(float)
    both = np.corrcoef(large.ravel(), small.ravel())[0, 1]
    assert both > 0.5


@every
def test_a_painting_uses_dark_and_light_and_has_edges(paint):
    grey = paint(128).mean(axis=2)
    assert np.quantile(grey, 0.05) < 90
    assert np.quantile(grey, 0.95) > 140
    assert np.abs(np.diff(grey, axis=0)).mean() > 5


def test_strokes_of_the_swirls_follow_the_wind_around_a_star():
    """Around a star the picture changes less along a circle than across it."""
    grey = PAINTINGS["swirls"](256).mean(axis=2)
    down, right = np.gradient(grey)
    y, x = np.mgrid[:256, :256] / 256
    away = np.stack([x - 0.74, y - 0.24])
    distance = np.hypot(*away)
    ring = (distance > 0.04) & (distance < 0.18)
    outwards = (away[0] * right + away[1] * down) / distance.clip(min=1e-9)
    along = (-away[1] * right + away[0] * down) / distance.clip(min=1e-9)
    assert np.square(outwards[ring]).mean() > 1.5 * np.square(along[ring]).mean()


def test_panes_are_parted_by_dark_lead():
    dark = PAINTINGS["stained glass"](256).max(axis=2) < 90
    assert 0.1 < dark.mean() < 0.5


def test_an_engraving_has_ink_and_paper_and_little_between():
    grey = PAINTINGS["engraving"](256).mean(axis=2)
    assert ((grey < 60) | (grey > 200)).mean() > 0.6
    assert 0.2 < (grey < 120).mean() < 0.6


@every
def test_a_size_too_small_is_an_error(paint):
    with pytest.raises(ValueError, match="size is 31, expected at least 32"):
        paint(31)

"""Colours kept: closed forms, and what stays of either picture."""

import numpy as np
import pytest

from cs231n_lib.see.style_colours import grey, match_colours, replace_luminance


def greys(*values):
    """A row of grey pixels."""
    return np.repeat(np.uint8(values)[None, :, None], 3, axis=2)


def test_match_colours_gives_mean_and_covariance():
    rng = np.random.default_rng(0)
    image, reference = (
        np.uint8(
            (rng.normal(0, 12, (height, 50, 3)) @ rng.normal(0, 1, (3, 3)) + mean).clip(0, 255)
        )
        for height, mean in ((60, 120), (40, 100))
    )
    matched = match_colours(image, reference)
    assert matched.shape == image.shape and matched.dtype == np.uint8
    pixels, wanted = matched.reshape(-1, 3), reference.reshape(-1, 3)
    np.testing.assert_allclose(pixels.mean(axis=0), wanted.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(np.cov(pixels.T), np.cov(wanted.T), rtol=0.05, atol=4)
    assert np.abs(match_colours(image, image).astype(int) - image).max() <= 1
    plain = np.full((8, 8, 3), 90, np.uint8)  # no covariance to divide by
    assert np.abs(match_colours(plain, reference).mean(axis=(0, 1)) - wanted.mean(axis=0)).max() < 1


def test_match_colours_in_closed_form():
    assert np.array_equal(match_colours(greys(0, 100), greys(50, 150)), greys(50, 150))
    # Means 50 and 205, deviations 100 and 70.7: what lies outside a byte is cut off, either way.
    assert np.array_equal(
        match_colours(greys(0, 0, 0, 200), greys(155, 255)), greys(170, 170, 170, 255)
    )
    assert np.array_equal(
        match_colours(greys(255, 255, 255, 55), greys(0, 100)), greys(85, 85, 85, 0)
    )


def test_one_step_of_a_byte_is_variance_enough():
    image = np.array([[[100, 50, 50], [101, 50, 50]]], np.uint8)
    reference = np.array([[[20, 9, 9], [120, 9, 9]]], np.uint8)
    assert np.array_equal(match_colours(image, reference), reference)


def test_grey_is_the_luminance_three_times():
    primary = np.eye(3, dtype=np.uint8)[None] * 255
    assert np.array_equal(grey(primary), greys(76, 150, 29))
    assert np.array_equal(grey(greys(0, 7, 255)), greys(0, 7, 255))


@pytest.mark.parametrize(
    ("luminance", "expected"),
    [(255, [255, 251, 151]), (204, [250, 200, 100]), (0, [46, 0, 0])],
)
def test_replace_luminance_in_closed_form(luminance, expected):
    """The luminance of this colour is 203.55."""
    colour = np.array([[[250, 200, 100]]], np.uint8)
    assert replace_luminance(colour, greys(luminance))[0, 0].tolist() == expected


def test_replace_luminance():
    rng = np.random.default_rng(1)
    image, other = rng.integers(90, 160, (2, 9, 8, 3), dtype=np.uint8)
    result = replace_luminance(image, other)
    luma = [rgb.astype(float) @ [0.299, 0.587, 0.114] for rgb in (result, other)]
    np.testing.assert_allclose(*luma, atol=0.6)
    assert np.abs(np.diff(result.astype(int)) - np.diff(image.astype(int))).max() <= 1
    assert np.array_equal(replace_luminance(image, image), image)

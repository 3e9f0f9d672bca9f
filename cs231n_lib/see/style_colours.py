"""Keeping the content's colours in a style transfer, in one of two ways.

Source: Gatys, Bethge, Hertzmann and Shechtman 2016, "Preserving color in neural artistic style
transfer", arXiv:1606.05897.
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.checks import Bytes, checked, named

__all__ = ["grey", "match_colours", "replace_luminance"]

# The luminance Y of the NTSC standard. Adding one number to R, G and B adds it to Y and leaves the
# two colour differences as they were.
_LUMA = np.array([0.299, 0.587, 0.114])


@checked(image=Bytes(), reference=Bytes("K L 3"))
def match_colours(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Give a picture the mean colour and the colour covariance of another.

    Each pixel c becomes M (c - m) + m', with M = S'^(1/2) S^(-1/2): m and S are the mean and
    covariance of the picture's colours, m' and S' those of the reference (Gatys et al.,
    arXiv:1606.05897).

    Parameters
    ----------
    image, reference : (H, W, 3) uint8 arrays
        Their sizes may differ.

    Returns
    -------
    (H, W, 3) uint8 array
        Of the size of ``image``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or is a picture of a single pixel.
    """
    pixels, wanted = _colours(image), _colours(reference)
    spread = _power(np.cov(wanted.T), 0.5)
    transform = spread @ _power(np.cov(pixels.T), -0.5)
    matched = (pixels - pixels.mean(axis=0)) @ transform.T
    matched = (matched + wanted.mean(axis=0)).clip(0, 1)
    return np.rint(255 * matched).astype(np.uint8).reshape(image.shape)


def _colours(image: np.ndarray) -> np.ndarray:
    pixels = image.reshape(-1, 3) / 255
    if len(pixels) < 2:
        raise ValueError(named("a picture of a single pixel has no covariance of colours"))
    return pixels


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    """A power of a symmetric matrix, in the directions that have any variance."""
    values, vectors = np.linalg.eigh(covariance)
    some = values > 1e-6  # a byte's step has a variance of 1.5e-5
    return (vectors[:, some] * values[some] ** exponent) @ vectors[:, some].T


@checked(image=Bytes(), luminance=Bytes())
def replace_luminance(image: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """A picture's colours with the brightness of another.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        Gives the colours.
    luminance : (H, W, 3) uint8 array
        Gives the brightness.

    Returns
    -------
    (H, W, 3) uint8 array
    """
    change = luminance.astype(float) @ _LUMA - image.astype(float) @ _LUMA
    changed = (image + change[..., None]).clip(0, 255)
    return np.rint(changed).astype(np.uint8)


@checked(image=Bytes())
def grey(image: np.ndarray) -> np.ndarray:
    """A picture's brightness in all three channels: (H, W, 3) uint8, like the picture.

    Raises TypeError or ValueError if ``image`` is not such a picture.
    """
    luminance = np.rint(image.astype(float) @ _LUMA).clip(0, 255).astype(np.uint8)
    return np.repeat(luminance[..., None], 3, axis=2)

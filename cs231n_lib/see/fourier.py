"""Pictures held as something else than pixels, and looked at through small random changes.

A method that optimises a picture moves along a gradient, and which way is short depends on the
numbers that describe the picture. Here they are the coefficients of its waves, in colours that are
independent of each other (Olah, Mordvintsev and Schubert 2017, "Feature visualization", Distill;
Mordvintsev, Pezzotti, Schubert and Olah 2018, "Differentiable image parameterizations", Distill).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as everybody writes it

from cs231n_lib.see.old_checks import check_generator, check_tensor
from cs231n_lib.see.pixels import normalize
from cs231n_lib.validation import check_count, check_number

__all__ = ["COLOUR_BASIS", "FourierPicture", "PixelPicture", "random_view", "wave_amplitudes"]

# A square root of the covariance of the colours in ImageNet's pictures, as measured for Olah's
# library "lucid". Columns: light against dark, red against blue, green against purple; each as long
# as colours are spread along it.
COLOUR_BASIS = (
    (0.26, 0.09, 0.02),
    (0.27, 0.00, -0.05),
    (0.27, -0.09, 0.03),
)


def wave_amplitudes(size: int) -> torch.Tensor:
    """How strong the waves of an ordinary picture are: inversely as their frequency.

    Parameters
    ----------
    size : int
        Side of the picture, S.

    Returns
    -------
    (S, S // 2 + 1) float64 tensor
        ``S / f`` for the waves of ``torch.fft.rfft2``, f being cycles a pixel. The constant, which
        has f = 0, is given the amplitude of the slowest wave, f = 1 / S.

    Raises
    ------
    TypeError, ValueError
        If ``size`` is no whole number from 1.
    """
    check_count("wave_amplitudes", "size", size)
    rows = torch.fft.fftfreq(size, dtype=torch.float64)[:, None]
    columns = torch.fft.rfftfreq(size, dtype=torch.float64)
    frequencies = torch.hypot(rows, columns)
    return size / frequencies.clamp_min(1 / size)


class FourierPicture(nn.Module):
    """Pictures held as the coefficients of their waves, in colours that are independent.

    Calling it gives the pictures, differentiable with respect to the coefficients. Every pixel is
    a legal one, for a sigmoid is the last step but normalisation.

    Parameters
    ----------
    count : int
        Number of pictures, N.
    size : int
        Side of each, S.
    seed : int
        Of the small random coefficients it begins with: nearly grey pictures.
    decorrelate : bool
        Hold the colours as light, blue against red and green against purple, each as wide as in
        photographs. Otherwise as red, green and blue.

    Raises
    ------
    TypeError, ValueError
        If ``count`` or ``size`` is no whole number from 1.
    """

    def __init__(self, count: int, size: int, seed: int = 0, decorrelate: bool = True) -> None:
        super().__init__()
        check_count("FourierPicture", "count", count)
        check_count("FourierPicture", "size", size)
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(count, 3, size, size // 2 + 1, 2, generator=generator)
        basis = torch.tensor(COLOUR_BASIS) if decorrelate else torch.eye(3)
        self.size = size
        self.coefficients = nn.Parameter(0.01 * start)  # real and imaginary part
        self.register_buffer("amplitudes", wave_amplitudes(size).float() / 4)
        self.register_buffer("basis", basis / basis.norm(dim=0).max())

    def forward(self) -> torch.Tensor:
        """The pictures: (N, 3, S, S), normalised."""
        waves = torch.view_as_complex(self.coefficients) * self.amplitudes
        colours = torch.fft.irfft2(waves, s=(self.size, self.size))
        rgb = torch.einsum("rc,nchw->nrhw", self.basis, colours)
        return normalize(torch.sigmoid(rgb))


class PixelPicture(nn.Module):
    """Pictures held as pixels, each behind a sigmoid that keeps it legal.

    Parameters
    ----------
    count, size, seed
        As for :class:`FourierPicture`.

    Raises
    ------
    TypeError, ValueError
        If ``count`` or ``size`` is no whole number from 1.
    """

    def __init__(self, count: int, size: int, seed: int = 0) -> None:
        super().__init__()
        check_count("PixelPicture", "count", count)
        check_count("PixelPicture", "size", size)
        generator = torch.Generator().manual_seed(seed)
        self.pixels = nn.Parameter(0.01 * torch.randn(count, 3, size, size, generator=generator))

    def forward(self) -> torch.Tensor:
        """The pictures: (N, 3, S, S), normalised."""
        return normalize(torch.sigmoid(self.pixels))


def random_view(
    X: torch.Tensor,
    generator: torch.Generator,
    shift: float = 16,
    scale: float = 0.1,
    degrees: float = 5,
) -> torch.Tensor:
    """Each picture a little shifted, scaled and turned, at random.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
    generator : torch.Generator
        On the CPU, so that every device sees the same.
    shift : float
        At most so many pixels, to each side.
    scale : float
        Larger or smaller by at most this share.
    degrees : float
        Turned by at most this angle, either way.

    Returns
    -------
    (N, 3, H, W) tensor
        Differentiable with respect to ``X``. Beyond an edge the picture is mirrored.

    Raises
    ------
    TypeError, ValueError
        If ``X`` is no such tensor, ``generator`` no such generator, ``shift`` no number from 0,
        ``scale`` none from 0 to 0.99 or ``degrees`` none from 0.
    """
    check_tensor("random_view", X, "N 3 H W")
    check_generator("random_view", generator)
    check_number("random_view", "shift", shift, least=0)
    check_number("random_view", "scale", scale, least=0, most=0.99)
    check_number("random_view", "degrees", degrees, least=0)
    N, _, H, W = X.shape
    dx, dy, zoom, turn = 2 * torch.rand(4, N, generator=generator, dtype=torch.float64) - 1
    zoom, turn = 1 + scale * zoom, math.radians(degrees) * turn
    cos, sin = turn.cos() / zoom, turn.sin() / zoom
    rows = [cos, -sin * H / W, 2 * shift * dx / W], [sin * W / H, cos, 2 * shift * dy / H]
    affine = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    grid = F.affine_grid(affine.to(X), [N, 3, H, W], align_corners=False)
    return F.grid_sample(X, grid, padding_mode="reflection", align_corners=False)

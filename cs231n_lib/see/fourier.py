"""Pictures held as something other than pixels, and seen through small random changes.

A method that optimises a picture moves along a gradient, and its direction depends on the numbers
that describe the picture. Here they are the coefficients of its waves, in colours that are
independent of each other (Olah, Mordvintsev and Schubert 2017, "Feature visualization", Distill;
Mordvintsev, Pezzotti, Schubert and Olah 2018, "Differentiable image parameterizations", Distill).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as everybody writes it

from cs231n_lib.checks import Call, Count, Instance, Number, check_precision, checked, named
from cs231n_lib.see.checks import Generator, Tensor
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.precision import normal, plainly

__all__ = ["COLOUR_BASIS", "FourierPicture", "PixelPicture", "random_view", "wave_amplitudes"]

# A square root of the covariance of the colours in ImageNet's pictures, as measured for Olah's
# library "lucid". Columns: light against dark, red against blue, green against purple; each as long
# as the spread of colours along it.
COLOUR_BASIS = (
    (0.26, 0.09, 0.02),
    (0.27, 0.00, -0.05),
    (0.27, -0.09, 0.03),
)


@checked(size=Count())
def wave_amplitudes(size: int) -> torch.Tensor:
    """How strong the waves of an ordinary picture are: in inverse proportion to their frequency.

    Parameters
    ----------
    size : int
        Side of the picture, S.

    Returns
    -------
    (S, S // 2 + 1) float64 tensor
        ``S / f`` for the waves of ``torch.fft.rfft2``, f being cycles per pixel. The constant,
        which has f = 0, is given the amplitude of the slowest wave, f = 1 / S.
    """
    rows = torch.fft.fftfreq(size, dtype=torch.float64)[:, None]
    columns = torch.fft.rfftfreq(size, dtype=torch.float64)
    frequencies = torch.hypot(rows, columns)
    return size / frequencies.clamp_min(1 / size)


def _precise(name: str, picture: FourierPicture, call: Call) -> None:
    Instance(FourierPicture)(name, picture)
    check_precision("the picture", picture.coefficients.dtype, "picture.float()")


class FourierPicture(nn.Module):
    """Pictures held as the coefficients of their waves, in colours that are independent.

    Calling it gives the pictures, differentiable with respect to the coefficients. Every pixel is
    legal, because a sigmoid is the last step before normalisation.

    Parameters
    ----------
    count : int
        Number of pictures, N.
    size : int
        Side of each, S.
    seed : int
        Seed of the small random coefficients at the start: nearly grey pictures.
    decorrelate : bool
        Hold the colours as light, red against blue and green against purple, each with the spread
        it has in photographs. Otherwise as red, green and blue.
    """

    @checked(count=Count(), size=Count())
    @plainly()
    def __init__(
        self,
        count: int,
        size: int,
        seed: int = 0,
        decorrelate: bool = True,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        shape = count, 3, size, size // 2 + 1, 2  # real and imaginary parts
        start = normal(shape, generator)
        basis = torch.tensor(COLOUR_BASIS) if decorrelate else torch.eye(3)
        self.size = size
        self.coefficients = nn.Parameter(0.01 * start)
        self.register_buffer("amplitudes", wave_amplitudes(size).float() / 4)
        self.register_buffer("basis", (basis / basis.norm(dim=0).max()).float())

    @checked(self=_precise)
    @plainly()
    def forward(self) -> torch.Tensor:
        """The pictures: (N, 3, S, S), normalised. Raises TypeError in half precision."""
        waves = torch.view_as_complex(self.coefficients) * self.amplitudes
        colours = torch.fft.irfft2(waves, s=(self.size, self.size))
        rgb = torch.einsum("rc,nchw->nrhw", self.basis, colours)
        return normalize(torch.sigmoid(rgb))

    @checked(self=_precise, size=Count())
    def enlarged(self, size: int) -> FourierPicture:
        """The same pictures, larger: the waves they have, and room for finer ones.

        Parameters
        ----------
        size : int
            Side of the new pictures, at least S.

        Returns
        -------
        FourierPicture
            Its coefficients are copies. Those of finer waves are zero; the finest waves of the old
            grid, which have no direction there, are left out.

        Raises
        ------
        TypeError, ValueError
            If the picture is in half precision, or ``size`` is smaller than S.
        """
        if size < self.size:
            raise ValueError(named(f"size is {size}, expected {self.size} or more"))
        larger = FourierPicture(len(self.coefficients), size).to(self.coefficients)
        larger.basis.copy_(self.basis)
        n = (self.size + 1) // 2  # frequencies from 1 - n to n - 1 are on both grids
        rows, columns = torch.arange(1 - n, n)[:, None], torch.arange(n)
        with torch.no_grad():
            larger.coefficients.zero_()
            waves = slice(None), slice(None), rows, columns
            larger.coefficients[waves] = self.coefficients[waves]
        return larger


class PixelPicture(nn.Module):
    """Pictures held as pixels, each behind a sigmoid that keeps it legal.

    Parameters
    ----------
    count, size, seed
        As for :class:`FourierPicture`.
    """

    @checked(count=Count(), size=Count())
    @plainly()
    def __init__(self, count: int, size: int, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.pixels = nn.Parameter(0.01 * normal((count, 3, size, size), generator))

    def forward(self) -> torch.Tensor:
        """The pictures: (N, 3, S, S), normalised."""
        return normalize(torch.sigmoid(self.pixels))


@checked(
    X=Tensor("N 3 H W"),
    generator=Generator(),
    shift=Number(least=0),
    scale=Number(least=0, most=0.99),
    degrees=Number(least=0),
)
@plainly()
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
        On the CPU, so that the views are the same on every device.
    shift : float
        At most this many pixels, in any direction.
    scale : float
        Larger or smaller by at most this share.
    degrees : float
        Turned by at most this angle, either way.

    Returns
    -------
    (N, 3, H, W) tensor
        Differentiable with respect to ``X``. Beyond an edge the picture is mirrored.
    """
    N, _, H, W = X.shape
    draw = torch.rand(4, N, generator=generator, dtype=torch.float64)
    dx, dy, zoom, turn = 2 * draw - 1
    zoom, turn = 1 + scale * zoom, math.radians(degrees) * turn
    cos, sin = turn.cos() / zoom, turn.sin() / zoom
    right = torch.stack([cos, -sin * H / W, 2 * shift * dx / W], dim=1)
    down = torch.stack([sin * W / H, cos, 2 * shift * dy / H], dim=1)
    affine = torch.stack([right, down], dim=1).to(X)
    grid = F.affine_grid(affine, [N, 3, H, W], align_corners=False)
    mirrored = {"padding_mode": "reflection", "align_corners": False}
    return F.grid_sample(X, grid, **mirrored)

"""Pictures held as waves, and looked at from changing points of view."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import rotate

from cs231n_lib.see.fourier import (
    COLOUR_BASIS,
    FourierPicture,
    PixelPicture,
    random_view,
    wave_amplitudes,
)
from cs231n_lib.see.pixels import denormalize


def test_a_wave_is_a_wave():
    """One coefficient makes one cosine, of the amplitude that its frequency has."""
    S, u, v = 12, 2, 3
    picture = FourierPicture(1, S, decorrelate=False).double()
    with torch.no_grad():
        picture.coefficients.zero_()
        picture.coefficients[0, 1, u, v, 0] = 0.7
    rows, columns = np.mgrid[:S, :S]
    amplitude = S / math.hypot(u / S, v / S) / 4
    wave = 0.7 * amplitude * 2 / S**2 * np.cos(2 * np.pi * (u * rows + v * columns) / S)
    pixels = denormalize(picture()).detach()[0]
    np.testing.assert_allclose(pixels[1], 1 / (1 + np.exp(-wave)), atol=1e-6)
    np.testing.assert_allclose(pixels[[0, 2]], 0.5, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_sizes(size):
    assert wave_amplitudes(size).shape == (size, size // 2 + 1)
    assert wave_amplitudes(size)[0, 0] == size**2
    picture = FourierPicture(2, size)
    assert picture().shape == (2, 3, size, size)
    assert 0.005 < picture.coefficients.std() < 0.015  # hardly anything to begin with


def test_amplitudes_against_a_loop():
    amplitudes = wave_amplitudes(6)
    for row, u in enumerate([0, 1, 2, -3, -2, -1]):
        for v in range(4):
            frequency = max(math.hypot(u / 6, v / 6), 1 / 6)
            assert amplitudes[row, v].item() == pytest.approx(6 / frequency, rel=1e-12)


def test_colours_of_one_direction():
    """Light alone makes nearly grey pictures, the second direction red against blue."""
    picture = FourierPicture(1, 8)
    with torch.no_grad():
        start = picture.coefficients.clone()
        picture.coefficients[:, 1:] = 0
        red, _, blue = torch.logit(denormalize(picture()))[0]
        assert torch.corrcoef(torch.stack([red.ravel(), blue.ravel()]))[0, 1] > 0.999
        picture.coefficients.copy_(start)
        picture.coefficients[:, [0, 2]] = 0
        red, _, blue = torch.logit(denormalize(picture()))[0]
        assert torch.corrcoef(torch.stack([red.ravel(), blue.ravel()]))[0, 1] < -0.999


def test_basis_is_normalised():
    basis = FourierPicture(1, 4).basis
    expected = np.array(COLOUR_BASIS)
    np.testing.assert_allclose(
        basis, expected / np.sqrt((expected**2).sum(axis=0)).max(), rtol=1e-6
    )
    assert torch.equal(FourierPicture(1, 4, decorrelate=False).basis, torch.eye(3))


@pytest.mark.parametrize(("size", "larger"), [(7, 14), (8, 16), (8, 24), (1, 3)])
def test_enlarged_pictures_are_the_same_at_the_old_places(size, larger):
    """Without the finest waves of an even grid, which have no direction."""
    picture = FourierPicture(2, size, decorrelate=False).double()
    with torch.no_grad():
        picture.coefficients.mul_(100)
        if size % 2 == 0:
            picture.coefficients[:, :, size // 2] = 0
            picture.coefficients[:, :, :, size // 2] = 0
    before = picture.coefficients.clone()
    enlarged = picture.enlarged(larger)
    assert enlarged().shape == (2, 3, larger, larger)
    step = larger // size
    places = enlarged()[:, :, ::step, ::step]
    torch.testing.assert_close(places, picture(), rtol=0, atol=1e-5)
    with torch.no_grad():
        enlarged.coefficients.add_(1)
    assert torch.equal(picture.coefficients, before)


@pytest.mark.parametrize("kind", [FourierPicture, PixelPicture])
def test_legal_pixels_whatever_the_parameters(kind):
    picture = kind(1, 9)
    with torch.no_grad():
        next(picture.parameters()).mul_(1e4)
        pixels = denormalize(picture())
    assert pixels.min() > -1e-5 and pixels.max() < 1 + 1e-5


def test_pixels_are_behind_a_sigmoid():
    picture = PixelPicture(2, 7)
    assert picture.pixels.shape == (2, 3, 7, 7)
    assert 0.005 < picture.pixels.std() < 0.015
    with torch.no_grad():
        picture.pixels.mul_(100)
        expected = 1 / (1 + (-picture.pixels).exp())
        torch.testing.assert_close(denormalize(picture()), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [FourierPicture, PixelPicture])
def test_seed_and_dtype(kind):
    assert torch.equal(kind(2, 6, seed=3)(), kind(2, 6, seed=3)())
    assert not torch.equal(kind(2, 6, seed=3)(), kind(2, 6, seed=4)())
    assert kind(2, 6).double()().dtype == torch.float64


def test_a_step_in_waves_is_a_smooth_step():
    """The step of the pixels is A Aᵀ g: check it against the matrix A, written out."""
    S = 6
    picture = FourierPicture(1, S, decorrelate=False).double()
    n = picture.coefficients[0, 0].numel()

    def pixels(z):
        full = torch.zeros_like(picture.coefficients[0, 0]).view(-1) + 0
        full = torch.view_as_complex(z.view(S, S // 2 + 1, 2) + full.view(S, -1, 2))
        return torch.fft.irfft2(full * picture.amplitudes, s=(S, S)).ravel()

    A = torch.autograd.functional.jacobian(pixels, torch.zeros(n, dtype=torch.float64))
    g = torch.randn(S * S, dtype=torch.float64)
    z = torch.zeros(n, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(pixels(z) @ g, z)
    torch.testing.assert_close(pixels(gradient.detach()), A @ A.T @ g)
    spectrum = torch.fft.rfft2((A @ A.T @ g).view(S, S)).abs()
    before = torch.fft.rfft2(g.view(S, S)).abs()
    gain = spectrum / before
    assert gain[0, 1] > 5 * gain[3, 2]


def test_nothing_to_change():
    X = torch.randn(2, 3, 8, 10, dtype=torch.float64)
    seen = random_view(X, torch.Generator().manual_seed(0), shift=0, scale=0, degrees=0)
    torch.testing.assert_close(seen, X)


def test_shift_within_its_bound():
    """A ramp from left to right is moved by at most so many pixels, and each on its own."""
    ramp = torch.arange(64.0, dtype=torch.float64).expand(50, 3, 64, 64)
    generator = torch.Generator().manual_seed(0)
    seen = random_view(ramp, generator, shift=5, scale=0, degrees=0)
    moved = (seen - ramp)[:, 0, 10:-10, 10:-10]
    assert moved.std(dim=(1, 2)).max() < 1e-9
    moved = moved.mean(dim=(1, 2))
    assert moved.abs().max() <= 5 and moved.min() < -4 and moved.max() > 4


@pytest.mark.parametrize("axis", [2, 3])
def test_beyond_an_edge_the_picture_is_mirrored(axis):
    """A ramp shifted by d shows, at j, what is at j + d, or at its mirror image."""
    ramp = torch.arange(20.0, dtype=torch.float64).expand(30, 3, 9, 20)
    X = ramp if axis == 3 else ramp.mT
    seen = random_view(X, torch.Generator().manual_seed(0), shift=6, scale=0, degrees=0)
    if axis == 2:
        seen = seen.mT
    d = (seen - ramp)[:, :, :, 9:11].mean(dim=3, keepdim=True)
    place = (ramp + d + 0.5).abs() - 0.5  # an edge is half a pixel before the first
    place = 19.5 - (19.5 - place).abs()
    torch.testing.assert_close(seen, place.clamp(0, 19), rtol=0, atol=1e-9)
    assert d.min() < -4 and d.max() > 4


def test_turn_and_zoom_keep_their_bounds():
    y, x = torch.meshgrid(*(torch.arange(41.0, dtype=torch.float64) - 20,) * 2, indexing="ij")
    plane = torch.stack([x, y, x]).expand(50, 3, 41, 41)
    generator = torch.Generator().manual_seed(0)
    seen = random_view(plane, generator, shift=0, scale=0.2, degrees=30)
    a, c = seen[:, 0, 20, 24] / 4, seen[:, 1, 20, 24] / 4  # where the point (4, 0) came from
    angle, zoom = torch.rad2deg(torch.atan2(c, a)).abs(), 1 / torch.hypot(a, c)
    assert 25 < angle.max() <= 30 and angle.min() < 5
    assert 0.8 <= zoom.min() < 0.85 and 1.15 < zoom.max() <= 1.2


def test_a_turn_does_not_shear():
    """On a picture that is not square as well."""
    generator = torch.Generator().manual_seed(1)
    smooth = np.add.outer(np.sin(np.arange(40) / 7), np.cos(np.arange(60) / 9))
    X = torch.from_numpy(smooth).expand(1, 3, 40, 60)
    seen = random_view(X, generator, shift=0, scale=0, degrees=20)[0, 0].numpy()
    turn = 2 * torch.rand(4, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    degrees = 20 * (turn[3].item() - 1)
    expected = rotate(smooth, degrees, reshape=False, order=1)
    np.testing.assert_allclose(seen[12:-12, 18:-18], expected[12:-12, 18:-18], atol=1e-6)


def test_gradient_flows():
    X = torch.randn(1, 3, 6, 6, dtype=torch.float64, requires_grad=True)

    def view(X):
        return random_view(X, torch.Generator().manual_seed(2), shift=2)

    assert torch.autograd.gradcheck(view, X)

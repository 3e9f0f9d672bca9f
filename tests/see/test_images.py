"""Pictures: whatever they come as, one array; whatever is wrong with them, one message."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from cs231n_lib.see.images import (
    PHOTOGRAPHS,
    blur_image,
    deprocess,
    load_image,
    load_scaled,
    preprocess,
    save_png,
)
from cs231n_lib.see.pixels import normalize


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_photograph_is_there_and_is_no_blank(name):
    image = load_image(name, size=64)
    assert image.shape == (64, 64, 3) and image.dtype == np.uint8
    assert image.std() > 15


def test_a_file_comes_back_byte_for_byte(tmp_path, pixels):
    path = tmp_path / "a picture.png"
    save_png(path, pixels)
    np.testing.assert_array_equal(load_image(path), pixels)
    np.testing.assert_array_equal(load_image(str(path)), pixels)
    assert [p.name for p in tmp_path.iterdir()] == ["a picture.png"]


def test_floats_mean_the_same_as_bytes(pixels):
    np.testing.assert_array_equal(load_image(pixels / 255), pixels)
    np.testing.assert_array_equal(load_image((pixels / 255).astype(np.float32)), pixels)


@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 1)])
def test_grey_gets_three_equal_channels(pixels, shape):
    image = load_image(pixels[:, :, 0].reshape(shape))
    np.testing.assert_array_equal(image, np.repeat(pixels[:, :, :1], 3, axis=2))


def test_transparent_places_become_white(pixels):
    opacity = np.zeros((6, 9, 1), np.uint8)
    opacity[3:] = 255
    image = load_image(np.concatenate([pixels, opacity], axis=2))
    assert (image[:3] == 255).all()
    np.testing.assert_array_equal(image[3:], pixels[3:])


def test_a_palette_with_transparency_becomes_white(tmp_path):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((0, 0), 1)
    image.save(tmp_path / "p.png", transparency=0)
    read = load_image(tmp_path / "p.png")
    assert read[0, 0].tolist() == [0, 0, 255]
    assert (read[1:] == 255).all()


@pytest.mark.parametrize("mode", ["RGBA", "RGBa", "LA", "La", "PA", "RGB", "L"])
def test_transparency_of_every_kind_becomes_white(mode):
    """As a channel, as a palette's, or as the one colour that counts as transparent."""
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 255))
    image.putpixel((0, 0), (40, 40, 40, 0))
    image = image.convert("LA").convert(mode) if mode == "La" else image.convert(mode)
    if mode in ("RGB", "L"):
        image.info["transparency"] = 40 if mode == "L" else (40, 40, 40)
    read = load_image(image)
    assert read[0, 0].tolist() == [255, 255, 255]
    assert (read[0, 1:] == 0).all()


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path):
    values = np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert load_image(tmp_path / "deep.png")[:, :, 0].tolist() == [[0, 100], [200, 255]]
    between = Image.fromarray(np.array([[128, 129, 1000, 2698, 2699]], np.uint16))
    assert load_image(between)[0, :, 0].tolist() == [0, 1, 4, 10, 11]


def test_floats_at_the_ends_of_their_range_are_black_and_white():
    assert load_image(np.array([[0.0, 0.5, 1.0]]))[0, :, 1].tolist() == [0, 128, 255]


def test_the_note_on_how_the_camera_was_held_is_obeyed(tmp_path):
    image = Image.new("RGB", (4, 2), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    image.save(tmp_path / "held.png", exif=exif)
    read = load_image(tmp_path / "held.png")
    assert read.shape == (4, 2, 3)
    assert read[0, 1].tolist() == [255, 255, 255]


def test_the_square_is_cut_from_the_middle():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 200
    assert (load_image(image, size=10) == 200).all()


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.zeros((2, 3, 4, 3)), ValueError, r"shape \(2, 3, 4, 3\), expected \(H, W\)"),
        (
            np.zeros((5, 5, 2)),
            ValueError,
            r"shape \(5, 5, 2\), expected \(H, W\), \(H, W, 1\), \(H, W, 3\) or \(H, W, 4\) with",
        ),
        (np.zeros(7), ValueError, r"shape \(7,\)"),
        (np.zeros((0, 5, 3)), ValueError, "no dimension of size zero"),
        (np.zeros((5, 5, 3), int), TypeError, "dtype int64, expected uint8"),
        (np.zeros((5, 5), bool), TypeError, "dtype bool"),
        (np.full((5, 5), np.nan), ValueError, "NaN"),
        (np.full((5, 5), np.inf), ValueError, "infinite"),
        (np.full((5, 5), 1.5), ValueError, "from 1.5 to 1.5, expected 0 to 1"),
        (np.full((5, 5), -0.1), ValueError, "from -0.1"),
        (Image.new("F", (3, 3)), ValueError, "'F' pixels of unknown range"),
        (Image.new("I", (3, 3)), ValueError, "'I' pixels of unknown range"),
    ],
)
def test_what_is_no_picture_is_refused(array, error, message):
    with pytest.raises(error, match=rf"load_image: .*{message}"):
        load_image(array)
    with pytest.raises(error, match=rf"preprocess: .*{message}"):
        preprocess(array)


def test_a_missing_file_lists_the_photographs():
    with pytest.raises(FileNotFoundError, match=r"'no\.png'.*names are astronaut, camera"):
        load_image("no.png")


def test_preprocess_normalises_as_imagenet_does(pixels):
    X = preprocess(pixels, size=None)
    expected = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert X.shape == (1, 3, 6, 9) and X.dtype == torch.float32
    assert X.is_contiguous()  # not channels last, which optimisers stumble over
    np.testing.assert_allclose(X[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_deprocess_is_its_inverse(pixels):
    X = preprocess([pixels, 255 - pixels], size=None)
    back = deprocess(X)
    assert back.shape == (2, 6, 9, 3)
    np.testing.assert_array_equal(back, [pixels, 255 - pixels])


def test_deprocess_clips_and_rounds():
    values = torch.tensor([-0.3, 0.4999 / 255, 0.5001 / 255, 1.7])
    X = normalize(values.expand(3, 1, 4)[None])
    assert deprocess(X)[0, 0, :, 0].tolist() == [0, 0, 1, 255]


def test_deprocess_leaves_a_picture_with_gradient_alone():
    X = preprocess("coffee", 8).requires_grad_()
    deprocess(X)
    assert X.requires_grad and X.grad is None


@pytest.mark.parametrize("sigma", [0.5, 1, 1.7])
def test_blurring_is_scipys(sigma):
    X = torch.randn(2, 3, 9, 13, dtype=torch.float64)
    expected = gaussian_filter1d(gaussian_filter1d(X.numpy(), sigma, axis=2), sigma, axis=3)
    np.testing.assert_allclose(blur_image(X, sigma).numpy(), expected, atol=1e-14)


@pytest.mark.parametrize("sigma", [2.2, 3])
def test_a_blur_wider_than_the_picture_is_refused(sigma):
    for shape in ((1, 3, 8, 9), (1, 3, 9, 8)):
        with pytest.raises(ValueError, match="blur_image: sigma"):
            blur_image(torch.zeros(shape), sigma)


@pytest.mark.parametrize("side", [16, 24, 32, 48])
def test_pictures_are_scaled_whatever_the_scale(side):
    """And keep their shape."""
    image = np.random.default_rng(3).integers(0, 256, (16, 25, 3), dtype=np.uint8)
    width = round(25 * side / 16)
    scaled = load_scaled(image, side)
    assert scaled.shape == (side, width, 3)
    expected = Image.fromarray(image).resize((width, side), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(scaled, expected)
    assert load_scaled(image.swapaxes(0, 1), side).shape == (width, side, 3)


def test_many_pictures_need_one_size(pixels):
    assert preprocess([pixels, "coffee"], size=5).shape == (2, 3, 5, 5)
    with pytest.raises(ValueError, match=r"images of different sizes, \[\(6, 9\), \(9, 6\)\]"):
        preprocess([pixels, pixels.swapaxes(0, 1)], size=None)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, pixels, monkeypatch):
    path = tmp_path / "x.png"
    save_png(path, pixels)

    def fail(self, file, format):  # noqa: A002 - Pillow's name
        file.write(b"half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(28))):
        save_png(path, 255 - pixels)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]
    np.testing.assert_array_equal(load_image(path), pixels)

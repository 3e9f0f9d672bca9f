"""Pictures: whatever they come as, one array; whatever is wrong with them, one message."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from cs231n_lib.see.images import (
    PAINTED,
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


@pytest.mark.parametrize("name", [*PHOTOGRAPHS, *PAINTED])
def test_every_packaged_picture_is_there_and_is_no_blank(name):
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


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_one_colour_that_counts_as_transparent_becomes_white(mode):
    image = Image.new(mode, (3, 1))
    colour = 40 if mode == "L" else (40, 40, 40)
    image.putpixel((0, 0), colour)
    image.info["transparency"] = colour
    read = load_image(image)
    assert read[0, 0].tolist() == [255, 255, 255]
    assert (read[0, 1:] == 0).all()


def test_floats_at_the_ends_of_their_range_are_black_and_white():
    assert load_image(np.array([[0.0, 0.5, 1.0]]))[0, :, 1].tolist() == [0, 128, 255]


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
        (np.zeros((5, 5), np.int8), TypeError, "dtype int8, expected uint8 .*, uint16 .*, bool"),
        (np.full((5, 5), np.nan), ValueError, "NaN"),
        (np.full((5, 5), np.inf), ValueError, "infinite"),
        (np.full((5, 5), 1.5), ValueError, "from 1.5 to 1.5, expected 0 to 1"),
        (np.full((5, 5), -0.1), ValueError, "from -0.1"),
        (np.full((5, 5), 1 + 1e-6), ValueError, "to 1.000001, expected 0 to 1"),
        (Image.new("F", (3, 3)), ValueError, "'F' pixels of unknown range"),
        (Image.new("I", (3, 3)), ValueError, "'I' pixels of unknown range"),
    ],
)
def test_what_is_no_picture_is_refused(array, error, message):
    with pytest.raises(error, match=rf"load_image: .*{message}"):
        load_image(array)
    with pytest.raises(error, match=rf"preprocess: .*{message}"):
        preprocess(array)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (
            "no.png",
            FileNotFoundError,
            r"'no\.png', and no picture .*names are astronaut, cam.*t$",
        ),
        (Path("coffee"), FileNotFoundError, "there is no file 'coffee'$"),
        ("", FileNotFoundError, "there is no file '', and no picture"),
        ("~/a.png", FileNotFoundError, r"'~/a\.png', .*give Path\('~/a\.png'\)\.expanduser\(\)"),
        ("a\0b", ValueError, r"the picture 'a\\x00b' has a name that no file has"),
        ("\ud800", ValueError, r"the picture '\\ud800' has a name that no file has"),
        (b"a.png", TypeError, "source is a bytes, expected a name, a path, a NumPy array or a PIL"),
        (io.BytesIO(), TypeError, "source is a BytesIO, expected a name, a path"),
    ],
)
def test_what_leads_to_no_picture_is_refused(source, error, message):
    with pytest.raises(error, match=f"load_image: .*{message}"):
        load_image(source)


def test_a_name_that_is_too_long_is_refused():
    with pytest.raises(OSError, match=r"File name too long: 'xxx.*xxx'"):
        load_image("x" * 300)


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP"])
def test_of_several_frames_the_one_at_which_an_image_stands_is_read(tmp_path, format_):
    frames = [Image.new("L", (3, 2), grey).convert("RGB") for grey in (0, 255, 0)]
    frames[0].save(tmp_path / "film", format_, save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "film") as image:
        for number in (0, 1, 2, 1):
            image.seek(number)
            assert (load_image(image) == 255 * (number == 1)).all()
            assert image.tell() == number
    assert (load_image(tmp_path / "film") == 0).all()


def test_a_closed_image_says_so(tmp_path, pixels):
    save_png(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as image:
        pass
    with pytest.raises(ValueError, match=r"load_image: .*PngImageFile.* cut short or closed$"):
        load_image(image)


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
@pytest.mark.parametrize("note", [b"no note", b"Exif\0\0II*\0", b"Exif\0\0XX\0*\0\0\0\x08"])
def test_a_note_that_cannot_be_read_turns_nothing(tmp_path, pixels, format_, note):
    Image.fromarray(pixels).save(tmp_path / "a", format_, lossless=True, exif=note)
    np.testing.assert_array_equal(load_image(tmp_path / "a"), pixels)
    with Image.open(tmp_path / "a") as image:
        np.testing.assert_array_equal(load_image(image), pixels)


def test_links_are_followed(tmp_path, pixels):
    save_png(tmp_path / "a.png", pixels)
    (tmp_path / "link").symlink_to(tmp_path / "a.png")
    np.testing.assert_array_equal(load_image(tmp_path / "link"), pixels)


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


def test_a_picture_too_long_to_be_scaled_is_refused():
    """It would have needed 75 GB."""
    line = np.zeros((1, 100_000), np.uint8)
    says = r"size \(100000, 1\); scaled to \(50000000, 500\), it would have more than 162000000"
    with pytest.raises(ValueError, match=f"^load_scaled: the picture has {says}"):
        load_scaled(line, 500)
    assert load_scaled(line, 2).shape == (2, 200_000, 3)


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

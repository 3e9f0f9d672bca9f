"""The notebooks' own ways to a picture lead through the library's one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cs231n import image_utils, net_visualization_pytorch
from cs231n_lib.see.images import deprocess, load_image


@pytest.fixture
def held(tmp_path):
    """A photograph as a camera that was turned keeps it, half of it transparent."""
    pixels = np.random.default_rng(0).integers(256, size=(4, 6, 4), dtype=np.uint8)
    pixels[..., 3] = 255 * (np.arange(6) % 2)
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(pixels).save(tmp_path / "held.png", exif=exif)
    return tmp_path / "held.png"


def test_a_picture_is_the_same_through_every_door(held):
    expected = load_image(held)
    assert expected.shape == (6, 4, 3)
    for source in (held, str(held), io.BytesIO(held.read_bytes())):
        np.testing.assert_array_equal(image_utils.load_image(source), expected)
    with Image.open(held) as image:
        X = net_visualization_pytorch.preprocess(image, size=4)
    np.testing.assert_array_equal(deprocess(X)[0], expected)


def test_a_picture_from_the_network_is_read_or_grey(held, capsys):
    np.testing.assert_array_equal(image_utils.image_from_url(held.as_uri()), load_image(held))
    held.write_bytes(held.read_bytes()[:-60])
    assert (image_utils.image_from_url(held.as_uri()) == 192).all()
    assert "no picture from file:" in capsys.readouterr().out

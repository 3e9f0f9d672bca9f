"""Grids of pictures: each at its place, with its words, in its own shape."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lib.gallery import show_images

PICTURE = np.full((4, 6, 3), 90, np.uint8)


def test_pictures_fill_the_grid_row_by_row():
    figure = show_images([PICTURE] * 5, titles=list("abcde"), columns=3, row_labels=["x", "y"])
    assert [ax.get_title() for ax in figure.axes] == list("abcde")
    assert [ax.get_ylabel() for ax in figure.axes] == ["x", "", "", "y", ""]
    boxes = [ax.get_position() for ax in figure.axes]
    assert boxes[0].y0 == pytest.approx(boxes[2].y0)
    assert boxes[0].x0 == pytest.approx(boxes[3].x0)
    assert boxes[0].x0 < boxes[1].x0 < boxes[2].x0
    assert boxes[2].y0 > boxes[3].y1
    assert not plt.get_fignums()


def test_titles_of_columns_stand_once():
    figure = show_images([PICTURE] * 4, titles=["a", "b"], columns=2)
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "", ""]


@pytest.mark.parametrize("shape", [(4, 6, 3), (6, 4, 3), (5, 5)])
def test_a_picture_keeps_its_shape_and_stays_inside(shape):
    figure = show_images([np.zeros(shape)] * 4, titles=["a\nb"] * 4, columns=2)
    width, height = figure.get_size_inches()
    assert width == 8
    for ax in figure.axes:
        box = ax.get_position()
        assert 0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1
        ratio = (box.height * height) / (box.width * width)
        assert ratio == pytest.approx(shape[0] / shape[1], rel=0.03)


def test_a_map_with_both_signs_is_white_at_zero():
    figure = show_images([np.array([[-1.0, 0.0, 4.0]])])
    image = figure.axes[0].images[0]
    assert image.get_clim() == (-4, 4)
    assert np.allclose(image.cmap(image.norm(0.0))[:3], 1, atol=0.05)


def test_a_map_without_sign_uses_its_own_range():
    image = show_images([np.array([[2.0, 3.0]])]).axes[0].images[0]
    assert image.get_clim() == (2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": []}, "no images"),
        ({"images": [PICTURE] * 4, "titles": ["a"], "columns": 2}, "1 titles for 4 images"),
        ({"images": [PICTURE] * 4, "columns": 2, "row_labels": ["a"]}, "1 row labels for 2 rows"),
    ],
)
def test_words_must_fit_the_pictures(arguments, message):
    with pytest.raises(ValueError, match=message):
        show_images(**arguments)

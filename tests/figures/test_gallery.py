"""Grids of pictures: each at its place, with its words, in its own shape."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from cs231n_lib.figures.gallery import show_images

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


def test_a_tensor_of_maps_is_as_good_as_a_list():
    assert len(show_images(torch.rand(3, 4, 6)).axes) == 3


def test_titles_of_columns_are_shown_once():
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


def test_pictures_of_a_row_are_equally_high_and_as_wide_as_their_shape_asks():
    shapes = [(4, 6, 3), (6, 4, 3), (5, 5), (4, 6, 3)]
    figure = show_images([np.zeros(shape) for shape in shapes], columns=3, row_labels=["x", "y"])
    wide, tall, square, alone = (ax.get_position() for ax in figure.axes)
    inches = figure.get_size_inches()[1]
    assert wide.height == pytest.approx(tall.height) and wide.height == pytest.approx(square.height)
    assert alone.height == pytest.approx(wide.height)  # not blown up to fill a row of its own
    assert 8 * wide.width == pytest.approx(1.5 * inches * wide.height)
    assert 8 * tall.width == pytest.approx(inches * tall.height / 1.5)
    assert 8 * square.width == pytest.approx(inches * square.height)
    assert 8 * (tall.x0 - wide.x1) == pytest.approx(0.04)
    assert 8 * square.x1 == pytest.approx(7.98)


def test_words_are_above_and_beside_the_pictures_in_a_size_that_fits():
    figure = show_images([PICTURE] * 2, titles=["a", "b"], columns=2, row_labels=["x"])
    first = figure.axes[0]
    assert (first.title.get_text(), first.yaxis.label.get_text()) == ("a", "x")
    assert first.title.get_weight() == "normal"
    assert [ax.get_title(loc) for ax in figure.axes for loc in ("left", "right")] == [""] * 4
    for words in (first.title, first.yaxis.label):
        assert words.get_fontsize() == pytest.approx(7.5 + 3.5 * 4 / 6)
    assert show_images([PICTURE], titles=["a"]).axes[0].title.get_fontsize() == 11
    figure.draw_without_rendering()
    title = first.title.get_window_extent()
    assert 0 < title.y0 - first.get_window_extent().y1 < 8
    assert title.y1 <= figure.bbox.y1
    assert first.yaxis.label.get_window_extent().x0 >= 0
    assert 8 * first.get_position(original=True).x0 == pytest.approx(0.27 + 0.02)


def test_titles_have_the_room_of_their_lines_and_are_centred():
    with plt.rc_context({"axes.titlelocation": "left"}):
        figure = show_images([PICTURE], titles=["a\nb"])
    assert figure.axes[0].get_title("center") == "a\nb"
    words = 2 * 1.35 * 11 / 72 + 0.06
    assert figure.get_size_inches()[1] == pytest.approx(7.96 * 4 / 6 + 0.02 + words)


def test_pictures_are_close_together_and_fill_the_page():
    figure = show_images([PICTURE] * 4, columns=2)
    width, height = figure.get_size_inches()
    assert height == pytest.approx(2 * (3.96 * 4 / 6 + 0.06))
    boxes = [ax.get_position(original=True) for ax in figure.axes]
    assert width * (boxes[1].x0 - boxes[0].x1) == pytest.approx(0.04)
    assert height * (boxes[0].y0 - boxes[2].y1) == pytest.approx(0.06)
    assert (width * boxes[0].x0, width * boxes[1].x1) == pytest.approx((0.02, 7.98))
    assert height * boxes[2].y0 == pytest.approx(0.02)


def test_nothing_but_the_picture_is_drawn():
    for ax in show_images([PICTURE, np.array([[-1.0, 2.0]]), np.array([[0, 2]])]).axes:
        assert (list(ax.get_xticks()), list(ax.get_yticks())) == ([], [])
        assert [spine.get_visible() for spine in ax.spines.values()] == [False] * 4


def test_photographs_are_smoothed_and_maps_are_not():
    photograph, signed, plain = (
        ax.images[0]
        for ax in show_images(
            [PICTURE, np.array([[-1.0, 2.0]]), np.array([[0, 2]])], colours="magma"
        ).axes
    )
    assert photograph.get_interpolation() == "bicubic"
    assert photograph.get_interpolation_stage() == "rgba"
    assert signed.get_interpolation() == plain.get_interpolation() != "bicubic"
    assert (signed.get_cmap().name, plain.get_cmap().name) == ("RdBu_r", "magma")


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16"])
def test_a_map_may_hold_any_real_numbers(dtype):
    (ax,) = show_images([np.array([[0, 1]], dtype)]).axes
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0, 1]])


def test_a_map_with_both_signs_is_white_at_zero():
    figure = show_images([np.array([[-1.0, 0.0, 4.0]])])
    image = figure.axes[0].images[0]
    assert image.get_clim() == (-4, 4)
    assert np.allclose(image.cmap(image.norm(0.0))[:3], 1, atol=0.05)


def test_a_map_without_sign_uses_its_own_range():
    image = show_images([np.array([[2.0, 3.0]])]).axes[0].images[0]
    assert image.get_clim() == (2, 3)

"""Figures of attention show where a network looked, and how much."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cs231n_lib.figures.attention import look_tiles

PICTURE = np.full((30, 48, 3), 200, np.uint8)
WORDS = ["a", "red"]
WEIGHTS = np.array([[0.1, 0.2, 0.3, 0.4], [0.97, 0.01, 0.01, 0.01]])


def drawn() -> list:
    figures = [Figure(figsize=(3, 2)) for _ in range(3)]
    for tile, figure in zip(look_tiles(PICTURE, WORDS, WEIGHTS), figures, strict=True):
        tile(figure)
    return [figure.axes[0] for figure in figures]


def test_the_first_tile_is_the_picture_and_each_word_has_one_of_its_own():
    plain, *looks = drawn()
    np.testing.assert_array_equal(plain.images[0].get_array(), PICTURE)
    assert not plain.texts and not plain.patches
    assert [[text.get_text() for text in ax.texts] for ax in looks] == [["40%"], ["97%"]]
    assert not any(ax.axison for ax in (plain, *looks))


def test_a_field_is_lit_by_its_share_and_the_strongest_is_framed():
    _, *looks = drawn()
    for ax, shares, corner in zip(looks, WEIGHTS, ((0.5, 0.5), (0, 0))):
        lit = ax.images[0].get_array()
        assert lit.shape == PICTURE.shape
        fields = lit.reshape(2, 15, 2, 24, 3).swapaxes(1, 2).reshape(4, -1)
        assert (fields == fields[:, :1]).all()
        light = 0.25 + 0.75 * np.sqrt(shares / shares.max())
        np.testing.assert_allclose(fields[:, 0] / 200, light, atol=0.01)
        (frame,) = ax.patches
        assert frame.get_xy() == corner
        assert (frame.get_width(), frame.get_height()) == (0.5, 0.5)


def test_a_label_is_whole_also_where_its_field_is_at_an_edge():
    weights = np.eye(36)
    for tile in look_tiles(PICTURE, list("a" * 36), weights)[1:]:
        figure = Figure(figsize=(140 / 72, 140 / 72))  # five in a row of a page
        tile(figure)
        (label,) = figure.axes[0].texts
        renderer = FigureCanvasAgg(figure).get_renderer()
        label.draw(renderer)  # only now its box has a size
        box = label.get_bbox_patch().get_window_extent(renderer)
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1

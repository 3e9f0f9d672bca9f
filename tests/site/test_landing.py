"""The landing page's pictures: cut from the right figure, at the right place, in the right file."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.colors import to_hex
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from cs231n_lib.figures.style import COLOUR
from cs231n_lib.speak.scenes import RELATIONS, draw, sample_scenes
from tests.contracts.landing import chapters, figure_cell
from website import landing
from website.landing import CARDS, SIZE, Card, card_picture, chapter_figure, cover

RED, BLUE, GREEN, WHITE = (200, 0, 0), (0, 0, 200), (0, 160, 0), (255, 255, 255)


def quarters() -> Image.Image:
    """A figure that is red and blue above, green and white below."""
    figure = Image.new("RGB", (400, 200), WHITE)
    for colour, corner in ((RED, (0, 0)), (BLUE, (200, 0)), (GREEN, (0, 100))):
        figure.paste(colour, (*corner, corner[0] + 200, corner[1] + 100))
    return figure


def test_a_card_shows_its_parts_from_left_to_right_with_a_gap():
    parts = (0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1), (0, 0, 0.5, 0.5)
    picture = np.array(card_picture(quarters(), Card("a", parts)))
    assert picture.shape == (360, 720, 3)
    width = (720 - 2 * 8) // 3
    for number, colour in enumerate((BLUE, GREEN, RED)):
        left = number * (width + 8)
        assert (picture[:, left : left + width] == colour).all()
        assert (picture[:, left + width : left + width + 8] == WHITE).all()


def test_a_part_fills_its_share_without_being_stretched():
    whole = np.array(card_picture(quarters(), Card("a", ((0, 0, 1, 1),))))
    assert [tuple(whole[y, x]) for y, x in ((9, 9), (9, 700), (350, 9))] == [RED, BLUE, GREEN]
    tall = np.array(card_picture(quarters(), Card("a", ((0.4, 0, 0.6, 0.5),))))
    assert (tall[:, :330] == RED).all() and (tall[:, 390:] == BLUE).all()
    assert (tall[:, 359] != RED).any() and (tall[:, 360] != BLUE).any()  # a soft edge


def test_a_label_is_written_in_the_middle_below_white_on_dark():
    parts = ((0, 0, 0.5, 0.5),) * 2
    bare, labelled = (
        np.array(card_picture(quarters(), Card("a", parts, labels))) for labels in ((), ("abc",))
    )
    rows, columns = np.nonzero((bare != labelled).any(axis=2))
    assert (columns.min() + columns.max()) / 2 == pytest.approx(356 / 2, abs=3)
    assert columns.max() - columns.min() == pytest.approx(50, abs=15)
    assert 310 < rows.min() < 330 and rows.max() == pytest.approx(360 - 22 + 4, abs=2)
    found = {to_hex(np.array(colour) / 255) for colour in labelled[rows, columns].tolist()}
    assert {"#ffffff", COLOUR["ink"].lower()} <= found


@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_label_is_in_the_middle_of_its_own_part(number):
    labels = ["", "", ""]
    labels[number] = "abc"
    pictures = [
        np.array(card_picture(quarters(), Card("a", ((0, 0, 0.5, 0.5),) * 3, tuple(written))))
        for written in (["", "", ""], labels)
    ]
    columns = np.nonzero((pictures[0] != pictures[1]).any(axis=(0, 2)))[0]
    middle = number * (234 + 8) + 234 / 2
    assert (columns.min() + columns.max()) / 2 == pytest.approx(middle, abs=3)


def test_a_part_is_scaled_with_the_best_of_filters():
    noise = np.random.default_rng(0).integers(256, size=(90, 180, 3), dtype=np.uint8)
    figure = Image.fromarray(noise)
    picture = np.array(card_picture(figure, Card("a", ((0, 0, 1, 1),))))
    expected = figure.resize(SIZE, Image.Resampling.LANCZOS)
    np.testing.assert_allclose(picture, np.array(expected), atol=1)


def test_a_card_may_show_the_whole_figure_and_nothing_beyond():
    for beyond in ((-0.1, 0, 1, 1), (0, -0.1, 1, 1), (0, 0, 1, 1.5), (0, 0.5, 1, 0.5)):
        with pytest.raises(ValueError, match=r"a part is .*, expected .left, top, right, bottom."):
            card_picture(quarters(), Card("a", (beyond,)))


def test_a_figure_is_found_by_its_label_among_other_outputs(tmp_path):
    figure = figure_cell("fig-b")
    figure.outputs.insert(0, new_output("stream", text="trained"))
    figure.outputs[1].data = {"text/plain": "<Figure>"} | figure.outputs[1].data
    other = figure_cell("fig-a")
    other.outputs = []
    cells = [new_code_cell("1"), new_code_cell("2", metadata={"mystnb": {}}), other, figure]
    nbformat.write(new_notebook(cells=cells), tmp_path / "chapter.ipynb")
    picture = chapter_figure(tmp_path / "chapter.ipynb", "fig-b")
    assert (picture.mode, picture.size) == ("RGB", (40, 30))
    assert to_hex(np.array(picture.getpixel((20, 15))) / 255) == "#0072b2"
    with pytest.raises(ValueError, match="has no figure 'fig-a' among its outputs"):
        chapter_figure(tmp_path / "chapter.ipynb", "fig-a")


@pytest.mark.parametrize("mode", ["RGBA", "L", "P"])
def test_a_figure_comes_in_three_colours_whatever_its_file_has(tmp_path, mode):
    file = io.BytesIO()
    Image.new(mode, (40, 30)).save(file, "png")
    figure = figure_cell("fig-a")
    figure.outputs[0].data = {"image/png": base64.b64encode(file.getvalue()).decode()}
    nbformat.write(new_notebook(cells=[figure]), tmp_path / "chapter.ipynb")
    assert chapter_figure(tmp_path / "chapter.ipynb", "fig-a").mode == "RGB"


def test_a_figure_becomes_a_picture_of_its_own_size_and_colour_and_only_it_is_closed():
    try:
        figure, other = (plt.figure(figsize=(2, 1), dpi=50, facecolor="#0072B2") for _ in range(2))
        with mpl.rc_context({"savefig.format": "pdf", "savefig.dpi": 20}):
            picture = landing._as_picture(figure)
        assert (picture.mode, picture.size) == ("RGB", (100, 50))
        assert (np.array(picture) == (0x00, 0x72, 0xB2)).all()
        assert plt.get_fignums() == [other.number]
    finally:
        plt.close("all")


def test_the_first_card_shows_a_scene_and_its_caption(monkeypatch):
    (scene,) = sample_scenes("test", 1)
    figures = []
    as_picture = landing._as_picture
    monkeypatch.setattr(
        landing, "_as_picture", lambda figure: figures.append(figure) or as_picture(figure)
    )
    with mpl.rc_context({"font.family": "serif"}):
        picture = np.array(landing.caption_picture())
    assert picture.shape == (360, 720, 3)
    assert (picture[:, -1] == (0xF4, 0xF1, 0xEA)).all()
    assert (picture[:, 370:] != (0xF4, 0xF1, 0xEA)).any()
    (figure,) = figures
    (ax,), (words,) = figure.axes, figure.texts
    np.testing.assert_array_equal(ax.images[0].get_array(), draw(scene, scale=4))
    assert not ax.axison
    assert ax.get_position().extents == pytest.approx((0, 0, 0.5, 1))
    first, relation, second = words.get_text().split("\n")
    assert relation in RELATIONS and f"{first} {relation} {second}" == scene.captions[0]
    assert (words.get_position(), words.get_va()) == ((0.54, 0.5), "center")
    assert (words.get_fontsize(), words.get_color()) == (14, COLOUR["ink"])
    assert words.get_fontfamily() == ["DejaVu Sans"]
    figure.draw_without_rendering()
    assert words.get_window_extent().x1 < figure.bbox.x1
    assert words.get_window_extent().height == pytest.approx(3 * 1.6 * 14 * 160 / 72, rel=0.1)
    assert not plt.get_fignums()


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_the_cover_shows_all_cards_in_two_columns(count):
    cards = {str(k): Image.new("RGB", SIZE, (40 * k, 9, 9)) for k in range(count)}
    picture = np.array(cover(cards))
    rows = (count + 1) // 2
    assert picture.shape == (rows * 368 - 8, 1448, 3)
    for k in range(count):
        top, left = k // 2 * 368, k % 2 * 728
        assert (picture[top : top + 360, left : left + 720] == (40 * k, 9, 9)).all()
    assert (picture == WHITE).all(axis=2).sum() == picture[..., 0].size - count * 720 * 360


def test_every_card_and_the_cover_are_written_as_photographs():
    folder = Path(chapters()["chapters"])
    cards = landing.card_pictures(folder)
    assert list(cards) == ["01-rnn", *CARDS]
    landing.write_pictures(folder)
    pictures = {name: (card, 88) for name, card in cards.items()} | {"cover": (cover(cards), 85)}
    assert {path.stem for path in (folder / "_static").iterdir()} == set(pictures)
    for name, (picture, quality) in pictures.items():
        file = io.BytesIO()
        picture.save(file, "jpeg", quality=quality)
        assert (folder / "_static" / f"{name}.jpg").read_bytes() == file.getvalue()

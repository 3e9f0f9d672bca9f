"""The landing page's pictures: cut from the right figure, at the right place, in the right file."""

from __future__ import annotations

import base64
import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from cs231n_lib.figures.style import COLOUR
from cs231n_lib.speak.scenes import draw, sample_scenes
from website import landing
from website.landing import CARDS, SIZE, Card, card_picture, chapter_figure, cover

RED, BLUE, GREEN, WHITE = (200, 0, 0), (0, 0, 200), (0, 160, 0), (255, 255, 255)


def quarters() -> Image.Image:
    """A figure that is red and blue above, green and white below."""
    figure = Image.new("RGB", (400, 200), WHITE)
    for colour, corner in ((RED, (0, 0)), (BLUE, (200, 0)), (GREEN, (0, 100))):
        figure.paste(colour, (*corner, corner[0] + 200, corner[1] + 100))
    return figure


def figure_cell(name: str, mode: str = "RGB") -> nbformat.NotebookNode:
    """A cell whose output is a small figure."""
    file = io.BytesIO()
    Image.new(mode, (40, 30), "#0072B2" if mode == "RGB" else 0).save(file, "png")
    data = {"text/plain": "<Figure>", "image/png": base64.b64encode(file.getvalue()).decode()}
    return new_code_cell(
        metadata={"mystnb": {"figure": {"name": name}}},
        outputs=[new_output("stream", text="trained"), new_output("display_data", data=data)],
    )


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


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_label_is_written_in_the_middle_of_its_own_part_white_on_dark(number):
    labels = ["", "", ""]
    labels[number] = "abc"
    bare, labelled = (
        np.array(card_picture(quarters(), Card("a", ((0, 0, 0.5, 0.5),) * 3, tuple(written))))
        for written in ([], labels)
    )
    rows, columns = np.nonzero((bare != labelled).any(axis=2))
    middle = number * (234 + 8) + 234 / 2
    assert (columns.min() + columns.max()) / 2 == pytest.approx(middle, abs=3)
    assert 310 < rows.min() < 330 and rows.max() < 345
    ink = [int(COLOUR["ink"][i : i + 2], 16) for i in (1, 3, 5)]
    found = labelled[rows, columns].tolist()
    assert [255, 255, 255] in found and ink in found


@pytest.mark.parametrize(
    "beyond", [(-0.1, 0, 1, 1), (0, -0.1, 1, 1), (0, 0, 1, 1.5), (0, 0.5, 1, 0.5)]
)
def test_a_part_beyond_the_figure_is_refused(beyond):
    with pytest.raises(ValueError, match=r"a part is .*, expected .left, top, right, bottom."):
        card_picture(quarters(), Card("a", (beyond,)))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_figure_is_found_by_its_label_among_other_outputs(tmp_path, mode):
    other = figure_cell("fig-a")
    other.outputs = []
    cells = [new_code_cell("1", metadata={"mystnb": {}}), other, figure_cell("fig-b", mode)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "chapter.ipynb")
    picture = chapter_figure(tmp_path / "chapter.ipynb", "fig-b")
    assert (picture.mode, picture.size) == ("RGB", (40, 30))
    if mode == "RGB":
        assert picture.getpixel((20, 15)) == (0x00, 0x72, 0xB2)
    with pytest.raises(ValueError, match="has no figure 'fig-a' among its outputs"):
        chapter_figure(tmp_path / "chapter.ipynb", "fig-a")


def test_a_card_may_show_a_scene_and_its_caption(monkeypatch):
    (scene,) = sample_scenes("test", 1)
    figures = []
    monkeypatch.setattr(landing.plt, "close", figures.append)
    with mpl.rc_context({"font.family": "serif"}):
        picture = np.array(landing.caption_picture())
    (figure,) = figures
    monkeypatch.undo()
    plt.close(figure)
    assert picture.shape == (360, 720, 3)
    assert (picture[:, -1] == (0xF4, 0xF1, 0xEA)).all()
    (ax,), (words,) = figure.axes, figure.texts
    np.testing.assert_array_equal(ax.images[0].get_array(), draw(scene, scale=4))
    assert not ax.axison and ax.get_position().x1 == pytest.approx(0.5)
    assert " ".join(words.get_text().split("\n")) == scene.captions[0]
    assert words.get_fontfamily() == ["DejaVu Sans"]
    assert words.get_window_extent().x1 < figure.bbox.x1


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_the_cover_shows_all_cards_in_two_columns(count):
    cards = {str(k): Image.new("RGB", SIZE, (40 * k, 9, 9)) for k in range(count)}
    picture = np.array(cover(cards))
    assert picture.shape == ((count + 1) // 2 * 368 - 8, 1448, 3)
    for k in range(count):
        top, left = k // 2 * 368, k % 2 * 728
        left = 364 if count % 2 and k == count - 1 else left
        assert (picture[top : top + 360, left : left + 720] == (40 * k, 9, 9)).all()
    assert (picture == WHITE).all(axis=2).sum() == picture[..., 0].size - count * 720 * 360


def test_every_card_and_the_cover_are_written_or_nothing_is(tmp_path):
    for chapter, card in CARDS.items():
        cells = [] if callable(card) else [figure_cell(card.figure)]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{chapter}.ipynb")
    (tmp_path / "_static").mkdir()
    landing.write_pictures(tmp_path)
    pictures = landing.card_pictures(tmp_path)
    pictures["cover"] = cover(pictures)
    assert list(pictures) == [*CARDS, "cover"]
    for name, picture in pictures.items():
        file = io.BytesIO()
        picture.save(file, "jpeg", quality=88)
        path = tmp_path / "_static" / f"{name}.jpg"
        assert path.read_bytes() == file.getvalue()
        path.unlink()
    (tmp_path / f"{chapter}.ipynb").unlink()
    with pytest.raises(FileNotFoundError):
        landing.write_pictures(tmp_path)
    assert list((tmp_path / "_static").iterdir()) == []

"""Pictures of tiles: every tile where the list says that it is, and nothing else on it."""

from __future__ import annotations

import io
import json

import matplotlib as mpl
import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from cs231n_lib.figures import panels as module
from cs231n_lib.figures.panels import PAGE, panels
from cs231n_lib.figures.style import COLOUR
from website.panels import as_list, read_panels

COLOURS = [(200, 30, 30), (30, 160, 30), (30, 30, 200), (220, 180, 0), (130, 0, 130)]
TILES = [np.full((8, 8, 3), colour, np.uint8) for colour in COLOURS]
LABELS = ["red", "green", "blue", "yellow", "purple"]


def fill(colour):
    return lambda figure: figure.patch.set_facecolor(np.array(colour) / 255)


def read(result):
    """The picture of a result, and what its file says about it."""
    file = io.BytesIO(result.data)
    return np.asarray(Image.open(file).convert("RGB")).astype(int), read_panels(file)


def cut(result):
    """The tiles, from the picture and what its file says, as the website's script does it."""
    picture, facts = read(result)
    (cell_width, cell_height), (x, y, width, height) = facts["cell"], facts["tile"]
    for k in range(len(facts["labels"])):
        left = k % facts["columns"] * cell_width + x
        top = k // facts["columns"] * cell_height + y
        yield picture[top : top + height, left : left + width]


@pytest.mark.parametrize("columns", [1, 2, 3, None])
@pytest.mark.parametrize("tiles", [TILES, [fill(c) for c in COLOURS]], ids=["arrays", "drawings"])
def test_every_tile_is_where_the_file_says_to_the_pixel(tiles, columns):
    result = panels("steps", tiles, LABELS, columns, size=(160, 100))
    found = list(cut(result))
    assert len(found) == 5
    for tile, colour in zip(found, COLOURS):
        assert tile.shape == (100, 160, 3)
        assert np.abs(tile[20:-20, 20:-20] - colour).max() <= 3  # a JPEG rounds
        assert np.abs(tile - colour).mean() < (4 if tiles is TILES else 0.01)


def test_photographs_are_kept_as_jpeg_and_drawings_as_png():
    for tiles, kind in ((TILES, "jpeg"), ([fill(colour) for colour in COLOURS], "png")):
        result = panels("steps", tiles, LABELS, size=(16, 10))
        assert Image.open(io.BytesIO(result.data)).format == kind.upper()
        data, metadata = result._repr_mimebundle_()
        assert list(data) == [f"image/{kind}"]
        assert metadata[f"image/{kind}"]["width"] == PAGE


def test_photographs_lose_little_to_jpeg():
    result, same = panels("steps", TILES, LABELS, size=(16, 10)), io.BytesIO()
    Image.new("RGB", (8, 8)).save(same, "jpeg", quality=85)
    tables = [Image.open(io.BytesIO(file)).quantization for file in (result.data, same.getvalue())]
    assert tables[0] == tables[1]


def test_the_file_says_how_large_picture_and_tiles_are_and_names_them():
    picture, facts = read(panels("steps", TILES[:4], LABELS[:4], 2, size=(200, 80), together=2))
    assert (
        facts
        == {
            "kind": "steps",
            "columns": 2,
            "together": 2,
            "picture": [2 * 206, 2 * 98],
            "cell": [200 + 6, 80 + 6 + 12],  # a gap of 3 %, and 1.7 lines of 12 points
            "tile": [3, 3, 200, 80],
            "magnified": None,
            "labels": LABELS[:4],
        }
    )
    assert picture.shape == (2 * 98, 2 * 206, 3)


@pytest.fixture
def drawn(monkeypatch):
    """The figures of labels and tiles, in the order in which they are drawn."""
    figures = []
    as_pixels = module._drawn
    monkeypatch.setattr(module, "_drawn", lambda f: figures.append(f) or as_pixels(f))
    return figures


@pytest.mark.parametrize(
    ("labels", "columns", "size", "font"),
    [
        (["a", "b"], 2, (100, 40), 12),
        (["", "b" * 50], 2, (100, 40), 1.6 * 700 / 2 * 100 / 103 / 50),
        (["", ""], 95, (16, 8), 1.6 * 700 / 95),
    ],
    ids=["short", "long", "many"],
)
def test_labels_are_as_large_as_they_can_be_at_the_width_of_a_page(
    drawn, labels, columns, size, font
):
    _, facts = read(panels("steps", TILES[:2], labels, columns, size))
    pixel = columns * facts["cell"][0] / 700
    assert facts["cell"][1] == size[1] + facts["cell"][0] - size[0] + round(1.7 * font * pixel)
    assert len(drawn) == len(labels)
    for figure, label in zip(drawn, labels):
        (text,) = figure.texts
        assert (text.get_text(), text.get_color()) == (label, COLOUR["ink"])
        assert text.get_fontsize() == pytest.approx(font)
        assert text.get_position() == pytest.approx((0.5, 0.6 * font * pixel / facts["cell"][1]))
        assert (text.get_ha(), text.get_va()) == ("center", "baseline")
        assert figure.bbox.size == pytest.approx(facts["cell"])
        assert figure.dpi == pytest.approx(72 * pixel)


def test_whoever_draws_a_tile_does_it_in_units_of_the_page():
    given = []
    with mpl.rc_context({"figure.constrained_layout.use": True}):
        panels("steps", [given.append] * 2, ["", ""], size=(160, 100))
    for figure in given:
        assert figure.bbox.size == pytest.approx((160, 100))
        assert figure.dpi == pytest.approx(72 * 2 * 165 / 700)
        assert figure.get_layout_engine() is None


def test_a_label_lies_under_its_own_tile_and_nowhere_else():
    pale = [np.full((8, 8, 3), 255, np.uint8)] * 3
    written = panels("steps", pale, ["", "a long label, with descenders gjpq", ""], size=(160, 100))
    picture, facts = read(written)
    ink = np.argwhere(picture.min(axis=2) < 128)
    width, _ = facts["cell"]
    _, top, _, height = facts["tile"]
    assert len(ink) > 20
    assert (ink[:, 0] >= top + height).all() and (ink[:, 0] < len(picture) - 1).all()
    assert (ink[:, 1] > width).all() and (ink[:, 1] < 2 * width).all()


def test_a_comparison_tells_how_often_its_difference_is_magnified():
    _, facts = read(panels("compare", TILES[:3], LABELS[:3], magnified=10))
    assert facts["magnified"] == 10
    _, facts = read(panels("compare", TILES[:3], LABELS[:3]))
    assert facts["magnified"] is None


@pytest.mark.parametrize("tiles", [TILES[:2], [fill(c) for c in COLOURS[:2]]], ids=["jpeg", "png"])
def test_the_page_gets_labels_as_text_and_facts_as_data(tiles):
    labels = ["<START>", 'a & "b" – “c”']
    _, facts = read(panels("words", tiles, labels))
    tag = BeautifulSoup(as_list(facts), "html.parser").ol
    assert [item.text for item in tag.find_all("li")] == labels
    assert tag.has_attr("hidden")
    assert json.loads(tag["data-panels"]) | {"labels": labels} == facts


def test_other_pictures_have_no_list(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "holiday.jpg", comment="at the sea")
    assert read_panels(tmp_path / "plain.png") is None
    assert read_panels(tmp_path / "holiday.jpg") is None

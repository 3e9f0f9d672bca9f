"""Pictures of the site: lighter, with their size, loaded when they come into view."""

from __future__ import annotations

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from cs231n_lib.see.images import load_image
from tests.chapters import NOTEBOOKS
from tests.nbval_pictures import similarity
from website.pictures import write_webp


@pytest.fixture
def photograph():
    return Image.fromarray(load_image("coffee", 512))


def test_a_photograph_becomes_much_lighter_and_looks_the_same(photograph, tmp_path):
    photograph.save(tmp_path / "coffee.jpg", quality=80)
    assert write_webp(tmp_path / "coffee.jpg", tmp_path / "coffee.webp")
    light = tmp_path / "coffee.webp"
    assert light.stat().st_size < 0.7 * (tmp_path / "coffee.jpg").stat().st_size
    shown = (256, 256)  # a page shows half the pixels
    assert similarity(photograph.resize(shown), Image.open(light).resize(shown)) > 0.93


def test_a_drawing_keeps_every_pixel(tmp_path):
    drawing = np.zeros((120, 200, 3), np.uint8)
    drawing[20:50, 30:90] = (0, 114, 178)
    drawing[:, 100] = 255
    Image.fromarray(drawing).save(tmp_path / "drawing.png")
    assert write_webp(tmp_path / "drawing.png", tmp_path / "drawing.webp")
    fresh = Image.open(tmp_path / "drawing.webp").convert("RGB")
    np.testing.assert_array_equal(np.asarray(fresh), drawing)


def test_a_picture_that_webp_would_make_heavier_is_left_alone(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.jpg", quality=1)
    if write_webp(tmp_path / "noise.jpg", tmp_path / "noise.webp"):
        assert (tmp_path / "noise.webp").stat().st_size < (tmp_path / "noise.jpg").stat().st_size
    else:
        assert not (tmp_path / "noise.webp").exists()


@pytest.mark.parametrize("stem", ["index", *(path.stem for path in NOTEBOOKS)])
def test_pictures_of_a_page_have_their_size_and_all_but_the_first_wait(site, stem):
    path = site / "chapters" / f"{stem}.html"
    pictures = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select("article img")
    assert len(pictures) >= 6
    for number, picture in enumerate(pictures):
        file = path.parent / picture["src"]
        with Image.open(file) as image:
            assert image.format == "WEBP"
            assert (int(picture["width"]), int(picture["height"])) == image.size
        assert picture.get("loading") == ("lazy" if number else None)


def test_no_page_asks_for_the_icons_that_the_style_sheet_has_already(site):
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    assert len(pages) > 12
    assert not [page for page in pages if "fontawesome.js" in page.read_text(encoding="utf-8")]
    assert "bootstrap.js" in (site / "chapters" / "index.html").read_text(encoding="utf-8")

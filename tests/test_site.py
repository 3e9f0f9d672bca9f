"""The built website: no warning, no dead link inside, nothing from outside, pictures described."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import matplotlib.image
import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from cs231n_lib.landing import CARDS, chapter_figure, landing_picture
from tests.chapters import NOTEBOOKS, ROOT
from tests.nbval_pictures import similarity

SOURCES = ("_config.yml", "_toc.yml", "chapters", "cs231n_lib")


def build(book: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", "-n", "-W", "--keep-going", "-q", "."]
    environment = os.environ | {"PYTHONPATH": str(book)}
    return subprocess.run(command, cwd=book, env=environment, capture_output=True, text=True)


def copy_sources(book: Path) -> Path:
    for name in SOURCES:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, book / name)
    return book


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    book = copy_sources(tmp_path_factory.mktemp("a book with spaces"))
    for stray in ("README.md", ".pytest_cache/README.md", ".venv/lib/NOTES.md"):
        (book / stray).parent.mkdir(parents=True, exist_ok=True)
        (book / stray).write_text("# Not a page of the book\n")
    result = build(book)
    assert result.returncode == 0, result.stdout + result.stderr
    return book / "_build" / "html"


@pytest.fixture(scope="module")
def pages(site):
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted((site / "chapters").glob("*.html"))
    }


def test_every_page_of_the_contents_is_there(pages):
    names = {path.stem for path in pages}
    chapters = {path.stem for path in NOTEBOOKS}
    assert len(chapters) == 6
    assert names == chapters | {"index", "assignment-2017", "notation", "api", "bibliography"}


def test_every_module_of_the_library_is_in_the_reference():
    reference = (ROOT / "chapters" / "api.md").read_text(encoding="utf-8")
    described = re.findall(r"automodule:: cs231n_lib\.(\w+)", reference)
    assert sorted(described) == sorted(path.stem for path in (ROOT / "cs231n_lib").glob("*.py"))


def test_a_broken_cross_reference_fails_the_build(tmp_path):
    book = copy_sources(tmp_path)
    page = book / "chapters" / "notation.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n{doc}`nowhere`\n", encoding="utf-8")
    (book / "_toc.yml").write_text("format: jb-book\nroot: chapters/notation\n")
    result = build(book)
    assert result.returncode != 0
    assert "nowhere" in result.stdout + result.stderr


def test_every_link_inside_the_site_leads_somewhere(site, pages):
    anchors = {
        path.resolve(): {tag["id"] for tag in page.find_all(id=True)}
        for path, page in pages.items()
    }
    dead = []
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            target = urlsplit(link["href"])
            if target.scheme or target.netloc:
                continue
            file = (path.parent / unquote(target.path)).resolve() if target.path else path.resolve()
            if not file.exists() or (
                file in anchors and unquote(target.fragment) not in {"", *anchors[file]}
            ):
                dead.append(f"{path.name}: {link['href']}")
    assert dead == []


def test_no_page_loads_anything_from_outside(pages):
    outside = [
        f"{path.name}: {tag}"
        for path, page in pages.items()
        for tag in page.find_all(["script", "link", "img", "iframe"])
        for address in [tag.get("src") or tag.get("href") or ""]
        if urlsplit(address).netloc and "canonical" not in tag.get("rel", [])
    ]
    assert outside == []


def test_every_picture_says_what_is_to_be_seen(pages):
    described = [
        (path.name, image.get("alt", ""))
        for path, page in pages.items()
        for image in page.select("article img")
    ]
    assert len(described) >= 45
    assert [name for name, text in described if len(text.split()) < 8] == []
    assert len({text for _, text in described}) == len(described)


def test_numbers_in_the_prose_come_from_the_run(pages):
    prose = {path.stem: page.find("article").get_text() for path, page in pages.items()}
    assert re.search(r"So 0\.\d\d ± 0\.\d\d of the captions", prose["01-rnn"])
    assert re.search(r"has \d+ ± \d+ open directions, the LSTM \d+ ± \d+", prose["02-lstm"])


def test_the_library_source_is_on_the_page(pages):
    for stem, definition in (
        ("01-rnn", "def rnn_backward("),
        ("02-lstm", "def lstm_backward("),
        ("03-saliency", "def compute_saliency_maps("),
        ("04-fooling-images", "def make_fooling_image("),
        ("05-class-visualization", "def create_class_visualization("),
        ("06-style-transfer", "def gram_matrix("),
    ):
        page = next(page for path, page in pages.items() if path.stem == stem)
        assert any(definition in block.get_text() for block in page.select("div.highlight"))


def test_the_picture_of_the_landing_page_is_current(tmp_path):
    landing_picture().savefig(tmp_path / "fresh.png", dpi=160, bbox_inches="tight")
    fresh = matplotlib.image.imread(tmp_path / "fresh.png")
    committed = matplotlib.image.imread(ROOT / "chapters" / "_static" / "landing.png")
    np.testing.assert_allclose(fresh, committed, atol=0.02, err_msg="run: make landing")


@pytest.mark.parametrize(("chapter", "name"), CARDS.items())
def test_the_cards_of_the_landing_page_show_the_chapters_own_figures(chapter, name):
    fresh = chapter_figure(ROOT / "chapters" / f"{chapter}.ipynb", name)
    committed = Image.open(ROOT / "chapters" / "_static" / f"{chapter}.jpg")
    assert similarity(fresh, committed) > 0.9, "run: make landing"  # less one JPEG


def test_a_figure_that_a_chapter_does_not_have_is_named():
    with pytest.raises(ValueError, match="has no figure 'fig-nothing'"):
        chapter_figure(ROOT / "chapters" / "03-saliency.ipynb", "fig-nothing")

"""The built website: no warning, no dead link inside, nothing from outside, pictures described."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tests.chapters import NOTEBOOKS, ROOT
from tests.nbval_pictures import similarity
from tests.website import build, contents, copy_sources
from website.landing import SIZE, card_pictures, chapter_figure, cover


def test_every_page_of_the_contents_is_there(pages):
    names = {path.stem for path in pages}
    chapters = {path.stem for path in NOTEBOOKS}
    assert len(chapters) == 6
    assert names > chapters | {"index", "notation", "api", "bibliography"}
    assert names == {name.removeprefix("chapters/") for name in contents()}


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


@pytest.fixture(scope="module")
def all_pages(site):
    """Also those that Sphinx adds: the search, the indices, the source of each module."""
    pages = {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    }
    assert len(pages) > len(list((ROOT / "cs231n_lib").glob("*.py")))
    return pages


def test_every_link_inside_the_site_leads_somewhere(all_pages):
    anchors = {
        path.resolve(): {tag["id"] for tag in page.find_all(id=True)}
        for path, page in all_pages.items()
    }
    dead = []
    for path, page in all_pages.items():
        for tag in page.find_all(["a", "img", "link", "script"]):
            address = tag.get("href") or tag.get("src") or ""
            target = urlsplit(address)
            if target.scheme or target.netloc:
                continue
            file = (path.parent / unquote(target.path)).resolve() if target.path else path.resolve()
            if not file.exists() or (
                file in anchors and unquote(target.fragment) not in {"", *anchors[file]}
            ):
                dead.append(f"{path.name}: {address}")
    assert dead == []


def fault(address: str) -> str | None:
    """What is wrong with the form of an external address."""
    target = urlsplit(address)
    if target.scheme == "mailto":
        return None if "@" in target.path else "no address"
    if target.scheme != "https":
        return "not https"
    if not re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", target.netloc):
        return "no host"
    if re.search(r"[^!-;=?-~]", address) or (not target.query and address[-1] in ".,;:"):
        return "a character that does not belong there"
    return None


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("https://doi.org/10.1162/neco.1997.9.8.1735", None),
        ("mailto:someone@example.org", None),
        ("mailto:someone", "no address"),
        ("http://doi.org/10.1162", "not https"),
        ("https://doi/10.1162", "no host"),
        ("https:doi.org", "no host"),
        ("https://doi.org/a b", "a character that does not belong there"),
        ("https://doi.org/<a>", "a character that does not belong there"),
        ("https://doi.org/a.", "a character that does not belong there"),
    ],
)
def test_a_fault_in_an_external_address_is_found(address, wrong):
    assert fault(address) == wrong


def test_every_link_out_of_the_site_is_well_formed(all_pages):
    links = {
        link["href"]: path.name
        for path, page in all_pages.items()
        for link in page.find_all("a", href=True)
        if urlsplit(link["href"]).scheme or urlsplit(link["href"]).netloc
    }
    assert len(links) > 60
    assert {a: (page, fault(a)) for a, page in links.items() if fault(a)} == {}


def test_no_page_loads_anything_from_outside(all_pages):
    outside = [
        f"{path.name}: {tag}"
        for path, page in all_pages.items()
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


@pytest.fixture(scope="module")
def cards():
    return card_pictures(ROOT / "chapters")


def test_every_chapter_has_a_card(cards):
    assert list(cards) == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("chapter", [path.stem for path in NOTEBOOKS])
def test_the_cards_of_the_landing_page_show_the_chapters_own_figures(cards, chapter):
    committed = Image.open(ROOT / "chapters" / "_static" / f"{chapter}.jpg")
    assert committed.size == SIZE
    assert similarity(cards[chapter], committed) > 0.9, "run: make landing"  # less one JPEG


def test_the_cover_is_made_of_the_cards(cards):
    committed = Image.open(ROOT / "chapters" / "_static" / "cover.jpg")
    assert similarity(cover(cards), committed) > 0.9, "run: make landing"


def test_a_figure_that_a_chapter_does_not_have_is_named():
    with pytest.raises(ValueError, match="has no figure 'fig-nothing'"):
        chapter_figure(ROOT / "chapters" / "03-saliency.ipynb", "fig-nothing")

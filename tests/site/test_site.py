"""The built website: no warning, no dead link inside, nothing from outside, pictures described."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tests.chapters import NOTEBOOKS, ROOT
from tests.nbval_pictures import similarity
from tests.website import contents
from website.landing import SIZE, card_pictures, chapter_figure, cover


def test_every_page_of_the_contents_is_there(pages):
    names = {path.stem for path in pages}
    assert names > {path.stem for path in NOTEBOOKS}
    assert names == {name.removeprefix("chapters/") for name in contents()}


@pytest.fixture(scope="module")
def all_pages(site, pages):
    """Also those that Sphinx adds: the search, the indices, the source of each module."""
    pages = {
        path: pages.get(path) or BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    }
    assert len(pages) > len(list((ROOT / "cs231n_lib").rglob("*.py")))
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
        ("https://doi.org/a b", "a character that does not belong there"),
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
    assert len(described) > 4 * len(NOTEBOOKS)
    assert [name for name, text in described if len(text.split()) < 8] == []
    assert len({text for _, text in described}) == len(described)


@pytest.fixture(scope="module")
def cards():
    return card_pictures(ROOT / "chapters")


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

"""The book on one page, and as a PDF."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.chapters import NOTEBOOKS
from website.print import assemble, find_chromium, main, print_pdf


@pytest.fixture(scope="module")
def page(site):
    return assemble(site, site.parent / "print")


@pytest.fixture(scope="module")
def book(page):
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def test_all_chapters_are_there_in_their_order(book):
    ids = [article["id"] for article in book.find_all("article")]
    chapters = [path.stem for path in NOTEBOOKS]
    assert ids[: 1 + len(chapters)] == ["index", *chapters]
    assert {"notation", "glossary", "bibliography"} <= set(ids)
    assert "api" not in ids


def test_every_link_inside_leads_to_a_place_of_its_own(book):
    ids = [tag["id"] for tag in book.find_all(id=True)]
    targets = {
        unquote(link["href"][1:])
        for link in book.find_all("a", href=True)
        if not urlsplit(link["href"]).scheme
    }
    assert len(targets) > 100
    assert [target for target in targets if ids.count(target) != 1] == []


def test_pictures_are_where_the_page_says_and_photographs_stay_jpeg(book, page):
    files = [page.parent / unquote(picture["src"]) for picture in book.find_all("img")]
    assert len(files) > 60
    assert [file for file in files if not file.is_file()] == []
    assert sum(file.suffix == ".jpg" for file in files) > 40


def test_everything_is_unfolded_and_nothing_is_there_to_click(book):
    assert book.select("details:not([open])") == []
    assert book.select("button, article script, .toggle-hidden") == []
    assert len(book.select("details")) > 10


def test_without_a_website_the_error_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="run make book first"):
        assemble(tmp_path / "html", tmp_path / "print")


def test_without_chromium_the_page_is_made_and_the_way_to_a_pdf_told(site, monkeypatch, capsys):
    monkeypatch.setattr("website.print.find_chromium", lambda: None)
    main(site.parent)
    assert "apt-get install chromium" in capsys.readouterr().out


def test_chromium_makes_a_pdf(tmp_path):
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium (Debian: apt-get install chromium)")
    html = tmp_path / "a page.html"
    html.write_text("<h1>One</h1><p>two</p>")
    print_pdf(html, tmp_path / "book.pdf", chromium)
    assert (tmp_path / "book.pdf").read_bytes().startswith(b"%PDF-")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a page.html", "book.pdf"]


def test_a_browser_that_fails_leaves_the_old_pdf(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no display >&2\nexit 3\n")
    broken.chmod(0o755)
    pdf = Path(tmp_path, "book.pdf")
    pdf.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="no display"):
        print_pdf(tmp_path / "page.html", pdf, str(broken))
    assert pdf.read_bytes() == b"old"

"""The whole book on one page, and that page as a PDF: ``python -m website.print _build``.

The website must have been built. The page, ``print/book.html``, shows what the website shows,
with everything unfolded; a headless Chromium prints it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag

__all__ = ["CHROMIUM", "assemble", "find_chromium", "main", "print_pdf"]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STYLE = Path(__file__).with_name("print.css")
# Nobody reads these on paper.
LEFT_OUT = {"api", "status", "changelog"}
FOLDED = ".tb-toggle, .toggle-hidden, .toggle"
SCREEN_ONLY = "a.headerlink, button, .toggle-button, script, .prev-next-footer, .reference-links"


def assemble(site: Path, folder: Path) -> Path:
    """Put all pages of the website into one.

    Parameters
    ----------
    site : Path
        The built website, ``_build/html``.
    folder : Path
        Where to write; beside ``site``, whose pictures and styles the page uses.

    Returns
    -------
    Path
        ``folder/book.html``.

    Raises
    ------
    FileNotFoundError
        If there is no website.
    """
    landing = site / "chapters" / "index.html"
    if not landing.is_file():
        raise FileNotFoundError(f"assemble: {landing} does not exist; run make book first")
    book = BeautifulSoup(landing.read_text(encoding="utf-8"), "html.parser")
    links = book.select("nav.bd-links a.reference.internal[href$='.html']")
    stems = ["index"] + [link["href"].removesuffix(".html") for link in links]
    stems = [stem for stem in stems if stem not in LEFT_OUT]
    articles = [_article(site / "chapters" / f"{stem}.html", set(stems)) for stem in stems]
    photographs = [
        *(site.parent / "jupyter_execute").rglob("*.jpg"),
        *(site / "_static").glob("*.jpg"),
    ]
    originals = {path.stem: path for path in photographs}
    for picture in (tag for article in articles for tag in article.find_all("img")):
        # A browser puts a JPEG into a PDF as it is, but unpacks a WebP: ten times as large.
        if path := originals.get(Path(picture["src"]).stem):
            picture["src"] = f"../{path.relative_to(site.parent).as_posix()}"

    for tag in book.head.find_all(["script", "link"]):
        address = tag.get("src") or tag.get("href") or ""
        mathjax = tag.name == "script" and "mathjax" in (address + tag.get_text()).lower()
        if not mathjax and "stylesheet" not in tag.get("rel", []):
            tag.decompose()
    for tag in book.head.find_all(["script", "link"]):
        for name in {"src", "href"} & set(tag.attrs):
            tag[name] = f"../{site.name}/chapters/{tag[name]}"
    book.head.append(book.new_tag("style", string=STYLE.read_text(encoding="utf-8")))
    book.body.clear()
    book.body.extend(articles)
    book.html["data-theme"] = book.html["data-mode"] = "light"

    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "book.html"
    page.write_text(str(book), encoding="utf-8")
    return page


def _article(path: Path, stems: set[str]) -> Tag:
    """A page's text, everything unfolded, its links and their targets made unique in the book."""
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    article = page.select_one("article")
    for tag in article.select(SCREEN_ONLY):
        tag.decompose()
    for tag in article.select("details"):
        tag["open"] = ""
    for tag in article.select(FOLDED):
        tag["class"] = [name for name in tag["class"] if "toggle" not in name]
    for tag in article.find_all("img"):
        tag.attrs.pop("loading", None)
        tag["src"] = f"../{path.parents[1].name}/chapters/{tag['src']}"
    for tag in article.find_all(id=True):
        tag["id"] = f"{path.stem}--{tag['id']}"
    for link in article.find_all("a", href=True):
        target = urlsplit(link["href"])
        stem = Path(target.path).stem if target.path else path.stem
        if target.scheme:
            continue
        if stem in stems:
            link["href"] = f"#{stem}--{target.fragment}" if target.fragment else f"#{stem}"
        else:  # to a page that is left out
            link.unwrap()
    article["id"] = path.stem
    return article


def find_chromium() -> str | None:
    """The first program of `CHROMIUM` that is installed, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def print_pdf(page: Path, pdf: Path, chromium: str) -> None:
    """Print a page as a PDF with an outline.

    Parameters
    ----------
    page : Path
        An HTML file.
    pdf : Path
        Where to write; replaced only by a complete new file.
    chromium : str
        The program.

    Raises
    ------
    RuntimeError
        If Chromium fails, with what it said.
    """
    with tempfile.TemporaryDirectory(dir=pdf.parent) as scratch:
        fresh = Path(scratch, "book.pdf")
        command = [
            chromium, "--headless=new", "--no-sandbox", "--disable-gpu",
            f"--user-data-dir={scratch}/profile", "--no-pdf-header-footer",
            "--generate-pdf-document-outline", "--export-tagged-pdf",
            "--virtual-time-budget=120000", f"--print-to-pdf={fresh}", page.resolve().as_uri(),
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if result.returncode or not fresh.is_file():
            raise RuntimeError(f"print_pdf: {chromium} could not print {page}:\n{result.stderr}")
        fresh.replace(pdf)


def main(build: Path) -> None:
    """Write ``print/book.html`` and ``print/book.pdf`` in the folder ``build``."""
    page = assemble(build / "html", build / "print")
    chromium = find_chromium()
    if chromium is None:
        print(f"The book on one page: {page}. For a PDF, print it from a browser, or install "
              "Chromium (Debian: apt-get install chromium) and run this again.")  # fmt: skip
        return
    print_pdf(page, page.with_suffix(".pdf"), chromium)
    print(f"The book on one page: {page}\nThe book as a PDF: {page.with_suffix('.pdf')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

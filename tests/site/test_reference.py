"""The reference pages: complete, correct, and linked to the chapters in both directions."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pybtex.database
import pytest
import yaml

from tests.chapters import NOTEBOOKS, ROOT
from website.book import chapter_files, code_cells, read
from website.reference import source_of

CHAPTERS = ROOT / "chapters"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in chapter_files(CHAPTERS)}


def page_text(name: str) -> str:
    return (CHAPTERS / f"{name}.md").read_text(encoding="utf-8")


def page(pages: dict, name: str):
    return next(soup for path, soup in pages.items() if path.stem == name)


# Notation.


def maths(text: str) -> list[str]:
    """All formulas of a text, without the code around them."""
    text = re.sub(r"^```\{code-cell\}.*?^```$", "", text, flags=re.M | re.S)
    displayed = r"\$\$.*?\$\$|```\{math\}.*?```"
    formulas = re.findall(displayed, text, flags=re.S)
    text = re.sub(displayed, "", text, flags=re.S)
    return formulas + re.findall(r"\$[^$]+\$|\{math\}`[^`]+`", text)


GREEK = {
    "alpha", "beta", "gamma", "Delta", "epsilon", "varepsilon", "eta", "theta", "lambda", "mu",
    "rho", "sigma", "Sigma", "tau", "phi", "ell",
}  # fmt: skip


def symbols(text: str) -> set[str]:
    """The letters in all formulas of a text, Latin and Greek."""
    found = set()
    for formula in maths(text):
        formula = re.sub(r":label:.*|```|\{math\}", "", formula)
        words = r"\\(text|operatorname\*?|mathrm|begin|end)\{[^}]*\}"
        formula = re.sub(words, " ", formula)
        found |= GREEK & set(re.findall(r"\\([A-Za-z]+)", formula))
        found |= set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", formula)))
    return found


INDICES = set("ijknpur") | {"e"}  # and Euler's number


@pytest.mark.parametrize("chapter", TEXTS)
def test_every_symbol_of_a_chapter_is_in_the_notation(chapter):
    used = symbols(TEXTS[chapter])
    assert len(used) > 10
    assert used - symbols(page_text("notation")) - INDICES == set()


def test_a_symbol_that_the_notation_lacks_would_be_found():
    assert symbols("Let $Q_{ij}$ be the $\\rho$.\n\n$$\nZ = \\text{loss} \\alpha\n$$") >= {
        "Q", "rho", "Z", "alpha",
    }  # fmt: skip
    assert "Q" not in symbols(page_text("notation"))


def test_every_numbered_equation_is_in_the_notation():
    labels = {label for text in TEXTS.values() for label in re.findall(r":label: ([\w-]+)", text)}
    labels = {label for label in labels if not label.startswith("ex-")}
    referred = set(re.findall(r"\{eq\}`([\w-]+)`", page_text("notation")))
    assert labels - referred <= {"gram-gradient"}  # derives what is defined before it


# Glossary.


def glossary() -> list[tuple[list[str], str]]:
    """For each entry its terms and its definition."""
    body = page_text("glossary").split(":sorted:\n")[1].rsplit("```", 1)[0]
    entries = []
    for block in body.strip().split("\n\n"):
        lines = block.splitlines()
        terms = [line for line in lines if not line.startswith(" ")]
        entries.append((terms, " ".join(line.strip() for line in lines[len(terms) :])))
    return entries


def occurs(term: str, text: str) -> bool:
    """Whether a chapter uses a word, whatever its markup, line breaks and endings."""
    plain = re.sub(r"\s+", " ", re.sub(r"[*`_]", "", text)).lower()
    return re.search(rf"\b{re.escape(term.lower().replace('_', ''))}", plain) is not None


@pytest.mark.parametrize(("terms", "definition"), glossary(), ids=lambda value: str(value)[:30])
def test_a_term_occurs_in_the_chapter_that_the_glossary_leads_to(terms, definition):
    explanation, chapter = re.fullmatch(
        r"(.+) \(\[[^]]+\]\(([\w-]+)\.ipynb#[\w-]+\)\)", definition
    ).groups()
    assert len(explanation.split()) >= 8
    assert [term for term in terms if not occurs(term, TEXTS[chapter])] == []


def test_terms_are_really_looked_for():
    assert occurs("Gram matrix", "the **Gram\nmatrices**, a `Gram matrix`")
    assert not occurs("teacher forcing", "".join(TEXTS.values()))


# Bibliography.


BIBLIOGRAPHY = pybtex.database.parse_file(str(CHAPTERS / "references.bib")).entries


def address(entry: pybtex.database.Entry) -> str | None:
    """Where an entry's publication is to be found; none if it is not said, or said wrongly."""
    fields = entry.fields
    if re.fullmatch(r"10\.\d{4,9}/\S+", fields.get("doi", "")):
        return f"https://doi.org/{fields['doi']}"
    if re.fullmatch(r"\d{4}\.\d{4,5}", fields.get("eprint", "")):
        return f"https://arxiv.org/abs/{fields['eprint']}" * (fields["archiveprefix"] == "arXiv")
    papers = entry.type in ("article", "inproceedings", "incollection")
    publishers = ("https://proceedings.mlr.press/", "https://jmlr.org/")
    url = fields.get("url", "")
    if url.startswith(publishers if papers else "https://"):
        return url
    return None


@pytest.mark.parametrize("key", BIBLIOGRAPHY)
def test_every_entry_says_where_to_find_it(key):
    entry = BIBLIOGRAPHY[key]
    assert address(entry), f"{key} needs a DOI, an arXiv number or a URL"
    assert entry.persons["author"] and entry.fields["title"]
    year = int(entry.fields["year"])
    assert 1980 < year < 2030
    if number := entry.fields.get("eprint"):  # YYMM.NNNNN: no preprint is younger than its paper
        assert 0 <= year - (2000 + int(number[:2])) <= 2
        assert 1 <= int(number[2:4]) <= 12


def test_an_entry_without_an_address_would_be_found():
    for fields in ({}, {"doi": "doi:10.1/x"}, {"eprint": "cs/123"}, {"url": "http://example.org"}):
        assert not address(pybtex.database.Entry("article", fields))


def test_every_entry_is_cited_and_has_a_link(pages):
    cited = {
        key
        for path in CHAPTERS.glob("*.md")
        for keys in re.findall(r"\{cite:\w+\}`([^`]+)`", path.read_text(encoding="utf-8"))
        for key in keys.split(",")
    }
    assert cited == set(BIBLIOGRAPHY)
    links = [
        {unquote(link["href"]) for link in entry.select("a.external")}
        for entry in page(pages, "bibliography").select("div.citation")
    ]
    assert len(links) == len(BIBLIOGRAPHY)
    for key, entry in BIBLIOGRAPHY.items():
        assert any(address(entry) in addresses for addresses in links), key


# API reference.


def shown(chapter: str) -> set[str]:
    """The functions and classes whose source a chapter shows, without their modules."""
    calls = (
        node
        for cell in code_cells(read(CHAPTERS / f"{chapter}.ipynb"))
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "show_source"
    )
    return {ast.unparse(argument) for call in calls for argument in call.args}


@pytest.mark.parametrize("chapter", TEXTS)
def test_what_a_chapter_shows_and_its_entry_in_the_reference_lead_to_each_other(pages, chapter):
    links = page(pages, chapter).select("a.sphinx-codeautolink-a")
    there = {link.get_text(): urlsplit(link["href"]).fragment for link in links}
    assert shown(chapter)
    for name in shown(chapter):
        entry = page(pages, "api").find(id=there[name])
        assert entry.name == "dt" and there[name].endswith(f".{name}")
        back = [urlsplit(link["href"]) for link in entry.parent.select("details a")]
        anchors = [link.fragment for link in back if link.path == f"{chapter}.html"]
        sections = [page(pages, chapter).find(id=anchor).get_text() for anchor in anchors]
        definition = re.compile(rf"^(def|class) {name.rpartition('.')[2]}\b", re.M)
        assert any(definition.search(section) for section in sections)


def test_a_page_that_names_functions_shows_their_source_without_what_is_no_method(pages):
    named = re.findall(r"^\{source\} ([\w.]+) ([\w ]+)$", page_text("fast"), flags=re.M)
    text = page(pages, "fast").select_one("article").get_text()
    assert len(named) >= 3
    for module, names in named:
        assert all(
            f"# {module.replace('.', '/')}.py\ndef {name}(" in text for name in names.split()
        )
    assert not re.search(r"\{source\}|@checked|Parameters\n", text)


def test_a_function_that_is_not_there_stops_the_build():
    with pytest.raises(AttributeError, match="rnn_slow"):
        source_of("cs231n_lib.speak.rnn", "rnn_forward rnn_slow")


def test_every_module_is_in_the_reference(pages):
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "cs231n_lib").rglob("*.py")
        if path.stem != "__init__"
        and (path.parent.name != "workshop" or path.stem in ("reports", "grade"))  # what is called
    }
    entries = {tag["id"] for tag in page(pages, "api").select("[id^=module-]")}
    assert entries == {f"module-{name}" for name in modules}


def test_every_object_leads_to_its_source(site, pages):
    objects = page(pages, "api").select("dl.py.function > dt, dl.py.class > dt")
    assert len(objects) > 100
    for signature in objects:
        link = signature.select_one("a:has(span.viewcode-link)")
        assert link is not None, signature["id"]
        target = urlsplit(link["href"])
        source = (site / "chapters" / target.path).read_text(encoding="utf-8")
        assert f'id="{target.fragment}"' in source


# The other pages.


def test_the_citation_is_that_of_the_file():
    fields = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    text = re.search(r"```bibtex\n(.+?)```", page_text("cite"), flags=re.S)[1]
    (entry,) = pybtex.database.parse_string(text, "bibtex").entries.values()
    (author,) = entry.persons["author"]
    assert str(author) == f"{{{fields['authors'][0]['name']}}}"
    cited = [entry.fields[name] for name in ("title", "url", "version")]
    assert cited == [fields[name] for name in ("title", "repository-code", "version")]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_can_be_downloaded_as_a_script(site, pages, notebook):
    menu = page(pages, notebook.stem).select(".dropdown-download-buttons a")
    (link,) = [a["href"] for a in menu if a["href"].endswith(".py")]
    script = (site / "chapters" / link).read_text(encoding="utf-8")
    cells = [ast.parse(cell.source).body for cell in code_cells(read(notebook))]
    whole = ast.Module([line for cell in cells for line in cell], [])
    assert ast.dump(ast.parse(script)) == ast.dump(whole)
    assert "# # " in script  # the texts are there, as comments


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_leads_to_its_workbook(site, pages, notebook):
    chapter = page(pages, notebook.stem)
    places = ".dropdown-workbook-buttons a", ".do-it-yourself a"
    for links in ([a["href"] for a in chapter.select(place)] for place in places):
        here = [a for a in links if not urlsplit(a).scheme and not a.endswith("?write")]
        assert [Path(link).name for link in here] == [notebook.name]
        given = (site / "chapters" / here[0]).resolve().read_text(encoding="utf-8")
        assert given == (ROOT / "workbooks" / notebook.name).read_text(encoding="utf-8")
        launched = [unquote(link) for link in links if urlsplit(link).scheme]
        assert len(launched) == 2  # Colab and Binder
        assert all(link.endswith(f"workbooks/{notebook.name}") for link in launched)

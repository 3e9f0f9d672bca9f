"""The reference pages: complete, correct, and linked to the chapters in both directions."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pybtex.database
import pytest
import yaml

from cs231n_lib.speak.rnn import rnn_step_forward
from tests.chapters import NOTEBOOKS, ROOT
from website.book import chapter_files, code_cells, read
from website.citation import bibtex, read_citation
from website.derivations import find_derivations, full_name
from website.downloads import as_script

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
    assert len(labels) >= 11
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


def test_the_glossary_has_the_words_of_the_field():
    terms = {term.lower() for terms, _ in glossary() for term in terms}
    assert 45 <= len(glossary()) <= 70
    assert terms >= {
        "affine layer", "backpropagation through time", "bleu", "gate", "cell state",
        "saliency map", "smoothgrad", "grad-cam", "fooling picture", "fgsm", "pgd", "jitter",
        "total variation", "gram matrix", "l-bfgs",
    }  # fmt: skip
    first = [terms[0].lower() for terms, _ in glossary()]
    assert first == sorted(set(first))


@pytest.mark.parametrize(("terms", "definition"), glossary(), ids=lambda value: str(value)[:30])
def test_a_term_is_explained_and_occurs_where_the_glossary_leads(terms, definition):
    (chapter,) = re.findall(r"\(\{section\}`([\w-]+): [^`]+`\)$", definition)
    explanation = definition.split("({section}")[0]
    assert 8 <= len(explanation.split()) <= 60
    assert 1 <= len(re.findall(r"[.](?:\s|$)", explanation)) <= 3
    for term in terms:
        assert occurs(term, TEXTS[chapter]), f"{chapter} does not say {term!r}"


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


def shown(folder: Path) -> set[str]:
    return set(find_derivations(folder).shown)


def explained(api) -> dict[str, list[str]]:
    """For each object with such a line in the reference, where the line leads."""
    lines = [p for p in api.select("dd > p") if p.get_text().startswith("Explained in ")]
    return {
        line.parent.parent.find("dt")["id"]: [a["href"] for a in line.select("a")] for line in lines
    }


def test_what_a_chapter_shows_leads_to_the_chapter(pages):
    links = explained(page(pages, "api"))
    assert set(links) == shown(CHAPTERS)
    assert len(links) >= 60
    derivations = find_derivations(CHAPTERS)
    for name, addresses in links.items():
        chapters = [chapter for chapter, _ in derivations.shown[name]]
        assert [urlsplit(a).path for a in addresses] == [f"{c}.html" for c in chapters]


def test_the_section_is_the_one_that_shows_the_source(pages):
    for name, addresses in explained(page(pages, "api")).items():
        for link in addresses:
            chapter, anchor = urlsplit(link).path.removesuffix(".html"), urlsplit(link).fragment
            section = page(pages, chapter).find(id=anchor)
            own = section.find_all("div", class_="cell", recursive=False)
            definition = re.compile(rf"(def|class) {name.rsplit('.', 1)[1]}\b")
            assert any(definition.search(cell.get_text()) for cell in own), (name, link)


def test_a_source_that_is_no_longer_shown_would_be_missed(pages, tmp_path):
    for path in chapter_files(CHAPTERS):
        text = path.read_text(encoding="utf-8")
        text = text.replace("show_source(rnn_step_forward)", "rnn_step_forward")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    links = explained(page(pages, "api"))
    assert set(links) - shown(tmp_path) == {full_name(rnn_step_forward)}
    assert "01-rnn" in find_derivations(tmp_path).used[full_name(rnn_step_forward)]


def test_a_source_of_something_not_imported_is_an_error(tmp_path):
    cell = "```{code-cell} ipython3\nshow_source(print)\n```\n"
    (tmp_path / "01-wrong.md").write_text(TEXTS["01-rnn"][:300].split("# ")[0] + cell)
    with pytest.raises(ValueError, match="'print', which the chapter does not import"):
        find_derivations(tmp_path)


def test_each_source_in_a_chapter_leads_to_the_reference(pages):
    cells = find_derivations(CHAPTERS).cells
    assert set(cells) == set(TEXTS)
    for chapter, names in cells.items():
        lines = page(pages, chapter).select("p.reference-links")
        targets = [[urlsplit(a["href"]).fragment for a in line.select("a")] for line in lines]
        assert targets == names


def test_what_a_chapter_only_imports_leads_to_it_as_well(pages):
    entry = page(pages, "api").find(id="cs231n_lib.see.fooling.round_to_bytes").parent
    line = entry.select("dd > p")[-1]
    assert line.get_text() == "Used in Fooling images."
    assert line.a["href"] == "04-fooling-images.html"


def test_the_table_of_modules_and_their_descriptions_agree():
    reference = page_text("api")
    tables = re.findall(r"autosummary::\n\n((?:   \w+\n)+)", reference)
    assert len(tables) == 3
    listed = [name for table in tables for name in table.split()]
    assert listed == re.findall(r"automodule:: cs231n_lib\.(\w+)", reference)


def test_every_object_leads_to_its_source(site, pages):
    api = page(pages, "api")
    objects = api.select("dl.py.function > dt, dl.py.class > dt")
    assert len(objects) > 130
    for signature in objects:
        link = signature.select_one("a:has(span.viewcode-link)")
        assert link is not None, signature["id"]
        target = urlsplit(link["href"])
        source = (site / "chapters" / target.path).read_text(encoding="utf-8")
        assert f'id="{target.fragment}"' in source


# The other pages.


NAMES_OF_2017 = [
    "rnn_step_forward", "rnn_step_backward", "rnn_forward", "rnn_backward",
    "word_embedding_forward", "word_embedding_backward", "temporal_affine_forward",
    "temporal_softmax_loss", "CaptioningRNN.loss", "CaptioningRNN.sample", "CaptioningSolver",
    "lstm_step_forward", "lstm_step_backward", "lstm_forward", "lstm_backward",
    "compute_saliency_maps", "make_fooling_image", "create_class_visualization",
    "extract_features", "content_loss", "gram_matrix", "style_loss", "tv_loss", "style_transfer",
]  # fmt: skip


def test_the_comparison_has_every_name_of_2017(pages):
    rows = page(pages, "assignment-2017").select("tbody tr")
    for name in NAMES_OF_2017:
        ends_so = re.compile(rf"\.{re.escape(name)}$")
        row = next(row for row in rows if row.find("a", href=ends_so))
        places = row.select("td")[-1].select("a")
        assert places and all(re.match(r"0[1-6]-[\w-]+\.html#", a["href"]) for a in places), name
    numbers = page(pages, "assignment-2017").get_text()
    checks = (ROOT / "tests" / "test_originals.py").read_text(encoding="utf-8")
    for number in ("9.83235591003", "9.82445935443"):
        assert number in numbers and number in checks


def test_the_changelog_is_the_repositorys(pages):
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    shown_ = page(pages, "changelog").find("article")
    assert shown_.find("h1").get_text().startswith("Changelog")
    assert len(shown_.select("li")) == len(re.findall(r"^- ", text, flags=re.M))


def test_the_citation_is_that_of_the_file(pages):
    fields = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    shown_ = page(pages, "cite").select_one("div.highlight-bibtex").get_text()
    (entry,) = pybtex.database.parse_string(shown_, "bibtex").entries.values()
    assert entry.fields["title"] == fields["title"]
    assert entry.fields["url"] == fields.get("url", fields.get("repository-code"))
    assert re.fullmatch(r"20\d\d", entry.fields["year"])
    (author,) = entry.persons["author"]
    assert str(author) == f"{{{fields['authors'][0]['name']}}}"


def test_people_and_organisations_are_cited_by_their_names(tmp_path):
    file = tmp_path / "CITATION.cff"
    file.write_text(
        "title: A title\nurl: https://example.org\nauthors:\n"
        "  - {family-names: Doe, given-names: Jane}\n  - {name: The others}\n"
    )
    assert "author = {Doe, Jane and {The others}}," in bibtex(read_citation(file))
    file.write_text("title: A title\n")
    with pytest.raises(ValueError, match=r"CITATION\.cff lacks authors, url"):
        read_citation(file)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_can_be_downloaded_as_a_script(site, pages, notebook):
    menu = page(pages, notebook.stem).select(".dropdown-download-buttons a")
    (link,) = [a["href"] for a in menu if a["href"].endswith(".py")]
    script = (site / "chapters" / link).read_text(encoding="utf-8")
    tree = ast.parse(script)
    cells = [ast.parse(cell.source).body for cell in code_cells(read(notebook))]
    assert ast.dump(tree) == ast.dump(ast.Module([line for cell in cells for line in cell], []))
    assert "# # " in script  # the texts are there, as comments


def test_only_chapters_have_a_script(pages):
    for path, soup in pages.items():
        scripts = [a for a in soup.select("a[href$='.py']") if "_sources" in a["href"]]
        assert bool(scripts) == (path.stem in TEXTS)


def test_a_script_says_what_it_is(tmp_path):
    path = shutil.copy(CHAPTERS / "01-rnn.md", tmp_path)
    script = as_script(path, "Title")
    assert script.startswith('# 01-rnn, a chapter of "Title", as a script.\n')
    assert "\n# # Captions with a recurrent network\n" in script

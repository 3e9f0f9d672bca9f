"""The page about refusals holds every contract, and says nothing else."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from sphinx.cmd.build import build_main

from cs231n_lib.speak.rnn import rnn_forward, rnn_step_forward
from tests.contracts import Contract, Refusal, contracts
from website.refusals import changed, counted, refused

SHORT = Refusal("less than two words", {}, ValueError, "a message")
LETTERS = Refusal("one string instead of words", {}, TypeError, "a message")
TWO = Refusal("two words", {}, ValueError, "a message")
FEW = {
    "rnn": (
        Contract(
            rnn_forward, dict, (SHORT, LETTERS), changes={"cache": "is filled", "x": "is moved"}
        ),
        Contract(rnn_forward, dict, (SHORT, TWO)),
        Contract(rnn_step_forward, dict),
    )
}


def test_what_is_refused_stands_by_function_and_error():
    assert refused(FEW["rnn"]) == {
        "rnn_forward": {
            "ValueError": ["less than two words", "two words"],
            "TypeError": ["one string instead of words"],
        },
        "rnn_step_forward": {},
    }


def test_every_refusal_of_every_contract_is_in_the_tables():
    modules = contracts()
    for module, of_module in modules.items():
        table = refused(of_module)
        for contract in of_module:
            assert str(contract) in table, module
            for refusal in contract.refuses:
                assert refusal.what in table[str(contract)][refusal.error.__name__]


def test_what_a_call_changes_stands_with_its_reason():
    assert changed(FEW) == [
        ("rnn", "rnn_forward", "cache", "is filled"),
        ("rnn", "rnn_forward", "x", "is moved"),
    ]


def test_functions_and_refusals_are_counted_once():
    assert counted(FEW) == {"modules": 1, "functions": 2, "refusals": 3}


@pytest.fixture
def build(tmp_path, monkeypatch, capsys):
    """Build a page, with a reference that knows the functions given; the page and what was said."""

    def build(text: str, *functions: str) -> tuple[BeautifulSoup, str]:
        monkeypatch.setattr("tests.contracts.contracts", lambda: FEW)
        known = "\n".join(f".. py:function:: cs231n_lib.{name}" for name in functions)
        page = f"# Page\n\n{text}\n\n```{{eval-rst}}\n{known}\n```\n"
        (tmp_path / "conf.py").write_text("extensions = ['myst_nb', 'website.refusals']\n")
        (tmp_path / "index.md").write_text(page)
        build_main(["-q", str(tmp_path), str(tmp_path / "out")])
        html = tmp_path / "out" / "index.html"
        shown = html.read_text(encoding="utf-8") if html.exists() else ""
        return BeautifulSoup(shown, "html.parser"), capsys.readouterr().err

    return build


def test_a_module_is_a_section_with_a_table(build):
    names = ("rnn.rnn_forward", "rnn.rnn_step_forward")
    page, said = build("```{refusals}\n```\n\n```{changes}\n```", *names)
    assert said == ""
    section = page.select_one("#refused-by-rnn")
    assert section.h2.get_text().startswith("rnn")
    rows = [[td.get_text(" ", strip=True) for td in tr("td")] for tr in section.tbody("tr")]
    assert rows == [
        ["rnn_forward"],
        ["less than two words two words", "ValueError"],
        ["one string instead of words", "TypeError"],
        ["rnn_step_forward"],
        ["nothing", ""],
    ]
    assert [a["href"] for a in section.tbody("a")] == [f"#cs231n_lib.{name}" for name in names]
    last = page("table")[-1]
    cells = [td.get_text(strip=True) for td in last.tbody("td")]
    assert cells == ["rnn_forward", "cache", "is filled", "x", "is moved"]


def test_a_function_that_is_not_in_the_reference_is_named(build):
    _, said = build("```{refusals}\n```", "rnn.rnn_forward")
    assert re.search(r"reference target not found: cs231n_lib\.rnn\.rnn_step_forward", said)


def test_the_prose_says_how_many(build):
    page, _ = build("{refusal-count}`functions` functions, {refusal-count}`refusals` refusals.")
    assert "2 functions, 3 refusals." in page.get_text()


def test_something_that_is_not_counted_fails_the_build(build):
    _, said = build("{refusal-count}`chapters`")
    assert "no 'chapters', only modules, functions, refusals" in said


def test_the_page_of_the_website_has_every_function_and_every_refusal(pages):
    page = next(soup for path, soup in pages.items() if path.stem == "refusals")
    modules = contracts()
    for name, of_module in modules.items():
        section = page.select_one(f"#refused-by-{name.replace('_', '-')}")
        shown = [item.get_text(strip=True) for item in section.select("li")]
        tables = refused(of_module)
        wanted = [k for errors in tables.values() for kinds in errors.values() for k in kinds]
        plain = [" ".join(re.sub("[‘’]", "'", text).split()) for text in shown]
        assert plain == wanted
        assert [link.get_text() for link in section.select("tbody a")] == list(tables)

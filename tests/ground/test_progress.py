"""The progress bar: seen by those who watch, absent from everything that is kept."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cs231n_lib import progress as module
from cs231n_lib.progress import progress


def test_all_items_come_and_nothing_is_printed_without_a_terminal(capfd):
    assert list(progress(range(5), "working")) == [0, 1, 2, 3, 4]
    assert list(progress((i for i in "ab"), "working", total=2)) == ["a", "b"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shell", [None, SimpleNamespace()], ids=["Python", "IPython"])
def test_in_a_terminal_the_bar_goes_away_at_the_end(monkeypatch, shell):
    settings = {}
    monkeypatch.setattr(module, "get_ipython", lambda: shell)
    monkeypatch.setattr(module, "tqdm", lambda items, **given: settings.update(given) or items)
    assert list(progress((i for i in "ab"), "working", total=2)) == ["a", "b"]
    # None: no bar where the output is no terminal.
    assert settings == {
        "desc": "working", "total": 2, "leave": False, "mininterval": 0.5, "disable": None,
    }  # fmt: skip


@pytest.fixture
def notebook(monkeypatch):
    """A notebook that writes down what its one output showed."""
    shown = []

    def display(html, display_id):
        assert display_id is True
        shown.append(html.data)
        return SimpleNamespace(update=lambda html: shown.append(html.data))

    monkeypatch.setattr(module, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr(module, "display", display)
    return shown


def test_in_a_notebook_the_output_begins_and_ends_empty(notebook, capfd):
    bar = progress(range(100), "working")
    assert sum(1 for _ in bar) == 100
    assert notebook[0] == notebook[-1] == ""
    assert any("working" in text for text in notebook)
    assert capfd.readouterr() == ("", "")


def test_the_output_ends_empty_after_an_error_too(notebook):
    def broken():
        yield 1
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        list(progress(broken(), "working", total=3))
    assert notebook[-1] == ""


def test_the_output_ends_empty_when_nobody_goes_on(notebook):
    items = progress(range(100), "working")
    assert next(items) == 0
    items.close()
    assert notebook[-1] == ""


def test_a_notebook_shows_the_label_and_how_far_it_is(notebook):
    items = progress((i for i in "ab"), "working", total=2)
    next(items)
    assert notebook[0] == ""
    assert notebook[1].startswith("<pre>working:   0%|")
    assert "| 0/2 [" in notebook[1] and notebook[1].endswith("</pre>")
    assert list(items) == ["b"]
    assert notebook[-1] == ""

"""The progress bar: seen by those who watch, absent from everything that is kept."""

from __future__ import annotations

from types import SimpleNamespace

import IPython
import pytest
import tqdm

from cs231n_lib.progress import progress


def test_all_items_come_and_nothing_is_printed_without_a_terminal(capfd):
    assert list(progress(range(5), "working")) == [0, 1, 2, 3, 4]
    assert list(progress((i for i in "ab"), "working", total=2)) == ["a", "b"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shell", [None, SimpleNamespace()], ids=["Python", "IPython"])
def test_in_a_terminal_the_bar_goes_away_at_the_end(monkeypatch, shell):
    settings = {}
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr(tqdm, "tqdm", lambda items, **given: settings.update(given) or items)
    assert list(progress((i for i in "ab"), "working", total=2)) == ["a", "b"]
    # None: no bar where the output is not a terminal.
    assert settings == {
        "desc": "working", "total": 2, "leave": False, "mininterval": 0.5, "disable": None,
    }  # fmt: skip


@pytest.fixture
def notebook(monkeypatch):
    """A notebook, and all that its outputs showed, one list for each."""
    outputs = []

    def display(html, display_id):
        assert display_id is True
        shown = [html.data]
        outputs.append(shown)
        return SimpleNamespace(update=lambda html: shown.append(html.data))

    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr(IPython.display, "display", display)
    return outputs


def test_in_a_notebook_the_output_begins_and_ends_empty(notebook, capfd):
    assert sum(1 for _ in progress(range(100), "working")) == 100
    (shown,) = notebook
    assert shown[0] == shown[-1] == ""
    assert any("working" in text for text in shown)
    assert capfd.readouterr() == ("", "")


def test_the_output_ends_empty_after_an_error_and_when_nobody_goes_on(notebook):
    def broken():
        yield 1
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        list(progress(broken(), "working", total=3))
    items = progress(range(100), "working")
    assert next(items) == 0
    items.close()
    assert [shown[-1] for shown in notebook] == ["", ""]


def test_a_notebook_shows_the_label_and_how_far_it_is(notebook):
    items = progress((i for i in "ab"), "working", total=2)
    next(items)
    (shown,) = notebook
    assert shown[0] == ""
    assert shown[1].startswith("<pre>working:   0%|")
    assert "| 0/2 [" in shown[1] and shown[1].endswith("</pre>")
    assert list(items) == ["b"]
    assert shown[-1] == ""


def test_within_a_bar_there_is_no_other_and_after_it_there_is(notebook, monkeypatch):
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)
    for _ in progress(range(2), "outer"):
        assert list(progress(range(3), "inner")) == [0, 1, 2]
    list(progress(range(3), "next"))
    assert [shown[0] + shown[-1] for shown in notebook] == [""] * 2
    assert {text[:10] for shown in notebook for text in shown} == {"", "<pre>outer", "<pre>next:"}

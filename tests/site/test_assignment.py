"""The page about the assignment of 2017: every name it gives is there."""

from __future__ import annotations

import importlib
import re
from operator import attrgetter

import pytest

from tests.chapters import ROOT

PAGE = (ROOT / "chapters" / "assignment-2017.md").read_text(encoding="utf-8")


def find(name: str) -> object:
    """What a full name such as `cs231n_lib.speak.rnn.rnn_forward` means, or of a method."""
    _, room, module, *rest = name.split(".")
    return attrgetter(".".join(rest))(importlib.import_module(f"cs231n_lib.{room}.{module}"))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\{py:\w+\}`~?([\w.]+)`", PAGE))))
def test_a_name_of_the_page_is_where_the_page_says(name):
    assert callable(find(name))


@pytest.mark.parametrize("line", re.findall(r"`(from cs231n_lib[\w. ,]+)`", PAGE))
def test_an_import_of_the_page_works(line):
    exec(line, {})

"""The page about the assignment of 2017: every module and every name that it gives is there."""

from __future__ import annotations

import importlib
import re
from operator import attrgetter

import pytest

from tests.chapters import ROOT

PAGE = (ROOT / "chapters" / "assignment-2017.md").read_text(encoding="utf-8")
MODULES = re.findall(r"`(cs231n\.[\w.]+)`|\{py:mod\}`([\w.]+)`", PAGE)


@pytest.mark.parametrize("name", sorted({old or new for old, new in MODULES}))
def test_a_module_of_the_page_can_be_imported(name):
    importlib.import_module(name)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\{py:(?!mod)\w+\}`~?([\w.]+)`", PAGE))))
def test_a_name_of_the_page_is_where_the_page_says(name):
    _, room, module, *rest = name.split(".")
    found = attrgetter(".".join(rest))(importlib.import_module(f"cs231n_lib.{room}.{module}"))
    assert callable(found)

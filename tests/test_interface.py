"""The public interface is that of the last release, defaults included, or the change is meant."""

from __future__ import annotations

import json

import pytest

from tests.interface import MODULES, RECORD, interface

RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))


def test_every_module_is_recorded():
    assert list(RECORDED) == MODULES


@pytest.mark.parametrize("module", RECORDED)
def test_parameters_and_defaults_are_those_recorded(module):
    meant = "if that is meant: a line in CHANGELOG.md, and python -m tests.interface"
    assert interface(module) == RECORDED[module], meant

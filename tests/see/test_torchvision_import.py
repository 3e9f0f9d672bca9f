"""torchvision is imported beside any build of torch."""

import importlib

import pytest

from cs231n_lib.see.torchvision_import import import_torchvision


def test_a_submodule_by_its_full_name():
    assert import_torchvision("torchvision.transforms").__name__ == "torchvision.transforms"
    with pytest.raises(ValueError, match=r"import_torchvision: module is 'os\.path'"):
        import_torchvision("os.path")


def test_another_error_is_not_hidden(monkeypatch):
    def fail(module):
        raise RuntimeError("something else")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="something else"):
        import_torchvision()

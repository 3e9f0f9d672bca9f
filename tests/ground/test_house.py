"""The rules of the house: every module has its tests, and imports run one way."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chapters import ROOT

FILES = [path for path in sorted((ROOT / "cs231n_lib").rglob("*.py")) if path.stem != "__init__"]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in FILES}
FLOORS = ("ground", "see", "speak", "figures", "notebook")  # from the ground up

# They run in a browser, where there is nothing but NumPy and Pillow.
NUMPY_ALONE = "layers rnn lstm captioning optim scenes truth gradient_check"
BLOCKED = "torch torchvision scipy sklearn skimage matplotlib IPython h5py nltk tqdm"


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever it does, by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = {f"{node.module}.{name.name}" for name in node.names}
            found |= (parts & MODULES.keys()) or {node.module}
    return found


def folder(module: str) -> str:
    """The folder in which the tests of a module are."""
    return module.split(".")[1] if module.count(".") == 2 else "ground"


def room(module: str) -> str:
    """The folder of a module; the ground has none, and `notebook` is a room of its own."""
    *_, name = module.split(".")
    return name if name in FLOORS else folder(module)


ARROWS = {module: imports(path) & MODULES.keys() for module, path in MODULES.items()}


def test_every_module_is_tested_in_the_room_of_its_own():
    """The kinds of arguments in `checks` are tested by the contracts."""
    tested = {
        (path.parent.name, module)
        for path in (ROOT / "tests").glob("*/test_*.py")
        for module in imports(path)
    }
    assert [
        module
        for module in MODULES
        if not module.endswith(".checks") and (folder(module), module) not in tested
    ] == [], "tests of see.saliency are in tests/see/test_saliency.py"


@pytest.mark.parametrize("module", MODULES)
def test_imports_lead_down_and_never_out_of_the_library(module):
    floor = FLOORS.index(room(module))
    assert [name for name in ARROWS[module] if FLOORS.index(room(name)) > floor] == []
    outside = {name.split(".")[0] for name in imports(MODULES[module])}
    assert outside.isdisjoint({"website", "tests", "benchmarks"})


def test_no_imports_run_in_a_circle():
    graphlib.TopologicalSorter(ARROWS).prepare()


def test_what_speaks_meets_what_sees_in_one_module():
    meets = {
        module
        for module, others in ARROWS.items()
        if room(module) == "speak" and "see" in map(room, others)
    }
    assert len(meets) == 1, meets


def test_the_figures_style_imports_nothing_of_ours():
    assert ARROWS["cs231n_lib.figures.style"] == set()


@pytest.mark.parametrize("path", [*(ROOT / "website").glob("*.py")], ids=lambda path: path.stem)
def test_the_website_imports_no_tests(path):
    assert [name for name in imports(path) if name.split(".")[0] == "tests"] == []


def test_the_half_of_numpy_needs_nothing_else():
    code = f"import sys; sys.modules |= dict.fromkeys({BLOCKED.split()}); " + "; ".join(
        f"import cs231n_lib.speak.{name}" for name in NUMPY_ALONE.split()
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr

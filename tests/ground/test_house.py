"""The rules of the house: who imports whom, and what runs where there is only NumPy."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = "cs231n_lib"
GROUND = {"checks", "files", "progress", "reproducible"}
FLOORS = ("ground", "see", "speak", "figures", "notebook", "workshop")  # imports lead down
OURS = {LIBRARY, "cs231n", "website", "benchmarks", "tests"}
OF_THE_ASSIGNMENT = {"create_class_visualization", "style_transfer"}  # with its own parameters
NOT_NUMPY = ("features", "photographs", "torch_captioner", "distributed")  # of what speaks
HEAVY = (
    "torch", "scipy", "sklearn", "matplotlib", "IPython", "torchvision", "h5py", "nltk", "skimage",
    "tqdm",
)  # fmt: skip


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> set[str]:
    """What of ours a file imports, anywhere in it: modules by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.partition(".")[0] in OURS}


PATHS = {
    package: {name_of(path): path for path in sorted((ROOT / package).rglob("*.py"))}
    for package in (LIBRARY, "website")
}
MODULES = PATHS[LIBRARY]
IMPORTS = {module: imports(path) for module, path in MODULES.items() if module != LIBRARY}


def floor_of(module: str) -> int:
    room = module.split(".")[1]
    return FLOORS.index("ground" if room in GROUND else room)


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_lead_down_and_stay_in_the_library(module):
    assert [name for name in IMPORTS[module] if name.partition(".")[0] != LIBRARY] == []
    up = [name for name in IMPORTS[module] if floor_of(name) > floor_of(module)]
    assert up == []


@pytest.mark.parametrize("module", [m for m in IMPORTS if not m.endswith(".checks")])
def test_every_public_function_is_tested_in_the_folder_of_its_room(module):
    """The kinds of arguments in `checks` are tested by the contracts."""
    path = MODULES[module]
    folder = ROOT / "tests" / path.parent.name.replace(LIBRARY, "ground")
    tests = "\n".join(test.read_text(encoding="utf-8") for test in folder.glob("test_*.py"))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    untested = [name for name in functions if not re.search(rf"\b{name}\b", tests)]
    assert untested == [], f"no test in {folder.relative_to(ROOT)} names them"


def test_settings_that_belong_together_are_one_argument():
    long = {
        f.name
        for path in MODULES.values()
        for f in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(f, ast.FunctionDef)
        and len({"self"} | {a.arg for a in f.args.args + f.args.kwonlyargs}) > 1 + 8
    }
    assert long == OF_THE_ASSIGNMENT, "more than eight parameters"


def test_there_is_no_circle():
    assert set(graphlib.TopologicalSorter(IMPORTS).static_order()) == set(IMPORTS)


def test_what_speaks_meets_what_sees_where_pictures_are_described():
    meets = {
        module
        for module, names in IMPORTS.items()
        if module.startswith(f"{LIBRARY}.speak.")
        for name in names
        if name.startswith(f"{LIBRARY}.see")
    }
    assert meets == {f"{LIBRARY}.speak.{name}" for name in ("features", "photograph_features")}


def test_the_style_of_figures_imports_nothing_of_ours():
    assert IMPORTS[f"{LIBRARY}.figures.style"] == set()


@pytest.mark.parametrize("module", PATHS["website"])
def test_the_website_imports_no_tests(module):
    names = imports(PATHS["website"][module])
    assert {name.partition(".")[0] for name in names} <= {LIBRARY, "website"}


def test_what_speaks_needs_only_numpy():
    modules = [
        module
        for module in MODULES
        if module.startswith(f"{LIBRARY}.speak.") and not module.endswith(NOT_NUMPY)
    ]
    assert len(modules) > 10
    script = f"""
import importlib, sys
for name in {HEAVY}:
    sys.modules[name] = None
for name in {modules}:
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)

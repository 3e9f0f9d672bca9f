"""Do the tests notice small mistakes? ``python -m tests.mutants speak.rnn --sample 50``.

Each mutant is the library with one small mistake in the body of a function. The tests of its module
run, then others of its room that name it, then its contracts, until one fails. What survives is
printed. Errors and their texts stay as they are. On a busy machine a slow mutant counts as noticed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAIRS = (
    "Add Sub", "Mult Div", "BitAnd BitOr", "Lt LtE", "Gt GtE", "Eq NotEq", "Is IsNot", "In NotIn",
    "And Or",
)  # fmt: skip
SWAPS = {getattr(ast, a): getattr(ast, b) for pair in PAIRS for a, b in (pair.split(),)}
SWAPS |= {b: a for a, b in SWAPS.items()}
SWAPS |= dict.fromkeys((ast.Pow, ast.FloorDiv, ast.Mod), ast.Mult)


def mistakes(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST | str]]:
    """Parts of a function's body, and what may be written in their place by mistake."""
    fields = dict(ast.iter_fields(node))
    match node:
        case ast.Raise() | ast.JoinedStr() | ast.Expr(value=ast.Constant()):
            return
        case ast.FunctionDef() | ast.AnnAssign():
            fields = {name: fields.get(name) for name in ("body", "value")}
        case ast.Expr(value=ast.Call()):
            yield node, "pass"
        case ast.Return(value=ast.expr()):
            yield node, "return None"
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in SWAPS:
            yield node, type(node)(**fields | {"op": SWAPS[type(op)]()})
        case ast.Compare(ops=[op, *more]):
            yield node, type(node)(**fields | {"ops": [SWAPS[type(op)](), *more]})
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield node, operand
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield test, ast.UnaryOp(ast.Not(), test)
        case ast.Constant(value=bool() as value):
            yield node, ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield node, ast.Constant(value + 1)
        case ast.Constant(value=str() as value):
            yield node, ast.Constant(f"{value}X")
    for field in fields.values():
        for part in field if isinstance(field, list) else [field]:
            if isinstance(part, ast.AST):
                yield from mistakes(part)


def mutants(source: str) -> list[tuple[int, str, str]]:
    """For each mistake in a module: its line, a few words on it, and the module's source."""
    raw, tree, found = source.encode(), ast.parse(source), []
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    parts = [*tree.body, *(part for each in tree.body if isinstance(each, ast.ClassDef)
                           for part in each.body)]  # fmt: skip
    for function in (part for part in parts if isinstance(part, ast.FunctionDef)):
        for node, other in mistakes(function):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            text = other if isinstance(other, str) else ast.unparse(other)
            text = f"({text})" if isinstance(other, ast.expr) else text
            words = " ".join(f"{raw[start:end].decode()} → {text}".split())
            found.append((node.lineno, words, (raw[:start] + text.encode() + raw[end:]).decode()))
    return found


def run(module: str, quiet: bool) -> None:
    """Run the tests of a module, in a process of its own, which ends with 0 if all pass."""
    room, _, name = module.rpartition(".")
    own = Path("tests", room or "ground", f"test_{name}.py")
    others = [
        str(path) for path in sorted(own.parent.glob("test_*.py"))
        if path.stem not in (own.stem, "test_contracts") and name in path.read_text("utf-8")
    ]  # fmt: skip
    contracts = ["tests/ground/test_contracts.py", "-k", f"{module}-"]
    sys.modules.pop("tests", None)  # this package, from where it is not changed
    with Path(os.devnull).open("w") as devnull, contextlib.ExitStack() as stack:
        if quiet:
            stack.enter_context(contextlib.redirect_stdout(devnull))
        for stage in ([str(own)] * own.exists(), others, contracts):
            command = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *stage]
            if stage and pytest.main(command) not in (0, 5):  # 5: there are none
                os._exit(1)
    os._exit(0)


def survives(module: str, seconds: float, quiet: bool = True) -> bool:
    """Whether all tests pass, within some time."""
    process = multiprocessing.get_context("fork").Process(target=run, args=(module, quiet))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode == 0


def score(module: str, sample: int | None) -> tuple[int, int]:
    """How many mutants of a module are noticed, of how many that were tried."""
    path = Path("cs231n_lib", *module.split(".")).with_suffix(".py")
    source = path.read_text(encoding="utf-8")
    found = mutants(source)
    found = sorted(random.Random(0).sample(found, min(sample or len(found), len(found))))
    start = time.monotonic()
    if not survives(module, 1800, quiet=False):
        sys.exit(f"{module}: its tests fail before anything is changed")
    limit, noticed = 10 + 3 * (time.monotonic() - start), 0
    for line, words, mutant in found:
        path.write_text(mutant, encoding="utf-8")
        alive = survives(module, limit)
        noticed += not alive
        if alive:
            print(f"{path}:{line}: {words}", flush=True)
    path.write_text(source, encoding="utf-8")
    print(f"{module}: {noticed} of {len(found)} are noticed", flush=True)
    return noticed, len(found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="such as speak.rnn; all of them, if none")
    parser.add_argument("--sample", type=int, help="how many mutants of each module")
    arguments = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    large = "captum foolbox jupytext matplotlib.pyplot scipy.stats skimage.metrics sklearn torch"
    for name in large.split():
        importlib.import_module(name)  # once for all
    with tempfile.TemporaryDirectory() as folder:
        left_out = shutil.ignore_patterns(".*", "_build", "__pycache__", "node_modules")
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=left_out)
        os.chdir(folder)
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = True  # of two mutants made in one second
        modules = arguments.modules or [
            ".".join(path.relative_to("cs231n_lib").with_suffix("").parts)
            for path in sorted(Path("cs231n_lib").rglob("[!_]*.py"))
        ]
        noticed, tried = map(sum, zip(*(score(module, arguments.sample) for module in modules)))
        print(f"{noticed} of {tried} are noticed, {noticed / tried:.1%}")


if __name__ == "__main__":
    main()

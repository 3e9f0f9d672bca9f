"""Do the tests notice small mistakes? ``python -m tests.mutants speak.rnn --sample 50``.

Each mutant is a copy of the library with one small mistake in the body of a function. The tests of
its module run, then others of its room that import it, then its contracts, until one fails. What
survives is printed. Texts of error messages stay as they are. On a busy machine a slow mutant may
count as noticed.
"""

from __future__ import annotations

import argparse
import ast
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
SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def mistakes(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST | str]]:
    """Parts of a function's body, and what may be written in their place by mistake."""
    match node:
        case ast.Raise() | ast.JoinedStr() | ast.Expr(value=ast.Constant()):
            return
        case ast.Expr(value=ast.Call()):
            yield node, "pass"
        case ast.Return(value=ast.expr()):
            yield node, "return None"
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in SWAPS:
            yield node, _with(node, op=SWAPS[type(op)]())
        case ast.Compare(ops=[op, *more]) if type(op) in SWAPS:
            yield node, _with(node, ops=[SWAPS[type(op)](), *more])
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
    for name, field in ast.iter_fields(node):
        if name not in ("annotation", "args", "returns", "decorator_list") or not isinstance(
            node, ast.AnnAssign | ast.FunctionDef
        ):
            for part in field if isinstance(field, list) else [field]:
                if isinstance(part, ast.AST):
                    yield from mistakes(part)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    return type(node)(**dict(ast.iter_fields(node)) | fields)


def mutants(source: str) -> list[tuple[int, str, str]]:
    """For each mistake in a module: its line, a few words on it, and the module's source."""
    lines = [0]
    for line in source.encode().splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    found = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef) or getattr(function, "inner", False):
            continue
        for inner in ast.walk(function):
            inner.inner = inner is not function
        for node, other in (each for part in function.body for each in mistakes(part)):
            start = lines[node.lineno - 1] + node.col_offset
            end = lines[node.end_lineno - 1] + node.end_col_offset
            text = other if isinstance(other, str) else ast.unparse(other)
            text = f"({text})" if isinstance(other, ast.expr) else text
            raw = source.encode()
            words = f"{raw[start:end].decode()} → {text}"
            found.append((node.lineno, words, (raw[:start] + text.encode() + raw[end:]).decode()))
    return found


def stages(module: str) -> list[list[str]]:
    """Which tests to run, one stage after the other."""
    room, _, name = module.rpartition(".")
    own = Path("tests", room or "ground", f"test_{name}.py")
    others = [
        path for path in sorted(own.parent.glob("test_*.py"))
        if path != own and "contracts" not in path.name and name in path.read_text("utf-8")
    ]  # fmt: skip
    contracts = ["tests/ground/test_contracts.py", "-k", f"{module}-"]
    return [[str(own)] * own.exists(), [*map(str, others)], contracts]


def _run(module: str, quiet: bool) -> None:
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.modules.pop("tests", None)  # this package, from where it is not changed
    for stage in filter(None, stages(module)):
        if pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *stage]) not in (0, 5):
            os._exit(1)
    os._exit(0)


def survives(module: str, seconds: float, quiet: bool = True) -> bool:
    """Whether all tests pass, within some time, in the folder that the process is in."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(module, quiet))
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
    if sample and sample < len(found):
        found = random.Random(0).sample(found, sample)
    start = time.monotonic()
    if not survives(module, 1800, quiet=False):
        sys.exit(f"{module}: its tests fail before anything is changed")
    limit, noticed = 10 + 3 * (time.monotonic() - start), 0
    for line, words, mutant in sorted(found):
        path.write_text(mutant, encoding="utf-8")
        alive = survives(module, limit)
        noticed += not alive
        if alive:
            print(f"{path}:{line}: {' '.join(words.split())}", flush=True)
    path.write_text(source, encoding="utf-8")
    print(f"{module}: {noticed} of {len(found)} are noticed", flush=True)
    return noticed, len(found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="such as speak.rnn; all of them, if none")
    parser.add_argument("--sample", type=int, help="how many mutants of each module")
    arguments = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    import captum, foolbox, matplotlib.pyplot, scipy.stats, sklearn, skimage, torch  # noqa: E401, F401, I001 - once for all

    with tempfile.TemporaryDirectory() as folder:
        for name in ("cs231n_lib", "tests", "website", "chapters", "benchmarks"):
            ignore = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(ROOT / name, Path(folder, name), ignore=ignore)
        for name in ("conftest.py", "pyproject.toml", "_toc.yml", "_config.yml"):
            shutil.copy(ROOT / name, folder)
        os.chdir(folder)
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = True  # of two mutants made in one second
        modules = arguments.modules or [
            ".".join(path.relative_to("cs231n_lib").with_suffix("").parts)
            for path in sorted(Path("cs231n_lib").rglob("*.py"))
            if path.stem != "__init__"
        ]
        noticed, tried = map(sum, zip(*(score(module, arguments.sample) for module in modules)))
        print(f"{noticed} of {tried} are noticed, {noticed / tried:.1%}")


if __name__ == "__main__":
    main()

"""Points for a workbook: ``python -m cs231n_lib.workshop grade *.ipynb``.

Each notebook is run in a process of its own, with limits of time and memory, in an empty folder and
without a network. Only its definitions are run: imports, functions, classes and the checks' names,
not trainings or figures. This keeps accidents away. It is no sandbox against malice: code that
wants to can read files and use up what the limits allow.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import multiprocessing
import socket
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cs231n_lib.checks import Count, Number, checked
from cs231n_lib.workshop.diagnosis import diagnose
from cs231n_lib.workshop.tasks import every_task

__all__ = ["Grade", "grade", "main"]

Grade = dict[str, Any]

_MOST_FILE = 2**20  # bytes that a notebook may write


@checked(seconds=Number(above=0), megabytes=Count())
def grade(path: str | Path, seconds: float = 60, megabytes: int = 4000) -> Grade:
    """Grade one notebook: a point for every function that is right.

    Parameters
    ----------
    path : str or Path
        A notebook with functions of the book's workbooks.
    seconds : float
        How long its definitions and all checks together may take.
    megabytes : int
        How much memory its process may use, where the system keeps such limits.

    Returns
    -------
    dict
        ``"notebook"``, its path; ``"points"``; ``"of"``, the number of functions that it should
        hold; ``"functions"``, for each its state, ``"right"``, ``"wrong"`` or ``"not written"``,
        and what the check says; ``"problem"``, what stopped the grading, or an empty string.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_grade_here, args=(str(path), megabytes, theirs), daemon=True)
    process.start()
    theirs.close()
    functions, problem = {}, ""
    try:
        while ours.poll(seconds):
            name, said = ours.recv()
            if name is None:
                problem = said
                break
            functions[name] = said
        else:
            problem = f"it had not come to an end after {seconds:g} seconds"
    except EOFError:
        process.join(1)
        problem = f"its process ended early, with exit code {process.exitcode}"
    process.kill()
    points = sum(said["state"] == "right" for said in functions.values())
    return {
        "notebook": str(path),
        "points": points,
        "of": len(functions),
        "functions": functions,
        "problem": problem,
    }


def _grade_here(path: str, megabytes: int, connection: Connection) -> None:
    """In a process of its own: send what is said of each function, then None."""
    try:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
        names = [c["metadata"]["function"] for c in cells if "function" in c.get("metadata", {})]
    except (OSError, ValueError, KeyError, TypeError) as error:
        connection.send((None, f"it is not a notebook: {error}"))
        return
    for name in names:  # in case that nothing more can be said
        connection.send((name, {"state": "not written", "says": []}))
    _limit(megabytes)
    space: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), _quiet():
        stopped, written = {}, {}
        for number, cell in enumerate(cells, start=1):
            if cell["cell_type"] == "code":
                try:
                    exec(_definitions("".join(cell["source"])), space)
                except BaseException as error:  # SystemExit must not end the grading
                    name = cell["metadata"].get("function", f"cell {number}")
                    stopped[name] = f"{name} stopped with {type(error).__name__}: {error}"
                written |= {name: space[name] for name in names if _is_written(name, space)}
        space |= written  # a later cell may import the book's
        for name in names:
            connection.send((name, _said(name, space, stopped.pop(name, ""))))
    connection.send((None, "; ".join(stopped.values())))


def _is_written(name: str, space: dict[str, Any]) -> bool:
    task = every_task().get(name)
    return name in space and not (task and space[name] is task.function)


def _said(name: str, space: dict[str, Any], stopped: str) -> dict[str, Any]:
    function = space.get(name)
    if stopped or name not in every_task() or not callable(function):
        says = stopped or f"the notebook defines no {name}"
        return {"state": "wrong" if stopped else "not written", "says": [says]}
    found = diagnose(function, every_task()[name], seconds=5)
    state = "right" if found.right else "wrong" if found.written else "not written"
    return {"state": state, "says": [*(m.what for m in found.mistakes), *found.remarks]}


def _definitions(source: str) -> Any:
    """What of a cell defines names: the rest may train, draw or loop."""
    kept = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    tree = ast.parse("\n".join(line for line in source.splitlines() if line[:1] not in "%!"))
    tree.body = [node for node in tree.body if isinstance(node, kept)]
    return compile(tree, "<cell>", "exec")


def _limit(megabytes: int) -> None:
    """Limits of memory and files where the system has them, and no network."""
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _no_network)
    socket.getaddrinfo = _no_network
    try:
        import resource
    except ImportError:  # as on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, [megabytes * 2**20] * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, [_MOST_FILE] * 2)


def _no_network(*_: object, **__: object) -> None:
    raise OSError("there is no network while a notebook is graded")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(_Nothing()), contextlib.redirect_stderr(_Nothing()):
        yield


class _Nothing(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def main(arguments: list[str]) -> int:
    """The command line. Returns 0, or 1 if a notebook could not be graded to its end."""
    parser = argparse.ArgumentParser("python -m cs231n_lib.workshop")
    parser.add_argument("command", choices=["grade"])
    parser.add_argument("notebooks", nargs="+")
    parser.add_argument("--json", metavar="FILE", help="write everything there")
    parser.add_argument("--seconds", type=float, default=60, help="for each notebook")
    parser.add_argument("--megabytes", type=int, default=4000, help="for each notebook")
    given = parser.parse_args(arguments)
    grades = [grade(path, given.seconds, given.megabytes) for path in given.notebooks]
    for result in grades:
        print(f"{result['points']:3} of {result['of']:2}  {result['notebook']}")
        for name, said in result["functions"].items():
            print(f"           {said['state']:11}  {name}  {' '.join(said['says'])}")
        if result["problem"]:
            print(f"           {result['problem']}")
    if given.json:
        Path(given.json).write_text(json.dumps(grades, indent=2), encoding="utf-8")
    return int(any(result["problem"] for result in grades))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A workbook for each chapter: the same text and figures, with blanks where the sources were.

``python -m website.workbook`` writes them into the folder ``workbooks``. Where a chapter shows the
source of a function that :mod:`cs231n_lib.workshop` knows, its workbook has the signature, the
docstring and one line to replace, and a check below. Everything else is the chapter's own, so that
nothing is written twice.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import math
import re
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from cs231n_lib.files import write_atomically
from cs231n_lib.workshop.reports import BOOK
from cs231n_lib.workshop.tasks import every_task
from website.book import chapter_files, read
from website.status import read_record

__all__ = [
    "asked", "blank", "for_nbgrader", "is_written", "workbook", "write_for_nbgrader",
    "write_workbooks",
]  # fmt: skip

_FIRST = """\
# Workbook: {title}

This is the chapter [{title}]({page}) with blanks. Where it shows a function, you write one. Run the
cells from the top. In a blank, replace the last line, run the cell and the check below it.{time}

- `check(f)` says what is right, and which mistake gives exactly your numbers.
- `hint(f)` gives three hints, one after the other; `solution(f)` shows the book's function.
- Your functions are used from there on, right or wrong. `use_solution(f)` goes on with the book's.
- A cache is yours: put into it what your own way back needs, in any order.
"""
_TIME = "\nThe chapter's own cells take about {minutes} in all, on {cores}."
_SHOWN = re.compile(r"^show_source\(\s*(.*?),?\s*\)$", re.M | re.S)
_PLAIN = (  # MyST -> the Markdown that every notebook shows
    (r"\{doc\}`([\w-]+)`", rf"[\1]({BOOK}\1.html)"),
    (r"\{doc\}`([^<`]+?) <([\w-]+)>`", rf"[\1]({BOOK}\2.html)"),
    (r"\{eq\}`([^`]+)`", r"(\1)"),
    (r"\{term\}`([^`<]+?)(?: <[^`]*>)?`", r"\1"),
    (r"\{math\}`([^`]+)`", r"$\1$"),
    (r"^\([\w-]+\)=\n", ""),
    (r"```\{math\}\n:label: ([^\n]*)\n((?s:.*?))```", r"$$\n\2\\tag{\1}\n$$"),
    (r"```\{admonition\} ([^\n]*)\n(?::class:[^\n]*\n)?((?s:.*?))```", r"**\1.** \2"),
    (r"```\{exercise\}\n:label: [^\n]*\n+((?s:.*?))```", r"**Exercise.** \1"),
    (r"````\{solution\}(?s:.*?)\n````\n?", ""),
    (r"```\{figure\}(?s:.*?)\n```\n?", ""),
)
# What the first shows is written beside the second: no source in a chapter gives these their place.
_BESIDE = {
    "caption": "adam",
    "create_class_visualization": "class_visualization_step",
    "content_loss": "extract_features",
}
# The first reads the cache of the second, which must be the book's again.
_READS = {"lstm_gates": "lstm_forward"}
# What a docstring says of the book's own way, or of errors, and a blank does not.
_OF_THE_BOOKS = "Equal to", "Errors", "Written with"
_CACHE = r"cache : tuple\n    For (:func:`[^`]+`).*"
_TRAINING = """\
**Whose functions train now?** The next cell says. With the book's, a share of {reached} of the
captions of the test pictures is true in the end. If one of yours is wrong, you will see it here:
the loss stays high, a cell stops at its `assert`, or the numbers printed below are far from the
book's, which the text quotes. Then mend it, check it, and run these cells once more. Each training
takes minutes; a loop over single numbers, where the book has a product of matrices, may take hours.
"""
# A function that the book shows -> the one that a reader writes in its place. The plain loop stands
# for the fast version, and a part of a function gives it away.
_WRITTEN = {
    shown.__qualname__: name
    for name, task in every_task().items()
    for shown in (*task.sources, task.function)
}


# Parts of a function, and its plain loop -> their module.
_PARTS = {
    part.__name__: part.__module__
    for task in every_task().values()
    for part in task.sources
    if part.__name__ not in every_task()
}
_CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"


def blank(function: Callable) -> str:
    """A function's signature and docstring, and a line to replace."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body
    for argument in (*tree.args.args, *tree.args.kwonlyargs):
        argument.annotation = None
    opening, *sections = re.split(r"\n\n(?=\w+\n-+\n)", inspect.getdoc(function))
    said = [part for part in opening.split("\n\n") if not part.startswith(_OF_THE_BOOKS)]
    if every_task()[function.__name__].keeps_dtype and "cs231n_lib.speak" in function.__module__:
        said.append("Floats keep their dtype: float32 stays float32.")
    kept = [part for part in sections if part.startswith(("Parameters", "Returns"))]
    words = re.sub(_CACHE, r"cache : anything\n    What \1 will need.", "\n\n".join(said + kept))
    words = re.sub(r":\w+:`~?\.?([^`]+)`", r"\1", words)
    doc = textwrap.indent(f'"""{words}\n"""', "    ", lambda line: bool(line.strip()))
    head = f"def {tree.name}({ast.unparse(tree.args)}):"
    return f'{head}\n{doc}\n    raise NotImplementedError("yours to write")'


def workbook(chapter: nbformat.NotebookNode, page: str) -> nbformat.NotebookNode:
    """A chapter's workbook.

    Parameters
    ----------
    chapter : NotebookNode
        With its outputs, which the text quotes.
    page : str
        Address of the chapter's page.
    """
    title = next(c.source for c in chapter.cells if c.source.startswith("# ")).splitlines()[0][2:]
    first = _FIRST.format(title=title, page=page, time=_time(Path(page).stem))
    cells = [new_markdown_cell(first)]
    facts, written, skipping = _facts(chapter), set(), False
    used = _used(chapter)
    reached = next((fact for name, fact in facts.items() if name.endswith("_true")), None)
    for cell in chapter.cells:
        if cell.cell_type == "markdown":
            skipping = _skips(cell.source, skipping)
            cells += [new_markdown_cell(text)] if (text := _plain(cell.source, facts)) else []
        elif not skipping:
            if reached and "solver.train(" in cell.source:
                cells += [
                    new_markdown_cell(_TRAINING.format(reached=reached)),
                    new_code_cell("summary()"),
                ]
                reached = None
            cells += _code(cell, written, used)
    cells.append(new_code_cell("summary()"))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _time(chapter: str) -> str:
    """How long the chapter took when it was last executed, in whole minutes."""
    entry = read_record(_CHAPTERS / "status.json").get(chapter)
    if entry is None:
        return ""
    minutes, threads = math.ceil(entry["seconds"] / 60), entry["threads"]
    return _TIME.format(
        minutes="a minute" if minutes == 1 else f"{minutes} minutes",
        cores="one processor core" if threads == 1 else f"{threads} processor cores",
    )


def _skips(text: str, skipping: bool) -> bool:
    """Whether the cells behind a text belong to the solution of an exercise."""
    marks = re.findall(r"\{solution-(start|end)\}", text)
    return marks[-1] == "start" if marks else skipping


def _used(chapter: nbformat.NotebookNode) -> set[str]:
    """Names that cells use otherwise than to show or to import them."""
    cells = (cell for cell in chapter.cells if cell.cell_type == "code")
    trees = (ast.parse(_SHOWN.sub("", cell.source)) for cell in cells)
    return {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _plain(text: str, facts: dict[str, str]) -> str:
    """What every notebook shows, without solutions."""
    text = re.sub(
        r"```\{include\} (\S+)\n```",
        lambda m: _CHAPTERS.joinpath(m[1]).read_text(encoding="utf-8").strip(),
        text,
    )
    text = re.sub(r"```\{solution-start\}.*", "", text, flags=re.S)
    text = re.sub(r".*```\{solution-end\}\n```\n?", "", text, flags=re.S)
    text = re.sub(r"(\.\s)?\{(?:ref|numref)\}`(?:([^`<]+) <)?([\w-]+)>?`", _referred, text)
    text = re.sub(
        r"\{cite:[pt]\}`([^`]+)`",
        lambda m: f"({'; '.join(_cited(key.strip()) for key in m[1].split(','))})",
        text,
    )
    for pattern, plain in _PLAIN:
        text = re.sub(pattern, plain, text, flags=re.M)
    return re.sub(r"\{glue:text\}`([^`]+)`", lambda m: facts.get(m[1], m[1]), text).strip()


@functools.cache
def _labels() -> dict[str, tuple[str, str]]:
    """Label of a heading or figure -> its page, and what a reference calls it."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in _CHAPTERS.glob("*.md")}
    return {
        label: (page, heading or "the figure")
        for page, text in texts.items()
        for label, heading in [
            *re.findall(r"^\(([\w-]+)\)=\n+#+ (.*)", text, re.M),
            *re.findall(r"^ *:?name: (fig-[\w-]+)()$", text, re.M),
        ]
    }


def _referred(found: re.Match) -> str:
    """A reference as a link to the site."""
    before, words, label = found.groups("")
    if label not in _labels():
        raise ValueError(f"no page has the label {label}")
    page, name = _labels()[label]
    words = words or (name[0].upper() + name[1:] if before else name)
    return f"{before}[{words}]({BOOK}{page}.html#{label})"


_ACCENTS = dict(zip("\"'`^~", "\u0308\u0301\u0300\u0302\u0303"))


def _cited(key: str) -> str:
    """Authors, year, and the title with its link, as the references have them."""
    bib = _CHAPTERS.joinpath("references.bib").read_text(encoding="utf-8")
    entry = re.search(rf"^@\w+\{{{re.escape(key)},\n(.*?)^\}}", bib, re.M | re.S)
    if entry is None:
        raise ValueError(f"references.bib has no {key}")
    text = " ".join(entry[1].split()).replace("\\textless", "<")
    text = re.sub(
        r"\{?\\([\"'`^~])\{?(\w)\}?\}?",
        lambda m: unicodedata.normalize("NFC", m[2] + _ACCENTS[m[1]]),
        text,
    )
    found = dict(re.findall(r"(\w+) = \{((?:[^{}]|\{[^{}]*\})*)\}", text))
    names = [
        name.partition(",")[0].strip("{} ")
        for name in found.get("author", found.get("organization", key)).split(" and ")
    ]
    who = names[0] + (" et al." if len(names) > 2 else f" and {names[1]}" if names[1:] else "")
    title = re.sub(r"[{}]", "", found["title"])
    link = found.get("url") or (found.get("doi") and f"https://doi.org/{found['doi']}")
    link = link or (found.get("eprint") and f"https://arxiv.org/abs/{found['eprint']}")
    return f"{who}, {found.get('year', 'no year')}, {f'[{title}]({link})' if link else title}"


def _facts(chapter: nbformat.NotebookNode) -> dict[str, str]:
    """Numbers that the chapter's run has recorded, as the text quotes them."""
    return {
        output.metadata["scrapbook"]["name"]: output.data[
            "application/papermill.record/text/plain"
        ].strip("'")
        for cell in chapter.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "scrapbook" in output.get("metadata", {})
    }


def _code(
    cell: nbformat.NotebookNode, written: set[str], used: set[str]
) -> Iterator[nbformat.NotebookNode]:
    """A code cell, or blanks and what is left of it.

    What would write a function for the reader comes behind its blank, and only if it is used.
    """
    names, blanks = asked(cell.source, written)
    written.update(blanks)
    source = cell.source
    if any(name in _WRITTEN for name in names):
        others = [name for name in names if name not in _WRITTEN]
        source = _SHOWN.sub(f"show_source({', '.join(others)})" if others else "", source)
    parts = [name for name in names if name in _PARTS] if blanks else []
    if source := _without_imports(source, written.union(parts)):
        hidden = {"jupyter": {"source_hidden": True}} if "hide-input" in _tags(cell) else {}
        yield new_code_cell(source, metadata=hidden)
    for name in blanks:
        tag = {"tags": ["exercise"], "function": name}
        yield new_code_cell(blank(every_task()[name].function), metadata=tag)
        yield new_code_cell(f"check({name})")
    if later := sorted(used.intersection(parts)):
        book = f"from {_PARTS[later[0]]} import {', '.join(later)}"
        yield new_code_cell(f"# The book's plain loops, for the checks below.\n{book}")


def asked(source: str, written: set[str]) -> tuple[list[str], list[str]]:
    """What a cell shows, or has beside it, and which blanks that makes, but for those written."""
    shown = _SHOWN.search(source)
    names = re.split(r",\s*", shown[1]) if shown else []
    names += [_BESIDE[name] for name in names if name in _BESIDE]
    blanks = dict.fromkeys(_WRITTEN[name] for name in names if name in _WRITTEN)
    return names, _helpers_first([name for name in blanks if name not in written])


def is_written(name: str) -> bool:
    """Whether a reader writes what a chapter shows by this name, or something in its place."""
    return name in _WRITTEN


def _helpers_first(names: list[str]) -> list[str]:
    """Functions in their order, but behind those that they call."""
    sources = {name: inspect.getsource(every_task()[name].function) for name in names}
    return sorted(names, key=lambda name: sum(f" {other}(" in sources[name] for other in names))


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _without_imports(source: str, names: set[str]) -> str:
    """A cell without imports of what the reader writes."""
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        imported = {a.name for a in node.names} if isinstance(node, ast.ImportFrom) else set()
        if read := [_READS[name] for name in imported & {*_READS}]:
            book = f"from {node.module} import {', '.join(read)}  # the book's, to read its cache"
            lines.insert(node.end_lineno, book)
        if imported & names:
            node.names = [alias for alias in node.names if alias.name not in names]
            lines[node.lineno - 1 : node.end_lineno] = [ast.unparse(node)] * bool(node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "cs231n_lib.notebook":
            workshop = "import check, hint, solution, summary, use_solution"
            lines.insert(node.end_lineno, f"from cs231n_lib.workshop {workshop}")
    return "\n".join(lines).strip()


def write_workbooks(root: Path) -> None:
    """Write the workbook of every chapter into the folder ``workbooks``."""
    root.joinpath("workbooks").mkdir(exist_ok=True)
    for path in chapter_files(root / "chapters", ".ipynb"):
        text = nbformat.writes(workbook(read(path), f"{BOOK}{path.stem}.html"))
        write_atomically(
            root / "workbooks" / path.name, lambda file, t=text: file.write(t.encode())
        )


def for_nbgrader(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A workbook as the source of an assignment: each blank is a solution, each check a point."""
    notebook, name = copy.deepcopy(notebook), ""
    for cell in notebook.cells:
        given = {"schema_version": 3, "locked": False, "task": False}
        if "function" in cell.metadata:
            name = cell.metadata.function
            begin, end = "    ### BEGIN SOLUTION\n", "\n    ### END SOLUTION"
            head, line = cell.source.rsplit("\n", 1)
            cell.source = f"{head}\n{begin}{line}{end}"
            given |= {"grade_id": name, "grade": False, "solution": True}
        elif cell.source == f"check({name})":
            cell.source = f"report = check({name})\nassert report.right, report"
            given |= {"grade_id": f"check-{name}", "grade": True, "solution": False, "points": 1}
            given["locked"] = True
        else:
            continue
        cell.metadata["nbgrader"] = given
    return notebook


def write_for_nbgrader(root: Path) -> None:
    """Write an assignment for each workbook into ``_build/nbgrader/source``."""
    for path in chapter_files(root / "workbooks", ".ipynb"):
        target = root / "_build" / "nbgrader" / "source" / path.stem / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(nbformat.writes(for_nbgrader(read(path))), encoding="utf-8")


if __name__ == "__main__":
    book = Path(__file__).resolve().parent.parent
    write_workbooks(book)
    if sys.argv[1:] == ["nbgrader"]:
        write_for_nbgrader(book)

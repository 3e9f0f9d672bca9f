"""How long a chapter takes to read and to run, and when, where and with what it was verified.

``python -m website.execute`` writes the record, ``chapters/status.json``. The directive
``chapter-status`` shows it; the role ``chapter-times`` quotes a chapter's times.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from docutils import nodes
from docutils.parsers.rst.states import Inliner
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from website.book import chapter_files, code_cells, fingerprint, read

__all__ = [
    "CODE_LINES", "FIGURES", "FORMULAS", "WORDS", "Contents", "count", "duration", "read_record",
    "reading_minutes", "setup",
]  # fmt: skip

# What a reader takes in within a minute, by kind.
WORDS, CODE_LINES, FORMULAS, FIGURES = 150, 20, 2, 2

# Of the second table, as the record names them.
VERSIONS = ("python", "numpy", "torch", "torchvision", "device", "threads", "architecture")


@dataclass(frozen=True)
class Contents:
    """What there is to read on a chapter's page, without what is folded away."""

    words: int
    code_lines: int
    formulas: int
    figures: int


def count(notebook: nbformat.NotebookNode) -> Contents:
    """Count what a chapter's page shows, outputs included, solutions and hidden cells excluded."""
    words = code_lines = formulas = figures = 0
    folded = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text, folded = _unfolded(cell.source, folded)
            text, displayed = re.subn(r"\$\$.*?\$\$|```\{math\}.*?```", "", text, flags=re.S)
            formulas += displayed
            figures += len(re.findall(r"\{figure\}", text))
            text = re.sub(r"^(:::+|```+).*$|^:[\w-]+:.*$|\{[\w:]+\}", "", text, flags=re.M)
            words += len(re.findall(r"[\w$][^\s|]*", text))
        elif not folded:
            figure = cell.metadata.get("mystnb", {}).get("figure", {})
            figures += bool(figure)
            words += len(figure.get("caption", "").split())
            if "hide-input" not in cell.metadata.get("tags", []):
                outputs = (output.get("data", {}) for output in cell.outputs)
                shown = [cell.source, *(data.get("text/markdown", "") for data in outputs)]
                code_lines += sum(map(_lines, shown))
    return Contents(words, code_lines, formulas, figures)


def _unfolded(text: str, folded: bool) -> tuple[str, bool]:
    """A text less its solutions, and whether it ends within one; ``folded``: it begins in one."""
    text = re.sub(r"^(`{3,})\{solution\}.*?^\1$", "", text, flags=re.M | re.S)
    kept = []
    for part in re.split(r"```\{(solution-(?:start|end))\}[^`]*```", text):
        if part.startswith("solution-"):
            folded = part == "solution-start"
        elif not folded:
            kept.append(part)
    return "\n".join(kept), folded


def _lines(code: str) -> int:
    return sum(bool(line.strip()) and not line.startswith("```") for line in code.splitlines())


def reading_minutes(contents: Contents) -> int:
    """Minutes for a first reading, rounded to five."""
    exact = (
        contents.words / WORDS
        + contents.code_lines / CODE_LINES
        + contents.formulas / FORMULAS
        + contents.figures / FIGURES
    )
    return max(5, 5 * round(exact / 5))


def duration(seconds: float) -> str:
    """Such as ``50 s`` or, from one and a half minutes on, ``3 minutes``."""
    return f"{round(seconds)} s" if seconds < 90 else f"{round(seconds / 60)} minutes"


def read_record(path: Path) -> dict[str, dict]:
    """The record of the last execution of each chapter; empty if there is no file yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def state(entry: dict | None, notebook: nbformat.NotebookNode) -> str:
    """Whether a chapter's code is what was last executed, in words."""
    if entry is None:
        return "never verified"
    if entry["code"] != fingerprint(notebook):
        return "not verified since it changed"
    return f"verified {entry['date']}"


class ChapterStatus(SphinxDirective):
    """Two tables: what the chapters are like, and what they were last executed with."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Write the tables as MyST, and have them parsed."""
        folder = Path(self.env.srcdir, "chapters")
        record = _noted_record(self.env)
        chapters = [
            "| chapter | state | to run | memory | to read | code cells | figures |",
            "|---|---|---|---|---|---|---|",
        ]
        versions = [
            "| chapter | Python | NumPy | PyTorch | torchvision | device | threads | processor |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for path in chapter_files(folder, ".ipynb"):
            notebook, entry = read(path), record.get(path.stem)
            contents, link = count(notebook), f"{{doc}}`/chapters/{path.stem}`"
            cells = (
                link, state(entry, notebook), duration(entry["seconds"]) if entry else "–",
                f"{entry['memory']:,} MB" if entry else "–",
                f"{reading_minutes(contents)} minutes", len(code_cells(notebook)), contents.figures,
            )  # fmt: skip
            chapters.append(f"| {' | '.join(map(str, cells))} |")
            if entry:
                facts = [str(entry[name]) for name in VERSIONS]
                versions.append(f"| {' | '.join([link, *facts])} |")
        container = nodes.container()
        lines = [*chapters, "", *versions]
        self.state.nested_parse(StringList(lines, self.env.docname), self.content_offset, container)
        return container.children


def _noted_record(env: object) -> dict[str, dict]:
    """The record; the page is built anew when it or a chapter changes."""
    folder = Path(env.srcdir, "chapters")
    for path in (folder / "status.json", *chapter_files(folder, ".ipynb")):
        env.note_dependency(str(path))
    return read_record(folder / "status.json")


def times_role(
    role: str, raw: str, chapter: str, line: int, inliner: Inliner, options: object = None,
    content: object = (),
) -> tuple[list[nodes.Node], list]:  # fmt: skip
    """``{chapter-times}`01-rnn```: such as "45 minutes to read, 50 s to run"; or of ``all``."""
    env = inliner.document.settings.env
    record = _noted_record(env)
    files = {path.stem: path for path in chapter_files(Path(env.srcdir, "chapters"), ".ipynb")}
    if chapter != "all" and chapter not in files:
        raise ExtensionError(f"chapter-times: no chapter {chapter!r}, only {', '.join(files)}")
    asked = files if chapter == "all" else {chapter: files[chapter]}
    minutes = sum(reading_minutes(count(read(path))) for path in asked.values())
    reading = f"{minutes} minutes" if minutes < 90 else f"{math.ceil(minutes / 60)} hours"
    text = f"{reading} to read"
    if asked.keys() <= record.keys():
        text += f", {duration(sum(record[name]['seconds'] for name in asked))} to run"
    return [nodes.Text(text)], []


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("chapter-status", ChapterStatus)
    app.add_role("chapter-times", times_role)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""How long things take to start: each in a Python of its own, in seconds of the processor."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient

_ROOT = Path(__file__).parent.parent

_STARTS = {
    "nothing": "",
    "NumPy": "import numpy",
    "`speak.captioning`": "import cs231n_lib.speak.captioning",
    "`workshop`": "import cs231n_lib.workshop",
    "`figures.style`": "import cs231n_lib.figures.style",
    "`figures.paintings`": "import cs231n_lib.figures.paintings",
    "PyTorch": "import torch",
    "`see.saliency`": "import cs231n_lib.see.saliency",
    "`see.faithfulness`": "import cs231n_lib.see.faithfulness",
    "`see.adversarial_training`": "import cs231n_lib.see.adversarial_training",
    "`speak.features`": "import cs231n_lib.speak.features",
    "the first network": "from cs231n_lib.see.pretrained import squeezenet; squeezenet()",
}
_CHAPTERS = ("01-rnn", "03-saliency")
_USED = "\nimport time; print(time.process_time())"
_OWNERS = {"torch": "PyTorch", "torchvision": "torchvision", "cs231n_lib": "our own"}


def python(code: str, *options: str) -> tuple[float, str]:
    """Seconds that a fresh Python has used when the code is done, and what it says on the way."""
    command = [sys.executable, *options, "-c", code + _USED]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout), done.stderr


def kernel(cells: Sequence[nbformat.NotebookNode]) -> float:
    """Seconds that a fresh kernel has used when the cells are done."""
    cells = [*cells, nbformat.v4.new_code_cell(_USED)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, resources={"metadata": {"path": str(_ROOT)}}).execute()
    return float(notebook.cells[-1].outputs[0].text)


def first_cells(chapter: str) -> list[nbformat.NotebookNode]:
    """The cells of a chapter up to the one that sets it up."""
    cells = nbformat.read(_ROOT / "chapters" / f"{chapter}.ipynb", as_version=4).cells
    last = next(number for number, cell in enumerate(cells) if "\nsetup(" in cell.source)
    return cells[: last + 1]


def parts(log: str) -> Counter[str]:
    """From what ``-X importtime`` says, whose imports took how many microseconds.

    What PyTorch or torchvision imports counts as theirs, whoever wrote it.
    """
    lines = re.findall(r"import time: +(\d+) \| +\d+ \|( +)([\w.]+)", log)
    found: Counter[str] = Counter()
    above: list[tuple[int, str]] = []  # of each module that imports this one, its depth and owner
    for microseconds, indent, name in reversed(lines):  # the log names a module after its imports
        while above and above[-1][0] >= len(indent):
            above.pop()
        owner = above[-1][1] if above else "our own"
        if owner not in ("PyTorch", "torchvision"):
            owner = _OWNERS.get(name.split(".")[0], "other")
        above.append((len(indent), owner))
        found[owner] += int(microseconds)
    return found


def row(what: str, code: str, repeats: int) -> dict[str, str]:
    logs = [parts(python(code, "-X", "importtime")[1]) for _ in range(repeats)]
    least = min(logs, key=Counter.total)
    return {
        "what is started": what,
        **{owner: f"{100 * least[owner] / least.total():.0f} %" for owner in _OWNERS.values()},
        "s": f"{min(python(code)[0] for _ in range(repeats)):.2f}",
    }


def kernel_row(what: str, cells: Sequence[nbformat.NotebookNode], repeats: int) -> dict[str, str]:
    return {
        "what is started": what,
        **dict.fromkeys(_OWNERS.values(), "–"),
        "s": f"{min(kernel(cells) for _ in range(repeats)):.2f}",
    }


def tables(repeats: int) -> dict[str, list[dict[str, str]]]:
    kernels = {"a kernel of Jupyter": []}
    kernels |= {f"a kernel, and the start of `{name}`": first_cells(name) for name in _CHAPTERS}
    return {
        "starting": [row(what, code, repeats) for what, code in _STARTS.items()]
        + [kernel_row(what, cells, repeats) for what, cells in kernels.items()]
    }

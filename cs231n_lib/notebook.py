"""What every chapter needs: the look of its figures, its sources, its numbers."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib
from IPython.display import Markdown
from matplotlib_inline.backend_inline import set_matplotlib_formats
from myst_nb import glue

from cs231n_lib.figures.style import STYLE
from cs231n_lib.reproducible import make_reproducible
from cs231n_lib.validation import check_count, check_number

__all__ = ["record", "setup", "show_source", "within"]


def setup(photographs: bool = False) -> None:
    """Begin a chapter: a run that repeats, and figures in the book's style, sharp on any screen.

    Parameters
    ----------
    photographs : bool
        Keep figures as JPEG. Of photographs, PNG would make files ten times as large.

    Raises
    ------
    TypeError
        If ``photographs`` is neither True nor False.
    """
    if not isinstance(photographs, bool):
        raise TypeError(f"setup: photographs is {photographs!r}, expected True or False")
    make_reproducible()
    matplotlib.rcParams.update(STYLE)
    if photographs:
        matplotlib.rcParams["figure.dpi"] = 190  # twice the width of a page
        set_matplotlib_formats("jpeg", pil_kwargs={"quality": 80})
    else:
        set_matplotlib_formats("retina")


def show_source(*functions: Callable) -> Markdown:
    """Show the very source of library functions, so that page and library cannot disagree.

    Parameters
    ----------
    *functions
        Functions or classes of ``cs231n_lib``. Their docstrings are left out: the chapter around
        them says it better, and the API reference has them.

    Returns
    -------
    IPython.display.Markdown
        A block of Python.

    Raises
    ------
    TypeError
        If something is no function or class written in Python.
    ValueError
        If nothing is given.
    """
    if not functions:
        raise ValueError("show_source: no functions were given")
    return Markdown("\n".join(f"```python\n{_without_docstring(f)}```" for f in functions))


def _without_docstring(function: Callable) -> str:
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    lines = source.splitlines(keepends=True)
    if ast.get_docstring(definition) is not None:
        docstring = definition.body[0]
        del lines[docstring.lineno - 1 : docstring.end_lineno]
    path = Path(inspect.getsourcefile(function))
    return f"# {path.parent.name}/{path.name}\n" + "".join(lines)


def within(value: float, tolerance: float, digits: int = 2) -> str:
    """A number that another machine may get slightly differently, with its tolerance.

    Parameters
    ----------
    value, tolerance : float
    digits : int
        Behind the decimal point, of both.

    Returns
    -------
    str
        Such as ``"0.83 ± 0.03"``. When the notebooks are tested, any value from 0.80 to 0.86 agrees
        with that, and nothing else does.

    Raises
    ------
    TypeError
        If ``value`` or ``tolerance`` is no number, or ``digits`` no int.
    ValueError
        If ``value`` is NaN or infinite, if ``digits`` is negative, or if ``tolerance`` is negative
        or rounds to zero.
    """
    check_count("within", "digits", digits, least=0)
    value = value.item() if hasattr(value, "item") else value
    check_number("within", "value", value)
    check_number("within", "tolerance", tolerance, above=0)
    if float(f"{tolerance:.{digits}f}") == 0:
        raise ValueError(f"within: tolerance is {tolerance:g}, expected more than 0 when rounded")
    return f"{value:.{digits}f} ± {tolerance:.{digits}f}"


def record(**facts: str) -> None:
    """Keep facts under a name for the prose around the cells, and print them.

    Raises TypeError if a fact is no string, and keeps none then.
    """
    for name, fact in facts.items():
        if not isinstance(fact, str):
            raise TypeError(f"record: {name} is {fact!r}, expected a string, as within gives it")
    for name, fact in facts.items():
        glue(name, fact, display=False)
        print(f"{name.replace('_', ' ')}: {fact}")

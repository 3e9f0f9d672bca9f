"""What every chapter needs: the look of its figures, its sources, its numbers."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cs231n_lib.checks import Count, Instance, Number, checked, named

if TYPE_CHECKING:
    from IPython.display import Markdown

__all__ = ["record", "setup", "show_source", "within"]


# In a page of the website there is neither of them: no figures, and what is kept is printed.
_IN_A_NOTEBOOK = all(map(find_spec, ("IPython", "matplotlib")))


@checked(photographs=Instance(bool))
def setup(photographs: bool = False) -> None:
    """Begin a chapter: a run that repeats, and figures in the book's style, sharp on any screen.

    A chapter that uses PyTorch imports it first: see
    :func:`~cs231n_lib.reproducible.make_reproducible`.

    Parameters
    ----------
    photographs : bool
        Keep figures as JPEG. Of photographs, PNG would make files ten times as large.

    Raises
    ------
    TypeError
        If ``photographs`` is neither True nor False.
    """
    if not _IN_A_NOTEBOOK:
        return
    import matplotlib
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    from cs231n_lib.figures.style import STYLE
    from cs231n_lib.reproducible import make_reproducible

    make_reproducible()
    matplotlib.rcParams.update(STYLE)
    if photographs:
        matplotlib.rcParams["figure.dpi"] = 190  # twice the width of a page
        set_matplotlib_formats("jpeg", pil_kwargs={"quality": 80})
    else:
        set_matplotlib_formats("retina")


@checked()
def show_source(*functions: Callable) -> Markdown:
    """Show the very source of library functions, so that page and library cannot disagree.

    Parameters
    ----------
    *functions
        Functions or classes of ``cs231n_lib``. Two things are left out. The chapter around them
        says better what their docstrings say, and the API reference has them; what is checked, and
        how precisely is computed, is declared in front of a function, and no part of the method.

    Returns
    -------
    IPython.display.Markdown
        A block of Python for each. In a page of the website, its text.

    Raises
    ------
    TypeError
        If something is not a function or class written in Python.
    ValueError
        If nothing is given.
    """
    if not functions:
        raise ValueError(named("no functions were given"))
    text = "\n".join(f"```python\n{_method(f)}```" for f in functions)
    if not _IN_A_NOTEBOOK:
        return text
    from IPython.display import Markdown

    return Markdown(text)


def _method(function: Callable) -> str:
    """The source without docstrings and declarations, below the path of its module."""
    source = textwrap.dedent(inspect.getsource(function))
    lines = source.splitlines(keepends=True)
    left_out = {
        number
        for part in _left_out(ast.parse(source))
        for number in range(part.lineno, part.end_lineno + 1)
    }
    shown = [line for number, line in enumerate(lines, start=1) if number not in left_out]
    return f"# {function.__module__.replace('.', '/')}.py\n{''.join(shown)}"


# What stands in front of a function, and is no part of the method.
_DECLARED = ("checked(", "in_float32", "plainly(", "torch.enable_grad(")


def _left_out(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if ast.get_docstring(node) is not None:
                yield node.body[0]
            for decorator in node.decorator_list:
                if ast.unparse(decorator).startswith(_DECLARED):
                    yield decorator


@checked(tolerance=Number(above=0), digits=Count(least=0))
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
    TypeError, ValueError
        If an argument is not what is declared, ``value`` is not a finite number, or ``tolerance``
        rounds to zero.
    """
    value = value.item() if hasattr(value, "item") else value
    Number()("value", value)
    if float(f"{tolerance:.{digits}f}") == 0:
        raise ValueError(named(f"tolerance is {tolerance}, expected more than 0 when rounded"))
    return f"{value:.{digits}f} ± {tolerance:.{digits}f}"


@checked()
def record(**facts: str) -> None:
    """Keep facts under a name for the prose around the cells, and print them.

    Raises TypeError if a fact is not a string, and keeps none then.
    """
    for name, fact in facts.items():
        if not isinstance(fact, str):
            raise TypeError(named(f"{name} is {fact!r}, expected a string, such as within returns"))
    for name, fact in facts.items():
        if _IN_A_NOTEBOOK:
            from myst_nb import glue

            glue(name, fact, display=False)
        print(f"{name.replace('_', ' ')}: {fact}")

"""Classical mistakes, written as edits of the library's own source.

There is one solution only, the library's. A mistake says which words of it to replace, so that it
gives the very numbers which that mistake gives. An edit whose words are no longer there raises
LookupError: then the book has changed, and its list of mistakes has not.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Mistake", "remember", "source_of", "with_mistakes", "wrong"]


@dataclass(frozen=True, eq=False)
class Mistake:
    """What went wrong, and how to make the library's function go wrong in the same way.

    Attributes
    ----------
    what
        One sentence for the reader, who has made the mistake.
    hint
        A question or a fact that leads to it, without the line itself.
    edits
        Pairs of old and new text. Each old text occurs exactly once in the source.
    """

    what: str
    hint: str
    edits: tuple[tuple[str, str], ...]


def wrong(what: str, hint: str, *edits: tuple[str, str]) -> Mistake:
    """A mistake, as the catalogues write it."""
    return Mistake(what, hint, edits)


def remember(functions: Iterable[Callable]) -> None:
    """Note what their modules hold now, before a reader's functions are put to work in them."""
    for function in functions:
        _names(function.__module__)


@functools.cache
def _names(module: str) -> dict[str, Any]:
    return dict(vars(sys.modules[module]))


def with_mistakes(
    functions: Sequence[Callable],
    mistakes: Sequence[Mistake],
    see: Callable[[Any], Any] | None = None,
) -> Callable:
    """Functions of the library with some mistakes in them.

    Parameters
    ----------
    functions : sequence of callables
        Written in Python. Later ones call earlier ones, and the last one's module has all names.
    mistakes : sequence of Mistake
        Made one after the other.
    see : callable, optional
        Given the value of each expression as it is computed. It gives the value back.

    Returns
    -------
    callable
        The last of the functions, with the mistakes. The library itself is not changed.

    Raises
    ------
    LookupError
        If an old text is not found exactly once: the source has changed, or an earlier mistake has
        taken it.
    """
    source = "\n".join(source_of(function) for function in functions)
    for mistake in mistakes:
        for old, new in mistake.edits:
            if source.count(old) != 1:
                raise LookupError(
                    f"{old!r} is {source.count(old)} times in {functions[-1].__name__}, "
                    f"expected once, for the mistake: {mistake.what}"
                )
            source = source.replace(old, new)
    return _compiled(source, functions[-1].__module__, functions[-1].__name__, see)


@functools.cache
def source_of(function: Callable) -> str:
    """Without its decorators, which check its callers, and without its docstring."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    (tree,) = ast.parse(source).body
    lines = source.splitlines(keepends=True)
    if ast.get_docstring(tree) is not None:
        del lines[tree.body[0].lineno - 1 : tree.body[0].end_lineno]
    return "".join(lines[tree.lineno - 1 :])


@functools.cache
def _compiled(source: str, module: str, name: str, see: Callable | None) -> Callable:
    space, code = dict(_names(module)) | {_SEE: see}, source
    if see is not None:
        tree = ast.parse(source)
        for function in tree.body:
            function.body = [_Seen().visit(line) for line in function.body]
        code = ast.fix_missing_locations(tree)  # slow
    exec(compile(code, f"<{name} with a mistake>", "exec"), space)
    return space[name]


_SEE = "_see_"


class _Seen(ast.NodeTransformer):
    """Every expression that computes something -> a call with its value."""

    def visit(self, node: ast.AST) -> ast.AST:
        node = self.generic_visit(node)
        computes = isinstance(
            node, ast.BinOp | ast.UnaryOp | ast.Call | ast.Compare | ast.Subscript
        )
        if computes and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return ast.Call(ast.Name(_SEE, ast.Load()), [node], [])
        return node

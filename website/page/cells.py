"""The cells of a chapter in one session, in their order, and the library's functions as edited."""

from __future__ import annotations
import __future__

import ast
import builtins
import linecache
import sys
from collections.abc import Callable, Iterable, Iterator
from inspect import getsource
from textwrap import dedent
from typing import Any

from PIL import Image

from cs231n_lib.notebook import _left_out
from website.page.bridge import readers_lines
from website.page.figures import png_address
from website.page.names import Names, last_writers, names_of
from website.page.stand_ins import install

__all__ = ["begin", "change", "reset", "run"]

_MOST = 20_000  # characters of a value that are shown

_cells: list[Names] = []  # of each cell what it does to names, as it was run last
_codes: list[str] = []
_space: dict[str, Any] = {}
_owners: dict[str, int] = {}  # name -> the cell that wrote it last
_books: dict[tuple[str, str], Callable] = {}  # module and name -> the book's, where it is replaced


def begin(cells: list[str]) -> None:
    """A new session for the cells of a chapter, all of them, in their order."""
    install()
    reset()
    _codes[:], _cells[:] = cells, map(names_of, cells)
    _owners.clear()
    _space.clear()
    _space.update({"__name__": "__main__", "__builtins__": builtins})


def run(cell: int, code: str) -> dict:
    """Run a cell as it is written now, if what it needs is there.

    Parameters
    ----------
    cell : int
        Its number among the cells.
    code : str

    Returns
    -------
    dict
        ``{"needs": [cell, …], "names": [name, …]}`` if cells before it have to run first, and for
        the sake of which names; or ``{"shows": [{"text": …} or {"html": …}], "error": text}``,
        the last one only if there was one. What was printed has been printed.
    """
    name = f"<cell {cell + 1}>"
    _remember(name, code)
    try:
        tree = ast.parse(code, name)
    except SyntaxError as error:  # What the cell did when it ran last, it has done.
        return {"shows": [], "error": _explained(error)}
    _cells[cell] = names_of(code)
    needed = _needed(cell)
    if needed:
        names = {n for n, writer in last_writers(_cells)[cell].items() if writer in needed}
        return {"needs": needed, "names": sorted(n for n in names if not _imported(cell, n))}
    if write := sys.modules.get("website.page.write"):
        for book, own in write.at_work():
            _replace(book, own)
    try:
        _import(cell)
        value = _execute(tree, name)
        return {"shows": list(_shown(value))}
    except BaseException as error:
        return {"shows": [], "error": _explained(error)}
    finally:
        _owners.update(dict.fromkeys(_cells[cell].written & _space.keys(), cell))


def change(cell: int, code: str) -> dict:
    """Put the functions that a cell shows to work as a reader has edited them.

    They replace the book's in the session and everywhere in the library.

    Parameters
    ----------
    cell : int
        Its number. It ends with a call of ``show_source``.
    code : str
        The listing, edited.

    Returns
    -------
    dict
        ``{"changed": [name, …], "next": cell or None}``: which functions are no longer the book's,
        and the first cell after it that uses one; or ``{"error": text}``, and nothing is changed.
    """
    books = {book.__name__: book for book in _shown_functions(cell)}
    name = f"<{' and '.join(books)}>"
    _remember(name, code)
    try:
        tree = ast.parse(code, name)
        missing = books.keys() - {getattr(part, "name", "") for part in tree.body}
        if missing:
            return {"error": f"The function {min(missing)} is missing: the cells below call it.\n"}
        changed = [part for part in tree.body if not _is_the_books(part, books)]
        new = _made(changed, books, name)
    except BaseException as error:
        return {"error": _explained(error)}
    reset(cell)
    for function, made in new.items():
        _replace(books[function], made)
    return {"changed": list(new), "next": _next_use(cell, new)}


def reset(cell: int | None = None) -> None:
    """A cell, or all functions, as the book has them.

    The functions that it shows are given back to the library. What any other has written counts no
    longer as written: whoever reads it asks for the cell anew.
    """
    if cell is None:
        wanted = [*_books.values()]
    elif ast.unparse(ast.parse(_codes[cell]).body[-1]).startswith("show_source("):
        wanted = _shown_functions(cell)
    else:
        wanted = []
        _cells[cell] = names_of(_codes[cell])
        for name in [name for name, owner in _owners.items() if owner == cell]:
            del _owners[name]
    for book in wanted:
        if (book.__module__, book.__qualname__) in _books:
            _replace(book, book)
            del _books[book.__module__, book.__qualname__]


# Cells


def _needed(cell: int) -> list[int]:
    """The cells that have to run before this one, so that each finds what the book has there."""
    writers, needed = last_writers(_cells), set()
    while True:
        owners, more = dict(_owners), set()
        for one in [*sorted(needed), cell]:
            more |= {
                writer
                for name, writer in writers[one].items()
                if not _imported(one, name) and (owners.get(name) != writer)
            }
            owners |= dict.fromkeys(_cells[one].written, one)
        if more <= needed:
            return sorted(needed)
        needed |= more


def _imported(cell: int, name: str) -> str | None:
    """The statement that imports what a cell reads, if no more than that is needed."""
    return _cells[last_writers(_cells)[cell][name]].imports.get(name)


def _import(cell: int) -> None:
    """Import what other cells import for this one."""
    for name, writer in last_writers(_cells)[cell].items():
        statement = _imported(cell, name)
        if statement and _owners.get(name) != writer:
            exec(statement, _space)
            _owners[name] = writer


def _execute(tree: ast.Module, name: str) -> Any:
    """Run a cell and return the value of its last expression."""
    tree.body = [part for part in tree.body if not _deletes_nothing(part)]
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), _space)
    return eval(compile(ast.Expression(last.value), name, "eval"), _space) if last else None


def _deletes_nothing(statement: ast.stmt) -> bool:
    """Whether it would delete what a page, which may have run less, does not have."""
    return isinstance(statement, ast.Delete) and any(
        isinstance(target, ast.Name) and target.id not in _space for target in statement.targets
    )


def _remember(name: str, code: str) -> None:
    """So that tracebacks and `show_source` find the lines."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)


def _shown(value: Any) -> Iterator[dict[str, str]]:
    """A value, as a page shows it."""
    if value is None:
        return
    if hasattr(value, "_repr_html_"):
        yield {"html": value._repr_html_()}
    elif isinstance(value, Image.Image):
        yield {"html": f'<img alt="" src="{png_address(value)}">'}
    else:
        text = value._repr_markdown_() if hasattr(value, "_repr_markdown_") else repr(value)
        yield {"text": text if len(text) <= _MOST else f"{text[:_MOST]} …"}


def _explained(error: BaseException) -> str:
    text = readers_lines(error)
    if isinstance(error, ModuleNotFoundError):
        text += "In the page there are NumPy, Pillow, and the book's own library without PyTorch.\n"
    return text


# Functions of the library


def _shown_functions(cell: int) -> list[Callable]:
    """The book's functions that a cell shows."""
    _import(cell)
    tree = ast.parse(_codes[cell])
    call = tree.body.pop().value
    exec(compile(tree, "<imports>", "exec"), _space)
    found = [eval(ast.unparse(argument), _space) for argument in call.args]
    return [_books.get((f.__module__, f.__qualname__), f) for f in found]


def _is_the_books(part: ast.stmt, books: dict[str, Callable]) -> bool:
    """Whether a function is written as the book has it, whatever its comments and blanks are."""
    book = books.get(getattr(part, "name", ""))
    if book is None:
        return False
    tree = ast.parse(dedent(getsource(book)))
    left_out = list(_left_out(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [line for line in node.body if line not in left_out]
            node.decorator_list = [d for d in node.decorator_list if d not in left_out]
    return ast.dump(tree.body[0]) == ast.dump(part)


def _made(
    parts: Iterable[ast.stmt], books: dict[str, Callable], filename: str
) -> dict[str, Callable]:
    """A reader's functions, declared as the book's are and at home in the modules of those."""
    made = {}
    for part in parts:
        book = books.get(getattr(part, "name", ""))
        space = vars(sys.modules[(book or next(iter(books.values()))).__module__])
        if book:
            tree = ast.parse(dedent(getsource(book)))
            declared = [d for d in _left_out(tree) if d in tree.body[0].decorator_list]
            for node in (node for d in declared for node in ast.walk(d)):
                node.lineno = node.end_lineno = part.lineno
            part.decorator_list += declared
        flags = __future__.annotations.compiler_flag
        code = compile(ast.Module([part], []), filename, "exec", flags, dont_inherit=True)
        found: dict[str, Any] = {}
        exec(code, space, found)
        if book:
            made[book.__name__] = found[book.__name__]
        else:
            space |= found  # help that a reader's function calls
    for name, function in made.items():
        function.__qualname__ = books[name].__qualname__
    return made


def _replace(book: Callable, new: Callable) -> None:
    """In the session, in every module of the library and in its tables; a method in its class."""
    key = (book.__module__, book.__qualname__)
    name, old = book.__name__, _at_work(book)
    _books.setdefault(key, book)
    if owner := book.__qualname__.rpartition(".")[0]:
        setattr(vars(sys.modules[book.__module__])[owner], name, new)
        return
    modules = [m for path, m in list(sys.modules.items()) if path.startswith("cs231n_lib.")]
    modules = [m for m in modules if not m.__name__.startswith("cs231n_lib.workshop")]
    for space in (_space, *map(vars, modules)):
        tables = [table for table in space.values() if type(table) is dict]
        for table in (space, *tables):
            for entry, value in table.items():
                if value is old:
                    table[entry] = new
                elif type(value) is tuple and any(part is old for part in value):
                    table[entry] = tuple(new if part is old else part for part in value)


def _at_work(book: Callable) -> Callable:
    """What stands in the library for one of the book's functions now."""
    found: Any = sys.modules[book.__module__]
    for name in book.__qualname__.split("."):
        found = getattr(found, name)
    return found


def _next_use(cell: int, functions: Iterable[str]) -> int | None:
    """The first cell below that calls one of some functions."""
    for number in range(cell + 1, len(_cells)):
        called = {
            getattr(node.func, "id", getattr(node.func, "attr", ""))
            for node in ast.walk(ast.parse(_codes[number]))
            if isinstance(node, ast.Call)
        }
        if called & set(functions):
            return number
    return None

"""Which names a cell takes from the cells before it, and which it leaves to those after it.

What a cell does to names is read from its code, without running it. The website asks when it is
built, which cells can run at all; a page asks again, of whatever a reader has made of a cell.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["Names", "last_writers", "names_of"]


@dataclass
class Names:
    """What a cell does to the names of its session.

    Attributes
    ----------
    read : set of str
        What has to be there before.
    written : set of str
        What is there, or is another, afterwards: also what is changed in place.
    imports : dict of str
        What is imported, and no more than that: the name -> the statement that does it. Whoever
        reads such a name needs the statement, not the cell.
    """

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)

    def _reads(self, names: Iterable[str]) -> None:
        self.read |= {n for n in names if n not in self.written and not hasattr(builtins, n)}

    def _writes(self, names: Iterable[str]) -> None:
        for name in names:
            self.written.add(name)
            self.imports.pop(name, None)


def names_of(code: str) -> Names:
    """The names of a cell."""
    names, later = Names(), []
    _follow(ast.parse(code).body, names, later)
    for wanted in later:  # by functions, when they are called
        names._reads(wanted)
    return names


def last_writers(cells: Sequence[Names]) -> list[dict[str, int]]:
    """For each cell, which cell before it is the last to write what it reads."""
    writers, found = {}, []
    for number, names in enumerate(cells):
        found.append({name: writers[name] for name in names.read if name in writers})
        writers |= dict.fromkeys(names.written, number)
    return found


def _follow(body: Sequence[ast.stmt], names: Names, later: list[set[str]]) -> None:
    """Go through statements in the order in which they run."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                now, inside = _globals(statement)
                names._reads(now)
                later.append(inside)
                names._writes([statement.name])
            case ast.For():
                _simple(ast.Assign([statement.target], statement.iter), names)
                _follow([*statement.body, *statement.orelse], names, later)
            case ast.With():
                for item in statement.items:
                    target = item.optional_vars or ast.Name("_", ast.Store())
                    _simple(ast.Assign([target], item.context_expr), names)
                _follow(statement.body, names, later)
            case ast.If() | ast.While():
                _simple(ast.Expr(statement.test), names)
                _follow([*statement.body, *statement.orelse], names, later)
            case ast.Try():
                _follow(statement.body, names, later)
                for handler in statement.handlers:
                    names.written.add(handler.name or "_")
                    _follow(handler.body, names, later)
                    names.written.discard(handler.name)
                _follow([*statement.orelse, *statement.finalbody], names, later)
            case ast.Delete():
                pass  # made a little room where there was no page
            case _:
                _simple(statement, names)


def _simple(statement: ast.stmt, names: Names) -> None:
    """A statement that first reads and then writes."""
    now, inside = _globals(statement)
    names._reads(now | inside)
    match statement:
        case ast.Import() | ast.ImportFrom():
            for alias in statement.names:
                one = copy.copy(statement)
                one.names = [alias]
                name = alias.asname or alias.name.partition(".")[0]
                names.written.add(name)
                names.imports[name] = ast.unparse(one)
            return
        case ast.AugAssign(target=ast.Name(id=name)):
            names._reads({name})
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
            # Its value is dropped, so it is called for what it does: `solver.train()`.
            names._writes(_base(method) - names.imports.keys())
    for node in ast.walk(statement):
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names._writes(_base(node))
    names._writes(_stored(statement))


def _base(node: ast.expr) -> set[str]:
    """The name at the left of `name.attribute[key]`, if it is one."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _globals(statement: ast.AST) -> tuple[set[str], set[str]]:
    """The names that a statement reads at once, and those that functions in it read."""
    now: set[str] = set()
    inside: set[str] = set()
    _collect(statement, frozenset(), now, inside)
    return now, inside


def _collect(node: ast.AST, own: frozenset[str], now: set[str], inside: set[str]) -> None:
    """Gather what a node reads, but for names of its own; `inside` is for bodies of functions."""
    match node:
        case ast.Name(ctx=ast.Load()):
            now |= {node.id} - own
            return
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            own |= _stored(*(part.target for part in node.generators))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            body = node.body if isinstance(node.body, list) else [node.body]
            theirs = own | _stored(*body) | {a.arg for a in ast.walk(node.args) if _is_arg(a)}
            for part in body:
                _collect(part, theirs, inside, inside)
            for part in (node.args, *getattr(node, "decorator_list", ())):
                _collect(part, own, now, inside)
            return
        case ast.ClassDef():
            own |= _stored(*node.body)
    for part in ast.iter_child_nodes(node):
        _collect(part, own, now, inside)


def _is_arg(node: ast.AST) -> bool:
    return isinstance(node, ast.arg)


def _stored(*nodes: ast.AST) -> frozenset[str]:
    """The names that are written in some nodes, and not by functions in them."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
                continue
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
            case (
                ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp()
            ):
                continue
            case ast.Import() | ast.ImportFrom():
                found |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        found |= _stored(*ast.iter_child_nodes(node))
    return frozenset(found)

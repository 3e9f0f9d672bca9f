"""What a hint takes from the book's own source: the names on the way, and the line that matters."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cs231n_lib.workshop.mistakes import Mistake, source_of
from cs231n_lib.workshop.task import Task

__all__ = ["key_line", "steps"]


def key_line(task: Task, mistakes: Sequence[Mistake] = ()) -> str:
    """The line of the book's that these mistakes change, or else the one that most of all do."""
    if task.key and not mistakes:
        return task.key
    source = "\n".join(map(source_of, task.sources or (task.function,)))
    lines = ast.parse(source)
    where = {}
    for mistake in mistakes or task.mistakes:
        for old, _ in mistake.edits[:1]:
            number = source[: source.index(old)].count("\n") + 1
            found = [
                node
                for node in ast.walk(lines)
                if isinstance(node, ast.stmt) and node.lineno <= number <= node.end_lineno
            ]
            inner = max(found, key=lambda node: node.lineno)
            text = ast.get_source_segment(source, inner).splitlines()[0]
            whole = not hasattr(inner, "body")
            text = ast.unparse(inner) if whole else text
            where[text] = where.get(text, 0) + 1
    return max(where, key=where.get)


def steps(task: Task) -> list[str]:
    """The names that the book's function gives to what it makes, in their order."""
    tree = ast.parse("\n".join(map(source_of, task.sources or (task.function,))))
    made = [
        (node.lineno, node.col_offset, node.id)
        for node in ast.walk(tree.body[-1])
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id != "_"
    ]
    return list(dict.fromkeys(name for *_, name in sorted(made)))

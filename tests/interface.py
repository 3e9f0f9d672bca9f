"""What each public function takes; ``python -m tests.interface`` records it anew."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import types
from collections.abc import Iterator
from pathlib import Path

import cs231n_lib

__all__ = ["MODULES", "RECORD", "interface"]

RECORD = Path(__file__).with_suffix(".json")
MODULES = [module.name for module in pkgutil.iter_modules(cs231n_lib.__path__)]


def interface(module: str) -> dict[str, str]:
    """The public functions, classes and methods of a module, with their parameters."""
    return dict(_signatures(importlib.import_module(f"cs231n_lib.{module}")))


def _signatures(module: types.ModuleType) -> Iterator[tuple[str, str]]:
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isfunction(thing):
            yield name, _parameters(thing)
        elif inspect.isclass(thing):
            for attribute, method in vars(thing).items():
                public = attribute in ("__init__", "__call__") or not attribute.startswith("_")
                if public and inspect.isfunction(method):
                    yield f"{name}.{attribute}", _parameters(method)


def _parameters(function: types.FunctionType) -> str:
    signature = inspect.signature(function)
    bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    text = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    return re.sub(r"<function (\w+) at \w+>", r"\1", text)


def main() -> None:
    found = {module: interface(module) for module in MODULES}
    RECORD.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Contracts of ``cs231n_lib.see.torchvision_import``."""

from __future__ import annotations

from cs231n_lib.see.torchvision_import import import_torchvision
from tests.contracts import Contract, Refusal


def imported_before() -> dict[str, str]:
    """The first import is torchvision's own affair: it changes filters of warnings, for one."""
    import_torchvision()
    return {"module": "torchvision.models"}


CONTRACTS = (
    Contract(
        import_torchvision,
        imported_before,
        (
            Refusal("a module of something else", {"module": "os.path"}, ValueError,
                    "module is 'os.path', expected a name such as"),
            Refusal("a module that does not exist", {"module": "torchvision.nothing"},
                    ModuleNotFoundError, "No module named 'torchvision.nothing'"),
        ),
    ),
)  # fmt: skip

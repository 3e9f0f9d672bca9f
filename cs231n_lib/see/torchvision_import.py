"""The one place where torchvision is imported, whichever build of torch is installed.

torchvision from PyPI is built against the CUDA build of torch. With the CPU build its compiled
operators do not load, and the import fails at the first operator it describes. This book uses none
of the operators; declaring the two that the import asks for lets it succeed.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

from cs231n_lib.checks import Call, checked, named

__all__ = ["import_torchvision"]


def _of_torchvision(name: str, module: str, call: Call) -> None:
    if not isinstance(module, str) or module.split(".")[0] != "torchvision":
        raise ValueError(
            named(f"{name} is {module!r}, expected a name such as 'torchvision.models'")
        )


@checked(module=_of_torchvision)
def import_torchvision(module: str = "torchvision.models") -> ModuleType:
    """Import a module of torchvision.

    Parameters
    ----------
    module : str
        Its full name, such as ``"torchvision.transforms.v2.functional"``.

    Returns
    -------
    module

    Raises
    ------
    ValueError, ModuleNotFoundError
        If the name is not one of torchvision's, or torchvision has no such module.
    """
    try:
        return importlib.import_module(module)
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        _declare_operators()
        return importlib.import_module(module)


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARIES.append(library)  # a declaration lives as long as its library


_LIBRARIES: list[torch.library.Library] = []

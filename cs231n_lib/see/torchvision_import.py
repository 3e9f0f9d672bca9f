"""The one place where torchvision is imported, whichever build of torch is installed.

torchvision from PyPI is built against the CUDA build of torch. Beside the CPU build its compiled
operators do not load, and the import fails at the first operator it describes. This book uses none
of the operators; declaring the two that the import asks for lets it succeed.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

__all__ = ["import_torchvision"]


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
    ValueError
        If the name is not one of torchvision's.
    ModuleNotFoundError
        If torchvision has no such module.
    """
    if not isinstance(module, str) or module.split(".")[0] != "torchvision":
        raise ValueError(
            f"import_torchvision: module is {module!r}, expected a name such as "
            "'torchvision.models'"
        )
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

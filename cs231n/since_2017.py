"""What the notebooks of 2017 ask other libraries for, and would no longer get.

- ``import torchvision`` fails where its compiled operators do not fit the build of PyTorch.
- ``torchvision.transforms.Scale`` is called ``Resize`` today.
- ``torchvision.models.squeezenet1_1(pretrained=True)`` downloads weights. Where that fails, those
  that come with an installed package take their place: another training's.
- ``scipy.misc.imread`` is gone.

Each is added when its module is imported.
"""

from __future__ import annotations

import functools
import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def prepare() -> None:
    """Have the modules completed: those imported already now, the others when they are."""
    for name, complete in _COMPLETE.items():
        if name in sys.modules:
            complete(sys.modules[name])
        else:
            sys.meta_path.insert(0, _Completed(name))


class _Completed(MetaPathFinder, Loader):
    """Imports one module as ever, and completes it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name == self.name else None

    def exec_module(self, empty: ModuleType) -> None:
        sys.meta_path.remove(self)
        del sys.modules[self.name]  # the real one takes its place
        _COMPLETE[self.name](_import(self.name))


def _import(name: str) -> ModuleType:
    if name != "torchvision":
        return importlib.import_module(name)
    from cs231n_lib.see.torchvision_import import import_torchvision

    return import_torchvision(name)


def _complete_torchvision(torchvision: ModuleType) -> None:
    torchvision.transforms.Scale = torchvision.transforms.Resize
    download = torchvision.models.squeezenet1_1

    @functools.wraps(download)
    def squeezenet1_1(*args: object, **kwargs: object) -> object:
        try:
            return download(*args, **kwargs)
        except OSError as error:  # no network, a slow one, or no place to keep the file
            from cs231n_lib.see.pretrained import squeezenet

            print(
                f"squeezenet1_1: no download ({error}). These are the weights of an installed "
                "package; their activations are not those of torchvision's."
            )
            return squeezenet()

    torchvision.models.squeezenet1_1 = squeezenet1_1


def _complete_misc(misc: ModuleType) -> None:
    from cs231n.image_utils import load_image

    misc.imread = load_image


_COMPLETE = {"torchvision": _complete_torchvision, "scipy.misc": _complete_misc}

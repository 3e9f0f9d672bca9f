"""What stands in the page for modules that need more than NumPy and Pillow."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import TypeVar

from cs231n_lib.speak.captions import CaptionData
from website.page import figures
from website.page.captioners import test_data

__all__ = ["STAND_INS", "install", "tqdm"]

T = TypeVar("T")


def load_scenes() -> CaptionData:
    """The scenes that a page has of those that the book draws and describes."""
    print("In this page: 50 of the 30,000 training pictures, and all 1,000 test pictures.")
    return test_data("scenes")


def load_nouns() -> CaptionData:
    """The same for scenes of nouns."""
    print("In this page: 50 of the 20,000 training pictures, and 400 of the 1,000 test pictures.")
    return test_data("nouns")


def tqdm(iterable: Iterable[T], desc: str, total: int | None = None, **_: object) -> Iterator[T]:
    """Go through an iterable and say how far it is, in a line that the next one replaces."""
    total = len(iterable) if total is None else total
    said = 0.0
    for done, item in enumerate(iterable):
        if time.monotonic() > said + 0.2:
            said = time.monotonic()
            print(f"\r{desc}: {done} of {total}", end="", file=sys.stderr)
        yield item


# Module -> its functions that a page has.
STAND_INS: dict[str, tuple[Callable, ...]] = {
    "cs231n_lib.figures.attention": (figures.look_tiles,),
    "cs231n_lib.figures.captions": (
        figures.compare_captions,
        figures.plot_curves,
        figures.plot_mistakes,
        figures.show_captions,
    ),
    "cs231n_lib.figures.gates": (figures.plot_gradient_norms, figures.plot_open_directions),
    "cs231n_lib.figures.panels": (figures.panels,),
    "cs231n_lib.speak.features": (load_nouns, load_scenes),
    "tqdm": (tqdm,),
}


def install() -> None:
    """Have the modules imported from here."""
    for name, functions in {"cs231n_lib.figures": (), **STAND_INS}.items():
        module = sys.modules[name] = ModuleType(name)
        vars(module).update({function.__name__: function for function in functions})

"""What stands in the page for modules that need more than NumPy and Pillow."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
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


class SmoothingFunction:
    """What NLTK's own has of it."""

    method1 = "a tenth where there is none"


def corpus_bleu(
    references: list[list[list[str]]],
    sentences: list[list[str]],
    weights: list[tuple[float, ...]],
    smoothing_function: str,
) -> list[float]:
    """NLTK's BLEU of a set of captions, smoothed by its method 1, for each choice of weights."""
    precision = []
    for n in range(1, max(map(len, weights)) + 1):
        found = total = 0
        for sentence, group in zip(sentences, references):
            said, told = _ngrams(sentence, n), [_ngrams(reference, n) for reference in group]
            found += sum(min(k, max(t[ngram] for t in told)) for ngram, k in said.items())
            total += max(1, said.total())
        precision.append(max(found, 0.1) / total)
    length = sum(map(len, sentences))
    nearest = sum(
        min((abs(len(r) - len(s)), len(r)) for r in group)[1]
        for s, group in zip(sentences, references)
    )
    brevity = min(1, math.exp(1 - nearest / length)) if length else 0
    return [
        brevity * math.exp(sum(w * math.log(p) for w, p in zip(ws, precision))) for ws in weights
    ]


def _ngrams(words: list[str], n: int) -> Counter:
    return Counter(zip(*(words[k:] for k in range(n))))


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
    "nltk.translate.bleu_score": (SmoothingFunction, corpus_bleu),
    "tqdm": (tqdm,),
}


_PACKAGES = ("cs231n_lib", "cs231n_lib.speak")  # these are there


def install() -> None:
    """Have the modules imported from here."""
    for name, functions in STAND_INS.items():
        packages = list(accumulate(name.split("."), "{}.{}".format))
        for package in packages:
            if package not in _PACKAGES:
                sys.modules[package] = ModuleType(package)
        vars(sys.modules[name]).update({f.__name__: f for f in functions})

"""Contracts of the judge of sentences about scenes."""

from __future__ import annotations

from typing import Any

from cs231n_lib.speak.truth import count_mistakes, judge, share_true
from tests.contracts import Contract, Refusal
from tests.contracts.speak.scenes import scenes


def _pairs() -> dict[str, Any]:
    return {"sentences": ["a red circle", "nothing at all"], "scenes": scenes()}


_REFUSES_PAIRS = (
    Refusal(
        "no sentences", {"sentences": [], "scenes": []},
        ValueError, "0 sentences and 0 scenes, expected as many of one as of the other",
    ),
    Refusal(
        "sentences about more scenes", lambda a: {"sentences": a["sentences"] * 2},
        ValueError, "4 sentences and 2 scenes, expected as many of one as of the other",
    ),
    Refusal(
        "a single sentence", {"sentences": "ab"},
        TypeError, "sentences is a single string, expected a list of strings",
    ),
    Refusal(
        "captions that are not decoded", {"sentences": [[1, 4, 2], [1, 5, 2]]},
        TypeError, "sentences holds a list, expected strings only",
    ),
    Refusal(
        "descriptions instead of scenes",
        lambda a: {"scenes": [scene.description for scene in a["scenes"]]},
        TypeError, "expected a Scene, given a Description",
    ),
)  # fmt: skip

CONTRACTS = (
    Contract(
        judge,
        lambda: {"sentence": "a red circle left of a star", "scene": scenes()[0]},
        (
            Refusal(
                "a list of words", {"sentence": ["a", "red", "circle"]},
                TypeError, "sentence is a list, expected a string",
            ),
            Refusal(
                "a caption instead of a scene", {"scene": "a red circle"},
                TypeError, "expected a Scene, given a str",
            ),
        ),
    ),
    Contract(share_true, _pairs, _REFUSES_PAIRS),
    Contract(count_mistakes, _pairs, _REFUSES_PAIRS),
)  # fmt: skip

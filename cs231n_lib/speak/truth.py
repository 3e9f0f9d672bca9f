"""Judge sentences about scenes: true, or false and where.

A sentence may be any string. What this module understands is::

    sentence = ["there is"] phrase [["is"] ["to the"] relation phrase | "and" phrase]
    phrase   = ["a" | "an" | "the"] [size] [colour] (shape | "thing" | "object" | "shape")

with size and colour in either order. Of a named thing it understands ``[size] noun`` instead. Case
and a full stop at the end do not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cs231n_lib.checks import Each, Instance, Texts, checked
from cs231n_lib.speak.scenes import RELATIONS, AnyThing, Description, Scene

__all__ = ["Mistake", "Verdict", "count_mistakes", "judge", "share_true"]

_ANYTHING = ("thing", "object", "shape")

_PAIRS = {
    "sentences": Texts("N", empty=False),
    "scenes": Each(Instance(Scene), length="N"),
}


@dataclass(frozen=True)
class Mistake:
    """One thing that a sentence says wrongly.

    Attributes
    ----------
    attribute : str
        ``"size"``, ``"colour"``, ``"shape"``, ``"noun"``, ``"relation"`` or ``"grammar"``.
    place : str
        ``"first"`` or ``"second"`` thing of the sentence; empty for a relation or the grammar.
    said, true : str
        The words in the sentence, and those that would have been true (empty for the grammar).
    word : int
        Index, into ``sentence.split()``, of the word that is wrong. For the grammar, where reading
        stopped, which can be the number of words.
    """

    attribute: str
    place: str
    said: str
    true: str
    word: int

    def __str__(self) -> str:
        if self.attribute == "grammar":
            return self.said
        what = f"{self.place} {self.attribute}".strip()
        return f"{what}: said {self.said!r}, true is {self.true!r}"


@dataclass(frozen=True)
class Verdict:
    """Whether a sentence is true of a scene; if not, the fewest mistakes that explain it."""

    true: bool
    mistakes: tuple[Mistake, ...] = ()

    def __bool__(self) -> bool:
        return self.true


@checked(sentence=Instance(str), scene=Instance(Scene))
def judge(sentence: str, scene: Scene) -> Verdict:
    """Say whether a sentence is true of a scene, and if not, what is wrong with it.

    Parameters
    ----------
    sentence : str
        Any string. What is left open does not count against it: "a red circle" is true of every
        scene with a red circle in it.
    scene : Scene

    Returns
    -------
    Verdict
        A sentence can be read in two ways, either thing of the scene being the first that it names.
        It is true if one reading is; otherwise the reading with fewer mistakes counts. A sentence
        outside the grammar is false, with one mistake that says where reading stopped.

    Raises
    ------
    TypeError
        If ``sentence`` is not a string, or ``scene`` not a Scene.
    """
    description = scene.description
    try:
        statement = _Reader(sentence, description.first.words).statement()
    except _GrammarError as error:
        return Verdict(False, (error.mistake,))
    readings = (_compare(statement, told) for told in (description, description.converse()))
    mistakes = min(readings, key=len)
    return Verdict(not mistakes, mistakes)


@checked(**_PAIRS)
def share_true(sentences: Sequence[str], scenes: Sequence[Scene]) -> float:
    """The share of sentences, from 0 to 1, that are true of their scenes.

    Raises
    ------
    TypeError, ValueError
        If there are none, or not as many sentences as scenes.
    """
    return sum(bool(judge(*pair)) for pair in zip(sentences, scenes)) / len(sentences)


@checked(**_PAIRS)
def count_mistakes(sentences: Sequence[str], scenes: Sequence[Scene]) -> Counter[str]:
    """How often each attribute is said wrongly.

    Returns
    -------
    collections.Counter
        With keys such as ``"first colour"``, ``"second shape"``, ``"relation"``, ``"grammar"``.

    Raises
    ------
    TypeError, ValueError
        As :func:`share_true`.
    """
    return Counter(
        f"{mistake.place} {mistake.attribute}".strip()
        for pair in zip(sentences, scenes)
        for mistake in judge(*pair).mistakes
    )


@dataclass
class _Phrase:
    """What a sentence says of one thing: attribute -> (word, its index)."""

    said: dict[str, tuple[str, int]] = field(default_factory=dict)


@dataclass
class _Statement:
    first: _Phrase
    relation: str | None = None
    relation_word: int = 0
    second: _Phrase | None = None


class _GrammarError(Exception):
    def __init__(self, message: str, word: int) -> None:
        super().__init__(message)
        self.mistake = Mistake("grammar", "", message, "", word)


class _Reader:
    """Reads a sentence word by word, from left to right; ``known`` are the attributes of a thing,
    each with its words, the last of them its noun."""

    def __init__(self, sentence: str, known: Mapping[str, tuple[str, ...]]) -> None:
        self.known, self.noun = known, list(known)[-1]
        words = sentence.lower().split()
        if words:
            words[-1] = words[-1].removesuffix(".")
        self.words = words
        self.at = 0

    def statement(self) -> _Statement:
        self.skip("there is")
        statement = _Statement(self.phrase())
        if self.at == len(self.words):
            return statement
        if not self.skip("and"):
            self.skip("is")
            self.skip("to the")
            statement.relation_word = self.at
            statement.relation = next((name for name in RELATIONS if self.skip(name)), None)
            if statement.relation is None:
                self.fail("one of " + ", ".join(RELATIONS))
        statement.second = self.phrase()
        if self.at < len(self.words):
            self.fail("the end")
        return statement

    def phrase(self) -> _Phrase:
        if not self.skip("a") and not self.skip("an"):
            self.skip("the")
        phrase = _Phrase()
        while self.at < len(self.words):
            word = self.words[self.at]
            attribute = next((a for a, words in self.known.items() if word in words), None)
            if attribute is None and word not in _ANYTHING:
                break
            if attribute in phrase.said:
                self.fail(f"one {attribute}, not two")
            if attribute is not None:
                phrase.said[attribute] = (word, self.at)
            self.at += 1
            if attribute in (self.noun, None):
                return phrase
        *others, noun = (f"a {attribute}" for attribute in self.known)
        self.fail(f"{', '.join(others)} or {noun}")

    def skip(self, text: str) -> bool:
        """Step over these words, if they come next."""
        words = text.split()
        found = self.words[self.at : self.at + len(words)] == words
        self.at += len(words) * found
        return found

    def fail(self, expected: str) -> None:
        found = repr(self.words[self.at]) if self.at < len(self.words) else "the end"
        raise _GrammarError(f"word {self.at + 1}: found {found}, expected {expected}", self.at)


def _compare(statement: _Statement, told: Description) -> tuple[Mistake, ...]:
    mistakes = _compare_phrase("first", statement.first, told.first)
    if statement.relation not in (None, told.relation):
        mistakes.append(
            Mistake("relation", "", statement.relation, told.relation, statement.relation_word)
        )
    if statement.second is not None:
        mistakes += _compare_phrase("second", statement.second, told.second)
    return tuple(mistakes)


def _compare_phrase(place: str, phrase: _Phrase, thing: AnyThing) -> list[Mistake]:
    return [
        Mistake(attribute, place, word, getattr(thing, attribute), index)
        for attribute, (word, index) in phrase.said.items()
        if word != getattr(thing, attribute)
    ]

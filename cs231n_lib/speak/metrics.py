"""How good captions are, by comparison with reference captions.

For scenes there is a better measure, whether a caption is true: see :mod:`cs231n_lib.speak.truth`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from cs231n_lib.checks import Each, Texts, checked

__all__ = ["bleu", "bleu4", "cider"]


@checked(
    sentences=Texts("N", empty=False),
    references=Each(Texts(empty=False, ordered=False), "N"),
)
def bleu4(sentences: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """BLEU with n-grams of one to four words, over a whole set of captions.

    Parameters
    ----------
    sentences : sequence of str
        One caption per picture, words separated by blanks.
    references : sequence of sequences of str
        For each picture, one or more captions by people, or by a grammar.

    Returns
    -------
    float in [0, 1]
        Papineni et al., "BLEU" (2002), computed by NLTK.

    Raises
    ------
    TypeError, ValueError
        If there are no sentences, not as many as pictures, a picture without reference, or
        anything but strings.
    """
    return bleu(sentences, references)[-1]


@checked(
    sentences=Texts("N", empty=False),
    references=Each(Texts(empty=False, ordered=False), "N"),
)
def bleu(sentences: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """BLEU-1, 2, 3 and 4: with n-grams of one word, of one and two, and so on up to four.

    Parameters and errors are those of :func:`bleu4`.

    Returns
    -------
    list of four floats in [0, 1]
    """
    from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

    scores = corpus_bleu(
        [[reference.split() for reference in group] for group in references],
        [sentence.split() for sentence in sentences],
        weights=[(1 / n,) * n for n in range(1, 5)],
        smoothing_function=SmoothingFunction().method1,
    )
    return [float(score) for score in scores]


@checked(
    sentences=Texts("N", empty=False),
    references=Each(Texts(empty=False, ordered=False), "N"),
)
def cider(sentences: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """CIDEr-D: captions are good that say what people say of this picture, and not of others.

    An n-gram counts the less, the more of the pictures have it in their references. With a single
    picture nothing tells pictures apart, and the score is 0.

    Parameters
    ----------
    sentences : sequence of str
        One caption per picture, words separated by blanks.
    references : sequence of sequences of str
        For each picture, one or more captions by people.

    Returns
    -------
    float in [0, 10]
        The mean over pictures. Vedantam et al., "CIDEr: Consensus-based image description
        evaluation" (arXiv:1411.5726), as COCO's own evaluation computes it. Papers multiply it by
        100.

    Raises
    ------
    TypeError, ValueError
        As :func:`bleu4`.
    """
    groups = [[_ngrams(reference) for reference in group] for group in references]
    pictures = Counter(ngram for group in groups for ngram in set().union(*group))

    def weighted(ngrams: Counter) -> dict[tuple[str, ...], float]:
        return {
            ngram: count * math.log(len(groups) / max(1, pictures[ngram]))
            for ngram, count in ngrams.items()
        }

    scores = []
    for sentence, told in zip(sentences, groups):
        said = _ngrams(sentence)
        alike = [
            _cosine(weighted(said), weighted(reference)) * _alike_in_length(said, reference)
            for reference in told
        ]
        scores.append(10 * sum(alike) / len(alike))
    return sum(scores) / len(scores)


def _ngrams(sentence: str) -> Counter[tuple[str, ...]]:
    words = sentence.split()
    return Counter(tuple(words[i : i + n]) for n in range(1, 5) for i in range(len(words) - n + 1))


def _cosine(said: dict[tuple[str, ...], float], told: dict[tuple[str, ...], float]) -> float:
    """The cosine between weights of n-grams, on average over n from 1 to 4."""
    cosines = 0.0
    for n in range(1, 5):
        a, b = ({k: weight for k, weight in side.items() if len(k) == n} for side in (said, told))
        # What is said more often than in the reference counts no more than it does there.
        product = sum(min(weight, b.get(ngram, 0)) * b.get(ngram, 0) for ngram, weight in a.items())
        norm = math.hypot(*a.values()) * math.hypot(*b.values())
        cosines += product / norm if norm else 0
    return cosines / 4


def _alike_in_length(said: Counter, told: Counter) -> float:
    a, b = (sum(count for ngram, count in side.items() if len(ngram) == 1) for side in (said, told))
    return math.exp(-((a - b) ** 2) / (2 * 6**2))

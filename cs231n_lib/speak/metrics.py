"""How good captions are, by comparison with reference captions.

For scenes there is a better measure, whether a caption is true: see :mod:`cs231n_lib.speak.truth`.
"""

from __future__ import annotations

from collections.abc import Sequence

from cs231n_lib.checks import Each, Texts, checked

__all__ = ["bleu4"]


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
    from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

    return float(
        corpus_bleu(
            [[reference.split() for reference in group] for group in references],
            [sentence.split() for sentence in sentences],
            smoothing_function=SmoothingFunction().method1,
        )
    )

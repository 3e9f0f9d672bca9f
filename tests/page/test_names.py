"""What a cell takes from the cells before it, and what is in the page and what is not."""

from __future__ import annotations

import random
import re

import pytest
from nltk.translate.bleu_score import SmoothingFunction
from nltk.translate.bleu_score import corpus_bleu as bleu_of_nltk

from cs231n_lib.speak.scenes import sample_scenes
from tests.chapters import ROOT
from website.book import chapter_files, read
from website.page.names import last_writers, names_of
from website.page.stand_ins import corpus_bleu
from website.run_here import _INSTEAD, cells_of, modules_of_the_page, why_not


@pytest.mark.parametrize(
    ("code", "read", "written"),
    [
        ("a = b", "b", "a"),
        ("a = 1\nb = a", "", "a b"),
        ("a += 1", "a", "a"),
        ("a[0] = b", "a b", "a"),
        ("a.b.c = 1", "a", "a"),
        ("solver.train()", "solver", "solver"),
        ("c = solver.train()", "solver", "c"),
        ("for a in b:\n    print(a, c)", "b c", "a"),
        ("with a as b:\n    print(b)", "a", "b"),
        ("if a:\n    b = 1\nprint(b)", "a", "b"),
        ("[a for a in b if a > c]", "b c", ""),
        ("{a: {d for d in a} for a in b}", "b", ""),
        ("f = lambda x: x + a", "a", "f"),
        ("def f(x, y=a):\n    z = x\n    return z + b + f(1)", "a b", "f"),
        ("def f():\n    return a\na = 1", "", "f a"),
        ("class A(B):\n    c = d\n    def e(self):\n        return g", "B d g", "A"),
        ("try:\n    a = b\nexcept KeyError as e:\n    print(e)", "b", "a"),
        ("a, *b = c\nprint(a, b, _d)", "c _d", "a b"),
        ("(a := b)", "b", "a"),
        ("del a, b", "", ""),
    ],
)
def test_what_a_cell_reads_and_writes(code, read, written):
    names = names_of(code)
    assert (names.read, names.written) == (set(read.split()), set(written.split()))


def test_what_is_imported_needs_the_import_and_not_the_cell():
    names = names_of("import a.b\nfrom c import d as e, f\nf = g(e)")
    assert names.written == {"a", "e", "f"}
    assert names.imports == {"a": "import a.b", "e": "from c import d as e"}


def test_who_wrote_a_name_last():
    cells = [names_of(code) for code in ("a = b = 1", "a.append(2)", "a + b", "a = 3")]
    assert last_writers(cells) == [{}, {"a": 0}, {"a": 1, "b": 0}, {}]


def reasons(*cells: str) -> list[str]:
    return why_not(cells, modules_of_the_page(ROOT))


def test_why_a_cell_does_not_run_in_a_page():
    found = reasons(
        "import torch\n\nimport numpy as np",
        "from cs231n_lib.figures.captions import plot_training, show_captions",
        "from cs231n_lib.see.images import photograph",
        "x = torch.zeros(2)",
        "y = np.zeros(2) + x.numpy()",
        "from cs231n_lib.speak.rnn import rnn_forward",
        "show_captions(np, rnn_forward)",
        "print(never)",
    )
    for reason, words in zip(
        found,
        (
            "PyTorch",
            "Matplotlib",
            "cs231n_lib.see.images",
            "PyTorch",
            "a cell above",
            "",
            "",
            "never",
        ),
    ):
        assert words in reason if words else reason == ""


def test_chapters_on_captions_run_in_the_page_and_no_others():
    runs = {}
    for path in chapter_files(ROOT / "chapters"):
        found = reasons(*cells_of(read(path)))
        runs[path.stem] = sum(not reason for reason in found) / len(found)
    assert {name for name, share in runs.items() if share} == {
        "01-rnn", "02-lstm", "07-captions-that-look",
    }  # fmt: skip
    assert min(share for share in runs.values() if share) > 0.7


def test_all_that_a_page_runs_in_place_of_hours_is_in_a_chapter():
    chapters = [read(path) for path in chapter_files(ROOT / "chapters")]
    source = "\n\n".join(cell.source for chapter in chapters for cell in chapter.cells)
    assert [old for old, _ in _INSTEAD if not re.search(old, source)] == []


def test_the_pages_bleu_is_nltks():
    scenes, rng = sample_scenes("test", 100), random.Random(0)
    references = [[caption.split() for caption in scene.captions] for scene in scenes]
    weights = [(1 / n,) * n for n in range(1, 5)]
    garbled = [
        [rng.choice(told) if rng.random() < 0.3 else word for word in told][: rng.randint(1, 9)]
        for told, _ in references
    ]
    for sentences in (garbled, [["a"]] * 100, [told for told, _ in references]):
        theirs = bleu_of_nltk(
            references, sentences, weights, smoothing_function=SmoothingFunction().method1
        )
        assert corpus_bleu(references, sentences, weights, "") == pytest.approx(theirs, rel=1e-12)

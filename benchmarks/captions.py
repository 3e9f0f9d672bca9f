"""The other parts of the captioning chapters: word vectors, sampling, pictures to describe."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from benchmarks.layers import arrays
from benchmarks.timing import best_of
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.features import describe_pictures
from cs231n_lib.speak.layers import word_embedding_backward
from cs231n_lib.speak.scenes import draw, sample_scenes

Row = dict[str, Any]
Rows = list[Row]

_SCENES = 30_000


def word_vectors(dtype: type, shape: tuple[int, int, int, int], repeats: int) -> Row:
    """The gradient of the word vectors: ours, NumPy's own way, and PyTorch's."""
    N, T, V, D = shape
    words = np.random.default_rng(0).integers(V, size=(N, T))
    W, dout = arrays(dtype, W=(V, D), dout=(N, T, D)).values()
    index, source = torch.from_numpy(words.ravel()), torch.from_numpy(dout.reshape(-1, D))
    best = best_of(
        {
            "ours": lambda: word_embedding_backward(dout, (W, words)),
            "add.at": lambda: np.add.at(np.zeros((V, D), dtype), words, dout),
            "torch": lambda: source.new_zeros(V, D).index_add_(0, index, source),
        },
        repeats,
    )
    return {
        "dtype": np.dtype(dtype).name,
        "(N, T, V, D)": str(shape),
        "ours, ms": f"{1e3 * best['ours']:.2f}",
        "`np.add.at` / ours": f"{best['add.at'] / best['ours']:.1f}",
        "ours / `index_add_`": f"{best['ours'] / best['torch']:.2f}",
    }


def sampling(cell: str, repeats: int) -> Row:
    """Thirty words about each of 128 pictures, against the products of thirty steps alone."""
    N, D, W, H, V, T = 128, 512, 256, 512, 1004, 30
    words = {"<NULL>": 0, "<START>": 1} | {f"word {i}": i for i in range(2, V)}  # never <END>
    model = CaptioningRNN(words, D, W, H, cell)
    p = model.params
    features, x, h = arrays(np.float32, features=(N, D), x=(N, W), h=(N, H)).values()
    best = best_of(
        {
            "ours": lambda: model.sample(features, T),
            "products": lambda: [(x @ p["Wx"], h @ p["Wh"], h @ p["W_vocab"]) for _ in range(T)],
        },
        repeats,
    )
    return {
        "cell": cell.upper(),
        "ours, ms": f"{1e3 * best['ours']:.0f}",
        "ours / products": f"{best['ours'] / best['products']:.2f}",
    }


def describing() -> Rows:
    """Drawing and describing as many scenes as the chapters train on, once."""
    told = sample_scenes("train", _SCENES)
    start = time.perf_counter()
    for scene in told:
        draw(scene)
    drawn = time.perf_counter()
    describe_pictures(told)
    described = time.perf_counter()
    return [
        {"what": f"drawing {_SCENES:,} scenes", "s": f"{drawn - start:.0f}"},
        {"what": f"drawing and describing {_SCENES:,} scenes", "s": f"{described - drawn:.0f}"},
    ]


def tables(repeats: int) -> dict[str, Rows]:
    """Every table of this module by the name of its file."""
    return {
        "word-vectors": [
            word_vectors(dtype, shape, repeats)
            for dtype in (np.float32, np.float64)
            for shape in ((128, 16, 1004, 256), (1024, 16, 10_000, 256))
        ],
        "sampling": [sampling(cell, repeats) for cell in ("rnn", "lstm")],
        "describing": describing(),
    }

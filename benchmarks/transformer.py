"""A small Transformer beside the networks of the chapters: what it says, and what it costs.

Its three trainings take a quarter of an hour. They follow the settings of the chapters:
minibatches, steps, rates, dropout of features. Costs are milliseconds of one processor,
on one thread.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from cs231n_lib.progress import progress
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import CaptionData, decode_captions, sample_minibatch
from cs231n_lib.speak.features import load_scenes
from cs231n_lib.speak.training import SCENE_TRAINING, CaptioningSolver, drop_features, one_cycle
from cs231n_lib.speak.truth import share_true

_SCENES = (30_000, 1_000, 1_000)
_EPOCHS = SCENE_TRAINING.num_epochs
_SEEDS = range(3)
_FIELDS = 36

Table = list[dict[str, Any]]


class Transformer(nn.Module):
    """Scores for the next word after each word, from those before it and the fields of a picture.

    Parameters
    ----------
    V, T : int
        Words, and how many of them it can read one after another.
    L, C : int
        Fields of a picture, and numbers for each.
    """

    def __init__(self, V: int, T: int, L: int, C: int) -> None:
        super().__init__()
        width, heads, layers = 128, 4, 2
        self.words = nn.Embedding(V, width)
        self.steps = nn.Parameter(0.02 * torch.randn(T, width))
        self.fields = nn.Linear(C, width)
        self.places = nn.Parameter(0.02 * torch.randn(L, width))
        layer = nn.TransformerDecoderLayer(
            width,
            heads,
            4 * width,
            dropout=0.0,
            batch_first=True,
            norm_first=True,
        )
        norm = nn.LayerNorm(width)
        self.decoder = nn.TransformerDecoder(layer, layers, norm)
        self.scores = nn.Linear(width, V)

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        """From features (N, L * C) and words (N, T) to scores (N, T, V)."""
        L, T = len(self.places), words.shape[1]
        pictures = features.unflatten(1, (L, -1))  # (N, L, C)
        pictures = self.fields(pictures) + self.places
        x = self.words(words) + self.steps[:T]
        # No word may look at a later one: minus infinity in their scores.
        later = nn.Transformer.generate_square_subsequent_mask(T)
        x = self.decoder(x, pictures, tgt_mask=later, tgt_is_causal=True)
        return self.scores(x)


def transformer(data: CaptionData, seed: int = 0) -> Transformer:
    """One with new weights, for a data set of scenes."""
    D = data.train.features.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        T = data.train.captions.shape[1] - 1
        return Transformer(len(data.idx_to_word), T, _FIELDS, D // _FIELDS)


def training(model: Transformer, data: CaptionData, seed: int) -> Callable[[int, int], None]:
    """A step as :class:`CaptioningSolver` takes it, given its number and that of all steps."""
    rng, null = np.random.default_rng(seed), data.word_to_idx["<NULL>"]
    adam, settings = torch.optim.Adam(model.parameters()), SCENE_TRAINING
    rate = settings.optim_config["learning_rate"]

    def take(step: int, total: int) -> None:
        captions, features, _ = sample_minibatch(data, settings.batch_size, rng=rng)
        features = drop_features(features, settings.feature_dropout, rng)
        words = torch.from_numpy(captions).long()
        scores = model(torch.from_numpy(features), words[:, :-1])
        loss = cross_entropy(
            scores.flatten(0, 1), words[:, 1:].flatten(), ignore_index=null, reduction="sum"
        )
        adam.zero_grad()
        (loss / len(words)).backward()
        clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        adam.param_groups[0]["lr"] = rate * float(one_cycle(step / total))
        adam.step()

    return take


@torch.inference_mode()
def speak(model: Transformer, features: np.ndarray, start: int, length: int) -> np.ndarray:
    """Greedy search. For each new word, the network reads all earlier ones again."""
    words = torch.full((len(features), 1), start)
    for _ in range(length):
        word = model(torch.from_numpy(features), words)[:, -1].argmax(dim=1, keepdim=True)
        words = torch.cat([words, word], dim=1)
    return words[:, 1:].numpy()


def share_of_one(data: CaptionData, seed: int) -> float:
    """Train one, and judge what it says about the test pictures."""
    model = transformer(data, seed)
    take = training(model, data, seed)
    total = _EPOCHS * max(len(data.train.captions) // SCENE_TRAINING.batch_size, 1)
    for step in progress(range(total), "training"):
        take(step, total)
    test, length = data.test, data.test.captions.shape[1] - 1
    words = speak(model, test.features, data.word_to_idx["<START>"], length)
    return share_true(decode_captions(words, data.idx_to_word), test.images)


def accuracy(shares: list[float]) -> Table:
    """The row of all trainings, one share of true captions from each."""
    return [{
        "network": "Transformer",
        "trainings": str(len(shares)),
        "captions true": f"{np.mean(shares):.3f}",
        "standard deviation": f"{np.std(shares, ddof=1):.3f}" if shares[1:] else "–",
        "measured on": datetime.date.today().isoformat(),
    }]  # fmt: skip


def costs(data: CaptionData, repeats: int) -> Table:
    """One training step, and captions for 128 test pictures: the least of several turns."""
    pictures, length = data.test.features[:128], data.test.captions.shape[1] - 1
    model = transformer(data)
    take = training(model, data, seed=0)
    sides = {
        "Transformer": (
            lambda: take(1, 10),
            lambda: speak(model, pictures, data.word_to_idx["<START>"], length),
            sum(w.numel() for w in model.parameters()),
        )
    }
    for name, cell in (("LSTM", "lstm"), ("LSTM with attention", "attention")):
        sides[name] = _chapters(data, cell, pictures, length)
    best = {name: [np.inf, np.inf] for name in sides}
    for _ in range(repeats + 1):
        for name, (*calls, _) in sides.items():
            for number, call in enumerate(calls):
                start = time.process_time()
                call()
                best[name][number] = min(best[name][number], time.process_time() - start)
    return [
        {
            "network": name,
            "weights": f"{sides[name][2]:,}",
            "training step, ms": f"{1e3 * best[name][0]:.0f}",
            "128 captions, ms": f"{1e3 * best[name][1]:.0f}",
        }
        for name in ("LSTM", "LSTM with attention", "Transformer")
    ]


def _chapters(data: CaptionData, cell: str, pictures: np.ndarray, length: int) -> tuple:
    """The network of a chapter: a step of its training, its captions, its number of weights."""
    D = data.train.features.shape[1]
    model = CaptioningRNN(data.word_to_idx, D, 64, 256, cell)
    del model.word_to_idx["<END>"]  # so that no caption is shorter than another
    solver = CaptioningSolver(model, data, **vars(SCENE_TRAINING))
    return (
        lambda: solver.train(len(solver.loss_history) + 1),
        lambda: model.sample(pictures, length),
        sum(w.size for w in model.params.values()),
    )


def tables(repeats: int) -> dict[str, Table]:
    """Every table of this module by the name of its file."""
    data = load_scenes(*_SCENES)
    return {
        "transformer-costs": costs(data, repeats),
        "transformer": accuracy([share_of_one(data, seed) for seed in _SEEDS]),
    }

"""The trained captioners, as ``make captioners`` has saved them, and scenes to describe."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import CaptionData, Split, encode_captions
from cs231n_lib.speak.nouns import sample_noun_scenes
from cs231n_lib.speak.scenes import sample_scenes
from website.page.eyes import FOLDER

# World -> who draws its scenes, how many were trained on, and the length of a caption.
_WORLDS = {"scenes": (sample_scenes, 30_000, 12), "nouns": (sample_noun_scenes, 20_000, 10)}


@lru_cache
def load(name: str) -> CaptioningRNN:
    """A trained captioner by its name, such as ``"scenes-lstm"`` or ``"nouns-attention"``."""
    with np.load(FOLDER / f"{name}.npz") as file:
        words, weights = file["words"], {k: w for k, w in file.items() if w.dtype == np.float16}
    features = len(weights["W_proj"])
    model = CaptioningRNN(_by_word(words), features, 64, 256, name.partition("-")[2])
    # Column by column: without BLAS, as in a page, products are then about three times as fast.
    model.params.update({k: w.astype(np.float32, order="F") for k, w in weights.items()})
    return model


def test_data(world: str = "scenes") -> CaptionData:
    """What the chapters call ``data``, as far as a page has it: the first pictures of each split.

    Of training and validation 50, of the test 1,000, or 400 of nouns; their features are rounded
    to float16.
    """
    sample, trained, length = _WORLDS[world]
    splits = {}
    with np.load(FOLDER / f"{world}-data.npz") as file:
        word_to_idx = _by_word(file["words"])
        for split in ("train", "val", "test"):
            features = file[split]
            count = len(features)
            scenes = sample(split, trained if split == "train" else 1000)[:count]
            captions = encode_captions([s.captions[0] for s in scenes], word_to_idx, length)
            splits[split] = Split(captions, np.arange(count), features.astype(np.float32), scenes)
    return CaptionData(word_to_idx, list(word_to_idx), **splits)


def _by_word(words: np.ndarray) -> dict[str, int]:
    return {str(word): index for index, word in enumerate(words)}

"""Contracts of the training that both captioning chapters use."""

from __future__ import annotations

from typing import Any

import numpy as np

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.recipe import caption, train_captioner
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captions import without
from tests.contracts.speak.scenes import scene_data


def _caption() -> dict[str, Any]:
    data = scene_data()
    size = data["val_features"].shape[1]
    model = CaptioningRNN(data["word_to_idx"], size, wordvec_dim=4, hidden_dim=5)
    return {"model": model, "data": data, "split": "val"}


CONTRACTS = (
    Contract(
        train_captioner,
        lambda: {"data": scene_data(), "cell_type": "rnn"},
        (
            Refusal(
                "an unknown kind of cell", {"cell_type": "gru"},
                ValueError, "cell_type is 'gru', expected 'rnn' or 'lstm'",
            ),
            Refusal(
                "a data set without pictures to validate on",
                lambda a: {"data": without(a["data"], "val_images")},
                ValueError, "data has no val_images",
            ),
            Refusal(
                "captions that do not fit their pictures",
                lambda a: {"data": a["data"] | {"train_image_idxs": np.arange(3)}},
                ValueError, "the split 'train' has 32 captions with 3 image_idxs",
            ),
            Refusal("no data", {"data": None}, TypeError, "data is a NoneType, expected"),
        ),
    ),
    Contract(
        caption,
        _caption,
        (
            Refusal(
                "a split that does not exist", {"split": "dev"},
                ValueError, r"split is 'dev', expected one of \['test', 'train', 'val'\]",
            ),
            Refusal(
                "features of another network",
                lambda a: {"data": a["data"] | {"val_features": np.ones((1, 7), np.float32)}},
                ValueError, r"features has shape \(1, 7\), expected \(N, D\)",
            ),
        ),
    ),
)  # fmt: skip

"""Is the LSTM ahead by its gates or by its weights? This takes twelve trainings, half an hour.

Each cell is trained as in chapter 2, with several seeds, at two widths: the vanilla network has as
many recurrent weights at 256 as the LSTM at 108, and at 542 as the LSTM at 256.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import CaptionData, caption
from cs231n_lib.speak.features import load_scenes
from cs231n_lib.speak.memory import open_directions
from cs231n_lib.speak.training import SCENE_TRAINING, CaptioningSolver
from cs231n_lib.speak.truth import share_true

_CELLS = (("RNN", 256), ("LSTM", 108), ("RNN", 542), ("LSTM", 256))
_SCENES = (30_000, 1_000, 1_000)
_EPOCHS = SCENE_TRAINING.num_epochs
_SEEDS = range(3)


def trained(data: CaptionData, cell: str, H: int, seed: int) -> CaptioningRNN:
    """A captioning network, trained as in chapter 2 from other weights, in another order."""
    model = CaptioningRNN(data.word_to_idx, data.train.features.shape[1], 64, H, cell.lower())
    model.initialize(np.random.default_rng(seed))
    settings = vars(SCENE_TRAINING) | {"num_epochs": _EPOCHS, "seed": seed}
    CaptioningSolver(model, data, verbose=False, **settings).train()
    return model


def tables(repeats: int) -> dict[str, list[dict[str, Any]]]:
    """One row for each cell and width. Only times are measured ``repeats`` times."""
    data = load_scenes(*_SCENES)
    test = data.test.images
    nine = [scene.description.relation in ("above", "below") for scene in test]
    some = data.test.features[nine][:8], data.test.captions[nine][:8]
    rows = []
    for cell, H in _CELLS:
        models = [trained(data, cell, H, seed) for seed in _SEEDS]
        true = [share_true(caption(model, data, "test"), test) for model in models]
        still = [open_directions(model, *some, word=9)[8] for model in models]
        weights = sum(models[0].params[name].size for name in ("Wx", "Wh", "b"))
        rows.append({
            "cell": cell,
            "H": str(H),
            "recurrent weights": f"{weights:,}",
            "captions true": f"{np.mean(true):.3f}",
            "standard deviation": f"{np.std(true, ddof=1):.3f}",
            "open directions": f"{np.mean(still):.0f}",
            "measured on": datetime.date.today().isoformat(),
        })  # fmt: skip
    return {"cells": rows}

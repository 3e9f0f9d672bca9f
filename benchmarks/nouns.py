"""To look or to remember: attention on shapes and on nouns, and why the LSTM fails on nouns. On one
thread the tables take ten minutes, a quarter of an hour, and two minutes; each is kept as far as it
has come.

Is it time, room or pictures that the LSTM lacks, or the same thing in the same place? And from what
can a linear map read a noun: from the whole picture, or from the field where the thing is?
"""

from __future__ import annotations

import dataclasses
import datetime
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import CaptionData, Split, caption
from cs231n_lib.speak.features import describe_pictures, load_nouns, load_scenes
from cs231n_lib.speak.scenes import PICTURE_SIZE, places
from cs231n_lib.speak.training import SCENE_TRAINING, CaptioningSolver
from cs231n_lib.speak.truth import count_mistakes, share_true

_PICTURES = {"shapes": (30_000, 1_000, 1_000), "nouns": (20_000, 1_000, 1_000)}
_NOUNS = {"num_epochs": 6, "optim_config": {"learning_rate": 3e-3}}
# As in the chapters. The LSTM on shapes is in the table of the cells.
_SETTINGS = {
    ("shapes", "attention"): {"num_epochs": 6},
    ("nouns", "lstm"): _NOUNS,
    ("nouns", "attention"): _NOUNS,
}
_SEEDS = range(3)
_HIDDEN = 256
_CHANNELS = 64  # of each field, for the linear maps
_MORE = 3  # times as many epochs, or pictures

Tables = dict[str, list[dict[str, Any]]]


def trained(data: CaptionData, cell: str, H: int, seed: int = 0, **settings: Any) -> CaptioningRNN:
    """A captioning network, trained as in the chapters from other weights, in another order."""
    model = CaptioningRNN(data.word_to_idx, data.train.features.shape[1], 64, H, cell)
    model.initialize(np.random.default_rng(seed))
    settings = vars(SCENE_TRAINING) | settings | {"seed": seed}
    CaptioningSolver(model, data, verbose=False, **settings).train()
    return model


def first_thousand(split: Split) -> Split:
    """Enough pictures of a split to count mistakes on."""
    few = slice(1_000)
    return Split(split.captions[few], split.image_idxs[few], split.features[few], split.images[few])


def judged(model: CaptioningRNN, data: CaptionData, split: Split) -> tuple[float, Counter[str]]:
    """The share of captions of a split that are true, and the shares of each mistake."""
    said = caption(model, dataclasses.replace(data, test=split), "test")
    mistakes = count_mistakes(said, split.images)
    shares = {name: count / len(said) for name, count in mistakes.items()}
    return share_true(said, split.images), Counter(shares)


def looking(repeats: int) -> Iterator[Tables]:
    """One row for each kind of picture and each network, as it is after each training.

    Only times are measured ``repeats`` times, here and below.
    """
    load = {"shapes": load_scenes, "nouns": load_nouns}
    data, rows = {kind: load[kind](*counts) for kind, counts in _PICTURES.items()}, []
    for (kind, cell), settings in _SETTINGS.items():
        found = []
        for seed in _SEEDS:
            model = trained(data[kind], cell, _HIDDEN, seed, **settings)
            found.append(judged(model, data[kind], data[kind].test))
            true, mistakes = zip(*found)
            row = {
                "pictures of": kind,
                "network": {"lstm": "LSTM"}.get(cell, cell),
                "epochs": str((vars(SCENE_TRAINING) | settings)["num_epochs"]),
                "trainings": str(len(found)),
                "captions true": f"{np.mean(true):.3f}",
                "standard deviation": f"{np.std(true, ddof=1):.3f}" if true[1:] else "–",
                "mistakes, first thing": _percent(mistakes, "first"),
                "second thing": _percent(mistakes, "second"),
                "relation": _percent(mistakes, "relation"),
                "measured on": datetime.date.today().isoformat(),
            }
            yield {"looking": [*rows, row]}
        rows.append(row)


def _percent(mistakes: tuple[Counter[str], ...], part: str) -> str:
    """How many mistakes of one part there are in a hundred captions, on average."""
    found = [sum(s for name, s in one.items() if name.startswith(part)) for one in mistakes]
    return f"{100 * np.mean(found):.1f}"


def lacking(repeats: int) -> Iterator[Tables]:
    """The LSTM on nouns, with more of each thing that it might lack, and attention beside it."""
    count, *held_out = _PICTURES["nouns"]
    data, more = load_nouns(count, *held_out), load_nouns(_MORE * count, *held_out)
    longer = _NOUNS | {"num_epochs": _MORE * _NOUNS["num_epochs"]}
    cases = {
        "LSTM": (data, "lstm", _HIDDEN, _NOUNS),
        f"LSTM, {_MORE} times as many epochs": (data, "lstm", _HIDDEN, longer),
        "LSTM, twice as wide": (data, "lstm", 2 * _HIDDEN, _NOUNS),
        f"LSTM, {_MORE} times as many pictures": (more, "lstm", _HIDDEN, _NOUNS),
        "LSTM, things that never move": (unmoved(data), "lstm", _HIDDEN, _NOUNS),
        "attention": (data, "attention", _HIDDEN, _NOUNS),
    }
    rows = []
    for what, (of, cell, H, settings) in cases.items():
        model = trained(of, cell, H, **settings)
        seen, _ = judged(model, of, first_thousand(of.train))
        new, mistakes = judged(model, of, of.test)
        rows.append({
            "network": what,
            "true of pictures it was trained on": f"{seen:.3f}",
            "true of new ones": f"{new:.3f}",
            "first noun wrong": f"{mistakes['first noun']:.3f}",
            "second noun wrong": f"{mistakes['second noun']:.3f}",
            "measured on": datetime.date.today().isoformat(),
        })  # fmt: skip
        yield {"lacking": rows}


def unmoved(data: CaptionData) -> CaptionData:
    """The same descriptions, all drawn with one seed: what is said decides where things are."""
    splits, projection = {}, None
    for name in ("train", "val", "test"):
        split = getattr(data, name)
        scenes = [dataclasses.replace(scene, seed=0) for scene in split.images]
        features, projection = describe_pictures(scenes, projection, layers=8)
        splits[name] = dataclasses.replace(split, features=features, images=scenes)
    return dataclasses.replace(data, **splits)


def reading(repeats: int) -> Iterator[Tables]:
    """How often a linear map reads the first noun, from the whole picture or from one field."""
    data = load_nouns(*_PICTURES["nouns"])
    train, test = (_first_things(split) for split in (data.train, data.test))
    left = train["x"] < PICTURE_SIZE / 2
    right = test["x"] >= PICTURE_SIZE / 2
    rows = []
    for what, part in (("all 36 fields", "whole"), ("the field where the thing is", "field")):
        everywhere = _linear(train[part], train["noun"])
        on_the_left = _linear(train[part][left], train["noun"][left])
        rows.append({
            "read from": what,
            "numbers": f"{train[part].shape[1]:,}",
            "right, pictures fitted to": f"{everywhere.score(train[part], train['noun']):.3f}",
            "new pictures": f"{everywhere.score(test[part], test['noun']):.3f}",
            "fitted on the left, read on the right":
                f"{on_the_left.score(test[part][right], test['noun'][right]):.3f}",
            "measured on": datetime.date.today().isoformat(),
        })  # fmt: skip
    yield {"reading": rows}


def _linear(features: np.ndarray, nouns: np.ndarray) -> LinearDiscriminantAnalysis:
    probe = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.01)
    return probe.fit(features, nouns)


def _first_things(split: Split) -> dict[str, np.ndarray]:
    """Of the thing that is named first: the picture, the field at its middle, where, its noun."""
    fields = split.features.reshape(len(split.images), 6, 6, -1)[..., :_CHANNELS]
    x, y, _ = np.array([places(scene)[0] for scene in split.images]).T
    return {
        "whole": fields.reshape(len(fields), -1),
        "field": fields[np.arange(len(x)), y * 6 // PICTURE_SIZE, x * 6 // PICTURE_SIZE],
        "x": x,
        "noun": np.array([scene.description.first.noun for scene in split.images]),
    }

"""The trained captioners that one can ask in the page: ``make captioners``, about ten minutes.

They are trained as chapters 1, 2 and 7 train theirs, with the same settings and seeds. Beside them
comes what describes a picture to them: the first layers of SqueezeNet and a projection, the *eyes*
of a world; and the features of some of its scenes, for the chapters' cells that run in the page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cs231n_lib.files import write_atomically
from cs231n_lib.reproducible import make_reproducible
from cs231n_lib.see.pixels import IMAGENET_MEAN, IMAGENET_STD
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import CaptionData
from cs231n_lib.speak.features import describe_pictures, load_nouns, load_scenes
from cs231n_lib.speak.nouns import sample_noun_scenes
from cs231n_lib.speak.scenes import Scene, sample_scenes
from cs231n_lib.speak.training import SCENE_TRAINING, CaptioningSolver, TrainingSettings

__all__ = ["WORLDS", "World", "identity"]

SHORT = replace(SCENE_TRAINING, num_epochs=6)  # of chapter 7
NAMING = replace(SHORT, optim_config={"learning_rate": 3e-3})


class World(NamedTuple):
    """Scenes of one kind, the layers that describe them, and who is trained on them, and how."""

    load: Callable[[], CaptionData]
    sample: Callable[[str, int], list[Scene]]
    train: int  # scenes that are loaded to train on
    test: int  # scenes whose features are kept, of those to test with
    layers: int
    captioners: dict[str, TrainingSettings]


WORLDS = {
    "scenes": World(
        load_scenes,
        sample_scenes,
        30_000,
        1000,
        5,
        {"rnn": SCENE_TRAINING, "lstm": SCENE_TRAINING, "attention": SHORT},
    ),
    "nouns": World(
        load_nouns, sample_noun_scenes, 20_000, 400, 8, {"lstm": NAMING, "attention": NAMING}
    ),
}


def identity(settings: TrainingSettings) -> str:
    """The settings in words: what is written beside the weights that were made with them."""
    return json.dumps(asdict(settings) | {"schedule": settings.schedule.__name__}, sort_keys=True)


def _describe(world: World) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The eyes of a world, and the features of its first pictures: split -> (P, D) float16.

    The projection is the one that loading all pictures would fit, to the first 2,000.
    """
    train, projection = describe_pictures(
        world.sample("train", world.train)[:2000], None, world.layers
    )
    features = {"train": train[:50]}
    for split, count in {"val": 50, "test": world.test}.items():
        scenes = world.sample(split, 1000)[:count]
        features[split], _ = describe_pictures(scenes, projection, world.layers)
    weights = squeezenet().features[: world.layers].state_dict()
    eyes = {name: w.numpy() for name, w in weights.items()} | {
        "pixel_mean": np.float32(IMAGENET_MEAN),
        "pixel_std": np.float32(IMAGENET_STD),
        "mean": projection.mean_.astype(np.float32),
        "components": projection.components_.astype(np.float32),
        "scale": np.sqrt(projection.explained_variance_.mean()).astype(np.float32),
    }
    return eyes, {split: described.astype(np.float16) for split, described in features.items()}


def _train(data: CaptionData, cell: str, settings: TrainingSettings) -> dict[str, np.ndarray]:
    model = CaptioningRNN(data.word_to_idx, data.train.features.shape[1], 64, 256, cell)
    CaptioningSolver(model, data, **vars(settings)).train()
    weights = {name: w.astype(np.float16) for name, w in model.params.items()}
    return weights | {"words": np.array(data.idx_to_word), "settings": np.array(identity(settings))}


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays))
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


def main(folder: Path) -> None:
    make_reproducible()
    for name, world in WORLDS.items():
        eyes, features = _describe(world)
        _save(folder / f"{name}-eyes.npz", eyes)
        data = world.load()
        _save(folder / f"{name}-data.npz", features | {"words": np.array(data.idx_to_word)})
        for cell, settings in world.captioners.items():
            _save(folder / f"{name}-{cell}.npz", _train(data, cell, settings))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

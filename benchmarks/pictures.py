"""The loops of the vision chapters against the plain loops of the assignment: ``make bench``.

The plain side is what the tests prove ours equal to, on the network as torchvision builds it:
channels first, all layers, one picture after another, weights frozen as in 2017. Both sides run in
turn, and the best of several runs counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable

import torch
from tabulate import tabulate
from torch import nn

from cs231n_lib.class_visualization import create_class_visualization
from cs231n_lib.fooling import fool
from cs231n_lib.images import load_image, preprocess
from cs231n_lib.inversion import invert_features
from cs231n_lib.paintings import PAINTINGS
from cs231n_lib.pretrained import class_index, only_classes, squeezenet
from cs231n_lib.saliency import compute_saliency_maps, smooth_grad
from cs231n_lib.style_transfer import style_transfer
from cs231n_lib.torchvision_import import import_torchvision
from tests.test_class_visualization import noise_and_shifts, plain_2017
from tests.test_saliency import noise_for, plain_saliency
from tests.test_style_transfer import plain_style_transfer

Loop = Callable[[], object]
_TRANSFER = {
    "content_layer": 3,
    "content_weight": 6e-2,
    "style_layers": (1, 4, 6, 7),
    "style_weights": (300000, 1000, 15, 3),
    "tv_weight": 2e-2,
}


def plain_network() -> nn.Module:
    """SqueezeNet as torchvision builds it, with our weights."""
    network = import_torchvision().squeezenet1_1(weights=None)
    network.load_state_dict(squeezenet().state_dict())
    return network.to(memory_format=torch.contiguous_format).eval().requires_grad_(False)


def plain_smooth_grad(X: torch.Tensor, y: torch.Tensor, model: nn.Module, samples: int) -> None:
    for noise in noise_for(X, samples):
        plain_saliency(X + 0.6 * noise, y, model)


def plain_fooling(X: torch.Tensor, y: torch.Tensor, model: nn.Module, steps: int) -> None:
    for x, target in zip(X, y):
        x = x[None].clone()
        for _ in range(steps):
            x = x.detach().requires_grad_()
            scores = model(x)
            scores.argmax().item()
            scores[0, target].backward()
            x = x + x.grad / x.grad.norm()
        model(x.detach()).argmax().item()


def plain_inversion(X: torch.Tensor, model: nn.Module, layer: int, steps: int) -> None:
    for x in X:
        x = x[None]
        img = torch.randn_like(x).requires_grad_()
        adam = torch.optim.Adam([img], lr=0.05)
        target = [x := part(x) for part in model.features][layer]
        for _ in range(steps):
            feats, out = [], img
            for part in model.features:
                feats.append(out := part(out))
            adam.zero_grad()
            ((feats[layer] - target) ** 2).sum().backward()
            adam.step()


def loops() -> dict[str, tuple[Loop, Loop]]:
    """Name -> the plain loop, and ours."""
    plain, ours = plain_network(), squeezenet()
    names = ("Egyptian cat", "espresso", "tripod", "bow tie", "stupa")
    X = preprocess(["chelsea", "coffee", "camera", "grace_hopper", "china"])
    y = torch.tensor([class_index(name) for name in names])
    stingray = torch.full((5,), class_index("stingray"))
    three, each = [9, 483, 8], torch.arange(3)
    few, five = only_classes(ours, three), only_classes(ours, y)
    small = preprocess(["chelsea", "rocket"], 144)
    noise, shifts = noise_and_shifts(224, 10, 0, torch.float32, count=3)
    cat, swirls = load_image("chelsea", 192), PAINTINGS["swirls"](192)
    tensors = preprocess(cat, None), preprocess(swirls, None)

    def paint() -> object:
        return style_transfer(
            cat, swirls, 192, 192, cnn=ours.features, num_iterations=20, **_TRANSFER
        )

    return {
        "saliency, 5 pictures": (
            lambda: plain_saliency(X, y, plain),
            lambda: compute_saliency_maps(X, torch.arange(5), five),
        ),
        "SmoothGrad, 5 pictures, 8 samples": (
            lambda: plain_smooth_grad(X, y, plain, 8),
            lambda: smooth_grad(X, torch.arange(5), five, samples=8),
        ),
        "fooling, 5 pictures, 8 steps": (
            lambda: plain_fooling(X, stingray, plain, 8),
            lambda: fool(X, stingray, ours, max_steps=8, margin=1e9, in_bytes=False),
        ),
        "class visualisation, 3 classes, 10 steps": (
            lambda: [plain_2017(k, plain, noise[[n]], shifts) for n, k in enumerate(three)],
            lambda: create_class_visualization(each, few, num_iterations=10),
        ),
        "inversion of features.4, 2 pictures, 20 steps": (
            lambda: plain_inversion(small, plain, 4, 20),
            lambda: invert_features(small, ours, "features.4", num_iterations=20),
        ),
        "style transfer, 192 px, 20 steps": (
            lambda: plain_style_transfer(plain.features, *tensors, _TRANSFER, 20),
            paint,
        ),
    }


def measure(repeats: int) -> list[list[object]]:
    """One row a loop: name, seconds of the plain one and of ours, and their ratio."""
    rows = []
    for name, sides in loops().items():
        best = [float("inf"), float("inf")]
        for _ in range(repeats + 1):  # the first run warms up
            for side, loop in enumerate(sides):
                start = time.perf_counter()
                loop()
                best[side] = min(best[side], time.perf_counter() - start)
        rows.append([name, *best, best[0] / best[1]])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="runs of each side")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of PyTorch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, "
        f"{arguments.threads} threads, Python {platform.python_version()}"
    )
    headers = ["loop", "plain, s", "ours, s", "times as fast"]
    print(tabulate(measure(arguments.repeats), headers, floatfmt=("", ".3f", ".3f", ".2f")))


if __name__ == "__main__":
    main()

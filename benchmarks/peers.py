"""The library beside what people would pick instead, each at its best, on the same task.

A side of a match is a function with what a user writes and nothing else, and its lines are counted.
Before anything is timed, both sides must give the same.

What the others are given: frozen weights, and the memory format ``channels_last``; captum as many
copies at once as ours; foolbox pixels from 0 to 1, and no look at whether the attack has succeeded;
lucent the network without the hooks that its earlier calls leave behind. "Same network" is the same
object; otherwise theirs is the network as torchvision builds it, with the same weights.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import multiprocessing
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn.functional import interpolate, scaled_dot_product_attention

from benchmarks.layers import case, looking_case, looking_torch
from benchmarks.pictures import plain_network
from benchmarks.timing import best_on_threads, peak_memory
from cs231n_lib.see.attacks import fgsm, pgd
from cs231n_lib.see.class_visualization import class_score, visualize
from cs231n_lib.see.fooling import seen_as
from cs231n_lib.see.fourier import FourierPicture
from cs231n_lib.see.images import preprocess
from cs231n_lib.see.pixels import IMAGENET_MEAN, IMAGENET_STD, denormalize, normalize
from cs231n_lib.see.pretrained import class_index, squeezenet
from cs231n_lib.see.saliency import (
    compute_saliency_maps,
    grad_cam,
    integrated_gradients,
    occlusion,
    smooth_grad,
)
from cs231n_lib.see.torchvision_import import import_torchvision
from cs231n_lib.speak.attention import (
    attention_backward,
    attention_forward,
    attention_step_backward,
    attention_step_forward,
)
from cs231n_lib.speak.lstm import lstm_backward, lstm_forward
from cs231n_lib.speak.rnn import rnn_backward, rnn_forward

import_torchvision()  # before others import it
import foolbox  # noqa: E402
from captum.attr import (  # noqa: E402
    IntegratedGradients,
    LayerGradCam,
    NoiseTunnel,
    Occlusion,
    Saliency,
)

Side = Callable[..., Any]
Arguments = tuple[Any, ...]
Rows = list[dict[str, Any]]

_FOLDER = Path(__file__).parent.parent / "_build" / "peers"

_NAMES = ("chelsea", "coffee", "camera", "grace_hopper", "china")
_CLASSES = ("Egyptian cat", "espresso", "tripod", "bow tie", "stupa")
_SIDE = 224
SIZES = {"samples": 12, "steps": 16, "attack": 5, "class": 20}
SHAPE = (128, 10, 64, 256)  # N, T, D, H of the training in the chapters
_MOST_TURNS = 8
_EPSILON = 4 / 255
_IMAGENET = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
_LAYER = "features.12"  # SqueezeNet's last
_OPTIONAL = ("torchattacks", "lucent")


# What a user writes: ours, and theirs.


def _saliency(model, X, y):
    return compute_saliency_maps(X, y, model)


def _saliency_captum(model, X, y):
    return Saliency(model).attribute(X, target=y).amax(dim=1)


def _smooth(model, X, y):
    return smooth_grad(X, y, model, samples=SIZES["samples"], sigma=0.15)


def _smooth_captum(model, X, y):
    look, samples = NoiseTunnel(Saliency(model)), SIZES["samples"]
    options = {"nt_samples": samples, "nt_samples_batch_size": 6, "abs": False}
    reach = 0.15 * (X.max() - X.min()).item()
    G = look.attribute(X, stdevs=reach, target=y, **options)
    return G.abs().amax(dim=1)


def _integrated(model, X, y):
    return integrated_gradients(X, y, model, steps=SIZES["steps"])


def _integrated_captum(model, X, y):
    black = normalize(torch.zeros_like(X))
    options = {"method": "riemann_middle", "internal_batch_size": 6}
    return IntegratedGradients(model).attribute(X, black, y, n_steps=SIZES["steps"], **options)


def _cam(model, X, y):
    return grad_cam(X, y, model, _LAYER)


def _cam_captum(model, X, y):
    look = LayerGradCam(model, model.get_submodule(_LAYER))
    maps = look.attribute(X, target=y, relu_attributions=True)
    return interpolate(maps, X.shape[2:], mode="bilinear").squeeze(1)


def _occlusion(model, X, y):
    return occlusion(X, y, model, size=32, stride=32)


def _occlusion_captum(model, X, y):
    patch = {"sliding_window_shapes": (3, 32, 32), "strides": (3, 32, 32)}
    falls = Occlusion(model).attribute(X, target=y, perturbations_per_eval=6, **patch)
    return falls[:, 0]


def _fgsm(model, X, y):
    return fgsm(X, y, model, _EPSILON)


def _fgsm_foolbox(model, pixels, y):
    network = foolbox.PyTorchModel(model, bounds=(0, 1), preprocessing=_IMAGENET | {"axis": -3})
    attack = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    return attack.run(network, pixels, y, epsilon=_EPSILON)


def _fgsm_torchattacks(model, X, y):
    attack = peer("torchattacks").FGSM(model, _EPSILON)
    attack.set_normalization_used(**_IMAGENET)
    return attack(X, y)


def _pgd(model, X, y):
    return pgd(X, y, model, _EPSILON, steps=SIZES["attack"])


def _pgd_foolbox(model, pixels, y):
    network = foolbox.PyTorchModel(model, bounds=(0, 1), preprocessing=_IMAGENET | {"axis": -3})
    options = {"steps": SIZES["attack"], "rel_stepsize": 2.5 / SIZES["attack"]}
    attack = foolbox.attacks.LinfPGD(random_start=False, **options)
    return attack.run(network, pixels, y, epsilon=_EPSILON)


def _pgd_torchattacks(model, X, y):
    options = {"steps": SIZES["attack"], "alpha": 2.5 * _EPSILON / SIZES["attack"]}
    attack = peer("torchattacks").PGD(model, _EPSILON, random_start=False, **options)
    attack.set_normalization_used(**_IMAGENET)
    return attack(X, y)


def _class(model, X, y):
    picture = FourierPicture(1, X.shape[3])
    X, _ = visualize(class_score(y), model, picture, view=None, num_iterations=SIZES["class"])
    return X


def _class_lucent(model, X, y):
    aim = peer("lucent.optvis.objectives").channel("labels", y.item())
    start = functools.partial(peer("lucent.optvis.param").image, X.shape[3])
    options = {"transforms": [], "thresholds": (SIZES["class"],), "progress": False}
    render = peer("lucent.optvis.render").render_vis
    (pixels,) = render(model, aim, start, show_image=False, **options)
    return normalize(torch.from_numpy(pixels).movedim(3, 1))


def _rnn(dh, x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return h, *rnn_backward(dh, cache)


def _rnn_torch(dh, x, h0, module):
    h, _ = module(x, h0[None])
    return h, *torch.autograd.grad(h, (x, h0, *module.parameters()), dh)


def _lstm(dh, x, h0, Wx, Wh, b):
    h, cache = lstm_forward(x, h0, Wx, Wh, b)
    return h, *lstm_backward(dh, cache)


def _lstm_torch(dh, x, h0, module):
    h, _ = module(x, (h0[None], torch.zeros_like(h0)[None]))
    return h, *torch.autograd.grad(h, (x, h0, *module.parameters()), dh)


def _looking(dh, x, h0, keys, values, Wx, Wh, Wq, b):
    h, cache = attention_forward(x, h0, keys, values, Wx, Wh, Wq, b)
    return h, *attention_backward(dh, cache)


def _look(dcontext, h, keys, values, Wq):
    context, cache = attention_step_forward(h, keys, values, Wq)
    return context, *attention_step_backward(dcontext, cache)


def _look_torch(dcontext, h, keys, values, Wq):
    context = scaled_dot_product_attention((h @ Wq)[:, None], keys, values)[:, 0]
    return context, *torch.autograd.grad(context, (h, keys, values, Wq), dcontext)


# What both are given, and whether they gave the same.


def _pictures(count: int, theirs: str = "") -> Callable[[nn.Module, nn.Module], tuple]:
    """Arguments of sides that look into a network; theirs are "pixels" or want a "gradient"."""

    def prepared(ours: nn.Module, other: nn.Module) -> tuple[Arguments, Arguments]:
        X, y = preprocess(list(_NAMES[:count]), _SIDE), list(map(class_index, _CLASSES[:count]))
        X_other = denormalize(X).clamp(0, 1) if theirs == "pixels" else X.clone()
        X_other.requires_grad_(theirs == "gradient")
        return (ours, X, torch.tensor(y)), (other, X_other, torch.tensor(y))

    return prepared


def _layer(cell: str, dtype: type) -> Callable[..., tuple[Arguments, Arguments]]:
    """Arguments of a recurrent layer: arrays, and tensors with a module of the same weights."""

    def prepared(*_: object) -> tuple[Arguments, Arguments]:
        looks = cell == "looking"
        a, dh = looking_case(dtype, *SHAPE) if looks else case(cell, dtype, *SHAPE)
        kind = torch.nn.LSTMCell if looks else {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[cell]
        module = kind(len(a["Wx"]), len(a["Wh"]), **{} if looks else {"batch_first": True})
        weights = [_for_torch(a["Wx"]), _for_torch(a["Wh"]), _for_torch(a["b"])]
        weights.append(torch.zeros_like(weights[-1]))  # theirs has two biases
        module.to(weights[0].dtype)
        with torch.no_grad():
            for parameter, weight in zip(module.parameters(), weights, strict=True):
                parameter.copy_(weight)
        names = ("x", "h0", "keys", "values", "Wq") if looks else ("x", "h0")
        leaves = [torch.from_numpy(a[name]).requires_grad_() for name in names]
        return (dh, *a.values()), (torch.from_numpy(dh), *leaves, module)

    return prepared


def _for_torch(weight: np.ndarray) -> torch.Tensor:
    """Weights with the gates in PyTorch's order: input, forget, new, output."""
    weight = torch.from_numpy(weight.T)
    if len(weight) == 4 * SHAPE[3]:
        i, f, o, g = weight.chunk(4)
        weight = torch.cat([i, f, g, o])
    return weight


def _one_look(dtype: type) -> Callable[..., tuple[Arguments, Arguments]]:
    def prepared(*_: object) -> tuple[Arguments, Arguments]:
        a, _ = looking_case(dtype, *SHAPE)
        ours = [a["values"][:, 0].copy()]
        ours += [a[name] for name in ("h0", "keys", "values", "Wq")]
        dcontext, *leaves = (torch.from_numpy(part.copy()) for part in ours)
        return tuple(ours), (dcontext, *(leaf.requires_grad_() for leaf in leaves))

    return prepared


def _same(ours: Any, theirs: Any, model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> bool:
    """Maps that differ by rounding alone."""
    return bool((ours - theirs).norm() < 1e-3 * ours.norm())


def _same_attack(
    ours: Any, theirs: Any, model: nn.Module, X: torch.Tensor, y: torch.Tensor
) -> bool:
    """The same success within the same budget.

    A gradient of nearly zero may differ in sign, and ten steps lead elsewhere from there.
    """
    theirs = theirs if theirs.min() < 0 else normalize(theirs)
    before, *after = (denormalize(pictures) for pictures in (X, ours, theirs))
    within = all((pixels - before).abs().max() < 1.001 * _EPSILON for pixels in after)
    differ = ((after[0] - after[1]).abs() > 1e-5).float().mean()
    succeeds = torch.equal(seen_as(ours, y, model), seen_as(theirs.detach(), y, model))
    return bool(within and succeeds and differ < 0.25)


def _same_score(ours: Any, theirs: Any, model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> bool:
    """Steps of Adam magnify rounding, so the pictures may differ; what they reach may not."""
    with torch.no_grad():
        reached = model(torch.cat([ours, theirs]))[:, y[0]]
    return bool((reached[0] - reached[1]).abs() < 0.1 * reached[0])


def _same_first(count: int) -> Callable[..., bool]:
    """The first results, and all that PyTorch lays out as we do: those before the weights."""

    def agree(ours: Sequence[np.ndarray], theirs: Sequence[torch.Tensor], *_: Any) -> bool:
        return all(
            np.linalg.norm(a - b.detach().numpy()) < 1e-4 * np.linalg.norm(a)
            for a, b in zip(ours[:count], theirs[:count], strict=True)
        )

    return agree


@dataclass(frozen=True)
class Match:
    """What is to be done, whose way is the other, both ways, and how one knows they agree."""

    what: str
    whose: str
    ours: Side
    theirs: Side
    prepared: Callable[..., tuple[Arguments, Arguments]]
    agree: Callable[..., bool] = _same


MATCHES = (
    Match("saliency, 5 pictures", "captum", _saliency, _saliency_captum, _pictures(5, "gradient")),
    Match("SmoothGrad, 1 picture", "captum", _smooth, _smooth_captum, _pictures(1)),
    Match(
        "Integrated Gradients, 2 pictures", "captum", _integrated, _integrated_captum, _pictures(2)
    ),
    Match("Grad-CAM, 5 pictures", "captum", _cam, _cam_captum, _pictures(5)),
    Match("occlusion, 1 picture", "captum", _occlusion, _occlusion_captum, _pictures(1)),
    Match(
        "FGSM, 5 pictures", "foolbox", _fgsm, _fgsm_foolbox, _pictures(5, "pixels"), _same_attack
    ),
    Match(
        "FGSM, 5 pictures", "torchattacks", _fgsm, _fgsm_torchattacks, _pictures(5), _same_attack
    ),
    Match("PGD, 3 pictures", "foolbox", _pgd, _pgd_foolbox, _pictures(3, "pixels"), _same_attack),
    Match("PGD, 3 pictures", "torchattacks", _pgd, _pgd_torchattacks, _pictures(3), _same_attack),
    Match("class visualisation", "lucent", _class, _class_lucent, _pictures(1), _same_score),
    *(
        Match(f"{name}, {dtype.__name__}", "PyTorch", ours, theirs, prepared(dtype), _same_first(n))
        for name, ours, theirs, prepared, n in (
            ("RNN", _rnn, _rnn_torch, functools.partial(_layer, "rnn"), 3),
            ("LSTM", _lstm, _lstm_torch, functools.partial(_layer, "lstm"), 3),
            ("LSTM that looks", _looking, looking_torch, functools.partial(_layer, "looking"), 5),
            ("one look", _look, _look_torch, _one_look, 5),
        )
        for dtype in (np.float32, np.float64)
    ),
)


def peer(module: str) -> ModuleType:
    """A module of torchattacks or lucent, from the folder into which `make bench` puts them."""
    if str(_FOLDER) not in sys.path:
        sys.path.append(str(_FOLDER))
    with warnings.catch_warnings(action="ignore"):  # written for older versions of all they use
        return importlib.import_module(module)


def lines(side: Side) -> int:
    """How many lines somebody writes: the function's own."""
    (function,) = ast.parse(inspect.getsource(side)).body
    return function.end_lineno - function.body[0].lineno + 1


def _called(side: Side, arguments: Arguments) -> Any:
    """What a side gives. Lucent leaves hooks in a network, which would make it slower each time."""
    torch.manual_seed(0)  # captum and lucent draw from the generator that everyone shares
    result = side(*arguments)
    for module in arguments[0].modules() if isinstance(arguments[0], nn.Module) else ():
        module._forward_hooks.clear()
    return result


def _sides(match: Match) -> dict[str, Callable[[], Any]]:
    same = squeezenet()
    ours, theirs = match.prepared(same, same)
    sides = {"ours": (match.ours, ours), "theirs": (match.theirs, theirs)}
    if isinstance(theirs[0], nn.Module):
        plain = plain_network().to(memory_format=torch.channels_last)
        sides["torchvision's"] = match.theirs, match.prepared(same, plain)[1]
    return {name: functools.partial(_called, *side) for name, side in sides.items()}


def seconds(match: Match, repeats: int) -> dict[str, list[float]]:
    """Of each side, with one thread and with two, once all sides have given the same."""
    sides = _sides(match)
    ours, *others = (side() for side in sides.values())
    arguments = match.prepared(squeezenet(), squeezenet())[0]
    for other in others:
        assert match.agree(ours, other, *arguments), f"{match.what}: {match.whose} gives another"
    best = best_on_threads(sides, min(repeats, _MOST_TURNS))
    return {name: [turn[name] for turn in best] for name in sides}


def _peak(number: int, name: str) -> int:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        return peak_memory(_sides(MATCHES[number])[name])


def peaks(number: int) -> list[int]:
    """Bytes that theirs and ours need in a first call, each in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        return list(pool.map(_peak, (number, number), ("theirs", "ours")))


def rows(number: int, repeats: int) -> tuple[dict[str, str], dict[str, str]]:
    """How long a match takes, and what else it costs."""
    match = MATCHES[number]
    found = seconds(match, repeats)
    ours, theirs, other = (found.get(name) for name in ("ours", "theirs", "torchvision's"))
    names = {"what": match.what, "beside": match.whose}
    speed = names | {
        "theirs, ms": f"{1e3 * theirs[0]:.3g}",
        "ours, ms": f"{1e3 * ours[0]:.3g}",
        "theirs on torchvision's network": f"{ours[0] / other[0]:.2f}" if other else "–",
        "with 2 threads": f"{ours[1] / other[1]:.2f}" if other else "–",
        "ours / theirs": f"{ours[0] / theirs[0]:.2f}",
        "ours / theirs, 2 threads": f"{ours[1] / theirs[1]:.2f}",
    }
    megabytes = [f"{peak / 1e6:.0f}" for peak in peaks(number)]
    costs = names | {
        "theirs, MB": megabytes[0],
        "ours, MB": megabytes[1],
        "their lines": f"{lines(match.theirs)}",
        "our lines": f"{lines(match.ours)}",
    }
    return speed, costs


def tables(repeats: int) -> dict[str, Rows]:
    """Every table of this module by the name of its file."""
    found: list[tuple[dict[str, str], ...]] = []
    for number, match in enumerate(MATCHES):
        if match.whose not in _OPTIONAL or (_FOLDER / match.whose).is_dir():
            found.append(rows(number, repeats))
        else:
            names = {"what": match.what, "beside": f"{match.whose}, not installed"}
            found.append(tuple(dict.fromkeys(row, "–") | names for row in found[0]))
    speeds, costs = map(list, zip(*found))
    return {"peers": speeds, "peers-costs": costs}

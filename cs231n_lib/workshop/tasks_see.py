"""What a reader is asked to write, of the half that sees: :data:`TASKS`. It needs PyTorch.

Networks are tiny, in float64, and smooth, so that no number falls on a corner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from cs231n_lib.see import attacks, class_visualization, fooling, network, saliency, style_losses
from cs231n_lib.see.pixels import normalize
from cs231n_lib.workshop import catalogue_see as catalogue
from cs231n_lib.workshop.limits import Unending
from cs231n_lib.workshop.mistakes import remember
from cs231n_lib.workshop.task import Arguments, Task

__all__ = ["TASKS"]

N, C, H, W = 2, 5, 4, 8  # pictures, classes, height and width
_LOOKS = 60  # of a fooling loop, before it counts as one that does not end


def _tensor(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal(shape))


def _filled(rng: np.random.Generator, layer: type, *sizes: Any, **settings: Any) -> nn.Module:
    """A layer whose weights come from ``rng``, not from PyTorch's own generator."""
    made = nn.utils.skip_init(layer, *sizes, **settings, dtype=torch.float64)
    for weight in made.parameters():
        weight.data = _tensor(rng, *weight.shape) / len(weight[0].flatten()) ** 0.5
        weight.requires_grad_(False)  # as in the chapters: the pictures are what is changed
    return made


def _network(rng: np.random.Generator) -> nn.Sequential:
    return nn.Sequential(
        _filled(rng, nn.Conv2d, 3, 4, 3, padding=1),
        nn.Tanh(),
        nn.Flatten(),
        _filled(rng, nn.Linear, 4 * H * W, C),
    ).eval()


def _pictures(rng: np.random.Generator, count: int = N) -> torch.Tensor:
    return normalize(torch.from_numpy(rng.random((count, 3, H, W))))


def _look(rng: np.random.Generator, count: int = N) -> Arguments:
    """X, y and a model, which sees something else in the first picture than y."""
    X, model = _pictures(rng, count), _network(rng)
    with torch.no_grad():
        order = model(X).argsort(dim=1)
    return X, order[:, 1].clone(), model


def _to_smooth(rng: np.random.Generator) -> Arguments:
    X, y, model = _look(rng)  # in float32, as torch.randn_like draws
    X[1] *= 0.3  # a range of its own
    return X.float(), y, model.float(), 5, 0.2, 3


def _plain_and_squared(smooth: Callable, *arguments: Any) -> tuple:
    return smooth(*arguments), smooth(*arguments, squared=True)


def _from_a_baseline(rng: np.random.Generator) -> Arguments:
    return *_look(rng), _pictures(rng, 1), 6


def _from_black_as_well(attribute: Callable, X: Any, y: Any, model: Any, *more: Any) -> tuple:
    return attribute(X, y, model, steps=more[1]), attribute(X, y, model, *more)


class _Watched(nn.Sequential):
    """A model that stops a loop which asks it for ever."""

    looks = 0

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        self.looks += 1
        if self.looks > _LOOKS:
            raise Unending(_LOOKS, X.detach().clone())
        return super().forward(X)


def _to_fool(rng: np.random.Generator) -> Arguments:
    X, y, model = _look(rng)
    return X, y, _Watched(*model)


def _fooled(make: Callable, X: torch.Tensor, y: torch.Tensor, model: _Watched) -> tuple:
    """One picture, as in the assignment, and two that are done after unlike numbers of steps."""
    made, endless = [], False
    for asked, settings in (
        ((X[:1].detach().clone(), y[0].item()), {}),
        ((X, y), {"learning_rate": 0.5, "max_steps": 60}),
    ):
        model.looks = 0
        try:
            made.append(make(*asked, model, **settings))
        except Unending as unending:
            made.append(unending.value)
            endless = True
    if endless:
        raise Unending(_LOOKS, tuple(made))
    return tuple(made)


def _to_attack(rng: np.random.Generator) -> Arguments:
    X, y, model = _look(rng)
    return X, y, [model, _network(rng)]


def _attacked(attack: Callable, X: Any, y: Any, models: list, epsilon: float) -> tuple:
    return (
        attack(X, y, models[0], epsilon),
        attack(X, y, models[0], epsilon, targeted=True),
        attack(X, y, models, epsilon),
    )


def _in_both_norms(function: Callable, *arguments: Any) -> tuple:
    return function(*arguments, "inf"), function(*arguments, 2)


def _attacked_in_both_norms(pgd: Callable, X: Any, y: Any, models: list) -> tuple:
    plain = pgd(X, y, models[0], 0.6, 2, 1)
    begun = pgd(X, y, models[0], 0.6, 2, 1, seed=3)  # any draw will do
    return (
        pgd(X, y, models[0], 0.1, "inf", 5),
        pgd(X, y, models[0], 0.6, 2, 4),
        pgd(X, y, models[0], 0.1, "inf", 3, True),
        pgd(X, y, models, 0.1, "inf", 4),
        float(not np.allclose(_numbers(begun), _numbers(plain))),
    )


def _numbers(X: Any) -> np.ndarray:
    return np.asarray(X.detach() if hasattr(X, "detach") else X)


def _change(rng: np.random.Generator) -> Arguments:
    change = _tensor(rng, 4, 3, H, W) / 10
    change[1] /= 20  # within the budget already
    change[2] = 0
    change[3] *= 0.25 / change[3].norm()  # above the budget, and its square below
    return change, 0.15


def _slope(rng: np.random.Generator) -> Arguments:
    g = _tensor(rng, 3, 3, H, W)
    g[2] = 0
    return (g,)


def _to_climb(rng: np.random.Generator) -> Arguments:
    return *_look(rng), 0.02, 2.0


def _chain(rng: np.random.Generator) -> Arguments:
    chain = nn.Sequential(
        _filled(rng, nn.Conv2d, 3, 3, 3, padding=1),
        nn.ReLU(inplace=True),
        _filled(rng, nn.Conv2d, 3, 3, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )
    return _pictures(rng, 1).requires_grad_(), chain.eval()


def _all_and_some(extract: Callable, x: torch.Tensor, cnn: nn.Sequential) -> tuple:
    return extract(x, cnn), extract(x, cnn, 2), extract(x, cnn, 0)


def _features(rng: np.random.Generator) -> Arguments:
    return 0.3, _tensor(rng, 1, C, 3, 4).requires_grad_(), _tensor(rng, 1, C, 3, 4)


def _maps(rng: np.random.Generator) -> Arguments:
    return (_tensor(rng, N, C, 3, 4).requires_grad_(),)


def _with_and_without(gram: Callable, features: torch.Tensor) -> tuple:
    return gram(features), gram(features, normalize=False)


def _styles(rng: np.random.Generator) -> Arguments:
    shapes = (4, 6), (3, 4), (2, 3), (2, 2)
    feats = [_tensor(rng, 1, C, *shape).requires_grad_() for shape in shapes]
    return feats, [2, 0, 3], [_tensor(rng, 1, C, C) for _ in range(3)], [0.5, 3.0, 2.0]


def _picture(rng: np.random.Generator) -> Arguments:
    return _pictures(rng, 1).requires_grad_(), 0.3


_AXES = ("picture", "colour")
_SINGLE = (1e-4, 1e-6)  # where readers may have float32, or add something tiny to a length
_TASKS = (
    Task(
        saliency.compute_saliency_maps,
        ("maps",),
        _look,
        "Pick the score of each picture's class, scores[n, y[n]], add them up, and ask PyTorch for "
        "the gradient of the sum with respect to X.",
        "03-saliency#all-pictures-in-one-backward-pass",
        catalogue.COMPUTE_SALIENCY_MAPS,
        axes=("picture", "row"),
    ),
    Task(
        saliency.smooth_grad,
        ("maps", "squared"),
        _to_smooth,
        "How large is the noise? sigma times the range of each picture's values. Draw it copy by "
        "copy, torch.randn(X.shape[1:], generator=rng), where rng = "
        "torch.Generator().manual_seed(seed). Then average the gradients.",
        "03-saliency#smoothgrad-ask-the-neighbours-as-well",
        catalogue.SMOOTH_GRAD,
        ask=_plain_and_squared,
        tolerance=_SINGLE,
        axes=("picture", "row"),
    ),
    Task(
        saliency.integrated_gradients,
        ("from black", "from a baseline"),
        _from_a_baseline,
        "Put `steps` points on the straight path from the baseline to X, each in the middle of its "
        "piece. Average the gradients there, and multiply by X - baseline.",
        "03-saliency#the-integral-as-a-sum",
        catalogue.INTEGRATED_GRADIENTS,
        ask=_from_black_as_well,
        tolerance=_SINGLE,
        axes=_AXES,
    ),
    Task(
        fooling.make_fooling_image,
        ("one picture", "two pictures"),
        _to_fool,
        "A loop for each picture: score it; stop if the target's score is the highest; otherwise "
        "take its gradient, divide it by its length, and go learning_rate along it.",
        "04-fooling-images#the-step-of-the-assignment",
        catalogue.MAKE_FOOLING_IMAGE,
        tolerance=_SINGLE,
        sources=(fooling.uphill, fooling.fool, fooling.make_fooling_image),
        ask=_fooled,
        axes=_AXES,
    ),
    Task(
        attacks.fgsm,
        ("away", "targeted", "two models"),
        lambda rng: (*_to_attack(rng), 0.1),
        "epsilon is in pixels from 0 to 1: denormalise first. Then one step along the sign of the "
        "gradient of the cross entropy, back into the range of pixels, and normalise.",
        "04-fooling-images#a-budget-fgsm-and-pgd",
        catalogue.FGSM,
        tolerance=_SINGLE,
        ask=_attacked,
        axes=_AXES,
    ),
    Task(
        attacks.pgd,
        ("inf", "2", "targeted", "two models", "moved by a seed"),
        _to_attack,
        "As FGSM, but `steps` times, each step 2.5 epsilon / steps long. After each, measure the "
        "change from where you began, bring it back into the budget, and the picture into the "
        "range of pixels.",
        "04-fooling-images#a-budget-fgsm-and-pgd",
        catalogue.PGD,
        tolerance=_SINGLE,
        ask=_attacked_in_both_norms,
        axes=_AXES,
    ),
    Task(
        attacks.steepest,
        ("inf", "2"),
        _slope,
        "Which vector of length 1 has the largest product with g? Ask it for each of the norms.",
        "04-fooling-images#a-budget-fgsm-and-pgd",
        catalogue.STEEPEST,
        tolerance=_SINGLE,
        ask=_in_both_norms,
        axes=_AXES,
    ),
    Task(
        attacks.project,
        ("inf", "2"),
        _change,
        "In the norm inf each number has its own limit. In the norm 2 a picture that is too far "
        "away is scaled as a whole.",
        "04-fooling-images#a-budget-fgsm-and-pgd",
        catalogue.PROJECT,
        tolerance=_SINGLE,
        ask=_in_both_norms,
        axes=_AXES,
    ),
    Task(
        class_visualization.class_visualization_step,
        ("img", "score"),
        _to_climb,
        "Take the gradient of the score of each picture's class, minus that of l2_reg times the "
        "picture's squared norm. Divide it by its length; go learning_rate along it.",
        "05-class-visualization#the-recipe-of-2017",
        catalogue.CLASS_VISUALIZATION_STEP,
        tolerance=_SINGLE,
        axes=_AXES,
    ),
    Task(
        network.extract_features,
        ("without last[]", "last=2[]", "last=0[]"),
        _chain,
        "Send x through the layers one by one, and keep what each gives. Will a later layer write "
        "into what you keep?",
        "06-style-transfer#content",
        catalogue.EXTRACT_FEATURES,
        key="features.append(x := layer(x.clone()))",
        sources=(network._outputs, network.extract_features),
        ask=_all_and_some,
        axes=("picture", "channel"),
        differentiable=True,
    ),
    Task(
        style_losses.content_loss,
        ("loss",),
        _features,
        "The weight, times the sum of the squared differences.",
        "06-style-transfer#content",
        catalogue.CONTENT_LOSS,
        differentiable=True,
    ),
    Task(
        style_losses.gram_matrix,
        ("normalised", "not normalised"),
        _maps,
        "Lay each channel out as a row, (N, C, H W). Which product of this matrix with itself is "
        "(N, C, C)?",
        "06-style-transfer#style",
        catalogue.GRAM_MATRIX,
        ask=_with_and_without,
        axes=("picture", "channel"),
        differentiable=True,
    ),
    Task(
        style_losses.style_loss,
        ("loss",),
        _styles,
        "For each style layer: the Gram matrix of its features, its squared differences from the "
        "target added up, times its weight.",
        "06-style-transfer#style",
        catalogue.STYLE_LOSS,
        differentiable=True,
    ),
    Task(
        style_losses.tv_loss,
        ("loss",),
        _picture,
        "Subtract each pixel from the one below it, and from the one to its right. Then square and "
        "add up.",
        "06-style-transfer#smoothness",
        catalogue.TV_LOSS,
        differentiable=True,
    ),
)

TASKS: dict[str, Task] = {task.function.__name__: task for task in _TASKS}
remember(task.function for task in _TASKS)

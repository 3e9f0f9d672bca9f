"""Looking into a network: hold it still, stop it early, and ask for scores and gradients."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress

import torch
from torch import nn

from cs231n_lib.checks import Count, Function, Instance, checked, named
from cs231n_lib.see.checks import (
    CHAIN,
    MODEL,
    NETWORK,
    Classes,
    Model,
    Pictures,
    Tensor,
    check_output,
)
from cs231n_lib.see.precision import in_float32, plainly

__all__ = [
    "CHECK_EVERY",
    "PIXELS_AT_ONCE",
    "activations",
    "chosen_scores",
    "class_scores",
    "cross_entropy",
    "extract_features",
    "find_layer",
    "frozen",
    "gradient",
    "input_gradients",
    "pictures_at_once",
    "unit_step",
]

# On a CPU, six pictures of ImageNet's size at once are as fast as any number. From eight on, memory
# goes back to the system after each pass, and fetching it again takes a quarter of the time.
PIXELS_AT_ONCE = {"cpu": 6 * 224 * 224}

# From scores (N, C) and classes (N,) to a number for each picture, (N,).
Objective = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# To look at a number, Python must wait until a GPU has computed everything asked for. A loop
# therefore checks only once in this many steps, and after the last, that its numbers are finite.
CHECK_EVERY = 10


@contextmanager
def frozen(model: Model) -> Iterator[None]:
    """Hold a network still while you look into it, and leave it as it was.

    Inside, all its modules are in evaluation mode (no dropout, no statistics of the batch), and no
    gradient is computed for any weight. ``torch.inference_mode`` and ``torch.autocast`` are off: a
    gradient can be had, and the network works in the precision of its weights. Afterwards, also
    after an error, everything is as before, whatever a module does in a ``train()`` of its own.

    Parameters
    ----------
    model : torch.nn.Module, or any callable
        A callable that is not a module has nothing to freeze.
    """
    modules, weights = _parts(model)
    was_training = [module.training for module in modules]
    wanted_gradient = [weight.requires_grad for weight in weights]
    prepares = any(was_training) and any(map(_prepares, modules))
    try:
        with plainly(), _held(modules) if prepares else nullcontext():
            if prepares:
                with suppress(NotImplementedError):  # what was exported has no mode
                    model.eval()
            now, weights_now = _parts(model) if prepares else (modules, weights)
            for module in now:
                if module.training:  # which is quicker to read than to write
                    module.training = False
            for weight in weights_now:
                weight.requires_grad_(False)
            yield
    finally:
        for module, training in zip(modules, was_training):
            if module.training != training:
                module.training = training
        for weight, wanted in zip(weights, wanted_gradient):
            weight.requires_grad_(wanted)


def _parts(model: Model) -> tuple[list[nn.Module], list[nn.Parameter]]:
    """A model's modules, apart from those that torch.jit.freeze took the mode from, and weights."""
    if not isinstance(model, nn.Module):
        return [], []
    modules = [module for module in model.modules() if hasattr(module, "training")]
    return modules, list(model.parameters())


def _prepares(module: nn.Module) -> bool:
    """Does a module do more than remember its mode when it is told? It may merge weights."""
    return any(
        getattr(getattr(module, told), "__func__", None) is not getattr(nn.Module, told)
        for told in ("train", "eval")
    )


@contextmanager
def _held(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Bring back afterwards all that modules hold now: attributes, tensors and their numbers."""
    dicts = [vars(module) for module in modules]
    dicts += [part for holder in dicts for part in holder.values() if isinstance(part, dict)]
    attributes = [(holder, dict(holder)) for holder in dicts]
    tensors = [t for holder in dicts for t in holder.values() if isinstance(t, torch.Tensor)]
    numbers = [(tensor, tensor.data, tensor.data.clone()) for tensor in tensors]
    try:
        yield
    finally:
        for holder, before in attributes:
            holder.clear()
            holder.update(before)
        for tensor, memory, before in numbers:
            tensor.data = memory if _is_expanded(memory) else memory.copy_(before)


def _is_expanded(tensor: torch.Tensor) -> bool:
    """Does one number of it stand in several places? Then PyTorch lets nobody write into it."""
    if tensor.layout != torch.strided or tensor.is_nested:
        return False
    return any(step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape))


@contextmanager
def _in_our_words(model: Model, X: torch.Tensor) -> Iterator[None]:
    """Where PyTorch refuses what a model makes of pictures, name their shape, and the layer.

    What a model's own Python code raises stays what it is, except for a plain RuntimeError.
    """
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        kind, file = type(error), frames[-1].f_globals.get("__name__", "")
        by_torch = kind in (AssertionError, NotImplementedError) and f"{file}.".startswith("torch.")
        if kind not in (RuntimeError, torch.jit.Error) and not by_torch:
            raise
        layers = model.named_modules() if isinstance(model, nn.Module) else ()
        names = {id(layer): name for name, layer in layers if name}
        inside = [names.get(id(frame.f_locals.get("self"))) for frame in frames]
        layer = next((f", in its layer {name!r}" for name in inside[::-1] if name), "")
        raise ValueError(
            named(f"the model failed on pictures of shape {tuple(X.shape)}{layer}: {error}")
        ) from error


def _asked(model: Model, X: torch.Tensor) -> torch.Tensor:
    """What a model gives for pictures; it may overwrite what it gets, which is a copy."""
    with _in_our_words(model, X):
        return model(X.clone())


@checked(X=Tensor("N C H W", half=True))
def pictures_at_once(X: torch.Tensor) -> int:
    """How many pictures should go through a network at once when each has to go many times.

    It depends on the device of ``X`` and on the size of a picture: at 224 x 224 it is 6 on a CPU
    (``PIXELS_AT_ONCE``) and 64 elsewhere. Raises TypeError or ValueError if ``X`` is not a tensor
    of floats, or is empty.
    """
    pixels = PIXELS_AT_ONCE.get(X.device.type, 64 * 224 * 224)
    return max(1, pixels // (X.shape[2] * X.shape[3]))


class _Reached(BaseException):
    pass


@checked(model=NETWORK, X=Tensor("N C H W", half=True))
def activations(model: nn.Module, X: torch.Tensor, layer: str) -> torch.Tensor:
    """A layer's output for pictures. The layers after it are not computed.

    Parameters
    ----------
    model : torch.nn.Module
    X : (N, 3, H, W) tensor of floats
    layer : str
        The layer's name in the model, such as ``"features.12"``.

    Returns
    -------
    tensor
        What the layer computed, whatever works on it in place later; differentiable with respect
        to ``X``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if the model has no such layer, does not use it, or
        fails on these pictures; if the layer does not give one tensor of floats.
    """
    kept = []

    def keep_and_stop(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        check_output(f"layer {layer!r}", output, "its features")
        own = output.is_leaf and any(
            torch._C._is_alias_of(output, tensor)
            for tensor in itertools.chain(model.parameters(), model.buffers())
        )
        kept.append(output.clone() if own else output)
        raise _Reached

    hook = find_layer(model, layer).register_forward_hook(keep_and_stop)
    try:
        _asked(model, X)
    except _Reached:
        return kept[0]
    finally:
        hook.remove()
    raise ValueError(named(f"the model never used its layer {layer!r}"))


@checked(model=Instance(nn.Module))
def find_layer(model: nn.Module, layer: str) -> nn.Module:
    """A layer of a network, by its name.

    Raises
    ------
    TypeError, ValueError
        If ``model`` is not a ``torch.nn.Module``, or has no such layer; the message lists its own.
        ValueError also for a layer of a traced, scripted or compiled module.
    """
    layers = dict(model.named_modules())
    above = ("", *itertools.accumulate(str(layer).split("."), "{}.{}".format))
    if any(_is_compiled(layers[name]) for name in above if name in layers):
        raise ValueError(
            named(
                f"layer {layer!r} belongs to a traced, scripted or compiled module, which cannot "
                "be looked into; give the module that it was made from"
            )
        )
    if layer not in layers or not layer:
        known = ", ".join(name for name in layers if name and name.count(".") < 2)
        raise ValueError(named(f"the model has no layer {layer!r}; it has {known}"))
    return layers[layer]


def _is_compiled(module: nn.Module) -> bool:
    """Are hooks of the layers inside never called?"""
    return isinstance(module, torch.jit.ScriptModule) or hasattr(module, "_orig_mod")


@checked(cnn=CHAIN, x=Tensor("N C H W", half=True), last=Count(least=0))
def extract_features(
    x: torch.Tensor, cnn: nn.Sequential, last: int | None = None
) -> list[torch.Tensor]:
    """The outputs of a chain of layers, one after another (StyleTransfer-PyTorch).

    Parameters
    ----------
    x : (N, C, H, W) tensor of floats
    cnn : torch.nn.Sequential
        Such as ``squeezenet().features``.
    last : int, optional
        Stop after this layer, counted from 0. By default all are computed.

    Returns
    -------
    list of (N, C_i, H_i, W_i) tensors
        What layer i computed at index i, whatever later layers do to it in place.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, there is no layer ``last``, a layer fails on what it
        gets or does not give one tensor of floats.

    Notes
    -----
    A layer that overwrites what it gets, which its ``inplace`` does not tell, is noticed afterwards
    by PyTorch's counters of changes. Then all is computed again, from copies.
    """
    layers = list(cnn)  # unlike children(), it gives a layer that is used twice twice
    last = len(layers) - 1 if last is None else last
    if not 0 <= last < len(layers):
        raise ValueError(named(f"there is no layer {last}, expected 0 to {len(layers) - 1}"))
    with _in_our_words(cnn, x):
        # What is counted nowhere, or must not happen twice, is computed from copies at once.
        if torch.is_inference_mode_enabled() or cnn.training:
            return _outputs(x, layers[: last + 1], copies=True)
        features = _outputs(x, layers[: last + 1], copies=False)
        return features or _outputs(x, layers[: last + 1], copies=True)


def _outputs(
    x: torch.Tensor, layers: Sequence[nn.Module], copies: bool
) -> list[torch.Tensor] | None:
    """The outputs of a chain of layers; None if one of them was overwritten later."""
    features, versions, x = [], [], x.clone()
    for number, layer in enumerate(layers):
        before = x
        x = layer(x.clone() if copies or getattr(layer, "inplace", False) else x)
        check_output(f"layer {number}", x, "its features")
        if x is before or x._is_view():  # of a layer that changes no number
            x = x.clone()
        features.append(x.clone() if copies else x)
        versions.append(None if copies else x._version)
    intact = copies or versions == [feature._version for feature in features]
    return features if intact else None


@checked(X=Pictures(half=True), y=Classes(), model=MODEL)
def class_scores(
    model: Model, X: torch.Tensor, y: torch.Tensor, check: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """A model's scores, and for each picture the score of one class.

    Parameters
    ----------
    model : callable
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        Classes.
    check : bool
        Check the model's numbers too, see ``CHECK_EVERY``; otherwise only their shape.

    Returns
    -------
    scores : (N, C) tensor
        At least as precise as the pictures.
    chosen : (N,) tensor

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if the model fails on these pictures, for instance
        because they are too small; if it does not give finite scores (N, C), or has no such class
        as in ``y``.
    """
    scores = _valid(_asked(model, X), y, check)
    scores = scores.to(torch.promote_types(scores.dtype, X.dtype))
    return scores, chosen_scores(scores, y)


def _valid(scores: torch.Tensor, y: torch.Tensor, check: bool) -> torch.Tensor:
    """The scores, if they are scores: (N, C) floats, finite, with a column for each class."""
    check_output("the model", scores, "the scores (N, C)")
    if scores.ndim != 2 or len(scores) != len(y):
        raise ValueError(
            named(f"the model gave scores of shape {tuple(scores.shape)}, expected ({len(y)}, C)")
        )
    if y.device != scores.device:
        raise ValueError(named(f"classes are on {y.device}, but the scores are on {scores.device}"))
    if check and (wrong := y[(y < 0) | (y >= scores.shape[1])].tolist()):
        raise ValueError(
            named(f"there is no class {wrong[0]}, expected 0 to {scores.shape[1] - 1}")
        )
    if check and not scores.isfinite().all():
        raise ValueError(named("the model gave scores that are NaN or infinite"))
    return scores


@checked(scores=Tensor("N C", half=True), y=Classes(of="scores"))
def chosen_scores(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """From each picture's scores, (N, C), the score of its class y, (N,)."""
    index = y[:, None].clone()  # autograd cannot keep what inference mode made
    return scores.gather(1, index).squeeze(1)


@checked(scores=Tensor("N C", half=True), y=Classes(of="scores"))
def cross_entropy(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """From each picture's scores, (N, C), minus the log of the probability of its class y, (N,)."""
    return nn.functional.cross_entropy(scores, y, reduction="none")


@checked(
    X=Pictures(half=True), y=Classes(), model=MODEL,
    of=Function("from scores and classes to numbers"),
)  # fmt: skip
def input_gradients(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    of: Objective = chosen_scores,
    check: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient of a class's score, or of another number, with respect to every pixel.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture.
    model : callable
        From pictures to (N, C) scores. What it makes of one picture must not depend on the others.
    of : callable
        From scores (N, C) and classes (N,) to (N,) numbers: :func:`chosen_scores`,
        :func:`cross_entropy`, or your own.
    check : bool
        Check the model's numbers too, see ``CHECK_EVERY``; otherwise only their shape.

    Returns
    -------
    gradients : (N, 3, H, W) tensor
    values : (N,) tensor
        The numbers themselves.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if the model fails on these pictures; if the scores
        are not (N, C) finite numbers, do not depend on the pictures, or have no such class as in
        ``y``.
    """
    size = pictures_at_once(X)
    with frozen(model), torch.enable_grad():
        X = X.clone() if X.is_inference() else X.detach()
        gradients, values, y = torch.empty_like(X), [], y.clone()
        every = zip(X.split(size), y.split(size), gradients.split(size))
        for part, classes, found in every:
            scores, _ = class_scores(model, part.requires_grad_(), classes, check)
            value = of(scores, classes)
            found.copy_(gradient(value.sum(), part, check=check))
            values.append(value.detach())
    return gradients, torch.cat(values)


@checked(value=Tensor("", half=True), X=Tensor("...", half=True))
def gradient(
    value: torch.Tensor, X: torch.Tensor, retain_graph: bool = False, check: bool = True
) -> torch.Tensor:
    """The gradient of a number that a model computed, with respect to what it was computed from.

    Parameters
    ----------
    value : () tensor
    X : tensor
        It must require a gradient; none is written into it.
    retain_graph : bool
        Keep the graph, for another gradient of the same pass.
    check : bool
        Check the numbers, see ``CHECK_EVERY``.

    Returns
    -------
    tensor of the shape of ``X``

    Raises
    ------
    ValueError
        If nothing leads from ``value`` back to ``X``; if PyTorch cannot compute the gradient; or
        if it is not finite.
    """
    found = None
    if value.requires_grad:
        try:
            (found,) = torch.autograd.grad(value, X, retain_graph=retain_graph, allow_unused=True)
        except RuntimeError as error:
            if type(error) is not RuntimeError:
                raise
            raise ValueError(named(f"PyTorch cannot compute the gradient: {error}")) from error
    if found is None:
        raise ValueError(
            named(
                "no gradient leads from the scores back to the input or layer; the model must not "
                "detach its scores, compute them without its input, convert them to NumPy or run "
                "under torch.no_grad() or torch.inference_mode()"
            )
        )
    # If a sum is finite, so is each number; if not, it may just have become too large.
    if check and not (found.sum().isfinite() or all(end.isfinite() for end in found.aminmax())):
        raise ValueError(named("the model's gradient is NaN or infinite"))
    return found


@checked(gradients=Tensor("N 3 H W", half=True))
@in_float32
def unit_step(gradients: torch.Tensor) -> torch.Tensor:
    """Each picture's gradient, (N, 3, H, W), scaled to length 1; a gradient of zero stays zero.

    Raises TypeError or ValueError if ``gradients`` is not such a tensor.
    """
    each, tiny = (1, 2, 3), torch.finfo(gradients.dtype).tiny
    largest = gradients.abs().amax(dim=each, keepdim=True).clamp(min=tiny)
    # Over a power of two, which is exact, no square vanishes or overflows.
    g = gradients / (largest / (2 * largest.frexp().mantissa))
    length = torch.linalg.vector_norm(g, dim=each, keepdim=True)
    return g / length.clamp(min=tiny)

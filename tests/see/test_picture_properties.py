"""Pictures of any kind: the same result as for the plain picture, or a refusal; never another."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cs231n_lib.see.attacks import fgsm, loss_gradient, pgd, project, steepest
from cs231n_lib.see.class_visualization import jitter
from cs231n_lib.see.distortions import crop, jpeg
from cs231n_lib.see.faithfulness import deletion_curve
from cs231n_lib.see.fooling import fool, round_to_bytes, seen_as
from cs231n_lib.see.fourier import random_view
from cs231n_lib.see.images import blur_image, deprocess, load_image, preprocess, save_png
from cs231n_lib.see.inversion import total_variation
from cs231n_lib.see.network import (
    activations,
    cross_entropy,
    find_layer,
    input_gradients,
    unit_step,
)
from cs231n_lib.see.pixels import clamp_pixels, denormalize, normalize
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.see.saliency import (
    compute_saliency_maps,
    grad_cam,
    integrated_gradients,
    occlusion,
    smooth_grad,
)
from cs231n_lib.see.style_colours import match_colours, replace_luminance
from cs231n_lib.see.style_losses import gram_matrix, tv_loss
from tests.tiny import CLASSES, network
from tests.untouched import differences, photograph

few = settings(max_examples=25)


# Arrays of bytes and of floats, in any layout.


def frozen_copy(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


# The same numbers, laid out in memory in another way.
ARRAY_LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "read-only": frozen_copy,
    "Fortran": np.asfortranarray,
    "every second of a larger one": lambda a: a.repeat(2, axis=0).repeat(2, axis=1)[::2, ::2],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": lambda a: a.swapaxes(0, 1).copy().swapaxes(0, 1),
    "channels first": lambda a: np.moveaxis(np.moveaxis(a, -1, 0).copy(), 0, -1),
}


@st.composite
def byte_pictures(draw: st.DrawFn) -> np.ndarray:
    """Grey, RGB and with opacity, from a single pixel on."""
    channels = draw(st.sampled_from([(), (1,), (3,), (4,)]))
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)), *channels)
    return np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, shape, dtype=np.uint8)


@given(byte_pictures(), st.sampled_from(sorted(ARRAY_LAYOUTS)), st.sampled_from([None, 1, 5]))
@few
def test_the_layout_of_an_array_does_not_matter(pixels, layout, size):
    array = ARRAY_LAYOUTS[layout](pixels)
    before = photograph(array=array)
    image = load_image(array, size)
    np.testing.assert_array_equal(image, load_image(pixels, size))
    assert torch.equal(preprocess(array, size), preprocess(pixels, size))
    assert differences(before, photograph(array=array)) == []
    assert image.flags.writeable and not np.shares_memory(image, array)


@given(
    byte_pictures(),
    st.sampled_from([np.float16, np.float32, np.float64]),
    st.sampled_from([-0.3, 0, 0.3]),
)
@few
def test_floats_of_any_precision_mean_the_nearest_byte(pixels, dtype, beside):
    floats = ((pixels + beside) / 255).clip(0, 1).astype(dtype)
    np.testing.assert_array_equal(load_image(floats), load_image(pixels))


@given(byte_pictures(), st.sampled_from([math.nan, math.inf, -math.inf, -0.1, 1.1, 255.0]))
@few
def test_a_single_wrong_pixel_is_refused(pixels, wrong):
    floats = pixels / 255
    floats.flat[floats.size // 2] = wrong
    with pytest.raises(ValueError, match="load_image: the array "):
        load_image(floats)


@given(byte_pictures(), byte_pictures())
@few
def test_a_picture_in_company_is_the_picture_alone(first, second):
    both = preprocess([first, second], 4)
    assert torch.equal(both[:1], preprocess(first, 4))
    assert torch.equal(both[1:], preprocess([second], 4))


@given(byte_pictures(), st.sampled_from(sorted(ARRAY_LAYOUTS)))
@few
def test_what_is_saved_in_any_layout_is_loaded_again(tmp_path_factory, pixels, layout):
    image = load_image(pixels)
    path = tmp_path_factory.mktemp("saved") / "picture.png"
    save_png(path, ARRAY_LAYOUTS[layout](image))
    np.testing.assert_array_equal(load_image(path), image)


@given(byte_pictures(), byte_pictures(), st.sampled_from(sorted(ARRAY_LAYOUTS)))
@few
def test_colours_are_exchanged_in_any_layout(image, reference, layout):
    plain, shown = load_image(image), load_image(reference)
    given_ = ARRAY_LAYOUTS[layout](plain)
    if min(plain[..., 0].size, shown[..., 0].size) < 2:
        with pytest.raises(ValueError, match=r"^match_colours: "):
            match_colours(given_, shown)
    else:
        np.testing.assert_array_equal(match_colours(given_, shown), match_colours(plain, shown))
    np.testing.assert_array_equal(replace_luminance(given_, plain), plain)


# Tensors in any layout and precision.

TENSOR_LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "channels last": lambda X: X.contiguous(memory_format=torch.channels_last),
    "every second of a larger one": lambda X: X.repeat_interleave(2, 2).repeat_interleave(2, 3)[
        :, :, ::2, ::2
    ],
    "transposed": lambda X: X.mT.contiguous().mT,
    "batch last": lambda X: X.permute(1, 2, 3, 0).contiguous().permute(3, 0, 1, 2),
    "one picture seen as many": lambda X: X[:1].expand_as(X),
    "with a gradient": lambda X: X.clone().requires_grad_(),
}


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


# Functions of (N, 3, H, W) alone, each picture on its own.
TRANSFORMS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "normalize": normalize,
    "denormalize": denormalize,
    "clamp_pixels": clamp_pixels,
    "blur_image": functools.partial(blur_image, sigma=0.5),
    "round_to_bytes": round_to_bytes,
    "crop": crop,
    "jpeg": jpeg,
    "jitter": functools.partial(jitter, ox=1, oy=-2),
    "random_view": lambda X: random_view(X, generator(), shift=2),
    "unit_step": unit_step,
    "steepest": functools.partial(steepest, norm=2),
    "project": functools.partial(project, epsilon=0.5, norm=2),
    "total_variation": total_variation,
    "gram_matrix": gram_matrix,
    "tv_loss": functools.partial(tv_loss, tv_weight=1.0),
    "deprocess": lambda X: torch.from_numpy(deprocess(X)),
}


@st.composite
def tensors(draw: st.DrawFn, smallest: int = 2, largest: int = 9) -> torch.Tensor:
    """Normalised pictures, (N, 3, H, W) float64, each pixel one that a byte can hold."""
    shape = draw(st.integers(1, 3)), 3, *(draw(st.integers(smallest, largest)) for _ in range(2))
    seeded = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    return normalize(torch.randint(0, 256, shape, generator=seeded).double() / 255)


@pytest.mark.parametrize("name", TRANSFORMS)
@given(X=tensors(), layout=st.sampled_from(sorted(TENSOR_LAYOUTS)))
@settings(max_examples=12)
def test_the_layout_of_a_tensor_does_not_matter(name, X, layout):
    given_ = TENSOR_LAYOUTS[layout](X)
    before = photograph(X=given_)
    result = TRANSFORMS[name](given_)
    plain = TRANSFORMS[name](given_.detach().clone(memory_format=torch.contiguous_format))
    torch.testing.assert_close(result.detach(), plain, rtol=1e-12, atol=1e-12)
    assert differences(before, photograph(X=given_)) == []


@pytest.mark.parametrize("name", TRANSFORMS)
@given(X=tensors(), dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32]))
@settings(max_examples=8)
def test_a_smaller_precision_only_rounds(name, X, dtype):
    """Or is refused by name."""
    X = X.to(dtype)
    try:
        result = TRANSFORMS[name](X)
    except TypeError as error:
        assert dtype != torch.float32
        assert re.match(rf"{name}: \w+ has dtype {dtype}, expected float32 or float64", str(error))
        return
    if name != "deprocess":
        assert result.dtype == dtype
    # What rounds to bytes may round half a step to the other side.
    step = 255 * 0.02 if name == "deprocess" else 0.1 if name in ("jpeg", "round_to_bytes") else 0
    rounding = 8 * torch.finfo(dtype).eps
    expected = TRANSFORMS[name](X.double()).double()
    size = 1 + expected.abs().amax().item()
    assert (result.double() - expected).abs().max() <= step + 10 * size * rounding


# Functions that show pictures to a model, each picture on its own: (X, y, model) -> (N, ...).

QUESTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "input_gradients": lambda X, y, model: input_gradients(X, y, model, cross_entropy)[0],
    "compute_saliency_maps": compute_saliency_maps,
    "smooth_grad": functools.partial(smooth_grad, samples=2),
    "integrated_gradients": functools.partial(integrated_gradients, steps=2),
    "grad_cam": functools.partial(grad_cam, layer="3"),
    "occlusion": functools.partial(occlusion, size=4, stride=3),
    "deletion_curve": lambda X, y, model: deletion_curve(X, y, model, X[:, 0], 2, cell=4)[1].mT,
    "fgsm": functools.partial(fgsm, epsilon=0.1),
    "pgd": functools.partial(pgd, epsilon=0.1, steps=2, norm=2),
    "fool": lambda X, y, model: fool(X, y, model, max_steps=2).X_fooling,
    "seen_as": seen_as,
    "loss_gradient": lambda X, y, model: loss_gradient(denormalize(X), y, model)[0],
}
every_question = pytest.mark.parametrize("name", QUESTIONS)


@functools.cache
def exact_network() -> torch.nn.Module:
    return network().double()


def classes_of(X: torch.Tensor) -> torch.Tensor:
    return torch.arange(len(X)) % CLASSES


@every_question
@given(X=tensors(5), layout=st.sampled_from(sorted(TENSOR_LAYOUTS)))
@settings(max_examples=5)
def test_a_model_is_asked_the_same_in_any_layout_mode_and_company(name, X, layout):
    """In training mode, too: neither dropout nor the statistics of the batch take part."""
    ask, model = QUESTIONS[name], exact_network()
    given_, y = TENSOR_LAYOUTS[layout](X), classes_of(X)
    before = photograph(X=given_, y=y, model=model)
    result = ask(given_, y, model)
    assert differences(before, photograph(X=given_, y=y, model=model)) == []
    plain = given_.detach().clone(memory_format=torch.contiguous_format)
    alone = [
        ask(plain[n : n + 1], y[n : n + 1], network(training=False).double())
        for n in range(len(plain))
    ]
    torch.testing.assert_close(result, torch.cat(alone), rtol=1e-8, atol=1e-10)


@every_question
@given(index=st.integers(-(2**63), 2**63 - 1) | st.integers(-2 * CLASSES, 2 * CLASSES))
@settings(max_examples=8)
def test_a_class_is_there_or_is_refused(name, index):
    X, y = torch.zeros(1, 3, 6, 6, dtype=torch.float64), torch.tensor([index])
    if 0 <= index < CLASSES:
        QUESTIONS[name](X, y, exact_network())
    else:
        with pytest.raises(ValueError, match=f"class {index}, expected 0"):
            QUESTIONS[name](X, y, exact_network())


@given(layer=st.text(max_size=4) | st.integers().map(str))
@few
def test_a_layer_is_there_or_is_refused(layer):
    model, X = exact_network(), torch.zeros(1, 3, 6, 6, dtype=torch.float64)
    if layer in dict(model.named_modules()) and layer:
        assert find_layer(model, layer) is model.get_submodule(layer)
    else:
        for look in (
            lambda: find_layer(model, layer),
            lambda: activations(model, X, layer),
            lambda: grad_cam(X, torch.tensor([0]), model, layer),
        ):
            with pytest.raises(ValueError, match="the model has no layer"):
                look()


# The smallest picture and a large one.


def test_a_picture_of_one_pixel_can_be_scaled_and_normalised():
    pixel = np.array([[[10, 20, 30]]], np.uint8)
    assert (load_image(pixel, 5) == pixel).all()
    X = preprocess(pixel, size=None)
    assert X.shape == (1, 3, 1, 1)
    np.testing.assert_array_equal(deprocess(X)[0], pixel)
    with pytest.raises(ValueError, match="needs pictures of 4 pixels a side or more"):
        blur_image(X)


@pytest.mark.parametrize(
    "ask", [compute_saliency_maps, seen_as, functools.partial(fgsm, epsilon=1)]
)
def test_a_network_that_cannot_take_one_pixel_says_so(ask):
    X, y, model = preprocess(np.zeros((1, 1), np.uint8), None), torch.tensor([0]), squeezenet()
    before = photograph(model=model)
    with pytest.raises(ValueError, match=r"the model failed on pictures of shape \(1, 3, 1, 1\)"):
        ask(X, y, model)
    assert differences(before, photograph(model=model)) == []


def test_a_picture_of_twelve_million_pixels_is_a_picture():
    steps = np.arange(3000 * 4000, dtype=np.uint32).reshape(3000, 4000)
    large = (steps // 4000 % 256).astype(np.uint8)
    X = preprocess(large, size=None)
    assert X.shape == (1, 3, 3000, 4000)
    np.testing.assert_array_equal(deprocess(X)[0, :, ::999], load_image(large)[:, ::999])
    small = load_image(large, 30)
    assert small.shape == (30, 30, 3)
    assert np.abs(small[:, :, 0].mean() - large.mean()) < 3

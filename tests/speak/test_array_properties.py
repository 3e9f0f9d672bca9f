"""Any array of the right numbers gives the right result, however it lies in memory; others do not.

Hypothesis draws sizes (one included), dtypes and layouts. What is computed must equal what plain,
contiguous arrays give. What cannot be computed is refused, or shows as NaN: never a wrong number.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs231n_lib.speak import attention, layers, lstm, optim, rnn
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.training import clip_gradients
from tests.contracts.speak.captioning import VOCABULARY

Arrays = dict[str, np.ndarray]

# The same examples every time: what fails here fails everywhere.
few = settings(max_examples=25, derandomize=True)
sizes = st.integers(1, 3)
seeds = st.integers(0, 999)
floats = st.sampled_from([np.float16, np.float32, np.float64, np.longdouble])
no_half = st.sampled_from([np.float32, np.float64, np.longdouble])
integers = st.sampled_from([np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64])

LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "with gaps": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "last axis first": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, -1, 0)), 0, -1),
    "in other bytes": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: _unaligned(a),
    "in a file": lambda a: _mapped(a),
}
layouts = st.sampled_from(list(LAYOUTS))


def _unaligned(array: np.ndarray) -> np.ndarray:
    """An equal array that begins at an odd address."""
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    result = memory.view(array.dtype).reshape(array.shape)
    result[...] = array
    return result


def _mapped(array: np.ndarray) -> np.ndarray:
    """An equal array in a file."""
    with tempfile.TemporaryFile() as file:
        result = np.memmap(file, array.dtype, "w+", shape=array.shape)
    result[...] = array
    return result


def laid_out(draw: st.DrawFn, arrays: Arrays) -> Arrays:
    """Equal arrays, each in a layout of its own, and read-only."""
    results = {name: LAYOUTS[draw(layouts)](array) for name, array in arrays.items()}
    for name, result in results.items():
        np.testing.assert_array_equal(result, arrays[name])
        result.flags.writeable = False
    return results


def assert_same(ours: Sequence[np.ndarray], plain: Sequence[np.ndarray]) -> None:
    """Equal but for the order in which products are summed."""
    for a, b in zip(ours, plain, strict=True):
        assert np.shape(a) == np.shape(b)
        assert a.dtype.newbyteorder("=") == b.dtype
        tolerance = 30 * np.finfo(b.dtype).eps
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


class Layer:
    """A layer, forward and back: sizes by letter, and what it computes from named arrays."""

    def __init__(self, forward: Callable, backward: Callable, outputs: int = 1, **shapes: str):
        self.forward, self.backward, self.outputs = forward, backward, outputs
        self.shapes = shapes

    def draw(self, draw: st.DrawFn, dtype: type) -> Arrays:
        size = {letter: draw(sizes) for letter in "NTDHMVLA"}
        size |= {"G": 4 * size["H"], "E": size["D"] + size["A"], "1": 1}
        rng = np.random.default_rng(draw(seeds))
        return {
            name: rng.standard_normal([size[letter] for letter in letters]).astype(dtype)
            for name, letters in self.shapes.items()
        }

    def out(self, arrays: Arrays) -> tuple[tuple[np.ndarray, ...], Any]:
        *out, cache = self.forward(**arrays)
        return tuple(out), cache

    def run(self, arrays: Arrays, gradients: Arrays | None = None) -> list[np.ndarray]:
        """All outputs, and the gradients for upstream gradients, by default those outputs."""
        out, cache = self.out(arrays)
        upstream = out if gradients is None else gradients.values()
        back = self.backward(*upstream, cache)
        return [*out, *(back if isinstance(back, tuple) else (back,))]


RNN = {"x": "NTD", "h0": "NH", "Wx": "DH", "Wh": "HH", "b": "H"}
LSTM = RNN | {"Wx": "DG", "Wh": "HG", "b": "G"}
ATTENTION = {"x": "NTD", "h0": "NH", "keys": "NLA", "values": "NLA", "Wx": "EG", "Wh": "HG",
             "Wq": "HA", "b": "G"}  # fmt: skip
STEP = {"x": "ND", "prev_h": "NH"}
WEIGHTS = ("Wx", "Wh", "b")

LAYERS = {
    "affine": Layer(layers.affine_forward, layers.affine_backward, x="ND", w="DM", b="M"),
    "temporal affine": Layer(
        layers.temporal_affine_forward, layers.temporal_affine_backward, x="NTD", w="DM", b="M"
    ),
    "RNN step": Layer(
        rnn.rnn_step_forward, rnn.rnn_step_backward, **STEP, **{w: RNN[w] for w in WEIGHTS}
    ),
    "LSTM step": Layer(
        lstm.lstm_step_forward, lstm.lstm_step_backward, 2,
        **STEP, prev_c="NH", **{w: LSTM[w] for w in WEIGHTS},
    ),
    "RNN": Layer(rnn.rnn_forward, rnn.rnn_backward, **RNN),
    "LSTM": Layer(lstm.lstm_forward, lstm.lstm_backward, **LSTM),
    "RNN, plain loop": Layer(rnn.rnn_loop_forward, rnn.rnn_loop_backward, **RNN),
    "LSTM, plain loop": Layer(
        lstm.lstm_loop_forward, lstm.lstm_loop_backward, **LSTM
    ),
    "RNN, hoisted": Layer(
        rnn.rnn_hoisted_forward, rnn.rnn_hoisted_backward, **RNN
    ),
    "LSTM, hoisted": Layer(
        lstm.lstm_hoisted_forward, lstm.lstm_hoisted_backward, **LSTM
    ),
    "attention": Layer(
        attention.attention_forward, attention.attention_backward, **ATTENTION
    ),
    "attention, plain loop": Layer(
        attention.attention_loop_forward, attention.attention_loop_backward, **ATTENTION
    ),
    "affine of fields": Layer(
        attention.field_affine_forward, attention.field_affine_backward, x="NLD", w="DA", P="LA"
    ),
}  # fmt: skip
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
BATCHED = ("x", "h0", "prev_h", "prev_c", "keys", "values")


@every_layer
@few
@given(data=st.data(), dtype=floats)
def test_a_layer_does_not_care_how_arrays_lie_in_memory(
    layer: Layer, data: st.DataObject, dtype: type
) -> None:
    arrays = layer.draw(data.draw, dtype)
    out, _ = layer.out(arrays)
    gradients = {str(i): np.asarray(o, dtype) for i, o in enumerate(out)}
    ours = layer.run(laid_out(data.draw, arrays), laid_out(data.draw, gradients))
    assert_same(ours, layer.run(arrays, gradients))


@every_layer
@few
@given(data=st.data(), dtype=floats)
def test_a_batch_gives_what_each_of_it_gives_alone(
    layer: Layer, data: st.DataObject, dtype: type
) -> None:
    arrays = layer.draw(data.draw, dtype)
    whole, _ = layer.out(arrays)
    for n in range(len(arrays["x"])):
        one = {k: a[n : n + 1] if k in BATCHED else a for k, a in arrays.items()}
        assert_same(layer.out(one)[0], [out[n : n + 1] for out in whole])


@every_layer
@few
@given(data=st.data())
def test_an_array_broadcast_over_the_batch_is_as_good_as_copies(
    layer: Layer, data: st.DataObject
) -> None:
    arrays = layer.draw(data.draw, np.float64)
    one = {k: a[:1] if k in BATCHED else a for k, a in arrays.items()}
    views = {
        k: np.broadcast_to(a, (3, *a.shape[1:])) if k in BATCHED else a for k, a in one.items()
    }
    copies = {k: a.copy() for k, a in views.items()}
    out, _ = layer.out(copies)
    zero = {str(i): np.broadcast_to(np.float64(0.5), o.shape) for i, o in enumerate(out)}
    assert_same(layer.run(views, zero), layer.run(copies, {k: a.copy() for k, a in zero.items()}))


@pytest.mark.parametrize("name", [name for name in LAYERS if LAYERS[name].shapes["x"] == "NTD"])
@few
@given(data=st.data())
def test_the_first_step_of_a_sequence_is_a_sequence_of_one(name: str, data: st.DataObject) -> None:
    arrays = LAYERS[name].draw(data.draw, np.float64)
    (whole,), _ = LAYERS[name].out(arrays)
    (first,), _ = LAYERS[name].out(arrays | {"x": arrays["x"][:, :1]})
    assert_same([first], [whole[:, :1]])


@every_layer
@few
@given(data=st.data(), dtype=floats)
def test_a_nan_anywhere_shows_in_what_it_reaches_and_nowhere_else(
    layer: Layer, data: st.DataObject, dtype: type
) -> None:
    arrays = layer.draw(data.draw, dtype)
    plain, _ = layer.out(arrays)
    name = data.draw(st.sampled_from(list(arrays)))
    place = data.draw(st.integers(0, arrays[name].size - 1))
    spoilt = arrays[name].copy()
    spoilt.ravel()[place] = np.nan
    out, _ = layer.out(arrays | {name: spoilt})
    assert any(np.isnan(o).any() for o in out)  # the output gate does not reach the cell
    if name in BATCHED:
        row = np.unravel_index(place, spoilt.shape)[0]
        rest = np.arange(len(spoilt)) != row
        assert_same([o[rest] for o in out], [o[rest] for o in plain])


def in_doubles(arrays: Arrays) -> Arrays:
    return {name: array.astype(np.float64) for name, array in arrays.items()}


@every_layer
@few
@given(data=st.data())
def test_any_mix_of_dtypes_is_as_right_as_the_coarsest(layer: Layer, data: st.DataObject) -> None:
    """Half precision counts as single among others, since that is what it is computed in."""
    arrays = {
        name: array.astype(data.draw(floats))
        for name, array in layer.draw(data.draw, np.float16).items()
    }
    out, _ = layer.out(arrays)
    upstream = {str(i): o.astype(np.float16).astype(data.draw(floats)) for i, o in enumerate(out)}
    dtypes = {array.dtype for array in arrays.values()}
    coarsest = dtypes.pop() if len(dtypes) == 1 else np.dtype(np.float32)
    tolerance = 30 * max(float(np.finfo(coarsest).eps), 1e-14)
    if coarsest != np.float16 and min(u.dtype.itemsize for u in upstream.values()) < 8:
        tolerance = max(tolerance, 30 * np.finfo(np.float32).eps)
    exact = layer.run(in_doubles(arrays), in_doubles(upstream))
    for ours, expected in zip(layer.run(arrays, upstream), exact, strict=True):
        assert np.finfo(ours.dtype).eps < tolerance
        np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance)


@every_layer
def test_half_precision_is_right_however_long_the_sums(layer: Layer) -> None:
    """Added up in half precision, 2048 + 1 is 2048, and small steps of a cell are lost."""
    rng = np.random.default_rng(0)
    size = {"N": 3, "T": 4000, "D": 2, "H": 3, "M": 2, "G": 12, "L": 4, "A": 2, "E": 4}
    if "T" not in layer.shapes["x"]:
        size["N"] = 4000
    arrays = {
        name: (rng.standard_normal([size[x] for x in letters]) / 2).astype(np.float16)
        for name, letters in layer.shapes.items()
    }
    out, _ = layer.out(arrays)
    upstream = {str(i): np.ones_like(o) for i, o in enumerate(out)}
    exact = layer.run(in_doubles(arrays), in_doubles(upstream))
    for ours, expected in zip(layer.run(arrays, upstream), exact, strict=True):
        assert ours.dtype == np.float16
        tolerance = 2 * float(np.finfo(np.float16).eps) * np.abs(expected).max()
        np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["RNN", "LSTM"])
@few
@given(data=st.data(), scale=st.sampled_from([1e4, 1e10, 1e18]))
def test_huge_inputs_saturate_as_in_higher_precision(
    name: str, data: st.DataObject, scale: float
) -> None:
    layer = LAYERS[name]
    arrays = layer.draw(data.draw, np.float32)
    arrays["x"] *= np.float32(scale)
    exact = {k: a.astype(np.float64) for k, a in arrays.items()}
    (h,), _ = layer.out(arrays)
    (expected,), _ = layer.out(exact)
    assert np.isfinite(h).all()
    np.testing.assert_allclose(h, expected, atol=1e-3)


def scores(draw: st.DrawFn, dtype: type) -> Arrays:
    N, T, V = (draw(sizes) for _ in "NTV")
    rng = np.random.default_rng(draw(seeds))
    return {
        "x": rng.standard_normal((N, T, V)).astype(dtype),
        "y": rng.integers(0, V, (N, T)),
        "mask": rng.random((N, T)) < 0.7,
    }


@few
@given(data=st.data(), dtype=no_half, integer=integers, truth=st.sampled_from(["?", "u1", "f4"]))
def test_the_loss_does_not_care_how_arrays_lie_in_memory(
    data: st.DataObject, dtype: type, integer: type, truth: str
) -> None:
    arrays = scores(data.draw, dtype)
    plain = layers.temporal_softmax_loss(**arrays)
    other = {"y": arrays["y"].astype(integer), "mask": arrays["mask"].astype(truth)}
    assert_same(layers.temporal_softmax_loss(**laid_out(data.draw, arrays | other)), plain)


@few
@given(data=st.data(), scale=st.sampled_from([1.0, 1e4, 1e30]))
def test_the_loss_of_huge_scores_is_that_in_higher_precision(
    data: st.DataObject, scale: float
) -> None:
    arrays = scores(data.draw, np.float32)
    arrays["x"] *= np.float32(scale)
    loss, dx = layers.temporal_softmax_loss(**arrays)
    exact = arrays["x"].astype(np.longdouble)
    expected, expected_dx = layers.temporal_softmax_loss(exact, arrays["y"], arrays["mask"])
    np.testing.assert_allclose(loss, float(expected), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dx, expected_dx.astype(float), atol=1e-5)


@few
@given(data=st.data())
def test_scores_that_do_not_count_may_be_anything_and_others_show_their_nan(
    data: st.DataObject,
) -> None:
    arrays = scores(data.draw, np.float64)
    loss, dx = layers.temporal_softmax_loss(**arrays)
    hidden = np.where(arrays["mask"][..., None], arrays["x"], np.nan)
    assert_same(layers.temporal_softmax_loss(**arrays | {"x": hidden}), (loss, dx))
    if arrays["mask"].any():
        shown = np.where(arrays["mask"][..., None], np.nan, arrays["x"])
        assert np.isnan(layers.temporal_softmax_loss(**arrays | {"x": shown})[0])


@few
@given(data=st.data(), dtype=floats, integer=integers)
def test_words_are_looked_up_by_integers_of_any_kind(
    data: st.DataObject, dtype: type, integer: type
) -> None:
    N, T, V, D = (data.draw(sizes) for _ in "NTVD")
    rng = np.random.default_rng(data.draw(seeds))
    x, W = rng.integers(0, V, (N, T)), rng.standard_normal((V, D)).astype(dtype)
    plain, cache = layers.word_embedding_forward(x, W)
    arrays = laid_out(data.draw, {"x": x.astype(integer), "W": W, "dout": plain})
    out, other_cache = layers.word_embedding_forward(arrays["x"], arrays["W"])
    dW = layers.word_embedding_backward(arrays["dout"], other_cache)
    assert_same([out, dW], [plain, layers.word_embedding_backward(plain, cache)])


@pytest.mark.parametrize("rule", [getattr(optim, name) for name in optim.__all__])
@few
@given(data=st.data(), dtype=no_half)
def test_an_update_rule_does_not_care_how_arrays_lie_in_memory(
    rule: Callable, data: st.DataObject, dtype: type
) -> None:
    rng = np.random.default_rng(data.draw(seeds))
    shape = data.draw(st.lists(sizes, min_size=1, max_size=3))
    arrays = {name: rng.uniform(0.1, 1, shape).astype(dtype) for name in ("w", "dw")}
    plain, _ = rule(**arrays)
    ours, _ = rule(**laid_out(data.draw, arrays))
    assert_same([ours], [plain])


@few
@given(data=st.data(), dtype=no_half, scale=st.sampled_from([1e-3, 1.0, 1e3, 3e4]))
def test_gradients_are_clipped_to_the_norm_even_where_their_squares_overflow(
    data: st.DataObject, dtype: type, scale: float
) -> None:
    rng = np.random.default_rng(data.draw(seeds))
    scale **= {np.float32: 5, np.float64: 50, np.longdouble: 50}[dtype]
    grads = {name: (rng.uniform(0.5, 1, 3) * scale).astype(dtype) for name in "ab"}
    clipped = clip_gradients(grads, 1.0)
    joint = np.concatenate([grads[name].astype(np.longdouble) for name in "ab"])
    norm = np.sqrt((joint**2).sum())
    expected = joint / max(norm, 1)
    ours = np.concatenate([clipped[name] for name in "ab"])
    np.testing.assert_allclose(ours, expected.astype(float), rtol=5e-3)
    assert ours.dtype == dtype


@st.composite
def models(draw: st.DrawFn) -> CaptioningRNN:
    cell = draw(st.sampled_from(["rnn", "lstm", "attention"]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    fields, channels = draw(sizes), draw(sizes)
    model = CaptioningRNN(
        VOCABULARY, fields * channels, draw(sizes), draw(sizes), cell, dtype, fields, draw(sizes)
    )
    model.initialize(np.random.default_rng(draw(seeds)))
    return model


def pictures(draw: st.DrawFn, model: CaptioningRNN, dtype: type) -> Arrays:
    N, T = draw(sizes), draw(sizes)
    rng = np.random.default_rng(draw(seeds))
    return {
        "features": rng.standard_normal((N, len(model.params["W_proj"]))).astype(dtype),
        "captions": rng.integers(1, len(VOCABULARY), (N, T + 1)),
    }


@few
@given(data=st.data(), model=models(), dtype=no_half, integer=integers)
def test_captioning_does_not_care_how_arrays_lie_in_memory(
    data: st.DataObject, model: CaptioningRNN, dtype: type, integer: type
) -> None:
    arrays = pictures(data.draw, model, dtype)
    cast = arrays["features"].astype(model.dtype)
    loss, grads = model.loss(cast, arrays["captions"])
    other = laid_out(data.draw, arrays | {"captions": arrays["captions"].astype(integer)})
    our_loss, our_grads = model.loss(**other)
    assert_same([our_loss, *our_grads.values()], [loss, *grads.values()])
    assert {g.dtype for g in our_grads.values()} == {model.dtype}
    np.testing.assert_array_equal(model.sample(other["features"], 4), model.sample(cast, 4))


@few
@given(data=st.data(), model=models())
def test_a_batch_of_pictures_is_captioned_as_each_of_it_alone(
    data: st.DataObject, model: CaptioningRNN
) -> None:
    arrays = pictures(data.draw, model, np.float64)
    loss, grads = model.loss(**arrays)
    said = model.sample(arrays["features"], 3)
    alone = [
        model.loss(arrays["features"][n : n + 1], arrays["captions"][n : n + 1])
        for n in range(len(said))
    ]
    tolerance = 100 * np.finfo(model.dtype).eps
    np.testing.assert_allclose(loss, np.mean([one for one, _ in alone]), rtol=tolerance)
    for name, gradient in grads.items():
        mean = np.mean([one[name] for _, one in alone], axis=0)
        np.testing.assert_allclose(gradient, mean, rtol=tolerance, atol=tolerance)
    for n, caption in enumerate(said):
        np.testing.assert_array_equal(model.sample(arrays["features"][n : n + 1], 3)[0], caption)

"""The LSTM that looks: every gradient proven three ways, both versions the same, the promises."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from cs231n_lib.speak.attention import (
    attention_backward,
    attention_forward,
    attention_loop_backward,
    attention_loop_forward,
    attention_step_backward,
    attention_step_forward,
    attention_weights,
    field_affine_backward,
    field_affine_forward,
)
from tests.gradients import (
    FLOATS,
    TIGHT,
    assert_differences,
    assert_dtypes,
    assert_tight,
    assert_versions_agree,
    autograd,
    bytes_used,
    cast,
    differences_by_name,
    forth_and_back,
    give_weights,
    normal,
    weight_gradients,
)
from tests.speak.test_lstm import swap_gates, torch_step

# N, T, D, H, L, A.
SHAPES = [
    (1, 1, 1, 1, 1, 1), (1, 5, 2, 3, 4, 2), (3, 1, 1, 2, 5, 3), (2, 3, 4, 1, 1, 4),
    (2, 4, 3, 5, 6, 1), (4, 6, 5, 7, 3, 2),
]  # fmt: skip
FAST = attention_forward, attention_backward
VERSIONS = [(attention_loop_forward, attention_loop_backward), FAST]


def look_case(N, H, L, A):
    """Arguments of a look, and the gradient with respect to the context."""
    arguments = normal(N + H + L, prev_h=(N, H), keys=(N, L, A), values=(N, L, A), Wq=(H, A))
    return arguments, normal(1, dcontext=(N, A))["dcontext"]


def sequence_case(N, T, D, H, L, A):
    arguments = normal(
        N + T, x=(N, T, D), h0=(N, H), keys=(N, L, A), values=(N, L, A), Wx=(D + A, 4 * H),
        Wh=(H, 4 * H), Wq=(H, A), b=(4 * H,),
    )  # fmt: skip
    arguments["Wx"] /= np.sqrt(D + A)
    arguments["Wh"] /= np.sqrt(H)
    return arguments, normal(2, dh=(N, T, H))["dh"]


def torch_look(prev_h, keys, values, Wq):
    """One look as written in the paper."""
    query = prev_h @ Wq
    scores = (keys * query[:, None]).sum(dim=2) / np.sqrt(query.shape[1])
    return (torch.softmax(scores, dim=1)[:, :, None] * values).sum(dim=1)


def torch_sequence(x, h0, keys, values, Wx, Wh, Wq, b):
    states, h, c = [], h0, torch.zeros_like(h0)
    for word in x.unbind(1):
        step = torch.cat([word, torch_look(h, keys, values, Wq)], dim=1)
        h, c = torch_step(step, h, c, Wx, Wh, b)
        states.append(h)
    return torch.stack(states, 1)


class Looker(torch.nn.Module):
    """The same once more, made of PyTorch's own parts."""

    def __init__(self, Wx, Wh, Wq, b):
        super().__init__()
        self.cell = torch.nn.LSTMCell(len(Wx), len(Wh), dtype=torch.float64)
        give_weights(self.cell, [Wx, Wh, b], swap_gates)
        self.ask = torch.nn.Linear(*Wq.shape, bias=False, dtype=torch.float64)
        with torch.no_grad():
            self.ask.weight.copy_(torch.tensor(Wq.T))

    def forward(self, x, h0, keys, values):
        state, states = (h0, torch.zeros_like(h0)), []
        for word in x.unbind(1):
            query = self.ask(state[0])[:, None]
            context = functional.scaled_dot_product_attention(query, keys, values)[:, 0]
            state = self.cell(torch.cat([word, context], dim=1), state)
            states.append(state[0])
        return torch.stack(states, dim=1)


def context_of(prev_h, keys, values, Wq):
    return attention_step_forward(prev_h, keys, values, Wq)[0]


@pytest.mark.parametrize(("N", "T", "D", "H", "L", "A"), SHAPES)
def test_a_look_equals_differences_autograd_and_the_attention_of_torch(N, T, D, H, L, A):
    arguments, dcontext = look_case(N, H, L, A)
    context, cache = attention_step_forward(**arguments)
    gradients = attention_step_backward(dcontext, cache)
    assert_differences(gradients, differences_by_name(context_of, arguments, dcontext))
    out, expected = autograd(torch_look, arguments, dcontext)
    assert_tight((context, *gradients), (out, *expected.values()))

    def of_torch(prev_h, keys, values, Wq):
        query = (prev_h @ Wq)[:, None]
        return functional.scaled_dot_product_attention(query, keys, values)[:, 0]

    out, expected = autograd(of_torch, arguments, dcontext)
    assert_tight((context, *gradients), (out, *expected.values()))


@pytest.mark.parametrize(("N", "T", "D", "H", "L", "A"), SHAPES)
def test_a_sequence_equals_differences_autograd_and_a_module_of_torch(N, T, D, H, L, A):
    arguments, dh = sequence_case(N, T, D, H, L, A)
    h, *gradients = forth_and_back(FAST, arguments, dh)
    assert_differences(
        gradients, differences_by_name(lambda **a: attention_forward(**a)[0], arguments, dh)
    )
    out, expected = autograd(torch_sequence, arguments, dh)
    assert_tight((h, *gradients), (out, *expected.values()))
    module = Looker(*(arguments.pop(name) for name in ("Wx", "Wh", "Wq", "b")))
    out, expected = autograd(module, arguments, dh)
    dWx, dWh, db = weight_gradients(module.cell, swap_gates)
    weights = dWx, dWh, module.ask.weight.grad.numpy().T, db
    assert_tight((h, *gradients), (out, *expected.values(), *weights))


@pytest.mark.parametrize("shape", [*SHAPES, (2, 300, 1, 2, 3, 2), (100, 7, 3, 2, 4, 3)])
def test_both_versions_are_equal(shape):
    assert_versions_agree(VERSIONS, *sequence_case(*shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_weights_are_those_of_every_look_and_add_up_to_one(shape):
    arguments, _ = sequence_case(*shape)
    weights = attention_weights(attention_forward(**arguments)[1])
    _, caches = attention_loop_forward(**arguments)
    np.testing.assert_allclose(weights, np.stack([w for (*_, w), _ in caches], axis=1), **TIGHT)
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-14)
    assert weights.min() >= 0


def test_the_weights_are_copies():
    arguments, dh = sequence_case(*SHAPES[-1])
    _, cache = attention_forward(**arguments)
    before = attention_backward(dh, cache)
    attention_weights(cache)[:] = np.nan
    assert_tight(attention_backward(dh, cache), before)


def test_the_order_of_the_fields_does_not_matter():
    arguments, _ = look_case(3, 4, 5, 2)
    context, (*_, weights) = attention_step_forward(**arguments)
    order = [3, 1, 4, 0, 2]
    turned = {name: arguments[name][:, order] for name in ("keys", "values")}
    same, (*_, turned_weights) = attention_step_forward(**arguments | turned)
    np.testing.assert_allclose(same, context, **TIGHT)
    np.testing.assert_allclose(turned_weights, weights[:, order], **TIGHT)


def test_dtypes_of_a_sequence():
    assert_dtypes(FAST, *sequence_case(3, 4, 4, 5, 3, 2))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_look_keeps_the_dtype(dtype):
    arguments, dcontext = look_case(3, 4, 5, 2)
    context, cache = attention_step_forward(**cast(arguments, dtype))
    gradients = attention_step_backward(dcontext.astype(dtype), cache)
    assert {a.dtype for a in (context, *gradients)} == {np.dtype(dtype)}
    sequence, _ = sequence_case(*SHAPES[-1])
    assert attention_weights(attention_forward(**cast(sequence, dtype))[1]).dtype == dtype


@pytest.mark.parametrize("version", VERSIONS, ids=["loop", "fast"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_key_that_fits_best_by_far_is_seen_alone_and_nothing_overflows(version, dtype):
    arguments, dh = sequence_case(2, 3, 4, 5, 6, 2)
    arguments["Wq"][...], arguments["h0"][...], arguments["b"][...] = 1e4, 1, 1
    arguments["keys"][...] = np.arange(6)[:, None]
    with np.errstate(all="raise", under="ignore"):
        h, *gradients = forth_and_back(version, cast(arguments, dtype), dh.astype(dtype))
    assert all(np.isfinite(a).all() for a in (h, *gradients))
    first = {**arguments, "prev_h": arguments["h0"]}
    context, (*_, weights) = attention_step_forward(
        **{name: first[name].astype(dtype) for name in ("prev_h", "keys", "values", "Wq")}
    )
    np.testing.assert_array_equal(weights, np.eye(6)[[5, 5]])
    np.testing.assert_array_equal(context, arguments["values"][:, 5].astype(dtype))


def test_long_sequences_stay_finite():
    with np.errstate(all="raise", under="ignore"):
        results = forth_and_back(FAST, *sequence_case(1, 4096, 2, 3, 4, 2))
    assert all(np.isfinite(result).all() for result in results)


@pytest.mark.parametrize(("few", "many"), [((8, 16), (8, 2048)), ((1, 64), (512, 64))])
def test_memory_grows_at_most_linearly(few, many):
    peaks = [bytes_used(FAST, *sequence_case(N, T, 4, 8, 5, 3))[0] for N, T in (few, many)]
    assert peaks[1] < 1.5 * peaks[0] * np.prod(many) / np.prod(few)


@pytest.mark.parametrize(("N", "L", "C", "A"), [(1, 1, 1, 1), (3, 4, 2, 5), (2, 1, 3, 4)])
def test_every_field_goes_through_one_matrix_and_has_a_vector_of_its_place(N, L, C, A):
    arguments = normal(N + L, x=(N, L, C), w=(C, A), P=(L, A))
    dout = normal(1, dout=(N, L, A))["dout"]
    out, cache = field_affine_forward(**arguments)
    gradients = field_affine_backward(dout, cache)
    assert_differences(
        gradients, differences_by_name(lambda **a: field_affine_forward(**a)[0], arguments, dout)
    )
    expected_out, expected = autograd(lambda x, w, P: x @ w + P, arguments, dout)
    assert_tight((out, *gradients), (expected_out, *expected.values()))

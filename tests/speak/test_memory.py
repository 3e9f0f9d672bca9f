"""How far back gradients reach: equal to what autograd says of the same network."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.memory import attention_maps, gradient_norms, open_directions

CELLS = ["rnn", "lstm", "attention"]
VOCABULARY = {"<NULL>": 0, "<START>": 1, "<END>": 2, "cat": 3, "dog": 4}
CAPTIONS = np.array([[1, 3, 4, 3, 2], [1, 4, 4, 2, 0], [1, 4, 3, 4, 4]])
D, W, H = 6, 3, 4
L, A = 3, 5


def small_model(cell_type, dtype=np.float64):
    model = CaptioningRNN(VOCABULARY, D, W, H, cell_type, dtype, L, A)
    rng = np.random.default_rng(0)
    for name, weight in model.params.items():
        model.params[name] = rng.standard_normal(weight.shape).astype(dtype)
    return model


def pictures():
    return np.random.default_rng(1).standard_normal((3, D))


def values_of(p, picture):
    return torch.tensor(picture).view(L, D // L) @ p["W_values"] + p["P_values"]


def look(p, picture, h):
    """Where a network in the states h looks, (n, L)."""
    keys = torch.tensor(picture).view(L, D // L) @ p["W_keys"] + p["P_keys"]
    return torch.softmax(h @ p["Wq"] @ keys.T / np.sqrt(A), dim=1)


def advance(model, picture, state, words):
    """Read words, one by one, from a state: h, or h and c side by side; both (n, size)."""
    p = {name: torch.tensor(w) for name, w in model.params.items()}
    h, c = state[:, :H], state[:, H:]
    for word in words:
        x = p["W_embed"][torch.tensor([word] * len(h))]
        if model.cell_type == "attention":
            x = torch.cat([x, look(p, picture, h) @ values_of(p, picture)], dim=1)
        a = x @ p["Wx"] + h @ p["Wh"] + p["b"]
        if model.cell_type == "rnn":
            h = torch.tanh(a)
        else:
            i, f, o, g = a.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
    return torch.cat([h, c], dim=1)


def first_state(model, picture):
    h = torch.tensor(picture @ model.params["W_proj"] + model.params["b_proj"])[None]
    return h if model.cell_type == "rnn" else torch.cat([h, torch.zeros_like(h)], dim=1)


def expected_norms(model, word):
    """Start anew from the state k steps before the word, and ask autograd; for every k."""
    norms = np.zeros((word + 1, 2, 3))
    for n, (picture, caption) in enumerate(zip(pictures(), CAPTIONS)):
        for k in range(word + 1):
            state = advance(model, picture, first_state(model, picture), caption[: word - k])
            state = state.detach().requires_grad_()
            h = advance(model, picture, state, caption[word - k : word])[:, :H]
            scores = h @ torch.tensor(model.params["W_vocab"]) + torch.tensor(
                model.params["b_vocab"]
            )
            functional.cross_entropy(scores, torch.tensor(caption[word : word + 1])).backward()
            norms[k, 0, n] = np.linalg.norm(state.grad[0, :H].numpy())
            norms[k, 1, n] = np.linalg.norm(state.grad[0, H:].numpy())
    return norms.mean(axis=2)


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize("word", [1, 2, 4])
def test_gradient_norms_equal_those_of_autograd(cell_type, word):
    model = small_model(cell_type)
    norms = gradient_norms(model, pictures(), CAPTIONS, word)
    expected = expected_norms(model, word)
    assert list(norms) == (["h"] if cell_type == "rnn" else ["h", "c"])
    np.testing.assert_allclose(norms["h"], expected[:, 0], rtol=1e-10, strict=True)
    if cell_type != "rnn":
        np.testing.assert_allclose(norms["c"], expected[:, 1], rtol=1e-10, strict=True)
        assert norms["c"][0] == 0


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize("threshold", [None, 0.1, 1.0])
def test_open_directions_equal_the_singular_values_of_the_jacobian(cell_type, threshold):
    model, word = small_model(cell_type), 4
    setting = {} if threshold is None else {"threshold": threshold}
    directions = open_directions(model, pictures(), CAPTIONS, word, **setting)
    counts = np.zeros((3, word + 1))
    for n, (picture, caption) in enumerate(zip(pictures(), CAPTIONS)):
        for k in range(word + 1):
            start = advance(model, picture, first_state(model, picture), caption[: word - k])
            jacobian = torch.autograd.functional.jacobian(
                partial(advance, model, picture, words=caption[word - k : word]), start
            )[0, :, 0]
            values = np.linalg.svd(jacobian.numpy(), compute_uv=False)
            counts[n, k] = np.count_nonzero(values > (threshold or 0.5))
    np.testing.assert_allclose(directions, counts.mean(axis=0), strict=True)
    assert directions[0] == (0 if threshold == 1 else H if cell_type == "rnn" else 2 * H)
    assert len(set(directions)) > 1  # the claim above says something


@pytest.mark.parametrize("cell_type", CELLS)
def test_the_dtype_is_kept(cell_type):
    norms = gradient_norms(small_model(cell_type, np.float32), pictures(), CAPTIONS, 4)
    expected = gradient_norms(small_model(cell_type), pictures(), CAPTIONS, 4)
    for state, values in norms.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, expected[state], rtol=1e-4)


def test_maps_are_where_the_network_looked_before_each_word_that_it_said():
    model = small_model("attention")
    captions = np.array([[3, 4, 2, 0], [4, 4, 3, 3], [2, 0, 0, 0]])
    maps = attention_maps(model, pictures(), captions)
    p = {name: torch.tensor(w) for name, w in model.params.items()}
    for n, (picture, caption) in enumerate(zip(pictures(), captions)):
        for t in range(4):
            read = [1, *caption][:t]  # <START> and what it has said
            h = advance(model, picture, first_state(model, picture), read)[:, :H]
            np.testing.assert_allclose(maps[n, t], look(p, picture, h)[0], rtol=1e-12)
    assert maps.shape == (3, 4, L)


def test_maps_of_a_sampled_caption_end_with_the_look_before_its_last_word():
    model = small_model("attention", np.float32)
    captions = model.sample(pictures(), 6)
    maps = attention_maps(model, pictures(), captions)
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(maps[:, :2], attention_maps(model, pictures(), captions[:, :2]))
    np.testing.assert_allclose(maps.sum(axis=2), 1, rtol=1e-6)

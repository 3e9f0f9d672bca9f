"""The captioning model: its loss and gradients, its greedy captions, its promises."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from cs231n_lib.speak import captioning
from cs231n_lib.speak.attention import attention_forward
from cs231n_lib.speak.captioning import CaptioningRNN, keys_and_values
from cs231n_lib.speak.gradient_check import relative_error
from cs231n_lib.speak.lstm import lstm_forward
from cs231n_lib.speak.rnn import rnn_forward
from tests.gradients import central_differences

CELLS = ["rnn", "lstm", "attention"]
VOCABULARY = {"red": 0, "<END>": 1, "blue": 2, "<NULL>": 3, "cat": 4, "<START>": 5, "dog": 6}
NULL, START, END = (VOCABULARY[word] for word in ("<NULL>", "<START>", "<END>"))
D, W, H, V = 6, 3, 4, len(VOCABULARY)
L, A = 3, 5
NAMES = ["W_proj", "b_proj", "W_embed", "Wx", "Wh", "b", "W_vocab", "b_vocab"]
LOOKING = ["Wq", "W_keys", "P_keys", "W_values", "P_values"]
LOOKING_SHAPES = dict(zip(LOOKING, [(H, A), (D // L, A), (L, A), (D // L, A), (L, A)]))
WEIGHTS = [(cell, name) for cell in CELLS for name in NAMES + LOOKING * (cell == "attention")]


def small_model(cell_type, seed=0, scale=1.0, dtype=np.float64, vocabulary=VOCABULARY):
    """A model whose weights, biases too, are large enough to matter."""
    model = CaptioningRNN(vocabulary, D, W, H, cell_type, dtype, L, A)
    rng = np.random.default_rng(seed)
    for name, weight in model.params.items():
        model.params[name] = (scale * rng.standard_normal(weight.shape)).astype(dtype)
    return model


def pictures(N, seed=0):
    return np.random.default_rng(seed).standard_normal((N, D))


CAPTIONS = np.array(
    [
        [START, 0, 4, 0, END, NULL],
        [START, 2, END, NULL, NULL, NULL],
        [START, 4, 6, NULL, 2, 6],  # a gap in a caption is not counted either
    ]
)


def torch_loss(cell_type, params, features, captions):
    """The loss written a second time, with PyTorch's own layers; returns the gradients too."""
    p = {name: torch.tensor(w, requires_grad=True) for name, w in params.items()}
    h = torch.tensor(features) @ p["W_proj"] + p["b_proj"]
    c = torch.zeros_like(h)
    loss = 0
    for t in range(captions.shape[1] - 1):
        x = p["W_embed"][captions[:, t]]
        if cell_type == "attention":
            fields = torch.tensor(features).view(len(h), L, D // L)
            keys, values = (fields @ p[f"W_{k}"] + p[f"P_{k}"] for k in ("keys", "values"))
            query = (h @ p["Wq"])[:, None]
            context = functional.scaled_dot_product_attention(query, keys, values)[:, 0]
            x = torch.cat([x, context], dim=1)
        a = x @ p["Wx"] + h @ p["Wh"] + p["b"]
        if cell_type == "rnn":
            h = torch.tanh(a)
        else:
            i, f, o, g = a.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        scores = h @ p["W_vocab"] + p["b_vocab"]
        target = torch.tensor(captions[:, t + 1])
        loss += functional.cross_entropy(scores, target, ignore_index=NULL, reduction="sum")
    loss = loss / len(captions)
    loss.backward()
    return loss.item(), {name: w.grad.numpy() for name, w in p.items()}


@pytest.mark.parametrize(("cell_type", "name"), WEIGHTS)
def test_gradient_of_the_loss_equals_central_differences(cell_type, name):
    model, features = small_model(cell_type), pictures(3)
    _, grads = model.loss(features, CAPTIONS)
    numeric = central_differences(
        lambda _: model.loss(features, CAPTIONS)[0], model.params[name], 1.0
    )
    assert relative_error(grads[name], numeric) < 1e-7


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize(("N", "T"), [(1, 1), (3, 2), (3, 5)])
def test_loss_and_gradients_equal_those_of_autograd(cell_type, N, T):
    model, features = small_model(cell_type), pictures(N)
    loss, grads = model.loss(features, CAPTIONS[:N, : T + 1])
    expected, expected_grads = torch_loss(cell_type, model.params, features, CAPTIONS[:N, : T + 1])
    assert loss == pytest.approx(expected, rel=1e-12)
    assert [(cell_type, name) for name in model.params] == [w for w in WEIGHTS if w[0] == cell_type]
    assert grads.keys() == expected_grads.keys()
    for name in model.params:
        np.testing.assert_allclose(
            grads[name], expected_grads[name], rtol=1e-10, atol=1e-13, strict=True
        )


@pytest.mark.parametrize("cell_type", CELLS)
def test_loss_of_an_undecided_model_is_the_logarithm_of_the_vocabulary(cell_type):
    model = small_model(cell_type, scale=0.0)
    loss, _ = model.loss(pictures(3), CAPTIONS)
    assert loss == pytest.approx((4 + 2 + 4) / 3 * np.log(V), rel=1e-12)


# Captions.


# Seeds of weights that say captions of several lengths, some of them cut.
SPREAD = [("rnn", 206), ("lstm", 517), ("attention", 289)]


def scores_after(model, features, words):
    """Of what could come next, after words (1, t) that the network has read about one picture."""
    p = model.params
    x, h0 = p["W_embed"][words], features @ p["W_proj"] + p["b_proj"]
    weights = p["Wx"], p["Wh"], p["b"]
    if model.cell_type == "rnn":
        h, _ = rnn_forward(x, h0, *weights)
    elif model.cell_type == "lstm":
        h, _ = lstm_forward(x, h0, *weights)
    else:
        Wx, Wh, b = weights
        keys, values = keys_and_values(model, features)
        h, _ = attention_forward(x, h0, keys, values, Wx, Wh, p["Wq"], b)
    return h[0, -1] @ p["W_vocab"] + p["b_vocab"]


def slow_sample(model, features, max_length):
    """Greedy captions, picture by picture; every word reads the whole prefix anew."""
    captions = []
    for picture in features:
        words = []
        while len(words) < max_length and END not in words:
            prefix = np.array([[START, *words]])
            words.append(int(np.argmax(scores_after(model, picture[None], prefix))))
        captions.append(words + [NULL] * (max_length - len(words)))
    return np.array(captions)


@pytest.mark.parametrize(("cell_type", "seed"), SPREAD)
@pytest.mark.parametrize("max_length", [1, 2, 9])
def test_sample_equals_a_slow_loop_over_growing_prefixes(cell_type, seed, max_length):
    model, features = small_model(cell_type, seed, scale=2.0), pictures(40)
    captions = model.sample(features, max_length)
    np.testing.assert_array_equal(captions, slow_sample(model, features, max_length))
    assert captions.shape == (40, max_length)
    assert captions.dtype.kind == "i"


@pytest.mark.parametrize(("cell_type", "seed"), SPREAD)
def test_sample_says_null_behind_end_and_only_there_stops(cell_type, seed):
    captions = small_model(cell_type, seed, scale=2.0).sample(pictures(40), 9)
    ends = [list(row).index(END) if END in row else 9 for row in captions]
    # Captions of several lengths, some cut, so that the claim below says something.
    assert len(set(ends)) >= 4
    assert 9 in ends
    for row, end in zip(captions, ends):
        assert set(row[end + 1 :]) <= {NULL}
        assert END not in row[:end]


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize("temperature", [0.5, 1, 3.0])
def test_drawn_words_come_as_often_as_the_softmax_says(cell_type, temperature):
    model, N = small_model(cell_type, seed=3), 20_000
    features = np.repeat(pictures(1), N, axis=0)
    words = model.sample(features, 1, temperature, np.random.default_rng(5))[:, 0]
    scores = torch.tensor(scores_after(model, features[:1], np.array([[START]])))
    expected = functional.softmax(scores / temperature, dim=0).numpy()
    # Four standard deviations of a share of N draws.
    limit = 4 * np.sqrt(expected * (1 - expected) / N)
    assert (np.abs(np.bincount(words, minlength=V) / N - expected) <= limit).all()


def test_sampling_repeats_itself_unless_given_a_generator_that_goes_on():
    model, features = small_model("rnn"), pictures(30)
    first = model.sample(features, 5, temperature=1)
    np.testing.assert_array_equal(model.sample(features, 5, temperature=1), first)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(model.sample(features, 5, 1, rng), first)
    assert (model.sample(features, 5, 1, rng) != first).any()
    np.testing.assert_array_equal(model.sample(features, 5, 1e-9), model.sample(features, 5))


def speaker(cell_type, successor):
    """A model that says, whatever it sees, ``successor[word]`` after each word."""
    vocabulary = {"<NULL>": 0, "<START>": 1, "<END>": 2, "a": 3, "b": 4, "c": 5}
    model = CaptioningRNN(
        vocabulary, input_dim=2, wordvec_dim=6, hidden_dim=6, cell_type=cell_type, fields=2
    )
    for weight in model.params.values():
        weight[:] = 0
    model.params["W_embed"][:] = np.eye(6)
    model.params["Wx"][:6, -6:] = np.eye(6)  # for the LSTM, the candidate
    model.params["b"][:-6] = np.repeat([100, -100, 100], 6)[: len(model.params["b"]) - 6]
    for word, next_word in successor.items():
        model.params["W_vocab"][word, next_word] = 1
    return model


@pytest.mark.parametrize("cell_type", CELLS)
def test_first_column_is_the_first_word_after_start(cell_type):
    model = speaker(cell_type, {1: 3, 3: 4, 4: 5, 5: 2, 2: 3})
    captions = model.sample(np.ones((2, 2)), max_length=7)
    np.testing.assert_array_equal(captions, [[3, 4, 5, 2, 0, 0, 0]] * 2)


@pytest.mark.parametrize("cell_type", CELLS)
def test_sample_speaks_on_after_null(cell_type):
    model = speaker(cell_type, {1: 3, 3: 0, 0: 4, 4: 2})
    np.testing.assert_array_equal(model.sample(np.ones((1, 2)), 6), [[3, 0, 4, 2, 0, 0]])


@pytest.mark.parametrize("cell_type", CELLS)
def test_sample_of_a_caption_without_end_is_cut_at_thirty_words_unless_told(cell_type):
    model = speaker(cell_type, {1: 3, 3: 4, 4: 3})
    np.testing.assert_array_equal(model.sample(np.ones((1, 2))), [[3, 4] * 15])
    np.testing.assert_array_equal(model.sample(np.ones((1, 2)), np.int64(3)), [[3, 4, 3]])


@pytest.mark.parametrize("cell_type", CELLS)
def test_sample_without_end_in_the_vocabulary_never_stops(cell_type):
    vocabulary = {"<NULL>": 0, "<START>": 1, "a": 2}
    model = CaptioningRNN(vocabulary, D, W, H, cell_type, fields=L)
    model.params["b_vocab"][2] = 100
    np.testing.assert_array_equal(model.sample(pictures(2), 4), np.full((2, 4), 2))


@pytest.mark.parametrize("cell_type", CELLS)
def test_sample_takes_no_step_after_the_last_end(cell_type, monkeypatch):
    forward, products = captioning.affine_forward, []
    monkeypatch.setattr(captioning, "affine_forward", lambda *a: products.append(1) or forward(*a))
    captions = speaker(cell_type, {1: 3, 3: 2}).sample(np.ones((4, 2)), max_length=1000)
    assert len(products) == 1 + 2  # of the features, and of two steps
    np.testing.assert_array_equal(captions[:, :2], [[3, 2]] * 4)
    assert not captions[:, 2:].any()


# Weights.


@pytest.mark.parametrize(
    ("cell_type", "gates", "inputs", "looking"),
    [
        ("rnn", 1, W, {}),
        ("lstm", 4, W, {}),
        ("attention", 4, W + A, LOOKING_SHAPES),
    ],
)
def test_weights_have_the_usual_names_and_shapes(cell_type, gates, inputs, looking):
    model = CaptioningRNN(VOCABULARY, D, W, H, cell_type, fields=L, attention_dim=A)
    assert {name: weight.shape for name, weight in model.params.items()} == looking | {
        "W_proj": (D, H),
        "b_proj": (H,),
        "W_embed": (V, W),
        "Wx": (inputs, gates * H),
        "Wh": (H, gates * H),
        "b": (gates * H,),
        "W_vocab": (H, V),
        "b_vocab": (V,),
    }
    assert model.cell_type == cell_type


@pytest.mark.parametrize("cell_type", CELLS)
def test_new_weights_have_the_promised_scale(cell_type):
    words = {"<NULL>": 0} | {str(k): k for k in range(1, 400)}
    model = CaptioningRNN(words, 900, 100, 64, cell_type, fields=30, attention_dim=400)
    inputs = 500 if cell_type == "attention" else 100
    rows = {"W_proj": 900, "Wx": inputs, "Wh": 64, "W_vocab": 64, "W_embed": 10_000, "Wq": 64}
    rows |= dict.fromkeys(LOOKING[1:], 30)  # channels, and places
    for name, weight in model.params.items():
        if name in rows:
            assert weight.std() * np.sqrt(rows[name]) == pytest.approx(1, abs=0.05)
            assert abs(weight.mean()) < 0.05 * weight.std()
        else:
            assert not weight.any()


@pytest.mark.parametrize("cell_type", CELLS)
def test_initialize_repeats_itself_for_the_same_seed_and_only_then(cell_type):
    first, second = (CaptioningRNN(VOCABULARY, D, W, H, cell_type, fields=L) for _ in range(2))
    for name in first.params:
        np.testing.assert_array_equal(first.params[name], second.params[name])
    second.initialize(np.random.default_rng(1))
    assert not np.array_equal(first.params["Wx"], second.params["Wx"])
    first.initialize(np.random.default_rng(1))
    for name in first.params:
        np.testing.assert_array_equal(first.params[name], second.params[name])
    second.initialize(np.random.default_rng(0))
    new = CaptioningRNN(VOCABULARY, D, W, H, cell_type, fields=L)
    np.testing.assert_array_equal(second.params["W_vocab"], new.params["W_vocab"])


def test_the_vocabulary_is_the_models_own():
    vocabulary = dict(VOCABULARY)
    model = CaptioningRNN(vocabulary, D, W, H)
    vocabulary.clear()
    assert model.word_to_idx == VOCABULARY


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("features_dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell_type", CELLS)
def test_everything_is_computed_in_the_dtype_of_the_model(cell_type, dtype, features_dtype):
    model = CaptioningRNN(VOCABULARY, D, W, H, cell_type, dtype, fields=L)
    assert model.dtype == dtype
    features = pictures(3).astype(features_dtype)
    loss, grads = model.loss(features, CAPTIONS)
    arrays = [loss, *grads.values(), *model.params.values()]
    assert {a.dtype for a in arrays} == {np.dtype(dtype)}
    assert model.sample(features, 2).dtype.kind == "i"


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype(np.float32)])
def test_dtype_may_be_given_by_any_of_its_names(dtype):
    model = CaptioningRNN(VOCABULARY, D, W, H, dtype=dtype)
    assert isinstance(model.dtype, np.dtype)
    assert model.params["Wx"].dtype == np.float32


@pytest.mark.parametrize("cell_type", CELLS)
def test_sample_says_when_finite_weights_overflow(cell_type):
    model = small_model(cell_type)
    model.params["W_proj"][...], model.params["b_proj"][...] = 0, 1
    model.params["Wh"][...] = -1e308  # finite, and their sum is not
    model.params["W_embed"][...] = model.params["Wx"][...] = 1e300
    error = pytest.raises(ValueError, match=r"^sample: the hidden state contains")
    with np.errstate(all="ignore"), error:
        model.sample(pictures(3))


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        (np.where(np.arange(3)[:, None] == 1, NULL, CAPTIONS), "1 of 3 .* is captions[1]"),
        (np.full((3, 4), NULL), "3 of 3 .* is captions[0]"),
        ([[START, 0, 0], [START, 0, 0], [START, NULL, NULL]], "1 of 3 .* is captions[2]"),
    ],
)
def test_loss_names_the_first_caption_with_nothing_to_predict(captions, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        small_model("rnn").loss(pictures(3), np.array(captions))


def test_a_model_of_size_one_or_of_numpy_sizes_is_fine():
    one = np.int64(1)
    model = CaptioningRNN({"<NULL>": 0}, one, one, one, "lstm")
    assert model.params["Wx"].shape == (1, 4)


def test_loss_of_captions_of_a_single_word_to_predict():
    loss, _ = small_model("rnn", scale=0.0).loss(pictures(1), np.array([[START, END]]))
    assert loss == pytest.approx(np.log(V))


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ({"<NULL>": 0, "cat": 1, "dog": 1}, "gives 'cat' and 'dog' the index 1, expected one of"),
        ({"<NULL>": 0, "<END>": 2}, r"\['<END>'\] contains 2, expected indices from 0 to 1"),
        ({"<NULL>": 0, "cat": "1"}, r"\['cat'\] is '1', expected a whole number"),
        ({"<NULL>": 0, "cat": True}, r"\['cat'\] is True, expected a whole number"),
        ({"<NULL>": 0, "cat": -1}, r"\['cat'\] is -1, expected at least 0"),
        ({"0": "<NULL>", "1": "cat"}, "no '<NULL>', the padding behind a caption; it has 2 words"),
    ],
)
def test_a_vocabulary_that_cannot_work_is_refused(vocabulary, message):
    with pytest.raises((TypeError, ValueError), match=rf"^CaptioningRNN: word_to_idx.*{message}"):
        CaptioningRNN(vocabulary)


def test_the_vocabulary_of_2017_with_a_gap_and_a_word_beyond_it_will_do():
    words = {"<NULL>": np.int64(0), "cat": 2, "dog": 3}
    model = CaptioningRNN(words, input_dim=D)
    loss, _ = model.loss(pictures(1), [[0, 2, 1]])
    assert loss > 0


def test_captions_in_lists_are_as_good_as_arrays():
    model = small_model("lstm")
    loss, grads = model.loss(pictures(3), CAPTIONS.tolist())
    expected, expected_grads = model.loss(pictures(3), CAPTIONS)
    assert loss == expected
    np.testing.assert_equal(grads, expected_grads)

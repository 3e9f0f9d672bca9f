"""The numeric checks of the course's own notebooks of 2017, with the numbers printed there.

``RNN_Captioning`` and ``LSTM_Captioning`` of Assignment 3; the update rules of Assignment 2 are
compared with their formulas, written out anew.
"""

import inspect

import numpy as np
import pytest

from cs231n_lib.see.class_visualization import create_class_visualization
from cs231n_lib.see.fooling import make_fooling_image
from cs231n_lib.see.network import extract_features
from cs231n_lib.see.saliency import compute_saliency_maps
from cs231n_lib.see.style_losses import content_loss, gram_matrix, style_loss, tv_loss
from cs231n_lib.see.style_transfer import style_transfer
from cs231n_lib.speak import layers, lstm, optim, rnn
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.layers import temporal_softmax_loss
from cs231n_lib.speak.optim import adam, rmsprop, sgd_momentum


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (layers.affine_forward, "x w b"),
        (layers.affine_backward, "dout cache"),
        (layers.temporal_affine_forward, "x w b"),
        (layers.temporal_affine_backward, "dout cache"),
        (layers.temporal_softmax_loss, "x y mask"),
        (layers.word_embedding_forward, "x W"),
        (layers.word_embedding_backward, "dout cache"),
        (rnn.rnn_step_forward, "x prev_h Wx Wh b"),
        (rnn.rnn_step_backward, "dnext_h cache"),
        (rnn.rnn_forward, "x h0 Wx Wh b"),
        (rnn.rnn_backward, "dh cache"),
        (lstm.lstm_step_forward, "x prev_h prev_c Wx Wh b"),
        (lstm.lstm_step_backward, "dnext_h dnext_c cache"),
        (lstm.lstm_forward, "x h0 Wx Wh b"),
        (lstm.lstm_backward, "dh cache"),
        (CaptioningRNN, "word_to_idx input_dim wordvec_dim hidden_dim cell_type dtype"),
        (CaptioningRNN.loss, "self features captions"),
        (CaptioningRNN.sample, "self features max_length"),
        (optim.sgd, "w dw config"),
        (optim.sgd_momentum, "w dw config"),
        (optim.rmsprop, "w dw config"),
        (optim.adam, "w dw config"),
        (compute_saliency_maps, "X y model"),
        (make_fooling_image, "X target_y model"),
        (create_class_visualization, "target_y model dtype"),
        (content_loss, "content_weight content_current content_original"),
        (gram_matrix, "features normalize"),
        (style_loss, "feats style_layers style_targets style_weights"),
        (tv_loss, "img tv_weight"),
        (extract_features, "x cnn"),
        (
            style_transfer,
            "content_image style_image image_size style_size content_layer content_weight "
            "style_layers style_weights tv_weight init_random",
        ),
    ],
)
def test_the_notebooks_can_call_the_library_as_they_did(function, names):
    """Arguments by place are the assignment's; what is more has a default, or only a name."""
    parameters = list(inspect.signature(function).parameters.values())
    places = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    expected = names.split()
    assert [p.name for p in places][: len(expected)] == expected
    assert all(p.default is not p.empty for p in parameters if p.name not in expected)


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        (
            create_class_visualization,
            {
                "l2_reg": 1e-3, "learning_rate": 25, "num_iterations": 100,
                "blur_every": 10, "max_jitter": 16, "show_every": 25,
            },
        ),
        (gram_matrix, {"normalize": True}),
        (optim.adam, {"config": None}),
        (
            CaptioningRNN,
            {
                "input_dim": 512, "wordvec_dim": 128, "hidden_dim": 128, "cell_type": "rnn",
                "dtype": np.float32,
            },
        ),
    ],
)  # fmt: skip
def test_settings_are_those_of_2017(function, settings):
    parameters = inspect.signature(function).parameters
    assert {name: parameters[name].default for name in settings} == settings


def spread(start, stop, *shape):
    return np.linspace(start, stop, np.prod(shape)).reshape(shape)


def test_rnn_step_forward():
    N, D, H = 3, 10, 4
    next_h, _ = rnn.rnn_step_forward(
        x=spread(-0.4, 0.7, N, D),
        prev_h=spread(-0.2, 0.5, N, H),
        Wx=spread(-0.1, 0.9, D, H),
        Wh=spread(-0.3, 0.7, H, H),
        b=spread(-0.2, 0.4, H),
    )
    expected = [
        [-0.58172089, -0.50182032, -0.41232771, -0.31410098],
        [0.66854692, 0.79562378, 0.87755553, 0.92795967],
        [0.97934501, 0.99144213, 0.99646691, 0.99854353],
    ]
    np.testing.assert_allclose(next_h, expected, rtol=0, atol=5.1e-9)


def test_rnn_forward():
    N, T, D, H = 2, 3, 4, 5
    h, _ = rnn.rnn_forward(
        x=spread(-0.1, 0.3, N, T, D),
        h0=spread(-0.3, 0.1, N, H),
        Wx=spread(-0.2, 0.4, D, H),
        Wh=spread(-0.4, 0.1, H, H),
        b=spread(-0.7, 0.1, H),
    )
    expected = [
        [
            [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251],
            [-0.39525808, -0.22554661, -0.0409454, 0.14649412, 0.32397316],
            [-0.42305111, -0.24223728, -0.04287027, 0.15997045, 0.35014525],
        ],
        [
            [-0.55857474, -0.39065825, -0.19198182, 0.02378408, 0.23735671],
            [-0.27150199, -0.07088804, 0.13562939, 0.33099728, 0.50158768],
            [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043],
        ],
    ]
    np.testing.assert_allclose(h, expected, rtol=0, atol=5.1e-9)


def test_lstm_step_forward():
    N, D, H = 3, 4, 5
    next_h, next_c, _ = lstm.lstm_step_forward(
        x=spread(-0.4, 1.2, N, D),
        prev_h=spread(-0.3, 0.7, N, H),
        prev_c=spread(-0.4, 0.9, N, H),
        Wx=spread(-2.1, 1.3, D, 4 * H),
        Wh=spread(-0.7, 2.2, H, 4 * H),
        b=spread(0.3, 0.7, 4 * H),
    )
    expected_h = [
        [0.24635157, 0.28610883, 0.32240467, 0.35525807, 0.38474904],
        [0.49223563, 0.55611431, 0.61507696, 0.66844003, 0.7159181],
        [0.56735664, 0.66310127, 0.74419266, 0.80889665, 0.858299],
    ]
    expected_c = [
        [0.32986176, 0.39145139, 0.451556, 0.51014116, 0.56717407],
        [0.66382255, 0.76674007, 0.87195994, 0.97902709, 1.08751345],
        [0.74192008, 0.90592151, 1.07717006, 1.25120233, 1.42395676],
    ]
    np.testing.assert_allclose(next_h, expected_h, rtol=0, atol=5.1e-9)
    np.testing.assert_allclose(next_c, expected_c, rtol=0, atol=5.1e-9)


def test_lstm_forward():
    N, D, H, T = 2, 5, 4, 3
    h, _ = lstm.lstm_forward(
        x=spread(-0.4, 0.6, N, T, D),
        h0=spread(-0.4, 0.8, N, H),
        Wx=spread(-0.2, 0.9, D, 4 * H),
        Wh=spread(-0.3, 0.6, H, 4 * H),
        b=spread(0.2, 0.7, 4 * H),
    )
    expected = [
        [
            [0.01764008, 0.01823233, 0.01882671, 0.0194232],
            [0.11287491, 0.12146228, 0.13018446, 0.13902939],
            [0.31358768, 0.33338627, 0.35304453, 0.37250975],
        ],
        [
            [0.45767879, 0.4761092, 0.4936887, 0.51041945],
            [0.6704845, 0.69350089, 0.71486014, 0.7346449],
            [0.81733511, 0.83677871, 0.85403753, 0.86935314],
        ],
    ]
    np.testing.assert_allclose(h, expected, rtol=0, atol=5.1e-9)


def test_word_embedding_forward():
    out, _ = layers.word_embedding_forward(
        np.array([[0, 3, 1, 2], [2, 1, 0, 3]]), spread(0, 1, 5, 3)
    )
    rows = {
        0: [0.0, 0.07142857, 0.14285714],
        1: [0.21428571, 0.28571429, 0.35714286],
        2: [0.42857143, 0.5, 0.57142857],
        3: [0.64285714, 0.71428571, 0.78571429],
    }
    expected = [[rows[word] for word in sentence] for sentence in ([0, 3, 1, 2], [2, 1, 0, 3])]
    np.testing.assert_allclose(out, expected, rtol=0, atol=5.1e-9)


@pytest.mark.parametrize(
    ("N", "T", "V", "kept", "expected", "tolerance"),
    [
        (100, 1, 10, 1.0, 2.3, 0.01),
        (100, 10, 10, 1.0, 23, 0.1),
        (5000, 10, 10, 0.1, 2.3, 0.1),
    ],
)
def test_temporal_softmax_loss(N, T, V, kept, expected, tolerance):
    rng = np.random.default_rng(231)
    x = 0.001 * rng.standard_normal((N, T, V))
    y = rng.integers(V, size=(N, T))
    loss, _ = temporal_softmax_loss(x, y, rng.random((N, T)) <= kept)
    assert loss == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("cell_type", "start", "stop", "expected"),
    [("rnn", -1.5, 0.3, 9.83235591003), ("lstm", -0.5, 1.7, 9.82445935443)],
)
def test_captioning_loss(cell_type, start, stop, expected):
    N, D, W, H, T = 10, 20, 30, 40, 13
    word_to_idx = {"<NULL>": 0, "cat": 2, "dog": 3}
    model = CaptioningRNN(
        word_to_idx,
        input_dim=D,
        wordvec_dim=W,
        hidden_dim=H,
        cell_type=cell_type,
        dtype=np.float64,
    )
    for name, weight in model.params.items():
        model.params[name] = spread(-1.4, 1.3, *weight.shape)
    captions = (np.arange(N * T) % len(word_to_idx)).reshape(N, T)
    loss, _ = model.loss(spread(start, stop, N, D), captions)
    assert loss == pytest.approx(expected, abs=5.1e-12)


# The update rules, as in Assignment 2: one step, in the middle of training.


def step_numbers():
    return spread(-0.4, 0.6, 4, 5), spread(-0.6, 0.4, 4, 5), spread(0.6, 0.9, 4, 5)


def test_sgd_momentum():
    w, dw, velocity = step_numbers()
    next_w, config = sgd_momentum(w, dw, {"learning_rate": 1e-3, "velocity": velocity})
    expected = [[0.9 * v - 1e-3 * d for v, d in zip(*rows)] for rows in zip(velocity, dw)]
    np.testing.assert_allclose(config["velocity"], expected, rtol=1e-13)
    np.testing.assert_allclose(next_w, w + expected, rtol=1e-13, atol=1e-16)


def test_rmsprop():
    w, dw, cache = step_numbers()
    next_w, config = rmsprop(w, dw, {"learning_rate": 1e-2, "cache": cache})
    for index in np.ndindex(4, 5):
        mean = 0.99 * cache[index] + 0.01 * dw[index] ** 2
        step = 1e-2 * dw[index] / (mean**0.5 + 1e-8)
        assert config["cache"][index] == pytest.approx(mean, rel=1e-13)
        assert next_w[index] == pytest.approx(w[index] - step, rel=1e-13)


def test_adam():
    w, dw, m = step_numbers()
    v = spread(0.7, 0.5, 4, 5)
    next_w, config = adam(w, dw, {"learning_rate": 1e-2, "m": m, "v": v, "t": 5})
    assert config["t"] == 6
    for index in np.ndindex(4, 5):
        mean = 0.9 * m[index] + 0.1 * dw[index]
        square = 0.999 * v[index] + 0.001 * dw[index] ** 2
        step = 1e-2 * mean / (1 - 0.9**6) / ((square / (1 - 0.999**6)) ** 0.5 + 1e-8)
        assert config["m"][index] == pytest.approx(mean, rel=1e-13)
        assert config["v"][index] == pytest.approx(square, rel=1e-13)
        assert next_w[index] == pytest.approx(w[index] - step, rel=1e-13)

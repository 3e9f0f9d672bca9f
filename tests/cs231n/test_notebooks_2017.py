"""The checks of the four notebooks of Assignment 3, Spring 2017, against the package ``cs231n``.

Their calls and their checks, written down anew. A tolerance is the notebook's own, or that of the
result printed in it, where this is larger. What depends on weights that are not at hand is compared
with its formula, on the weights that are. ``test_notebooks_run.py`` runs the cells in a kernel.
"""
# ruff: noqa: F403, F405, NPY002 - names and random numbers as the notebooks have them

import importlib.util
import re
import subprocess
import sys
import urllib.error

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from cs231n import optim, since_2017
from cs231n import style_transfer_pytorch as style
from cs231n.captioning_solver import CaptioningSolver
from cs231n.classifiers.rnn import CaptioningRNN
from cs231n.coco_utils import decode_captions, load_coco_data, sample_coco_minibatch
from cs231n.data_utils import load_imagenet_val
from cs231n.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
from cs231n.image_utils import image_from_url
from cs231n.net_visualization_pytorch import *
from cs231n.rnn_layers import *
from cs231n_lib.see.images import load_image
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.see.torchvision_import import import_torchvision
from cs231n_lib.speak import optim as book
from tests.chapters import ROOT

VOCABULARY = {"<NULL>": 0, "cat": 2, "dog": 3}  # the notebooks': with a gap
WORDS = ["<NULL>", "<START>", "<END>", "<UNK>", *"abcdefghij"]
PARTS = ("captions", "image_idxs", "features", "urls")


@pytest.fixture
def shown(monkeypatch):
    """The titles of the pictures that a notebook shows."""
    titles = []

    def show():
        assert plt.gca().images
        titles.append(plt.gca().get_title())
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    return titles


def spread(start, stop, *shape):
    return np.linspace(start, stop, num=np.prod(shape)).reshape(shape)


def normal(*shapes):
    np.random.seed(231)
    return [np.random.randn(*shape) for shape in shapes]


def gradient_errors(forward, backward, *arguments):
    """What a gradient check prints: an error for each argument of floats."""
    *outs, cache = forward(*arguments)
    upstream = [np.random.randn(*out.shape) for out in outs]
    found = backward(*upstream, cache)
    found = found if isinstance(found, tuple) else (found,)
    for gradient, x in zip(found, [a for a in arguments if a.dtype == float], strict=True):
        parts = [
            eval_numerical_gradient_array(lambda _, n=n: forward(*arguments)[n], x, df)
            for n, df in enumerate(upstream)
        ]
        yield style.rel_error(gradient, sum(parts))


# RNN_Captioning and LSTM_Captioning: layers


FORWARD = [
    (rnn_step_forward,
     [(-0.4, 0.7, 3, 10), (-0.2, 0.5, 3, 4), (-0.1, 0.9, 10, 4), (-0.3, 0.7, 4, 4), (-0.2, 0.4, 4)],
     [[0.97934501, 0.99144213, 0.99646691, 0.99854353]], 1e-8),
    (rnn_forward,
     [(-0.1, 0.3, 2, 3, 4), (-0.3, 0.1, 2, 5), (-0.2, 0.4, 4, 5), (-0.4, 0.1, 5, 5),
      (-0.7, 0.1, 5)],
     [[-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043]], 1e-7),
    (lstm_step_forward,
     [(-0.4, 1.2, 3, 4), (-0.3, 0.7, 3, 5), (-0.4, 0.9, 3, 5), (-2.1, 1.3, 4, 20),
      (-0.7, 2.2, 5, 20), (0.3, 0.7, 20)],
     [[0.56735664, 0.66310127, 0.74419266, 0.80889665, 0.858299],
      [0.74192008, 0.90592151, 1.07717006, 1.25120233, 1.42395676]], 1e-8),
    (lstm_forward,
     [(-0.4, 0.6, 2, 3, 5), (-0.4, 0.8, 2, 4), (-0.2, 0.9, 5, 16), (-0.3, 0.6, 4, 16),
      (0.2, 0.7, 16)],
     [[0.81733511, 0.83677871, 0.85403753, 0.86935314]], 1e-7),
]  # fmt: skip


@pytest.mark.parametrize(("forward", "inputs", "last_rows", "tolerance"), FORWARD)
def test_forward_passes_give_the_printed_numbers(forward, inputs, last_rows, tolerance):
    """The last rows; all of them are in ``tests/speak/test_originals.py``."""
    *outs, _ = forward(*(spread(*numbers) for numbers in inputs))
    for out, row in zip(outs, last_rows, strict=True):
        assert style.rel_error(out.reshape(-1, out.shape[-1])[-1], np.array(row)) < tolerance


@pytest.mark.parametrize(
    ("forward", "backward", "shapes", "tolerance"),
    [
        (rnn_step_forward, rnn_step_backward, [(4, 5), (4, 6), (5, 6), (6, 6), (6,)], 1e-8),
        (rnn_forward, rnn_backward, [(2, 10, 3), (2, 5), (3, 5), (5, 5), (5,)], 1e-6),
        (lstm_step_forward, lstm_step_backward,
         [(4, 5), (4, 6), (4, 6), (5, 24), (6, 24), (24,)], 1e-6),
        (lstm_forward, lstm_backward, [(2, 10, 3), (2, 6), (3, 24), (6, 24), (24,)], 3e-6),
        (temporal_affine_forward, temporal_affine_backward, [(2, 3, 4), (4, 5), (5,)], 1e-9),
    ],
)  # fmt: skip
def test_gradients_of_the_layers(forward, backward, shapes, tolerance):
    assert max(gradient_errors(forward, backward, *normal(*shapes))) < tolerance


@pytest.mark.parametrize(
    ("forward", "backward", "shapes"),
    [
        (rnn_step_forward, rnn_step_backward, [(4, 5), (4, 6), (5, 6), (6, 6), (6,)]),
        (rnn_forward, rnn_backward, [(2, 10, 3), (2, 5), (3, 5), (5, 5), (5,)]),
        (lstm_forward, lstm_backward, [(2, 10, 3), (2, 6), (3, 24), (6, 24), (24,)]),
    ],
)
def test_states_belong_to_the_caller(forward, backward, shapes):
    states, cache = forward(*normal(*shapes))
    before = backward(np.ones_like(states), cache)
    states[:] = 7
    for gradient, same in zip(before, backward(np.ones_like(states), cache), strict=True):
        np.testing.assert_array_equal(gradient, same)


def test_word_embedding_gives_the_printed_numbers():
    out, _ = word_embedding_forward(np.array([[0, 3, 1, 2], [2, 1, 0, 3]]), spread(0, 1, 5, 3))
    assert style.rel_error(out[1, 3], np.array([0.64285714, 0.71428571, 0.78571429])) < 1e-8


@pytest.mark.parametrize("shape", [(50, 3), (7,)])
def test_gradient_of_the_word_embedding_also_of_a_single_sentence(shape):
    (W,) = normal((5, 6))
    x = np.random.randint(5, size=shape)
    assert word_embedding_forward(x, W)[0].shape == (*shape, 6)
    (error,) = gradient_errors(word_embedding_forward, word_embedding_backward, x, W)
    assert error < 1e-11


def test_softmax_loss(capsys):
    for N, T, share, expected in ((100, 1, 1, 2.3), (100, 10, 1, 23), (5000, 10, 0.1, 2.3)):
        x = 0.001 * np.random.randn(N, T, 10)
        y, mask = np.random.randint(10, size=(N, T)), np.random.rand(N, T) <= share
        assert temporal_softmax_loss(x, y, mask)[0] == pytest.approx(expected, rel=0.05)
    (x,) = normal((7, 8, 9))
    y, mask = np.random.randint(9, size=(7, 8)), np.random.rand(7, 8) > 0.5
    _, dx = temporal_softmax_loss(x, y, mask, verbose=False)
    f = lambda x: temporal_softmax_loss(x, y, mask)[0]  # noqa: E731
    assert style.rel_error(dx, eval_numerical_gradient(f, x, verbose=False)) < 3e-7
    assert capsys.readouterr().out == ""
    temporal_softmax_loss(x, y, mask, verbose=True)
    assert capsys.readouterr().out == "dx_flat:  (56, 9)\n"


def test_numerical_gradients_say_all_if_not_told_otherwise(capsys):
    eval_numerical_gradient(lambda x: (x**2).sum(), np.ones((2, 1)))
    assert re.fullmatch(r"\(0, 0\) [12]\.\d+\n\(1, 0\) [12]\.\d+\n", capsys.readouterr().out)


def test_sigmoid_has_the_argument_of_2017():
    np.testing.assert_allclose(sigmoid(x=np.array([-1e3, 0, 1e3])), [0, 0.5, 1])


# RNN_Captioning and LSTM_Captioning: the model


@pytest.mark.parametrize(
    ("cell_type", "start", "stop", "expected"),
    [("rnn", -1.5, 0.3, 9.83235591003), ("lstm", -0.5, 1.7, 9.82445935443)],
)
def test_loss_of_the_model_is_the_printed_one(cell_type, start, stop, expected):
    model = CaptioningRNN(
        VOCABULARY, input_dim=20, wordvec_dim=30, hidden_dim=40, cell_type=cell_type,
        dtype=np.float64,
    )  # fmt: skip
    for name, w in model.params.items():
        model.params[name] = spread(-1.4, 1.3, *w.shape)
    loss, _ = model.loss(spread(start, stop, 10, 20), (np.arange(130) % 3).reshape(10, 13))
    assert abs(loss - expected) < 1e-10


def test_gradients_of_the_model():
    """The cell of the gradient check; where it is not seeded, a quarter of its draws are silent."""
    silent = 0
    for seed in (*range(40), 231):
        np.random.seed(seed)
        captions, features = np.random.randint(3, size=(2, 3)), np.random.randn(2, 4)
        model = CaptioningRNN(
            VOCABULARY, input_dim=4, wordvec_dim=5, hidden_dim=6, cell_type="rnn", dtype=np.float64
        )
        _, grads = model.loss(features, captions)
        silent += not captions[:, 1:].any(axis=1).all()
        f = lambda _: model.loss(features, captions)[0]  # noqa: B023, E731
        for name in sorted(grads) if seed == 231 else ["b", "b_proj"]:
            numeric = eval_numerical_gradient(f, model.params[name], verbose=False, h=1e-6)
            assert style.rel_error(numeric, grads[name]) < 5e-6
    assert silent > 5


def test_a_silent_caption_counts_in_the_mean_and_silence_alone_is_zero():
    model = CaptioningRNN(VOCABULARY, input_dim=4, wordvec_dim=5, hidden_dim=6, dtype=np.float64)
    features = np.random.randn(2, 4)
    both, grads = model.loss(features, np.array([[1, 2, 2], [1, 0, 0]]))
    alone, grads_alone = model.loss(features[:1], np.array([[1, 2, 2]]))
    assert both == pytest.approx(alone / 2)
    np.testing.assert_allclose(grads["W_proj"], grads_alone["W_proj"] / 2)
    loss, grads = model.loss(features, np.zeros((2, 3), int))
    assert loss == 0
    assert not any(grads[name].any() for name in model.params)


def test_the_seed_gives_the_weights_of_2017():
    np.random.seed(231)
    model = CaptioningRNN(VOCABULARY, input_dim=4, wordvec_dim=5, hidden_dim=6)
    shapes = {"W_embed": (3, 5), "W_proj": (4, 6), "Wx": (5, 6), "Wh": (6, 6), "W_vocab": (6, 3)}
    for (name, shape), w in zip(shapes.items(), normal(*shapes.values())):
        expected = w / (100 if name == "W_embed" else np.sqrt(shape[0]))
        np.testing.assert_array_equal(model.params[name], expected.astype(np.float32))
    assert (model._null, model._start, model.idx_to_word[3]) == (0, None, "dog")


# RNN_Captioning and LSTM_Captioning: data, training, sampling


def test_data_have_the_keys_and_types_of_2017(coco):
    data = load_coco_data(pca_features=True)
    splits = {f"{split}_{part}" for split in ("train", "val") for part in PARTS}
    assert data.keys() == splits | {"idx_to_word", "word_to_idx"}
    assert all(isinstance(data[key], np.ndarray) and len(data[key]) == 60 for key in splits)
    assert (type(data["idx_to_word"]), type(data["word_to_idx"])) == (list, dict)
    assert (data["train_captions"].dtype, data["train_urls"].dtype.kind) == (np.int32, "U")
    assert data["val_urls"][59] == "http://a.place.invalid/val59.jpg"
    assert load_coco_data(pca_features=False)["val_features"].shape == (60, 64)
    np.random.seed(1)
    small = load_coco_data(base_dir="cs231n/datasets/coco_captioning", max_train=50)
    np.random.seed(1)
    kept = np.random.randint(60, size=50)
    np.testing.assert_array_equal(small["train_image_idxs"], kept)
    np.testing.assert_array_equal(small["train_captions"], data["train_captions"][kept])


def test_missing_data_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"coco2014_vocab\.json.*coco_captioning"):
        load_coco_data(base_dir=tmp_path)


def test_minibatches_follow_the_seed_of_numpy(coco):
    data = load_coco_data()
    np.random.seed(231)
    captions, features, urls = sample_coco_minibatch(data, batch_size=3)
    np.random.seed(231)
    chosen = np.random.choice(60, 3)
    np.testing.assert_array_equal(captions, data["train_captions"][chosen])
    np.testing.assert_array_equal(features, data["train_features"][chosen])
    assert list(urls) == [f"http://a.place.invalid/train{n}.jpg" for n in chosen]
    again, _, _ = sample_coco_minibatch(data, batch_size=3, split="train")
    assert not np.array_equal(captions, again)


def test_decoded_captions_keep_their_start_and_end():
    row = np.array([1, 4, 7, 0, 2, 8], np.int32)
    assert decode_captions(row, WORDS) == "<START> a d <END>"
    assert decode_captions(row[None], dict(enumerate(WORDS))) == ["<START> a d <END>"]
    assert decode_captions(np.array([[4, 7, 0], [8, 0, 0]]), WORDS) == ["a d", "e"]
    assert decode_captions([[4, 7, 0], [8, 0, 0]], np.array(WORDS)) == ["a d", "e"]


def test_the_model_takes_lists_and_refuses_as_the_book_does():
    model = CaptioningRNN({word: i for i, word in enumerate(WORDS)}, 4, 5, 6)
    features, captions = np.ones((2, 4)), [[1, 4, 2], [1, 7, 2]]
    assert model.loss(features, captions)[0] == model.loss(features, np.array(captions))[0]
    for wrong, says in (([[1, 4], [1]], "captions has rows of"), (np.ones(3, int), "captions has")):
        with pytest.raises(ValueError, match=f"^loss: {says}"):
            model.loss(features, wrong)
    with pytest.raises(ValueError, match=r"^loss: captions has shape \(2, 3\), expected \(N, C\)"):
        model.loss(features[:1], np.array(captions))


@pytest.mark.parametrize(
    ("captions", "words", "says"),
    [
        ([[4, -1]], WORDS, "captions contains -1, expected indices"),
        ([[4, 99]], WORDS, "captions contains 99, expected indices of idx_to_word"),
        ([[4], [4, 7]], WORDS, "captions has rows of different lengths"),
        ([4], {"4": "a"}, "idx_to_word has the key '4', expected integers, which JSON turns into"),
    ],
)
def test_what_cannot_be_decoded_is_refused_as_in_the_book(captions, words, says):
    with pytest.raises((TypeError, ValueError), match=f"^decode_captions: {says}"):
        decode_captions(captions, words)


class Mean:
    """Somebody's own model: it predicts the mean of the features, whatever the captions."""

    def __init__(self):
        self.params = {"w": np.zeros(32)}

    def loss(self, features, captions):
        error = self.params["w"] - features.mean(axis=0)
        return 0.5 * (error**2).sum(), {"w": error}


def test_the_solver_has_the_defaults_of_2017(coco, capsys):
    """Ten times a hundred captions, drawn anew, with plain steps of a hundredth."""
    data, model = load_coco_data(), Mean()
    np.random.seed(231)
    solver = CaptioningSolver(model, data)
    solver.train()
    assert capsys.readouterr().out == f"(Iteration 1 / 10) loss: {solver.loss_history[0]:f}\n"
    np.random.seed(231)
    w = np.zeros(32)
    for _ in range(10):
        w -= 0.01 * (w - sample_coco_minibatch(data, 100)[1].mean(axis=0))
    np.testing.assert_allclose(model.params["w"], w, rtol=1e-6)


def test_any_model_is_trained_and_trained_on(coco, capsys):
    solver = CaptioningSolver(
        Mean(), load_coco_data(), num_epochs=2, batch_size=20, lr_decay=0.5,
        optim_config={"learning_rate": 0.1}, print_every=4,
    )  # fmt: skip
    solver.train()
    assert (len(solver.loss_history), solver.epoch) == (6, 2)
    assert solver.optim_configs["w"]["learning_rate"] == 0.025
    assert solver.optim_config == {"learning_rate": 0.1}
    solver.train()
    assert (len(solver.loss_history), solver.epoch) == (12, 4)
    assert capsys.readouterr().out.count("(Iteration 1 / 6)") == 2
    for wrong in ({"update_rule": "np"}, {"epochs": 3}):
        with pytest.raises(ValueError, match=r"CaptioningSolver: .*(np|epochs)"):
            CaptioningSolver(Mean(), {}, **wrong)


def test_adam_has_its_epsilon_where_assignment_3_has_it():
    x, dx, m, v = normal((4, 5), (4, 5), (4, 5), (4, 5))
    config = {"learning_rate": 1e-2, "m": m, "v": v**2, "t": 5, "epsilon": 1e-3}
    next_x, config = optim.adam(x=x, dx=dx, config=config)
    m, v = 0.9 * m + 0.1 * dx, 0.999 * v**2 + 0.001 * dx**2
    rate = 1e-2 * np.sqrt(1 - 0.999**6) / (1 - 0.9**6)
    np.testing.assert_allclose(next_x, x - rate * m / (np.sqrt(v) + 1e-3), rtol=1e-12)
    np.testing.assert_allclose(config["v"], v, rtol=1e-12)
    assert (config["t"], config["epsilon"]) == (6, 1e-3)
    small = np.full(1, 1e-8)
    ours, theirs = (rule(np.zeros(1), small)[0] for rule in (book.adam, optim.adam))
    assert ours / theirs == pytest.approx(16.3, abs=0.1)


# NetworkVisualization-PyTorch


def test_pictures_of_imagenet_are_the_books_or_the_courses(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    X, y, class_names = load_imagenet_val(num=5)
    assert (X.shape, X.dtype, y.shape) == ((5, 224, 224, 3), np.uint8, (5,))
    assert class_names[y[0]] == "Egyptian cat"
    assert "photographs of the book" in capsys.readouterr().out
    (tmp_path / "cs231n" / "datasets").mkdir(parents=True)
    names = np.array({0: "tench, Tinca tinca"}, dtype=object)
    course = {"X": X[::-1].repeat(5, axis=0), "y": y[::-1].repeat(5), "label_map": names}
    np.savez("cs231n/datasets/imagenet_val_25.npz", **course)
    X_all, y_all, class_names = load_imagenet_val()
    assert (len(X_all), len(y_all), class_names[0]) == (25, 25, "tench")
    np.testing.assert_array_equal(load_imagenet_val(num=2)[0], X_all[:2])
    assert capsys.readouterr().out == ""


def test_preprocess_and_deprocess_are_those_of_the_notebook():
    image = Image.fromarray(load_image("chelsea")).crop((0, 0, 300, 200))
    X = preprocess(image, size=192)
    assert (X.shape, X.dtype) == ((1, 3, 192, 288), torch.float32)
    T = import_torchvision("torchvision.transforms")
    mean, std = SQUEEZENET_MEAN.tolist(), SQUEEZENET_STD.tolist()
    notebook = T.Compose([T.Resize(192), T.ToTensor(), T.Normalize(mean=mean, std=std)])
    torch.testing.assert_close(X[0], notebook(image), atol=1e-6, rtol=0)
    assert style.preprocess(image).shape == (1, 3, 512, 768)
    pixels = notebook(image) * torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None]
    low, high = pixels.aminmax()
    for stretched, expected in ((True, (pixels - low) / (high - low)), (False, pixels)):
        seen = np.asarray(deprocess(X, should_rescale=stretched)).astype(int)
        assert np.abs(seen - 255 * expected.permute(1, 2, 0).numpy()).max() <= 1.001
    magnified = np.asarray(deprocess(100 * X, should_rescale=False))
    assert set(np.unique(magnified)) >= {0, 255}  # clipped: nothing wraps around


def test_blur_is_in_place():
    X = torch.randn(1, 3, 20, 24)
    expected = gaussian_filter1d(gaussian_filter1d(X.numpy(), 0.5, axis=2), 0.5, axis=3)
    blur_image(X, sigma=0.5)
    np.testing.assert_allclose(X.numpy(), expected, atol=1e-6)


def test_a_visualisation_is_shown_on_its_way_and_is_a_picture(shown):
    model = squeezenet()
    model.type(torch.FloatTensor)
    torch.manual_seed(0)
    out = create_class_visualization(76, model, torch.FloatTensor, show_every=50)
    assert shown == [f"tarantula\nIteration {t} / 100" for t in (1, 50, 100)]
    plt.imshow(out)
    assert model(preprocess(out))[0, 76] > 3 * model(torch.randn(1, 3, 224, 224))[0, 76]
    with pytest.raises(TypeError, match="show_evry"):
        create_class_visualization(76, model, torch.FloatTensor, show_evry=5)


def test_a_visualisation_follows_the_seed_of_pytorch(shown):
    model, pictures = squeezenet(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        out = create_class_visualization(76, model, torch.FloatTensor, num_iterations=1, size=48)
        pictures.append(np.asarray(out))
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_step_of_later_editions_is_in_place_and_as_long_as_its_rate():
    img = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    X = img.detach().clone()
    assert class_visualization_update_step(img, squeezenet(), 76, 0.1, 25) is None
    assert img.requires_grad
    assert torch.linalg.vector_norm(img.detach() - X).item() == pytest.approx(25, rel=1e-4)


# StyleTransfer-PyTorch


def test_style_transfer_shows_its_way(styles, shown, capsys):
    params = {
        "content_image": "styles/tubingen.jpg", "style_image": "styles/starry_night.jpg",
        "image_size": 64, "style_size": 48, "content_layer": 3, "content_weight": 6e-2,
        "style_layers": [1, 4, 6, 7], "style_weights": [300000, 1000, 15, 3], "tv_weight": 2e-2,
    }  # fmt: skip
    assert style.style_transfer(**params, num_iterations=101) is None
    assert len(shown) == 5
    assert shown[:2] == ["Content Source Img.", "Style Source Img."]
    assert re.findall(r"Iteration (\d+)", capsys.readouterr().out) == ["0", "100", "100"]
    params |= {"style_weights": [0, 0, 0, 0], "init_random": True, "num_iterations": 2}
    style.style_transfer(**params)
    assert len(shown) == 9


# Around the notebooks


def run(code):
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_captions_need_neither_pytorch_nor_matplotlib():
    """Only reading the course's files needs h5py, and looking at a picture Pillow."""
    assert (
        run(
            "import sys, cs231n.rnn_layers, cs231n.layers, cs231n.optim, cs231n.gradient_check, "
            "cs231n.captioning_solver, cs231n.classifiers.rnn, cs231n.coco_utils; "
            "print({'torch', 'torchvision', 'scipy', 'matplotlib', 'PIL', 'h5py', 'IPython'} "
            "& sys.modules.keys())"
        )
        == "set()\n"
    )


@pytest.mark.parametrize("before", ["", "\ntry: import torchvision\nexcept RuntimeError: pass\n"])
def test_the_first_cells_of_the_vision_notebooks_import(before):
    """After ``import cs231n``, whichever PyTorch is installed, whatever was tried before."""
    assert (
        run(
            before + "import cs231n, torch, torchvision, torchvision.transforms as T; "
            "from scipy.misc import imread; "
            "from scipy.ndimage.filters import gaussian_filter1d; "
            "from cs231n.image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD; "
            "print(T.Scale is T.Resize, SQUEEZENET_MEAN.dtype, SQUEEZENET_STD.tolist()[0], "
            "imread.__name__, torchvision.__spec__.origin is None)"
        )
        == "True float32 0.2290000021457672 load_image False\n"
    )


SINCE_2018 = """
import cs231n
import torchvision.transforms as T
from imageio import imread  # 2019
from cs231n.image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD, image_from_url
from cs231n.data_utils import load_imagenet_val
from cs231n.net_visualization_pytorch import preprocess, deprocess, rescale, blur_image  # 2020
from cs231n.net_visualization_pytorch import compute_saliency_maps, make_fooling_image
from cs231n.net_visualization_pytorch import class_visualization_update_step, jitter
from cs231n.style_transfer_pytorch import preprocess, deprocess, rescale, rel_error
from cs231n.style_transfer_pytorch import content_loss, extract_features, features_from_img
from cs231n.style_transfer_pytorch import gram_matrix, style_loss, tv_loss
before = {"before", *globals()}
from cs231n.net_visualization_pytorch import *  # 2021
print(sorted(set(globals()) - before))
"""


def test_later_editions_find_what_they_import():
    """With ``*`` come the functions alone: a notebook's own ``class_names`` stays what it is."""
    assert run(SINCE_2018) == "['create_class_visualization']\n"


@pytest.mark.parametrize(
    "module",
    ["classifiers.rnn_pytorch", "classifiers.transformer", "gan_pytorch", "rnn_layers_pytorch",
     "simclr", "transformer_layers"],
)  # fmt: skip
def test_what_the_page_says_is_not_offered_is_not(module):
    assert importlib.util.find_spec(f"cs231n.{module}") is None


@pytest.mark.parametrize(
    "failure", [urllib.error.URLError("no network"), TimeoutError("no answer")]
)
def test_without_a_network_the_packaged_weights_take_the_place_of_the_download(
    failure, monkeypatch, capsys
):
    models = import_torchvision()
    network = models.squeezenet1_1

    def download(pretrained=False, weights=None):
        if pretrained:
            raise failure
        return network(weights=weights)

    monkeypatch.setattr(models, "squeezenet1_1", download)
    since_2017._complete_torchvision(import_torchvision("torchvision"))
    model = models.squeezenet1_1(pretrained=True)
    assert model(preprocess(Image.fromarray(load_image("chelsea")))).argmax() == 285
    assert f"no download ({failure})" in capsys.readouterr().out


def test_pictures_come_from_addresses(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(load_image("chelsea")).save(path)
    np.testing.assert_array_equal(image_from_url(path.as_uri()), load_image("chelsea"))
    assert image_from_url((tmp_path / "nothing.png").as_uri()).shape == (224, 224, 3)


def test_the_package_is_shipped():
    assert '"cs231n*"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")

"""What a reader is asked to write: :data:`TASKS`, one for each function.

A task has a question, the arguments with which the function is tried, and names for what it should
return. All sizes in a question differ, so that a transposed matrix shows. Those of the half that
speaks are here; :func:`every_task` has them all.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable

import numpy as np

from cs231n_lib.speak import attention, gradient_check, layers, lstm, optim, rnn
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.workshop import catalogue
from cs231n_lib.workshop.mistakes import remember
from cs231n_lib.workshop.task import UNASKED, Arguments, Task

__all__ = ["TASKS", "Task", "every_task"]

N, T, D, H, V, L, A = 3, 4, 5, 6, 7, 8, 9  # of every question


def _normal(rng: np.random.Generator, *shapes: tuple[int, ...]) -> Arguments:
    return tuple(rng.standard_normal(shape) for shape in shapes)


def _step(rng: np.random.Generator, gates: int, states: int) -> Arguments:
    """x, the states before the step, Wx, Wh and b."""
    columns = gates * H
    return _normal(rng, (N, D), *[(N, H)] * states, (D, columns), (H, columns), (columns,))


def _sequence(rng: np.random.Generator, gates: int) -> Arguments:
    """x, h0, Wx, Wh and b; the weights small, or the last states forget the first."""
    x, h0, Wx, Wh, b = _normal(rng, (N, T, D), (N, H), (D, gates * H), (H, gates * H), (gates * H,))
    return x, h0, Wx / 3, Wh / 3, b


def _far(arguments: Arguments) -> Arguments:
    """With two biases in each block of H columns so large that a plain exp overflows."""
    b = arguments[-1]
    b[:: H + 1], b[1 :: H + 1] = -800, 800
    return arguments


def _step_back(gates: int, states: int) -> Callable[..., Arguments]:
    def question(rng: np.random.Generator, forward: Callable) -> Arguments:
        *_, cache = forward(*_step(rng, gates, states))
        return *_normal(rng, *[(N, H)] * states), cache

    return question


def _sequence_back(gates: int) -> Callable[..., Arguments]:
    def question(rng: np.random.Generator, forward: Callable) -> Arguments:
        _, cache = forward(*_sequence(rng, gates))
        return *_normal(rng, (N, T, H)), cache

    return question


def _look(rng: np.random.Generator) -> Arguments:
    return _normal(rng, (N, H), (N, L, A), (N, L, A), (H, A))


def _look_far(rng: np.random.Generator) -> Arguments:
    """At one picture all scores are larger by so much, the same, that a plain exp overflows."""
    prev_h, keys, values, Wq = _look(rng)
    query = prev_h[0] @ Wq
    keys[0] += 3000 * A**0.5 * query / (query @ query)
    return prev_h, keys, values, Wq


def _look_back(rng: np.random.Generator, forward: Callable) -> Arguments:
    _, cache = forward(*_look(rng))
    return *_normal(rng, (N, A)), cache


def _looking(rng: np.random.Generator) -> Arguments:
    """x, h0, keys, values, Wx, Wh, Wq and b."""
    x, h0, _, Wh, b = _sequence(rng, 4)
    _, keys, values, Wq = _look(rng)
    (Wx,) = _normal(rng, (D + A, 4 * H))
    return x, h0, keys, values, Wx / 3, Wh, Wq, b


def _looking_back(rng: np.random.Generator, forward: Callable) -> Arguments:
    _, cache = forward(*_looking(rng))
    return *_normal(rng, (N, T, H)), cache


def _integers(rng: np.random.Generator) -> np.ndarray:
    """Words, as integers of the kind that indexes arrays: int32 in a page of the website."""
    return rng.integers(V, size=(N, T)).astype(np.intp)


def _words(rng: np.random.Generator) -> Arguments:
    words = _integers(rng)
    words[0] = words[0, 0]  # a word that is repeated, and some that are missing
    return words, *_normal(rng, (V, D))


def _words_back(rng: np.random.Generator, forward: Callable) -> Arguments:
    _, cache = forward(*_words(rng))
    return *_normal(rng, (N, T, D)), cache


def _scores(rng: np.random.Generator) -> Arguments:
    mask = np.arange(T) < np.array([[T], [2], [3]])
    x = rng.standard_normal((N, T, V)) + 800  # a plain exp overflows
    return x, _integers(rng), mask


def _whatever_the_padding(loss: Callable, x: np.ndarray, y: np.ndarray, mask: np.ndarray) -> tuple:
    """The loss, its gradient, and the loss where the padding holds no word at all."""
    value, dx = loss(x, y, mask)
    try:
        other, _ = loss(x, np.where(mask, y, 99), mask)
    except IndexError:
        other = np.nan
    return value, dx, other


def _adam(rng: np.random.Generator) -> Arguments:
    w, dw, m, v = _normal(rng, *[(N, D)] * 4)
    config = {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-2}
    return w, dw, config | {"m": m, "v": v**2, "t": 2}


def _first_and_later(adam: Callable, w: np.ndarray, dw: np.ndarray, config: dict) -> tuple:
    first, _ = adam(w, dw, {"learning_rate": 0.1})
    return first, *adam(w, dw, config)


def _bent(x: np.ndarray) -> np.ndarray:
    return np.sin(x @ x.T) @ np.arange(1.0, 1 + len(x))


def _seen_and_unseen(
    numeric_gradient: Callable, f: Callable, x: np.ndarray, df: np.ndarray, h: float
) -> tuple:
    """Of a function that reads its argument, and of one that reads the array itself."""
    weight, kept = x.copy(), x.copy()
    unseen = numeric_gradient(lambda _: f(weight), weight, df, h)
    return numeric_gradient(f, x, df, h), unseen, np.count_nonzero(weight != kept)


def _function(rng: np.random.Generator) -> Arguments:
    return _bent, *_normal(rng, (N, D), (N,)), 0.02


def _captioner(rng: np.random.Generator, cell: str = "rnn") -> CaptioningRNN:
    words = ("<NULL>", "<START>", "<END>", "a", "red", "round", "thing")
    numbers = {word: i for i, word in enumerate(words)}
    model = CaptioningRNN(numbers, D, 8, H, cell, np.float64, fields=D, attention_dim=A)
    model.params = {key: rng.standard_normal(w.shape) for key, w in model.params.items()}
    model.params["b_vocab"][:3] -= 1.5, 2, 0.5  # so that captions have words, and end
    model.params["b_vocab"] += 800  # a plain exp overflows
    return model


def _captioned(rng: np.random.Generator) -> Arguments:
    captions = np.array([[1, 3, 4, 6, 2], [1, 3, 6, 2, 0], [1, 5, 2, 0, 0]])
    return _captioner(rng), *_normal(rng, (N, D)), captions


_OTHERS = ("lstm", "attention")  # asked only of whoever has code for them


def _of_every_cell(
    loss: Callable, model: CaptioningRNN, features: np.ndarray, captions: np.ndarray
) -> tuple:
    """Loss and gradients; then those of an LSTM and of attention."""
    found = [*loss(model, features, captions)]
    for cell in _OTHERS:
        rng = np.random.default_rng(231)
        other = _captioner(rng, cell)
        try:
            found += loss(other, features, captions)
        except Exception:
            found += UNASKED, dict.fromkeys(other.params, UNASKED)
    return tuple(found)


def _to_caption(rng: np.random.Generator) -> Arguments:
    return _captioner(rng), *_normal(rng, (N, D))


_DRAWS = 20_000


def _both_ways(sample: Callable, model: CaptioningRNN, features: np.ndarray) -> tuple:
    """Captions, and how often each word is drawn as the first one at a temperature.

    Then captions of an LSTM and of attention.
    """
    greedy = sample(model, features, 8)
    many = np.repeat(features[:1], _DRAWS, axis=0)
    first = sample(model, many, 1, 2, np.random.default_rng(0))
    others = []
    for cell in _OTHERS:
        rng = np.random.default_rng(231)
        try:
            others.append(sample(_captioner(rng, cell), *_normal(rng, (5 * N, D)), 8))
        except Exception:
            others.append(UNASKED)
    return greedy, np.array([np.mean(np.asarray(first) == word) for word in range(V)]), *others


def _sums(rng: np.random.Generator) -> Arguments:
    (a,) = _normal(rng, (N, D))
    a[0, 1], a[1, 0] = 800, -800  # exp(800) overflows
    return (a,)


_GRADIENTS = ("dx", "dh0", "dWx", "dWh", "db")
_TASKS = (
    Task(
        rnn.rnn_step_forward,
        ("next_h", "cache"),
        lambda rng: _far(_step(rng, 1, 1)),
        "Write the recurrence as one line of NumPy: two products, a bias, a tanh. Then put into "
        "the cache what its derivative will need.",
        "01-rnn#one-step-forward",
        catalogue.RNN_STEP_FORWARD,
    ),
    Task(
        rnn.rnn_step_backward,
        ("dx", "dprev_h", "dWx", "dWh", "db"),
        _step_back(1, 1),
        "Unpack the cache. First carry dnext_h back through the tanh, to the sum a inside it; all "
        "five gradients follow from da.",
        "01-rnn#one-step-backward",
        catalogue.RNN_STEP_BACKWARD,
        rnn.rnn_step_forward,
    ),
    Task(
        rnn.rnn_forward,
        ("h", "cache"),
        lambda rng: _far(_sequence(rng, 1)),
        "Loop over the steps: each state is the next step's prev_h. Stack the states along axis 1 "
        "and keep every step's cache.",
        "01-rnn#a-whole-sentence",
        catalogue.RNN_FORWARD,
        sources=(rnn.rnn_loop_forward,),
    ),
    Task(
        rnn.rnn_backward,
        _GRADIENTS,
        _sequence_back(1),
        "Go through the steps from the last to the first. Two gradients meet at each state: its "
        "own, dh[:, t], and the one that the step after hands back.",
        "01-rnn#a-whole-sentence",
        catalogue.RNN_BACKWARD,
        rnn.rnn_forward,
        (rnn.rnn_loop_backward,),
        rnn.rnn_loop_forward,
    ),
    Task(
        lstm.lstm_step_forward,
        ("next_h", "next_c", "cache"),
        lambda rng: _far(_step(rng, 4, 2)),
        "Compute all sums a at once, (N, 4H), and split them into four: i, f, o, g in this order. "
        "Then the new cell, then the new state.",
        "02-lstm#one-step-forward",
        catalogue.LSTM_STEP_FORWARD,
        sources=(lstm.lstm_cell, lstm.lstm_step_forward),
    ),
    Task(
        lstm.lstm_step_backward,
        ("dx", "dprev_h", "dprev_c", "dWx", "dWh", "db"),
        _step_back(4, 2),
        "Begin at the cell: which two gradients meet at next_c? From dc come the gradients of the "
        "gates, then those at the sums inside them.",
        "02-lstm#one-step-backward",
        catalogue.LSTM_STEP_BACKWARD,
        lstm.lstm_step_forward,
    ),
    Task(
        lstm.lstm_forward,
        ("h", "cache"),
        lambda rng: _far(_sequence(rng, 4)),
        "As for the vanilla network, with a second state to hand on: the cell, which begins at "
        "zero.",
        "02-lstm#a-whole-sentence",
        catalogue.LSTM_FORWARD,
        sources=(lstm.lstm_loop_forward,),
    ),
    Task(
        lstm.lstm_backward,
        _GRADIENTS,
        _sequence_back(4),
        "As for the vanilla network, with a second gradient to hand on: the cell's, which begins "
        "at zero behind the last step.",
        "02-lstm#a-whole-sentence",
        catalogue.LSTM_BACKWARD,
        lstm.lstm_forward,
        (lstm.lstm_loop_backward,),
        lstm.lstm_loop_forward,
    ),
    Task(
        attention.attention_step_forward,
        ("context", "cache"),
        _look_far,
        "Make the query. Compare it with every key, (N, L), and divide by the square root of A. "
        "Then a softmax over the fields, and the mean of the values with these weights.",
        "07-captions-that-look#one-look-forward",
        catalogue.ATTENTION_STEP_FORWARD,
        axes=("row", "field"),
    ),
    Task(
        attention.attention_step_backward,
        ("dprev_h", "dkeys", "dvalues", "dWq"),
        _look_back,
        "From the last line of the look to the first: the weighted sum, the softmax, the scores, "
        "the query. Each product has two factors, and each gets a gradient.",
        "07-captions-that-look#one-look-backward",
        catalogue.ATTENTION_STEP_BACKWARD,
        attention.attention_step_forward,
        axes=("row", "field"),
    ),
    Task(
        attention.attention_forward,
        ("h", "cache"),
        lambda rng: _far(_looking(rng)),
        "As for the LSTM, with a look before every step: the state asks, and what it sees goes "
        "into the step, side by side with the word.",
        "07-captions-that-look#a-whole-sentence",
        catalogue.ATTENTION_FORWARD,
        sources=(attention.attention_loop_forward,),
    ),
    Task(
        attention.attention_backward,
        ("dx", "dh0", "dkeys", "dvalues", "dWx", "dWh", "dWq", "db"),
        _looking_back,
        "As for the LSTM. The last A columns of a step's dx go into the look, and what that hands "
        "back to the state joins what the gates do.",
        "07-captions-that-look#a-whole-sentence",
        catalogue.ATTENTION_BACKWARD,
        attention.attention_forward,
        (attention.attention_loop_backward,),
        attention.attention_loop_forward,
    ),
    Task(
        layers.word_embedding_forward,
        ("out", "cache"),
        _words,
        "Indexing does it: what does W[x] give, if x is an array of integers?",
        "01-rnn#words-in-words-out",
        catalogue.WORD_EMBEDDING_FORWARD,
    ),
    Task(
        layers.word_embedding_backward,
        ("dW",),
        _words_back,
        "Every place of a word adds its gradient to the row of that word. Begin with zeros of "
        "W's shape; np.add.at adds, also where an index is repeated.",
        "01-rnn#words-in-words-out",
        catalogue.WORD_EMBEDDING_BACKWARD,
        layers.word_embedding_forward,
    ),
    Task(
        layers.temporal_softmax_loss,
        ("loss", "dx", "the loss if y is 99 at the padding"),
        _scores,
        "Pick the scores of the words that count, scores[mask], (K, V). Subtract each row's "
        "maximum before the exponential.",
        "01-rnn#words-in-words-out",
        catalogue.TEMPORAL_SOFTMAX_LOSS,
        key="dscores[rows, words] -= 1",
        ask=_whatever_the_padding,
    ),
    Task(
        optim.adam,
        ("first w", "next_w", "config"),
        _adam,
        "Update both running means, correct them for their start at zero, and only then divide.",
        "01-rnn#training",
        catalogue.ADAM,
        ask=_first_and_later,
        may_change=("config",),
    ),
    Task(
        gradient_check.numeric_gradient,
        (
            "gradient",
            "the gradient if f reads x itself, not its argument",
            "how many numbers of x are not put back exactly",
        ),
        _function,
        "Go through the places of x one by one. Move that number of x itself up by h, then down, "
        "call f each time, and put it back.",
        "01-rnn#check",
        catalogue.NUMERIC_GRADIENT,
        ask=_seen_and_unseen,
        keeps_dtype=False,  # differences need float64
        unchanged="Put each number back exactly as it was.",
    ),
    Task(
        CaptioningRNN.loss,
        (
            "loss",
            "grads",
            "loss of an LSTM",
            "grads of an LSTM",
            "loss with attention",
            "grads with attention",
        ),
        _captioned,
        "Split the captions into what is read and what should be said, one word later. Then five "
        "layers forward, and the same five back in the opposite order.",
        "01-rnn#the-model",
        catalogue.LOSS,
        ask=_of_every_cell,
    ),
    Task(
        CaptioningRNN.sample,
        (
            "captions",
            "the shares of the words drawn",
            "the captions of an LSTM",
            "the captions with attention",
        ),
        _to_caption,
        "The features make the first state, the first word is <START>. At each step: read a word, "
        "change the state, score all words, say one of them, and read that next.",
        "01-rnn#the-model",
        catalogue.SAMPLE,
        ask=_both_ways,
        tolerance=(0, 0.02),  # of shares; words are whole numbers
        keeps_dtype=False,
    ),
    Task(
        lstm.sigmoid,
        ("sigmoid",),
        _sums,
        "It is 1 / (1 + exp(-a)). Does that overflow anywhere, and does it matter?",
        "02-lstm#one-step-forward",
        catalogue.SIGMOID,
    ),
)

TASKS: dict[str, Task] = {task.function.__name__: task for task in _TASKS}
remember(task.function for task in _TASKS)


@functools.cache
def every_task() -> dict[str, Task]:
    """The tasks of both halves, or of the one that speaks where there is no PyTorch."""
    if importlib.util.find_spec("torch") is None:
        return TASKS
    from cs231n_lib.workshop import tasks_see  # slow, and not needed to speak

    return TASKS | tasks_see.TASKS

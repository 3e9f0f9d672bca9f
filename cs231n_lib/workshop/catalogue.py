"""The mistakes that readers make, function by function: what they did, a hint, and the edit.

A hint asks a question or states a fact. It does not give the line away.
"""

from __future__ import annotations

from cs231n_lib.workshop.mistakes import Mistake
from cs231n_lib.workshop.mistakes import wrong as _wrong

_SHAPES = "A gradient has the shape of what it belongs to."
_BIAS = "b is added to every row: how do the gradients of all its uses join?"


def _weight_gradients(columns: str, inputs: str) -> tuple[Mistake, ...]:
    """Of a step back, which ends alike for every cell."""
    return (
        _wrong(
            "dWx and dWh are transposed.",
            f"{_SHAPES} That of Wx is (D, {columns}), that of Wh (H, {columns}).",
            ("x.T @ da", "da.T @ x"),
            ("prev_h.T @ da", "da.T @ prev_h"),
        ),
        _wrong(
            "dWh was made with the new state. Wh was multiplied by the state before the step.",
            "What was multiplied by Wh on the way forward?",
            ("prev_h.T @ da", f"({inputs}).T @ da"),
        ),
        _wrong(
            "db is the mean over the batch. It must be the sum.",
            _BIAS,
            ("da.sum(axis=0)", "da.mean(axis=0)"),
        ),
        _wrong(
            "db was not summed over the batch.",
            f"{_SHAPES} That of b is ({columns},).",
            ("da.sum(axis=0)", "da"),
        ),
        _wrong(
            "db was summed over the wrong axis.",
            f"{_SHAPES} That of b is ({columns},).",
            ("da.sum(axis=0)", "da.sum(axis=1)"),
        ),
        _wrong(
            "The gradients of the weights are divided by the size of the batch.",
            "Where is the mean over the batch taken, here or in the loss?",
            ("x.T @ da", "x.T @ da / len(x)"),
            ("prev_h.T @ da", "prev_h.T @ da / len(x)"),
            ("da.sum(axis=0)", "da.sum(axis=0) / len(x)"),
        ),
    )


RNN_STEP_FORWARD = (
    _wrong("The tanh is missing.", "The state is squashed to between -1 and 1.",
           ("np.tanh(x @ Wx + prev_h @ Wh + b)", "x @ Wx + prev_h @ Wh + b")),
    _wrong("The bias is missing.", "Which argument have you not used?", (" + b)", ")")),
    _wrong("The bias is added outside the tanh.", "Can the state still leave [-1, 1]?",
           (" + b)", ") + b")),
    _wrong("The previous state is missing.", "Which argument have you not used?",
           (" + prev_h @ Wh", "")),
    _wrong("The tanh is taken of one product only.", "What is the sum inside the tanh?",
           ("np.tanh(x @ Wx + prev_h @ Wh + b)", "np.tanh(x @ Wx) + prev_h @ Wh + b")),
    _wrong("Wh is transposed.", "Which axis of Wh belongs to the old state, which to the new one?",
           ("prev_h @ Wh", "prev_h @ Wh.T")),
    _wrong("A sigmoid squashes the sum. This network has a tanh.", "Which range should a state have?",
           ("np.tanh(x @ Wx + prev_h @ Wh + b)", "1 / (1 + np.exp(-(x @ Wx + prev_h @ Wh + b)))")),
)  # fmt: skip

RNN_STEP_BACKWARD = (
    _wrong("The way back through the tanh is missing.", "Is dnext_h the gradient at the sum a?",
           ("dnext_h * (1 - next_h**2)", "dnext_h")),
    _wrong("The slope of the tanh lacks its square.", "What is the derivative of tanh, in terms of tanh?",
           ("(1 - next_h**2)", "(1 - next_h)")),
    _wrong("tanh was applied to next_h, which is a tanh already.", "What exactly does the cache hold?",
           ("(1 - next_h**2)", "(1 - np.tanh(next_h) ** 2)")),
    _wrong("The slope is that of a sigmoid.", "Which function squashes the sum?",
           ("(1 - next_h**2)", "next_h * (1 - next_h)")),
    _wrong("The slope was taken from the state before the step.", "Of which state is dnext_h the gradient?",
           ("(1 - next_h**2)", "(1 - prev_h**2)")),
    _wrong("dprev_h lacks the transposition of Wh.", "What are the shapes of da, Wh and dprev_h?",
           ("da @ Wh.T", "da @ Wh")),
    _wrong("dprev_h was made from dnext_h, not from da.", "Where does prev_h enter, inside the tanh or outside?",
           ("da @ Wh.T", "dnext_h @ Wh.T")),
    _wrong("dx was made from dnext_h, not from da.", "Where does x enter, inside the tanh or outside?",
           ("da @ Wx.T", "dnext_h @ Wx.T")),
    *_weight_gradients("H", "next_h"),
    _wrong("dWx and dWh are returned in each other's place.", "Which order does the docstring state?",
           ("return dx, dprev_h, dWx, dWh, db", "return dx, dprev_h, dWh, dWx, db")),
    _wrong("dx and dprev_h are returned in each other's place.", "Which order does the docstring state?",
           ("return dx, dprev_h, dWx", "return dprev_h, dx, dWx")),
)  # fmt: skip

RNN_FORWARD = (
    _wrong("Every step starts from h0. The state is not handed on.", "Which state does step t start from?",
           ("h[-1], Wx", "h0, Wx")),
    _wrong("Every step reads the first input.", "Which input belongs to step t?", ("x[:, t]", "x[:, 0]")),
    _wrong("The states are in reverse order.", "Which state belongs at place t?",
           ("h[1:], axis=1", "h[:0:-1], axis=1")),
    _wrong("Time is the first axis of the states.", "Which shape should h have?", ("axis=1", "axis=0")),
    _wrong("The states begin with h0, so each is one place late.", "How many states does h have, and which is the first?",
           ("h[1:]", "h[:-1]")),
    _wrong("h0 is in front of the T states.", "How many states does h have?", ("h[1:]", "h")),
    _wrong("The steps run from the last word to the first.", "In which order does one read?",
           ("in range(x.shape[1])", "in reversed(range(x.shape[1]))")),
)  # fmt: skip


def _back_in_time(*weights: str) -> tuple[Mistake, ...]:
    """Of a way back through time, which ends alike for every cell."""
    names = ", ".join(f"d{name}" for name in weights)
    means = ", ".join(f"d{name} / len(caches)" for name in weights)
    return (
        _wrong("The gradient that comes back from the step after is dropped.",
               "Two gradients meet at each state: which ones?", ("dh[:, t] + dprev_h", "dh[:, t]")),
        _wrong("The gradient of a step's own loss is only used at the last step.",
               "Two gradients meet at each state: which ones?",
               ("dh[:, t] + dprev_h", "dprev_h + (dh[:, t] if t == len(caches) - 1 else 0)")),
        _wrong("The steps are walked from the first to the last.", "Which step's gradient is known first?",
               ("reversed(range(len(caches)))", "range(len(caches))"), ("dx[::-1]", "dx")),
        _wrong("dx is in reverse order.", "Which step did you compute first?", ("dx[::-1]", "dx")),
        _wrong("The gradients of the weights are those of one step: each step overwrites the one before.",
               "The weights are used at every step: how do the gradients join?",
               *((f"d{name} += d{name}_t", f"d{name} = d{name}_t") for name in weights)),
        *(
            _wrong(f"d{name} is that of one step, not the sum over all.", f"{name} is used at every step: how do its gradients join?",
                   (f"d{name} += d{name}_t", f"d{name} = d{name}_t"))
            for name in weights
        ),
        _wrong("The gradients of the weights are means over the steps. They must be sums.",
               "A weight is used T times: how do the gradients join?",
               ("    return dx, dh0,", f"    {names} = {means}\n    return dx, dh0,")),
        _wrong("Time is the first axis of dx.", "Which shape should dx have?", ("axis=1", "axis=0")),
        _wrong("dh0 is the gradient at the first state, not at the one before it.",
               "What has to happen to the gradient at h_1 before it is one at h_0?",
               ("dh0 = dprev_h", "dh0 = dnext_h")),
        _wrong("dh0 adds up what every step hands back. It is what the first step hands back.",
               "Through which step does h0 enter?",
               ("        dx.append", "        dh0 = dprev_h + (dh0 if t < len(caches) - 1 else 0)\n        dx.append"),
               ("    dh0 = dprev_h\n    return", "    return")),
    )  # fmt: skip


RNN_BACKWARD = _back_in_time("Wx", "Wh", "b")

_SQUASHED = "sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)"
LSTM_STEP_FORWARD = (
    _wrong("The gates are in the order i, f, g, o, as in PyTorch. Here it is i, f, o, g.",
           "In which order does the docstring split a?", ("ai, af, ao, ag =", "ai, af, ag, ao =")),
    _wrong("The input and the forget gate are exchanged.", "In which order does the docstring split a?",
           ("ai, af, ao, ag =", "af, ai, ao, ag =")),
    _wrong("The candidate g went through a sigmoid. It has a tanh.", "Which of the four may be negative?",
           (_SQUASHED, "sigmoid(ai), sigmoid(af), sigmoid(ao), sigmoid(ag)")),
    _wrong("The gates went through a tanh. They have a sigmoid.", "Between which bounds does a gate lie?",
           (_SQUASHED, "np.tanh(ai), np.tanh(af), np.tanh(ao), np.tanh(ag)")),
    _wrong("The new state lacks the tanh of the cell.", "Between which bounds does h lie?",
           ("np.tanh(next_c)", "next_c")),
    _wrong("The new state was made from the old cell.", "Which cell does the output gate show?",
           ("np.tanh(next_c)", "np.tanh(prev_c)")),
    _wrong("The new cell lacks the forget gate.", "How much of the old cell is kept?",
           ("f * prev_c + i * g", "prev_c + i * g")),
    _wrong("The new cell lacks the input gate.", "How much of the candidate is written?",
           ("f * prev_c + i * g", "f * prev_c + g")),
    _wrong("The bias is missing.", "Which argument have you not used?", (" @ Wh + b", " @ Wh")),
    _wrong("next_h and next_c are returned in each other's place.", "Which order does the docstring state?",
           ("return next_h, next_c, (x,", "return next_c, next_h, (x,")),
)  # fmt: skip

_PRODUCT = "What is the derivative of a product with respect to one factor?"
LSTM_STEP_BACKWARD = (
    _wrong("The gradient that comes through the hidden state never reaches the cell.",
           "The cell is used twice: along the cell, and by h. How many gradients meet at dc?",
           ("dnext_c + dnext_h * o * (1 - tanh_c**2)", "dnext_c")),
    _wrong("The gradient along the cell, dnext_c, is dropped.", "Which argument have you not used?",
           ("dc = dnext_c + dnext_h", "dc = dnext_h")),
    _wrong("The path through h lacks its factor o.", "h = o * tanh(c): what is its derivative with respect to tanh(c)?",
           ("dnext_h * o * (1 - tanh_c**2)", "dnext_h * (1 - tanh_c**2)")),
    _wrong("The path through h lacks the slope of the tanh.", "h is o * tanh(c), not o * c.",
           ("dnext_h * o * (1 - tanh_c**2)", "dnext_h * o")),
    _wrong("The slope of the tanh was computed from c, not from tanh(c).", "tanh' is 1 - tanh**2: the square of what?",
           ("(1 - tanh_c**2)", "(1 - (f * prev_c + i * g) ** 2)")),
    _wrong("tanh was applied twice: the cache holds tanh(c) already.", "What exactly does the last part of the cache hold?",
           ("(1 - tanh_c**2)", "(1 - np.tanh(tanh_c) ** 2)")),
    _wrong("The four blocks are in the order i, f, g, o, as in PyTorch. Here it is i, f, o, g.",
           "In which order did the forward step split a?", ("[dai, daf, dao, dag]", "[dai, daf, dag, dao]")),
    _wrong("The gradients of i, f and o were not carried back through the sigmoid.",
           "You need the gradient at the sum a, not at sigmoid(a).",
           ("dc * g * i * (1 - i)", "dc * g"), ("dc * prev_c * f * (1 - f)", "dc * prev_c"),
           ("dnext_h * tanh_c * o * (1 - o)", "dnext_h * tanh_c")),
    *(
        _wrong(f"The gradient of {gate} was not carried back through its sigmoid.",
               "You need the gradient at the sum a, not at sigmoid(a).", (f" * {gate} * (1 - {gate})", ""))
        for gate in "ifo"
    ),
    _wrong("The gradient of g was not carried back through its tanh.", "g is a tanh of a sum.",
           ("dc * i * (1 - g**2)", "dc * i")),
    _wrong("g has the slope of a sigmoid, g (1 - g). It is a tanh.", "Which of the four is squashed in another way?",
           ("(1 - g**2)", "g * (1 - g)")),
    _wrong("The gradient of i was multiplied by i, not by g.", _PRODUCT, ("dc * g * i * (1 - i)", "dc * i * i * (1 - i)")),
    _wrong("The gradient of g was multiplied by g, not by i.", _PRODUCT, ("dc * i * (1 - g**2)", "dc * g * (1 - g**2)")),
    _wrong("The gradient of f was multiplied by the new cell. The forget gate met the old one.",
           "Which cell is multiplied by f?", ("dc * prev_c * f", "dc * (f * prev_c + i * g) * f")),
    _wrong("The gradient of o was made from dc. The output gate is used in h alone.", "Follow o on the way forward: where does it go?",
           ("dao = dnext_h * tanh_c", "dao = dc * tanh_c")),
    _wrong("The gradient of o lacks the tanh of the cell.", "h = o * tanh(c).", ("dnext_h * tanh_c * o", "dnext_h * o")),
    _wrong("The gradient of o was made with the cell itself, not with its tanh.", "h is o * tanh(c), not o * c.",
           ("dnext_h * tanh_c * o", "dnext_h * (f * prev_c + i * g) * o")),
    _wrong("dprev_c lacks the forget gate.", "By what was the old cell multiplied?", ("dprev_c = dc * f", "dprev_c = dc")),
    _wrong("dprev_c was made from dnext_c alone. What came through h goes on along the cell as well.",
           "Which is the whole gradient at the new cell, dc or dnext_c?", ("dprev_c = dc * f", "dprev_c = dnext_c * f")),
    *_weight_gradients("4H", "o * tanh_c"),
    _wrong("dprev_h and dprev_c are returned in each other's place.", "Which order does the docstring state?",
           ("return dx, dprev_h, dprev_c,", "return dx, dprev_c, dprev_h,")),
    _wrong("dWx and dWh are returned in each other's place.", "Which order does the docstring state?",
           ("dWx, dWh, db\n", "dWh, dWx, db\n")),
)  # fmt: skip

LSTM_FORWARD = (
    _wrong("The cell begins as h0. It begins at zero.", "What does the docstring say about the cell before the first step?",
           ("np.zeros_like(h0)", "h0")),
    _wrong("The cell is not handed on: every step starts from a cell of zero.", "What remembers from step to step?",
           ("next_h, c, cache =", "next_h, _, cache =")),
    _wrong("Every step starts from h0. The hidden state is not handed on.", "Which state does step t start from?",
           ("h[-1], c", "h0, c")),
    _wrong("Every step reads the first input.", "Which input belongs to step t?", ("x[:, t]", "x[:, 0]")),
    _wrong("The hidden and the cell state are exchanged on their way into the step.", "In which order does the step take them?",
           ("h[-1], c,", "c, h[-1],")),
    _wrong("The cell states are returned, not the hidden states.", "Which of the two does the rest of the network see?",
           ("h.append(next_h)", "h.append(c)")),
    _wrong("Time is the first axis of the states.", "Which shape should h have?", ("axis=1", "axis=0")),
    _wrong("The states begin with h0, so each is one place late.", "How many states does h have, and which is the first?",
           ("h[1:]", "h[:-1]")),
)  # fmt: skip

LSTM_BACKWARD = (
    *_back_in_time("Wx", "Wh", "b"),
    _wrong("The gradient along the cell is not handed on from step to step.", "Which two gradients does a step hand back to the step before?",
           ("dx_t, dprev_h, dprev_c, dWx_t", "dx_t, dprev_h, _, dWx_t")),
    _wrong("A step's own dh is added to the gradient of the cell as well.", "Who sees the cell from outside?",
           ("dnext_h, dprev_c, caches", "dnext_h, dprev_c + dh[:, t], caches")),
    _wrong("dprev_h and dprev_c are exchanged on their way from step to step.", "In which order does the step return them?",
           ("dx_t, dprev_h, dprev_c, dWx_t", "dx_t, dprev_c, dprev_h, dWx_t")),
    _wrong("dh0 is the gradient of the cell before the first step. The hidden state's is asked for.",
           "Which two gradients does the first step hand back, and which belongs to h0?", ("dh0 = dprev_h", "dh0 = dprev_c")),
)  # fmt: skip

_EACH_FIELD = (
    "A picture shares out one look among its fields: over which axis do the weights add up to 1?"
)
ATTENTION_STEP_FORWARD = (
    _wrong("The scores are not divided by the square root of A.", "Which factor keeps the scores near 1, however large A is?",
           (" / A**0.5", "")),
    _wrong("The scores are divided by A, not by its square root.", "The variance of a sum of A terms is A. What is its standard deviation?",
           (" / A**0.5", " / A")),
    _wrong("The scores are divided by the square root of H. A query has A numbers.", "Over how many numbers does the dot product of query and key add up?",
           (" / A**0.5", " / len(Wq) ** 0.5")),
    _wrong("The query was compared with the values.", "Which of the two says what is in a field?",
           ("keys, query)", "values, query)")),
    _wrong("The context is made of the keys.", "Which of the two is what the network sees?",
           ("weights, values)", "weights, keys)")),
    _wrong("Keys and values are exchanged.", "Which of the two meets the query, which is handed out?",
           ("keys, query)", "values, query)"), ("weights, values)", "weights, keys)")),
    _wrong("The maximum was not subtracted: the exponential overflows.", "exp(800) is larger than any float64.",
           ("    scores -= scores.max(axis=1, keepdims=True)", "    pass")),
    _wrong("The softmax runs over the pictures, not over the fields.", _EACH_FIELD,
           ("scores.max(axis=1", "scores.max(axis=0"), ("weights.sum(axis=1", "weights.sum(axis=0")),
    _wrong("The softmax runs over all fields of all pictures together.", _EACH_FIELD,
           ("scores.max(axis=1, keepdims=True)", "scores.max()"), ("weights.sum(axis=1, keepdims=True)", "weights.sum()")),
    _wrong("The weights are not divided by their sum.", _EACH_FIELD,
           ("    weights /= weights.sum(axis=1, keepdims=True)", "    pass")),
    _wrong("The exponential is missing: the scores themselves are the weights.", "May a weight be negative?",
           ("    scores -= scores.max(axis=1, keepdims=True)", "    pass"), ("np.exp(scores)", "scores.copy()"),
           ("    weights /= weights.sum(axis=1, keepdims=True)", "    pass")),
    _wrong("Each score went through a sigmoid of its own. Here the fields compete: it is a softmax.", _EACH_FIELD,
           ("    scores -= scores.max(axis=1, keepdims=True)", "    pass"), ("np.exp(scores)", "0.5 * (1 + np.tanh(0.5 * scores))"),
           ("    weights /= weights.sum(axis=1, keepdims=True)", "    pass")),
    _wrong("Only the field that fits best is seen.", "Which choice has a gradient, the best one or a mixture of all?",
           ("    context = np", "    weights = (weights == weights.max(axis=1, keepdims=True)) * 1.0\n    context = np")),
    _wrong("The context is a mean over the fields once more: it is divided by L.", "The weights add up to 1 already.",
           ("weights, values)", "weights, values) / weights.shape[1]")),
)  # fmt: skip

_TWO_FACTORS = "A product has two factors: by what is each one's gradient multiplied?"
_SOFTMAX = "Raise one score: its own weight grows, and what happens to the others?"
ATTENTION_STEP_BACKWARD = (
    _wrong("dvalues lacks the weights: every value gets the whole of dcontext.", _TWO_FACTORS,
           ("weights, dcontext)", "np.ones_like(weights), dcontext)")),
    _wrong("dvalues was made with the gradients of the scores. A value was multiplied by its weight.", _TWO_FACTORS,
           ("    dvalues = np.einsum(\"nl,na->nla\", weights, dcontext)\n", ""),
           ("    dkeys =", "    dvalues = np.einsum(\"nl,na->nla\", dscores, dcontext)\n    dkeys =")),
    _wrong("The gradients of the weights were made with the keys. A weight was multiplied by its value.", _TWO_FACTORS,
           ("values, dcontext)", "keys, dcontext)")),
    _wrong("The way back through the softmax is missing.", "You need the gradient at the scores, not at the weights.",
           ("weights * (dweights - mean)", "dweights")),
    _wrong("The way back through the softmax lacks the weighted mean.", _SOFTMAX,
           ("weights * (dweights - mean)", "weights * dweights")),
    _wrong("The softmax was taken for a sigmoid: each weight has only its own slope, w (1 - w).", _SOFTMAX,
           ("weights * (dweights - mean)", "weights * (1 - weights) * dweights")),
    _wrong("The mean in the softmax is a plain one. It is weighted.", "Which sum over the other fields does the quotient rule leave?",
           ("(weights * dweights).sum(axis=1, keepdims=True)", "dweights.mean(axis=1, keepdims=True)")),
    _wrong("The weighted mean was taken over the pictures, not over the fields.", "Over which axis does the softmax run?",
           ("(weights * dweights).sum(axis=1", "(weights * dweights).sum(axis=0")),
    _wrong("The way back through the softmax lacks the weight in front.", "How much does a field learn that was hardly seen?",
           ("weights * (dweights - mean)", "(dweights - mean)")),
    _wrong("The square root of A is missing.", "By what was the dot product divided on the way forward?",
           ("(dweights - mean) / A**0.5", "(dweights - mean)")),
    _wrong("dkeys lacks the division by the square root of A.", "Both the key and the query were in the product that was divided.",
           ("dscores, query)", "dscores, query) * A**0.5")),
    _wrong("The gradient of the query lacks the division by the square root of A.", "Both the key and the query were in the product that was divided.",
           ("dscores, keys)", "dscores, keys) * A**0.5")),
    _wrong("dkeys was made with the weights, not with the gradients of the scores.", "Into what does a key enter, a score or a weight?",
           ("dscores, query)", "weights, query)")),
    _wrong("dkeys was made with dcontext. A key was multiplied by the query.", _TWO_FACTORS,
           ("dscores, query)", "dscores, dcontext)")),
    _wrong("The gradient of the query was made with the values. It met the keys.", _TWO_FACTORS,
           ("dscores, keys)", "dscores, values)")),
    _wrong("The gradient of the query is a mean over the fields. It is their sum.", "The query met every key: how do the gradients of all its uses join?",
           ("dscores, keys)", "dscores, keys) / keys.shape[1]")),
    _wrong("dprev_h was not carried back through Wq.", f"{_SHAPES} That of prev_h is (N, H).",
           ("dquery @ Wq.T", "dquery")),
    _wrong("dWq is transposed.", f"{_SHAPES} That of Wq is (H, A).", ("prev_h.T @ dquery", "dquery.T @ prev_h")),
    _wrong("dWq is divided by the size of the batch.", "Where is the mean over the batch taken, here or in the loss?",
           ("prev_h.T @ dquery", "prev_h.T @ dquery / len(prev_h)")),
    _wrong("dkeys and dvalues are returned in each other's place.", "Which order does the docstring state?",
           ("return dprev_h, dkeys, dvalues,", "return dprev_h, dvalues, dkeys,")),
)  # fmt: skip

ATTENTION_FORWARD = (
    _wrong("The first state asks before every word, so the network always sees the same.", "Which state asks before step t?",
           ("attention_step_forward(h[-1],", "attention_step_forward(h0,")),
    _wrong("The cell asks, not the hidden state.", "Which of the two states does the rest of the network see?",
           ("attention_step_forward(h[-1],", "attention_step_forward(c,")),
    _wrong("Keys and values are exchanged on their way into the look.", "In which order does the look take them?",
           ("keys, values, Wq)\n", "values, keys, Wq)\n")),
    _wrong("What is seen never reaches the step.", "What does the step read besides the word?",
           ("[x[:, t], context]", "[x[:, t], 0 * context]")),
    _wrong("The context stands before the word. The first D rows of Wx are for the word.", "To which rows of Wx does the word belong?",
           ("[x[:, t], context]", "[context, x[:, t]]")),
    _wrong("The cell begins as h0. It begins at zero.", "What does the docstring say about the cell before the first step?",
           ("np.zeros_like(h0)", "h0")),
    _wrong("The cell is not handed on: every step starts from a cell of zero.", "What remembers from step to step?",
           ("next_h, c, step =", "next_h, _, step =")),
    _wrong("Every step starts from h0. The hidden state is not handed on.", "Which state does step t start from?",
           ("x_t, h[-1], c", "x_t, h0, c")),
    _wrong("Every step reads the first input.", "Which input belongs to step t?", ("x[:, t]", "x[:, 0]")),
    _wrong("The states begin with h0, so each is one place late.", "How many states does h have, and which is the first?",
           ("h[1:]", "h[:-1]")),
    _wrong("Time is the first axis of the states.", "Which shape should h have?", ("h[1:], axis=1", "h[1:], axis=0")),
)  # fmt: skip

ATTENTION_BACKWARD = (
    *_back_in_time("Wx", "Wh", "Wq", "b"),
    *(
        _wrong(f"d{name} is that of one look, not the sum over all.", "A picture is looked at T times: how do the gradients of all looks join?",
               (f"d{name} += d{name}_t", f"d{name} = d{name}_t"))
        for name in ("keys", "values")
    ),
    _wrong("The gradient along the cell is not handed on from step to step.", "Which two gradients does a step hand back to the step before?",
           ("dx_t, dprev_h, dprev_c, dWx_t", "dx_t, dprev_h, _, dWx_t")),
    _wrong("What the look hands back to the state is dropped.", "The state before a step was used by the gates. By what else?",
           ("dprev_h + dlook_h", "dprev_h")),
    _wrong("The state gets what the look hands back, and not what the gates do.", "How do the gradients of all uses of a state join?",
           ("dprev_h + dlook_h", "dlook_h")),
    _wrong("The gradient of the input was cut at the wrong place: the context came behind the word.", "In which order were word and context put side by side?",
           ("dx_t[:, -A:]", "dx_t[:, :A]"), ("dx_t[:, :-A]", "dx_t[:, A:]")),
    _wrong("dkeys and dvalues are returned in each other's place.", "Which order does the docstring state?",
           ("dh0, dkeys, dvalues,", "dh0, dvalues, dkeys,")),
)  # fmt: skip

WORD_EMBEDDING_FORWARD = (
    _wrong("The axes of words and vectors are exchanged.", "Which shape should out have?",
           (", (W, x)", ".swapaxes(1, 2), (W, x)")),
    _wrong("Every place has the vector of its sentence's first word.", "Which word is at place t?",
           ("W[x]", "W[np.broadcast_to(x[:, :1], x.shape)]")),
    _wrong("Sentences and places are exchanged.", "Which shape should out have?", ("W[x]", "W[x.T]")),
    _wrong("All words are one row off.", "Is the first word of the vocabulary number 0 or 1?",
           ("W[x]", "W[x - 1]")),
)  # fmt: skip

WORD_EMBEDDING_BACKWARD = (
    _wrong("dW[x] += dout keeps only one of a repeated word's gradients.", "What does NumPy do with an index that occurs twice?",
           ("np.add.at(dW, places.ravel(), dout.ravel())", "dW[places.ravel()] += dout.ravel()")),
    _wrong("Words and gradients were matched in different orders: sentence by sentence, and place by place.",
           "Which word does dout[n, t] belong to?",
           ("np.add.at(dW, places.ravel(), dout.ravel())", "np.add.at(dW, places.swapaxes(0, 1).ravel(), dout.ravel())")),
    _wrong("A word's gradients are averaged. They must be added.", "How do the gradients of all uses of a word join?",
           ("return dW.reshape(V, D)", "return dW.reshape(V, D) / np.maximum(1, np.bincount(x.ravel(), minlength=V))[:, None]")),
    _wrong("The gradient is divided by the number of sentences.", "Where is the mean over the batch taken, here or in the loss?",
           ("return dW.reshape(V, D)", "return dW.reshape(V, D) / len(x)")),
    _wrong("The gradient was added to the word vectors themselves.", "dW begins at zero.",
           ("return dW.reshape(V, D)", "return W + dW.reshape(V, D)")),
    _wrong("Only the first word of each sentence gets a gradient.", "How many places has a sentence?",
           ("np.add.at(dW, places.ravel(), dout.ravel())", "np.add.at(dW, places[:, 0].ravel(), dout[:, 0].ravel())")),
    _wrong("Only the last word of each sentence gets a gradient.", "How many places has a sentence?",
           ("np.add.at(dW, places.ravel(), dout.ravel())", "np.add.at(dW, places[:, -1].ravel(), dout[:, -1].ravel())")),
    _wrong("The sign is wrong.", "A gradient is handed on here; nobody takes a step yet.",
           ("return dW.reshape(V, D)", "return -dW.reshape(V, D)")),
)  # fmt: skip

_ALL_LOSSES = "(np.log(np.exp(x - x.max(axis=2, keepdims=True)).sum(axis=2, keepdims=True)) + x.max(axis=2, keepdims=True) - x)"
_ALL_PLACES = """dx[...] = np.exp(x - x.max(axis=2, keepdims=True))
    dx /= dx.sum(axis=2, keepdims=True)
    dx -= np.eye(x.shape[2])[y]
    dx /= N"""
TEMPORAL_SOFTMAX_LOSS = (
    _wrong("The mask is ignored: padding counts as words.", "Which places should not count?",
           ("mask = np.asarray(mask, dtype=bool)", "mask = np.ones_like(mask, dtype=bool)")),
    _wrong("The loss is a mean over all words. It is their sum, over the number of sentences.", "By what does the formula divide?",
           ("N = len(x)", "N = np.count_nonzero(mask)")),
    _wrong("The loss is a mean over all places, padding included.", "By what does the formula divide?",
           ("N = len(x)", "N = mask.size")),
    _wrong("The loss is a sum over the batch. It is a mean.", "By what does the formula divide?", ("N = len(x)", "N = 1")),
    _wrong("dx is not divided by the number of sentences; the loss is.", "dx is the gradient of exactly the loss that you return.",
           ("dx[mask] = dscores / N", "dx[mask] = dscores")),
    _wrong("The right words' ones were not subtracted from the probabilities.", "What is the gradient of -log p with respect to the scores?",
           ("dscores[rows, words] -= 1", "pass")),
    _wrong("The one was subtracted from every score of the row.", "From which score is the one subtracted?",
           ("dscores[rows, words] -= 1", "dscores -= 1")),
    _wrong("The sign of dx is wrong.", "Should the score of the right word go up or down to lower the loss?",
           ("dx[mask] = dscores / N", "dx[mask] = -dscores / N")),
    _wrong("The sign of the loss is wrong.", "Is log p positive or negative?", ("-log_probs[rows", "log_probs[rows")),
    _wrong("dx holds the gradient of the log-probabilities, not of the scores.", "One step further back: through the softmax.",
           ("dscores = np.exp(log_probs)\n    dscores[rows, words] -= 1", "dscores = np.zeros_like(scores)\n    dscores[rows, words] -= 1")),
    _wrong("The maximum was not subtracted: the exponential overflows.", "exp(800) is larger than any float64.",
           (" - scores.max(axis=1, keepdims=True)", "")),
    _wrong("y is read at the padding as well, where it may be any number: read it only where the mask is true.",
           "The docstring says which words of y may be read.", ("np.asarray(y)[mask]", "np.arange(x.shape[2])[y][mask]")),
    _wrong("dx is not masked: the padding gets a gradient as well.", "A score that the loss does not read: what is its gradient?",
           ("np.asarray(y)[mask]", "np.arange(x.shape[2])[y][mask]"), ("dx[mask] = dscores / N", _ALL_PLACES)),
    _wrong("dx[:, :, y] is not one word for each place: it takes every word of y at every place.",
           "Which places does NumPy take if an array of integers stands beside two colons?",
           ("np.asarray(y)[mask]", "np.arange(x.shape[2])[y][mask]"),
           ("dscores[rows, words] -= 1", "dscores[:, np.unique(y)] -= 1")),
    _wrong("p[:, :, y] is not one number for each place: it takes every word of y at every place.",
           "Which places does NumPy take if an array of integers stands beside two colons?",
           ("-log_probs[rows, words].sum()", f"{_ALL_LOSSES}[:, :, y][..., mask].sum()"),
           ("np.asarray(y)[mask]", "np.arange(x.shape[2])[y][mask]"),
           ("dscores[rows, words] -= 1", "dscores[:, np.unique(y)] -= 1")),
)  # fmt: skip

ADAM = (
    _wrong("The running means are not corrected for their start at zero.", "What is m after one step, if every gradient is 1?",
           ("m_hat = m / (1 - beta1**t)", "m_hat = m"), ("v_hat = v / (1 - beta2**t)", "v_hat = v")),
    _wrong("t is not counted up before it is used.", "What is 1 - beta**t at t = 0?", ('config["t"] + 1', 'config["t"]')),
    _wrong("t is counted up after it was used, not before.", "What is 1 - beta**t at t = 0?",
           ('config["t"] + 1', 'config["t"]'), ('"t": t}', '"t": t + 1}')),
    *(
        _wrong(f"The corrected {mean} was kept for the next step. Keep the running mean itself.",
               "The correction is for this step. What does the next one begin with?", (f'"{mean}": {mean},', f'"{mean}": {mean}_hat,'))
        for mean in "mv"
    ),
    _wrong("The square of the gradient is missing in v.", "v is the running mean of what?", ("dw**2", "dw")),
    _wrong("The square root is missing.", "v has the unit of a gradient squared.", ("np.sqrt(v_hat)", "v_hat")),
    _wrong("epsilon is inside the square root.", "Where is epsilon in the formula?",
           ("np.sqrt(v_hat) + epsilon", "np.sqrt(v_hat + epsilon)")),
    _wrong("epsilon is added before the correction.", "Where is epsilon in the formula?",
           ("m_hat / (np.sqrt(v_hat) + epsilon)", "m_hat * np.sqrt(1 - beta2**t) / (np.sqrt(v) + epsilon)")),
    _wrong("beta1 and beta2 are exchanged.", "Which of the two averages the squares?",
           ('config["beta1"], config["beta2"]', 'config["beta2"], config["beta1"]')),
    _wrong("The step goes uphill.", "In which direction does the loss fall?", ("next_w = w - rate", "next_w = w + rate")),
    _wrong("The step has the gradient itself, not its running mean.", "Which of the two means replaces the gradient?",
           ("w - rate * m_hat", "w - rate * dw")),
)  # fmt: skip

NUMERIC_GRADIENT = (
    _wrong("The number is moved up only. The difference is then one-sided, and its error grows with h, not h**2.",
           "Central differences look on both sides.", ("x[index] = kept - h", "x[index] = kept"), ("/ (2 * h)", "/ h")),
    _wrong("The difference is divided by h. Between x + h and x - h lies 2h.", "How far apart are the two places?",
           ("/ (2 * h)", "/ h")),
    _wrong("/ 2 * h divides by 2 and multiplies by h. It needs brackets: / (2 * h).", "What does Python make of a / 2 * h?",
           ("/ (2 * h)", "/ 2 * h")),
    _wrong("df is not used.", "The gradient is that of sum(f(x) * df).", ("(above - below) * df", "above - below")),
    _wrong("The differences were added up before they met df.", "Each number of f(x) has a df of its own.",
           ("np.sum((above - below) * df)", "np.sum(above - below) * np.sum(df)")),
    _wrong("The differences were averaged. They must be added.", "The gradient is that of sum(f(x) * df).",
           ("np.sum((above - below) * df)", "np.mean((above - below) * df)")),
    _wrong("The sign is wrong.", "Which comes first, f above or f below?", ("above - below", "below - above")),
    _wrong("The numbers of x are not put back, so each is moved from where the last one was left.",
           "What is in x when the next number is moved?", ("            x[index] = kept\n        gradient", "            pass\n        gradient")),
    _wrong("x is not put back exactly: adding h and subtracting it again leaves a rounding error. Keep the number, and write it back.",
           "Is a + h - 2 * h + h the same float as a?", ("x[index] = kept + h", "x[index] += h"), ("x[index] = kept - h", "x[index] -= 2 * h"),
           ("            x[index] = kept\n        gradient", "            x[index] += h\n        gradient")),
    _wrong("The number was moved in a copy of x. Move it in x itself: f may read x, and not its argument.",
           "Let f be a function that ignores its argument: what does it see?", ("kept = x[index]", "x = x.copy()\n        kept = x[index]")),
    _wrong("All numbers of x were moved at once.", "A gradient has one number for each number of x.",
           ("x[index] = kept + h", "pass"), ("x[index] = kept - h", "pass"), ("above = np.array(f(x))", "above = np.array(f(x + h))"),
           ("below = np.array(f(x))", "below = np.array(f(x - h))")),
    _wrong("The argument h is not used: the step is always 1e-5.", "Which argument have you not used?",
           ("kept = x[index]", "kept, h = x[index], 1e-5")),
)  # fmt: skip

_SAID = "captions[:, :-1], captions[:, 1:]"
LOSS = (
    _wrong("The network is asked for the word that it has just read.", "Which word should come after the one at place t?",
           (_SAID, "captions[:, :-1], captions[:, :-1]")),
    _wrong("What is read and what should be said are exchanged.", "Which of the two begins with <START>?",
           (_SAID, "captions[:, 1:], captions[:, :-1]")),
    _wrong("The mask is true everywhere: padding counts as words.", "Which words should not count?",
           ('words_out != self.word_to_idx["<NULL>"]', "np.ones_like(words_out, dtype=bool)")),
    _wrong("The mask was made from the words that are read. It belongs to those that should be said.",
           "At which places is there something to say?", ("mask = words_out !=", "mask = words_in !=")),
    _wrong("The mask leaves out <END>, which the network must learn to say.", "Which word is the padding?",
           ('words_out != self.word_to_idx["<NULL>"]', 'words_out != self.word_to_idx["<END>"]')),
    _wrong("The features never reach the network: the first state is zero.", "From which state does the network start?",
           ("forward(x, h0,", "forward(x, np.zeros_like(h0),")),
    _wrong("The bias of the features is missing.", "Which weight have you not used?",
           ('p["W_proj"], p["b_proj"])', 'p["W_proj"], np.zeros_like(p["b_proj"]))')),
    _wrong("The bias of the scores is missing.", "Which weight have you not used?",
           ('p["W_vocab"], p["b_vocab"])', 'p["W_vocab"], np.zeros_like(p["b_vocab"]))')),
    _wrong("The way back to the features begins at the first step's dh. It begins at dh0.",
           "What does the way back through the sentence return besides dx?", ("affine_backward(dh0", "affine_backward(dh[:, 0]")),
    _wrong("The way back through the sentence was given the states, not their gradients.", "What does each way back take first?",
           ("backward(dh, cell_cache)", "backward(h, cell_cache)")),
    _wrong("The way back to the word vectors was given the vectors, not their gradients.", "What does each way back take first?",
           ("word_embedding_backward(dx,", "word_embedding_backward(x,")),
    _wrong("The gradients are divided by the number of captions once more.", "Where is the mean over the batch taken already?",
           ("temporal_affine_backward(dscores,", "temporal_affine_backward(dscores / len(captions),")),
    _wrong("With attention, the gradients of its own weights are missing: Wq, W_keys, P_keys, W_values and P_values.",
           "Of which weights does grads hold no gradient?", ("**dict(zip(_LOOKING, dlooking)),", "")),
    _wrong("With attention, the gradients of the keys' weights and of the values' weights are exchanged.",
           "In which order does the way back return them?",
           ("zip(_LOOKING, dlooking)", "zip(_LOOKING, dlooking[:1] + dlooking[3:] + dlooking[1:3])")),
)  # fmt: skip

_LISTEN = 'captions[speaking, t] = word[speaking]\n        speaking &= word != words.get("<END>")'
SAMPLE = (
    _wrong("The first word that is read is <NULL>. It is <START>.", "Which word comes before every caption?",
           ('np.full(len(features), words["<START>"])', 'np.full(len(features), words["<NULL>"])')),
    _wrong("Every step reads <START>. The word just said is not read.", "Which word does the next step read?",
           ("x_part[word]", 'x_part[words["<START>"]]')),
    _wrong("Every step starts from the first state. The new one is not handed on.", "Which state does a step start from?",
           ("h = np.tanh(a)", "next_h = np.tanh(a)"), ('affine_forward(h, p["W_vocab"]', 'affine_forward(next_h, p["W_vocab"]')),
    _wrong("The tanh of the step is missing.", "The step here is the step of the training.", ("h = np.tanh(a)", "h = a")),
    _wrong("The features are not used: the first state is zero.", "Where does the picture come in?",
           ("c = np.zeros_like(h)", "c = h = np.zeros_like(h)")),
    _wrong("The caption goes on after <END>.", "What should come after <END>?", ('speaking &= word != words.get("<END>")', "pass")),
    _wrong("<END> itself is missing from the captions.", "Is <END> said, or only understood?",
           (_LISTEN, 'speaking &= word != words.get("<END>")\n        captions[speaking, t] = word[speaking]')),
    _wrong("All captions stop when the first one ends.", "When may the loop stop?", ("speaking.any()", "speaking.all()")),
    _wrong("The word that is read was noted, not the one that is said, so each is one place late.",
           "Which word belongs in the first column?", ("a = x_part[word]", "read = word\n        a = x_part[word]"),
           ("= word[speaking]", "= read[speaking]")),
    _wrong("<START> was kept as the first word. The first column is the word after it.", "Which word belongs in the first column?",
           ("return captions", 'return np.c_[np.full(len(captions), words["<START>"]), captions[:, :-1]]')),
    _wrong("<START> stands in front of the captions, so they have one column too many.", "Which word belongs in the first column?",
           ("return captions", 'return np.c_[np.full(len(captions), words["<START>"]), captions]')),
    _wrong("The temperature is not used: words are always the likeliest.", "What should happen above a temperature of 0?",
           ("if temperature > 0", "if False")),
    _wrong("Words are drawn at a temperature of 1, whatever was asked.", "Which argument have you not used?",
           ("temperature * rng.gumbel", "rng.gumbel")),
    _wrong("The scores are multiplied by the temperature. They are divided by it.", "Should a high temperature make all words more alike, or less?",
           ("temperature * rng.gumbel", "1 / temperature * rng.gumbel")),
    _wrong("The noise is normal. Only Gumbel noise draws from the softmax.", "Which distribution does the book name?",
           ("rng.gumbel", "rng.standard_normal")),
    _wrong("The cell of an LSTM is not handed on: every step starts from zeros.", "Which two states does an LSTM hand on?",
           ("h, c, _ = lstm_cell(a, c)", "h, _, _ = lstm_cell(a, c)")),
    _wrong("The cell of an LSTM begins with the first state. It begins at zero.", "What has a cell kept before the first word?",
           ("c = np.zeros_like(h)", "c = h")),
    _wrong("State and cell of an LSTM are handed on in each other's place.", "In which order does a step return them?",
           ("h, c, _ = lstm_cell(a, c)", "c, h, _ = lstm_cell(a, c)")),
    _wrong("With attention, the network never looks: the context is missing.", "What does each step read besides a word?",
           ("a += context @ Wc", "pass")),
    _wrong("With attention, every look asks the question of the first state.", "Which state asks before word t?",
           ("c = np.zeros_like(h)", "c, asks = np.zeros_like(h), h"), ("attention_step_forward(h, ", "attention_step_forward(asks, ")),
    _wrong("With attention, keys and values are exchanged.", "Which of the two is the query compared with?",
           ("keys, values = keys_and_values", "values, keys = keys_and_values")),
)  # fmt: skip

_SIGMOID = "0.5 * (1 + np.tanh(0.5 * a))"
SIGMOID = (
    _wrong("The sign of a is wrong.", "What should become of a large a, 0 or 1?", (_SIGMOID, "0.5 * (1 - np.tanh(0.5 * a))")),
    _wrong("This is a tanh. It goes from -1 to 1.", "Between which bounds does a gate lie?", (_SIGMOID, "np.tanh(a)")),
    _wrong("1 / 1 + exp(-a) divides first. It needs brackets: 1 / (1 + exp(-a)).", "What does Python make of 1 / 1 + x?",
           (_SIGMOID, "1 / 1 + np.exp(-a)")),
    _wrong("exp(a) / (1 + exp(a)) is infinity over infinity for a large a.", "exp(800) is larger than any float64. exp(-800) is just 0.",
           (_SIGMOID, "np.exp(a) / (1 + np.exp(a))")),
    _wrong("a is not halved inside the tanh.", "sigmoid(a) is 1/2 + 1/2 tanh(a/2).", ("np.tanh(0.5 * a)", "np.tanh(a)")),
    _wrong("The tanh is not halved: the result goes from 0 to 2.", "sigmoid(a) is 1/2 + 1/2 tanh(a/2).", (_SIGMOID, "1 + np.tanh(0.5 * a)")),
    _wrong("This is the slope of the sigmoid.", "Here the value is asked for.", (_SIGMOID, "0.25 * (1 - np.tanh(0.5 * a) ** 2)")),
    _wrong("This is a softmax: the numbers of a row share one. A gate knows nothing of its neighbours.",
           "Element by element.", (_SIGMOID, "np.exp(a - a.max(axis=-1, keepdims=True)) / np.exp(a - a.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True)")),
)  # fmt: skip

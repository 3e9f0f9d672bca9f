"""The recurrent networks against their matrix products, the plain loop and PyTorch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.timing import best_of
from cs231n_lib.speak import attention, lstm, rnn

Call = Callable[[], object]
Row = dict[str, Any]
Rows = list[Row]

_CELLS = {"rnn": (rnn, 1, torch.nn.RNN), "lstm": (lstm, 4, torch.nn.LSTM)}
_SHAPES = (
    (25, 16, 256, 512),
    (128, 16, 256, 512),
    (64, 64, 128, 256),
    (128, 10, 64, 256),  # that of the training in the chapters
    (2, 3, 4, 5),
)
_STEP_BY_STEP = _SHAPES[0]  # the shape at which the chapters take the loop apart
_FIELDS, _KEYS = 36, 64  # L and A
_GROWING = {
    "T": [(8, T, 64, 64) for T in (16, 64, 256, 1024, 4096)],
    "N": [(N, 32, 64, 64) for N in (1, 4, 16, 64, 256, 1024)],
}


def arrays(dtype: type, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Normal numbers, small enough for no gate to saturate."""
    rng = np.random.default_rng(0)
    return {name: (0.05 * rng.standard_normal(s)).astype(dtype) for name, s in shapes.items()}


def case(
    cell: str, dtype: type, N: int, T: int, D: int, H: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The arguments of a forward pass, and the gradient for the pass back."""
    G = _CELLS[cell][1] * H
    arguments = arrays(dtype, x=(N, T, D), h0=(N, H), Wx=(D, G), Wh=(H, G), b=(G,), dh=(N, T, H))
    dh = arguments.pop("dh")
    return arguments, dh


def both(module: ModuleType, name: str, arguments: dict[str, np.ndarray], dh: np.ndarray) -> Call:
    """Forward and backward in one call."""
    forward, backward = (getattr(module, f"{name}_{way}") for way in ("forward", "backward"))
    return lambda: backward(dh, forward(**arguments)[1])


def products(cell: str, dtype: type, N: int, T: int, D: int, H: int) -> tuple[Call, Call]:
    """The matrix products that no version can do without, forward and backward, and nothing else.

    Whatever does not wait for a state is one product; all memory is allocated before.
    """
    G = _CELLS[cell][1] * H
    a = arrays(dtype, x=(N * T, D), h=(T, N, H), Wx=(D, G), Wh=(H, G), da=(T, N, G))
    x, h, Wx, Wh, da = a.values()
    rows, da_rows = h.reshape(-1, H), da.reshape(-1, G)
    sums, next_h, dprev_h = (
        np.empty((N * T, G), dtype),
        np.empty((N, G), dtype),
        np.empty_like(h[0]),
    )
    dx, dWx, dWh = np.empty_like(x), np.empty_like(Wx), np.empty_like(Wh)

    def forward() -> None:
        np.matmul(x, Wx, out=sums)
        for t in range(T):
            np.matmul(h[t], Wh, out=next_h)

    def backward() -> None:
        for t in range(T):
            np.matmul(da[t], Wh.T, out=dprev_h)
        np.matmul(da_rows, Wx.T, out=dx)
        np.matmul(x.T, da_rows, out=dWx)
        np.matmul(rows.T, da_rows, out=dWh)

    return forward, backward


def autograd(cell: str, arguments: dict[str, np.ndarray], dh: np.ndarray) -> Call:
    """The same with PyTorch's module and its automatic gradients."""
    x, h0, dh = (torch.from_numpy(v) for v in (arguments["x"], arguments["h0"][None], dh))
    module = _CELLS[cell][2](x.shape[2], h0.shape[2], batch_first=True, dtype=x.dtype)
    x.requires_grad_()
    h0.requires_grad_()
    state = h0 if cell == "rnn" else (h0, torch.zeros_like(h0))

    def call() -> None:
        module.zero_grad()
        x.grad = h0.grad = None
        module(x, state)[0].backward(dh)

    return call


def without_onednn(call: Call) -> Call:
    """The same call, with PyTorch kept from handing whole layers to oneDNN."""

    def plain() -> None:
        torch.backends.mkldnn.enabled = False
        try:
            call()
        finally:
            torch.backends.mkldnn.enabled = True

    return plain


def recurrent(cell: str, dtype: type, shape: tuple[int, int, int, int], repeats: int) -> Row:
    """Forward and backward of a cell: ours, and what we compare with."""
    arguments, dh = case(cell, dtype, *shape)
    forward, backward = products(cell, dtype, *shape)
    best = best_of(
        {
            "ours": both(_CELLS[cell][0], cell, arguments, dh),
            "products": lambda: (forward(), backward()),
            "loop": both(_CELLS[cell][0], f"{cell}_loop", arguments, dh),
            "torch": autograd(cell, arguments, dh),
            "torch without oneDNN": without_onednn(autograd(cell, arguments, dh)),
        },
        repeats,
    )
    return {
        "cell": cell.upper(),
        "dtype": np.dtype(dtype).name,
        "(N, T, D, H)": str(shape),
        "ours, ms": f"{1e3 * best['ours']:.3g}",
        "ours / products": f"{best['ours'] / best['products']:.2f}",
        "plain loop / ours": f"{best['loop'] / best['ours']:.2f}",
        "ours / PyTorch": f"{best['ours'] / best['torch']:.2f}",
        "ours / PyTorch without oneDNN": f"{best['ours'] / best['torch without oneDNN']:.2f}",
    }


def looking_case(
    dtype: type, N: int, T: int, D: int, H: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """As :func:`case`, of the LSTM that looks."""
    L, A = _FIELDS, _KEYS
    arguments = arrays(
        dtype, x=(N, T, D), h0=(N, H), keys=(N, L, A), values=(N, L, A), Wx=(D + A, 4 * H),
        Wh=(H, 4 * H), Wq=(H, A), b=(4 * H,), dh=(N, T, H),
    )  # fmt: skip
    dh = arguments.pop("dh")
    return arguments, dh


def looking_products(dtype: type, N: int, T: int, D: int, H: int) -> tuple[Call, Call]:
    """As :func:`products`, of the LSTM that looks.

    State and context meet the weights of the gates in one product.
    """
    L, A, G = _FIELDS, _KEYS, 4 * H
    a = arrays(
        dtype, x=(N * T, D), h=(T, N, H), hz=(T, N, H + A), keys=(N, L, A), values=(N, L, A),
        Wx=(D, G), W=(H + A, G), Wq=(H, A), da=(T, N, G), dq=(T, N, A), ds=(T, N, L),
    )  # fmt: skip
    x, h, hz, keys, values, Wx, W, Wq, da, dq, ds = a.values()
    da_rows = da.reshape(-1, G)
    sums, next_h, query = (np.empty(s, dtype) for s in ((N * T, G), (N, G), (N, A)))
    scores, context, dhz, dprev_h = (
        np.empty(s, dtype) for s in ((N, L), (N, A), (N, H + A), (N, H))
    )
    dx, dWx, dW, dWq, dkeys = map(np.empty_like, (x, Wx, W, Wq, keys))

    def look(of: np.ndarray, weights: np.ndarray) -> None:
        """One row with every key, and a weighted sum of values; or the same way back."""
        np.matmul(keys, of[:, :, None], out=scores[:, :, None])
        np.matmul(weights[:, None], values, out=context[:, None])

    def forward() -> None:
        np.matmul(x, Wx, out=sums)
        for t in range(T):
            np.matmul(h[t], Wq, out=query)
            look(query, ds[t])
            np.matmul(hz[t], W, out=next_h)

    def backward() -> None:
        for t in range(T):
            np.matmul(da[t], W.T, out=dhz)
            look(dq[t], ds[t])
            np.matmul(dq[t], Wq.T, out=dprev_h)
        np.matmul(da_rows, Wx.T, out=dx)
        np.matmul(x.T, da_rows, out=dWx)
        np.matmul(hz.reshape(-1, H + A).T, da_rows, out=dW)
        np.matmul(h.reshape(-1, H).T, dq.reshape(-1, A), out=dWq)
        for _ in ("keys", "values"):
            np.matmul(ds.transpose(1, 2, 0), dq.swapaxes(0, 1), out=dkeys)

    return forward, backward


def looking_torch(dh, x, h0, keys, values, Wq, cell):
    state, states = (h0, torch.zeros_like(h0)), []
    for word in x.unbind(1):
        query = (state[0] @ Wq)[:, None]
        context = scaled_dot_product_attention(query, keys, values)[:, 0]
        state = cell(torch.cat([word, context], dim=1), state)
        states.append(state[0])
    h = torch.stack(states, dim=1)
    leaves = x, h0, keys, values, Wq, *cell.parameters()
    return h, *torch.autograd.grad(h, leaves, dh)


def looking_autograd(arguments: dict[str, np.ndarray], dh: np.ndarray) -> Call:
    """The same with PyTorch's cell and attention, step by step, and its automatic gradients."""
    leaves = {name: torch.from_numpy(a).requires_grad_() for name, a in arguments.items()}
    x, h0, keys, values, Wx, _, Wq, _ = leaves.values()
    cell = torch.nn.LSTMCell(len(Wx), len(Wq), dtype=x.dtype)
    upstream = torch.from_numpy(dh)
    return lambda: looking_torch(upstream, x, h0, keys, values, Wq, cell)


def looking(dtype: type, shape: tuple[int, int, int, int], repeats: int) -> Row:
    """Forward and backward of the LSTM that looks: ours, and what we compare with."""
    arguments, dh = looking_case(dtype, *shape)
    forward, backward = looking_products(dtype, *shape)
    best = best_of(
        {
            "ours": both(attention, "attention", arguments, dh),
            "products": lambda: (forward(), backward()),
            "loop": both(attention, "attention_loop", arguments, dh),
            "torch": looking_autograd(arguments, dh),
        },
        repeats,
    )
    return {
        "dtype": np.dtype(dtype).name,
        "(N, T, D, H)": str(shape),
        "ours, ms": f"{1e3 * best['ours']:.3g}",
        "ours / products": f"{best['ours'] / best['products']:.2f}",
        "plain loop / ours": f"{best['loop'] / best['ours']:.2f}",
        "ours / PyTorch": f"{best['ours'] / best['torch']:.2f}",
    }


def versions(cell: str, repeats: int) -> Rows:
    """From the plain loop to the library, one improvement per row."""
    arguments, dh = case(cell, np.float32, *_STEP_BY_STEP)
    steps = {
        "plain loop over the steps": f"{cell}_loop",
        "products taken out of the loop": f"{cell}_hoisted",
        "in place, time first": cell,
    }
    sides: dict[str, Call] = {}
    for name, function in steps.items():
        forward, backward = (
            getattr(_CELLS[cell][0], f"{function}_{way}") for way in ("forward", "backward")
        )
        cache = forward(**arguments)[1]
        sides[f"{name} forward"] = lambda forward=forward: forward(**arguments)
        sides[f"{name} backward"] = lambda backward=backward, cache=cache: backward(dh, cache)
    bare = "the products alone"
    sides |= zip(
        (f"{bare} forward", f"{bare} backward"), products(cell, np.float32, *_STEP_BY_STEP)
    )
    best = best_of(sides, repeats)

    total = {name: best[f"{name} forward"] + best[f"{name} backward"] for name in [*steps, bare]}
    return [
        {
            "version": name,
            "forward, ms": f"{1e3 * best[f'{name} forward']:.1f}",
            "backward, ms": f"{1e3 * best[f'{name} backward']:.1f}",
            "both / products": f"{seconds / total[bare]:.2f}",
        }
        for name, seconds in total.items()
    ]


class Profiled(np.ndarray):
    """An array that notes how long every calculation with it takes, by name and by shapes."""

    seconds: ClassVar[Counter[tuple]] = Counter()

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        plain, out = ([np.asarray(v) for v in some] for some in (inputs, out))
        start = time.perf_counter()
        result = getattr(ufunc, method)(*plain, **kwargs, **({"out": tuple(out)} if out else {}))
        self.seconds[ufunc.__name__, *(v.shape for v in plain)] += time.perf_counter() - start
        return np.asarray(result).view(Profiled)


def profile(cell: str, repeats: int) -> Rows:
    """Where the time of the plain loop goes."""
    N, T, D, H = _STEP_BY_STEP
    G = _CELLS[cell][1] * H
    arguments, dh = case(cell, np.float32, N, T, D, H)
    profiled = {name: value.view(Profiled) for name, value in arguments.items()}
    loop = both(_CELLS[cell][0], f"{cell}_loop", profiled, dh)
    loop()
    Profiled.seconds.clear()
    start = time.perf_counter()
    for _ in range(repeats):
        loop()
    total = time.perf_counter() - start

    names: dict[tuple, str] = {}  # in the RNN two products have the same shapes
    for shapes, name in (
        (((N, D), (D, G)), "`x_t @ Wx`"),
        (((N, H), (H, G)), "`prev_h @ Wh`"),
        (((N, G), (G, D)), "`da @ Wx.T`"),
        (((N, G), (G, H)), "`da @ Wh.T`"),
        (((D, N), (N, G)), "`x_t.T @ da`"),
        (((H, N), (N, G)), "`prev_h.T @ da`"),
        (((D, G), (D, G)), "adding up `dWx`"),
        (((H, G), (H, G)), "adding up `dWh`"),
    ):
        names[shapes] = f"{names[shapes]}, {name}" if shapes in names else name
    shares = dict.fromkeys(names.values(), 0.0) | {"all else, number by number": 0.0}
    for (_, *shapes), seconds in Profiled.seconds.items():
        shares[names.get(tuple(shapes), "all else, number by number")] += seconds / total
    shares["copies, memory, Python"] = 1 - sum(shares.values())
    return [
        {"part of the plain loop": name, "share of its time": f"{100 * share:.0f} %"}
        for name, share in shares.items()
    ]


def growth(cell: str, letter: str, shapes: Sequence[tuple], repeats: int) -> Row:
    """How time grows with one size of the problem: the power that fits best."""
    seconds = [
        best_of({"": both(_CELLS[cell][0], cell, *case(cell, np.float32, *shape))}, repeats)[""]
        for shape in shapes
    ]
    sizes = [shape["NTDH".index(letter)] for shape in shapes]
    power, _ = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return {
        "cell": cell.upper(),
        "what grows": f"{letter}, from {sizes[0]} to {sizes[-1]:,}",
        "and the time, with its power": f"{power:.2f}",
        "first, ms": f"{1e3 * seconds[0]:.2f}",
        "last, ms": f"{1e3 * seconds[-1]:.0f}",
    }


def tables(repeats: int) -> dict[str, Rows]:
    """Every table of this module by the name of its file."""
    return {
        "recurrent": [
            recurrent(cell, dtype, shape, repeats)
            for cell in _CELLS
            for dtype in (np.float32, np.float64)
            for shape in _SHAPES
        ],
        "attention": [
            looking(dtype, shape, repeats)
            for dtype in (np.float32, np.float64)
            for shape in _SHAPES
        ],
        "rnn-profile": profile("rnn", repeats),
        "rnn-versions": versions("rnn", repeats),
        "lstm-profile": profile("lstm", repeats),
        "lstm-versions": versions("lstm", repeats),
        "growth": [
            growth(cell, letter, shapes, repeats)
            for cell in _CELLS
            for letter, shapes in _GROWING.items()
        ],
    }

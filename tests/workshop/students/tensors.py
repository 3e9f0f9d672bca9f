"""A reader who lets PyTorch do it: its cells, losses and autograd, in the NumPy half as well."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def _t(array):
    return torch.as_tensor(array)


def sigmoid(a):
    return torch.sigmoid(_t(a))


def _recorded(function, *arguments):
    """What a function gives, and what it takes to go back."""
    leaves = [_t(a).clone().requires_grad_() for a in arguments]
    with torch.enable_grad():
        out = function(*leaves)
    return out, leaves


def _gradients(outputs, leaves, upstream):
    upstream = [_t(d) for d in upstream]
    return torch.autograd.grad(outputs, leaves, upstream, retain_graph=True)


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    out, leaves = _recorded(lambda x, h, Wx, Wh, b: torch.tanh(x @ Wx + h @ Wh + b), x, prev_h,
                            Wx, Wh, b)  # fmt: skip
    return out.detach().numpy(), (out, leaves)


def rnn_step_backward(dnext_h, cache):
    return tuple(g.numpy() for g in _gradients([cache[0]], cache[1], [dnext_h]))


def _rnn(x, h, Wx, Wh, b):
    states = []
    for x_t in x.unbind(1):
        h = torch.tanh(x_t @ Wx + h @ Wh + b)
        states.append(h)
    return torch.stack(states, dim=1)


def rnn_forward(x, h0, Wx, Wh, b):
    out, leaves = _recorded(_rnn, x, h0, Wx, Wh, b)
    return out, (out, leaves)


def rnn_backward(dh, cache):
    return _gradients([cache[0]], cache[1], [dh])


def _cell(x, h, c, Wx, Wh, b):
    """PyTorch's own, whose gates are in the order i, f, g, o."""
    order = [0, 1, 3, 2]
    H = h.shape[1]

    def turned(w):
        return torch.cat([w[..., H * k : H * (k + 1)] for k in order], dim=-1)

    zero = torch.zeros(4 * H, dtype=x.dtype)
    weights = turned(Wx).T, turned(Wh).T, turned(b), zero
    return torch._VF.lstm_cell(x, (h, c), *weights)


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    (h, c), leaves = _recorded(_cell, x, prev_h, prev_c, Wx, Wh, b)
    return h.detach(), c.detach(), (h, c, leaves)


def lstm_step_backward(dnext_h, dnext_c, cache):
    h, c, leaves = cache
    return _gradients([h, c], leaves, [dnext_h, dnext_c])


def _lstm(x, h, Wx, Wh, b):
    states, c = [], torch.zeros_like(h)
    for t in range(x.shape[1]):
        h, c = _cell(x[:, t], h, c, Wx, Wh, b)
        states.append(h)
    return torch.stack(states, dim=1)


def lstm_forward(x, h0, Wx, Wh, b):
    out, leaves = _recorded(_lstm, x, h0, Wx, Wh, b)
    return out.detach().numpy(), (out, leaves)


def lstm_backward(dh, cache):
    return [g.numpy() for g in _gradients([cache[0]], cache[1], [dh])]


def _seen(h, keys, values, Wq):
    """PyTorch's own attention, whose query has an axis of its own."""
    return F.scaled_dot_product_attention((h @ Wq)[:, None], keys, values)[:, 0]


def attention_step_forward(prev_h, keys, values, Wq):
    out, leaves = _recorded(_seen, prev_h, keys, values, Wq)
    return out.detach(), (out, leaves)


def attention_step_backward(dcontext, cache):
    return _gradients([cache[0]], cache[1], [dcontext])


def _looking(x, h, keys, values, Wx, Wh, Wq, b):
    states, c = [], torch.zeros_like(h)
    for x_t in x.unbind(1):
        both = torch.cat([x_t, _seen(h, keys, values, Wq)], dim=1)
        h, c = _cell(both, h, c, Wx, Wh, b)
        states.append(h)
    return torch.stack(states, dim=1)


def attention_forward(x, h0, keys, values, Wx, Wh, Wq, b):
    out, leaves = _recorded(_looking, x, h0, keys, values, Wx, Wh, Wq, b)
    return out.detach().numpy(), (out, leaves)


def attention_backward(dh, cache):
    return [g.numpy() for g in _gradients([cache[0]], cache[1], [dh])]


def word_embedding_forward(x, W):
    return F.embedding(_t(x), _t(W)), (x, len(W))


def word_embedding_backward(dout, cache):
    x, V = cache
    dW = torch.zeros(V, dout.shape[-1], dtype=torch.float64)
    dW.index_add_(0, _t(x).flatten(), _t(dout).flatten(0, 1))
    return dW.numpy()


def temporal_softmax_loss(x, y, mask):
    scores = _t(x).clone().requires_grad_()
    words = _t(y).masked_fill(~_t(mask), -100)  # which cross_entropy leaves out
    loss = F.cross_entropy(scores.transpose(1, 2), words, reduction="sum") / len(x)
    loss.backward()
    return loss.item(), scores.grad


def adam(w, dw, config=None):
    begin = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0}
    config = {**begin, "m": np.zeros(w.shape), "v": np.zeros(w.shape), **(config or {})}
    t = config["t"] + 1
    m = torch.lerp(_t(config["m"]), _t(dw), 1 - config["beta1"])
    v = torch.lerp(_t(config["v"]), _t(dw) ** 2, 1 - config["beta2"])
    m_hat, v_hat = m / (1 - config["beta1"] ** t), v / (1 - config["beta2"] ** t)
    next_w = torch.addcdiv(_t(w), m_hat, v_hat.sqrt() + config["epsilon"],
                           value=-config["learning_rate"])  # fmt: skip
    return next_w, {**config, "m": m, "v": v, "t": t}


def numeric_gradient(f, x, df, h=1e-5):
    gradient, shared = torch.zeros(x.shape, dtype=torch.float64), _t(x)  # which writes into x
    for place in np.ndindex(*x.shape):
        before = shared[place].clone()
        shared[place] += h
        above = np.array(f(x))
        shared[place] -= 2 * h
        gradient[place] = float(np.vdot(df, above - f(x))) / h / 2
        shared[place] = before
    return gradient


def loss(self, features, captions):
    p = {name: _t(w).clone().requires_grad_() for name, w in self.params.items()}
    words = _t(np.asarray(captions))
    h0 = _t(features) @ p["W_proj"] + p["b_proj"]
    h = _rnn(F.embedding(words[:, :-1], p["W_embed"]), h0, p["Wx"], p["Wh"], p["b"])
    scores = h @ p["W_vocab"] + p["b_vocab"]
    value = F.cross_entropy(scores.flatten(0, 1), words[:, 1:].flatten(), reduction="sum",
                            ignore_index=self.word_to_idx["<NULL>"]) / len(words)  # fmt: skip
    value.backward()
    return value.item(), {name: w.grad.numpy() for name, w in p.items()}


def sample(self, features, max_length=30, temperature=0.0, rng=None):
    p = {name: _t(w) for name, w in self.params.items()}
    draws = torch.Generator().manual_seed(0)
    h = _t(features) @ p["W_proj"] + p["b_proj"]
    word = torch.full((len(h),), self.word_to_idx["<START>"])
    captions = torch.full((len(h), max_length), self.word_to_idx["<NULL>"])
    for t in range(max_length):
        h = torch.tanh(p["W_embed"][word] @ p["Wx"] + h @ p["Wh"] + p["b"])
        scores = h @ p["W_vocab"] + p["b_vocab"]
        word = scores.argmax(1)
        if temperature > 0:
            word = torch.multinomial(F.softmax(scores / temperature, 1), 1, generator=draws)[:, 0]
        silent = (captions == self.word_to_idx["<END>"]).any(1)
        captions[:, t] = torch.where(silent, self.word_to_idx["<NULL>"], word)
    return captions


def _slope(X, y, model):
    X = X.detach().requires_grad_()
    return torch.autograd.functional.vjp(lambda X: model(X), X, F.one_hot(y, 5).to(X))[1]


def compute_saliency_maps(X, y, model):
    return _slope(X, y, model).norm(p=float("inf"), dim=1).numpy()


def smooth_grad(X, y, model, samples=16, sigma=0.15, seed=0, squared=False):
    rng = torch.Generator()
    rng.manual_seed(seed)
    lows, highs = X.detach().flatten(1).aminmax(dim=1)
    scale = (sigma * (highs - lows)).view(-1, 1, 1, 1)
    noisy = [X + scale * torch.randn(X.shape[1:], generator=rng) for _ in range(samples)]
    slopes = torch.stack([_slope(n, y, model) for n in noisy])
    return (slopes.square() if squared else slopes).mean(0).abs().max(1)[0].numpy()


def _black(X):
    return _normalized(torch.zeros_like(X))


def _normalized(pixels):
    mean, std = pixels.new_tensor([0.485, 0.456, 0.406]), pixels.new_tensor([0.229, 0.224, 0.225])
    return (pixels - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)


def _pixels(X):
    mean, std = X.new_tensor([0.485, 0.456, 0.406]), X.new_tensor([0.229, 0.224, 0.225])
    return X * std.reshape(3, 1, 1) + mean.reshape(3, 1, 1)


def integrated_gradients(X, y, model, baseline=None, steps=32):
    baseline = _black(X) if baseline is None else baseline
    middles = (np.arange(steps) + 0.5) / steps
    mean = sum(_slope(torch.lerp(baseline, X, float(a)), y, model) for a in middles) / steps
    return (mean * (X - baseline)).detach().numpy()


def make_fooling_image(X, target_y, model, learning_rate=1, max_steps=100):
    if len(X) > 1:
        pairs = zip(X.split(1), target_y)
        return torch.cat(
            [make_fooling_image(x, t, model, learning_rate, max_steps) for x, t in pairs]
        )
    X_fooling, target = X.detach().clone(), torch.tensor([target_y])
    steps = 0
    while model(X_fooling).topk(1).indices.item() != target_y and steps < max_steps:
        X_fooling = X_fooling + learning_rate * F.normalize(
            _slope(X_fooling, target, model).flatten(), dim=0
        ).view_as(X)
        steps += 1
    return X_fooling


def _loss_slope(pixels, y, model):
    pixels = nn.Parameter(pixels.detach())
    for one in model if isinstance(model, list) else [model]:
        nn.CrossEntropyLoss(reduction="sum")(one(_normalized(pixels)), y).backward()
    return pixels.grad


def fgsm(X, y, model, epsilon, targeted=False):
    X = X.detach()
    before = _pixels(X)
    moved = torch.add(before, _loss_slope(before, y, model).sgn(), alpha=epsilon)
    if targeted:
        moved = torch.sub(before, _loss_slope(before, y, model).sgn(), alpha=epsilon)
    return _normalized(moved.clamp_(0, 1)).numpy()


def steepest(g, norm):
    if norm == 2:
        return F.normalize(g.flatten(1), dim=1, eps=1e-30).reshape(g.shape)
    return g.sgn()


def project(change, epsilon, norm):
    if norm == 2:
        return torch.renorm(change, 2, 0, epsilon)
    return F.hardtanh(change, -epsilon, epsilon)


def pgd(X, y, model, epsilon, norm="inf", steps=10, targeted=False, seed=None):
    before = _pixels(X.detach())
    low, high = (before - epsilon).clamp(min=0), (before + epsilon).clamp(max=1)
    now, length = before.clone(), 2.5 * epsilon / steps
    if seed is not None:
        shift = torch.randn(X.shape, generator=torch.Generator().manual_seed(seed)).to(X)
        shift = torch.renorm(shift, 2, 0, epsilon) if norm == 2 else shift.clamp(-epsilon, epsilon)
        now = (before + shift).clamp(0, 1)
    for _ in range(steps):
        now = now + (-length if targeted else length) * steepest(_loss_slope(now, y, model), norm)
        if norm == 2:
            now = (before + torch.renorm(now - before, 2, 0, epsilon)).clamp(0, 1)
        else:
            now = torch.max(torch.min(now, high), low)
    return _normalized(now)


def class_visualization_step(img, y, model, l2_reg=1e-3, learning_rate=25, check=True):
    img = img.detach()
    with torch.no_grad():
        score = F.nll_loss(model(img), y, reduction="none").neg()
    g = _slope(img, y, model) - l2_reg * 2 * img
    img = img + learning_rate * F.normalize(g.flatten(1)).view_as(img)
    return img.numpy(), score.numpy()


def extract_features(x, cnn, last=None):
    kept = []
    hooks = [layer.register_forward_hook(lambda *io: kept.append(io[2].clone())) for layer in cnn]
    cnn(x.clone())
    for hook in hooks:
        hook.remove()
    return kept if last is None else kept[: last + 1]


def content_loss(content_weight, content_current, content_original):
    return content_weight * F.mse_loss(content_current, content_original, reduction="sum")


def gram_matrix(features, normalize=True):
    flat = features.flatten(2)
    gram = torch.bmm(flat, flat.transpose(1, 2))
    return gram.div(flat[0].numel()) if normalize else gram


def style_loss(feats, style_layers, style_targets, style_weights):
    losses = [
        F.mse_loss(gram_matrix(feats[i]), A, reduction="sum")
        for i, A in zip(style_layers, style_targets)
    ]
    return torch.dot(torch.stack(losses), torch.tensor(style_weights, dtype=losses[0].dtype))


def tv_loss(img, tv_weight):
    slopes = torch.tensor([[[[0.0, 0], [-1, 1]]], [[[0, -1], [0, 1]]]], dtype=img.dtype)
    padded = F.pad(img.flatten(0, 1)[:, None], (1, 0, 1, 0), mode="replicate")
    return tv_weight * F.conv2d(padded, slopes).square().sum()

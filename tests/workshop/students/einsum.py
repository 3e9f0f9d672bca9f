"""A reader who writes einsum, comprehensions and ``torch.autograd.grad``."""

import itertools
import math

import numpy as np
import torch
from numpy import einsum
from torch.autograd import grad


def sigmoid(a):
    return np.where(a >= 0, 1, np.exp(-np.abs(a))) / (1 + np.exp(-np.abs(a)))


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    both, weights = np.hstack([x, prev_h]), np.vstack([Wx, Wh])
    next_h = np.tanh(einsum("ni,ih->nh", both, weights) + b)
    return next_h, (both, weights, next_h, x.shape[1])


def rnn_step_backward(dnext_h, cache):
    both, weights, next_h, D = cache
    da = dnext_h - dnext_h * next_h * next_h
    dboth = einsum("nh,ih->ni", da, weights)
    dweights = einsum("ni,nh->ih", both, da)
    return dboth[:, :D], dboth[:, D:], dweights[:D], dweights[D:], einsum("nh->h", da)


def rnn_forward(x, h0, Wx, Wh, b):
    def step(state, x_t):
        return rnn_step_forward(x_t, state[0], Wx, Wh, b)

    states = list(itertools.accumulate(x.swapaxes(0, 1), step, initial=(h0, None)))[1:]
    return np.stack([h for h, _ in states], 1), tuple(cache for _, cache in states)


def rnn_backward(dh, cache):
    dx, grads, dprev = np.empty((*dh.shape[:2], cache[0][3]), dh.dtype), [], 0
    for t, step in reversed(list(enumerate(cache))):
        dx[:, t], dprev, *rest = rnn_step_backward(dprev + dh[:, t], step)
        grads.append(rest)
    return dx, dprev, *(sum(g) for g in zip(*grads))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    a = einsum("nd,dk->nk", x, Wx) + einsum("nh,hk->nk", prev_h, Wh) + b
    gates = a.reshape(len(x), 4, -1).transpose(1, 0, 2)
    i, f, o = sigmoid(gates[:3])
    g = np.tanh(gates[3])
    next_c = i * g + f * prev_c
    return o * np.tanh(next_c), next_c, (x, prev_h, prev_c, Wx, Wh, (i, f, o, g), next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, (i, f, o, g), c = cache
    squashed = np.tanh(c)
    dc = dnext_h * o / np.cosh(c) ** 2
    dc += dnext_c
    da = np.stack([dc * g * (i - i**2), dc * prev_c * (f - f**2), dnext_h * squashed * (o - o**2),
                   dc * i * (1 - g) * (1 + g)], axis=1).reshape(len(x), -1)  # fmt: skip
    return (
        einsum("nk,dk->nd", da, Wx), einsum("nk,hk->nh", da, Wh), f * dc,
        einsum("nd,nk->dk", x, da), einsum("nh,nk->hk", prev_h, da), einsum("nk->k", da),
    )  # fmt: skip


def lstm_forward(x, h0, Wx, Wh, b):
    h, c, cache = h0, 0 * h0, {}
    out = np.empty((x.shape[0], x.shape[1], h0.shape[1]), h0.dtype)
    for t in range(x.shape[1]):
        out[:, t], c, cache[t] = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        h = out[:, t]
    return out, cache


def lstm_backward(dh, cache):
    dh_next = dc_next = np.zeros_like(dh[:, 0])
    steps = []
    for t in sorted(cache, reverse=True):
        steps.insert(0, lstm_step_backward(dh[:, t] + dh_next, dc_next, cache[t]))
        dh_next, dc_next = steps[0][1:3]
    dx, _, _, dWx, dWh, db = zip(*steps)
    return np.stack(dx, 1), dh_next, sum(dWx), sum(dWh), sum(db)


def attention_step_forward(prev_h, keys, values, Wq):
    s = einsum("nh,ha,nla->nl", prev_h, Wq / math.sqrt(Wq.shape[1]), keys)
    w = np.exp(s - np.logaddexp.reduce(s, axis=1)[:, None])
    return einsum("nl,nla->na", w, values), (prev_h, keys, values, Wq, w)


def attention_step_backward(dcontext, cache):
    h, keys, values, Wq, w = cache
    dw = einsum("na,nla->nl", dcontext, values)
    ds = (w * dw - w * einsum("nl,nl->n", w, dw)[:, None]) / math.sqrt(Wq.shape[1])
    return (
        einsum("nl,nla,ha->nh", ds, keys, Wq), einsum("nl,nh,ha->nla", ds, h, Wq),
        einsum("nl,na->nla", w, dcontext), einsum("nh,nl,nla->ha", h, ds, keys),
    )  # fmt: skip


def attention_forward(x, h0, keys, values, Wx, Wh, Wq, b):
    h, c, cache = h0, 0 * h0, {}
    out = np.empty((x.shape[0], x.shape[1], h0.shape[1]), h0.dtype)
    for t in range(x.shape[1]):
        seen, look = attention_step_forward(h, keys, values, Wq)
        out[:, t], c, step = lstm_step_forward(np.c_[x[:, t], seen], h, c, Wx, Wh, b)
        h, cache[t] = out[:, t], (look, step)
    return out, cache


def attention_backward(dh, cache):
    dh_next = dc_next = np.zeros_like(dh[:, 0])
    looks, steps = [], []
    for t in sorted(cache, reverse=True):
        look, step = cache[t]
        A = look[1].shape[2]
        steps.insert(0, lstm_step_backward(dh[:, t] + dh_next, dc_next, step))
        looks.insert(0, attention_step_backward(steps[0][0][:, -A:], look))
        dh_next, dc_next = steps[0][1] + looks[0][0], steps[0][2]
    dboth, _, _, *of_steps = zip(*steps)
    _, *of_looks = zip(*looks)
    (dWx, dWh, db), (dkeys, dvalues, dWq) = map(sum, of_steps), map(sum, of_looks)
    return np.stack(dboth, 1)[..., :-A], dh_next, dkeys, dvalues, dWx, dWh, dWq, db


def word_embedding_forward(x, W):
    one_hot = np.eye(len(W), dtype=W.dtype)[x]
    return einsum("ntv,vd->ntd", one_hot, W), one_hot


def word_embedding_backward(dout, cache):
    return einsum("ntv,ntd->vd", cache, dout)


def temporal_softmax_loss(x, y, mask):
    shifted = x - x.max(2, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(2, keepdims=True)
    one_hot = np.eye(x.shape[2], dtype=x.dtype)[np.where(mask, y, 0)]
    loss = -einsum("nt,ntv,ntv->", mask.astype(x.dtype), one_hot, np.log(p)) / x.shape[0]
    return loss, einsum("nt,ntv->ntv", mask, p - one_hot) / x.shape[0]


def adam(w, dw, config=None):
    settings = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
                "m": 0 * w, "v": 0 * w, "t": 0} | (config or {})  # fmt: skip
    t, b1, b2 = settings["t"] + 1, settings["beta1"], settings["beta2"]
    settings.update(t=t, m=settings["m"] + (1 - b1) * (dw - settings["m"]),
                    v=settings["v"] + (1 - b2) * (np.square(dw) - settings["v"]))  # fmt: skip
    step = settings["m"] / (1 - math.pow(b1, t))
    step /= settings["epsilon"] + (settings["v"] / (1 - math.pow(b2, t))) ** 0.5
    return w - settings["learning_rate"] * step, settings


def numeric_gradient(f, x, df, h=1e-5):
    def moved(place, by):
        kept, x[place] = x[place], x[place] + by
        out = np.copy(f(x))
        x[place] = kept
        return out

    slopes = [((moved(p, h) - moved(p, -h)) / (2 * h) * df).sum() for p in np.ndindex(x.shape)]
    return np.reshape(slopes, x.shape)


def loss(self, features, captions):
    W = self.params
    read, said = captions[..., :-1], captions[..., 1:]
    x, embedded = word_embedding_forward(read, W["W_embed"])
    h0 = einsum("nd,dh->nh", features, W["W_proj"]) + W["b_proj"]
    h, run = rnn_forward(x, h0, W["Wx"], W["Wh"], W["b"])
    scores = einsum("nth,hv->ntv", h, W["W_vocab"]) + W["b_vocab"]
    mask = said != self.word_to_idx["<NULL>"]
    value, ds = temporal_softmax_loss(scores, said, mask)
    dx, dh0, dWx, dWh, db = rnn_backward(einsum("ntv,hv->nth", ds, W["W_vocab"]), run)
    return value, {
        "W_proj": einsum("nd,nh->dh", features, dh0), "b_proj": dh0.sum(0), "Wx": dWx, "Wh": dWh,
        "W_embed": word_embedding_backward(dx, embedded), "b": db,
        "W_vocab": einsum("nth,ntv->hv", h, ds), "b_vocab": einsum("ntv->v", ds),
    }  # fmt: skip


def sample(self, features, max_length=30, temperature=0.0, rng=None):
    W, (null, start, end) = self.params, map(self.word_to_idx.get, ("<NULL>", "<START>", "<END>"))
    h = einsum("nd,dh->nh", features, W["W_proj"]) + W["b_proj"]
    said = [np.full(len(features), start)]
    for _ in range(max_length):
        h, _ = rnn_step_forward(W["W_embed"][said[-1]], h, W["Wx"], W["Wh"], W["b"])
        scores = einsum("nh,hv->nv", h, W["W_vocab"]) + W["b_vocab"]
        if temperature > 0:
            odds = np.exp((scores - scores.max(1, keepdims=True)) / temperature).cumsum(1)
            said.append((odds < odds[:, -1:] * rng.random((len(h), 1))).sum(1))
        else:
            said.append(scores.argmax(1))
    captions = np.stack(said[1:], 1)
    ended = np.cumsum(captions == end, 1) - (captions == end) > 0
    return np.where(ended, null, captions)


def compute_saliency_maps(X, y, model):
    X = X.clone().requires_grad_()
    scores = torch.einsum("nc,nc->", model(X), torch.eye(5, dtype=X.dtype)[y])
    return grad(scores, X)[0].abs().amax(1)


def smooth_grad(X, y, model, samples=16, sigma=0.15, seed=0, squared=False):
    rng = torch.Generator().manual_seed(seed)
    noise = torch.stack([torch.randn(X.shape[1:], generator=rng) for _ in range(samples)])
    reach = sigma * (X.flatten(1).max(1)[0] - X.flatten(1).min(1)[0])
    copies = X + torch.einsum("schw,n->snchw", noise, reach)
    gradients = torch.stack([_slope(pictures, y, model) for pictures in copies])
    return (gradients ** (1 + squared)).mean(0).abs().amax(1)


def integrated_gradients(X, y, model, baseline=None, steps=32):
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], dtype=X.dtype)
    start = (-mean / std)[:, None, None] if baseline is None else baseline
    alphas = torch.linspace(0.5, steps - 0.5, steps, dtype=X.dtype) / steps
    path = start + _path(alphas, X - start)
    gradients = torch.stack([_slope(p, y, model) for p in path])
    return torch.einsum("snchw,nchw->nchw", gradients, X - start) / steps


def _path(alphas, way):
    return torch.einsum("s,nchw->snchw", alphas, way)


def _slope(X, y, model):
    X = X.detach().requires_grad_()
    return grad(model(X)[torch.arange(len(X)), y].sum(), X)[0]


def make_fooling_image(X, target_y, model, learning_rate=1.0, max_steps=100):
    picture, target = X.detach(), torch.as_tensor(target_y).expand(len(X))
    for _ in range(max_steps):
        fools = model(picture).max(1)[1] == target
        if fools.all():
            break
        g = _slope(picture, target, model)
        length = torch.einsum("nchw,nchw->n", g, g).sqrt()
        step = torch.einsum("n,nchw->nchw", learning_rate / length, g)
        picture = torch.where(fools[:, None, None, None], picture, picture + step)
    return picture


def _constants(X):
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], dtype=X.dtype)
    return mean[:, None, None], std[:, None, None]


def _uphill(pixels, y, model):
    mean, std = _constants(pixels)
    pixels = pixels.detach().requires_grad_()
    models = model if isinstance(model, list) else [model]
    log_p = sum(m((pixels - mean) / std).log_softmax(1) for m in models)
    return grad(-log_p[range(len(y)), y].sum(), pixels)[0]


def fgsm(X, y, model, epsilon, targeted=False):
    mean, std = _constants(X)
    pixels = X * std + mean
    change = epsilon * torch.sign(_uphill(pixels, y, model)) * (1 - 2 * targeted)
    return ((pixels + change).clip(0, 1) - mean) / std


def steepest(g, norm):
    if norm in ("inf", math.inf):
        return torch.sign(g)
    length = torch.einsum("nchw,nchw->n", g, g).sqrt()[:, None, None, None]
    return torch.nan_to_num(g / length)


def project(change, epsilon, norm):
    if norm in ("inf", math.inf):
        return torch.minimum(torch.maximum(change, torch.tensor(-epsilon)), torch.tensor(epsilon))
    length = torch.einsum("nchw,nchw->n", change, change).sqrt()
    shrink = torch.where(length > epsilon, epsilon / length, 1.0)
    return torch.einsum("n,nchw->nchw", shrink, change)


def pgd(X, y, model, epsilon, norm="inf", steps=10, targeted=False, seed=None):
    mean, std = _constants(X)
    start, delta = X.detach() * std + mean, torch.zeros_like(X)
    if seed is not None:
        rng = torch.Generator().manual_seed(seed)
        delta = project(torch.randn(X.shape, generator=rng, dtype=X.dtype), epsilon, norm)
    for _ in range(steps):
        g = _uphill(start + delta, y, model) * (-1 if targeted else 1)
        delta = project(delta + (2.5 * epsilon / steps) * steepest(g, norm), epsilon, norm)
        delta = (start + delta).clip(0, 1) - start
    return (start + delta - mean) / std


def class_visualization_step(img, y, model, l2_reg=1e-3, learning_rate=25, check=True):
    img = img.detach().requires_grad_()
    score = torch.einsum("nc,nc->n", model(img), torch.eye(5, dtype=img.dtype)[y])
    (g,) = grad((score - l2_reg * torch.einsum("nchw,nchw->n", img, img)).sum(), img)
    g = g / torch.einsum("nchw,nchw->n", g, g).sqrt()[:, None, None, None]
    return (img + learning_rate * g).detach(), score.detach()


def extract_features(x, cnn, last=None):
    layers = list(cnn)[: None if last is None else last + 1]
    outputs = itertools.accumulate(layers, lambda x, layer: layer(x.clone()), initial=x)
    return tuple(itertools.islice(outputs, 1, None))


def content_loss(content_weight, content_current, content_original):
    d = content_current - content_original
    return content_weight * torch.einsum("nchw,nchw->", d, d)


def gram_matrix(features, normalize=True):
    gram = torch.einsum("nchw,ndhw->ncd", features, features)
    return gram / math.prod(features.shape[1:]) if normalize else gram


def style_loss(feats, style_layers, style_targets, style_weights):
    differences = [gram_matrix(feats[i]) - A for i, A in zip(style_layers, style_targets)]
    return sum(w * torch.einsum("ncd,ncd->", d, d) for w, d in zip(style_weights, differences))


def tv_loss(img, tv_weight):
    steps = [torch.roll(img, -1, d).narrow(d, 0, img.shape[d] - 1) for d in (2, 3)]
    pairs = [(s, img.narrow(d, 0, img.shape[d] - 1)) for s, d in zip(steps, (2, 3))]
    return tv_weight * sum(((a - b) ** 2).sum() for a, b in pairs)

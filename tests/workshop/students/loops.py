"""A reader who writes loops, and ``backward()`` as in 2017."""

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def sigmoid(a):
    out = np.zeros_like(a)
    for place, value in np.ndenumerate(a):
        out[place] = 1 / (1 + np.exp(-value)) if value > 0 else np.exp(value) / (1 + np.exp(value))
    return out


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.zeros_like(prev_h)
    for n in range(x.shape[0]):
        next_h[n] = np.tanh(np.dot(prev_h[n], Wh) + np.dot(x[n], Wx) + b)
    return next_h, {"x": x, "h": prev_h, "Wx": Wx, "Wh": Wh, "out": next_h}


def rnn_step_backward(dnext_h, cache):
    dmid = (1 - np.square(cache["out"])) * dnext_h
    dx, dprev_h = np.zeros_like(cache["x"]), np.zeros_like(cache["h"])
    dWx, dWh, db = np.zeros_like(cache["Wx"]), np.zeros_like(cache["Wh"]), np.zeros_like(dmid[0])
    for n in range(len(dmid)):
        dx[n] = cache["Wx"].dot(dmid[n])
        dprev_h[n] = cache["Wh"].dot(dmid[n])
        dWx += np.outer(cache["x"][n], dmid[n])
        dWh += np.outer(cache["h"][n], dmid[n])
        db += dmid[n]
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, _ = x.shape
    h, cache = np.zeros((N, T, h0.shape[1]), x.dtype), []
    for t in range(T):
        h0, step = rnn_step_forward(x[:, t, :], h0, Wx, Wh, b)
        h[:, t, :] = h0
        cache.append(step)
    return h, cache


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0]["x"].shape[1]
    dx, dh0 = np.zeros((N, T, D), dh.dtype), np.zeros((N, H), dh.dtype)
    dWx, dWh, db = (np.zeros(shape, dh.dtype) for shape in ((D, H), (H, H), (H,)))
    for t in range(T - 1, -1, -1):
        dx[:, t], dh0, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t] + dh0, cache[t])
        dWx, dWh, db = dWx + dWx_t, dWh + dWh_t, db + db_t
    return dx, dh0, dWx, dWh, db


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = np.dot(x, Wx) + np.dot(prev_h, Wh) + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c = np.multiply(f, prev_c) + np.multiply(i, g)
    h = np.multiply(o, np.tanh(c))
    return h, c, (i, f, o, g, c, prev_c, prev_h, x, Wx, Wh)


def lstm_step_backward(dnext_h, dnext_c, cache):
    i, f, o, g, c, prev_c, prev_h, x, Wx, Wh = cache
    N, H = dnext_h.shape
    da, dprev_c = np.zeros((N, 4 * H), dnext_h.dtype), np.zeros_like(dnext_h)
    for n in range(N):
        for k in range(H):
            t = np.tanh(c[n, k])
            dc = dnext_c[n, k] + dnext_h[n, k] * o[n, k] * (1 - t * t)
            da[n, k] = dc * g[n, k] * i[n, k] * (1 - i[n, k])
            da[n, H + k] = dc * prev_c[n, k] * f[n, k] * (1 - f[n, k])
            da[n, 2 * H + k] = dnext_h[n, k] * t * o[n, k] * (1 - o[n, k])
            da[n, 3 * H + k] = dc * i[n, k] * (1 - g[n, k] ** 2)
            dprev_c[n, k] = dc * f[n, k]
    return da.dot(Wx.T), da.dot(Wh.T), dprev_c, x.T.dot(da), prev_h.T.dot(da), np.sum(da, 0)


def lstm_forward(x, h0, Wx, Wh, b):
    cache, hs, h, c = [], [], h0, np.zeros_like(h0)
    for t in range(x.shape[1]):
        h, c, step = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        hs.append(h)
        cache.append(step)
    return np.array(hs).transpose(1, 0, 2), cache


def lstm_backward(dh, cache):
    T = dh.shape[1]
    dx, dh_t, dc_t, sums = [None] * T, np.zeros_like(dh[:, 0]), np.zeros_like(dh[:, 0]), None
    for t in reversed(range(T)):
        dx[t], dh_t, dc_t, *weights = lstm_step_backward(dh[:, t] + dh_t, dc_t, cache[t])
        sums = weights if sums is None else [a + b for a, b in zip(sums, weights)]
    return [np.stack(dx, axis=1), dh_t, *sums]


def attention_step_forward(prev_h, keys, values, Wq):
    N, L, A = keys.shape
    context, query = np.zeros((2, N, A), keys.dtype)
    weights = np.zeros((N, L), keys.dtype)
    for n in range(N):
        query[n] = np.dot(prev_h[n], Wq)
        scores = [np.dot(keys[n, field], query[n]) / np.sqrt(A) for field in range(L)]
        for field in range(L):
            weights[n, field] = np.exp(scores[field] - max(scores))
        weights[n] = weights[n] / sum(weights[n])
        for field in range(L):
            context[n] += weights[n, field] * values[n, field]
    return context, {"h": prev_h, "k": keys, "v": values, "Wq": Wq, "q": query, "w": weights}


def attention_step_backward(dcontext, cache):
    k, v, w, q = cache["k"], cache["v"], cache["w"], cache["q"]
    N, L, A = k.shape
    dk, dv = np.zeros_like(k), np.zeros_like(v)
    dh, dWq = np.zeros_like(cache["h"]), np.zeros_like(cache["Wq"])
    for n in range(N):
        dw = np.array([np.dot(v[n, field], dcontext[n]) for field in range(L)])
        jacobian = np.diag(w[n]) - np.outer(w[n], w[n])
        ds = np.dot(jacobian, dw) / np.sqrt(A)
        dq = np.zeros_like(q[n])
        for field in range(L):
            dv[n, field] = w[n, field] * dcontext[n]
            dk[n, field] = ds[field] * q[n]
            dq += ds[field] * k[n, field]
        dh[n] = cache["Wq"].dot(dq)
        dWq += np.outer(cache["h"][n], dq)
    return dh, dk, dv, dWq


def attention_forward(x, h0, keys, values, Wx, Wh, Wq, b):
    cache, hs, h, c = [], [], h0, np.zeros_like(h0)
    for t in range(x.shape[1]):
        seen, look = attention_step_forward(h, keys, values, Wq)
        h, c, step = lstm_step_forward(np.hstack((x[:, t], seen)), h, c, Wx, Wh, b)
        hs.append(h)
        cache.append((look, step))
    return np.array(hs).transpose(1, 0, 2), cache


def attention_backward(dh, cache):
    T = dh.shape[1]
    dx, dh_t, dc_t, sums = [None] * T, np.zeros_like(dh[:, 0]), np.zeros_like(dh[:, 0]), None
    for t in reversed(range(T)):
        look, step = cache[t]
        both, dh_t, dc_t, dWx, dWh, db = lstm_step_backward(dh[:, t] + dh_t, dc_t, step)
        D = both.shape[1] - look["Wq"].shape[1]
        dx[t] = both[:, :D]
        more, dk, dv, dWq = attention_step_backward(both[:, D:], look)
        dh_t = dh_t + more
        parts = [dk, dv, dWx, dWh, dWq, db]
        sums = parts if sums is None else [a + b for a, b in zip(sums, parts)]
    return [np.stack(dx, axis=1), dh_t, *sums]


def word_embedding_forward(x, W):
    out = np.zeros((*x.shape, W.shape[1]), W.dtype)
    for n in range(x.shape[0]):
        for t in range(x.shape[1]):
            out[n, t] = W[x[n, t]]
    return out, (x, W)


def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    for n in range(x.shape[0]):
        for t in range(x.shape[1]):
            dW[x[n, t]] += dout[n, t]
    return dW


def temporal_softmax_loss(x, y, mask):
    N, T, _ = x.shape
    loss, dx = 0.0, np.zeros_like(x)
    for n in range(N):
        for t in range(T):
            if mask[n, t]:
                p = np.exp(x[n, t] - np.max(x[n, t]))
                p /= p.sum()
                loss -= np.log(p[y[n, t]]) / N
                p[y[n, t]] -= 1
                dx[n, t] = p / N
    return loss, dx


def adam(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-3)  # as in 2017: in the caller's own dict
    config.setdefault("beta1", 0.9)
    config.setdefault("beta2", 0.999)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("m", np.zeros_like(w))
    config.setdefault("v", np.zeros_like(w))
    config.setdefault("t", 0)
    config["t"] += 1
    for name, beta, new in (("m", "beta1", dw), ("v", "beta2", dw * dw)):
        config[name] = config[beta] * config[name] + (1 - config[beta]) * new
    m = config["m"] / (1 - config["beta1"] ** config["t"])
    v = config["v"] / (1 - config["beta2"] ** config["t"])
    return w - config["learning_rate"] * m / (np.sqrt(v) + config["epsilon"]), config


def numeric_gradient(f, x, df, h=1e-5):
    grad = np.zeros_like(x)
    it = np.nditer(x, flags=["multi_index"], op_flags=["readwrite"])
    while not it.finished:
        ix = it.multi_index
        oldval = x[ix]
        x[ix] = oldval + h
        pos = f(x).copy()
        x[ix] = oldval - h
        neg = f(x).copy()
        x[ix] = oldval
        grad[ix] = np.sum((pos - neg) * df) / (2 * h)
        it.iternext()
    return grad


def loss(self, features, captions):
    p = self.params
    inputs, targets = captions[:, :-1], captions[:, 1:]
    h0 = features.dot(p["W_proj"]) + p["b_proj"]
    x, cache_x = word_embedding_forward(inputs, p["W_embed"])
    h, cache_h = rnn_forward(x, h0, p["Wx"], p["Wh"], p["b"])
    scores = h.dot(p["W_vocab"]) + p["b_vocab"]
    total, dscores = temporal_softmax_loss(scores, targets, targets != self.word_to_idx["<NULL>"])
    grads = {"b_vocab": dscores.sum(axis=(0, 1)), "W_vocab": np.zeros_like(p["W_vocab"])}
    for t in range(inputs.shape[1]):
        grads["W_vocab"] += h[:, t].T.dot(dscores[:, t])
    dx, dh0, grads["Wx"], grads["Wh"], grads["b"] = rnn_backward(
        dscores.dot(p["W_vocab"].T), cache_h
    )
    grads["W_embed"] = word_embedding_backward(dx, cache_x)
    grads["W_proj"], grads["b_proj"] = features.T.dot(dh0), dh0.sum(axis=0)
    return total, grads


def sample(self, features, max_length=30, temperature=0.0, rng=None):
    p, words = self.params, self.word_to_idx
    captions = np.zeros((len(features), max_length), dtype=int) + words["<NULL>"]
    h = features.dot(p["W_proj"]) + p["b_proj"]
    word, done = [words["<START>"]] * len(features), np.zeros(len(features), bool)
    for t in range(max_length):
        h = np.tanh(p["W_embed"][word].dot(p["Wx"]) + h.dot(p["Wh"]) + p["b"])
        scores = h.dot(p["W_vocab"]) + p["b_vocab"]
        if temperature:
            e = np.exp(scores / temperature)
            word = [rng.choice(len(row), p=row / row.sum()) for row in e]
        else:
            word = np.argmax(scores, axis=1)
        for n in range(len(features)):
            if not done[n]:
                captions[n, t] = word[n]
                done[n] = word[n] == words["<END>"]
    return captions


def compute_saliency_maps(X, y, model):
    model.eval()
    X = X.detach().clone().requires_grad_()
    model(X).gather(1, y.view(-1, 1)).squeeze().sum().backward()
    saliency, _ = torch.max(X.grad.abs(), dim=1)
    return saliency


def smooth_grad(X, y, model, samples=16, sigma=0.15, seed=0, squared=False):
    maps = []
    for picture, label in zip(X.detach(), y):
        torch.manual_seed(seed)
        total = torch.zeros_like(picture)
        for _ in range(samples):
            noisy = picture + sigma * (picture.max() - picture.min()) * torch.randn_like(picture)
            noisy.requires_grad_()
            model(noisy[None])[0, label].backward()
            total += noisy.grad**2 if squared else noisy.grad
        maps.append((total / samples).abs().max(dim=0).values)
    return torch.stack(maps)


def integrated_gradients(X, y, model, baseline=None, steps=32):
    baseline = (0 - MEAN) / STD if baseline is None else baseline
    X, out = X.detach(), torch.zeros_like(X)
    for n in range(len(X)):
        for k in range(steps):
            point = (baseline + (k + 0.5) / steps * (X[n : n + 1] - baseline)).to(X)
            point.requires_grad_()
            model(point)[0, y[n]].backward()
            out[n] += point.grad[0] / steps
    return out * (X - baseline)


def make_fooling_image(X, target_y, model, learning_rate=1, max_steps=100):
    if len(X) > 1:
        each = [X[n : n + 1] for n in range(len(X))]
        settings = learning_rate, max_steps
        made = [make_fooling_image(x, t, model, *settings) for x, t in zip(each, target_y)]
        return torch.cat(made)
    X_fooling = X.detach().clone().requires_grad_()
    while True:
        scores = model(X_fooling)
        if scores.argmax() == target_y:
            return X_fooling
        scores[0, target_y].backward()
        with torch.no_grad():
            X_fooling += learning_rate * X_fooling.grad / X_fooling.grad.norm()
            X_fooling.grad.zero_()


def fgsm(X, y, model, epsilon, targeted=False):
    pixels = (X * STD + MEAN).detach().requires_grad_()
    for one in model if isinstance(model, list) else [model]:
        F.cross_entropy(one((pixels - MEAN) / STD), y, reduction="sum").backward()
    sign = -1 if targeted else 1
    attacked = torch.clamp(pixels.detach() + sign * epsilon * pixels.grad.sign(), 0, 1)
    return (attacked - MEAN) / STD


def steepest(g, norm):
    out = torch.zeros_like(g)
    for n in range(len(g)):
        if norm == 2 and g[n].any():
            out[n] = g[n] / g[n].norm()
        elif norm != 2:
            out[n] = torch.where(g[n] > 0, 1.0, 0.0) - torch.where(g[n] < 0, 1.0, 0.0)
    return out


def project(change, epsilon, norm):
    out = change.clone()
    for n in range(len(out)):
        if norm == "inf":
            out[n][out[n] > epsilon] = epsilon
            out[n][out[n] < -epsilon] = -epsilon
        elif out[n].norm() > epsilon:
            out[n] *= epsilon / out[n].norm()
    return out


def pgd(X, y, model, epsilon, norm="inf", steps=10, targeted=False, seed=None):
    start = X.detach() * STD + MEAN
    pixels = start.clone()
    if seed is not None:
        draw = torch.rand(X.shape, generator=torch.Generator().manual_seed(seed))
        change = project((2 * draw - 1).to(X) * epsilon, epsilon, norm)
        pixels = (start + change).clamp(0, 1)
    for _ in range(steps):
        pixels.requires_grad_()
        for one in model if isinstance(model, (list, tuple)) else (model,):
            F.cross_entropy(one((pixels - MEAN) / STD), y, reduction="sum").backward()
        g = -pixels.grad if targeted else pixels.grad
        pixels = pixels.detach() + 2.5 * epsilon / steps * steepest(g, norm)
        pixels = (start + project(pixels - start, epsilon, norm)).clamp(0, 1)
    return (pixels - MEAN) / STD


def class_visualization_step(img, y, model, l2_reg=1e-3, learning_rate=25, check=True):
    new, scores = [], []
    for n in range(len(img)):
        one = img[n : n + 1].detach().clone().requires_grad_()
        score = model(one)[0, y[n]]
        (score - l2_reg * (one**2).sum()).backward()
        new.append(one.detach() + learning_rate * one.grad / one.grad.norm())
        scores.append(score.detach())
    return torch.cat(new), torch.stack(scores)


def extract_features(x, cnn, last=None):
    features, prev = [], x
    for i, module in enumerate(cnn._modules.values()):
        prev = module(prev.clone())
        features.append(prev)
        if i == last:
            break
    return features


def content_loss(content_weight, content_current, content_original):
    total = 0
    for a, b in zip(content_current[0], content_original[0]):
        total = total + content_weight * torch.sum((a - b) ** 2)
    return total


def gram_matrix(features, normalize=True):
    N, C, H, W = features.size()
    grams = []
    for n in range(N):
        flat = features[n].view(C, H * W)
        grams.append(torch.mm(flat, flat.t()))
    gram = torch.stack(grams)
    return gram / (H * W * C) if normalize else gram


def style_loss(feats, style_layers, style_targets, style_weights):
    style = 0
    for i in range(len(style_layers)):
        difference = gram_matrix(feats[style_layers[i]]) - style_targets[i]
        style += style_weights[i] * torch.sum(difference.pow(2))
    return style


def tv_loss(img, tv_weight):
    w = torch.sum(torch.pow(img[:, :, :, :-1] - img[:, :, :, 1:], 2))
    h = torch.sum(torch.pow(img[:, :, :-1, :] - img[:, :, 1:, :], 2))
    return tv_weight * (w + h)

"""The notebooks of 2017, from the first cell to the last, in a kernel, as a reader runs them.

The cells are written anew: what the originals import, call and check, with the solutions of a
reader of 2017 where there is one to be filled in. No text of the originals is here.
"""

import re

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

from cs231n import style_transfer_pytorch as style
from cs231n_lib.see.pretrained import squeezenet


def run(folder, monkeypatch, *cells):
    """What a notebook prints, and how many pictures it shows. There is no network."""
    monkeypatch.setenv("TORCH_HOME", str(folder))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    return printed, sum("image/png" in output.get("data", {}) for output in outputs)


# RNN_Captioning, LSTM_Captioning


SET_UP = """
from __future__ import print_function
import time, os, json
import numpy as np
import matplotlib.pyplot as plt
from cs231n.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
from cs231n.rnn_layers import *
from cs231n.captioning_solver import CaptioningSolver
from cs231n.classifiers.rnn import CaptioningRNN
from cs231n.coco_utils import load_coco_data, sample_coco_minibatch, decode_captions
from cs231n.image_utils import image_from_url
%matplotlib inline
plt.rcParams['figure.figsize'] = (10.0, 8.0)
plt.rcParams['image.interpolation'] = 'nearest'
plt.rcParams['image.cmap'] = 'gray'
%load_ext autoreload
%autoreload 2
"""
CAPTIONS = [
    SET_UP,
    """
data = load_coco_data(pca_features=True)
for name, value in data.items():
    print(name, type(value), getattr(value, 'shape', len(value)))
""",
    """
captions, features, urls = sample_coco_minibatch(data, batch_size=3)
for caption, url in zip(captions, urls):
    plt.imshow(image_from_url(url))
    plt.axis('off')
    plt.title(decode_captions(caption, data['idx_to_word']))
    plt.show()
""",
    """
np.random.seed(231)
N, T, D, V = 7, 8, 4, 9
x, y = np.random.randn(N, T, V), np.random.randint(V, size=(N, T))
mask = np.random.rand(N, T) > 0.5
loss, dx = temporal_softmax_loss(x, y, mask, verbose=False)
dx_num = eval_numerical_gradient(
    lambda x: temporal_softmax_loss(x, y, mask)[0], x, verbose=False)
words, W = np.random.randint(V, size=(50, 3)), np.random.randn(V, D)
out, cache = word_embedding_forward(words, W)
dout = np.random.randn(*out.shape)
dW_num = eval_numerical_gradient_array(lambda W: word_embedding_forward(words, W)[0], W, dout)
assert np.allclose(dx, dx_num) and np.allclose(word_embedding_backward(dout, cache), dW_num)
""",
    """
small_data = load_coco_data(max_train=50)
model = CaptioningRNN(
    cell_type=CELL, word_to_idx=data['word_to_idx'], input_dim=data['train_features'].shape[1],
    hidden_dim=512, wordvec_dim=256, dtype=np.float32)
solver = CaptioningSolver(
    model, small_data, update_rule='adam', num_epochs=50, batch_size=25,
    optim_config={'learning_rate': 5e-3}, lr_decay=DECAY, verbose=True, print_every=10)
solver.train()
plt.plot(solver.loss_history)
plt.xlabel('Iteration')
plt.show()
print('Final loss:', solver.loss_history[-1])
""",
    """
for split in ['train', 'val']:
    gt_captions, features, urls = sample_coco_minibatch(small_data, split=split, batch_size=2)
    gt_captions = decode_captions(gt_captions, data['idx_to_word'])
    sample_captions = model.sample(features)
    assert sample_captions.shape == (2, 30) and sample_captions.dtype == np.int32
    sample_captions = decode_captions(sample_captions, data['idx_to_word'])
    for truth, said, url in zip(gt_captions, sample_captions, urls):
        plt.imshow(image_from_url(url))
        plt.title('%s\\n%s\\nGT:%s' % (split, said, truth))
        plt.show()
        if split == 'train':
            assert truth == '<START> ' + said
""",
    """
import nltk
reference, hypothesis = (
    [word for word in caption.split(' ') if word[0] != '<'] for caption in (truth, truth))
print('BLEU', nltk.translate.bleu_score.sentence_bleu([reference], hypothesis, weights=[1]))
""",
]


@pytest.mark.parametrize(("cell", "decay", "loss"), [("rnn", 0.95, 0.1), ("lstm", 0.995, 0.5)])
def test_fifty_captions_are_learned_and_said(cell, decay, loss, coco, monkeypatch):
    settings = f"import numpy\nnumpy.random.seed(231)\nCELL, DECAY = {cell!r}, {decay}"
    printed, pictures = run(coco, monkeypatch, settings, *CAPTIONS)
    assert pictures == 3 + 1 + 4
    assert printed.count("image_from_url: no picture from http://a.place.invalid/") == 7
    assert "train_features <class 'numpy.ndarray'> (60, 32)" in printed
    assert len(re.findall(r"^\(Iteration \d+1? / 100\) loss: \d+\.\d{6}$", printed, re.M)) == 10
    assert float(re.search(r"Final loss: (\S+)", printed)[1]) < loss
    assert float(re.search(r"BLEU (\S+)", printed)[1]) == 1


# NetworkVisualization-PyTorch


PICTURES = """
import cs231n  # the one line that the page asks for
import torch
import torch.nn as nn
from torch.autograd import Variable
import torchvision
import torchvision.transforms as T
import random
import PIL
import numpy as np
from scipy.ndimage.filters import gaussian_filter1d
from scipy.misc import imread
from collections import namedtuple
import matplotlib.pyplot as plt
from cs231n.image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD
from PIL import Image
%matplotlib inline
plt.rcParams['image.cmap'] = 'gray'
"""
HELPERS = """
def preprocess(img, size=224):
    steps = [T.Scale(size), T.ToTensor(),
             T.Normalize(mean=SQUEEZENET_MEAN.tolist(), std=SQUEEZENET_STD.tolist()),
             T.Lambda(lambda x: x[None])]
    return T.Compose(steps)(img)

def rescale(x):
    return (x - x.min()) / (x.max() - x.min())

def deprocess(img, should_rescale=True):
    steps = [T.Lambda(lambda x: x[0]),
             T.Normalize(mean=[0, 0, 0], std=(1.0 / SQUEEZENET_STD).tolist()),
             T.Normalize(mean=(-SQUEEZENET_MEAN).tolist(), std=[1, 1, 1]),
             T.Lambda(rescale if should_rescale else lambda x: x), T.ToPILImage()]
    return T.Compose(steps)(img)

def blur_image(X, sigma=1):
    X_np = X.cpu().clone().numpy()
    for axis in (2, 3):
        X_np = gaussian_filter1d(X_np, sigma, axis=axis)
    X.copy_(torch.Tensor(X_np).type_as(X))
    return X
"""
DATA = """
model = torchvision.models.squeezenet1_1(pretrained=True)
for param in model.parameters():
    param.requires_grad = False
from cs231n.data_utils import load_imagenet_val
X, y, class_names = load_imagenet_val(num=5)
plt.figure(figsize=(12, 6))
for i in range(5):
    plt.subplot(1, 5, i + 1)
    plt.imshow(X[i])
    plt.title(class_names[y[i]])
    plt.axis('off')
plt.gcf().tight_layout()
"""
SALIENCY = """
scores, right = torch.randn(4, 5), torch.LongTensor([1, 2, 1, 3])
print(scores.gather(1, right.view(-1, 1)).squeeze())

def compute_saliency_maps(X, y, model):
    model.eval()
    X_var, y_var = Variable(X, requires_grad=True), Variable(y)
    scores = model(X_var).gather(1, y_var.view(-1, 1)).squeeze()
    scores.backward(torch.FloatTensor([1.0] * y.size(0)))
    return X_var.grad.data.abs().max(dim=1)[0]
"""
SHOW_SALIENCY = """
X_tensor = torch.cat([preprocess(Image.fromarray(x)) for x in X], dim=0)
saliency = compute_saliency_maps(X_tensor, torch.LongTensor(y), model).numpy()
for i in range(5):
    plt.subplot(1, 5, i + 1)
    plt.imshow(saliency[i], cmap=plt.cm.hot)
plt.gcf().set_size_inches(12, 5)
plt.show()
"""
FOOLING = """
def make_fooling_image(X, target_y, model):
    X_fooling = X.clone()
    X_fooling_var = Variable(X_fooling, requires_grad=True)
    for i in range(100):
        scores = model(X_fooling_var)
        if scores.data.max(1)[1][0] == target_y:
            break
        scores[0, target_y].backward()
        g = X_fooling_var.grad.data
        X_fooling += g / g.norm()
        g.zero_()
    return X_fooling
"""
SHOW_FOOLING = """
target_y = 6
X_fooling = make_fooling_image(X_tensor[0:1], target_y, model)
assert target_y == model(Variable(X_fooling)).data.max(1)[1][0]  # here the original has [0, 0]
fooling = np.asarray(deprocess(X_fooling.clone())).astype(np.uint8)
diff = deprocess(10 * (X_fooling - preprocess(Image.fromarray(X[0]))), should_rescale=False)
for i, picture in enumerate([X[0], fooling, np.asarray(diff)]):
    plt.subplot(1, 3, i + 1)
    plt.imshow(picture)
plt.show()
"""
VISUALIZATION = """
def jitter(X, ox, oy):
    if ox != 0:
        X = torch.cat([X[:, :, :, -ox:], X[:, :, :, :-ox]], dim=3)
    if oy != 0:
        X = torch.cat([X[:, :, -oy:], X[:, :, :-oy]], dim=2)
    return X

def create_class_visualization(target_y, model, dtype, **kwargs):
    model.type(dtype)
    num_iterations = kwargs.pop('num_iterations', 100)
    img = torch.randn(1, 3, 224, 224).mul_(1.0).type(dtype)
    img_var = Variable(img, requires_grad=True)
    for t in range(num_iterations):
        ox, oy = random.randint(0, 16), random.randint(0, 16)
        img.copy_(jitter(img, ox, oy))
        score = model(img_var)[0, target_y] - 1e-3 * (img_var * img_var).sum()
        score.backward()
        img += 25 * img_var.grad.data / img_var.grad.data.norm()
        img_var.grad.data.zero_()
        img.copy_(jitter(img, -ox, -oy))
        for c in range(3):
            low = float(-SQUEEZENET_MEAN[c] / SQUEEZENET_STD[c])
            high = float((1.0 - SQUEEZENET_MEAN[c]) / SQUEEZENET_STD[c])
            img[:, c].clamp_(min=low, max=high)
        if t % 10 == 0:
            blur_image(img, sigma=0.5)
        if t == 0 or t == num_iterations - 1:
            plt.imshow(deprocess(img.clone().cpu()))
            plt.title('%s\\nIteration %d / %d' % (class_names[target_y], t + 1, num_iterations))
            plt.show()
    return deprocess(img.cpu())

torch.manual_seed(0)
out = create_class_visualization(76, model, torch.FloatTensor, num_iterations=20)
before, after = (model(Variable(x))[0, 76].item()
                 for x in (torch.randn(1, 3, 224, 224), preprocess(out)))
print(class_names[76], after > 2 * before)
"""
VISUALIZATION_SINCE_2020 = """
img = torch.randn(1, 3, 224, 224).mul_(1.0).type(torch.FloatTensor).requires_grad_()
before = model(img)[0, 76].item()
for t in range(10):
    ox, oy = random.randint(0, 16), random.randint(0, 16)
    img.data.copy_(jitter(img.data, ox, oy))
    class_visualization_update_step(img, model, 76, 1e-3, 25)
    img.data.copy_(jitter(img.data, -ox, -oy))
    for c in range(3):
        low = float(-SQUEEZENET_MEAN[c] / SQUEEZENET_STD[c])
        high = float((1.0 - SQUEEZENET_MEAN[c]) / SQUEEZENET_STD[c])
        img.data[:, c].clamp_(min=low, max=high)
    if t % 10 == 0:
        blur_image(img.data, sigma=0.5)
plt.imshow(deprocess(img.data.clone().cpu()))
plt.show()
print(class_names[76], model(img)[0, 76].item() > before + 1)
"""
OF_2017 = [HELPERS, DATA, SALIENCY, SHOW_SALIENCY, FOOLING, SHOW_FOOLING, VISUALIZATION]
SINCE_2020 = [
    "from cs231n.net_visualization_pytorch import *",
    DATA, SHOW_SALIENCY, SHOW_FOOLING, VISUALIZATION_SINCE_2020,
]  # fmt: skip


@pytest.mark.parametrize(("cells", "shown"), [(OF_2017, 5), (SINCE_2020, 4)])
def test_network_visualization(cells, shown, tmp_path, monkeypatch):
    printed, pictures = run(tmp_path, monkeypatch, PICTURES, *cells)
    assert pictures == shown
    assert "squeezenet1_1: no download" in printed
    assert "photographs of the book" in printed
    assert printed.endswith("tarantula True\n")


def test_the_line_that_a_reader_has_to_change():
    with pytest.raises(IndexError):
        torch.zeros(1, 1000).max(1)[1][0, 0]


# StyleTransfer-PyTorch


CNN = """
dtype = torch.FloatTensor
cnn = torchvision.models.squeezenet1_1(pretrained=True).features
cnn.type(dtype)
for param in cnn.parameters():
    param.requires_grad = False

def check_scipy():
    import scipy
    assert int(scipy.__version__.split('.')[1]) >= 16

check_scipy()
answers = np.load('style-transfer-checks.npz')
"""
LOSSES = """
def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))

def extract_features(x, cnn):
    features = []
    for module in cnn._modules.values():
        x = module(x)
        features.append(x)
    return features

def features_from_img(imgpath, imgsize):
    img_var = Variable(preprocess(PIL.Image.open(imgpath), size=imgsize).type(dtype))
    return extract_features(img_var, cnn), img_var

def content_loss(content_weight, content_current, content_original):
    return content_weight * (content_current - content_original).pow(2).sum()

def gram_matrix(features, normalize=True):
    N, C, H, W = features.size()
    F = features.view(N, C, H * W)
    gram = F.bmm(F.transpose(1, 2))
    return gram / (C * H * W) if normalize else gram

def style_loss(feats, style_layers, style_targets, style_weights):
    loss = Variable(torch.zeros(1).type(dtype))
    for layer, target, weight in zip(style_layers, style_targets, style_weights):
        loss = loss + weight * (gram_matrix(feats[layer]) - target).pow(2).sum()
    return loss

def tv_loss(img, tv_weight):
    across = (img[:, :, :, 1:] - img[:, :, :, :-1]).pow(2).sum()
    return tv_weight * (across + (img[:, :, 1:] - img[:, :, :-1]).pow(2).sum())
"""
LOSSES_SINCE_2020 = """
from cs231n.style_transfer_pytorch import preprocess, deprocess, rescale, rel_error
from cs231n.style_transfer_pytorch import content_loss, extract_features, features_from_img
from cs231n.style_transfer_pytorch import gram_matrix, style_loss, tv_loss
import inspect, re
assert not any(re.search(r'for \\S* in', line) for line in inspect.getsourcelines(tv_loss)[0])
features, img = features_from_img('styles/tubingen.jpg', 192, cnn)
assert len(features) == len(cnn) and img.size(2) == 192
"""
STYLE = [
    """
c_feats, content_img_var = features_from_img('styles/tubingen.jpg', 192)
feats = extract_features(Variable(torch.zeros(*content_img_var.data.size())), cnn)
found = content_loss(6e-2, c_feats[3], feats[3]).data.numpy()
print('Maximum error is {:.3f}'.format(rel_error(answers['cl_out'], found)))
""",
    """
feats, _ = features_from_img('styles/starry_night.jpg', 192)
found = gram_matrix(feats[5].clone()).data.numpy()
print('Maximum error is {:.3f}'.format(rel_error(answers['gm_out'], found)))
""",
    """
layers, weights = [1, 4, 6, 7], [300000, 1000, 15, 3]
targets = [gram_matrix(feats[layer].clone()) for layer in layers]
found = style_loss(c_feats, layers, targets, weights).data.numpy()
print('Error is {:.3f}'.format(rel_error(answers['sl_out'], found)))
""",
    """
img = preprocess(PIL.Image.open('styles/tubingen.jpg'), size=192)
found = tv_loss(Variable(img.type(dtype)), 2e-2).data.numpy()
print('Error is {:.3f}'.format(rel_error(answers['tv_out'], found)))
""",
    """
def style_transfer(content_image, style_image, image_size, style_size, content_layer,
                   content_weight, style_layers, style_weights, tv_weight, init_random=False):
    content_img = preprocess(PIL.Image.open(content_image), size=image_size)
    target = extract_features(Variable(content_img.type(dtype)), cnn)[content_layer].clone()
    style_img = preprocess(PIL.Image.open(style_image), size=style_size)
    feats = extract_features(Variable(style_img.type(dtype)), cnn)
    style_targets = [gram_matrix(feats[layer].clone()) for layer in style_layers]
    if init_random:
        img = torch.Tensor(content_img.size()).uniform_(0, 1)
    else:
        img = content_img.clone().type(dtype)
    img_var = Variable(img, requires_grad=True)
    optimizer = torch.optim.Adam([img_var], lr=3.0)
    f, axarr = plt.subplots(1, 2)
    for ax, picture in zip(axarr, (content_img, style_img)):
        ax.axis('off')
        ax.imshow(deprocess(picture.cpu()))
    plt.show()
    plt.figure()
    for t in range(4):
        if t < 3:
            img.clamp_(-1.5, 1.5)
        optimizer.zero_grad()
        feats = extract_features(img_var, cnn)
        loss = content_loss(content_weight, feats[content_layer], target) + style_loss(
            feats, style_layers, style_targets, style_weights) + tv_loss(img_var, tv_weight)
        loss.backward()
        if t == 2:
            optimizer = torch.optim.Adam([img_var], lr=0.1)
        optimizer.step()
    assert img.ne(content_img).any()  # a Variable shares the numbers of its tensor
    print('Iteration {}'.format(t))
    plt.axis('off')
    plt.imshow(deprocess(img.cpu()))
    plt.show()
""",
    """
params = {
    'content_image': 'styles/tubingen.jpg', 'style_image': 'styles/starry_night.jpg',
    'image_size': 192, 'style_size': 192, 'content_layer': 3, 'content_weight': 6e-2,
    'style_layers': (1, 4, 6, 7), 'style_weights': (300000, 1000, 15, 3), 'tv_weight': 2e-2,
}
style_transfer(**params)
style_transfer(**dict(params, style_weights=[0, 0, 0, 0], init_random=True))
print(imread('styles/tubingen.jpg').dtype)
""",
]


def write_answers():
    """The file of the assignment's folder, for the pictures and the weights that are at hand."""
    cnn, numbers = squeezenet().features, {}

    def features(name):
        img = style.preprocess(Image.open(f"styles/{name}.jpg"), 192)
        with torch.no_grad():
            return img.double(), [F.double().numpy() for F in style.extract_features(img, cnn)]

    def gram(F):
        F = F[0].reshape(F.shape[1], -1)
        return F @ F.T / F.size

    (content, ours), (_, theirs) = map(features, ("tubingen", "starry_night"))
    with torch.no_grad():
        empty = style.extract_features(torch.zeros(content.shape), cnn)[3].double().numpy()
    numbers["cl_out"] = np.array([6e-2 * ((ours[3] - empty) ** 2).sum()])
    numbers["gm_out"] = gram(theirs[5])[None]
    numbers["sl_out"] = sum(
        weight * ((gram(ours[layer]) - gram(theirs[layer])) ** 2).sum()
        for layer, weight in zip([1, 4, 6, 7], [300000, 1000, 15, 3])
    )
    numbers["tv_out"] = 2e-2 * sum((np.diff(content, axis=axis) ** 2).sum() for axis in (2, 3))
    np.savez("style-transfer-checks.npz", **numbers)


@pytest.mark.parametrize("functions", [[HELPERS, LOSSES], [LOSSES_SINCE_2020]])
def test_style_transfer(functions, styles, monkeypatch):
    write_answers()
    printed, pictures = run(styles, monkeypatch, PICTURES, CNN, *functions, *STYLE)
    assert re.findall(r"rror is (\S+)", printed) == ["0.000"] * 4
    assert printed.endswith("Iteration 3\nIteration 3\nuint8\n")
    assert pictures == 4

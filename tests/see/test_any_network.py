"""Networks of any make: looked into rightly, or refused by name.

Every architecture is compared with captum, and with a plain pass whose hooks copy what each layer
computes before anything can overwrite it.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from cs231n_lib.see.attacks import fgsm
from cs231n_lib.see.class_visualization import (
    channel_mean,
    class_score,
    create_class_visualization,
    deep_dream,
    visualize,
)
from cs231n_lib.see.faithfulness import deletion_curve
from cs231n_lib.see.fooling import fool, seen_as
from cs231n_lib.see.fourier import FourierPicture
from cs231n_lib.see.inversion import invert_features
from cs231n_lib.see.network import (
    activations,
    class_scores,
    cross_entropy,
    extract_features,
    find_layer,
    frozen,
    input_gradients,
)
from cs231n_lib.see.saliency import compute_saliency_maps, grad_cam, integrated_gradients
from cs231n_lib.see.style_losses import NormalizedLoss, gram_matrix, style_loss
from cs231n_lib.see.style_transfer import Recipe, style_transfer, style_transfer_lbfgs
from cs231n_lib.see.torchvision_import import import_torchvision
from tests.tiny import small_network
from tests.untouched import differences, photograph

models = import_torchvision()
from captum.attr import LayerGradCam, Saliency  # noqa: E402

# Name -> a layer for Grad-CAM, how many of the last children do not belong to a chain of layers
# (none: the chain is called ``features``), and the smaller side of a picture.
ARCHITECTURES = {
    "alexnet": ("features.10", 0, 64),
    "vgg11": ("features.18", 0, 32),
    "resnet18": ("layer4.1.bn1", 2, 32),
    "densenet121": ("features.transition3.conv", 0, 32),
    "mobilenet_v2": ("features.17.conv.1.1", 0, 32),
    "mobilenet_v3_small": ("features.1.block.0.0", 0, 32),
    "googlenet": ("inception5b.branch1.bn", 3, 32),
    "shufflenet_v2_x0_5": ("conv5.1", 1, 32),
    "mnasnet0_5": ("layers.15", 1, 32),
    "efficientnet_b0": ("features.8.1", 0, 32),
    "regnet_y_400mf": ("trunk_output.block4", 2, 32),
    "convnext_tiny": ("features.7", 0, 32),
    "squeezenet1_1": ("features.12.squeeze", 0, 32),
    "inception_v3": ("Mixed_7c.branch1x1.bn", 3, 75),
    "swin_t": ("permute", 0, 32),
}
_SETTINGS = {
    "vgg11": {"init_weights": False},
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}


def made(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = models.get_model(name, weights=None, num_classes=10, **_SETTINGS.get(name, {}))
    return model.train()


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def computed(model, names, X):
    """What layers compute, by name."""
    kept = {}

    def keep(name):
        def hook(module, inputs, output):
            kept.setdefault(name, output.clone())

        return hook

    hooks = [model.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    model(X.clone())
    for hook in hooks:
        hook.remove()
    return kept


def without_changes_in_place(model):
    model = copy.deepcopy(model)
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return model


def close(ours, theirs):
    scale = theirs.abs().max().item()
    assert scale > 0
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_gives_what_captum_and_plain_passes_give(name):
    layer, tail, side = ARCHITECTURES[name]
    model, X, y = made(name), noise(2, 3, side, side + 16), torch.tensor([3, 7])
    saliency, cam = compute_saliency_maps(X, y, model), grad_cam(X, y, model, layer, False)
    with frozen(model):
        plain = without_changes_in_place(model)
        theirs = Saliency(plain).attribute(X.clone().requires_grad_(), target=y)
        close(saliency, theirs.amax(dim=1).detach())
        theirs = LayerGradCam(plain, plain.get_submodule(layer))
        close(cam, theirs.attribute(X, target=y, relu_attributions=True).squeeze(1).detach())

        chain = model.features if not tail else nn.Sequential(*list(model.children())[:-tail])
        x = X.clone().requires_grad_()
        ours = extract_features(x, chain)
        expected = list(computed(chain, dict(chain.named_children()), x).values())
        assert all(map(torch.equal, ours, expected))
        if name != "swin_t":
            grams = [gram_matrix(noise(*features[:1].shape)) for features in ours[:3]]
            layers, weights = range(len(grams)), [1.0] * len(grams)
            loss = style_loss([features[:1] for features in ours], layers, grams, weights)
            pairs = zip(expected, grams)
            theirs = sum((gram_matrix(f[:1]) - A).square().sum() for f, A in pairs)
            torch.testing.assert_close(loss, theirs)
            close(
                *(torch.autograd.grad(value, x, retain_graph=True)[0] for value in (loss, theirs))
            )

        leaves = [n for n, m in model.named_modules() if not list(m.children()) and n]
        some = [leaves[len(leaves) * part // 5] for part in range(5)]
        expected = computed(model, some, x)
        for leaf in expected:
            found = activations(model, x, leaf)
            assert torch.equal(found, expected[leaf])
        if found.grad_fn:
            sums = found.square().sum(), expected[leaf].square().sum()
            close(*(torch.autograd.grad(value, x)[0] for value in sums))
    assert all(module.training for module in model.modules())
    assert torch.equal(X, noise(*X.shape))


# Layers that work in place


class PreActivated(nn.Module):
    """The beginning of a block whose first layer overwrites what it gets."""

    def __init__(self):
        super().__init__()
        self.relu, self.conv = nn.ReLU(inplace=True), nn.Conv2d(6, 6, 3)

    def forward(self, X):
        return self.conv(self.relu(X))


class Function(nn.Module):
    """A function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, X):
        return self.function(X)


class Later(nn.Module):
    """A layer that overwrites what an earlier one of the chain has seen."""

    def __init__(self, earlier):
        super().__init__()
        self.seen = []
        earlier.register_forward_hook(lambda module, inputs, output: self.seen.append(output))

    def forward(self, X):
        self.seen.pop().mul_(3)
        return X + 1


def a_later_layer():
    first = nn.Conv2d(3, 6, 3)
    return first, nn.Tanh(), Later(first)


IN_PLACE = {
    "at the top": lambda: (nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True), nn.Conv2d(6, 4, 3)),
    "first of all": lambda: (nn.ReLU(inplace=True), nn.Conv2d(3, 6, 3)),
    "first in a block": lambda: (nn.Conv2d(3, 6, 3), PreActivated(), PreActivated()),
    "a function": lambda: (nn.Conv2d(3, 6, 3), nn.AvgPool2d(1), Function(F.relu_)),
    "a function, first of all": lambda: (Function(F.relu_), nn.Conv2d(3, 6, 3)),
    "on what its gradient needs": lambda: (nn.Conv2d(3, 6, 3), nn.Sigmoid(), Function(torch.sin_)),
    "on a part": lambda: (nn.Conv2d(3, 6, 3), Function(lambda X: X[:, :2].sigmoid_() * 2)),
    "behind a view": lambda: (
        nn.Conv2d(3, 6, 3), nn.Identity(), nn.Flatten(2), nn.Unflatten(2, (7, 9)), PreActivated(),
    ),
    "dropout": lambda: (nn.Conv2d(3, 6, 3), nn.Dropout(0.5, inplace=True), Function(torch.sin_)),
    "much later": a_later_layer,
    "used twice": lambda: (nn.Conv2d(3, 6, 3), relu := nn.ReLU(inplace=True),
                           nn.Conv2d(6, 6, 3), relu),
}  # fmt: skip


def chain_of(kind):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(*IN_PLACE[kind]()).eval()


def one_by_one(chain, x):
    """The features, each from a copy of the one before."""
    features = []
    for layer in chain:
        x = layer(x.clone())
        features.append(x.clone())
    return features


@pytest.mark.parametrize("mode", ["eval", "train", "inference"])
@pytest.mark.parametrize("kind", IN_PLACE)
def test_features_are_what_each_layer_computed(kind, mode):
    chain, x = chain_of(kind).train(mode == "train"), noise(2, 3, 9, 11)
    if mode == "inference":
        with torch.inference_mode():
            features = extract_features(noise(2, 3, 9, 11), chain)
        assert all(map(torch.equal, features, one_by_one(chain, x)))
        return
    x.requires_grad_()
    torch.manual_seed(1)
    features = extract_features(x, chain)
    torch.manual_seed(1)
    expected = one_by_one(chain, x)
    assert all(map(torch.equal, features, expected))
    gradients = [
        torch.autograd.grad(sum((i + 1) * f.square().sum() for i, f in enumerate(fs)), x)[0]
        for fs in (features, expected)
    ]
    torch.testing.assert_close(*gradients)
    assert torch.equal(x, noise(2, 3, 9, 11))


@pytest.mark.parametrize("kind", IN_PLACE)
def test_activations_and_grad_cam_see_what_the_layer_computed(kind):
    chain = chain_of(kind)
    expected = one_by_one(chain, noise(2, 3, 9, 11))
    model = nn.Sequential(*chain, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    X, y = noise(2, 3, 9, 11), torch.tensor([0, 1])
    first = computed(model, ["0"], X)["0"]
    assert torch.equal(first, expected[0])
    for number in range(2):
        assert torch.equal(activations(model, X, str(number)), expected[number])
    if kind == "on what its gradient needs":
        return  # PyTorch itself finds no gradient through the whole model
    cam = grad_cam(X, y, model, "0", upsample=False)
    A = expected[0].detach().requires_grad_()
    if kind != "much later":  # it writes into what the first layer gave to others as well
        scores = model[1:](A.clone())
        (dA,) = torch.autograd.grad(scores.gather(1, y[:, None]).sum(), A)
        weights = dA.mean(dim=(2, 3), keepdim=True)
        torch.testing.assert_close(cam, (weights * A).sum(dim=1).relu().detach())
    assert torch.equal(X, noise(2, 3, 9, 11))


def test_no_function_lets_a_model_overwrite_the_callers_pictures():
    model = nn.Sequential(nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    y = torch.tensor([0, 1])
    for look in (
        lambda X: class_scores(model, X, y),
        lambda X: class_scores(model, X.requires_grad_(), y),
        lambda X: compute_saliency_maps(X, y, model),
        lambda X: grad_cam(X, y, model, "0"),
        lambda X: seen_as(X, y, model),
        lambda X: deletion_curve(X, y, model, X[:, 0].abs(), replacement=X[:1]),
        lambda X: integrated_gradients(X, y, model, baseline=X[:1], steps=2),
    ):
        X = noise(2, 3, 9, 11)
        look(X)
        assert torch.equal(X, noise(2, 3, 9, 11))


@pytest.mark.parametrize("transfer", [style_transfer, style_transfer_lbfgs])
def test_style_transfers_begin_and_go_on_as_if_nothing_worked_in_place(transfer):
    def history(inplace):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            cnn = nn.Sequential(
                nn.Conv2d(3, 6, 3), nn.ReLU(inplace), nn.Conv2d(6, 6, 3),
                nn.ReLU(inplace), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3),
            )  # fmt: skip
        if transfer is style_transfer:
            settings = (16, 16, 2, 1.0, [0, 3], [1.0, 1.0], 0.1)
            return transfer("china", "chelsea", *settings, cnn=cnn, num_iterations=3).history
        recipe = Recipe(content_layer=2, style_layers=[0, 3])
        return transfer("china", "chelsea", 16, recipe, cnn=cnn, evaluations=3).history

    assert history(True) == history(False)


# Modules that do something when they are told that they are not trained


class Merging(nn.Linear):
    """Adds its second matrix to the first for evaluation, as LoRA does, and takes it off again."""

    def __init__(self):
        super().__init__(4, 4)
        self.more, self.merged = nn.Parameter(torch.ones(4, 4) / 3), False

    def train(self, mode=True):
        if mode == self.merged:
            self.weight.data += -self.more.data if mode else self.more.data
            self.merged = not mode
        return super().train(mode)

    def forward(self, X):
        return super().forward(X) + (0 if self.merged else X @ self.more.T)


class Fused(nn.Module):
    """Replaces its branches by one for evaluation, as RepVGG does, and cannot go back."""

    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

    def train(self, mode=True):
        if not mode and hasattr(self, "branches"):
            self.one = nn.Linear(4, 4)
            for name in ("weight", "bias"):
                parts = [getattr(branch, name).data for branch in self.branches]
                getattr(self.one, name).data = sum(parts)
            del self.branches
        return super().train(mode)

    def forward(self, X):
        assert not self.training or hasattr(self, "branches")
        return self.one(X) if hasattr(self, "one") else sum(b(X) for b in self.branches)


class Stubborn(nn.Dropout):
    """Drops out for ever."""

    def train(self, mode=True):
        return super().train(True)


class Expanded(Merging):
    """Holds a number that stands in several places, and a sparse matrix."""

    def __init__(self):
        super().__init__()
        self.register_buffer("ones", torch.ones(()).expand(4))
        self.sparse = torch.eye(3).to_sparse()


def disabled(model):
    model.train = lambda mode=True: model
    return model


SELF_WILLED = {
    "merges": Merging,
    "holds expanded tensors": Expanded,
    "fuses": Fused,
    "drops out": Stubborn,
    "does not listen": lambda: disabled(nn.Dropout(0.5)),
    "freezes one": lambda: nn.Sequential(nn.BatchNorm1d(4).eval(), Merging()),
}


@pytest.mark.parametrize("kind", SELF_WILLED)
def test_modules_with_a_train_of_their_own_are_told_and_brought_back(kind):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(2), nn.Identity())
        model = model.append(SELF_WILLED[kind]()).append(Function(lambda X: X.sum(dim=1)))
    X, y = noise(2, 3, 9, 11), torch.tensor([0, 3])
    if kind == "freezes one":
        model[2] = Function(lambda X: X.mean(dim=1))
        model[4] = nn.Identity()
    model[3].requires_grad_(False)
    before, random = photograph(model=model), torch.get_rng_state()
    expected = model(X) if kind in ("merges", "fuses") else None
    with frozen(model):
        assert not any(module.training for module in model.modules())
        assert not any(weight.requires_grad for weight in model.parameters())
        scores = model(X)
        assert torch.equal(scores, model(X))
        if expected is not None:
            assert hasattr(model[3], "one") or model[3].merged
            torch.testing.assert_close(scores, expected)
    assert differences(before, photograph(model=model)) == []
    assert compute_saliency_maps(X, y, model).any()
    with pytest.raises(KeyError), frozen(model):
        raise KeyError
    assert differences(before, photograph(model=model)) == []
    assert torch.equal(torch.get_rng_state(), random) or kind == "fuses"


def test_a_module_that_fails_when_it_is_told_is_left_as_it_was():
    class Fails(Merging):
        def train(self, mode=True):
            super().train(mode)
            raise KeyError("train")

    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential())
    model.append(Fails())
    before = photograph(model=model)
    with pytest.raises(KeyError, match="train"), frozen(model):
        pass
    assert differences(before, photograph(model=model)) == []


# Models without Python inside


def without_python():
    model, X = small_network(torch.float32), noise(1, 3, 11, 14)
    trained = copy.deepcopy(model).train()
    return model, {
        "scripted": torch.jit.script(trained),
        "traced": torch.jit.trace(model, X),
        "frozen": torch.jit.freeze(torch.jit.script(model)),
        "exported": torch.export.export(
            model, (noise(2, *X.shape[1:]),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
        ).module(),
        "function": torch.jit.trace(model.requires_grad_(False).forward, X),
        "compiled": torch.compile(trained, backend="eager"),
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_models_without_python_are_looked_into_from_outside():
    plain, compiled = without_python()
    X, y = 0.3 * noise(2, 3, 11, 14), torch.tensor([4, 0])
    for kind, model in compiled.items():
        before = photograph(X=X, **({} if kind == "function" else dict(model.named_parameters())))
        for look in (
            lambda model: compute_saliency_maps(X, y, model),
            lambda model: integrated_gradients(X, y, model, steps=3),
            lambda model: fgsm(X, y, model, 8 / 255),
            lambda model: seen_as(X, y, model),
            lambda model: deletion_curve(X, y, model, X[:, 0].abs(), steps=2)[1],
        ):
            torch.testing.assert_close(look(model), look(plain))
        after = photograph(X=X, **({} if kind == "function" else dict(model.named_parameters())))
        assert differences(before, after) == []
        if kind in ("scripted", "compiled"):
            assert all(module.training for module in model.modules())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["scripted", "traced", "compiled"])
def test_a_layer_of_a_model_without_python_is_refused(kind):
    model = without_python()[1][kind]
    layer = "_orig_mod.4" if kind == "compiled" else "4"
    X, y = noise(1, 3, 11, 14), torch.tensor([0])
    says = f"layer '{layer}' belongs to a traced, scripted or compiled module"
    with pytest.raises(ValueError, match=f"^grad_cam: {says}"):
        grad_cam(X, y, model, layer)
    with pytest.raises(ValueError, match=f"^activations: {says}"):
        activations(model, X, layer)
    with pytest.raises(ValueError, match=r"^find_layer: layer '4' belongs"):
        find_layer(model, "4")  # as it is called in the module that the compiled one was made from
    part = nn.Sequential(nn.Identity(), model)
    with pytest.raises(ValueError, match=rf"^find_layer: layer '1\.{layer}' belongs"):
        find_layer(part, f"1.{layer}")
    assert find_layer(part, "0") is part[0]


# What is refused


class Gives(nn.Module):
    """A network that gives something else than its scores."""

    def __init__(self, what):
        super().__init__()
        self.what, self.conv = what, nn.Conv2d(3, 5, 1)

    def forward(self, X):
        return self.what(self.conv(X).mean(dim=(2, 3)))


STRANGE = {
    "tuple": lambda scores: (scores, scores),
    "dict": lambda scores: {"logits": scores},
    "torch.int64": lambda scores: scores.argmax(dim=1),
    "a tensor of layout torch.sparse_coo": lambda scores: scores.relu().to_sparse(),
    "a nested tensor": lambda scores: torch.nested.as_nested_tensor(list(scores)),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("given", STRANGE)
def test_what_a_network_or_a_layer_gives_is_named_when_it_is_not_one_tensor_of_floats(given):
    model, X, y = Gives(STRANGE[given]), noise(2, 3, 8, 8), torch.tensor([0, 1])
    for look in (class_scores, lambda model, X, y: compute_saliency_maps(X, y, model)):
        with pytest.raises(TypeError, match=f"the model gave {given}, expected one tensor of floa"):
            look(model, X, y)
    layers = nn.Sequential(model, Function(lambda given: torch.ones(2, 5)))
    says = f"gave {given}, expected one tensor of floats, its features"
    with pytest.raises(TypeError, match=f"^activations: layer '0' {says}"):
        activations(layers, X, "0")
    with pytest.raises(TypeError, match=f"^extract_features: layer 0 {says}"):
        extract_features(X, layers)
    with pytest.raises(TypeError, match=f"^grad_cam: layer '0' gave {given}, .* floats, maps"):
        grad_cam(X, y, layers, "0")
    assert not layers[0]._forward_hooks


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(3, 1)
        self.lstm = nn.LSTM(3, 5, batch_first=True)

    def forward(self, X):
        X = X.flatten(2).mT
        return self.lstm(self.attention(X, X, X)[0])[0][:, -1]


@pytest.mark.parametrize("layer", ["attention", "lstm"])
def test_layers_of_several_results_are_named(layer):
    X, y, model = noise(2, 3, 4, 4), torch.tensor([0, 1]), Attends()
    assert compute_saliency_maps(X, y, model).any()
    for look in (lambda: activations(model, X, layer), lambda: grad_cam(X, y, model, layer)):
        with pytest.raises(TypeError, match=f"layer '{layer}' gave tuple, expected one tensor"):
            look()


def test_networks_that_cannot_be_run_are_told_what_they_lack():
    X, y = noise(2, 3, 8, 8), torch.tensor([0, 1])
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(5))
    with torch.inference_mode():
        made_inside = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
    refused = {
        r"is a ModuleList, which has no forward\(\); give a torch.nn.Sequential": nn.ModuleList(),
        r"is lazy, '1.weight' has no size yet; run it once on a picture first": lazy,
        "is on meta, a device that holds no numbers": copy.deepcopy(made_inside).to("meta"),
        "was made under torch.inference_mode.*make it outside, or give copy.deepcopy": made_inside,
    }
    for says, model in refused.items():
        error = TypeError if "ModuleList" in says else ValueError
        with pytest.raises(error, match=f"^compute_saliency_maps: model {says}"):
            compute_saliency_maps(X, y, model)
        with pytest.raises(error, match=f"^fgsm: model {says}"):
            fgsm(0.1 * X, y, [model, made_inside], 0.1)
        with pytest.raises(error, match=f"^activations: model {says}"):
            activations(model, X, "1")
    for remedied in (lazy, copy.deepcopy(made_inside)):
        remedied(X)
        assert compute_saliency_maps(X, y, remedied).any()


# Pictures that a network cannot read


def small_vgg():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(4)),
        nn.Sequential(nn.Conv2d(4, 5, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(4)),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


TOO_SMALL = {
    "compute_saliency_maps": lambda model, X, y: compute_saliency_maps(X, y, model),
    "integrated_gradients": lambda model, X, y: integrated_gradients(X, y, model),
    "input_gradients": lambda model, X, y: input_gradients(X, y, model),
    "class_scores": lambda model, X, y: class_scores(model, X, y),
    "grad_cam": lambda model, X, y: grad_cam(X, y, model, "0.0"),
    "activations": lambda model, X, y: activations(model, X, "1.2"),
    "deletion_curve": lambda model, X, y: deletion_curve(X, y, model, X[:, 0].abs()),
    "seen_as": lambda model, X, y: seen_as(X, y, model),
    "fgsm": lambda model, X, y: fgsm(0 * X, y, model, 0.1),
    "fool": lambda model, X, y: fool(0 * X, y, model),
    "create_class_visualization": lambda model, X, y: create_class_visualization(0, model, size=8),
    "visualize": lambda model, X, y: visualize(
        class_score(y), model, FourierPicture(1, 8), view=None
    ),
    "deep_dream": lambda model, X, y: deep_dream(X, model, "1.2", octaves=1),
    "invert_features": lambda model, X, y: invert_features(X, model, "1.2"),
}


@pytest.mark.parametrize("function", TOO_SMALL)
def test_pictures_that_are_too_small_are_told_their_size_and_the_layer(function):
    says = (
        r"the model failed on pictures of shape \(\d+, 3, 8, 8\), in its layer '1.2': .*too small"
    )
    with pytest.raises(ValueError, match=f"^{function}: {says}") as caught:
        TOO_SMALL[function](small_vgg(), noise(1, 3, 8, 8), torch.tensor([0]))
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("transfer", [style_transfer, style_transfer_lbfgs])
def test_style_transfers_name_the_size_and_the_layer(transfer):
    cnn, picture = small_vgg()[:2].append(small_vgg()[0]), "chelsea"
    settings = (16, 16, 2, 1.0, [1], [1.0], 0.1) if transfer is style_transfer else (16,)
    says = r"the model failed on pictures of shape \(1, 3, .*\), in its layer '2.0': .* 3 channels"
    with pytest.raises(ValueError, match=f"^{transfer.__name__}: {says}"):
        transfer(picture, picture, *settings, cnn=cnn, **(
            {} if transfer is style_transfer else {"recipe": Recipe(2, style_layers=[1])}
        ))  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_models_that_are_no_modules_and_scripted_ones_fail_in_our_words_too():
    X, y, model = noise(1, 3, 8, 8), torch.tensor([0]), small_vgg()
    for fails in (lambda X: model(X), torch.jit.script(model)):
        with pytest.raises(ValueError, match=r"(?s)pictures of shape \(1, 3, 8, 8\).*too sm"):
            compute_saliency_maps(X, y, fails)
    transformer = models.VisionTransformer(16, 4, 1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"shape \(1, 3, 8, 8\): Wrong image height! Expected 16"):
        compute_saliency_maps(X, y, transformer)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: nn.ModuleList([nn.Tanh()]), 'missing the required "forward"'),
        (lambda: nn.TransformerEncoderLayer(4, 2, 8), "."),
    ],
    ids=["a list of layers inside", "another embedding"],
)
def test_what_pytorchs_own_python_raises_is_refused(wrong, says):
    model = nn.Sequential(nn.Flatten(2), nn.Sequential(wrong()))
    says = rf"^activations: the model failed .*\(1, 3, 8, 8\).*{says}"
    with pytest.raises(ValueError, match=says):
        activations(model, noise(1, 3, 8, 8), "1")


@pytest.mark.parametrize("error", [AssertionError, NotImplementedError, KeyError, ValueError])
def test_what_a_models_own_python_raises_stays_what_it_is(error):
    def model(X):
        raise error("my own")

    with pytest.raises(error, match=r"^'?my own'?$"):
        compute_saliency_maps(noise(1, 3, 8, 8), torch.tensor([0]), model)


# Maps


def small_swin():
    torch.manual_seed(0)
    return models.SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=5)


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (72, 60), (33, 47)])
def test_channels_last_are_refused_by_name_and_the_layer_behind_them_is_right(size):
    X, y, model = noise(2, 3, *size), torch.tensor([0, 1]), small_swin().eval()
    says = r"shape \(2, .*\), channels last, expected maps, \(N, C, h, w\); choose .*'permute'"
    for layer in ("features.1", "features.3", "norm"):
        with pytest.raises(ValueError, match=f"^grad_cam: layer '{layer}' gives {says}"):
            grad_cam(X, y, model, layer)
    with pytest.raises(ValueError, match=f"layer 'features.3' gives {says}"):
        channel_mean("features.3", y)(model, X)
    theirs = LayerGradCam(model, model.permute).attribute(X, target=y, relu_attributions=True)
    close(grad_cam(X, y, model, "permute", upsample=False), theirs.squeeze(1).detach())


def test_tokens_are_refused_by_name():
    X, y = noise(2, 3, 16, 16), torch.tensor([0, 1])
    model = models.VisionTransformer(16, 4, 2, 2, 8, 8)
    says = r"gives shape \(2, 17, 8\), expected maps, \(N, C, h, w\); choose another layer"
    for look in (grad_cam, lambda X, y, model, layer: channel_mean(layer, y)(model, X)):
        with pytest.raises(ValueError, match=f"layer 'encoder' {says}"):
            look(X, y, model, "encoder")
    assert grad_cam(X, y, model, "conv_proj").shape == (2, 16, 16)


def test_gram_matrices_are_only_of_channels():
    chain, picture = small_swin().features, "chelsea"
    says = r"layer 1 gives shape \(1, .*, 12\), channels last"
    recipe = Recipe(content_layer=1, style_layers=[1], average_pooling=False)
    with pytest.raises(ValueError, match=f"^style_transfer: {says}"):
        style_transfer(picture, picture, 32, 32, 1, 1.0, [1], [1.0], 0.0, cnn=chain)
    with pytest.raises(ValueError, match=f"^style_transfer_lbfgs: {says}"):
        style_transfer_lbfgs(picture, picture, 32, recipe, cnn=chain)
    with pytest.raises(ValueError, match=says):
        NormalizedLoss(chain, style={1: torch.ones(1, 8, 8)})(noise(1, 3, 32, 32))


class Sizes(nn.Module):
    """Maps whose channels, height and width are counted from those of the pictures."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes, self.maps = sizes, nn.Identity()

    def forward(self, X):
        C, h, w = self.sizes(*X.shape[2:])
        means = X.mean(dim=(1, 2, 3))[:, None]
        return self.maps(means[:, :, None, None].expand(-1, C, h, w)).mean(dim=(2, 3))


@pytest.mark.parametrize(
    "sizes",
    [
        lambda H, W: (512, 7, 7), lambda H, W: (8, 1, 1), lambda H, W: (5, H // 40, W // 40),
        lambda H, W: (3, H, W), lambda H, W: (9, H // 8, W // 8), lambda H, W: (4, H // 8, W // 8),
        lambda H, W: (512, H // 8, 1), lambda H, W: (2, 3, 1), lambda H, W: (8, 12, W // 4),
        lambda H, W: (64, 96, W // 32), lambda H, W: (64, 96, 7), lambda H, W: (2, H // 32, W // 16)
    ],
)  # fmt: skip
def test_maps_with_the_channels_first_are_taken_for_what_they_are(sizes):
    X, y = noise(2, 3, 64, 96), torch.tensor([0, 1])
    assert grad_cam(X, y, Sizes(sizes), "maps").shape == (2, 64, 96)


def test_a_network_that_reads_one_size_is_judged_by_the_sizes_alone():
    X, y = noise(2, 3, 64, 96), torch.tensor([0, 1])

    def sizes(H, W):
        torch._assert(W == 96, "another size")
        return (8, 12, 30)

    with pytest.raises(ValueError, match=r"'maps' gives shape \(2, 8, 12, 30\), channels last"):
        grad_cam(X, y, Sizes(sizes), "maps")


# Inference mode


def test_pictures_and_classes_made_under_inference_mode_are_looked_at_there_too():
    model = small_network(torch.float32)
    for look in (
        lambda X, y: input_gradients(X, y, model),
        lambda X, y: input_gradients(X, y, model, of=cross_entropy),
        lambda X, y: grad_cam(X, y, model, "4"),
        lambda X, y: class_scores(model, X, y),
        lambda X, y: activations(model, X, "4"),
        lambda X, y: extract_features(X, model, last=5),
        lambda X, y: visualize(class_score(y), model, FourierPicture(2, 14), num_iterations=2),
    ):
        expected = look(noise(2, 3, 11, 14), torch.tensor([4, 0]))
        with torch.inference_mode():
            found = look(noise(2, 3, 11, 14), torch.tensor([4, 0]))
        pairs = zip(found, expected)
        assert all(torch.equal(*pair) for pair in pairs)


def test_a_model_that_runs_under_inference_mode_itself_is_told_so():
    model = torch.inference_mode()(small_network(torch.float32).forward)
    with pytest.raises(ValueError, match=r"must not .* or run .* or torch.inference_mode\(\)$"):
        compute_saliency_maps(noise(2, 3, 11, 14), torch.tensor([4, 0]), model)

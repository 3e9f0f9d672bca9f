"""Tests of the photographs by which damage is noticed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from tests.untouched import differences, photograph, photograph_files, photograph_shared


def model() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout())


def values() -> dict[str, Any]:
    return {
        "array": np.arange(6.0).reshape(2, 3),
        "objects": np.array([1, "two"], dtype=object),
        "tensor": torch.arange(4.0).requires_grad_(),
        "elsewhere": torch.zeros(2, device="meta"),
        "model": model(),
        "method": model().forward,
        "rng": np.random.default_rng(0),
        "generator": torch.Generator().manual_seed(0),
        "nested": {"list": [1, (float("nan"), "a")], "set": {1, 2}},
    }


DAMAGE_TO_VALUES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a number": (lambda v: v["array"].__setitem__((1, 2), 7), "array.content"),
    "a sign of zero": (lambda v: v["array"].__setitem__((0, 0), -0.0), "array.content"),
    "made read-only": (lambda v: v["array"].setflags(write=False), "array"),
    "an object": (lambda v: v["objects"].__setitem__(0, True), "objects.objects.0"),
    "a tensor's number": (lambda v: v["tensor"].data.mul_(2), "tensor.content"),
    "a gradient left": (lambda v: v["tensor"].sum().backward(), "tensor.grad"),
    "no gradients wanted": (lambda v: v["tensor"].requires_grad_(False), "tensor"),
    "a hook on a tensor": (lambda v: v["tensor"].register_hook(abs), "tensor.hooks"),
    "a weight": (
        lambda v: v["model"][0].weight.data.add_(1),
        "model._modules.0._parameters.weight",
    ),
    "a frozen weight": (lambda v: v["model"][0].requires_grad_(False), "model._modules.0"),
    "a buffer": (lambda v: v["model"][1].running_mean.add_(1), "model._modules.1._buffers"),
    "a mode, deep down": (lambda v: v["model"][2].eval(), "model._modules.2.training"),
    "a hook on a layer": (
        lambda v: v["model"][0].register_forward_hook(print),
        "model._modules.0._forward_hooks",
    ),
    "a layer replaced": (lambda v: v["model"].append(torch.nn.ReLU()), "model._modules"),
    "a model behind a method": (lambda v: v["method"].__self__.eval(), "method.__self__"),
    "numbers drawn": (lambda v: v["rng"].random(), "rng"),
    "tensors drawn": (lambda v: torch.rand(1, generator=v["generator"]), "generator"),
    "a key": (lambda v: v["nested"].update(new=1), "nested"),
    "an item": (lambda v: v["nested"]["list"].append(1), "nested.list"),
    "a member": (lambda v: v["nested"]["set"].add(3), "nested.set"),
}

DAMAGE_TO_SHARED: dict[str, tuple[Callable[[], Any], str]] = {
    "random": (random.random, "random"),
    "NumPy's random state": (np.random.rand, "numpy.random"),
    "PyTorch's random state": (lambda: torch.rand(1), "torch.random"),
    "NumPy's errors": (lambda: np.seterr(under="raise"), "numpy.errors"),
    "NumPy's way to print": (lambda: np.set_printoptions(precision=2), "numpy.print"),
    "the default dtype": (lambda: torch.set_default_dtype(torch.float64), "torch.default dtype"),
    "the threads": (lambda: torch.set_num_threads(3), "torch.threads"),
    "gradients": (lambda: torch.set_grad_enabled(False), "torch.gradients"),
    "a setting": (lambda: plt.rc("font", size=20), "matplotlib.font.size"),
    "an open figure": (plt.figure, "figures"),
    "the folder": (lambda: os.chdir("/"), "folder"),
    "the environment": (lambda: os.environ.update(NEW="1"), "environment.NEW"),
}


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what the tests of damage to shared things change."""
    monkeypatch.chdir(Path.cwd())
    monkeypatch.setenv("NEW", "")
    monkeypatch.delenv("NEW")
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    errors, printing, threads = np.geterr(), np.get_printoptions(), torch.get_num_threads()
    with torch.random.fork_rng(devices=[]), matplotlib.rc_context():
        yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    np.seterr(**errors)
    np.set_printoptions(**printing)
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    plt.close("all")


def test_two_photographs_of_one_thing_are_the_same() -> None:
    given = values()
    assert differences(photograph(**given), photograph(**given)) == []
    assert differences(photograph_shared(), photograph_shared()) == []


@pytest.mark.parametrize(("damage", "where"), DAMAGE_TO_VALUES.values(), ids=DAMAGE_TO_VALUES)
def test_damage_to_a_value_is_noticed(damage: Callable, where: str) -> None:
    given = values()
    before = photograph(**given)
    damage(given)
    noticed = differences(before, photograph(**given))
    assert noticed
    assert all(path.startswith(where) for path in noticed)


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize(("damage", "where"), DAMAGE_TO_SHARED.values(), ids=DAMAGE_TO_SHARED)
def test_damage_to_something_shared_is_noticed(damage: Callable, where: str) -> None:
    before = photograph_shared()
    damage()
    assert where in differences(before, photograph_shared())


def test_a_file_written_changed_or_removed_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a")
    (tmp_path / "changed").write_text("b")
    (tmp_path / "removed").write_text("c")
    before = photograph_files(tmp_path)
    (tmp_path / "changed").write_text("B")
    (tmp_path / "removed").unlink()
    (tmp_path / "new").mkdir()
    assert differences(before, photograph_files(tmp_path)) == ["changed", "new", "removed"]


def test_a_value_that_holds_itself_ends() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert differences(photograph(endless=endless), photograph(endless=endless)) == []

"""What every function that looks into a network promises, and tests prove for each of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.tiny import exact_pictures, smooth_network
from tests.untouched import differences, photograph

Method = Callable[[torch.Tensor, torch.Tensor, nn.Module], torch.Tensor]


def assert_nothing_is_left_changed(
    method: Method, model: nn.Module, X: torch.Tensor, y: torch.Tensor
) -> None:
    model.train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    model[4].weight.grad = torch.ones_like(model[4].weight)
    X.requires_grad_()
    X.grad = torch.full_like(X, 2.0)
    before = photograph(X=X, y=y, model=model)
    assert not method(X, y, model).requires_grad
    assert differences(before, photograph(X=X, y=y, model=model)) == []


def assert_it_works_inside_no_grad_and_in_training_mode(
    method: Method, model: nn.Module, X: torch.Tensor, y: torch.Tensor
) -> None:
    expected = method(X, y, model)
    model.train()
    with torch.no_grad():
        torch.testing.assert_close(method(X, y, model), expected, rtol=1e-9, atol=1e-12)
    assert torch.is_grad_enabled()


def assert_a_failing_model_is_left_as_it_was(
    method: Method, model: nn.Module, X: torch.Tensor, y: torch.Tensor
) -> None:
    model.train()
    hook = model[9].register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        method(X, y, model)
    hook.remove()
    assert all(module.training for module in model.modules())
    assert all(weight.requires_grad for weight in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def assert_model_and_pictures_stay_as_they_were(method: Method, fails: bool) -> None:
    model, X = smooth_network().train(), exact_pictures(2).requires_grad_()
    model[0].weight.requires_grad_(False)
    y = torch.tensor([1, 99 if fails else 0])
    before = photograph(X=X, y=y, model=model)
    if fails:
        with pytest.raises(ValueError, match="no class 99, expected 0 to 4"):
            method(X, y, model)
    else:
        method(X, y, model)
    assert differences(before, photograph(X=X, y=y, model=model)) == []


def assert_dropout_is_off_and_gradients_need_no_permission(method: Method) -> None:
    X, y = exact_pictures(2), torch.tensor([1, 2])
    expected = method(X, y, smooth_network())
    with torch.no_grad():
        found = method(X, y, smooth_network().train())
    assert torch.equal(found, expected) and not found.requires_grad
    if found.dtype != torch.bool:
        assert method(X.float(), y, smooth_network(torch.float32)).dtype == torch.float32

"""Half precision, autocast and inference mode, for the functions that look into a network."""

from __future__ import annotations

import pytest
import torch

from cs231n_lib.see.network import frozen
from cs231n_lib.see.precision import in_float32, plainly, widened

HALF = (torch.float16, torch.bfloat16)


@pytest.mark.parametrize("dtype", HALF)
def test_only_half_precision_is_widened(dtype):
    assert widened(torch.ones(2, dtype=dtype)).dtype == torch.float32
    for other in (torch.ones(2), torch.ones(2).double(), torch.ones(2).long(), None, [1.0]):
        assert widened(other) is other


@pytest.mark.parametrize("dtype", HALF)
def test_a_function_computes_in_float32_and_its_model_and_its_answer_have_half_precision(dtype):
    @in_float32
    def method(X, model, weights=None):
        assert X.dtype == weights.dtype == torch.float32
        return model(X).float() + 1e-5 - 1e-5, weights > 0, "a name"

    X = torch.tensor([0.5, 1.0], dtype=dtype)
    seen = []
    numbers, positive, name = method(X, lambda X: seen.append(X.dtype) or X, weights=X)
    assert seen == [dtype]
    assert numbers.dtype == dtype and positive.dtype == torch.bool and name == "a name"
    torch.testing.assert_close(numbers, X, rtol=0, atol=0)


def test_what_is_not_half_precision_is_handed_on():
    method = in_float32(lambda X, model: (X, model))
    X = torch.ones(2)
    assert method(X, abs) == (X, abs) and method(X, model=X.half())[0].dtype == torch.float32


def test_an_answer_that_a_precision_cannot_hold_is_refused():
    square = in_float32(lambda X: X**2)
    X = torch.tensor([300.0, 3.0]).half()
    with pytest.raises(ValueError, match=r"goes up to 9e\+04, and torch.float16 to 6.55e\+04"):
        square(X)
    assert torch.equal(square(X.bfloat16()), torch.tensor([90112.0, 9.0]).bfloat16())
    assert square(X * torch.inf).isinf().all()


@pytest.mark.parametrize("left", [plainly, lambda: frozen(abs)], ids=["plainly", "frozen"])
def test_inference_mode_and_autocast_are_left_and_entered_again(left):
    A = torch.ones(2, 2)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        with left():
            assert not torch.is_grad_enabled()
            product = A @ A
            assert not product.is_inference() and product.dtype == torch.float32
        assert torch.is_inference_mode_enabled() and (A @ A).dtype == torch.bfloat16
    with left():
        assert torch.is_grad_enabled()

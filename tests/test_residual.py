"""The residual block: both paths back to x."""

import pytest

from lib import residual
from lib.gradcheck import check_gradient


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("name", ["W1", "W2", "X"])
def test_the_gradient_is_the_slope(hidden, name, rng):
    W1, W2, X, T = (rng.standard_normal(shape) for shape in [(3, 3), (3, 2), (5, 3), (5, 2)])

    def parts(array):
        given = {"W1": W1, "W2": W2, "X": X} | {name: array}
        return residual.Block(given["W1"], given["W2"], hidden), given["X"]

    def grad(array):
        block, X = parts(array)
        return getattr(residual.backward(block, residual.forward(block, X), T), f"d{name}")

    report = check_gradient(lambda array: residual.loss(*parts(array), T), grad, {"W1": W1, "W2": W2, "X": X}[name])
    assert report.ok, report

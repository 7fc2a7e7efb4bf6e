"""The residual block: both paths back to x."""

import numpy as np
import pytest

from lib import residual
from lib.activations import ACTIVATIONS
from lib.gradcheck import check_gradient


def parts(rng):
    """W1, W2, X and T of three features, two outputs and five rows."""
    return {name: rng.standard_normal(shape) for name, shape in
            {"W1": (3, 3), "W2": (3, 2), "X": (5, 3), "T": (5, 2)}.items()}


def test_a_block_by_hand():
    block = residual.Block(np.array([[1.0, -1.0], [2.0, 0.0]]), np.array([[1.0], [3.0]]), "relu")
    X, T = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[10.0], [7.0]])
    trace = residual.forward(block, X)
    assert trace.Z1.tolist() == [[5.0, -1.0], [2.0, 0.0]] and trace.H.tolist() == [[5.0, 0.0], [2.0, 0.0]]
    assert trace.Z2.tolist() == [[6.0, 2.0], [2.0, 1.0]] and trace.Y.tolist() == [[12.0], [5.0]]
    assert residual.loss(block, X, T) == (4 + 4) / 4
    g = residual.backward(block, trace, T)
    assert g.dY.tolist() == [[1.0], [-1.0]] and g.dW2.tolist() == [[4.0], [1.0]]
    assert g.dZ2.tolist() == g.dH.tolist() == [[1.0, 3.0], [-1.0, -3.0]] and g.dZ1.tolist() == [[1.0, 0.0], [-1.0, 0.0]]
    assert g.dW1.tolist() == [[1.0, 0.0], [1.0, 0.0]] and g.dX.tolist() == [[2.0, 5.0], [-2.0, -5.0]]


@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "step"])
@pytest.mark.parametrize("name", ["W1", "W2", "X"])
def test_the_gradient_is_the_slope(hidden, name, rng):
    fixed = parts(rng)

    def given(array):
        here = fixed | {name: array}
        return residual.Block(here["W1"], here["W2"], hidden), here["X"]

    def grad(array):
        block, X = given(array)
        return getattr(residual.backward(block, residual.forward(block, X), fixed["T"]), f"d{name}")

    report = check_gradient(lambda array: residual.loss(*given(array), fixed["T"]), grad, fixed[name])
    assert report.ok, report
    assert not check_gradient(lambda array: residual.loss(*given(array), fixed["T"]),
                              lambda array: 1.001 * grad(array), fixed[name]).ok


def test_without_a_skip_path_the_gradient_by_x_is_caught(rng):
    W1, W2, X, T = parts(rng).values()
    block = residual.Block(W1, W2)
    g = residual.backward(block, residual.forward(block, X), T)
    assert not check_gradient(lambda X: residual.loss(block, X, T), lambda X: g.dX - g.dZ2, X).ok
    assert not check_gradient(lambda X: residual.loss(block, X, T), lambda X: g.dZ2, X).ok


def test_with_zero_weights_only_the_skip_path_is_left(rng):
    _, W2, X, T = parts(rng).values()
    block = residual.Block(np.zeros((3, 3)), W2, "tanh")
    trace = residual.forward(block, X)
    g = residual.backward(block, trace, T)
    assert (trace.Z2 == X).all() and (g.dX == g.dZ2).all() and g.dX.any()


def test_the_loss_is_a_mean_over_rows(rng):
    W1, W2, X, T = parts(rng).values()
    block = residual.Block(W1, W2)
    assert residual.loss(block, np.tile(X, (3, 1)), np.tile(T, (3, 1))) == pytest.approx(residual.loss(block, X, T))


def test_bad_input_is_named(rng):
    W1, W2, X, T = parts(rng).values()
    block = residual.Block(W1, W2)
    trace = residual.forward(block, X)
    for call, sentence in [
            (lambda: residual.forward(residual.Block(W2, W2), X), r"W1 has shape \(3, 2\), expected \(d, d\) with d = 3 from X"),
            (lambda: residual.forward(residual.Block(W1, T), X), r"W2 has shape \(5, 2\), expected \(d, k\) with d = 3 from X"),
            (lambda: residual.forward(residual.Block(W1, W2, "tan"), X), r"hidden = 'tan' is unknown; did you mean 'tanh'\?"),
            (lambda: residual.backward(block, trace, T[:, :1]), r"backward: T has shape \(5, 1\), expected \(n, k\) with n = 5"),
            (lambda: residual.backward(residual.Block(np.eye(2), W2[:2]), trace, T), r"backward: W1 has shape \(2, 2\)")]:
        with pytest.raises(ValueError, match=sentence):
            call()

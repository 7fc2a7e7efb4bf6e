"""Losses: each value by hand, each gradient the slope of its own loss."""

import numpy as np
import pytest

from lib import losses
from lib.activations import sigmoid, softmax, softmax_vjp
from lib.gradcheck import check_gradient
from lib.shapes import one_hot

Y = np.array([0, 1, 1, 0, 1, 0])
SAMPLES = {                                              # name: (loss, gradient, shape of the argument, the other one)
    "squared_error": (losses.squared_error, losses.squared_error_grad, (6,), 1.5 - Y),
    "squared_error of two outputs": (losses.squared_error, losses.squared_error_grad, (3, 2), 1.5 - Y.reshape(3, 2)),
    "binary_cross_entropy": (losses.binary_cross_entropy, losses.binary_cross_entropy_grad, (6,), Y),
    "softmax_cross_entropy": (losses.softmax_cross_entropy, losses.softmax_cross_entropy_grad, (6, 3), 2 * Y),
    "l2_penalty": (losses.l2_penalty, losses.l2_penalty_grad, (4, 3), 0.3),
}
each = pytest.mark.parametrize("name", SAMPLES)


def test_every_loss_with_a_gradient_has_a_sample():
    gradients = {name for name in vars(losses) if name.endswith("_grad") and not name.endswith("_and_grad")}
    assert {f"{name.split()[0]}_grad" for name in SAMPLES} == gradients


def test_values_by_hand():
    assert losses.zero_one(np.array([1.0, -1.0, 0.0, 2.0]), np.array([1, 1, 0, 1])) == 0.25
    assert losses.squared_error(np.array([1.0, 5.0]), np.array([2.0, 2.0])) == 2.5
    two = np.array([[1.0, 5.0], [0.0, 0.0]]), np.array([[2.0, 2.0], [0.0, 4.0]])
    assert losses.squared_error(*two) == (1 + 9 + 16) / 4                                # a sum over outputs
    assert losses.squared_error_grad(*two).tolist() == [[-0.5, 1.5], [0.0, -2.0]]
    assert losses.binary_cross_entropy(np.zeros(3), np.array([0, 1, 1])) == pytest.approx(np.log(2))
    assert losses.binary_cross_entropy(np.array([np.log(3.0)]), np.array([0])) == pytest.approx(np.log(4))
    assert losses.softmax_cross_entropy(np.zeros((2, 4)), np.array([0, 3])) == pytest.approx(np.log(4))
    Z = np.log([[1.0, 3.0], [1.0, 1.0]])
    assert losses.softmax_cross_entropy(Z, np.array([0, 1])) == pytest.approx((np.log(4) + np.log(2)) / 2)
    assert losses.softmax_cross_entropy_grad(Z, np.array([0, 1])) == pytest.approx(
        np.array([[-0.375, 0.375], [0.25, -0.25]]))
    assert losses.l2_penalty(np.array([[1.0, 2.0], [0.0, -3.0]]), 0.5) == 7.0


@each
def test_the_gradient_is_the_slope(name, rng):
    loss, grad, shape, fixed = SAMPLES[name]
    x = rng.standard_normal(shape)
    report = check_gradient(lambda x: loss(x, fixed), lambda x: grad(x, fixed), x)
    assert report.ok, report


@each
def test_a_wrong_gradient_is_caught(name, rng):
    loss, grad, shape, fixed = SAMPLES[name]
    report = check_gradient(lambda x: loss(x, fixed), lambda x: 1.001 * grad(x, fixed), rng.standard_normal(shape))
    assert not report.ok


def test_cross_entropy_is_the_formula_of_the_chapter(rng):
    z, y = rng.standard_normal(50), rng.integers(0, 2, 50)
    assert 0 < y.mean() < 1
    p = sigmoid(z)
    assert losses.binary_cross_entropy(z, y) == pytest.approx(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
    assert losses.binary_cross_entropy(-z, 1 - y) == pytest.approx(losses.binary_cross_entropy(z, y))


def test_softmax_cross_entropy_is_the_formula_of_the_chapter(rng):
    Z, y = rng.standard_normal((50, 4)), rng.integers(0, 4, 50)
    assert set(y) == {0, 1, 2, 3}
    P, Y = softmax(Z), one_hot(y, 4)
    assert losses.softmax_cross_entropy(Z, y) == pytest.approx(-np.sum(Y * np.log(P)) / 50)
    dZ = losses.softmax_cross_entropy_grad(Z, y)
    assert dZ == pytest.approx((P - Y) / 50)
    assert dZ == pytest.approx(softmax_vjp(-Y / P / 50, P))                  # through the probabilities
    assert dZ.sum(axis=1) == pytest.approx(np.zeros(50), abs=1e-15)
    together = losses.softmax_cross_entropy_and_grad(Z, y)
    assert together[0] == losses.softmax_cross_entropy(Z, y) and (together[1] == dZ).all()


def test_two_scores_are_one_log_odds(rng):
    z, y = rng.standard_normal(20), rng.integers(0, 2, 20)
    Z = np.column_stack([np.zeros(20), z])
    assert losses.softmax_cross_entropy(Z, y) == pytest.approx(losses.binary_cross_entropy(z, y))
    assert losses.softmax_cross_entropy_grad(Z, y)[:, 1] == pytest.approx(losses.binary_cross_entropy_grad(z, y))


def test_losses_are_means(rng):
    z, y = rng.standard_normal(8), rng.integers(0, 2, 8)
    for loss in (losses.zero_one, losses.binary_cross_entropy, lambda z, y: losses.squared_error(z, y.astype(float))):
        assert loss(np.tile(z, 3), np.tile(y, 3)) == pytest.approx(loss(z, y))
    Z = rng.standard_normal((8, 2))
    assert losses.softmax_cross_entropy(np.tile(Z, (3, 1)), np.tile(y, 3)) == pytest.approx(
        losses.softmax_cross_entropy(Z, y))


def test_extremes_do_not_overflow(strict):
    y = np.array([0, 1])
    assert losses.binary_cross_entropy(np.array([1000.0, -1000.0]), y) == 1000.0
    assert losses.binary_cross_entropy(np.array([-1000.0, 1000.0]), y) == 0.0
    assert losses.binary_cross_entropy_grad(np.array([1000.0, -1000.0]), y).tolist() == [0.5, -0.5]
    assert losses.binary_cross_entropy(np.array([40.0]), y[1:]) == pytest.approx(np.exp(-40), rel=1e-12)
    Z = np.array([[1000.0, 0.0, -1000.0], [1e300, -1e300, 0.0]])
    assert losses.softmax_cross_entropy(Z, np.array([2, 0])) == 1000.0
    assert losses.softmax_cross_entropy_grad(Z, np.array([2, 0])).tolist() == [[0.5, 0.0, -0.5], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("loss", [losses.zero_one, losses.binary_cross_entropy, losses.binary_cross_entropy_grad])
def test_bad_labels_are_named(loss):
    name, z = loss.__name__, np.zeros(3)
    with pytest.raises(ValueError, match=rf"{name}: y\[2\] = 2 is not a label; with k = 2 classes labels run 0..1"):
        loss(z, np.array([0, 1, 2]))
    with pytest.raises(ValueError, match=rf"{name}: y has shape \(3, 1\), expected \(n,\) with n = 3 from z"):
        loss(z, np.array([[0], [1], [1]]))
    with pytest.raises(TypeError, match=f"{name}: y has dtype float64, expected integers; write y.astype"):
        loss(z, np.array([0.0, 1.0, 1.0]))
    with pytest.raises(ValueError, match=rf"{name}: z has shape \(3, 1\), expected \(n,\)"):
        loss(z[:, None], np.array([0, 1, 1]))


@pytest.mark.parametrize("loss", [losses.softmax_cross_entropy, losses.softmax_cross_entropy_grad])
def test_bad_class_labels_are_named(loss):
    Z = np.zeros((3, 4))
    with pytest.raises(ValueError, match=r"softmax_cross_entropy: y\[2\] = 4 is not a label; .* labels run 0..3"):
        loss(Z, np.array([0, 1, 4]))
    with pytest.raises(ValueError, match=r"softmax_cross_entropy: y has shape \(2,\), expected \(n,\) with n = 3 from Z"):
        loss(Z, np.array([0, 1]))
    with pytest.raises(TypeError, match="softmax_cross_entropy: y has dtype float64, expected integers"):
        loss(Z, np.zeros(3))
    with pytest.raises(ValueError, match=r"softmax_cross_entropy: Z\[1, 2\] is nan, expected finite numbers"):
        loss(np.where(np.arange(12).reshape(3, 4) == 6, np.nan, 0.0), np.array([0, 1, 2]))


@pytest.mark.parametrize("loss", [losses.squared_error, losses.squared_error_grad])
def test_a_column_of_predictions_does_not_broadcast(loss):
    with pytest.raises(ValueError, match=rf"{loss.__name__}: yhat has shape \(3, 1\), expected \(n,\)"):
        loss(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(TypeError, match=r"y has dtype int64, expected float64; write y.astype\(float\)"):
        loss(np.zeros(3), np.array([0, 1, 1]))


@pytest.mark.parametrize("penalty", [losses.l2_penalty, losses.l2_penalty_grad])
def test_a_negative_penalty_is_refused(penalty):
    with pytest.raises(ValueError, match=f"{penalty.__name__}: lam = -1, expected a number that is zero or positive"):
        penalty(np.ones(2), -1)

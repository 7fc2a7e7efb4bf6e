"""Models linear in theta: gradient and Hessian are the slopes of the loss."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from lib import linear
from lib.gradcheck import check_gradient, compare, numerical_gradient

LABELS = np.array([0, 1, 1, 0, 1, 0, 0, 1])
MODELS = {                                               # name: (loss, gradient, Hessian, y, further arguments)
    "logistic": (linear.logistic_loss, linear.logistic_grad, linear.logistic_hessian, LABELS, (0.0,)),
    "logistic with penalty": (linear.logistic_loss, linear.logistic_grad, linear.logistic_hessian, LABELS, (0.3,)),
    "least squares": (linear.least_squares_loss, linear.least_squares_grad, linear.least_squares_hessian,
                      LABELS - 0.5, ()),
}
each = pytest.mark.parametrize("name", MODELS)


def test_values_by_hand():
    X, theta = np.array([[1.0], [3.0]]), np.zeros(2)
    assert linear.logistic_loss(theta, X, np.array([0, 1])) == pytest.approx(np.log(2))
    assert linear.logistic_grad(theta, X, np.array([0, 1])).tolist() == [0.0, -0.5]
    assert linear.logistic_hessian(theta, X, np.array([0, 1])).tolist() == [[0.25, 0.5], [0.5, 1.25]]
    assert linear.least_squares_loss(np.array([1.0, 1.0]), X, np.array([2.0, 2.0])) == 1.0
    assert linear.least_squares_grad(np.array([1.0, 1.0]), X, np.array([2.0, 2.0])).tolist() == [1.0, 3.0]
    assert linear.least_squares_hessian(theta, X, np.zeros(2)).tolist() == [[1.0, 2.0], [2.0, 5.0]]
    assert linear.predict(np.array([-2.0, 1.0]), np.array([[1.0], [2.0], [3.0]])).tolist() == [0, 0, 1]
    assert linear.predict_proba(np.array([-2.0, 1.0]), np.array([[2.0]])).tolist() == [0.5]


@each
def test_the_gradient_is_the_slope(name, rng):
    loss, grad, _, y, more = MODELS[name]
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    report = check_gradient(lambda t: loss(t, X, y, *more), lambda t: grad(t, X, y, *more), theta)
    assert report.ok, report
    assert not check_gradient(lambda t: loss(t, X, y, *more), lambda t: 1.001 * grad(t, X, y, *more), theta).ok


@each
def test_the_hessian_is_the_slope_of_the_gradient(name, rng):
    _, grad, hessian, y, more = MODELS[name]
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    H = hessian(theta, X, y, *more)
    for j in range(4):
        assert compare(H[j], numerical_gradient(lambda t: grad(t, X, y, *more)[j], theta)).ok        # noqa: B023
    assert H == pytest.approx(H.T) and np.linalg.eigvalsh(H).min() > 0


def test_the_bias_is_not_penalised(rng):
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    gap = linear.logistic_grad(theta, X, LABELS, 0.3) - linear.logistic_grad(theta, X, LABELS)
    assert gap == pytest.approx(np.append(0.0, 0.6 * theta[1:]))


def test_the_curvature_bound_of_the_docstring(rng):
    X = rng.standard_normal((8, 3))
    bound = np.linalg.eigvalsh(linear.least_squares_hessian(np.zeros(4), X, np.zeros(8))).max() / 4
    for scale in (0.0, 1.0, 10.0):
        H = linear.logistic_hessian(scale * rng.standard_normal(4), X, LABELS)
        assert np.linalg.eigvalsh(H).max() <= bound * (1 + 1e-12)


def test_the_gradient_vanishes_where_scikit_learn_stops(rng):
    X = rng.standard_normal((60, 3))
    y = (X @ [1.0, -2.0, 0.5] + rng.standard_normal(60) > 0).astype(int)
    model = LogisticRegression(C=1 / (2 * 60 * 0.1), tol=1e-10, max_iter=1000).fit(X, y)     # C = 1 / (2 n λ)
    theta = np.append(model.intercept_, model.coef_)
    assert linear.logistic_grad(theta, X, y, 0.1) == pytest.approx(np.zeros(4), abs=1e-6)
    assert (linear.predict(theta, X) == model.predict(X)).all()
    line = LinearRegression().fit(X, y)
    theta = np.append(line.intercept_, line.coef_)
    assert linear.least_squares_grad(theta, X, y.astype(float)) == pytest.approx(np.zeros(4), abs=1e-12)


def test_extremes_do_not_overflow(strict):
    X, y, theta = np.array([[1e3], [-1e3]]), np.array([0, 1]), np.array([0.0, 1e3])
    assert linear.logistic_loss(theta, X, y) == 1e6
    assert linear.logistic_grad(theta, X, y).tolist() == [0.0, 1e3]
    assert linear.logistic_hessian(theta, X, y).tolist() == [[0.0, 0.0], [0.0, 0.0]]


@each
def test_bad_input_is_named(name, rng):
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    *functions, y, more = MODELS[name]
    for f in functions:
        with pytest.raises(ValueError, match=r"theta has shape \(3,\), expected \(d\+1,\) with d = 3 from X"):
            f(theta[1:], X, y, *more)
        with pytest.raises(ValueError, match=r"y has shape \(7,\), expected \(n,\) with n = 8"):
            f(theta, X, y[1:], *more)
        with pytest.raises(TypeError, match="y has dtype"):
            f(theta, X, y.astype(float if y.dtype == int else int), *more)
        if more:
            with pytest.raises(ValueError, match="lam = -1"):
                f(theta, X, y, -1)

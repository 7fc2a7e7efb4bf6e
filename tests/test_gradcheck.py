"""The checker is checked: right gradients pass, planted errors do not, kinks are called kinks."""

import re

import numpy as np
import pytest

from lib import gradcheck
from lib.gradcheck import (
    check_direction,
    check_gradient,
    check_vjp,
    compare,
    complex_step,
    jacobian,
    numerical_gradient,
)

A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])


def f(X):
    """A smooth function of a (2, 3) array; complex input passes through."""
    return np.sum(np.exp(-X) * A) + np.sum(X**3) / 3


def grad(X):
    """Its gradient."""
    return -np.exp(-X) * A + X**2


def scaled(X):
    """Every entry wrong by one part in a hundred thousand."""
    return grad(X) * (1 + 1e-5)


def one_entry(X):
    """One entry wrong."""
    G = grad(X)
    G[1, 0] += 1e-4
    return G


def sign(X):
    """The sign of the first term lost."""
    return np.exp(-X) * A + X**2


def nan_entry(X):
    """An entry that is not a number."""
    G = grad(X)
    G[0, 2] = np.nan
    return G


def test_slopes_by_hand():
    for slope in (numerical_gradient, complex_step):
        assert slope(lambda x: x[0] * x[1] ** 2, np.array([3.0, 2.0])) == pytest.approx([4.0, 12.0], rel=1e-8)
        assert slope(lambda x: x**2, 3.0) == pytest.approx(6.0, rel=1e-8)


@pytest.mark.parametrize("x", [1e-6, 1.0, -1e6])
def test_the_step_grows_with_the_point(x):
    assert numerical_gradient(lambda x: x**2, x) == pytest.approx(2 * x, rel=1e-7, abs=1e-12)


def test_two_routes_agree_with_the_gradient(rng):
    for scale in (1e-3, 1.0, 3.0):
        X = scale * rng.standard_normal((2, 3))
        assert complex_step(f, X) == pytest.approx(grad(X), rel=1e-13)
        assert compare(grad(X), numerical_gradient(f, X)).ok


def test_there_are_no_false_alarms_in_many_seeds():
    for seed in range(200):
        X = np.random.default_rng(seed).standard_normal((2, 3))
        report = check_gradient(f, grad, X)
        assert report.ok and report.margin < 0.2, (seed, report.margin)


@pytest.mark.parametrize("wrong", [scaled, one_entry, sign, nan_entry, lambda X: grad(X).T, lambda X: grad(X)[0]])
def test_planted_errors_are_caught(wrong, rng):
    report = check_gradient(f, wrong, rng.standard_normal((2, 3)))
    assert not report.ok
    assert str(report).startswith("disagrees") and "kink" not in str(report)


def test_the_report_names_the_entry():
    X = np.zeros((2, 3))
    assert str(check_gradient(f, grad, X)) == "agrees: at (1, 2) claimed -3, slope -3"
    assert str(check_gradient(f, one_entry, X)) == "disagrees: at (1, 0) claimed 0.0001, slope 0"
    assert str(check_gradient(f, nan_entry, X)) == "disagrees: at (0, 2) claimed nan, slope 0"
    assert str(check_gradient(lambda x: float(x**2), lambda x: 2 * x, 1.5)) == "agrees: claimed 3, slope 3"
    assert str(check_gradient(f, lambda X: grad(X).T, X)) == "disagrees: claimed has shape (3, 2), expected (2, 3)"
    assert repr(check_gradient(f, grad, X, name="W")) == "W: agrees: at (1, 2) claimed -3, slope -3"


def test_a_report_for_an_exercise_keeps_the_slope_to_itself(rng):
    X = np.zeros((2, 3))
    assert str(check_gradient(f, one_entry, X, against="")) == "disagrees: at (1, 0) claimed 0.0001, too large"
    assert str(check_gradient(f, grad, X, against="")) == "agrees: at (1, 2) claimed -3"
    swapped = check_vjp(np.multiply, lambda g, y, a, b: (-g * b, g * a), (np.ones(2), np.ones(2)), rng, against="")
    assert re.fullmatch(r"input 0: disagrees: at \(\d,\) claimed \S+, too (large|small)", str(swapped[0]))
    assert "slope" not in str(swapped[1])


@pytest.mark.parametrize(("claimed", "text"), [
    ([1.0, 3.0], "agrees: at (1,) claimed 3"), ([1.0, 4.0], "disagrees: at (1,) claimed 4, too large"),
    ([1.0, -4.0], "disagrees: at (1,) claimed -4, too small"), ([np.nan, 3.0], "disagrees: at (0,) claimed nan, no number"),
    ([np.inf, 3.0], "disagrees: at (0,) claimed inf, too large"),
    ([1.0], "disagrees: claimed has shape (1,), expected (2,)")])
def test_an_exercise_does_not_give_its_answer_away(claimed, text):
    report = compare(np.array(claimed), np.array([1.0, 3.0]))
    assert str(report) == text and report.ok == text.startswith("agrees")


def test_a_true_value_is_shown_under_the_name_it_is_given():
    report = compare(np.array(4.0), np.array(3.0), name="N", against="by counting")
    assert str(report) == "N: disagrees: claimed 4, by counting 3"


def test_rounding_does_not_choose_the_entry():
    slope = np.array([1.0, -3.0, 3.0, 3.0 + 1e-9])
    for noise in (0.0, 1e-10, -1e-10):
        assert compare(slope + noise, slope - noise).worst == (1,)
        assert compare(-slope, slope - noise).worst == (1,)


def test_a_large_entry_that_is_right_does_not_hide_a_small_one_that_is_wrong():
    report = compare(np.array([1e6 + 0.5, 1.1]), np.array([1e6, 1.0]))
    assert (report.ok, report.worst) == (False, (1,))


@pytest.mark.parametrize("size", [1.0, 1e3, 1e6, 1e9])
def test_a_large_value_leaves_its_slope_fewer_digits(size, rng):
    X = rng.standard_normal((2, 3))
    assert check_gradient(lambda X: f(X) + size, grad, X).ok
    assert not check_gradient(lambda X: size * f(X), lambda X: size * one_entry(X), X).ok
    assert str(check_gradient(lambda x: x + 1e9, lambda x: 1.0, 1.0)) == "agrees: claimed 1, slope 1"


def test_the_point_is_not_touched(rng):
    X = rng.standard_normal((2, 3))
    before = X.copy()

    def rude(X):
        X += 1.0
        return grad(X - 1.0)

    assert check_gradient(f, rude, X).ok
    assert (X == before).all()


@pytest.mark.parametrize("at", [0.0, 2e-6, -4e-6, 5.9e-6 / 2])
def test_a_kink_is_called_a_kink(at):
    x = np.array([1.0, at, -2.0])
    report = check_gradient(lambda x: np.maximum(x, 0.0).sum(), lambda x: (x > 0).astype(float), x)
    assert not report.ok
    assert str(report) == ("disagrees: x[1] is near a kink: slope 0 to the left, 1 to the right, "
                           f"claimed {int(at > 0)}; check at a point further away") or at != 0.0
    assert "x[1] is near a kink" in str(report)


def test_an_error_elsewhere_is_not_excused_by_a_kink():
    report = check_gradient(lambda x: np.abs(x).sum(), lambda x: -np.ones(3), np.array([1.0, 0.0, -2.0]))
    assert str(report) == "disagrees: at (0,) claimed -1, slope 1"


@pytest.mark.parametrize("curvature", [1e-3, 1.0, 1e3, 1e6])
def test_a_steep_smooth_function_has_no_kink(curvature):
    x = np.array([0.3, 0.0])
    report = check_gradient(lambda x: float(curvature * np.sum(x**2)), lambda x: -2 * curvature * x, x)
    assert str(report) == f"disagrees: at (0,) claimed {-0.6 * curvature:.6g}, slope {0.6 * curvature:.6g}"


def spread(v):
    """A function of three numbers with four values, in a (2, 2) array."""
    return np.array([[v[0] * v[1], v[2] + v[0] * 0.0], [np.exp(v[0]), v[0] - v[1] * v[2]]])


def test_jacobian_by_hand():
    J = jacobian(lambda v: spread(v).ravel(), np.array([0.0, 2.0, 3.0]))
    assert J == pytest.approx(np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, -3.0, -2.0]]))
    assert (jacobian(spread, np.array([0.0, 2.0, 3.0])) == J.reshape(2, 2, 3)).all()
    assert jacobian(lambda X: X.T @ X, np.ones((2, 3))).shape == (3, 3, 2, 3)


def test_jacobian_of_a_scalar_is_its_gradient(rng):
    X = rng.standard_normal((2, 3))
    assert (jacobian(f, X) == complex_step(f, X)).all()


def test_one_direction_has_no_false_alarms():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        report = check_direction(f, grad, rng.standard_normal((2, 3)), rng)
        assert report.ok and report.margin < 0.2, (seed, report.margin)


@pytest.mark.parametrize(("wrong", "found"), [(scaled, 100), (sign, 100), (nan_entry, 100), (one_entry, 85)])
def test_one_direction_finds_planted_errors(wrong, found):
    reports = [check_direction(f, wrong, X, rng) for seed in range(100)
               for rng in [np.random.default_rng(seed)] for X in [rng.standard_normal((2, 3))]]
    assert sum(not report.ok for report in reports) >= found
    assert all(report.ok or str(report).startswith("disagrees: claimed") for report in reports)


def test_one_direction_refuses_a_wrong_shape(rng):
    report = check_direction(f, lambda X: grad(X).T, A, rng, name="W")
    assert str(report) == "W: disagrees: claimed has shape (3, 2), expected (2, 3)"


def test_one_direction_misses_as_often_as_it_says():
    """An error at right angles to the gradient, as large as the tolerance, is missed half the time."""
    missed = []
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        g, e = np.array([3.0, 4.0, 0.0]), 5e-6 * np.array([0.8, -0.6, 0.0])
        missed.append(check_direction(lambda x, g=g: float(g @ x), lambda x, c=g + e: c, np.zeros(3), rng).ok)
    assert np.mean(missed) == pytest.approx(0.5, abs=0.04)


def test_one_direction_serves_a_large_gradient(rng):
    X, calls = rng.standard_normal(100_000), []

    def f(x):
        calls.append(1)
        return float(np.tanh(x).mean())

    assert check_direction(f, lambda x: (1 - np.tanh(x) ** 2) / len(x), X, rng).ok
    assert len(calls) == 3                                       # two to the sides, one for the size of f


def test_one_direction_says_that_it_crosses_a_kink(rng):
    report = check_direction(lambda x: np.maximum(x, 0).sum(), lambda x: (x > 0).astype(float), np.zeros(3), rng)
    assert not report.ok and "near a kink" in str(report)


def matmul_vjp(g, out, X, W):
    """The backward rule of X @ W."""
    return g @ W.T, X.T @ g


@pytest.mark.parametrize("wrong", [
    lambda g, out, X, W: (g @ W.T, -X.T @ g),
    lambda g, out, X, W: (g @ W.T, (X.T @ g).T),
    lambda g, out, X, W: (1.001 * g @ W.T, X.T @ g),
    lambda g, out, X, W: (np.ones_like(g) @ W.T, X.T @ g),
])
def test_backward_rules(wrong, rng):
    inputs = rng.standard_normal((4, 3)), rng.standard_normal((3, 2))
    right = check_vjp(np.matmul, matmul_vjp, inputs, rng)
    assert [report.name for report in right] == ["input 0", "input 1"]
    assert all(report.ok for report in right)
    assert not all(report.ok for report in check_vjp(np.matmul, wrong, inputs, rng))


@pytest.mark.parametrize(("call", "error", "sentence"), [
    (lambda: numerical_gradient(f, np.zeros((2, 3), dtype=int)), TypeError, "numerical_gradient: x has dtype int64"),
    (lambda: numerical_gradient(f, np.array([np.nan])), ValueError, r"numerical_gradient: x\[0\] is nan"),
    (lambda: numerical_gradient(grad, A), ValueError, r"f\(x\) has shape \(2, 3\); a gradient needs a scalar"),
    (lambda: complex_step(lambda x: np.abs(x).sum(), A), TypeError, "is float64 .*; is every function in f analytic"),
    (lambda: complex_step(grad, A), TypeError, r"f\(x\) is complex128 of shape \(2, 3\), expected a complex scalar"),
    (lambda: jacobian(lambda x: np.abs(x), A), TypeError, "is every function in f analytic"),
    (lambda: jacobian(grad, np.zeros(3, dtype=int)), TypeError, "jacobian: x has dtype int64"),
    (lambda: check_direction(f, grad, [1.0], np.random.default_rng(0)), TypeError, "check_direction: x is a list"),
    (lambda: check_gradient(f, grad, [1.0]), TypeError, "check_gradient: x is a list"),
    (lambda: check_vjp(np.matmul, lambda g, out, X, W: g @ W.T, (A, A.T), np.random.default_rng(0)), ValueError,
     "check_vjp: vjp must return a tuple of 2 gradients"),
])
def test_bad_input_is_named(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_the_step_is_the_one_of_the_docstring():
    assert pytest.approx(6.06e-6, rel=1e-2) == gradcheck.H

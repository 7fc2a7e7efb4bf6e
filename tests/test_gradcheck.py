"""The checker is checked: right gradients pass, planted errors do not, kinks are called kinks."""

import numpy as np
import pytest

from lib import gradcheck
from lib.gradcheck import check_gradient, check_vjp, compare, complex_step, numerical_gradient

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
    (lambda: check_gradient(f, grad, [1.0]), TypeError, "check_gradient: x is a list"),
    (lambda: check_vjp(np.matmul, lambda g, out, X, W: g @ W.T, (A, A.T), np.random.default_rng(0)), ValueError,
     "check_vjp: vjp must return a tuple of 2 gradients"),
])
def test_bad_input_is_named(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_the_step_is_the_one_of_the_docstring():
    assert pytest.approx(6.06e-6, rel=1e-2) == gradcheck.H

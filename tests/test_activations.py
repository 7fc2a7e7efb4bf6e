"""Activations: the value and the slope of every row of the table."""

import numpy as np
import pytest

from lib import activations
from lib.activations import ACTIVATIONS
from lib.gradcheck import check_gradient, check_vjp

AT_ZERO = {"identity": (0, 1), "step": (0, 0), "sigmoid": (0.5, 0.25), "log_sigmoid": (-np.log(2), 0.5), "tanh": (0, 1),
           "relu": (0, 0), "leaky_relu": (0, 0.01), "softplus": (np.log(2), 0.5)}
AT_TWO = {"identity": 2, "step": 1, "sigmoid": 1 / (1 + np.exp(-2)), "log_sigmoid": -np.log(1 + np.exp(-2)),
          "tanh": (np.exp(4) - 1) / (np.exp(4) + 1), "relu": 2, "leaky_relu": 2, "softplus": np.log(1 + np.exp(2))}
each = pytest.mark.parametrize("name", ACTIVATIONS)


def test_every_row_has_its_values():
    assert AT_ZERO.keys() == AT_TWO.keys() == ACTIVATIONS.keys()


@each
def test_values_by_hand(name):
    f, df, _, _ = ACTIVATIONS[name]
    assert (f(0.0), df(0.0)) == pytest.approx(AT_ZERO[name])
    assert f(2.0) == pytest.approx(AT_TWO[name])


@each
def test_df_is_the_slope(name, rng):
    f, df, _, _ = ACTIVATIONS[name]
    z = rng.uniform(0.1, 3.0, (4, 5)) * rng.choice([-1.0, 1.0], (4, 5))      # away from the kinks at 0
    report = check_gradient(lambda z: float(np.sum(f(z))), df, z)
    assert report.ok, report


@each
def test_a_wrong_slope_is_caught(name):
    f, df, _, _ = ACTIVATIONS[name]
    z = np.array([-1.0, 0.5, 2.0])
    assert not check_gradient(lambda z: float(np.sum(f(z))), lambda z: 1.001 * df(z) + 1e-5, z).ok


@each
def test_a_kink_is_where_the_table_says(name):
    f, _, _, kink = ACTIVATIONS[name]
    left, right = (f(0.0) - f(-1e-6)) / 1e-6, (f(1e-6) - f(0.0)) / 1e-6
    assert (abs(right - left) > 0.5) == (kink == 0.0)


@each
def test_shape_is_kept_and_the_input_untouched(name):
    for function in ACTIVATIONS[name][:2]:
        assert np.shape(function(1.5)) == ()
        assert isinstance(function(1.5), float)
        for shape in [(3,), (2, 3), (2, 1, 3)]:
            z = np.linspace(-1, 1, np.prod(shape)).reshape(shape)
            out = function(z)
            assert out.shape == shape and out.dtype == np.float64
            out += 1.0
            assert (z == np.linspace(-1, 1, np.prod(shape)).reshape(shape)).all()


def test_identities():
    z = np.linspace(-30, 30, 601)
    s = activations.sigmoid(z)
    np.testing.assert_allclose(activations.sigmoid(-z), 1 - s, atol=1e-15)
    np.testing.assert_allclose(activations.sigmoid_prime(z), s * (1 - s), atol=1e-15)
    np.testing.assert_allclose(activations.log_sigmoid(z), np.log(s), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(activations.log_sigmoid_prime(z), 1 - s, atol=1e-15)
    np.testing.assert_allclose(activations.tanh(z), 2 * activations.sigmoid(2 * z) - 1, atol=1e-15)
    np.testing.assert_allclose(activations.tanh_prime(z), 1 - np.tanh(z) ** 2, atol=1e-15)
    np.testing.assert_allclose(activations.softplus(z), -activations.log_sigmoid(-z), rtol=1e-14)
    np.testing.assert_allclose(activations.logit(s[np.abs(z) < 10]), z[np.abs(z) < 10], atol=1e-10)
    assert (activations.leaky_relu(z, 0.0) == activations.relu(z)).all()


@each
def test_extremes_do_not_overflow(name, strict):
    for function in ACTIVATIONS[name][:2]:
        assert np.isfinite(function(np.array([-1e300, -1e3, -40.0, 40.0, 1e3, 1e300]))).all()


def test_small_slopes_keep_their_digits(strict):
    assert activations.sigmoid_prime(40.0) == pytest.approx(np.exp(-40.0), rel=1e-12)
    assert activations.tanh_prime(30.0) == pytest.approx(4 * np.exp(-60.0), rel=1e-12)
    assert activations.log_sigmoid(40.0) == pytest.approx(-np.exp(-40.0), rel=1e-12)


def test_limits_are_values():
    assert [activations.sigmoid(z) for z in (-np.inf, np.inf)] == [0.0, 1.0]
    assert [activations.tanh_prime(z) for z in (-np.inf, np.inf)] == [0.0, 0.0]


@each
def test_bad_input_is_named(name):
    for function in ACTIVATIONS[name][:2]:
        with pytest.raises(TypeError, match=r": z has dtype int64, expected float64; write z.astype\(float\)"):
            function(np.array([1, 2]))
        with pytest.raises(ValueError, match=r": z\[1\] is nan, expected a number"):
            function(np.array([1.0, np.nan]))
        with pytest.raises(TypeError, match=": z is a list, expected an array"):
            function([1.0])


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 1.5])
def test_logit_wants_a_probability(p, strict):
    with pytest.raises(ValueError, match=r"logit: p\[1\] = .* is not strictly between 0 and 1"):
        activations.logit(np.array([0.5, p]))
    with pytest.raises(ValueError, match="logit: p = "):
        activations.logit(p)


def test_a_negative_leak_is_refused():
    with pytest.raises(ValueError, match="leaky_relu: leak = -1"):
        activations.leaky_relu(1.0, leak=-1)


def test_softmax_by_hand():
    scores = np.log([[1.0, 1.0, 2.0], [3.0, 1.0, 1.0]])
    assert activations.softmax(scores) == pytest.approx(np.array([[0.25, 0.25, 0.5], [0.6, 0.2, 0.2]]))
    assert activations.log_softmax(scores[0]) == pytest.approx(np.log([0.25, 0.25, 0.5]))
    assert activations.softmax_vjp(np.array([1.0, 0.0]), np.array([0.75, 0.25])).tolist() == [0.1875, -0.1875]


@pytest.mark.parametrize("shape", [(3,), (1, 1), (4, 3)])
def test_softmax_vjp_is_the_slope(shape, rng):
    Z = rng.standard_normal(shape)
    (report,) = check_vjp(activations.softmax, lambda g, P, Z: (activations.softmax_vjp(g, P),), (Z,), rng)
    assert report.ok, report


def test_a_softmax_vjp_with_only_the_diagonal_is_caught(rng):
    (report,) = check_vjp(activations.softmax, lambda g, P, Z: (g * P * (1 - P),), (rng.standard_normal((4, 3)),), rng)
    assert not report.ok


def test_the_jacobian_of_softmax_is_the_one_of_the_chapter(rng):
    p = activations.softmax(rng.standard_normal(4))
    J = np.array([activations.softmax_vjp(row, p) for row in np.eye(4)])
    assert J == pytest.approx(np.diag(p) - np.outer(p, p))


def test_identities_of_softmax(rng):
    Z = 5 * rng.standard_normal((6, 4))
    P = activations.softmax(Z)
    assert P.sum(axis=1) == pytest.approx(np.ones(6))
    assert activations.softmax(Z + rng.standard_normal((6, 1))) == pytest.approx(P)
    assert activations.softmax_vjp(Z, P).sum(axis=1) == pytest.approx(np.zeros(6), abs=1e-14)
    assert np.array([activations.softmax(row) for row in Z]) == pytest.approx(P)
    assert activations.softmax(Z[:, :2])[:, 1] == pytest.approx(activations.sigmoid(Z[:, 1] - Z[:, 0]))
    before = Z.copy()
    activations.log_softmax(Z)
    assert (Z == before).all()


def test_softmax_of_extremes_does_not_overflow(strict):
    assert activations.softmax(np.array([[1e300, -1e300], [800.0, 800.0]])).tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert activations.log_softmax(np.array([800.0, -800.0])).tolist() == [0.0, -1600.0]


def test_bad_input_of_softmax_is_named():
    for function in (activations.softmax, activations.log_softmax):
        with pytest.raises(TypeError, match=rf"^{function.__name__}: Z has dtype int64, expected float64; write Z.astype\(float\)"):
            function(np.array([1, 2]))
        with pytest.raises(ValueError, match=rf"^{function.__name__}: Z\[1\] is inf, expected finite numbers"):
            function(np.array([1.0, np.inf]))
        with pytest.raises(ValueError, match=rf"^{function.__name__}: Z has shape \(1, 1, 1\)"):
            function(np.ones((1, 1, 1)))
    with pytest.raises(ValueError, match=r"softmax_vjp: g has shape \(2,\), expected \(n, k\) with n = 3 from P"):
        activations.softmax_vjp(np.ones(2), np.full((3, 2), 0.5))

"""One neuron and the geometry of its boundary."""

import numpy as np
import pytest

from lib import neuron
from lib.activations import sigmoid
from lib.gradcheck import numerical_gradient

THETA = np.array([-10.0, 3.0, 4.0])                      # ‖w‖ = 5, boundary 3 x₁ + 4 x₂ = 10
X = np.array([[0.0, 0.0], [2.0, 1.0], [4.0, 2.0]])
GEOMETRY = [neuron.normal, neuron.unit_normal, neuron.boundary_offset,
            lambda theta: neuron.signed_distance(theta, X), lambda theta: neuron.project(theta, X)]


def test_values_by_hand():
    assert neuron.add_ones(X).tolist() == [[1, 0, 0], [1, 2, 1], [1, 4, 2]]
    assert neuron.discriminant(THETA, X).tolist() == [-10, 0, 10]
    assert neuron.normal(THETA).tolist() == [3, 4]
    assert neuron.unit_normal(THETA).tolist() == [0.6, 0.8]
    assert neuron.signed_distance(THETA, X).tolist() == [-2, 0, 2]
    assert neuron.boundary_offset(THETA) == 2.0
    assert neuron.project(THETA, X) == pytest.approx(np.array([[1.2, 1.6], [2, 1], [2.8, 0.4]]))


def test_the_normal_is_the_gradient_of_g(rng):
    theta, x = rng.standard_normal(5), rng.standard_normal(4)
    slope = numerical_gradient(lambda x: neuron.discriminant(theta, x[None, :])[0], x)
    assert neuron.normal(theta) == pytest.approx(slope)


def test_projections_lie_on_the_boundary_and_are_closest(rng):
    theta, X = rng.standard_normal(4), rng.standard_normal((20, 3))
    P, s = neuron.project(theta, X), neuron.signed_distance(theta, X)
    assert X.std() > 0.5 and (s > 0).any() and (s < 0).any()
    assert neuron.discriminant(theta, P) == pytest.approx(np.zeros(20), abs=1e-12)
    assert np.linalg.norm(X - P, axis=1) == pytest.approx(np.abs(s))
    inside = neuron.project(theta, rng.standard_normal((20, 3)))          # other points of the boundary
    assert (np.linalg.norm(X - inside, axis=1) >= np.abs(s) - 1e-12).all()


def test_only_a_positive_factor_leaves_the_geometry_alone():
    for geometry in GEOMETRY[1:]:
        assert geometry(3 * THETA) == pytest.approx(geometry(THETA))
    assert neuron.unit_normal(-THETA) == pytest.approx(-neuron.unit_normal(THETA))
    assert neuron.boundary_offset(-THETA) == -neuron.boundary_offset(THETA)
    assert neuron.boundary_offset(THETA) == -neuron.signed_distance(THETA, X)[0]


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_extremes_do_not_overflow(scale, strict):
    assert neuron.unit_normal(scale * THETA) == pytest.approx([0.6, 0.8])
    assert neuron.boundary_offset(scale * THETA) == pytest.approx(2.0)


def test_a_layer_is_its_neurons_side_by_side(rng):
    X, U = rng.standard_normal((6, 3)), rng.standard_normal((4, 2))
    A = neuron.layer(neuron.add_ones(X), U, sigmoid)
    assert A == pytest.approx(np.column_stack([sigmoid(neuron.discriminant(theta, X)) for theta in U.T]))


@pytest.mark.parametrize("geometry", GEOMETRY)
def test_without_weights_there_is_no_boundary(geometry):
    with pytest.raises(ValueError, match=r"w = theta.* is zero, so g is constant and has no boundary"):
        geometry(np.array([1.0, 0.0, 0.0]))


@pytest.mark.parametrize(("call", "error", "sentence"), [
    (lambda: neuron.discriminant(THETA[:2], X), ValueError,
     r"discriminant: theta has shape \(2,\), expected \(d\+1,\) with d = 2 from X"),
    (lambda: neuron.discriminant(THETA, X[0]), ValueError, r"discriminant: X has shape \(2,\), expected \(n, d\)"),
    (lambda: neuron.discriminant(np.array([1, 2, 3]), X), TypeError, "discriminant: theta has dtype int64"),
    (lambda: neuron.discriminant(THETA, X / np.array([1, np.nan])), ValueError, r"discriminant: X\[0, 1\] is nan"),
    (lambda: neuron.boundary_offset(np.array([1.0])), ValueError, r"theta has shape \(1,\), expected \(d\+1,\)"),
    (lambda: neuron.boundary_offset([1.0, 2.0]), TypeError, "theta is a list"),
    (lambda: neuron.layer(X, THETA, sigmoid), ValueError, r"layer: U has shape \(3,\), expected \(d, h\) with d = 2 "),
])
def test_bad_input_is_named(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()

"""One neuron: its weighted sum, and the geometry of its decision boundary {x : g(x) = 0}."""

import math
from collections.abc import Callable

import numpy as np

from lib.shapes import check


def add_ones(X: np.ndarray) -> np.ndarray:
    """The bias trick: a column of ones in front, so that the bias is the weight of an input that is always 1.

        x* = (1, x₁, …, x_d)

    Shapes: X (n, d) → X* (n, d+1).
    """
    n = check("add_ones", X=(X, "n d"))["n"]
    return np.hstack([np.ones((n, 1)), X])


def discriminant(theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The weighted sum of a neuron, one value per row.

        g(x) = θ₀ + wᵀx = θᵀx*,      θ = (θ₀, w)                                   (eq:bias-trick)

    Shapes: theta (d+1,), X (n, d) → (n,).
    Source: chapters/neurons/discriminant, "The bias trick".
    """
    check("discriminant", X=(X, "n d"), theta=(theta, "d+1"))
    return add_ones(X) @ theta


def normal(theta: np.ndarray) -> np.ndarray:
    """The normal vector of the boundary: the weights w = ∂g/∂x, without the bias.

    Shapes: theta (d+1,) → (d,).
    Raises: ValueError if w = 0, because then there is no boundary.
    """
    check("normal", theta=(theta, "d+1"))
    w = theta[1:].copy()
    if not w.any():
        raise ValueError("normal: w = theta[1:] is zero, so g is constant and has no boundary")
    return w


def _length(w):
    """‖w‖, without the squares that would overflow or vanish."""
    return math.hypot(*w)


def unit_normal(theta: np.ndarray) -> np.ndarray:
    """The direction in which g grows, with length 1.

        n = w / ‖w‖,      ‖w‖² = w₁² + … + w_d²  (the bias does not enter)          (eq:unit-normal)

    Shapes: theta (d+1,) → (d,).
    Source: chapters/neurons/discriminant, "The normal vector".
    """
    w = normal(theta)
    return w / _length(w)


def signed_distance(theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """How far each row lies from the boundary, positive on the side to which w points.

        s(x) = g(x) / ‖w‖                                                          (eq:signed-distance)

    Derivation: let p be the closest boundary point, so x = p + s n with n = w/‖w‖.
        g(x) = θ₀ + wᵀp + s wᵀn = g(p) + s ‖w‖, and g(p) = 0.
    Check:  theta and 3·theta give the same distances.
    Shapes: theta (d+1,), X (n, d) → (n,).
    Units:  those of x.
    Source: chapters/neurons/discriminant, "The distance from a point".
    """
    return discriminant(theta, X) / _length(normal(theta))


def boundary_offset(theta: np.ndarray) -> float:
    """How far one walks from the origin along the unit normal to reach the boundary; negative means backwards.

        b = −θ₀ / ‖w‖                                                              (eq:boundary-offset)

    Check:  it is minus the signed distance of the origin.
    Shapes: theta (d+1,) → scalar.
    Source: chapters/neurons/discriminant, "The distance from the origin".
    """
    length = _length(normal(theta))
    return float(-theta[0] / length)


def project(theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The boundary point closest to each row:  p = x − s(x) n.

    Check:  g(p) = 0, and x − p is a multiple of w.
    Shapes: theta (d+1,), X (n, d) → (n, d).
    """
    return X - np.outer(signed_distance(theta, X), unit_normal(theta))


def layer(X: np.ndarray, U: np.ndarray, f: Callable) -> np.ndarray:
    """h neurons side by side: one column of U each, one activation f for all.

        A = f(X U)

    For neurons with a bias give add_ones(X), and U with d+1 rows.
    Shapes: X (n, d), U (d, h) → (n, h).
    """
    check("layer", X=(X, "n d"), U=(U, "d h"))
    return f(X @ U)

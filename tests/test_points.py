"""Random points: expressions made concrete, and derivatives evaluated without a formula for them."""

import numpy as np
import pytest
import sympy
from sympy import Abs, Derivative, Product, Sum, exp, log, sin

from lib.points import Gradient, Points, array, indices, matrix, named, positives, reals, sizes

n, d = sizes("n d")
i, j = indices("i j")
a, c = reals("a"), positives("c")


def points(**variables):
    """Points at n = 3, d = 2 with these variables drawn."""
    drawn = Points({n: 3, d: 2}, 5, np.random.default_rng(7))
    for name, what in variables.items():
        drawn.draw(name, what)
    return drawn


def value(expr, drawn):
    return drawn.evaluate(drawn.concrete(expr, {}))[:, 0]


def test_sums_and_products_are_written_out():
    drawn = points(X=array("X", n, d))
    X = drawn.arrays["X"]
    assert np.allclose(value(Sum(array("X", n, d)[i, j] ** 2, (i, 1, n), (j, 1, d)), drawn), (X**2).sum(axis=(1, 2)))
    assert np.allclose(value(Product(array("X", n, d)[i, 2], (i, 1, n)), drawn), X[:, :, 1].prod(axis=1))


def test_a_sum_whose_inner_range_depends_on_the_outer_letter():
    assert value(Sum(i, (i, 1, j), (j, 1, n)), points())[0] == 1 + (1 + 2) + (1 + 2 + 3)


def test_positions_are_counted_as_in_the_formula():
    theta = array("theta", d + 1, first=0)
    drawn = points(theta=theta)
    assert np.allclose(value(theta[0], drawn), drawn.arrays["theta"][:, 0])
    with pytest.raises(ValueError, match=r"theta has shape \(3,\) here, so there is no theta\[3\]"):
        drawn.concrete(theta[3], {})


def test_the_array_and_the_matrix_of_one_name_share_their_entries():
    drawn = points(X=array("X", n, d))
    square = drawn.concrete(matrix("X", n, d).T * matrix("X", n, d), {})
    by_index = drawn.concrete(Sum(array("X", n, d)[i, 1] * array("X", n, d)[i, 2], (i, 1, n)), {})
    assert sympy.expand(square[0, 1] - by_index) == 0


def test_slopes_come_from_the_function_itself():
    drawn = points(a=a, c=c)
    x, y = drawn.arrays["a"], drawn.arrays["c"]
    assert np.allclose(value(Derivative(sin(a) * exp(a), a), drawn), (np.cos(x) + np.sin(x)) * np.exp(x), rtol=1e-12)
    assert np.allclose(value(Derivative(log(c), (c, 2)), drawn), -1 / y**2, rtol=1e-6)
    assert np.allclose(value(Derivative(Abs(a), a), drawn), np.sign(x), rtol=1e-6)
    assert (value(Derivative(sin(a), c), drawn) == 0).all()


def test_a_wrong_definition_changes_the_slope():
    right, wrong = named("f", lambda t: t**2), named("f", lambda t: -(t**2))
    drawn = points(a=a)
    assert np.allclose(value(Derivative(right(a), a), drawn), 2 * drawn.arrays["a"])
    assert not np.allclose(value(Derivative(wrong(a), a), drawn), 2 * drawn.arrays["a"])


def test_a_gradient_has_the_shape_of_what_it_is_taken_by():
    W, x = matrix("W", n, d), array("W", n, d)
    drawn = points(W=x)
    cells = drawn.concrete(Gradient(Sum(x[i, j] ** 2, (i, 1, n), (j, 1, d)), W), {})
    assert cells.shape == (3, 2)
    assert np.allclose(drawn.evaluate(cells[2, 1])[:, 0], 2 * drawn.arrays["W"][:, 2, 1])


def test_positive_scalars_are_positive_and_samples_are_used():
    drawn = points(c=c)
    drawn.draw("y", array("y", n), lambda rng, shape: rng.integers(0, 2, shape))
    assert (drawn.arrays["c"] > 0).all() and set(drawn.arrays["y"].ravel()) == {0, 1}
    assert drawn.arrays["y"].shape == (5, 3)


def test_a_matrix_written_out_is_its_entries():
    drawn = points(a=a, W=matrix("W", 2, 2))
    product = sympy.MatMul(matrix("W", 2, 2), sympy.ImmutableDenseMatrix([[a], [0]]))
    expected = drawn.arrays["W"][:, 1, 0] * drawn.arrays["a"]
    assert drawn.evaluate(drawn.concrete(product, {})[1, 0])[:, 0] == pytest.approx(expected)


def test_an_expression_that_cannot_be_made_concrete_is_named():
    with pytest.raises(TypeError, match="is not a matrix expression that can be checked yet"):
        points(W=matrix("W", n, n)).concrete(sympy.DiagonalMatrix(matrix("W", n, n)), {})

"""Matrices with their entries written out: printed as written, evaluated entry by entry, refused where they are wrong."""

import numpy as np
import pytest
from sympy import Derivative, Integer, MatMul, Transpose, evaluate, exp

from lib.derivation import Derivation, DerivationError
from lib.points import reals
from lib.rows import Rows
from lib.typeset import AuthorText, latex

x, y, u = reals("x y u")


def test_it_is_printed_as_written():
    with evaluate(False):
        J = Rows([2 * x, 2], [3, 8 * y])
    assert J.shape == (2, 2)
    assert latex(J) == r"\begin{pmatrix} 2 x & 2 \\ 3 & 8 y \end{pmatrix}"
    assert AuthorText().doprint(J) == "[[2*x, 2], [3, 8*y]]"


def test_fractions_get_room():
    with evaluate(False):
        J = Rows([x / y], [y])
    assert latex(J) == r"\begin{pmatrix} \frac{x}{y} \\[0.6em] y \end{pmatrix}"


def test_a_product_is_not_multiplied_out():
    with evaluate(False):
        product = MatMul(Rows([x, 1]), Rows([1], [y]))
    assert latex(product) == r"\begin{pmatrix} x & 1 \end{pmatrix} \begin{pmatrix} 1 \\ y \end{pmatrix}"
    assert product.shape == (1, 1)


def product(change=lambda line: line, at=0):
    """A product of two Jacobians, with one line changed."""
    lines = [MatMul(Rows([2 * u, 2], [3, exp(u)]), Rows([1], [2 * x]), evaluate=False),
             Rows([2 * u + 4 * x], [3 + 2 * x * exp(u)]),
             Rows([2 * x**2 + 4 * x], [3 + 2 * x * exp(x**2)])]
    lines[at] = change(lines[at])
    with Derivation("product", "J", where={u: x**2}) as D:
        for number, line in enumerate(lines):
            (D.line if number else D.start)(line, "why")
        D.ends_in(lambda x: np.array([2 * x**2 + 4 * x, 3 + 2 * x * np.exp(x**2)]), x, name="by hand")
    return D


def test_a_product_of_two_is_checked_and_proved():
    assert [line.verdict for line in product().lines] == ["start", "proved", "proved"]


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("wrong", [lambda J: -J, lambda J: 2 * J, lambda J: J + J])
def test_a_wrong_line_is_refused(at, wrong):
    with pytest.raises(DerivationError, match="does not follow"):
        product(wrong, at)


def test_one_wrong_entry_is_named():
    with pytest.raises(DerivationError, match=r"entry \(2,\)"):
        product(lambda J: Rows([2 * u + 4 * x], [3 - 2 * x * exp(u)]), 1)


def table(first, second):
    with Derivation("table", "J") as D:
        D.start(first, "definition")
        D.line(second, "why")
        D.ends_in(lambda x, y: np.array([[2 * x, 2], [3, 8 * y]]), x, y, name="by hand")
    return D


def test_derivatives_in_it_are_evaluated_by_complex_step():
    with evaluate(False):
        slopes = Rows([Derivative(x**2 + 2 * y, x), Derivative(x**2 + 2 * y, y)],
                      [Derivative(3 * x + 4 * y**2, x), Derivative(3 * x + 4 * y**2, y)])
    assert table(slopes, Rows([2 * x, 2], [3, 8 * y])).lines[0].how == "by complex step"
    with pytest.raises(DerivationError, match="does not follow"):
        table(slopes, Transpose(Rows([2 * x, 2], [3, 8 * y])))


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"Rows: got rows of \[2, 1\] entries"):
        Rows([x, y], [Integer(1)])
    with pytest.raises(ValueError, match=r"Rows: got rows of \[\] entries"):
        Rows()


def test_shapes_that_do_not_chain_are_refused():
    with pytest.raises(ValueError, match="aligned"):
        MatMul(Rows([x, y]), Rows([x, y]))

"""What the reader sees is what was written: order and brackets, and the LaTeX read back by another parser."""

import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sympy import And, Derivative, HadamardProduct, MatMul, OneMatrix, Rational, Sum, exp, log, sqrt, tanh
from sympy.parsing.latex import parse_latex

from lib.points import array, indices, matrix, named, positives, reals, sizes
from lib.typeset import latex

a, b = reals("a b")
c = positives("c")
n, d = sizes("n d")
i, j = indices("i j")
x, X, theta, y = array("x", n), matrix("X", n, d), matrix("theta", d), matrix("y", n)
sigma = named(r"\sigma", lambda t: 1 / (1 + exp(-t)))

WRITTEN = {
    r"\sigma(a) (1 - \sigma(a))": lambda: sigma(a) * (1 - sigma(a)),
    r"\frac{1}{1 + e^{-a}} \left(1 - \frac{1}{1 + e^{-a}}\right)": lambda: 1 / (1 + exp(-a)) * (1 - 1 / (1 + exp(-a))),
    r"\frac{1}{a} \cdot \frac{b}{a}": lambda: 1 / a * (b / a),
    r"-\frac{1}{c} (-b)": lambda: -(1 / c) * (-b),
    r"a - \frac{1}{2} b": lambda: a - Rational(1, 2) * b,
    r"-\frac{1}{2} a": lambda: -(Rational(1, 2) * a),
    r"\frac{1}{2} \sum_{i=1}^{n} x_{i}": lambda: Sum(x[i], (i, 1, n)) / 2,
    r"X^\top ((X \theta) \odot y)": lambda: X.T * HadamardProduct(y, X * theta),
    r"\sum_{j=1}^{d} \sum_{i=1}^{n} (x_{i} + c)": lambda: Sum(Sum(x[i] + c, (i, 1, n)), (j, 1, d)),
    r"\frac{\partial}{\partial c} a": lambda: Derivative(a, c),
    r"{W^{2}}^\top \mathbf{1}": lambda: matrix("W^2", n, d).T * OneMatrix(n, 1),
    r"{W^{(1)}}^\top": lambda: matrix("W^{(1)}", n, d).T,
    r"\left(W^{1}_{i}\right)^{2}": lambda: array("W^1", n)[i] ** 2,
    r"a - (b - c)": lambda: a - (b - c),
    r"\ln(c) a": lambda: log(c) * a,
    r"a \ln c": lambda: a * log(c),
    r"\tanh^{2} a": lambda: tanh(a) ** 2,
    r"\frac{1}{n} \sum_{i=1}^{n} x_{i}^{2}": lambda: 1 / n * Sum(x[i] ** 2, (i, 1, n)),
    r"\left(\sum_{i=1}^{n} x_{i}\right) a": lambda: Sum(x[i], (i, 1, n)) * a,
    r"\frac{1}{n} X^\top (\sigma(X \theta) - y)": lambda: X.T * ((X * theta).applyfunc(sigma) - y) / n,
    r"0 < c < \frac{2}{a}": lambda: And(c > 0, c < 2 / a),
    r"\frac{\partial}{\partial a} (a b)": lambda: Derivative(a * b, a),
    r"\frac{d^{2}}{d a^{2}} \sigma(a)": lambda: Derivative(sigma(a), (a, 2)),
    r"a \cdot 2": lambda: a * 2,
    r"\frac{\partial}{\partial x_{i}} b": lambda: Derivative(b, x[i]),
    r"2 c X + \frac{1}{n} X^\top y": lambda: 2 * c * X + X.T * y / n,
    r"y - 2 a X \theta": lambda: y + MatMul(-2 * a, X, theta),
    r"y - a X \theta": lambda: y - a * X * theta,
}


@pytest.mark.parametrize("expected", WRITTEN)
def test_the_author_s_order_and_brackets_are_kept(expected):
    with sympy.evaluate(False):
        expression = WRITTEN[expected]()
    assert latex(expression).replace(r"\, ", " ") == expected


def written(depth: int):
    """Random expressions as an author could write them, unevaluated."""
    if depth == 0:
        return st.sampled_from([a, b, c, sympy.Integer(2), sympy.Integer(3), sympy.Rational(1, 2), -sympy.Rational(2, 3)])
    part = written(depth - 1)
    pair = st.tuples(part, part)
    return st.one_of(
        part,
        pair.map(lambda q: sympy.Add(q[0], q[1], evaluate=False)),
        pair.map(lambda q: sympy.Add(q[0], sympy.Mul(-1, q[1], evaluate=False), evaluate=False)),
        pair.map(lambda q: sympy.Mul(q[0], q[1], evaluate=False)),
        pair.map(lambda q: sympy.Mul(q[0], sympy.Pow(q[1], -1, evaluate=False), evaluate=False)),
        part.map(lambda q: sympy.Mul(-1, q, evaluate=False)),
        part.map(lambda q: sympy.Pow(q, 2, evaluate=False)),
        st.just(sqrt(c)),
        part.map(lambda q: sympy.exp(q, evaluate=False)),
    )


def read_back(tex: str):
    """The LaTeX as another program reads it."""
    try:
        found = parse_latex(tex, backend="lark")
    except Exception:
        assume(False)
    assume(isinstance(found, sympy.Expr))
    known = {"a": a, "b": b, "c": c, "e": sympy.E}
    return found.xreplace({s: known[s.name] for s in found.free_symbols})


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(written(3))
def test_the_latex_read_back_has_the_same_value(expression):
    at = {a: sympy.Rational(7, 10), b: -sympy.Rational(13, 10), c: sympy.Rational(9, 20)}
    value = expression.doit().xreplace(at)
    assume(value.is_finite and abs(value.evalf()) < 1e6)
    assert abs((read_back(latex(expression)).xreplace(at) - value).evalf()) <= 1e-9 * (1 + abs(value.evalf()))

"""Derivations: what follows is shown with its ticks, what does not follow is refused by line, reason and point."""

import numpy as np
import pytest
from sympy import Abs, And, Derivative, Eq, Gt, KroneckerDelta, Max, Rational, Sum, cos, exp, log, sin, sqrt

from lib.derivation import Derivation, DerivationError
from lib.points import Gradient, array, indices, matrix, named, positives, reals, sizes

a = reals("a")
p, eta, c = positives("p eta c")
n, d, k = sizes("n d k")
i, j, l = indices("i j l")
sigma = named(r"\sigma", lambda t: 1 / (1 + exp(-t)))
X, W, Y = array("X", n, d), array("W", d, k), array("Y", n, k)
slope = lambda a: np.exp(-a) / (1 + np.exp(-a)) ** 2


def sigmoid_slope(line=lambda: sigma(a) * (1 - sigma(a)), end=slope):
    """A two-line derivation whose second line and end can be damaged."""
    with Derivation("sigmoid-slope", r"\sigma'(a)") as derivation:
        derivation.start(Derivative(sigma(a), a), "definition")
        derivation.line(line(), "quotient rule")
        derivation.ends_in(end, a, name="slope")
    return derivation


def matrix_gradient(index=lambda: Sum((X[i, l] * W[l, j] - Y[i, j]) * X[i, l], (i, 1, n)), line=None):
    """½‖XW − Y‖² with d = 1 column sums: from the loss through indices to a matrix product."""
    Xm, Wm, Ym = matrix("X", n, d), matrix("W", d, k), matrix("Y", n, k)
    m = indices("m")
    residual = Sum(X[i, m] * W[m, j], (m, 1, d)) - Y[i, j]
    with Derivation("least-squares", r"\frac{\partial L}{\partial W_{lj}}", free=(l, j)) as derivation:
        total = Sum((Sum(X[i, m] * W[m, l], (m, 1, d)) - Y[i, l]) ** 2, (i, 1, n), (l, 1, k))
        derivation.start(Gradient(total / 2, Wm), "definition")
        derivation.line(Sum(residual * X[i, l], (i, 1, n)) if index is None else index(), "chain rule")
        derivation.line(Xm.T * (Xm * Wm - Ym) if line is None else line(Xm, Wm, Ym), "row times column")
        derivation.ends_in(lambda X, W, Y: X.T @ (X @ W - Y), X, W, Y, name="least_squares_grad")
    return derivation


def refusal(build) -> str:
    """The message with which a derivation is refused."""
    with pytest.raises(DerivationError) as caught:
        build()
    return str(caught.value)


# What follows


def test_a_line_that_follows_is_proved_and_printed_from_what_was_checked():
    derivation = sigmoid_slope()
    assert [line.verdict for line in derivation.lines] == ["start", "proved"]
    assert r"&= \sigma(a) (1 - \sigma(a)) && \text{quotient rule}" in derivation._repr_markdown_()
    assert derivation._repr_markdown_().count("$$ (eq:sigmoid-slope)") == 1
    assert derivation.summary() == (
        "2 lines: the first by complex step, 1 proved, all at 200 random points; the last is slope"
    )


def test_lines_of_numbers_alone_claim_no_random_points():
    with Derivation("numbers", "u") as derivation:
        derivation.start(Rational(1, 2) + Rational(1, 3), "definition")
        derivation.line(Rational(5, 6), "addition")
    assert derivation.summary() == "2 lines: the first as it stands, 1 proved"
    assert "random" not in derivation._repr_markdown_()


def test_definitions_may_be_filled_in_before_the_block_ends():
    rules = {}
    with Derivation("filled", "u", where=rules) as derivation:
        rules[c] = a + 1
        derivation.start(c * 2, "definition")
        derivation.line(2 * a + 2, "$c = a + 1$")
    assert derivation.lines[1].verdict == "proved"


def test_plain_text_shows_lines_reasons_and_ticks():
    first, second, summary = repr(sigmoid_slope()).split("\n")
    assert second.endswith("= sigma(a)*(1 - sigma(a))    [quotient rule] ✓ proved")
    assert summary.startswith("(sigmoid-slope) 2 lines") and "[definition]" in first


def test_index_form_and_matrix_form_meet():
    derivation = matrix_gradient(index=None)
    assert [line.verdict for line in derivation.lines] == ["start", "proved", "proved"]
    assert "for sizes 1 to 3" in derivation.lines[2].how


def test_a_latex_line_is_checked_but_not_single_sourced():
    with Derivation("square", "f'(a)") as derivation:
        derivation.start(Derivative(a**2, a), "definition")
        derivation.line("2a", lambda a: 2 * a, "power rule")
        derivation.ends_in(lambda a: 2 * a, a, name="f")
    assert (derivation.lines[1].verdict, derivation.single_sourced) == ("checked", 1)


def test_an_equation_is_solved_by_bisection():
    with Derivation("odds", unknown={p: (1e-9, 1 - 1e-9)}) as derivation:
        derivation.start(Eq(log(p / (1 - p)), a), "log-odds")
        derivation.line(Eq(p, 1 / (1 + exp(-a))), "solve")
        derivation.ends_in(lambda a: 1 / (1 + np.exp(-a)), a, name="sigmoid")
    assert derivation.lines[1].verdict == "proved"


def test_an_equation_may_hold_a_derivative():
    with Derivation("chain", unknown={p: (0, 5)}) as derivation:
        derivation.start(Eq(Derivative(c**2, c) * p, 4 * c), "definition")
        derivation.line(Eq(p, 2), "power rule")
    assert derivation.lines[1].verdict == "proved"
    with pytest.raises(DerivationError, match="line 2"), Derivation("chain", unknown={p: (0, 5)}) as derivation:
        derivation.start(Eq(Derivative(c**2, c) * p, 4 * c), "definition")
        derivation.line(Eq(p, 3), "power rule")


def test_conditions_hold_at_the_same_points():
    with Derivation("stable") as derivation:
        derivation.start(Abs(1 - eta * c) < 1, "contraction")
        derivation.line(And(eta > 0, eta < 2 / c), "solve")
        derivation.ends_in(lambda eta, c: 0 < eta < 2 / c, eta, c, name="bound")
    assert r"&\iff 0 < \eta < \frac{2}{c}" in derivation._repr_markdown_()


def test_a_bound_must_be_reached():
    def bound(value, tight):
        with Derivation("bound") as derivation:
            derivation.start(sigma(a) * (1 - sigma(a)), "slope")
            derivation.line(value, "largest at 0", relation="<=", tight=tight)
            derivation.ends_in(lambda: float(value), name="bound")

    bound(Rational(1, 4), {a: 0})
    assert "line 2 gives 0.5" in refusal(lambda: bound(Rational(1, 2), {a: 0}))
    assert "does not follow" in refusal(lambda: bound(Rational(1, 8), {a: 0}))
    assert "needs the point where it is reached" in refusal(lambda: bound(Rational(1, 4), None))


def test_what_a_symbol_stands_for_is_put_in():
    z, x, theta = array("z", n), array("x", n), array("theta", 2, first=0)
    with Derivation("score", r"\partial z_i / \partial\theta_1", where={z[i]: theta[0] + theta[1] * x[i]}) as derivation:
        derivation.start(Derivative(z[i], theta[1]), "definition")
        derivation.line(x[i], "linear in theta")
        derivation.ends_in(lambda x: x, x, name="x")
    assert derivation.lines[1].verdict == "proved"


def test_the_kronecker_delta_and_a_second_slope():
    z = array("z", k)
    with Derivation("diagonal") as derivation:
        derivation.start(Derivative(sigma(z[i]), z[j]), "definition")
        derivation.line(KroneckerDelta(i, j) * sigma(z[i]) * (1 - sigma(z[i])), "no other entry moves")
        derivation.ends_in(lambda z: np.diag(slope(z)), z, name="diag(slope)")
    with Derivation("curvature") as derivation:
        derivation.start(Derivative(sin(a), (a, 2)), "definition")
        derivation.line(-sin(a), "twice")
        derivation.ends_in(lambda a: -np.sin(a), a, name="-sin")


def test_an_independent_route_for_a_first_line_without_a_derivative():
    def length(by):
        with Derivation("length") as derivation:
            derivation.start(sqrt(c**2), "definition", by=by)
            derivation.line(c, "c is positive")
            derivation.ends_in(lambda c: c, c, name="c")

    length(lambda c: c)
    assert "line 1 gives" in refusal(lambda: length(lambda c: 1.01 * c))


# What does not follow


def test_a_sign_is_refused_with_line_reason_and_point():
    message = refusal(lambda: sigmoid_slope(lambda: -(sigma(a) * (1 - sigma(a)))))
    assert message.startswith("sigmoid-slope, line 2 (reason: quotient rule) does not follow.")
    assert "line 1 gives 0.25, line 2 gives -0.25" in message and "at a = " in message


@pytest.mark.parametrize("factor", [2, Rational(1, 2), Rational(1001, 1000)])
def test_a_factor_is_refused(factor):
    assert "line 2" in refusal(lambda: sigmoid_slope(lambda: factor * (sigma(a) * (1 - sigma(a)))))


def test_a_wrong_index_is_refused_and_names_the_entry():
    m = indices("m")
    wrong = lambda: Sum((Sum(X[i, m] * W[m, l], (m, 1, d)) - Y[i, l]) * X[i, l], (i, 1, n))
    message = refusal(lambda: matrix_gradient(index=wrong))
    assert "least-squares, line 2" in message and ("entry" in message or "cannot be evaluated" in message)


def test_a_transpose_is_refused_even_where_the_shapes_fit():
    S = matrix("S", 3, 3)

    def product(line):
        with Derivation("product") as derivation:
            derivation.start(S * S.T, "definition")
            derivation.line(line, "regroup")
            derivation.ends_in(lambda S: S @ S.T, array("S", 3, 3), name="S @ S.T")

    product((S * S.T).T)
    assert "entry" in refusal(lambda: product(S.T * S))
    assert "has shape" in refusal(lambda: matrix_gradient(index=None, line=lambda X, W, Y: (X * W - Y).T * X))


def test_a_line_that_tells_nothing_is_refused():
    def odds(line):
        with Derivation("odds", unknown={p: (1e-9, 1 - 1e-9)}) as derivation:
            derivation.start(Eq(log(p / (1 - p)), a), "log-odds")
            derivation.line(line, "algebra")
            derivation.ends_in(lambda a: 1 / (1 + np.exp(-a)), a, name="sigmoid")

    assert "tells nothing" in refusal(lambda: odds(Eq(p, p, evaluate=False)))
    assert "does not hold" in refusal(lambda: odds(Eq(p, 1 / (1 + exp(a)))))


def test_an_equation_without_a_solution_is_refused():
    def line(equation):
        with Derivation("line", unknown={c: (1, 2)}) as derivation:
            derivation.start(equation, "definition")
            derivation.line(Eq(c, 1 + sigma(a)), "solve")

    line(Eq(c - 1, sigma(a)))
    assert "line, line 1 (reason: definition) has no one solution for c in (1, 2)" in refusal(lambda: line(Eq(c, 3)))


def test_a_condition_that_differs_somewhere_is_refused():
    def stable(line):
        with Derivation("stable") as derivation:
            derivation.start(Abs(1 - eta * c) < 1, "contraction")
            derivation.line(line, "solve")
            derivation.ends_in(lambda eta, c: 0 < eta < 2 / c, eta, c, name="bound")

    assert "line 1 is" in refusal(lambda: stable(And(eta > 0, eta < 1 / c)))
    assert "line 1 is" in refusal(lambda: stable(Gt(eta, 2 / c)))


def test_the_function_of_lib_must_be_what_the_last_line_says():
    assert "slope gives" in refusal(lambda: sigmoid_slope(end=lambda a: slope(a) * (1 + 1e-6)))
    assert "slope refuses these variables: no" in refusal(lambda: sigmoid_slope(end=_refuses))


def _refuses(a):
    raise ValueError("no")


def test_what_cannot_be_evaluated_is_named():
    x = array("x", n)
    assert "not a finite number" in refusal(lambda: sigmoid_slope(lambda: log(a)))
    assert "there is no x[" in refusal(lambda: sigmoid_slope(lambda: Sum(x[i + 1], (i, 1, n))))


def test_mistakes_in_writing_a_derivation_are_named():
    assert "write Rational(1, 2)" in refusal(lambda: sigmoid_slope(lambda: 0.5 * sigma(a)))
    assert "needs a NumPy function" in refusal(lambda: sigmoid_slope(lambda: "2a"))
    with pytest.raises(DerivationError, match="at least one line"), Derivation("half") as derivation:
        derivation.start(a, "alone")
    with pytest.raises(DerivationError, match="starts once"), Derivation("twice") as derivation:
        derivation.start(a, "one")
        derivation.start(a, "two")


def test_a_slope_at_a_kink_is_found_by_differences():
    def kinked(line):
        with Derivation("relu") as derivation:
            derivation.start(Derivative(Max(a, 0), a), "definition")
            derivation.line(line, "one side is flat")
            derivation.ends_in(lambda a: float(a > 0), a, name="relu_prime")
        return derivation

    assert "difference quotient" in kinked((1 + a / Abs(a)) / 2).summary()
    assert "does not follow" in refusal(lambda: kinked((1 + cos(a)) / 2))


def test_the_points_are_the_same_each_time():
    assert sigmoid_slope()._repr_markdown_() == sigmoid_slope()._repr_markdown_()

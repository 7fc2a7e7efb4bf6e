"""A derivation of one's own: the first line that does not follow, and the slip in it by name."""

import re

import pytest
from sympy import Derivative, MatMul, Sum, cos, exp, log, sin

from lib.derivation import Derivation, DerivationError
from lib.diagnose.attempt import Attempt, diagnose_lines
from lib.diagnose.kinds import KINDS
from lib.diagnose.repairs import RANK
from lib.points import array, indices, matrix, named, reals, sizes
from lib.typeset import latex

a, x, y = reals("a x y")
n, d = sizes("n d")
i, j, k = indices("i j k")
X, w, Y, r = array("x", n, d), array("w", d), array("y", n), array("r", n)
XM, wM, yM = matrix("x", n, d), matrix("w", d), matrix("y", n)
sigma = named(r"\sigma", lambda t: 1 / (1 + exp(-t)))
WHERE = {r[i]: Sum(X[i, j] * w[j], (j, 1, d)) - Y[i]}


def attempt(*lines, **given):
    """A derivation of these lines; each is a function, so that SymPy evaluates nothing."""
    with Attempt("mine", "L", **{"points": 40} | given) as made:
        made.start(lines[0](), "definition")
        for line in lines[1:]:
            made.line(line(), "a reason")
    return made


SLOPE = lambda: Derivative(1 / (1 + exp(-a)), a)
LOSS = lambda: Derivative(1 / n * Sum(r[i] ** 2 / 2, (i, 1, n)), w[k])
PART = lambda letter: exp(w[letter]) / Sum(exp(w[j]), (j, 1, d))
CASES = [
    ((SLOPE, lambda: exp(-a) / (1 + exp(-a)) ** 2, lambda: exp(-a) / (1 + exp(-a))), 3, "wrong-exponent", {}),
    ((SLOPE, lambda: exp(a) / (1 + exp(-a)) ** 2), 2, "exponent-sign", {}),
    ((SLOPE, lambda: -exp(-a) / (1 + exp(-a)) ** 2), 2, "sign", {}),
    ((lambda: Derivative(sigma(a), a), lambda: sigma(a) * (1 + sigma(a))), 2, "sign", {}),
    ((lambda: sigma(a) * (1 - sigma(a)), lambda: sigma(a) * (1 - sigma(-a))), 2, "exponent-sign", {}),
    ((lambda: y * Derivative(sigma(a), a), lambda: y * (a * (1 - a))), 2, "slope-of-z", {}),
    ((lambda: Derivative((x * y - a) ** 2, x), lambda: 2 * (x * y - a) * x), 2, "other-parameter", {}),
    ((lambda: Derivative((y - x ** 2) ** 2, x), lambda: 2 * (y - x ** 2)), 2, "slope-missing", {}),
    ((lambda: Derivative((y - x ** 2) ** 2, x), lambda: -2 * x * (y - x ** 2)), 2, "factor-two", {}),
    ((lambda: Derivative(x * sin(x), x), lambda: sin(x)), 2, "term-missing", {}),
    ((lambda: Derivative(x * sin(x), x), lambda: sin(x) - x * cos(x)), 2, "sign", {}),
    ((lambda: (x + y) ** 2, lambda: x ** 2 + 2 * x * y + y ** 2 + y), 2, "term-extra", {}),
    ((lambda: Derivative(log(sigma(a)), a), lambda: 1 / sigma(a)), 2, "slope-missing", {}),
    ((lambda: Derivative(x ** 3, x), lambda: x ** 2), 2, "constant", {}),
    ((lambda: Derivative((x * y - a) ** 2, x), lambda: 2 * (x * y - a) * Derivative(x * y - a, y)), 2, "other-parameter", {}),
    ((lambda: Derivative(exp(a) / (1 + exp(a)), a), lambda: (exp(a) * (1 + exp(a)) - exp(a) * exp(a)) / (1 + exp(a))), 2,
     "wrong-exponent", {}),                                       # the same as if a term of the quotient rule were lost
    ((lambda: Derivative(Sum(w[j] ** 2, (j, 1, d)), w[k]), lambda: Sum(2 * w[j], (j, 1, d))), 2, "summed-index", {"free": (k,)}),
    ((lambda: Derivative(PART(i), w[k]), lambda: PART(i) * (1 - PART(k))), 2, "delta-missing", {"free": (i, k)}),
    ((LOSS, lambda: Sum(r[i] * X[i, k], (i, 1, n))), 2, "sum-not-mean", {"where": WHERE}),
    ((LOSS, lambda: 2 / n * Sum(r[i] * X[i, k], (i, 1, n))), 2, "factor-two", {"where": WHERE}),
    ((LOSS, lambda: 1 / n * Sum(r[i], (i, 1, n))), 2, "wrong-exponent", {"where": WHERE}),
    ((LOSS, lambda: 1 / n * Sum(r[i] * Sum(X[i, k], (k, 1, d)), (i, 1, n))), 2, "summed-index", {"where": WHERE}),
    ((LOSS, lambda: 1 / n * Sum(r[i] * X[k, i], (i, 1, n))), 2, "transposed", {"where": WHERE}),
    ((LOSS, lambda: 1 / n * Sum(r[i] * X[i, i], (i, 1, n))), 2, "wrong-index", {"where": WHERE, "free": (k,)}),
    ((lambda: MatMul(XM.T, XM * wM - yM), lambda: MatMul(XM, XM * wM - yM)), 2, "transposed", {}),
    ((lambda: MatMul(XM.T, XM * wM - yM), lambda: MatMul(XM.T, XM * wM + yM)), 2, "sign", {}),
    ((lambda: MatMul(XM.T, XM * wM - yM), lambda: MatMul(XM * wM - yM, XM.T)), 2, "transposed", {}),
]


@pytest.mark.parametrize(("lines", "number", "kind", "given"), CASES)
def test_the_slip_between_two_lines_is_named(lines, number, kind, given):
    verdict = attempt(*lines, **given).verdict
    assert (verdict.line, verdict.kind) == (number, kind) and not verdict.ok


@pytest.mark.parametrize(("lines", "number", "kind", "given"), CASES)
def test_the_repaired_line_follows(lines, number, kind, given):
    fixed = attempt(*lines, **given).verdict.fixed
    assert attempt(*lines[:number - 1], lambda: fixed, **given).verdict.ok


def test_a_right_derivation_passes_and_looks_as_it_does_in_the_book():
    made = attempt(SLOPE, lambda: exp(-a) / (1 + exp(-a)) ** 2)
    assert made.verdict.ok and made.verdict.sentence == "All 2 lines follow." and diagnose_lines(made).ok
    assert made._repr_markdown_().startswith("$$\n\\begin{aligned}")


def test_two_slips_in_one_line_are_not_given_one_name():
    verdict = attempt(SLOPE, lambda: -2 * exp(a) / (1 + exp(-a)) ** 3).verdict
    assert verdict.kind == "unexplained" and "line 1 gives" in verdict.sentence
    assert verdict.sentence.count("does not follow") == 1


def test_a_derivation_that_raised_can_be_asked_afterwards():
    with pytest.raises(DerivationError), Derivation("mine", "L") as made:
        made.start(SLOPE(), "definition")
        made.line(-exp(-a) / (1 + exp(-a)) ** 2, "chain rule")
    verdict = diagnose_lines(made)
    assert (verdict.line, verdict.kind) == (2, "sign")


def test_the_verdict_is_shown_with_the_lines():
    made = attempt(SLOPE, lambda: exp(-a) / (1 + exp(-a)) ** 2, lambda: exp(-a) / (1 + exp(-a)))
    assert "2. exp(-a)/((1 + exp(-a))**2)    [a reason] ✓" in repr(made) and "✗ Line 3 does not follow" in repr(made)
    assert r"\checkmark" in made._repr_markdown_() and r"\times" in made._repr_markdown_()


def test_on_a_page_the_mended_line_is_typeset_and_no_star_is_emphasis():
    verdict = attempt(SLOPE, lambda: exp(a) / (1 + exp(-a)) ** 2).verdict
    shown = verdict._repr_markdown_()
    assert shown.endswith(f"It follows if it reads\n\n$$\n{latex(verdict.fixed)} .\n$$") and str(verdict).endswith("**2).")
    unnamed = attempt(SLOPE, lambda: -2 * exp(a) / (1 + exp(-a)) ** 3).verdict
    assert re.sub(r"\\(.)", r"\1", unnamed._repr_markdown_()) == str(unnamed)
    assert not re.search(r"(?<!\\)[*_]", unnamed._repr_markdown_())


def test_every_repair_has_a_kind():
    assert set(RANK) <= set(KINDS)


def test_a_name_needs_more_than_a_likeness():
    """An argument where an output belongs is no slope of z if it is no slope; and a lost inner derivative stays one."""
    kind = lambda *lines: attempt(*lines).verdict.kind
    assert kind(lambda: y * sigma(a), lambda: y * a) != "slope-of-z"
    assert kind(lambda: y * Derivative(sigma(a), a), lambda: y * (a * (1 - a) ** 2)) == "unexplained"
    assert kind(lambda: Derivative((x * y - a) ** 2, x), lambda: 3 * (x * y - a) * x) == "unexplained"
    assert kind(lambda: Derivative((y - x ** 2) ** 2, x), lambda: 2 * (y - x ** 2)) == "slope-missing"

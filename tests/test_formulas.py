"""A reader's formula: read from LaTeX, evaluated with its indices, matched with the arrays of a model."""

import numpy as np
import pytest
import sympy
from sympy import Sum, exp

from lib.diagnose import diagnose
from lib.diagnose.evaluate import FormulaError, Reading
from lib.diagnose.latex import read
from lib.points import Points, array, indices, sizes

n, d = sizes("n d")
i, j, k = indices("i j k")
x, w = array("x", n, d), array("w", d)
free = lambda *letters: dict(zip(letters, (range(1, 5), range(1, 4)), strict=False))


@pytest.mark.parametrize("expr", [
    x[i, j] * w[j], Sum(x[i, j] * w[j], (j, 1, d)), exp(Sum(x[i, k] * w[k], (k, 1, d))) / Sum(x[k, j] ** 2, (k, 1, n)),
    sympy.KroneckerDelta(i, j) - x[i, j], Sum(x[i, j] * Sum(w[j] ** 2, (j, 1, d)), (i, 1, n)) + j])
def test_whole_axes_at_once_and_entry_by_entry(expr, rng):
    """Two routes: every letter an axis, and every entry written out and compiled."""
    points = Points({n: 4, d: 3}, 1, rng)
    points.draw("x", x)
    points.draw("w", w)
    arrays = {name: value[0] for name, value in points.arrays.items()}
    value = Reading(arrays, {"n": 4, "d": 3}).value(expr, free(i, j))
    written = [[points.evaluate(points.concrete(expr, {i: p, j: q}))[0, 0] for q in range(1, 4)] for p in range(1, 5)]
    assert value == pytest.approx(np.array(written), rel=1e-12)


@pytest.mark.parametrize(("tex", "same"), [
    (r"\frac1n \sum_{i} (p_i - y_i)\,x_{i1}", r"\frac{1}{n}\sum_i x_{i,1}(p_i-y_i)"),
    (r"a_k(1-a_k)", r"\left(1-a_k\right) \cdot a_k"), (r"3 q^2 r", r"3q^2\cdot r"), (r"\tanh^2 z", r"\tanh(z)^2"),
    (r"\ln 2u + c", r"c + \ln(2)\cdot u"), (r"e^{-z}", r"\exp(-z)"), (r"w_{ij}^{(2)}", r"w^{(2)}_{i j}"),
    (r"\hat y_i", r"\hat{y}_{i}"), (r"-\frac{a-b}{2}", r"-(a-b)/2"), (r"\log_2 u", r"\frac{\ln u}{\ln 2}"),
    (r"[i=j] - p_j", r"\delta_{ij} - p_j"), (r"\sigma'(z)^2", r"\sigma'(z)\sigma'(z)")])
def test_two_ways_of_writing_are_read_alike(tex, same):
    assert sympy.simplify(read(tex) - read(same)) == 0


@pytest.mark.parametrize(("tex", "quoted"), [
    (r"X^\top (P-Y)", r"after “X^”: matrix notation is not read"), (r"2(a - b", "after “2(a - b”: expected )"),
    (r"a + ", "after “a +”"), (r"a \foo b", r"“\foo b” after “a”"), (r"\sum x_i", "a sum needs its letter"),
    (r"a b)", "“)” after “a b”: it closes nothing"), (r"x^T y", "after “x^”: matrix notation is not read")])
def test_what_cannot_be_read_is_quoted(tex, quoted):
    with pytest.raises(FormulaError) as error:
        read(tex)
    assert quoted in str(error.value)


HIDDEN = (r"\frac{\partial L}{\partial w^{(1)}_{aj}} = \frac1n \sum_i \sum_k (p_{ik} - y_{ik}) w^{(2)}_{jk} "
          r"PHI x_{ia} + 2\lambda w^{(1)}_{aj}")


@pytest.mark.parametrize(("tex", "model", "wrt", "kind"), [
    (HIDDEN.replace("PHI", r"\phi'(z_{ij})"), "mlp-softmax", None, "correct"),
    (HIDDEN.replace("PHI", r"a_{ij}(1 - a_{ij})"), "mlp-softmax", None, "correct"),
    (HIDDEN.replace("PHI", r"\phi(z_{ij})"), "mlp-softmax", None, "phi-for-slope"),
    (HIDDEN.replace("PHI", r"z_{ij}(1 - z_{ij})"), "mlp-softmax", None, "slope-of-z"),
    (HIDDEN.replace("PHI", ""), "mlp-softmax", "W1", "slope-missing"),
    (HIDDEN.replace("PHI", r"\phi'(z_{ij})").replace(r"2\lambda", r"\lambda"), "mlp-softmax", None, "penalty"),
    (HIDDEN.replace("PHI", r"\phi'(z_{ij})").replace("w^{(1)}_{aj}}", "w^{(1)}_{ja}}"), "mlp-softmax", None,
     "wrong-shape"),
    (HIDDEN.replace("PHI", r"\sigma'(z_{ij})").replace("- y", "+ y"), "mlp-softmax", None, "sign"),
    (r"\frac{1}{n} (p_{ik} - y_{ik}) a_{ij} + 2 \lambda w^{(2)}_{jk}", "mlp-softmax", "W2", "unsummed"),
    (r"\frac{1}{n} \sum_i (p_i - y_i) x_{ij}", "logistic-weights", "w", "correct"),
    (r"p_k - y_k", "softmax-cross-entropy", None, "correct"),           # of one row
    (r"p_k^2 - y_k^3 p_k", "softmax-cross-entropy", None, "unexplained"),
    (r"\frac1n \sum_i (p_i - y_i) x^*_{ij} + 2\lambda\theta_j", "logistic", None, "penalty"),       # at the bias too
    (r"$\frac1n \sum_i (\sigma(z_i) − y_i) \tilde x_{ij}$", "logistic", None, "penalty"),
    (r"\frac1n (p_{ik} - \delta_{k y_i})", "softmax-cross-entropy", None, "correct"),
    (r"\frac1n (p^{(i)}_k - \mathbb{1}[y_i = k])", "softmax-cross-entropy", None, "correct"),
    (r"\frac{\partial L}{\partial z_{ik}} = \frac1n (p_{ik} - y_{ij})", "softmax-cross-entropy", None, "wrong-index"),
    (r"\frac{\partial L}{\partial z_i} = \frac1n (p_i + y_i) = \frac1n (p_i - y_i)", "binary-cross-entropy", None,
     "sign"),
    (r"\frac{\partial L}{\partial z_i} = \frac{\partial L}{\partial p_i} \frac{\partial p_i}{\partial z_i} = "
     r"\frac1n (p_i - y_i)", "binary-cross-entropy", None, "correct"),
    (r"(p_i - y_i) p_i (1 - p_i) / n", "binary-cross-entropy", None, "other-loss"),
])
def test_a_formula_is_judged_like_a_function(tex, model, wrt, kind):
    if model == "logistic-weights":
        sigma = lambda z: 1 / (1 + np.exp(-z))
        X, y, w = np.arange(12.0).reshape(6, 2) % 5 - 2, np.array([0, 1, 1, 0, 1, 0]), np.array([0.4, -0.3])
        loss = lambda w, X, y: -np.mean(y * np.log(sigma(X @ w)) + (1 - y) * np.log(1 - sigma(X @ w)))
        tex = tex.replace("p_i", r"\sigma(\sum_k x_{ik} w_k)")
        verdict = diagnose(tex, loss, at={"w": w, "X": X, "y": y}, wrt=wrt)
    else:
        verdict = diagnose(tex, model=model, wrt=wrt)
    assert verdict.kind == kind or (kind == "unsummed" and verdict.kind == "unsummed + penalty")


def test_a_sympy_expression_is_judged_too():
    verdict = diagnose(Sum((array("p", n)[i] - array("y", n)[i]) * array("Xs", n, d)[i, j], (i, 1, n)), model="logistic",
                       lam=0)
    assert verdict.kind == "sum-not-mean"


LEAST_SQUARES = r"\frac{1}{2n} \sum_i (\sum_k x_{ik} w_k - y_i)^2"


@pytest.mark.parametrize(("tex", "kind", "words"), [
    (r"\frac1n \sum_i (\sum_k x_{ik} w_k - y_i) x_{ij}", "correct", ""),
    (r"\frac1n \sum_i (\sum_k x_{ik} w_k - y_i)", "wrong-exponent", "a factor x[i, j] is missing"),
    (r"\frac1n \sum_i (\sum_k x_{ik} w_k + y_i) x_{ij}", "sign", "the term y[i] has the wrong sign"),
    (r"\frac1n \sum_i (\sum_k x_{ki} w_k - y_i) x_{ij}", "wrong-shape", ""),
    (r"\frac1n \sum_i (\sum_k x_{ik} w_k - y_i)^2 x_{ij}", "wrong-exponent", "is off by one"),
    (r"\frac1n \sum_i (x_{ij} w_j - y_i) x_{ij}", "summed-index", ""),
])
def test_where_in_a_formula_the_slip_is(tex, kind, words, rng):
    X, w, y = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=5)
    verdict = diagnose(tex, LEAST_SQUARES, at={"X": X, "w": w, "y": y}, wrt="w")
    assert words in verdict.sentence and (verdict.kind == kind or kind == "summed-index")


@pytest.mark.parametrize(("tex", "kind", "words"), [
    (r"\sin x + x \cos x", "correct", ""), (r"\sin x", "term-missing", "the term x*cos(x) was lost"),
    (r"\sin x - x \cos x", "sign", "the term -x*cos(x) has the wrong sign"),
    (r"\sin x + x^2 \cos x", "wrong-exponent", "off by one"),
    (r"\sin x + x \sin x", "phi-for-slope", "sin(x) stands where its slope belongs"),
    (r"2(\sin x + x \cos x)", "factor-two", ""), (r"-\sin x - x \cos x", "sign", ""),
    (r"\sin x \cos x", "unexplained", "")])
def test_the_product_rule_by_hand(tex, kind, words):
    verdict = diagnose(tex, r"x \sin x", at={"x": 1.3})
    assert verdict.kind == kind and words in verdict.sentence


@pytest.mark.parametrize(("tex", "said"), [
    (r"q_k", "the letter q is not known here; known are P, Y, Z"), (r"p_{ijk}", "p has 3 indices here, and P has the shape"),
    (r"\frac{\partial L}{\partial w^{(9)}} = p_k", "the letter w9 is not known")])
def test_what_cannot_be_matched_is_named(tex, said):
    with pytest.raises(FormulaError) as error:
        diagnose(tex, model="softmax-cross-entropy")
    assert said in str(error.value)


def test_the_inputs_need_their_column_of_ones_where_the_bias_is():
    with pytest.raises(FormulaError, match=r"has no column of ones; write x\^\*_\{ij\}"):
        diagnose(r"\frac1n \sum_i (p_i - y_i) x_{ij}", model="logistic", lam=0)


def test_the_part_of_a_chain_that_is_wrong_is_counted():
    verdict = diagnose(r"\frac{\partial L}{\partial z_i} = \frac1n (p_i + y_i) = \frac1n (p_i - y_i)",
                       model="binary-cross-entropy")
    assert "Part 1 of 2 is the first that is wrong" in verdict.sentence and "the term y[i]" in verdict.sentence


@pytest.mark.parametrize(("tex", "same"), [
    (r"e^{(x)}", r"\exp(x)"), (r"e^{(2)}_j", r"e_j^{(2)}"), (r"$p^{(i)}_k$", r"p_{ik}"), (r"a^{[1](i)}_j", r"a^{(1)}_{ij}"),
    (r"\delta_{k,y_i}", r"[k = y_i]"), (r"1\{y_i = k\}", r"\mathbb{1}_{y_i = k}"), (r"x_{ij}^*", r"x^{*}_{ij}"),
    (r"\sum_j -a_j b_j", r"-\sum_j a_j b_j")])
def test_the_notations_of_books_are_read(tex, same):
    assert sympy.simplify(read(tex) - read(same)) == 0


@pytest.mark.parametrize(("tex", "ok", "words"), [
    (r"\delta_i = \frac1n (p_i - y_i)", True, "in every entry."), (r"f'(z) = \frac1n (p_i - y_i)", True, "in every entry."),
    (r"\frac1n (p_i - y_i) = -\frac1n (y_i - p_i)", True, "in every entry."),
    (r"\frac1n (p_i + y_i) = \frac1n (p_i - y_i)", False, "Part 1 of 2 is the first that is wrong"),
    (r"\frac{\partial L}{\partial z_i} = \frac{\partial L}{\partial p_i} p_i (1 - p_i) = \frac1n (p_i - y_i)", True,
     "Part 1 of 2 could not be read"),
    (r"\frac{\partial L}{\partial z_i} = q_i = \frac1n (y_i - p_i)", False, "Part 2 of 2 is wrong"),
])
def test_every_part_of_a_chain_is_judged(tex, ok, words):
    verdict = diagnose(tex, model="binary-cross-entropy")
    assert verdict.ok == ok and words in verdict.sentence


def test_what_is_zero_below_a_fraction_bar_is_named():
    with pytest.raises(ValueError, match=r"is inf, expected a number; y\[i\] is 0 for some entries, and stands below"):
        diagnose(r"\frac1n \frac{p_i}{y_i}", model="binary-cross-entropy")


def test_a_label_is_a_class_and_not_its_neighbour():
    assert diagnose(r"\frac1n (p_{ik} - [k = y_i])", model="softmax-cross-entropy").ok
    assert not diagnose(r"\frac1n (p_{ik} - [k = y_i + 1])", model="softmax-cross-entropy").ok
    with pytest.raises(FormulaError, match="its left side is by one entry"):
        diagnose(r"\frac{\partial L}{\partial \theta_0} = \frac1n \sum_i (p_i - y_i)", model="logistic")


def test_of_a_logarithm_it_is_said_which(rng):
    verdict = diagnose(r"\frac{1}{x \ln 2}", r"\ln x", at={"x": 1.3})
    assert "the logarithm is the natural one" in verdict.sentence and verdict.fixed == 1 / sympy.Symbol("x")


@pytest.mark.parametrize(("tex", "loss", "ok"), [
    (r"2x \cos x^2", r"\sin x^2", True), (r"\cos x^2", r"\sin x^2", False), (r"1 - \tanh x^2", r"\tanh x", False),
    (r"1 - \tanh(x)^2", r"\tanh x", True), (r"\frac{df}{dx} = \frac1x", r"\ln x", True)])
def test_a_power_after_a_function_belongs_to_what_it_is_of(tex, loss, ok):
    assert diagnose(tex, loss, at={"x": 1.2}).ok == ok


def test_a_sum_runs_over_the_bias_too_and_a_label_may_stand_alone():
    scores = r"\sigma(\sum_k \theta_k x^*_{ik})"
    assert diagnose(rf"\frac1n \sum_i ({scores} - y_i) x^*_{{ij}}", model="logistic", lam=0).ok
    assert diagnose(r"p_k - [k = y]", model="softmax-cross-entropy").ok
    assert diagnose(r"p_k + [k = y]", model="softmax-cross-entropy").kind == "sign"


@pytest.mark.parametrize(("condition", "ok"), [("[z_{ij} > 0]", True), (r"\mathbb{1}\{0 \le z_{ij}\}", True), ("[z_{ij} < 0]", False),
                                               (r"[z_{ij} \ne 0]", False)])
def test_the_slope_of_a_rectifier_is_a_condition(condition, ok):
    assert diagnose(HIDDEN.replace("PHI", condition), model="mlp-softmax", hidden="relu").ok == ok


@pytest.mark.parametrize("free", ["[j > 0]", r"[j \ne 0]", r"(1 - \delta_{j0})", r"[1 \le j]", ""])
def test_a_penalty_may_leave_the_bias_out(free):
    data = r"\frac{\partial L}{\partial \Theta_{jk}} = \frac1n \sum_i (p_{ik} - y_{ik}) x^*_{ij}"
    assert diagnose(rf"{data} + 2\lambda\theta_{{jk}} {free}", model="softmax").kind == ("correct" if free else "penalty")


@pytest.mark.parametrize(("tex", "kind"), [
    (r"\frac1n \sum_i (\sum_j x_{ij} w_j - y_i) x_{ij}.", "correct"), (r"\frac1n \sum_i (\sum_j x_{ij} w_j + y_i) x_{ij}", "sign"),
    (r"\frac1n (\sum_i \sum_k x_{ik} w_k x_{ij} - \sum_k y_k x_{kj})", "correct"),                  # k: features, then rows
    (r"\frac1n \sum_i \sum_k x_{ik} w_k x_{ij} - \frac1n \sum_i y_i x_{ij} \sum_k 1 / \sum_k 1", "correct")])
def test_a_letter_may_serve_two_sums(tex, kind, rng):
    at = {"X": rng.normal(size=(5, 3)), "w": rng.normal(size=3), "y": rng.normal(size=5)}
    assert diagnose(tex, LEAST_SQUARES, at=at, wrt="w").kind == kind

"""The diagnoser: planted slips are named, right gradients pass, other mistakes get no name, bad input is refused.

`python tests/mistakes.py` (make slips) measures the same on all of them; here every seventh is judged.
"""

import numpy as np
import pytest
from mistakes import MODELS, correct, effect, foreign, mistakes

from lib import activations, graph, losses, plot
from lib.diagnose import _named, diagnose, names
from lib.diagnose.case import Case
from lib.diagnose.claims import CLAIMS
from lib.diagnose.hypotheses import fit
from lib.diagnose.instances import Model, own, slopes
from lib.diagnose.kinds import KINDS
from lib.diagnose.models import MODELS as NAMED
from lib.diagnose.models import network
from lib.ledger import claim as row
from lib.show import number

SIGMA = lambda z: 1 / (1 + np.exp(-z))


def judged(planted, seed=0):
    """The kind that a planted gradient has, None if it makes no difference, and the verdict."""
    kind = effect(planted, Case(_named(planted.model, planted.options), planted.claim, planted.wrt, seed).instances(1)[0])
    return kind, diagnose(planted.claim, model=planted.model, wrt=planted.wrt, seed=seed, **planted.options)


# The figures, on a part of the planted gradients

@pytest.mark.parametrize("place", range(len(MODELS)))
def test_planted_slips_are_named(place):
    name, _, options = MODELS[place]
    planted = [p for p in mistakes() if (p.model, p.options) == (name, options)][place % 7::7]
    found = [(kind, verdict.kind) for kind, verdict in map(judged, planted) if kind]
    assert found and all(kind == said for kind, said in found), [pair for pair in found if pair[0] != pair[1]]


@pytest.mark.parametrize("place", range(len(MODELS)))
def test_right_gradients_pass(place):
    name, _, options = MODELS[place]
    planted = [p for p in correct() if (p.model, p.options) == (name, options)][::3]
    assert all(verdict.ok and verdict.kind == "correct" for _, verdict in (judged(p, seed=3) for p in planted))


@pytest.mark.parametrize("place", range(len(MODELS)))
def test_mistakes_of_no_kind_get_no_name(place):
    name, _, options = MODELS[place]
    planted = [p for p in foreign() if (p.model, p.options) == (name, options)][place % 9::9]
    assert {verdict.kind for kind, verdict in map(judged, planted) if kind} <= {"unexplained"}


@pytest.mark.parametrize("claimed", CLAIMS, ids=lambda c: f"{c.id}-{c.kind}")
def test_the_slips_of_the_ledger_are_named(claimed):
    assert row(claimed.id).id == claimed.id and set(claimed.kind.split(" + ")) <= set(KINDS)
    assert claimed.verdict().kind == claimed.kind


def test_the_formula_of_a_claim_can_be_shown():
    shown = {claimed.id: claimed.formula for claimed in CLAIMS}
    assert shown["S0-R12a"] == "A1.T @ (2 * (Y - Yhat))" and shown["CG-05b"] == "0.0 * k"
    assert not [text for text in shown.values() if "lambda" in text or "Claimed" in text]


# What a test must be able to refuse

def test_the_tests_can_fail():
    """A kind planted under a wrong name is noticed, and so is a right gradient with one part off by a ten-thousandth."""
    planted = next(p for p in mistakes() if p.kind == "sign")
    assert judged(planted._replace(kind="factor-two"))[1].kind != "factor-two"
    nearly = lambda Xs, p, y, n, theta, lam: Xs.T @ (p - y) / n + 2 * lam * np.append(0, theta[1:]) * (1 + 1e-4)
    assert not diagnose(nearly, model="logistic").ok


def test_truth_and_rules_are_two_routes(rng):
    """Complex steps through the values, and the rules of the graph: two routes to the gradient of every model."""
    for name in NAMED:
        model = NAMED[name]()
        at = model.instance(dict(zip(model.letters, (5, 4, 3, 2), strict=False)), 1)
        for wrt in model.parameters:
            rules = graph.backward(at.root)[at.leaves[wrt]]
            assert at.truth(wrt) == pytest.approx(rules, rel=1e-11, abs=1e-13)


def test_slopes_of_functions_with_and_without_kinks():
    x = np.array([0.3, -1.2])
    assert slopes(lambda x: np.sin(x).sum(), x) == pytest.approx(np.cos(x), rel=1e-13)
    assert slopes(lambda x: np.abs(x).sum(), x) == pytest.approx(np.sign(x), rel=1e-10)
    assert slopes(lambda x: x ** 2, x) == pytest.approx(np.diag(2 * x))


# One claim at a time: what the verdict says

def test_a_right_gradient_is_confirmed():
    verdict = diagnose(lambda Xs, p, y, n: Xs.T @ (p - y) / n, model="logistic", lam=0)
    assert verdict.ok and verdict.kinds == () and verdict.number == "0" and "right" in verdict.sentence
    assert verdict.claimed == pytest.approx(verdict.true)


def test_the_worst_entry_and_both_numbers_are_given():
    verdict = diagnose(lambda Xs, p, y: Xs.T @ (p - y), model="logistic", lam=0)
    claimed, true = verdict.arrays
    assert np.abs(claimed - true).max() == pytest.approx(abs(verdict.claimed - verdict.true))
    assert (claimed[verdict.worst], true[verdict.worst]) == (verdict.claimed, verdict.true)
    assert (verdict.kind, verdict.number) == ("sum-not-mean", "5")
    assert repr(verdict).startswith("✗ sum-not-mean: Your gradient is n times too large: the 1/n")
    assert f"theta[{verdict.worst[0]}]: claimed" in repr(verdict) and "**✗ sum-not-mean.**" in verdict._repr_markdown_()
    assert f"\n\n`theta[{verdict.worst[0]}]`: claimed {number(verdict.claimed)}, true" in verdict._repr_markdown_()


def test_two_slips_at_once_are_both_named():
    claim = lambda X, P, Y, W2, A1: 2 * X.T @ ((P - Y) @ W2.T * A1 * (1 - A1)) / len(X)
    verdict = diagnose(claim, model="mlp-softmax", wrt="W1")
    assert verdict.kinds == ("factor-two", "penalty") and verdict.number == "2 + 9"
    assert "Two slips at once" in verdict.sentence
    claim = lambda X, P, Y, W2, A1, n: -X.T @ ((P - Y) / n @ W2.T * A1 * (1 + A1))
    assert "Two slips at once, the sign twice." in diagnose(claim, model="mlp-softmax", wrt="W1", lam=0).sentence


def test_the_sentence_says_where():
    def claim(X, P, Y, W2, W3, A1, A2, n):
        return X.T @ ((P - Y) / n @ W3.T * A2 * (1 - A2) @ W2.T * A1)

    verdict = diagnose(claim, model="mlp-softmax", wrt="W1", depth=3, lam=0)
    assert verdict.kind == "phi-for-slope" and "at A1" in verdict.sentence and "A2" not in verdict.sentence


def test_a_learning_rate_is_recognised():
    verdict = diagnose(lambda Xs, p, y, n: 0.05 * Xs.T @ (p - y) / n, model="logistic", lam=0, rate=0.05)
    assert verdict.kind == "constant" and "learning rate" in verdict.sentence


def test_for_one_row_it_is_right_says_the_hint():
    verdict = diagnose(lambda Xs, p, y, n: np.sqrt(n) * Xs.T @ (p - y) / n, model="logistic", lam=0)
    assert verdict.kind == "unexplained" and "For one row it is right" in verdict.sentence


def test_a_penalty_of_another_form_is_told_from_a_wrong_data_part():
    verdict = diagnose(lambda Xs, p, y, n, theta, lam: Xs.T @ (p - y) / n + lam * np.sign(theta), model="logistic")
    assert verdict.kind == "penalty" and "With λ = 0 your gradient is right" in verdict.sentence
    verdict = diagnose(lambda Xs, p, y, n, theta, lam: Xs.T @ (p - y) / n + 2 * lam * theta, model="logistic")
    assert verdict.kind == "penalty" and "at the bias" in verdict.sentence


def test_the_figure_shows_both_arrays_and_the_difference():
    verdict = diagnose(lambda A1, P, Y: A1.T @ (P - Y), model="mlp-softmax", wrt="W2", lam=0)
    assert [ax.get_title().rpartition("  ")[0] for ax in verdict.figure().axes] == ["claimed W2", "true W2", "difference"]
    assert "words: " in plot.about(verdict.figure())
    refused = diagnose(lambda A1, P, Y: (P - Y) @ A1, model="mlp-softmax", wrt="W2", lam=0)
    with pytest.raises(ValueError, match="figure: NumPy refused the claim"):
        refused.figure()


def test_an_arrays_shape_without_its_axes_of_length_one_is_a_shape_slip_only():
    verdict = diagnose(lambda Yhat, Y, n: (Yhat - Y).sum(axis=0, keepdims=True) / n, model="mlp-linear", wrt="b2")
    assert verdict.kind == "wrong-shape" and "(1, " in verdict.sentence


def test_the_gradient_by_another_quantity_is_recognised():
    verdict = diagnose(lambda P, Y, n: (P - Y) / n, model="mlp-softmax", wrt="W2", lam=0)
    assert verdict.kind == "other-parameter" and "gradient by Z2" in verdict.sentence


def test_the_instances_move_on_with_the_seed_and_obey_the_rules():
    case = Case(network(), lambda W1: W1, "W1")
    drawn = case.instances(12)
    assert len({at.sizes["n"] for at in drawn}) > 3 and all(at.sizes["n"] > 2 for at in drawn)
    assert all(len(set(at.sizes.values())) == len(at.sizes) for at in drawn)             # pairwise different
    assert all(0.1 <= at.arrays["lam"] <= 0.6 and np.all(at.arrays["b1"]) for at in drawn)
    assert all(at.sizes["d"] == at.sizes["h"] == at.sizes["k"] != at.sizes["n"] for at in case.instances(2, square=True))
    other = Case(network(), lambda W1: W1, "W1", seed=1).instances(1)[0]
    assert not np.array_equal(other.arrays["X"].ravel()[:4], drawn[0].arrays["X"].ravel()[:4])


def test_a_factor_of_n_is_told_from_two_only_if_n_varies(rng):
    """The degenerate pair: at n = 2 a sum and twice the mean are the same number."""
    parts = [rng.normal(size=3) for _ in range(4)]
    assert fit([2 * part for part in parts], parts, None, [2, 2, 2, 2]).k == pytest.approx(2)
    assert fit([2 * part for part in parts], parts, None, [2, 3, 4, 5]) == pytest.approx((2.0, 0, 0.0, 0))
    by_n = [n * part for n, part in zip([2, 3, 4, 5], parts, strict=True)]
    assert fit(by_n, parts, None, [2, 3, 4, 5]) == pytest.approx((1.0, 1, 0.0, 0))


# A loss of one's own

def two_layers(tanh, total=None):
    """The mean squared error of a network, with the functions of NumPy or of `lib.graph`."""
    return lambda W, V, X, Y, n: ((tanh(X @ W) @ V - Y) ** 2).sum() / n


def claimed_by_hand(W, V, X, Y, n, s=lambda a: 1 - a * a):
    A = np.tanh(X @ W)
    return X.T @ (2 * (A @ V - Y) / n @ V.T * s(A))


@pytest.fixture
def arrays(rng):
    """W, V, X and Y of three features, four units, two outputs and six rows."""
    return {"W": rng.normal(size=(3, 4)), "V": rng.normal(size=(4, 2)), "X": rng.normal(size=(6, 3)),
            "Y": rng.normal(size=(6, 2))}


@pytest.mark.parametrize("tanh", [np.tanh, graph.tanh, lambda z: np.vectorize(np.tanh)(z)], ids=["numpy", "nodes", "values"])
def test_an_own_loss_is_judged(tanh, arrays):
    own = two_layers(tanh)
    kind = lambda claim: diagnose(claim, own, at=arrays, wrt="W").kind
    assert kind(claimed_by_hand) == "correct"
    assert kind(lambda W, V, X, Y, n: n * claimed_by_hand(W, V, X, Y, n)) == "sum-not-mean"
    assert kind(lambda W, V, X, Y, n: claimed_by_hand(W, V, X, Y, n).T) == "transposed"
    wrong = kind(lambda W, V, X, Y, n: claimed_by_hand(W, V, X, Y, n, lambda a: a))
    assert wrong == ("phi-for-slope" if tanh in (np.tanh, graph.tanh) else "unexplained")     # values have no pieces


def test_an_own_loss_in_numpy_is_traced_into_its_pieces(rng):
    def loss(w, X, y, lam):
        p = SIGMA(X @ w)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + lam * (w @ w)

    at = {"w": rng.normal(size=3), "X": rng.normal(size=(6, 3)), "y": np.array([0, 1, 1, 0, 1, 0]), "lam": 0.2}
    kind = lambda claim: diagnose(claim, loss, at=at, wrt="w").kind
    right = lambda w, X, y: X.T @ (SIGMA(X @ w) - y) / len(X)
    assert kind(lambda w, X, y, lam: right(w, X, y) + 2 * lam * w) == "correct"
    assert kind(right) == "penalty"
    assert kind(lambda w, X, y, lam: right(w, X, y) + lam * w) == "penalty"
    assert kind(lambda w, X, y, lam: -right(w, X, y) + 2 * lam * w) == "sign"
    assert kind(lambda w, X, y, lam: X.T @ ((p := SIGMA(X @ w)) - y) * 0 + X.T @ (
        (p - y) / (p * (1 - p))) / len(X) + 2 * lam * w) == "slope-missing"


def test_an_own_softmax_in_numpy_has_a_normaliser(rng):
    def loss(W, X, Y):
        Z = X @ W
        return -np.sum(Y * (Z - np.log(np.exp(Z).sum(axis=1, keepdims=True)))) / len(X)

    at = {"W": rng.normal(size=(4, 3)), "X": rng.normal(size=(6, 4)), "Y": np.eye(3)[[0, 1, 2, 2, 1, 0]]}
    soft = lambda Z: np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    assert diagnose(lambda W, X, Y: X.T @ (soft(X @ W) - Y) / len(X), loss, at=at, wrt="W").ok
    assert diagnose(lambda X, Y: -X.T @ Y / len(X), loss, at=at, wrt="W").kind == "normaliser-constant"


def test_a_loss_of_lib_gives_values_only(rng):
    at = {"W": rng.normal(size=(4, 3)), "X": rng.normal(size=(6, 4)), "y": np.array([0, 1, 2, 2, 1, 0])}
    loss = lambda W, X, y: losses.softmax_cross_entropy(X @ W, y)
    right = lambda W, X, y: X.T @ losses.softmax_cross_entropy_grad(X @ W, y)
    assert diagnose(right, loss, at=at, wrt="W").ok
    assert diagnose(lambda W, X, y: len(X) * right(W, X, y), loss, at=at, wrt="W").kind == "sum-not-mean"


def test_what_a_loss_closes_over_stays_as_it_is(rng):
    X, y = rng.normal(size=(6, 3)), rng.normal(size=6)
    loss = lambda w: np.mean((X @ w - y) ** 2)
    verdict = diagnose(lambda w: 2 * X.T @ (X @ w - y), loss, at={"w": rng.normal(size=3)}, n=6)
    assert verdict.kind == "sum-not-mean"
    assert diagnose(lambda w: 2 * X.T @ (X @ w - y) / 6, loss, at={"w": rng.normal(size=3)}).ok


def test_sizes_can_be_said_and_arrays_drawn_as_the_reader_says(rng):
    at = {"w": np.ones(2), "X": np.ones((2, 2)), "y": np.ones(2)}                     # of these shapes nothing follows
    loss = lambda w, X, y: np.sum(np.log(X @ w) - y * (X @ w)) / len(y)
    draw = {"X": lambda rng, shape, sizes: rng.uniform(1, 2, shape), "w": lambda rng, shape, sizes: rng.uniform(1, 2, shape)}
    claim = lambda w, X, y, n: n * X.T @ (1 / (X @ w) - y) / n
    assert diagnose(claim, loss, at=at, wrt="w", shapes="X: n d, y: n, w: d", draw=draw).kind == "sum-not-mean"


def test_a_function_of_one_number():
    assert diagnose(lambda x: np.cos(x), np.sin, at={"x": 0.3}).ok
    assert diagnose(lambda x: -np.cos(x), np.sin, at={"x": 0.3}).kind == "sign"
    assert diagnose(lambda z: SIGMA(z) * (1 - SIGMA(z)), SIGMA, at={"z": np.array([0.3, -1.0, 2.0])}).ok      # entrywise


def test_the_slope_of_an_array():
    soft = lambda z: np.exp(z) / np.exp(z).sum()
    jacobian = lambda z: np.diag(soft(z)) - np.outer(soft(z), soft(z))
    at = {"z": np.array([0.3, -1.0, 2.0])}
    assert diagnose(jacobian, soft, at=at).ok
    assert diagnose(lambda z: jacobian(z) * np.eye(3), soft, at=at).kind == "diagonal-only"


# Bad input

@pytest.mark.parametrize(("claimed", "given", "error", "said"), [
    (np.ones(3), {"model": "logistic"}, TypeError, "claimed is a ndarray, expected a function"),
    (lambda X: X, {}, TypeError, "give a loss of your own and its arrays"),
    (lambda X: X, {"model": "logistic", "loss": np.sin}, TypeError, "give a loss of your own and its arrays"),
    (lambda X: X, {"model": "logitsic"}, ValueError, "did you mean 'logistic'?"),
    (lambda X: X, {"model": "mlp-softmax"}, ValueError, "say what the gradient is by: wrt= one of W1, b1, W2, b2, X"),
    (lambda X: X, {"model": "mlp-softmax", "wrt": "w1"}, ValueError, "wrt = 'w1' is unknown; did you mean 'W1'? expected"),
    (lambda X: X, {"model": "logistic", "depth": 3}, TypeError, "logistic has no option depth"),
    (lambda Q: Q, {"model": "logistic"}, NameError, "claimed: it asks for Q, which is not known here"),
    (lambda theta: "three", {"model": "logistic"}, TypeError, "claimed: it returned a str, expected an array of numbers"),
    (lambda theta: None, {"model": "logistic"}, TypeError, "it returned a NoneType"),
    (lambda theta: theta * np.nan, {"model": "logistic"}, ValueError, "claimed: its result[0] is nan, expected a number"),
    (lambda w: w, {"loss": np.sin}, TypeError, "at is None, expected the arrays of the loss by name"),
    (lambda w: w, {"loss": np.sin, "at": {"w": [1.0]}}, TypeError, "at: w is a list, expected an array; write np.array(w)"),
    (lambda w: w, {"loss": lambda w, q: w, "at": {"w": np.ones(2)}}, NameError, "loss: it asks for q"),
    (lambda w: w, {"loss": lambda w: w.sum(), "at": {"w": np.ones(2)}, "shapes": "v: n"}, ValueError,
     "shapes: they are of v, expected w"),
    (lambda a, b: a, {"loss": lambda a, b: (a * b).sum(), "at": {"a": np.ones(2), "b": np.ones(2)}}, ValueError,
     "say what the gradient is by: wrt= one of a, b"),
    (lambda: np.ones(5), {"model": "logistic"}, TypeError, "claimed: it takes nothing, so it is the same on every"),
    (lambda P: P, {"model": "logistic"}, NameError, "it asks for P, which is not known here; did you mean p?"),
    (lambda p: p, {"model": "logistic", "at": {"X": 1}}, TypeError, "a model draws its arrays itself"),
    (lambda W: W, {"model": "mlp-softmax", "activation": "tanh", "lam": 0}, TypeError, "it has hidden, depth, scale"),
    (lambda w: 2 * w, {"loss": lambda w: w**2 + w.sum(), "at": {"w": np.ones(3)}}, ValueError,
     "loss: it returns an array of the shape (3,), expected one number"),
    (lambda w: (w**2).sum(), {"loss": lambda w: 2 * w, "at": {"w": np.ones(3)}}, ValueError, "are they exchanged?"),
    (lambda w: w, {"model": "mlp-softmax", "wrt": "W1", "hidden": "tahn"}, ValueError, "did you mean 'tanh'?"),
])
def test_bad_input_is_named(claimed, given, error, said):
    with pytest.raises(error) as caught:
        diagnose(claimed, **given)
    assert said in str(caught.value)


def test_a_claim_cannot_change_the_arrays():
    def careless(Xs, p, y, n):
        Xs *= 2.0
        return Xs.T @ (p - y) / n / 2

    assert diagnose(careless, model="logistic", lam=0).ok


def test_the_names_a_claim_may_use_are_listed():
    assert {"X", "y", "Y", "W1", "b1", "Z1", "A1", "P", "lam", "n", "d", "h", "k"} <= set(names("mlp-softmax"))
    assert isinstance(network(), Model) and activations.sigmoid(0.0) == 0.5


# Right gradients and mistakes that were judged wrongly once

def test_a_penalty_that_fits_nothing_is_not_passed_over():
    """Beside a slip that is found without the penalty, what the claim makes of the penalty is named too, or nothing is."""
    twice = lambda X, P, Y, W2, A1, n: X.T @ ((P - Y) @ W2.T * A1 * A1 * (1 - A1)) / n
    of_w1 = lambda claim: diagnose(claim, model="mlp-softmax", wrt="W1").kind
    assert of_w1(lambda X, P, Y, W2, A1, n, lam, W1: twice(X, P, Y, W2, A1, n) + 2 * lam * W1) == "wrong-exponent"
    assert of_w1(lambda X, P, Y, W2, A1, n, lam, W1: twice(X, P, Y, W2, A1, n) + 9 * lam * W1**3) == "wrong-exponent + penalty"
    assert of_w1(lambda X, P, Y, W2, n, lam, W1: -X.T @ ((P - Y) @ W2.T) / n + lam * W1) == "unexplained"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("claim, loss", [
    (lambda X, w, y: X.T @ np.sign(X @ w - y), lambda X, w, y: np.abs(X @ w - y).sum()),
    (lambda X, w, y: X.T @ np.clip(X @ w - y, -1, 1),
     lambda X, w, y: np.where(abs(X @ w - y) < 1, (X @ w - y) ** 2 / 2, abs(X @ w - y) - 0.5).sum())])
def test_a_loss_with_kinks_is_judged_away_from_them(claim, loss, seed, rng):
    at = {"X": rng.normal(size=(8, 3)), "w": rng.normal(size=3), "y": rng.normal(size=8)}
    assert diagnose(claim, loss, at=at, wrt="w", seed=seed).ok
    assert not diagnose(lambda X, w, y: 1.01 * claim(X, w, y), loss, at=at, wrt="w", seed=seed).ok


def test_labels_of_minus_and_plus_one_stay_such(rng):
    at = {"X": rng.normal(size=(6, 2)), "w": rng.normal(size=2), "y": np.array([-1.0, 1, 1, -1, 1, -1])}
    loss = lambda X, w, y: np.log(1 + np.exp(-y * (X @ w))).sum()
    assert diagnose(lambda X, w, y: X.T @ (SIGMA(X @ w) - (y + 1) / 2), loss, at=at, wrt="w").ok


def test_steep_losses_and_single_precision_are_no_mistakes(rng):
    assert diagnose(lambda x: 300 * np.cos(300 * x), lambda x: np.sin(300 * x).sum(), at={"x": rng.normal(size=3)}).ok
    at = {"X": 100 * rng.normal(size=(6, 2)), "w": rng.normal(size=2) / 50, "y": np.array([0, 1, 1, 0, 1, 0])}
    loss = lambda X, w, y: np.sum(np.logaddexp(0, X @ w) - y * (X @ w))
    assert diagnose(lambda X, w, y: X.T @ (SIGMA(X @ w) - y), loss, at=at, wrt="w").ok
    single = lambda Xs, p, y, n: Xs.T.astype(np.float32) @ (p - y).astype(np.float32) / n
    verdict = diagnose(single, model="logistic", lam=0)
    assert verdict.ok and "single precision" in verdict.sentence
    assert not diagnose(lambda Xs, p, y, n: single(Xs, p, y, n) * 1.0001, model="logistic", lam=0).ok


def test_a_loss_without_floats_or_a_tuple_is_refused_in_words(rng):
    with pytest.raises(TypeError, match="at: x hold no floats"):
        diagnose(lambda x: 2 * x, lambda x: (x**2).sum(), at={"x": np.array([1, 2, 3])})
    with pytest.raises(TypeError, match="it returned a tuple, expected one array: the gradient by x"):
        diagnose(lambda x: (2 * x, 0), lambda x: (x**2).sum(), at={"x": rng.normal(size=3)})
    with pytest.raises(TypeError, match=r"wrt = \['x'\], expected the name of one array"):
        diagnose(lambda x: 2 * x, lambda x: (x**2).sum(), at={"x": rng.normal(size=3)}, wrt=["x"])


def test_where_a_loss_has_no_slope_anywhere_that_is_said():
    with pytest.raises(ValueError, match="the loss has no slope that differences agree on"):
        diagnose(lambda x: x, lambda x: sum(np.sin(1e6 * float(v)) for v in x), at={"x": np.array([0.3, 0.7])})


SOFTMAX, LOGISTIC = {"model": "mlp-softmax", "wrt": "W1", "lam": 0}, {"model": "logistic", "lam": 0}


@pytest.mark.parametrize(("claim", "given", "kind", "words"), [
    (lambda X, P, Y, W2, A1, n: X.T @ ((P - Y) / n @ W2.T * (1 - A1**2)), SOFTMAX, "slope-of-other", "is that of tanh"),
    (lambda X, P, Y, W2, A1, n: X.T @ ((P - Y) / n @ W2.T * A1 * (1 - A1)), SOFTMAX | {"hidden": "tanh"},
     "slope-of-other", "is the sigmoid's"),
    (lambda X, P, Y, W2, A1, n: X.T @ ((P - Y) / n @ W2.T * A1 * (1 + A1)), SOFTMAX, "sign", "in the slope at A1"),
    (lambda Xs, z, y, n: Xs.T @ (z - y) / n, LOGISTIC, "wrong-output", "scores stand in it"),
    (lambda p, y, n: (-y * (1 - p) - (1 - y) * p) / n, {"model": "binary-cross-entropy"}, "sign", "through ln σ(−z)"),
    (lambda p, y, n: (-y / p + (1 - y) / (1 - p)) / n, {"model": "binary-cross-entropy"}, "slope-missing",
     "by the probabilities"),
    (lambda P, Y, n: -Y / P / n, {"model": "softmax-cross-entropy"}, "slope-missing", "by the probabilities"),
    (lambda Xs, P, y, n: Xs.T @ (P - y[:, None]) / n, {"model": "softmax", "lam": 0}, "wrong-output", "one-hot"),
    (lambda Xs, Z, Y, n: Xs.T @ (np.exp(Z) / np.exp(Z).sum(axis=0) - Y) / n, {"model": "softmax", "lam": 0},
     "wrong-output", "down the columns"),
    (lambda Xs, Z, Y, n: Xs.T @ (np.exp(Z) / np.exp(Z).sum() - Y) / n, {"model": "softmax", "lam": 0},
     "wrong-output", "over the whole table"),
    (lambda Xs, Z, Y, n: Xs.T @ (SIGMA(Z) - Y) / n, {"model": "softmax", "lam": 0}, "wrong-output", "sigmoids of the scores"),
    (lambda Xs, P, Y, n, k: Xs.T @ (np.eye(k)[P.argmax(axis=1)] - Y) / n, {"model": "softmax", "lam": 0},
     "wrong-output", "predicted classes stand"),
    (lambda Xs, p, y, n: Xs.T @ ((p > 0.5) - y) / n, LOGISTIC, "wrong-output", "predicted classes stand"),
    (lambda Yhat, T, W1, W2, H, n: ((G := (Yhat - T) / n @ W2.T) - (G * H * (1 - H)) @ W1.T),
     {"model": "residual", "wrt": "X"}, "sign", "one of two paths"),
    (lambda A1, Yhat, Y, n: A1.T @ ((Yhat - Y) * Yhat) / n, {"model": "mlp-sigmoid-squared", "wrt": "W2", "lam": 0},
     "phi-for-slope", "belongs, at Yhat."),
])
def test_the_classics_are_named(claim, given, kind, words):
    verdict = diagnose(claim, **given)
    assert verdict.kind == kind and words in verdict.sentence


@pytest.mark.parametrize(("claim", "given", "kind", "words"), [
    (lambda Xs, p, y, d: Xs.T @ (p - y) / d, LOGISTIC, "wrong-count", "n/d times"),
    (lambda Xs, P, Y, n, k: Xs.T @ (P - Y) / (n * k), {"model": "softmax", "lam": 0}, "wrong-count", "1/k times"),
    (lambda A1, Yhat, Y, n, k: 2 * A1.T @ (Yhat - Y) / (n * k), {"model": "mlp-linear", "wrt": "W2", "lam": 0},
     "factor-two + wrong-count", "Beside that, your gradient is 1/k times the true one"),
    (lambda Xs, p, y, n, theta: theta - 0.1 * Xs.T @ (p - y) / n, LOGISTIC, "update", "theta − 0.1 · gradient"),
    (lambda Xs, yhat, y: -2 * Xs.T @ (yhat - y), {"model": "least-squares", "lam": 0},
     "sign + sum-not-mean + factor-two", "Three slips"),
    (lambda X, p, y, n: np.r_[-(p - y).mean(), X.T @ (p - y) / n], LOGISTIC, "unexplained", "but in the first entry"),
    (lambda A1, Yhat, y, n: A1.T @ ((Yhat - y) * Yhat * (1 - Yhat)) / n,
     {"model": "mlp-sigmoid-squared", "wrt": "W2", "lam": 0}, "broadcast", "table (n, n)"),
    (lambda P, Y, n: (P - Y).sum(axis=1) / n, {"model": "mlp-softmax", "wrt": "b2", "lam": 0}, "wrong-shape", "(4,)"),
    (lambda X, P, Y, W1, A1: X.T @ ((P - Y) @ W1.T * A1), SOFTMAX, "wrong-shape", "meets the lengths 4 and 2"),
])
def test_other_counts_steps_and_shapes_are_named(claim, given, kind, words):
    verdict = diagnose(claim, **given)
    assert verdict.kind == kind and words in verdict.sentence


def test_what_is_right_at_home_only_is_said(rng):
    at = {"w": rng.normal(size=3), "X": rng.normal(size=(5, 3)), "y": rng.normal(size=5)}
    loss = lambda w, X, y: ((X @ w - y) ** 2).mean()
    verdict = diagnose(lambda w, X, y: 2 * X.T @ (X @ w - y) / 5, loss, at=at, wrt="w")
    assert verdict.kind == "unexplained" and "At your own arrays it is right" in verdict.sentence
    one = {name: array[:1] if name != "w" else array for name, array in at.items()}                     # n = 1 hides
    assert diagnose(lambda w, X, y: 2 * X.T @ (X @ w - y), loss, at=one, wrt="w").kind == "sum-not-mean"


def test_a_lost_inner_derivative_is_named_in_a_function_of_one_number():
    verdict = diagnose(lambda x: np.cos(x**2), lambda x: np.sin(x**2), at={"x": 1.3})
    assert verdict.kind == "slope-missing" and "at x^2" in verdict.sentence
    assert diagnose(lambda x: 3000 * np.cos(3000 * x), lambda x: np.sin(3000 * x), at={"x": 1.3}).ok        # steep
    assert diagnose(lambda x: np.sign(x), lambda x: np.abs(x).sum(), at={"x": np.array([0.5, -1.0])}).ok


@pytest.mark.parametrize(("value", "claim", "loss"), [
    (np.ones(3), lambda a: 2 * a**2, lambda a: (a**2).sum()), (np.array([1.0, 0, 1]), lambda a: 2 * a, lambda a: 2 / 3 * (a**3).sum()),
    (np.eye(3), lambda a: np.linalg.inv(a), lambda a: np.log(np.linalg.det(a))),
    (np.array([-1.0, 1, 1]), lambda a: 2 * a**3, lambda a: (a**2).sum())])
def test_a_parameter_is_drawn_as_numbers_whatever_it_looks_like(value, claim, loss):
    """At zeros and ones a square and a cube are the same, and at a symmetric matrix a matrix and its transpose."""
    verdict = diagnose(claim, loss, at={"a": value})
    assert not verdict.ok
    assert not diagnose(claim, model=own(loss, {"a": value})).ok


def test_sizes_are_inferred_where_a_bias_makes_them_differ_by_one(rng):
    loss = lambda theta, X, y: ((theta[0] + X @ theta[1:] - y) ** 2).mean()
    ones = lambda X: np.c_[np.ones(len(X)), X]
    claim = lambda theta, X, y: 2 * ones(X).T @ (ones(X) @ theta - y)
    for n in (4, 6):
        at = {"theta": rng.normal(size=4), "X": rng.normal(size=(n, 3)), "y": rng.normal(size=n)}
        assert diagnose(claim, loss, at=at, wrt="theta").kind == "sum-not-mean"
        assert diagnose(lambda theta, X, y: claim(theta, X, y) / len(y), loss, at=at, wrt="theta").ok


def test_what_is_right_for_symmetric_matrices_only_is_said(rng):
    at, loss = {"x": rng.normal(size=3), "A": rng.normal(size=(3, 3))}, lambda x, A: x @ A @ x
    verdict = diagnose(lambda x, A: 2 * A @ x, loss, at=at, wrt="x")
    assert verdict.kind == "transposed" and "would be right if A were symmetric" in verdict.sentence
    assert diagnose(lambda x, A: A @ x, loss, at=at, wrt="x").kind == "path-missing"
    assert diagnose(lambda x, A: -2 * A @ x, loss, at=at, wrt="x").kind != "transposed"
    assert diagnose(lambda x, A: (A + A.T) @ x, loss, at=at, wrt="x").ok


def test_a_loss_is_judged_where_it_has_a_value(rng):
    """The complex logarithm of a negative number has a slope too, and it is not that of the loss."""
    loss = lambda s, m, x: np.sum(np.log(s) + (x - m) ** 2 / (2 * s**2))
    right = lambda s, m, x: len(x) / s - np.sum((x - m) ** 2) / s**3
    at = {"s": 1.4, "m": 0.3, "x": rng.normal(size=5)}
    for seed in range(4):
        assert diagnose(right, loss, at=at, wrt="s", seed=seed).ok
        assert diagnose(lambda s, m, x: -right(s, m, x), loss, at=at, wrt="s", seed=seed).kind == "sign"
    roots = lambda w, X: np.sqrt(X @ w).sum()
    at = {"w": np.array([2.0, 1.0]), "X": rng.normal(size=(3, 2)) + 2}
    assert diagnose(lambda w, X: X.T @ (0.5 / np.sqrt(X @ w)), roots, at=at, wrt="w").ok


def test_a_transposed_slope_of_an_array_and_a_residual_of_one_size(rng):
    at = {"x": rng.normal(size=4), "B": rng.normal(size=(3, 4))}
    assert diagnose(lambda x, B: B.T, lambda x, B: B @ x, at=at, wrt="x").kind == "transposed"
    at = {"w": rng.normal(size=3), "X": rng.normal(size=(6, 3)), "y": np.array([1, -1, 1, 1, -1, -1])}
    hinge = lambda w, X, y: np.maximum(0, 1 - y * (X @ w)).sum()
    wrong = lambda w, X, y: -X.T @ (1.0 * (y * (X @ w) < 1))              # y is lost, and y² is 1
    assert diagnose(wrong, hinge, at=at, wrt="w").kind == "unexplained"
    assert diagnose(lambda w, X, y: wrong(w, X * y[:, None], y * y), hinge, at=at, wrt="w").ok

"""The diagnoser: planted slips are named, correct gradients pass, bad input is refused in words."""

import numpy as np
import pytest

from lib import graph
from lib.diagnose import diagnose


def slope(a):
    return a * (1 - a)


def hidden(X, P, Y, n, W2, A1, s=slope):
    return X.T @ ((P - Y) / n @ W2.T * s(A1))


W1_CLAIMS = {      # of the gradient by W1 of the network with softmax head, sigmoid hidden
    "correct": lambda X, P, Y, n, W1, W2, A1, lam: hidden(X, P, Y, n, W2, A1) + 2 * lam * W1,
    "sign": lambda X, P, Y, n, W1, W2, A1, lam: -hidden(X, P, Y, n, W2, A1) + 2 * lam * W1,
    "sum-not-mean": lambda X, P, Y, n, W1, W2, A1, lam: n * hidden(X, P, Y, n, W2, A1) + 2 * lam * W1,
    "penalty": lambda X, P, Y, n, W2, A1: hidden(X, P, Y, n, W2, A1),
    "transposed": lambda X, P, Y, n, W1, W2, A1, lam: (hidden(X, P, Y, n, W2, A1) + 2 * lam * W1).T,
    "wrong-shape": lambda X, P, Y, n, W2, A1: X.T @ ((P - Y) / n @ W2 * slope(A1)),
    "phi-for-slope": lambda X, P, Y, n, W1, W2, A1, lam: hidden(X, P, Y, n, W2, A1, lambda a: a) + 2 * lam * W1,
    "factor-two + penalty": lambda X, P, Y, n, W2, A1: 2 * hidden(X, P, Y, n, W2, A1),
    "unexplained": lambda X, P, Y, n, W2, A1: hidden(X, P, Y, n, W2, A1, np.sqrt),
}


@pytest.mark.parametrize("kind", W1_CLAIMS)
def test_a_planted_slip_is_named(kind):
    verdict = diagnose(W1_CLAIMS[kind], model="mlp-softmax", wrt="W1")
    assert verdict.kind == kind and verdict.ok == (kind == "correct")


def test_an_own_loss_with_numpy_or_with_nodes(rng):
    at = {"W": rng.normal(size=(3, 4)), "V": rng.normal(size=(4, 2)), "X": rng.normal(size=(6, 3)),
          "Y": rng.normal(size=(6, 2))}

    def loss(tanh):
        return lambda W, V, X, Y, n: ((tanh(X @ W) @ V - Y) ** 2).sum() / n

    def claim(W, V, X, Y, n, s=lambda a: 1 - a * a):
        A = np.tanh(X @ W)
        return X.T @ (2 * (A @ V - Y) / n @ V.T * s(A))

    for own in (loss(np.tanh), loss(graph.tanh)):
        assert diagnose(claim, own, at=at, wrt="W").ok
        assert diagnose(lambda W, V, X, Y, n: n * claim(W, V, X, Y, n), own, at=at, wrt="W").kind == "sum-not-mean"
    wrong = lambda W, V, X, Y, n: claim(W, V, X, Y, n, lambda a: a)
    assert diagnose(wrong, loss(graph.tanh), at=at, wrt="W").kind == "phi-for-slope"


@pytest.mark.parametrize("log", [np.log, lambda u: np.log(abs(u))], ids=["traced", "values only"])
def test_a_parameter_without_an_axis(rng, log):
    at = {"c": 0.7, "m": rng.normal(size=5)}
    share = lambda c, m: m / (1 + np.exp(c * m))
    loss = lambda c, m: np.mean(log(1 + np.exp(-c * m)))
    assert diagnose(lambda c, m: -share(c, m).mean(), loss, at=at, wrt="c").ok
    assert diagnose(lambda c, m: share(c, m).mean(), loss, at=at, wrt="c").kind == "sign"


@pytest.mark.parametrize("reduce, kind", [(np.sum, "factor-two"), (np.mean, "sum-not-mean + factor-two")])
def test_a_loss_that_numpy_sums(rng, reduce, kind):
    at = {"w": rng.normal(size=3), "X": rng.normal(size=(6, 3)), "y": rng.normal(size=6)}
    assert diagnose(lambda w, X, y: X.T @ (X @ w - y), lambda w, X, y: reduce((X @ w - y) ** 2), at=at,
                    wrt="w").kind == kind

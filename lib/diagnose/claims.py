"""The slips of the ledger that are complete gradients, as code: what a worked solution claims, and of which loss.

Each names its kind in `lib.diagnose.kinds.KINDS` before it is judged; "unexplained" where a claim holds more than two
slips. The symbols are the book's: rows are samples, W1, Z1, A1, W2 … as in `lib.diagnose.models`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from lib.diagnose import Verdict, diagnose


@dataclass(frozen=True)
class Claimed:
    """A row of the ledger as a gradient: the claim, of which model or loss it is and by what, and the kind of its slip.

    reading  how the row was read, where it can be read in more than one way
    """

    id: str
    kind: str
    wrt: str
    claim: Callable
    model: str = ""
    options: dict = field(default_factory=dict)
    loss: Callable | None = None
    at: dict | None = None
    reading: str = ""

    def verdict(self) -> Verdict:
        """What the tool says of it."""
        if self.loss is not None:
            return diagnose(self.claim, self.loss, at=self.at, wrt=self.wrt, **self.options)
        return diagnose(self.claim, model=self.model, wrt=self.wrt, **self.options)

    @property
    def formula(self) -> str:
        """The claim as it is written in the code below."""
        lines = inspect.getsource(inspect.getmodule(self.claim)).splitlines()
        for node in _lambdas():
            code = self.claim.__code__
            if node.lineno == code.co_firstlineno and [a.arg for a in node.args.args] == list(
                    code.co_varnames[:code.co_argcount]):
                return ast.unparse(node.body)
        return lines[self.claim.__code__.co_firstlineno - 1].strip()


@cache
def _lambdas():
    """The functions in the table below."""
    return [node for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(Claimed))))
            if isinstance(node, ast.Lambda)]


def sigma(z):
    """The sigmoid, as a worked solution writes it.  Shapes: any."""
    return 1 / (1 + np.exp(-z))


def softmax(Z):
    """Row by row, or of one row.  Shapes: (…, k)."""
    E = np.exp(Z)
    return E / E.sum(axis=-1, keepdims=True)


def slope(a):
    """σ′ from the output a.  Shapes: any."""
    return a * (1 - a)


SE = {"scale": "sum", "bias": False, "outputs": "1", "lam": 0}              # (y − ŷ)², summed over the samples
MSE = {"scale": "mean", "outputs": "1", "lam": 0}
CE2 = {"scale": "sum", "bias": False, "base": 2, "lam": 0}                  # cross-entropy in bits
SUM = {"scale": "sum", "bias": False, "lam": 0}
HALF = {"scale": "half sum", "bias": False, "lam": 0}
LN2 = float(np.log(2))

rng = np.random.default_rng(0)
ONE = {"W1": rng.normal(size=(3, 4)), "x": rng.normal(size=3), "v": rng.normal(size=4)}
NUMERATOR = {"loss": lambda W1, x, v: np.exp(sigma(x @ W1) @ v), "at": ONE}
NUMERATORS = {"loss": lambda W2, h: np.exp(h @ W2), "at": {"W2": rng.normal(size=(4, 3)), "h": rng.uniform(size=4)}}
CLASSES = {"Theta": rng.normal(size=(4, 3)), "x": rng.normal(size=4)}


def jacobian(P, x, delta=True):
    """∂p_j/∂Θ_ai, index order j, a, i.  Shapes: P (k,), x (d,) → (k, d, k)."""
    return (P[:, None] * (np.eye(len(P)) - P))[:, None, :] * x[:, None]


CLAIMS: tuple[Claimed, ...] = (
    # One output, squared error, no bias: the first layer
    Claimed("S0-R8a", "wrong-output", "W1", lambda X, A1, W2, Y: X.T @ (2 * ((1 / A1) @ W2 - Y) @ W2.T * slope(A1)),
            "mlp-linear", SE),
    Claimed("S0-R8b", "sign", "W1", lambda X, A1, W2, Y, Yhat: X.T @ (2 * (Y - Yhat) @ W2.T * slope(A1)),
            "mlp-linear", SE),
    Claimed("S0-R8c", "wrong-index", "W1",
            lambda X, A1, W1, W2, Y, Yhat: W2[:len(W1)] * (X.T @ (2 * (Yhat - Y) * slope(A1))), "mlp-linear", SE),
    Claimed("S0-R8e", "summed-index", "W1", lambda X, A1, W1, W2, Y, Yhat: np.ones_like(W1) * (
        X.sum(axis=1) @ (2 * (Yhat - Y) @ W2.T * slope(A1))), "mlp-linear", SE),
    Claimed("S0-R8", "unexplained", "W1", lambda X, A1, W1, W2, Y: W2[:len(W1)] * np.ones_like(W1) * (
        X.sum(axis=1) @ (2 * (Y - (1 / A1) @ W2) * slope(A1))), "mlp-linear", SE, reading="all four slips at once"),
    Claimed("S0-R9", "unexplained", "W1", lambda X, A1, W1, W2, Y: W2[:len(W1)] * np.ones_like(W1) * (
        X.sum(axis=1) @ (2 * ((1 / A1) @ W2 - Y) * slope(A1))), "mlp-linear", SE, reading="all three slips at once"),
    Claimed("S0-R5", "other-parameter", "W1", lambda A1, Y, Yhat: A1.T @ (2 * (Yhat - Y)), "mlp-linear", SE),
    # … and the second
    Claimed("S0-R12a", "sign", "W2", lambda A1, Y, Yhat: A1.T @ (2 * (Y - Yhat)), "mlp-linear", SE),
    Claimed("S0-R12b", "summed-index", "W2", lambda A1, W2, Y, Yhat: np.ones_like(W2) * (
        A1.sum(axis=1) @ (2 * (Yhat - Y))), "mlp-linear", SE, reading="the sum alone, with the right sign"),
    Claimed("S0-R13b", "summed-index", "W2", lambda A1, W2, Y, Yhat: np.ones_like(W2) * -(
        A1.sum(axis=1) @ (2 * (Y - Yhat))), "mlp-linear", SE),
    # Classes, cross-entropy in bits
    *(Claimed(id, "sign", "W2", lambda A1, P, Y: A1.T @ (Y - P) / LN2, "mlp-softmax", CE2)
      for id in ("S0-C13", "S0-C14")),
    *(Claimed(id, "sign", "W1", lambda X, A1, W2, P, Y: X.T @ ((Y - P) @ W2.T * slope(A1)) / LN2, "mlp-softmax", CE2)
      for id in ("S0-C20", "S0-C22b", "S0-C30b")),
    Claimed("S0-C16a", "log-base", "W2", lambda A1, P, Y: A1.T @ (P - Y) / LN2, "mlp-softmax", SUM,
            reading="if log means ln; with the logarithm to base 2 it is right"),
    *(Claimed(id, "normaliser-constant", "W2", lambda A1, Y: -A1.T @ Y / LN2, "mlp-softmax", CE2)
      for id in ("S0-C16b", "S0-C17")),
    Claimed("S0-C18a", "summed-index", "W2", lambda A1, W2, P, Y: np.ones_like(W2) * (A1.sum(axis=1) @ (P - Y)) / LN2,
            "mlp-softmax", CE2, reading="the sum over the hidden units alone"),
    Claimed("S0-C18b", "delta-missing", "W2", lambda W2, h: np.exp(h @ W2)[:, None, None] * np.ones_like(W2) *
            h[:, None], **NUMERATORS, reading="the slope of every numerator A_i by every weight"),
    Claimed("S0-C19", "target-ignored", "W2", lambda A1, W2: np.full_like(W2, A1.sum() / LN2), "mlp-softmax", CE2),
    *(Claimed(id, "exponent-sign", "W2", lambda Z1, W2, Y: (
        (1 - sigma(Z1)).T @ (softmax((1 - sigma(Z1)) @ W2) - Y)) / LN2, "mlp-softmax", CE2,
        reading="the sign in the inner exponent alone") for id in ("S0-C23", "S0-C32", "S0-C33")),
    Claimed("S0-C32", "wrong-shape", "W2", lambda A1, W2, Y: A1.T @ (softmax(A1 @ W2.T) - Y) / LN2, "mlp-softmax", CE2,
            reading="the index nk of the output weight alone"),
    Claimed("S0-C24", "summed-index", "W1", lambda W1, x, v: np.ones_like(W1) * (
        np.exp(sigma(x @ W1) @ v) * (slope(sigma(x @ W1)) @ v) * x.sum()), **NUMERATOR,
        reading="the most generous one: −2 is an exponent, the bracket is e^(−s), and the factor A_n is there"),
    *(Claimed(id, "unexplained", "W1", lambda W1, x, v: np.ones_like(W1) * (
        np.exp(sigma(x @ W1) @ v) * -(x @ W1).sum() * x.sum()), **NUMERATOR, reading="literal; four slips at once")
      for id in ("S0-C25", "S0-C28", "S0-C34")),
    Claimed("S0-C31", "zero", "W1", lambda X, W1, Z1, Z2, Y: np.ones_like(W1) * (Y * (
        -Z1.sum(axis=1) * X.sum(axis=1))[:, None] * (1 - softmax(Z2).sum(axis=1, keepdims=True))).sum() / LN2,
        "mlp-softmax", CE2, reading="assembled with the slopes of S0-C34 and S0-C35"),
    # One output, mean squared error, biases
    Claimed("S2-03", "wrong-shape", "W1", lambda X, W1, b1, W2, Y, Yhat: X.T @ (
        2 * (Yhat - Y) / len(X) @ W2.T * slope(sigma(W1 @ X + b1))), "mlp-linear", MSE),
    *(Claimed(id, "sum-not-mean", "W2", lambda A1, Y, Yhat: A1.T @ (2 * (Yhat - Y)), "mlp-linear", MSE,
              reading="summed over the samples") for id in ("S2-14", "S2-20")),
    Claimed("S2-20", "wrong-shape", "W2", lambda A1, Y, Yhat: 2 * (Yhat - Y) @ A1, "mlp-linear", MSE,
            reading="as printed, with arrays of all samples"),
    Claimed("S2-24", "sum-not-mean", "b2", lambda Y, Yhat: (2 * (Yhat - Y)).sum(axis=0), "mlp-linear", MSE,
            reading="summed over the samples"),
    Claimed("S2-28", "sum-not-mean + wrong-exponent", "W1", lambda X, A1, W2, Y, Yhat: X.T @ (
        2 * (Yhat - Y) @ W2.T * slope(A1) * W2.T), "mlp-linear", MSE, reading="summed over the samples"),
    Claimed("S2-31", "sum-not-mean", "b1", lambda A1, W2, Y, Yhat: (2 * (Yhat - Y) @ W2.T * slope(A1)).sum(axis=0),
            "mlp-linear", MSE, reading="summed over the samples"),
    # Classes, a mean, a penalty on the weights
    Claimed("S3-15", "target-ignored", "Z", lambda P, n: (P - 1) / n, "softmax-cross-entropy", {}, reading="literal"),
    Claimed("S3-18", "transposed", "W2", lambda A1, P, Y, n: (P - Y).T @ A1 / n, "mlp-softmax", {"lam": 0},
            reading="the printed order, summed over the samples"),
    Claimed("S3-18", "wrong-shape", "W2", lambda A1, P, Y, n: (P - Y) @ A1 / n, "mlp-softmax", {"lam": 0},
            reading="as printed, with arrays of all samples"),
    Claimed("S3-18", "unsummed", "W2", lambda A1, P, Y, n: (P - Y)[:, None, :] * A1[:, :, None] / n, "mlp-softmax",
            {"lam": 0}, reading="entry by entry, for every sample"),
    Claimed("S3-20b", "transposed", "W2", lambda A1, P, Y, W2, lam, n: (P - Y).T @ A1 / n + 2 * lam * W2.T,
            "mlp-softmax", {}, reading="the printed order, summed over the samples"),
    Claimed("S3-20b", "wrong-shape", "W2", lambda A1, P, Y, W2, lam, n: (P - Y) @ A1 / n + 2 * lam * W2,
            "mlp-softmax", {}, reading="as printed, with arrays of all samples"),
    Claimed("S3-23", "unsummed", "b1", lambda A1, P, Y, W2, n: (P - Y) / n @ W2.T * slope(A1), "mlp-softmax"),
    Claimed("S3-24", "phi-for-slope", "b1", lambda A1, P, Y, W2, n: ((P - Y) / n @ W2.T * A1).sum(axis=0),
            "mlp-softmax", {}, reading="as printed, summed over the samples"),
    Claimed("S3-25", "zero", "b2", lambda P, Y, b2, n: (P - Y).sum(axis=0) / n * 0.0, "mlp-softmax", {},
            reading="literal: the middle factor ∂a2/∂z3 is 0"),
    Claimed("S3-26", "unsummed", "b2", lambda P, Y, n: (P - Y) / n, "mlp-softmax"),
    Claimed("S3-28", "unsummed", "W1", lambda X, A1, P, Y, W2, n: X[:, :, None] * (
        (P - Y) / n @ W2.T * slope(A1))[:, None, :], "mlp-softmax", {"lam": 0}, reading="the data part"),
    Claimed("S3-29", "wrong-output", "W1", lambda X, Z1, A1, Y, W1, W2, lam, n: X.T @ (
        (softmax(Z1) - Y) / n @ W2.T * slope(A1)) + 2 * lam * W1, "mlp-softmax"),
    Claimed("S3-30", "penalty", "W1", lambda X, A1, P, Y, W1, W2, lam, n: X.T @ (
        (P - Y) / n @ W2.T * slope(A1)) + 2 * lam * W1, "mlp-softmax", {"penalised": False}),
    # The residual block
    Claimed("S4-Q1c-xbar", "path-missing", "X", lambda H, W1, W2, T, Yhat: (Yhat - T) @ W2.T * slope(H) @ W1.T,
            "residual", {"scale": "half sum"}),
    # Neurons, networks and graphs
    Claimed("AN-18e", "wrong-exponent", "Theta", lambda Theta, x: softmax(x @ Theta)[:, None, None] * jacobian(
        softmax(x @ Theta), x), loss=lambda Theta, x: softmax(x @ Theta), at=CLASSES),
    Claimed("AN-18g", "diagonal-only", "Theta", lambda Theta, x: jacobian(softmax(x @ Theta), x) * np.eye(
        Theta.shape[1])[:, None, :], loss=lambda Theta, x: softmax(x @ Theta), at=CLASSES),
    Claimed("AN-18m", "wrong-index", "Theta", lambda Theta, x: (
        np.eye(Theta.shape[1]) - softmax(x @ Theta)[:, None])[:, None, :] * x[:, None],
        loss=lambda Theta, x: np.log(softmax(x @ Theta)), at=CLASSES),
    Claimed("AN-19f", "diagonal-only", "Theta", lambda Xs, P, Y: -Xs.T @ (Y * (1 - P)), "softmax",
            {"scale": "sum", "lam": 0}),
    Claimed("AN-19g", "zero", "Theta", lambda Xs, P, Y: (-Xs.T @ (Y - P)).sum(axis=1, keepdims=True) * np.ones(
        P.shape[1]), "softmax", {"scale": "sum", "lam": 0}),
    Claimed("NN-05b", "wrong-index", "W2", lambda A1, Y, Yhat, W2: np.ones_like(W2) * (
        (Yhat - Y) * A1[:, :W2.shape[1]]).sum(axis=0), "mlp-linear", HALF),
    Claimed("NN-06f", "wrong-index", "W1", lambda X, A1, P, Y, W1, W2: np.ones_like(W1) * (
        (P - Y) @ W2.T * slope(A1) * X[:, :W1.shape[1]]).sum(axis=0), "mlp-sigmoid", SUM),
    Claimed("NN-07e", "wrong-index", "W2", lambda A1, P, Y, W2: np.ones_like(W2) * (
        (P - Y) * A1[:, :W2.shape[1]]).sum(axis=0), "mlp-softmax", SUM),
    Claimed("CG-05b", "zero", "k", lambda x, k: 0.0 * k, loss=lambda x, k: x + k, at={"x": 1.5, "k": 0.7}),
    Claimed("CG-05e", "zero", "k", lambda x, k: 0.0 * k, loss=lambda x, k: x * k, at={"x": 1.5, "k": 0.7}),
    Claimed("CG-10e", "delta-missing", "g", lambda g: np.array([[3 * g[1], 3 * g[0], 3 * g[1]], [0.0, 1.0, -1.0]]),
            loss=lambda g: np.array([3 * g[0] * g[1], g[1] - g[2]]), at={"g": np.array([0.4, -0.8, 1.3])}),
    Claimed("CG-12c-04", "slope-of-z", "W1", lambda X, Z1, W2, Y, Yhat: X.T @ (2 * (Yhat - Y) @ W2.T * slope(Z1)),
            "mlp-linear", SE),
    Claimed("CG-13d-11", "slope-of-z", "W1", lambda X, Z1, W2, Y, Yhat: X.T @ (2 * (Yhat - Y) @ W2.T * slope(Z1)),
            "mlp-linear", SE),
    *(Claimed(id, "summed-early", "W1", lambda X, A1, W2, Y, Yhat: (2 * (Yhat - Y)).sum() * W2.T * (
        X.T @ slope(A1)), "mlp-linear", SE) for id in ("CG-12c-17", "CG-12c-18")),
    *(Claimed(id, "wrong-shape", "W1", lambda X, A1, W2, Y, Yhat: 2 * (Yhat - Y) @ W2.T @ slope(A1) @ X, "mlp-linear",
              SE) for id in ("CG-12c-11", "CG-13d-14")),
    Claimed("CG-13d-12", "wrong-exponent", "W1", lambda X, A1, W2, Y, Yhat: X.T @ ((Y - Yhat) ** 2 @ W2.T * slope(A1)),
            "mlp-linear", SE),
    Claimed("CG-14b", "slope-of-z", "W2", lambda A1, Z2, Y, Yhat: A1.T @ ((Yhat - Y) * slope(Z2)),
            "mlp-sigmoid-squared", HALF),
    Claimed("CG-14e", "slope-of-z", "W1", lambda X, Z1, W2, Y, Yhat: X.T @ (
        (Yhat - Y) * slope(Yhat) @ W2.T * slope(Z1)), "mlp-sigmoid-squared", HALF),
    Claimed("CG-14j", "slope-of-z", "W2", lambda A1, Z2, Y, Yhat: A1.T @ ((Yhat - Y) * slope(Z2)),
            "mlp-sigmoid-squared", HALF, reading="the numerator of what is printed"),
)

"""The table of rules, gone wrong: what people put where the slope of an operation belongs, each with its kind of slip.

A row is op, kind, what is said of it ({at} is where), and its rule; y is the output of the operation, a its input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lib.diagnose.traced import OPS
from lib.ops import Op, sigmoid


class WrongRule(NamedTuple):
    """What stands where the rule of an operation belongs."""

    op: str
    kind: str
    detail: str
    vjp: Callable
    f: Callable | None = None                        # the value, where that is wrong too

    @property
    def name(self) -> str:
        """Under which it stands in TABLE."""
        return f"{self.op}: {self.kind}, {self.detail}"


def _local(op, kind, slope, detail="{at}", f=None):
    """A row of an operation that acts entry by entry, by its slope(y, a)."""
    return WrongRule(op, kind, detail, lambda g, y, a, **on: (g * slope(y, a),), f)


def _of_head(op, kind, rule, detail="the output"):
    """A row of a logarithm of probabilities, rule(g, y, a)."""
    return WrongRule(op, kind, detail, lambda g, y, a: (rule(g, y, a),))


_row = lambda a: a.sum(axis=-1, keepdims=True)
_through = lambda g, P: P * (g - _row(g * P))
_flipped = ": e^(+z) stands for e^(−z), so that 1 − σ(z) is computed for σ(z)"
_spoilt = "the slope at {at}, where "
INSTEAD = [          # of the probabilities
    (lambda Z: Z, "scores stand in it for probabilities"),
    (sigmoid, "sigmoids of the scores stand in it for probabilities"),
    (lambda Z: 1.0 * (Z == Z.max(axis=-1, keepdims=True)), "predicted classes stand in it for probabilities"),
    (lambda Z: np.exp(Z) / np.exp(Z).sum(), "its softmax is normalised over the whole table, and not row by row"),
    (lambda Z: np.exp(Z) / np.exp(Z).sum(axis=0),
     "its softmax runs down the columns, over the samples; it belongs across the classes of a row")]
LOCAL = [
    *(_local(op, "phi-for-slope", lambda y, a: y) for op in ("sigmoid", "tanh", "relu", "softplus")),
    *(_local(op, "slope-missing", lambda y, a: 1.0) for op in ("sigmoid", "tanh", "relu", "softplus", "exp", "log",
                                                               "sqrt", "pow", "sin", "cos", "abs")),
    _local("sigmoid", "slope-of-z", lambda y, a: a * (1 - a)),
    _local("tanh", "slope-of-z", lambda y, a: 1 - a * a),
    _local("sigmoid", "slope-at-output", lambda y, a: sigmoid(y) * sigmoid(-y)),
    _local("tanh", "slope-at-output", lambda y, a: 1 - np.tanh(y) ** 2),
    _local("softplus", "slope-at-output", lambda y, a: sigmoid(y)),
    _local("sigmoid", "slope-of-other", lambda y, a: 1 - y * y, _spoilt + "1 − a² is that of tanh; it is a (1 − a)"),
    _local("tanh", "slope-of-other", lambda y, a: y * (1 - y), _spoilt + "a (1 − a) is the sigmoid's; it is 1 − a²"),
    _local("sigmoid", "sign", lambda y, a: y * (1 + y), " in the slope at {at}, which is a (1 − a)"),
    _local("tanh", "sign", lambda y, a: 1 + y * y, " in the slope at {at}, which is 1 − a²"),
    _local("cos", "sign", lambda y, a: np.sin(a), " in the slope at {at}: that of the cosine is − sin"),
    _local("sigmoid", "exponent-sign", lambda y, a: -y * (1 - y), "{at}" + _flipped, lambda a: sigmoid(-a)),
    _local("sigmoid", "exponent-sign", lambda y, a: y * (1 - y), "{at}" + _flipped + ", with the slope as usual",
           lambda a: sigmoid(-a)),
    WrongRule("pow", "wrong-exponent", "the exponent of {at} was not lowered", lambda g, y, a, c: (g * c * a ** c,)),
]
HEADS = [
    _of_head("log_softmax", "normaliser-constant", lambda g, y, Z: g),
    _of_head("log_softmax", "diagonal-only", lambda g, y, Z: g * (1 - np.exp(y))),
    _of_head("log_softmax", "wrong-exponent", lambda g, y, Z: g - np.exp(Z) * _row(g),
             "the normaliser Σ e^z was forgotten, so that e^z stands for the probability"),
    _of_head("log_softmax", "exponent-sign", lambda g, y, Z: g - np.exp(-Z) / _row(np.exp(-Z)) * _row(g),
             "the output: e^(−z) stands for e^z"),
    _of_head("log_softmax", "other-loss", lambda g, y, Z: (g - np.exp(y) * _row(g)) * np.exp(y) * (1 - np.exp(y))),
    _of_head("log_softmax", "other-loss", lambda g, y, Z: _through(g - np.exp(y) * _row(g), np.exp(y)),
             "the output, whole Jacobian"),
    *(_of_head("log_softmax", "wrong-output", lambda g, y, Z, P=P: g - P(Z) * _row(g), what) for P, what in INSTEAD),
    _of_head("log_softmax", "slope-missing", lambda g, y, Z: g / np.exp(y),
             "the output (this is the gradient by the probabilities, not by the scores)"),
    _of_head("log_sigmoid", "wrong-output", lambda g, y, a: g * (a <= 0), INSTEAD[2][1]),
    _of_head("log_sigmoid", "exponent-sign", lambda g, y, a: g * sigmoid(a), "the output" + _flipped),
    _of_head("log_sigmoid", "other-loss", lambda g, y, a: g * sigmoid(-a) ** 2 * sigmoid(a)),
    _of_head("log_sigmoid", "slope-missing", lambda g, y, a: g / sigmoid(a),
             "the output (this is the gradient by the probabilities, not by the scores)"),
]
PRODUCTS = {
    "matmul squared": lambda g, y, A, B: (g @ (B * B).T, A.T @ g),
    "matmul of ones": lambda g, y, A, B: (g @ np.ones_like(B).T, A.T @ g),
    "matmul as it is": lambda g, y, A, B: (g @ B, A.T @ g),
    "matmul of sums": lambda g, y, A, B: (g @ B.T, np.multiply.outer(A.sum(0), g.sum(0))),
}
TABLE = OPS | {row.name: Op("", row.f or OPS[row.op].f, row.vjp, row in LOCAL) for row in [*LOCAL, *HEADS]} | {
    name: Op("", np.matmul, rule, False) for name, rule in PRODUCTS.items()} | {
    "log_sigmoid of scores": Op("", OPS["log_sigmoid"].f, lambda g, y, a: (g * (1 - a),), False),
    "log_sigmoid of minus scores": Op("", OPS["log_sigmoid"].f, lambda g, y, a: (-g * a,), False)}

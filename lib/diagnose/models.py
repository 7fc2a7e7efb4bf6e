"""The models of the book for which a gradient can be diagnosed without any context, by name or with their options.

Their arrays have the names and shapes that `lib` gives them, and what the forward pass computes has a name too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from lib import graph
from lib.diagnose.instances import Model
from lib.mlp import check_name

ACTIVATIONS = {"sigmoid": graph.sigmoid, "tanh": graph.tanh, "relu": graph.relu, "softplus": graph.softplus,
               "identity": graph.copy}
SCALES = {"half mean": lambda n: 1 / (2 * n), "mean": lambda n: 1 / n, "half sum": lambda n: 0.5, "sum": lambda n: 1.0}


def _call_it(name, node):
    """Name a node, so that a claim may use its value."""
    node.name = name
    return node


def _squares(*weights):
    """The sum of all squared weights."""
    return sum(((W ** 2).sum() for W in weights[1:]), (weights[0] ** 2).sum())


def network(head: str = "softmax", hidden: str = "sigmoid", depth: int = 2, scale: str = "", bias: bool = True,
            base: float = np.e, outputs: str = "", penalised: bool = True) -> Model:
    """A network of `depth` layers, its names W1, b1, Z1, A1 … as in `lib.mlp`; the output is Yhat or P.

    head       "linear", "sigmoid" or "softmax", with the loss that belongs to it; "sigmoid squared" for squared error
    scale      what stands before the sum over the rows: "mean", "half mean", "sum", "half sum"; by default as in `lib`
    base       of the logarithm
    outputs    "1" for a linear head of one unit
    penalised  False: λ is known, but stands in no loss
    """
    check_name("network", ACTIVATIONS, hidden=hidden)
    factor, phi = _factor("network", head, scale, base), ACTIVATIONS[hidden]
    widths = ["d", *("h" if depth == 2 else f"h{l}" for l in range(1, depth))]
    widths += ["1" if "sigmoid" in head else outputs or "k"]
    shapes = {"X": "n d"} | ({"Y": f"n {widths[-1]}"} if head == "linear" else {"y": "n"})
    for l in range(1, depth + 1):
        shapes |= {f"W{l}": f"{widths[l - 1]} {widths[l]}"} | ({f"b{l}": widths[l]} if bias else {})

    def loss(X, lam, n, y=None, Y=None, k=1, **theta):
        A = X
        for l in range(1, depth + 1):
            Z = A @ theta[f"W{l}"]
            Z = _call_it(f"Z{l}", Z + theta[f"b{l}"] if bias else Z)
            A = _call_it(f"A{l}", phi(Z)) if l < depth else Z
        total = _rows_loss(head, Z, Y if y is None else y if head == "softmax" else y[:, None], k) * factor(n)
        weights = (theta[f"W{l}"] for l in range(1, depth + 1))
        return total + lam * _squares(*weights) if penalised and _given(lam) else total

    theta = tuple(name for name in shapes if name[0] in "Wb")
    return Model(f"network, {hidden} hidden, {head} head", shapes | {"lam": ""}, loss, (*theta, "X"),
                 _labels(head), _outputs(head, f"Z{depth}"), functions={"phi": hidden})


def regression(head: str = "softmax", scale: str = "", base: float = np.e) -> Model:
    """One layer with the bias in its first row, as in `lib.linear`: theta (d+1,), or Theta (d+1, k) for softmax."""
    factor = _factor("regression", head, scale, base)
    name, letters, z = ("Theta", "d+1 k", "Z") if head == "softmax" else ("theta", "d+1", "z")

    def loss(X, y, lam, n, k=1, **known):
        theta = known[name]
        Z = _call_it(z, graph.constant(np.hstack([np.ones((n, 1)), X.value])) @ theta)
        total = _rows_loss(head, Z, y, k) * factor(n)
        return total + lam * (theta[1:] ** 2).sum() if _given(lam) else total

    derived = _outputs(head, z) | {"Xs": lambda v: np.hstack([np.ones((v["n"], 1)), v["X"]])}
    return Model(f"{head} regression", {"X": "n d", "y": "n", name: letters, "lam": ""}, loss, (name,),
                 _labels(head), derived)


def _factor(where, head, scale, base):
    """What stands before the sum over the rows, as a function of n."""
    check_name(where, {"linear": 0, "sigmoid": 0, "softmax": 0, "sigmoid squared": 0}, head=head)
    squared = head in ("linear", "sigmoid squared")
    check_name(where, SCALES, scale=scale or "mean")
    scaled = SCALES[scale or ("half mean" if squared else "mean")]
    return lambda n: scaled(n) / (1.0 if squared else np.log(base))


def _labels(head):
    """How to draw y."""
    return {} if head == "linear" else {"y": lambda rng, shape, sizes: rng.integers(0, sizes.get("k", 2), shape)}


def _outputs(head, scores):
    """What a claim may call the output and the targets of a head, beside Yhat: P and the one-hot Y, or p."""
    flat = scores == "z"
    if head == "softmax":
        return {"P": lambda v: _softmax(v[scores]), "Y": lambda v: np.eye(v["k"])[v["y"]]}
    if head == "linear":
        return {"yhat": lambda v: v["z"]} if flat else {}
    column = {} if flat else {"Y": lambda v: v["y"][:, None].astype(float)}
    return {"p" if flat else "P": lambda v: 1 / (1 + np.exp(-v[scores]))} | column


def _given(lam):
    """Whether λ, a number or a leaf, is not zero."""
    return bool(np.any(getattr(lam, "value", lam)))


def _rows_loss(head, Z, y, k):
    """The sum of the losses of the rows."""
    if head == "softmax":
        return -(np.eye(k)[y] * graph.log_softmax(Z)).sum()
    t = y.astype(float) if isinstance(y, np.ndarray) else y
    if head == "sigmoid":
        return -(t * graph.log_sigmoid(Z) + (1 - t) * graph.log_sigmoid(-Z)).sum()
    return ((_call_it("Yhat", graph.copy(Z) if head == "linear" else graph.sigmoid(Z)) - t) ** 2).sum()


def _softmax(Z):
    """Row by row."""
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def residual(hidden: str = "sigmoid", scale: str = "half mean") -> Model:
    """The block of `lib.residual`: Z1 = X W1, H = φ(Z1), Z2 = H + X, Yhat = Z2 W2, squared error against T."""
    check_name("residual", ACTIVATIONS, hidden=hidden)
    factor = _factor("residual", "linear", scale, np.e)

    def loss(X, T, W1, W2, n):
        Z1 = _call_it("Z1", X @ W1)
        Z2 = _call_it("Z2", _call_it("H", ACTIVATIONS[hidden](Z1)) + X)
        return ((_call_it("Yhat", Z2 @ W2) - T) ** 2).sum() * factor(n)

    shapes = {"X": "n d", "T": "n k", "W1": "d d", "W2": "d k"}
    return Model(f"residual block, {hidden} hidden", shapes, loss, ("W1", "W2", "X"),
                 targets=("T",), functions={"phi": hidden})


def cross_entropy(head: str = "softmax", scale: str = "mean", base: float = np.e) -> Model:
    """A loss by the scores: Z (n, k) under softmax, or z (n,) under a sigmoid."""
    factor, (name, letters) = _factor("loss", head, scale, base), ("Z", "n k") if head == "softmax" else ("z", "n")
    loss = lambda y, n, k=1, **scores: _rows_loss(head, scores[name], y, k) * factor(n)
    return Model(f"cross-entropy of a {head}", {name: letters, "y": "n"}, loss, (name,),
                 _labels(head), _outputs(head, name))


# The models by the name that `diagnose` is given; each takes the options of its function.
MODELS: dict[str, Callable[..., Model]] = {
    "logistic": partial(regression, "sigmoid"),
    "softmax": partial(regression, "softmax"),
    "least-squares": partial(regression, "linear"),
    "mlp-softmax": partial(network, "softmax"),
    "mlp-sigmoid": partial(network, "sigmoid"),
    "mlp-linear": partial(network, "linear"),
    "mlp-sigmoid-squared": partial(network, "sigmoid squared"),
    "residual": residual,
    "softmax-cross-entropy": partial(cross_entropy, "softmax"),
    "binary-cross-entropy": partial(cross_entropy, "sigmoid"),
}

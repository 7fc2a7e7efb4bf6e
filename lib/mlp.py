"""Networks of any depth. What is layered is a dict keyed by the number of its layer, 1..L, and A[0] = X.

The hidden layers share an activation φ; the last layer has the output function that belongs to its loss, its head.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

import numpy as np

from lib import losses
from lib.activations import ACTIVATIONS, identity, output_and_slope, sigmoid, softmax, step
from lib.shapes import check, check_count, check_not_negative, check_range


class Head(NamedTuple):
    """A row of the table: output function, loss(Z, y), its gradient by Z, both at once, decision, letters of y.

    Both at once is for the inside of a network: X and y are checked against the letters, Z comes from them.
    """

    f: Callable
    loss: Callable
    loss_grad: Callable
    loss_and_grad: Callable
    predict: Callable
    targets: str


def _head(f, loss, loss_grad, predict, targets):
    """A row whose loss and gradient share no work."""
    return Head(f, loss, loss_grad, lambda Z, y: (loss(Z, y), loss_grad(Z, y)), predict, targets)


def _softmax_loss_and_grad(Z, y):
    """The loss of the softmax head and its gradient; a Z that overflowed shows in the loss, and is then named."""
    check_range("softmax_cross_entropy", y, Z.shape[1])
    both = losses.softmax_cross_entropy_inside(Z, y)
    return both if isfinite(both[0]) else losses.softmax_cross_entropy_and_grad(Z, y)


# The heads by name: what the last layer puts out, and the loss that belongs to it.
HEADS: dict[str, Head] = {
    "linear": _head(identity, losses.squared_error, losses.squared_error_grad, identity, "n k"),
    "sigmoid": _head(sigmoid, lambda Z, y: losses.binary_cross_entropy(Z[:, 0], y),
                     lambda Z, y: losses.binary_cross_entropy_grad(Z[:, 0], y)[:, None],
                     lambda Z: step(Z[:, 0]).astype(int), "int n"),
    "softmax": Head(softmax, losses.softmax_cross_entropy, losses.softmax_cross_entropy_grad,
                    _softmax_loss_and_grad, lambda Z: Z.argmax(axis=1), "int n"),
}


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """The parameters, the name of the hidden activation, and the name of the head.

    Shapes: W[l] (dₗ₋₁, dₗ), b[l] (dₗ,).
    Raises: ValueError for widths that do not chain, an unknown name, or more than one output under a sigmoid.
    """

    W: dict[int, np.ndarray]
    b: dict[int, np.ndarray]
    hidden: str = "sigmoid"
    head: str = "softmax"

    def __post_init__(self):
        check_name("Network", ACTIVATIONS, hidden=self.hidden)
        check_name("Network", HEADS, head=self.head)
        if not self.W or not sorted(self.W) == sorted(self.b) == list(range(1, self.depth + 1)):
            raise ValueError(f"Network: W has layers {sorted(self.W)}, b has {sorted(self.b)}, expected 1..L in both")
        arrays = {}
        for l in self.W:
            arrays |= {f"W[{l}]": (self.W[l], f"d{l - 1} d{l}"), f"b[{l}]": (self.b[l], f"d{l}")}
        check("Network", **arrays)
        if self.head == "sigmoid" and self.widths[-1] != 1:
            raise ValueError(f"Network: W[{self.depth}] has {self.widths[-1]} columns; a sigmoid head has one output")

    @property
    def depth(self) -> int:
        """The number L of layers with weights."""
        return len(self.W)

    @property
    def widths(self) -> tuple[int, ...]:
        """d₀, the number of features, to d_L, the number of outputs."""
        return self.W[1].shape[0], *(self.b[l].size for l in range(1, self.depth + 1))

    @property
    def parameter_count(self) -> int:
        """Σₗ (dₗ₋₁ + 1) dₗ."""
        return sum((d + 1) * k for d, k in pairwise(self.widths))

    def __repr__(self):
        return f"{'–'.join(map(str, self.widths))}, {self.hidden} hidden, {self.head} head"


def check_name(where: str, known: dict, **names: str) -> None:
    """Refuse a name that is not in the table, and say which one may be meant."""
    for what, name in names.items():
        if name not in known:
            close = "".join(f"did you mean {match!r}? " for match in get_close_matches(str(name), known, 1))
            raise ValueError(f"{where}: {what} = {name!r} is unknown; {close}expected one of {', '.join(known)}")


class Trace(NamedTuple):
    """What a forward pass computed, and by which network. Shapes: Z[l], A[l] (n, dₗ); A[0] = X, A[L] the output."""

    net: Network
    Z: dict[int, np.ndarray]
    A: dict[int, np.ndarray]


class Gradients(NamedTuple):
    """∂L/∂W[l], ∂L/∂b[l], and ∂L/∂Z[l], the δ of layer l; each has the shape of what it is the gradient by."""

    dW: dict[int, np.ndarray]
    db: dict[int, np.ndarray]
    dZ: dict[int, np.ndarray]


def init(widths: tuple[int, ...], rng: np.random.Generator, hidden: str = "sigmoid", head: str = "softmax",
         scale: float | None = None) -> Network:
    """Weights drawn from a normal distribution of standard deviation `scale`, biases 0.

    Without a scale, √(2/dₗ₋₁) for the rectifiers (He) and √(2/(dₗ₋₁ + dₗ)) for the rest (Glorot): the variances then
    neither grow nor vanish from layer to layer. With scale 0 all units of a layer stay equal for ever.
    """
    check_count("init", **{f"widths[{l}]": d for l, d in enumerate(widths)})
    check_not_negative("init", scale=0.0 if scale is None else scale)
    fan = {l: d if hidden in ("relu", "leaky_relu", "softplus") else d + k
           for l, (d, k) in enumerate(pairwise(widths), start=1)}
    W = {l: (np.sqrt(2 / fan[l]) if scale is None else scale) * rng.standard_normal((widths[l - 1], widths[l]))
         for l in fan}
    return Network(W, {l: np.zeros(widths[l]) for l in fan}, hidden, head)


def forward(net: Network, X: np.ndarray) -> Trace:
    """Every layer's pre-activations and activations.

        Z[l] = A[l−1] W[l] + b[l],      A[l] = φ(Z[l]),      A[0] = X              (eq:layer-forward)

    Shapes: X (n, d₀) → Z[l], A[l] (n, dₗ).
    Source: chapters/mlp/network, "The forward pass".
    """
    trace = _hidden_layers(net, X)
    trace.A[net.depth] = HEADS[net.head].f(trace.Z[net.depth])
    return trace


def _hidden_layers(net, X, **targets):
    """The forward pass up to Z[L]: what the loss needs. Targets with their letters are checked beside X."""
    (f, _), W, b, Z, A = output_and_slope(net.hidden), net.W, net.b, {}, {0: X}
    if check("forward", X=(X, "n d"), **targets)["d"] != len(W[1]):
        raise ValueError(f"forward: X has shape {X.shape}, expected (n, d) with d = {len(W[1])} from W[1]")
    for l in range(1, net.depth + 1):
        Z[l] = A[l - 1] @ W[l]
        Z[l] += b[l]                                    # in place here and below: a new array costs as much as a sum
        if l < net.depth:
            A[l] = f(Z[l])
    return Trace(net, Z, A)


def loss(net: Network, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> float:
    """The loss of the head, a mean over rows, plus the penalty λ Σₗ ‖W[l]‖²; the biases are free.

    Shapes: X (n, d₀); y (n,) integer labels, for a linear head (n, d_L) float targets → scalar.
    Units:  nats per row; for a linear head those of y, squared.
    """
    _check_targets("loss", net, len(X), y)
    Z = _hidden_layers(net, X).Z[net.depth]
    return HEADS[net.head].loss(Z, y) + _penalty(net, lam)


def backward(net: Network, trace: Trace, y: np.ndarray, lam: float = 0.0) -> Gradients:
    """The gradient of `loss` by every parameter, layer by layer from the last.

        dZ[L] = ∂L/∂Z[L], for each head (its output − y)/n                         (eq:output-delta)
        dZ[l−1] = dZ[l] W[l]ᵀ ⊙ φ′(Z[l−1])                                         (eq:hidden-delta)
        dW[l] = A[l−1]ᵀ dZ[l] + 2λ W[l]                                            (eq:weight-gradient)
        db[l] = 1ᵀ dZ[l], the column sums                                          (eq:bias-gradient)

    Derivation: A[l−1]ᵢₐ moves Z[l]ᵢⱼ at the rate W[l]ₐⱼ, so ∂L/∂A[l−1]ᵢₐ = Σⱼ dZ[l]ᵢⱼ W[l]ₐⱼ, and φ′ carries it to Z.
        W[l]ₐⱼ moves Z[l]ᵢⱼ of every row i at the rate A[l−1]ᵢₐ, and b[l]ⱼ at the rate 1: both sum over the rows.
    Check:  ∂L/∂X = dZ[1] W[1]ᵀ by the same rule; training has no use for it.
    Shapes: y as in `loss`; dW[l] (dₗ₋₁, dₗ), db[l] (dₗ,), dZ[l] (n, dₗ).
    Raises: ValueError for the trace of another network.
    Source: chapters/mlp/classification, "The backward pass".
    """
    _check_trace(net, trace)
    _check_targets("backward", net, len(trace.A[0]), y)
    return _sweep(net, trace, HEADS[net.head].loss_grad(trace.Z[net.depth], y), lam)


@lru_cache(maxsize=8)
def _ones(n):
    """The vector 1 of the bias gradients, which training asks for in every batch; it can only be read."""
    ones = np.ones(n)
    ones.setflags(write=False)
    return ones


def _sweep(net, trace, dZ_last, lam):
    """From the gradient by Z[L] to all the others."""
    (_, Z, A), W, dW, db, dZ = trace, net.W, {}, {}, {net.depth: dZ_last}
    ones, (_, slope) = _ones(len(dZ_last)), output_and_slope(net.hidden)
    for l in range(net.depth, 0, -1):
        dW[l] = A[l - 1].T @ dZ[l]
        if lam:
            dW[l] += losses.l2_penalty_grad(W[l], lam)
        db[l] = ones @ dZ[l]
        if l > 1:
            dZ[l - 1] = dZ[l] @ W[l].T
            dZ[l - 1] *= slope(Z[l - 1], A[l - 1])
    return Gradients(dW, db, dZ)


def loss_and_grad(net: Network, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> tuple[float, Gradients]:
    """`loss` and its gradients from one forward pass.

    Shapes: X (n, d₀), y as in `loss` → scalar, gradients.
    """
    _check_targets("loss_and_grad", net, len(X), y)
    trace = _hidden_layers(net, X, y=(y, HEADS[net.head].targets))
    value, dZ_last = HEADS[net.head].loss_and_grad(trace.Z[net.depth], y)
    return value + _penalty(net, lam), _sweep(net, trace, dZ_last, lam)


def predict(net: Network, X: np.ndarray) -> np.ndarray:
    """The most probable label; for a linear head the values themselves.

    Shapes: X (n, d₀) → (n,) integers, or (n, d_L).
    """
    return HEADS[net.head].predict(_hidden_layers(net, X).Z[net.depth])


def pack(parts: Network | Gradients) -> np.ndarray:
    """All parameters, or all gradients by them, as one vector: W[1] row by row, b[1], W[2], b[2], …"""
    W, b = (parts.W, parts.b) if isinstance(parts, Network) else (parts.dW, parts.db)
    return np.concatenate([part.ravel() for l in range(1, len(W) + 1) for part in (W[l], b[l])])


def unpack(net: Network, vector: np.ndarray) -> Network:
    """The network like `net` whose parameters are views of the vector: pack(unpack(net, vector)) is the vector.

    Shapes: vector (parameter_count,).
    """
    check("unpack", vector=(vector, str(net.parameter_count)))
    W, b, end = {}, {}, 0
    for l in range(1, net.depth + 1):
        start, middle, end = end, end + net.W[l].size, end + net.W[l].size + net.b[l].size
        W[l], b[l] = vector[start:middle].reshape(net.W[l].shape), vector[middle:end]
    return Network(W, b, net.hidden, net.head)


def _penalty(net, lam):
    """λ Σₗ ‖W[l]‖²; without a λ there is nothing to add up."""
    return sum(losses.l2_penalty(W, lam) for W in net.W.values()) if lam else 0.0


def _check_targets(where, net, n, y):
    """Refuse targets that are not in the shape this head asks for; what they hold is checked against its letters."""
    vectors = HEADS[net.head].targets == "int n"
    if np.ndim(y) != 2 - vectors:
        expected = f"a {net.head} head expects ({'n' if vectors else 'n, k'}), n = {n}"
        raise ValueError(f"{where}: y has shape {np.shape(y)}, {expected}")


def _check_trace(net, trace):
    """Refuse a trace of other weights, even if the shapes agree: its activations would be stale."""
    theirs = trace.net
    if theirs is net:
        return
    if (theirs.widths, theirs.hidden, theirs.head) != (net.widths, net.hidden, net.head):
        raise ValueError(f"backward: the trace is of a network {theirs}, expected one of {net}")
    if not np.array_equal(pack(theirs), pack(net)):
        raise ValueError("backward: the trace was computed with other weights; call forward(net, X) with this network")

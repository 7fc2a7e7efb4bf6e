"""The table of node rules: each operation f with the rule that carries a gradient back to its inputs.

A rule knows nothing of the graph around it: from g = ∂L/∂y, the gradient by the value y = f(*inputs), it returns
∂L/∂input for every input, vjp(g, y, *inputs) → tuple. Options (an axis, an index) go by name to f and to the rule.
"""

import operator
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lib.activations import INSIDE, softmax_terms

sigmoid, _ = INSIDE["sigmoid"]


class Op(NamedTuple):
    """A row of the table. The inputs of an elementwise operation broadcast: its rule returns the broadcast shape for
    each, which the engine takes through `sum_to`. Any other rule returns the shapes of the inputs."""

    symbol: str
    f: Callable
    vjp: Callable
    elementwise: bool = True


class Pieces:
    """A rule as one function per input, so that the engine need not compute what would go to a constant."""

    def __init__(self, *pieces: Callable):
        self.pieces = pieces

    def __call__(self, *args):
        return tuple(piece(*args) for piece in self.pieces)


def matmul_left(g: np.ndarray, y: np.ndarray, A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """The gradient by the left factor of Y = A B, from G = ∂L/∂Y, and below it that by the right factor.

        ∂L/∂A = G Bᵀ,      ∂L/∂B = Aᵀ G                                            (eq:matmul-rule)

    Derivation: Aᵢₐ moves Yᵢⱼ at the rate Bₐⱼ, and no other row of Y, so ∂L/∂Aᵢₐ = Σⱼ Gᵢⱼ Bₐⱼ, entry (i, a) of G Bᵀ.
        Bₐⱼ moves Yᵢⱼ of every row i at the rate Aᵢₐ, so ∂L/∂Bₐⱼ = Σᵢ Aᵢₐ Gᵢⱼ, entry (a, j) of Aᵀ G.
    Shapes: A (n, d), B (d, k), g and y (n, k) → (n, d). A vector A (d,) is one row, a vector B (d,) one column.
    Source: chapters/graphs/node-rules, "The matrix product".
    """
    return g @ B.T if B.ndim == 2 else np.multiply.outer(g, B)


_matmul_right = lambda g, y, A, B: A.T @ g if A.ndim == 2 else np.multiply.outer(A, g)


def _affine(A, B, b):                   # one array where a product and a sum would be two
    Y = A @ B
    Y += b
    return Y


_spread = lambda g, shape, axis=None, keepdims=False: (         # the transpose of a sum: all of g to every term
    np.zeros(shape) + (g if keepdims or axis is None else np.expand_dims(g, axis)))


def sum_to(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The transpose of a broadcast: an entry that was copied receives the sum of the gradients of its copies.

        yᵢⱼ = xⱼ for every i:  ∂L/∂xⱼ = Σᵢ ∂L/∂yᵢⱼ                                 (eq:broadcast-sum)

    Shapes: g of a shape to which `shape` broadcasts → shape.
    Source: chapters/graphs/node-rules, "Sum and broadcast".
    """
    if g.ndim == 2 and g.shape[1:] == shape:
        return np.ones(len(g)) @ g      # 1ᵀ g, the column sums, in a fifth of the time of g.sum(axis=0)
    added = g.ndim - len(shape)
    copied = tuple([*range(added), *[i for i, size in enumerate(shape, start=added) if size != g.shape[i]]])
    return np.add.reduce(g, axis=copied).reshape(shape)


def _put_back(g, a, at):                # the transpose of taking entries: one that was taken twice adds up
    whole = np.zeros_like(a)            # in the memory order of a, so that what meets it need not jump about
    np.add.at(whole, at, g)
    return whole


def _log_softmax(Z):                    # as in `activations`, without the door check
    S, _, total = softmax_terms(Z)
    S -= np.log(total)
    return S


def _log_softmax_back(g, y, Z):         # ∂yⱼ/∂zₘ = [j = m] − pₘ with p = e^y; in place, since a new array costs more
    p_times_sum = np.exp(y)
    p_times_sum *= g.sum(-1, keepdims=True)
    return (np.subtract(g, p_times_sum, out=p_times_sum),)


# The operations by name, each with its rule.
# At a kink the rules follow the book's conventions: on a tie, maximum and minimum send all of g to the first input, as
# TensorFlow does; PyTorch, JAX and autograd send half to each. Where z = 0, relu sends nothing, as everywhere.
OPS: dict[str, Op] = {
    #                  symbol      value f(inputs)                 rule vjp(g, y, inputs)
    "copy":        Op("copy",      operator.pos,                   lambda g, y, a: (g,)),
    "neg":         Op("−",         operator.neg,                   lambda g, y, a: (-g,)),
    "add":         Op("+",         operator.add,                   lambda g, y, a, b: (g, g)),
    "sub":         Op("−",         operator.sub,                   lambda g, y, a, b: (g, -g)),
    "mul":         Op("×",         operator.mul,                   lambda g, y, a, b: (g * b, g * a)),
    "div":         Op("÷",         operator.truediv,               lambda g, y, a, b: (g / b, -g * y / b)),
    "pow":         Op("^",         lambda a, c: a**c,              lambda g, y, a, c: (g * c * a ** (c - (c != 0)),)),
    "exp":         Op("exp",       np.exp,                         lambda g, y, a: (g * y,)),
    "log":         Op("ln",        np.log,                         lambda g, y, a: (g / a,)),
    "sqrt":        Op("√",         np.sqrt,                        lambda g, y, a: (g / (2 * y),)),
    "tanh":        Op("tanh",      np.tanh,                        lambda g, y, a: (g * (1 - y * y),)),
    "sigmoid":     Op("σ",         sigmoid,                        lambda g, y, a: (g * (y * (1 - y)),)),
    "log_sigmoid": Op("ln σ",      lambda a: -np.logaddexp(0, -a), lambda g, y, a: (g * sigmoid(-a),)),
    "softplus":    Op("softplus",  lambda a: np.logaddexp(0, a),   lambda g, y, a: (g * sigmoid(a),)),
    "relu":        Op("relu",      lambda a: np.maximum(a, 0),     lambda g, y, a: (g * (a > 0),)),
    "maximum":     Op("max",       np.maximum,                     lambda g, y, a, b: (g * (a >= b), g * (a < b))),
    "minimum":     Op("min",       np.minimum,                     lambda g, y, a, b: (g * (a <= b), g * (a > b))),
    "matmul":      Op("@",         operator.matmul, Pieces(matmul_left, _matmul_right), False),
    "affine":      Op("@ +",       _affine, Pieces(lambda g, y, A, B, b: matmul_left(g, y, A, B),
                                                   lambda g, y, A, B, b: _matmul_right(g, y, A, B),
                                                   lambda g, y, A, B, b: sum_to(g, b.shape)), False),
    "transpose":   Op("ᵀ",         np.transpose,    lambda g, y, A: (g.T,), False),
    "reshape":     Op("reshape",   np.reshape,      lambda g, y, a, shape: (g.reshape(a.shape),), False),
    "broadcast":   Op("broadcast", np.broadcast_to, lambda g, y, a, shape: (sum_to(g, a.shape),), False),
    "take":        Op("[·]",       lambda a, at: a[at], lambda g, y, a, at: (_put_back(g, a, at),), False),
    "sum":         Op("Σ",         np.sum,          lambda g, y, a, **on: (_spread(g, a.shape, **on),), False),
    "mean":        Op("mean", np.mean, lambda g, y, a, **on: (_spread(g * (y.size / a.size), a.shape, **on),), False),
    "log_softmax": Op("ln softmax", _log_softmax, _log_softmax_back, False),
}

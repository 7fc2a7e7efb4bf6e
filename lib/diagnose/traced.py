"""A loss written with NumPy, as a graph: its arrays are wrapped, and what NumPy is asked to do becomes nodes.

Where NumPy is asked for something that is not in the table, an error says so, and the loss stays a function.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from lib import graph, ops
from lib.graph import Node
from lib.ops import Op

# What a reader's loss may use beyond the operations of the book.
OPS = ops.OPS | {
    "sin": Op("sin", np.sin, lambda g, y, a: (g * np.cos(a),)),
    "cos": Op("cos", np.cos, lambda g, y, a: (-g * np.sin(a),)),
    "abs": Op("|·|", np.abs, lambda g, y, a: (g * np.sign(a),)),
}
UFUNCS = {"add": "add", "subtract": "sub", "multiply": "mul", "true_divide": "div", "divide": "div", "matmul": "matmul",
          "negative": "neg", "exp": "exp", "log": "log", "sqrt": "sqrt", "tanh": "tanh", "maximum": "maximum",
          "minimum": "minimum", "positive": "copy", "sin": "sin", "cos": "cos", "absolute": "abs"}


class Traced(NDArrayOperatorsMixin):
    """An array that knows the node it is the value of."""

    def __init__(self, node: Node):
        self.node = node

    shape, ndim = property(lambda self: self.node.value.shape), property(lambda self: self.node.value.ndim)
    size, T = property(lambda self: self.node.value.size), property(lambda self: Traced(self.node.T))
    sum, mean = lambda self, axis=None, **on: _total("sum", self, axis, **on), lambda self, axis=None, **on: _total(
        "mean", self, axis, **on)

    def __len__(self):
        return len(self.node.value)

    def __getitem__(self, at):
        if at is None or (isinstance(at, tuple) and any(part is None for part in at)):
            return Traced(apply("reshape", self.node, shape=self.node.value[at].shape))
        return Traced(apply("take", self.node, at=at))

    def reshape(self, *shape):
        """The same entries in another shape."""
        shape = self.node.value.reshape(*shape).shape
        return Traced(apply("reshape", self.node, shape=shape))

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        if method != "__call__" or options:
            return NotImplemented
        name, (a, *rest) = ufunc.__name__, [_node(x) for x in inputs]
        if name == "logaddexp" and not a.varies and not np.any(a.value):
            return Traced(apply("softplus", rest[0]))
        if name in ("power", "square", "log1p", "log2"):
            return _special(name, a, rest)
        if name == "maximum" and not rest[0].varies and not np.any(rest[0].value):
            return Traced(apply("relu", a))
        if name not in UFUNCS:
            return NotImplemented
        return Traced((UFUNCS[name] == "div" and _sigmoid(a, *rest)) or apply(UFUNCS[name], a, *rest))

    def __array_function__(self, function, types, args, options):
        if function is np.dot:
            return args[0] @ args[1]
        if function in (np.sum, np.mean):
            return _total(function.__name__, *args, **options)
        if function is np.transpose and len(args) == 1 and not options:
            return args[0].T
        if function is np.reshape and not options:
            return args[0].reshape(*args[1:])
        return NotImplemented


def apply(op: str, *inputs, **options) -> Node:
    """A node, of the larger table."""
    return graph.apply(op, *inputs, ops=OPS, **options)


def _node(x):
    """The node of a traced array; anything else becomes a constant."""
    return x.node if isinstance(x, Traced) else Node(np.asarray(x, dtype=float), False)


def _special(name, a, rest):
    """Functions that the table holds in another form."""
    if name == "power":
        exponent = rest[0].value
        if rest[0].varies or exponent.shape != ():
            return NotImplemented
        return Traced(apply("pow", a, c=float(exponent)))
    if name == "square":
        return Traced(apply("pow", a, c=2.0))
    if name == "log1p":
        return Traced(apply("log", apply("add", 1.0, a)))
    return Traced(apply("div", apply("log", a), float(np.log(2))))


def _total(op, a, axis=None, keepdims=False):
    """A sum or a mean."""
    return Traced(apply(op, a.node, axis=axis, keepdims=keepdims))


def _sigmoid(a, b):
    """1 / (1 + exp(−z)) is the sigmoid of z, and one node."""
    one = lambda node: not node.varies and node.value.shape == () and node.value == 1.0
    if one(a) and b.op == "add":
        found = [node for node in b.parents if node.op == "exp"]
        if len(found) == 1 and any(one(node) for node in b.parents) and found[0].parents[0].op == "neg":
            return apply("sigmoid", found[0].parents[0].parents[0])
    return None


def traced(loss: Callable) -> Callable:
    """The same loss of leaves of a graph, returning a node."""
    @wraps(loss)
    def on_nodes(**known):
        value = loss(**{name: Traced(node) if isinstance(node, Node) else node for name, node in known.items()})
        return value.node if isinstance(value, Traced) else value
    return on_nodes

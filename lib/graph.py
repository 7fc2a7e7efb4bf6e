"""The engine: a graph of what was computed, and the sweep back through it that finds the gradient by every node.

A graph is built by computing, L = ((sigmoid(X @ W) - Y) ** 2).mean(), and never changes: values are read-only copies,
and `backward` returns its gradients, so that calling it twice gives the same. Not here: second derivatives, operations
in place, and branches of the program, of which a graph holds only the one that was taken.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lib.mlp import check_name
from lib.ops import OPS, Op, Pieces, sum_to
from lib.shapes import floats

FLOAT = np.dtype(float)


class Node:
    """A value, the operation that gave it, and its parents in the order of the inputs: x * x has the parent x twice.

    A leaf has no operation. What depends on no leaf is constant: it never `varies`, and no gradient is sent to it.
    """

    __array_ufunc__ = None                                        # array * node is left to the node
    __slots__ = ("name", "op", "options", "parents", "value", "varies")

    def __init__(self, value, varies: bool, name: str = "", op: str = "", parents: tuple = (), options=None):
        self.value, self.varies, self.name = value, varies, name
        self.op, self.parents, self.options = op, parents, options or {}

    def __repr__(self):
        return f"{self.name or 'node'}: {self.op or ('constant', 'leaf')[self.varies]} of shape {self.value.shape}"

    __add__, __radd__ = lambda a, b: apply("add", a, b), lambda b, a: apply("add", a, b)
    __sub__, __rsub__ = lambda a, b: apply("sub", a, b), lambda b, a: apply("sub", a, b)
    __mul__, __rmul__ = lambda a, b: apply("mul", a, b), lambda b, a: apply("mul", a, b)
    __truediv__, __rtruediv__ = lambda a, b: apply("div", a, b), lambda b, a: apply("div", a, b)
    __matmul__, __rmatmul__ = lambda A, B: apply("matmul", A, B), lambda B, A: apply("matmul", A, B)
    __neg__, __pow__ = lambda a: apply("neg", a), lambda a, c: apply("pow", a, c=c)
    __getitem__, T = lambda a, at: apply("take", a, at=at), property(lambda A: apply("transpose", A))
    sum, mean = (lambda a, dtype=None, out=None, op=op, **on: apply(op, a, **on)        # np.sum(node) calls node.sum so
                 for op in ("sum", "mean"))


exp, log, sqrt, tanh, sigmoid, log_sigmoid, softplus, relu, maximum, minimum, copy, affine, log_softmax = (
    lambda *inputs, op=op: apply(op, *inputs)
    for op in "exp log sqrt tanh sigmoid log_sigmoid softplus relu maximum minimum copy affine log_softmax".split())


def leaf(value: float | np.ndarray, name: str = "") -> Node:
    """A variable: a node by which a gradient is wanted. It holds a copy of the value.  Shapes: any."""
    return Node(_own("leaf", value, name), True, name)


def constant(value: float | np.ndarray, name: str = "") -> Node:
    """Data: a node that is sent no gradient. A number or an array beside a node becomes one.  Shapes: any."""
    return Node(_own("constant", value, name), False, name)


def _own(where, value, name=""):                 # a copy of a number, or of an array of float64
    if isinstance(value, Node):
        raise TypeError(f"{where}: the value is a node already: {value}")
    plain = type(value) in (float, int) and value == value
    return _frozen(value if plain else np.array(floats(where, **{name or "the value": value})))


def _frozen(value):                              # an array becomes read-only; a scalar is so anyway
    if type(value) is np.ndarray and value.ndim:
        value.setflags(write=False)
        return value
    return np.float64(value)


def _kind(value):                                # of what is not float64: truth values would add up to True, not to 2
    kind = getattr(value, "dtype", None)
    return None if kind is FLOAT or type(value) in (float, int) else str(kind or type(value).__name__)


def _fixed(option):                              # which cannot change once it was used
    if isinstance(option, tuple):
        return tuple(map(_fixed, option))
    return np.array(option) if isinstance(option, np.ndarray | list) else option


def apply(op: str, *inputs, ops: dict[str, Op] = OPS, **options) -> Node:
    """A new node: only here do nodes get parents, which are older than they are, so that there are no cycles."""
    if op not in ops:
        check_name("apply", ops, op=op)
    parents = tuple([node if type(node) is Node else constant(node) for node in inputs])
    options = {name: _fixed(option) for name, option in options.items()} if options else options
    try:
        value = ops[op].f(*[node.value for node in parents], **options)
        if type(value) is not np.float64 and (kind := _kind(value)):
            raise TypeError(f"the result is of type {kind}, expected float64")
    except (ValueError, IndexError, TypeError) as error:
        raise type(error)(f"{op} of {' and '.join(str(node.value.shape) for node in parents)}: {error}") from None
    return Node(_frozen(value), any([node.varies for node in parents]), "", op, parents, options)


def topological(root: Node) -> list[Node]:
    """Every node that root depends on, inputs before what uses them. The stack is its own, so depth has no limit."""
    order, finished, stack = [], {}, [root]
    while stack:
        node = stack[-1]
        if node not in finished:
            finished[node] = False
            for parent in node.parents:
                if not finished.get(parent, True):
                    raise ValueError(f"topological: the graph has a cycle, through {parent}")
                stack.append(parent)
        elif not finished[stack.pop()]:
            finished[node] = True
            order.append(node)
    return order


def depth_first_order(root: Node) -> list[Node]:
    """The nodes as a plain walk from root meets them; some take their turn before all of their gradient has arrived."""
    met, stack = {}, [root]
    while stack:
        node = stack.pop()
        stack += () if node in met else node.parents[::-1]
        met[node] = True
    return list(met)


class Step(NamedTuple):
    """A node's turn: the gradient that has reached it, and what its rule sends each parent, None to a constant."""
    node: Node
    upstream: np.ndarray
    sent: tuple


def sweep(root: Node, grads: dict, ops: dict[str, Op] = OPS, order: list[Node] | None = None) -> Iterator[Step]:
    """The steps from root back to the leaves. `grads` holds the gradient by root, and is filled on the way.

        x used by several y:  ∂L/∂x = Σ over these y of what their rules send x    (eq:fan-out)

    Every node waits for all that use it. Sums are new arrays, because a rule may send one array to two parents.
    Source: chapters/graphs/chain-rule, "A node that is used more than once".
    """
    for node in reversed(topological(root)) if order is None else order:
        if node.varies and node.parents:
            try:
                g = grads[node]
            except KeyError:
                raise ValueError(f"sweep: {node} has its turn before any gradient has reached it") from None
            sent = _sent(node, g, ops)
            for parent, piece in zip(node.parents, sent, strict=True):
                if parent.varies:
                    grads[parent] = _frozen(grads[parent] + piece) if parent in grads else piece
            yield Step(node, g, sent)


def _sent(node, g, ops):
    """What the rule of a node sends each parent, in the parent's shape."""
    if node.op not in ops:
        check_name("sweep", ops, op=node.op)
    row, parents, given = ops[node.op], node.parents, (g, node.value, *[parent.value for parent in node.parents])
    try:
        if type(row.vjp) is Pieces:
            sent = tuple([part(*given, **node.options) if parent.varies else None
                          for part, parent in zip(row.vjp.pieces, parents, strict=True)])
        else:
            sent = row.vjp(*given, **node.options)
    except (ValueError, IndexError, TypeError) as error:
        raise type(error)(f"vjp of {node.op!r}: {error}") from error
    if type(sent) is not tuple or len(sent) != len(parents):
        got = f"{len(sent)} gradients" if type(sent) is tuple else f"a {type(sent).__name__}"
        raise ValueError(f"vjp of {node.op!r} returns {got}, expected a tuple of {len(parents)}, one per input")
    return tuple([None if not parent.varies else piece if type(piece) is type(parent.value) is np.float64 else
                  _fitted(piece, i, node, row.elementwise)
                  for i, (parent, piece) in enumerate(zip(parents, sent, strict=True))])


def _fitted(piece, i, node, elementwise):
    """A piece in the shape of input i: as it is, or, where the input was broadcast, summed over its copies."""
    if kind := _kind(piece):
        raise TypeError(f"vjp of {node.op!r}, input {i}: gradient is of type {kind}, expected float64")
    piece, shape = _frozen(piece), node.parents[i].value.shape
    if piece.shape == shape:
        return piece
    if elementwise and piece.shape == node.value.shape:
        return _frozen(sum_to(piece, shape))
    raise ValueError(f"vjp of {node.op!r}, input {i}: gradient has shape {piece.shape}, the input has shape {shape}")


def backward(root: Node, seed=None, ops: dict[str, Op] = OPS, order: list[Node] | None = None) -> dict:
    """The gradient of a scalar root by every node it depends on, constants excepted, each in the shape of its node.

        ∂L/∂x = Σ over the paths from x to L of the product of the rates along the path    (eq:backward-sweep)

    A seed, ∂L/∂root of some L beyond root, takes the place of the 1 that a scalar root starts from.
    Source: chapters/graphs/autodiff, "The engine".
    """
    if not isinstance(root, Node):
        raise TypeError(f"backward: root is a {type(root).__name__}, expected a node")
    grads = {root: _own("backward", 1.0 if seed is None else seed, "seed")}
    if grads[root].shape != root.value.shape:
        why = "a gradient needs a scalar, or pass seed" if seed is None else f"the seed has shape {grads[root].shape}"
        raise ValueError(f"backward: root has shape {root.value.shape}; {why}")
    for _ in sweep(root, grads, ops, order):
        pass
    return grads


def to_records(root: Node, grads: dict | None = None, ops: dict[str, Op] = OPS, step: Step | None = None) -> list[dict]:
    """What a picture needs of every node, inputs first; parents are given by their places in this list.

    With a step of the sweep the record of its node also holds what it sends; that of every other node holds ().
    """
    nodes, grads = topological(root), grads or {}
    place = {node: i for i, node in enumerate(nodes)}
    return [{"name": node.name, "symbol": ops[node.op].symbol if node.op else "", "value": node.value,
             "gradient": grads.get(node), "parents": [place[parent] for parent in node.parents],
             "sent": step.sent if step and step.node is node else ()} for node in nodes]

"""Ways to be wrong: each kind of slip with its sentence, and the gradient that would follow from it.

A structure is what a slip makes of the gradient of the data part. It comes from the graph of the loss with one piece
altered: the rule of a node, the value a node passes on, an edge. A fit then says whether a claim is a structure times
a known factor plus so much of the penalty's gradient, on every instance at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, combinations
from typing import NamedTuple

import numpy as np

from lib import graph
from lib.models import Instance
from lib.ops import OPS, Op, sigmoid

CLOSE = 1e-8          # exact relations hold to about 1e-12, wrong ones miss by 1e-3 or more


class Kind(NamedTuple):
    """The number of a kind, in the order of the tests, and its sentence; {detail} says where."""

    number: str
    sentence: str


KINDS: dict[str, Kind] = {
    "correct": Kind("0",
        "Your gradient is right: it agrees with the slope of the loss in every entry."),
    "sign": Kind("1",
        "The size is right and the sign is not{detail}: look for a residual written the wrong way round, y − ŷ for "
        "ŷ − y, or a minus sign that was lost or used twice."),
    "factor-two": Kind("2",
        "Your gradient is {detail} the true one: look where the 2 of a square, or the ½ in front of it, went."),
    "log-base": Kind("3",
        "Your gradient is {detail} the true one: the derivative of ln u is 1/u; only that of log₂ u carries 1/ln 2."),
    "constant": Kind("4",
        "Your gradient is {detail} the true one on every instance: one constant factor was picked up or lost."),
    "sum-not-mean": Kind("5",
        "Your gradient is n times too large{detail}: the 1/n of the mean over the rows was dropped."),
    "averaged-twice": Kind("6",
        "Your gradient is n times too small{detail}: it was divided by the number of rows once too often."),
    "transposed": Kind("7",
        "The numbers are right but {detail}."),
    "wrong-shape": Kind("8",
        "{detail}."),
    "penalty": Kind("9",
        "The data part is right; {detail}."),
    "path-missing": Kind("10",
        "One of two paths is missing: {detail}. Where a quantity is used twice, two gradients come back, and they "
        "add."),
    "normaliser-constant": Kind("10b",
        "The normaliser of the softmax was treated as a constant: it contains every score, so the term −p is "
        "missing{detail}."),
    "permuted": Kind("11",
        "The numbers are right but {detail}."),
    "wrong-index": Kind("12",
        "One factor carries the wrong index: {detail}."),
    "other-parameter": Kind("12b",
        "{detail}."),
    "unsummed": Kind("13",
        "One gradient for every row is still there: the sum over the rows, your first axis, is missing{detail}."),
    "wrong-exponent": Kind("14",
        "{detail}."),
    "summed-index": Kind("15",
        "{detail}, so all its entries became equal: that index is free and must not be summed."),
    "delta-missing": Kind("15b",
        "Your gradient is right where the true one is not zero, and should be zero elsewhere: a Kronecker delta was "
        "lost."),
    "broadcast": Kind("16",
        "Every prediction was compared with every target: (n, 1) minus (n,) broadcasts to a table (n, n)."),
    "phi-for-slope": Kind("17a",
        "The activation φ stands where its slope φ′ belongs{detail}."),
    "slope-missing": Kind("17b",
        "The slope φ′ was left out{detail}: going back through an activation multiplies by φ′(z)."),
    "slope-of-z": Kind("17c",
        "The slope is written with z where the output a belongs{detail}: it is a (1 − a) for the sigmoid, 1 − a² "
        "for tanh, with a = φ(z)."),
    "slope-at-output": Kind("17d",
        "The slope was taken at the output, φ′(a), and belongs at the pre-activation, φ′(z){detail}."),
    "diagonal-only": Kind("18",
        "Only the diagonal of the softmax's Jacobian was kept{detail}: raising one score lowers all the other "
        "probabilities."),
    "target-ignored": Kind("19",
        "Your gradient does not change when the targets do, and the true one does: the target was lost on the way."),
    "zero": Kind("20",
        "Your gradient is zero in every entry of every instance, and the true one is not: two terms cancel that "
        "should not, or a factor 0 crept in."),
    "wrong-output": Kind("21",
        "The residual compares the targets with the wrong thing: {detail}."),
    "exponent-sign": Kind("22",
        "The sign in an exponent is wrong: {detail} is computed as 1/(1 + e^(+z))."),
    "unexplained": Kind("–",
        "Your gradient differs from the slope of the loss, and no single slip on the list explains it{detail}."),
}


class Structure(NamedTuple):
    """A kind of slip, where it happened, and the gradient of the data part that follows from it."""

    kind: str
    detail: str
    find: Callable[[Instance], np.ndarray]
    turned: bool = False                       # whether the penalty's gradient is transposed with it


_SLOPES = {      # what may stand where the slope of an activation belongs, from its output y and its input a
    "sigmoid": {"phi-for-slope": lambda y, a: y, "slope-missing": lambda y, a: 1.0,
                "slope-of-z": lambda y, a: a * (1 - a), "slope-at-output": lambda y, a: sigmoid(y) * sigmoid(-y)},
    "tanh": {"phi-for-slope": lambda y, a: y, "slope-missing": lambda y, a: 1.0,
             "slope-of-z": lambda y, a: 1 - a * a, "slope-at-output": lambda y, a: 1 - np.tanh(y) ** 2},
    "relu": {"phi-for-slope": lambda y, a: y, "slope-missing": lambda y, a: 1.0},
    "softplus": {"phi-for-slope": lambda y, a: y, "slope-missing": lambda y, a: 1.0,
                 "slope-at-output": lambda y, a: sigmoid(y)},
}
TABLE = OPS | {f"{op}: {kind}": Op("", OPS[op].f, lambda g, y, a, slope=slope: (g * slope(y, a),))
               for op, slopes in _SLOPES.items() for kind, slope in slopes.items()} | {
    "log_softmax: normaliser-constant": Op("", OPS["log_softmax"].f, lambda g, y, Z: (g,), False),
    "log_softmax: diagonal-only": Op("", OPS["log_softmax"].f, lambda g, y, Z: (g * (1 - np.exp(y)),), False),
    "matmul: left as it is": Op("", np.matmul, lambda g, y, A, B: (g @ B, A.T @ g), False),
    "sigmoid: exponent-sign": Op("", lambda a: sigmoid(-a), lambda g, y, a: (-g * y * (1 - y),)),
    "sigmoid: exponent-sign, slope as usual": Op("", lambda a: sigmoid(-a), lambda g, y, a: (g * y * (1 - y),)),
}


def structures(instance: Instance, wrt: str) -> Iterator[Structure]:
    """Everything that a single slip can make of the gradient of the data part; first, what no slip makes of it."""
    yield Structure("", "", lambda at: at.data.truth(wrt))
    yield from _whole(instance, wrt)
    if instance.model.traced:
        order = instance.data.order
        yield from chain(_paths(order, wrt), _products(order, wrt), _slopes(order, wrt), _targets(instance, wrt),
                         _outputs(order, wrt), _others(instance, wrt))


def _whole(instance, wrt):
    """What can be done to the gradient as a whole."""
    shape = instance.arrays[wrt].shape
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        turn = lambda at: at.data.truth(wrt).T
        yield Structure("transposed", f"the array is the transpose of the gradient by {wrt}", turn, turned=True)
        yield Structure("transposed", f"its data part is the transpose of the gradient by {wrt}", turn)
    for axes in chain.from_iterable(combinations(range(len(shape)), m) for m in range(1, len(shape) + 1)):
        if all(shape[axis] > 1 for axis in axes):
            words = " and ".join(("first", "second", "third")[axis] for axis in axes)
            yield Structure("summed-index", f"Your gradient by {wrt} is summed over its {words} index",
                            lambda at, axes=axes: _summed(at.data.truth(wrt), axes))


def _summed(array, axes):
    """Every entry replaced by the sum along these axes."""
    return np.broadcast_to(array.sum(axis=axes, keepdims=True), array.shape)


def regrown(order: list, change: dict) -> dict:
    """The graph again, with the nodes at some places changed: {place: change(node, its new parents) → node}."""
    new = {}
    for place, node in enumerate(order):
        parents = [new[parent] for parent in node.parents]
        if place in change:
            new[node] = change[place](node, parents)
        elif all(ours is theirs for ours, theirs in zip(parents, node.parents, strict=True)):
            new[node] = node
        else:
            new[node] = graph.apply(node.op, *parents, ops=TABLE, **node.options)
    return new


def _altered(wrt, change, ops=TABLE):
    """The gradient of the data part with some nodes changed."""
    def find(at):
        data = at.data
        return graph.backward(regrown(data.order, change)[data.root], ops=ops)[data.leaves[wrt]]
    return find


def _as(op, table=TABLE):
    """A change of a node: the same inputs under another row of the table."""
    return lambda node, parents: graph.apply(op, *parents, ops=table, **node.options)


def _called(order, place):
    """How the reader may know a node."""
    node = order[place]
    return node.name or next((f"φ({parent.name})" for parent in node.parents if parent.name), f"the {node.op}")


def _slopes(order, wrt):
    """The rules of activations and of the softmax, at one node or at all of their kind."""
    for op in dict.fromkeys(node.op for node in order):
        rows = [row for row in TABLE if row.startswith(f"{op}: ") and op != "matmul"]
        places = [place for place, node in enumerate(order) if node.op == op and node.varies]
        groups = [places] + [[place] for place in places if len(places) > 1]
        for row, group in ((row, group) for row in rows for group in groups):
            kind = row.partition(": ")[2].partition(",")[0]
            where = " and ".join(_called(order, place) for place in group)
            detail = where if kind == "exponent-sign" else "" if op == "log_softmax" else f" at {where}"
            yield Structure(kind, detail, _altered(wrt, {place: _as(row) for place in group}))


def _paths(order, wrt):
    """An edge forgotten, where a node that depends on `wrt` is used more than once."""
    for node in order:
        users = [(place, slot) for place, user in enumerate(order)
                 for slot, parent in enumerate(user.parents) if parent is node]
        if len(users) > 1 and node.varies:
            for place, slot in users:
                def cut(user, parents, slot=slot):
                    parents[slot] = graph.constant(parents[slot].value)
                    return graph.apply(user.op, *parents, ops=TABLE, **user.options)
                name = node.name or f"the {node.op}"
                way = order[place].name or f"the {order[place].op}"
                yield Structure("path-missing", f"what comes back to {name} through {way}", _altered(wrt, {place: cut}))


def _products(order, wrt):
    """A matrix that was not transposed on the way back, or the array of another layer in a product."""
    for place, node in enumerate(order):
        if node.op != "matmul" or any(parent.value.ndim != 2 for parent in node.parents):
            continue
        left, right = node.parents
        if right.value.shape[0] == right.value.shape[1] > 1:
            yield Structure("transposed", f"{right.name or 'a matrix'} should be transposed on the way back",
                            _altered(wrt, {place: _as("matmul: left as it is")}))
        for other, there in enumerate(order):
            if there is not left and there.value.shape == left.value.shape and (there.varies or there.name):
                name = there.name or f"the {there.op}"
                yield Structure("other-parameter", f"{name} stands where {left.name or f'the {left.op}'} belongs",
                                _with_left(wrt, place, other))


def _with_left(wrt, place, other):
    """The gradient when the product at a place is sent back with another array as its left factor."""
    def find(at):
        data = at.data
        wrong = data.order[other].value
        table = TABLE | {"matmul: other": Op("", np.matmul, lambda g, y, A, B: (g @ B.T, wrong.T @ g), False)}
        grown = regrown(data.order, {place: _as("matmul: other", table)})
        root = grown[data.root]
        return graph.backward(root, ops=table)[data.leaves[wrt]]
    return find


def _output(order):
    """The place of the output, the last product with what is added to it."""
    products = [place for place, node in enumerate(order) if node.op == "matmul" and node.varies]
    if not products:
        return None
    place = products[-1]
    users = [i for i, node in enumerate(order) if order[place] in node.parents]
    return users[0] if users and order[users[0]].op == "add" else place


def _seeded(wrt, output, seed):
    """The gradient when the loss sends the output something else."""
    def find(at):
        data = at.data
        grads = graph.backward(data.order[output], seed=np.ascontiguousarray(seed(data)))
        return grads.get(data.leaves[wrt], np.zeros_like(data.arrays[wrt]))
    return find


def _outputs(order, wrt):
    """A residual that compares the target with something else than the output."""
    output = _output(order)
    if output is None:
        return

    def seed(change):
        def find(data):
            grown = regrown(data.order, change)
            node = grown[data.order[output]]
            return graph.backward(grown[data.root], ops=TABLE)[node]
        return find

    for place in range(output):
        node = order[place]
        if node.op in _SLOPES:
            inverse = lambda node, parents: graph.apply("div", 1.0, graph.apply(node.op, *parents))
            yield Structure("wrong-output", f"in it 1/{_called(order, place)} stands for {_called(order, place)}",
                            _seeded(wrt, output, seed({place: inverse})))
        if node.value.shape == order[output].value.shape and node.varies and node.name:
            yield Structure("wrong-output", f"{node.name} stands for {order[output].name or 'the output'}",
                            _seeded(wrt, output, _from_other(output, place)))


def _from_other(output, place):
    """What the loss would send back if another node's value were the output's."""
    def find(data):
        stand_in = graph.leaf(data.order[place].value)
        grown = regrown(data.order, {output: lambda node, parents: stand_in})
        return graph.backward(grown[data.root], ops=TABLE)[stand_in]
    return find


def _targets(instance, wrt):
    """Every prediction compared with every target."""
    output = _output(instance.data.order)
    names = [name for name in instance.model.targets if name in instance.arrays]
    if output is None or not names:
        return

    def seed(data):
        rolled = [data.changed(**{name: np.roll(data.arrays[name], shift, axis=0) for name in names})
                  for shift in range(len(data.arrays[names[0]]))]
        return np.mean([graph.backward(other.root)[other.order[output]] for other in rolled], axis=0)

    yield Structure("broadcast", "", _seeded(wrt, output, seed))


def _others(instance, wrt):
    """The gradient by another parameter of the same shape."""
    for other in instance.model.parameters:
        if other != wrt and instance.arrays[other].shape == instance.arrays[wrt].shape:
            yield Structure("other-parameter", f"This is the gradient by {other}, not by {wrt}",
                            lambda at, other=other: at.data.truth(other))


class Fit(NamedTuple):
    """claim = k n^p · structure + q n^r · penalty's gradient."""

    k: float
    p: int
    q: float
    r: int


def fit(claims: list, parts: list, penalties: list | None, ns: list[int]) -> Fit | None:
    """The factors that make every claim a structure plus so much of the penalty's gradient, or None.

    Shapes: claims[j], parts[j] and penalties[j] alike.
    """
    size = [max(np.abs(claim).max(), np.abs(part).max(), 1e-12) for claim, part in zip(claims, parts, strict=True)]
    target = _stacked(claims, size)
    powers = [(0, 0), (1, 0), (-1, 0), (1, 1), (-1, -1), (0, 1), (0, -1)] if len(set(ns)) > 1 else [(0, 0)]
    for p, r in powers if penalties else [(p, 0) for p, _ in powers[:3]]:
        columns = [_stacked(parts, size, ns, p)] + ([_stacked(penalties, size, ns, r)] if penalties else [])
        A = np.stack(columns, axis=1)
        factors = np.linalg.lstsq(A, target, rcond=None)[0]
        if np.abs(A @ factors - target).max() <= CLOSE * max(1.0, *np.abs(factors)):
            return Fit(float(factors[0]), p, float(factors[1]) if penalties else 0.0, r)
    return None


def _stacked(arrays, size, ns=None, power=0):
    """All instances as one column, each scaled to size 1 and times n^power."""
    ns = ns if power else [1] * len(arrays)
    return np.concatenate([(array * (float(n) ** power / s)).ravel()
                           for array, n, s in zip(arrays, ns, size, strict=True)])

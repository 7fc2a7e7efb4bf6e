"""Ways to be wrong: the gradient that would follow from each kind of slip.

A structure is what a slip makes of the gradient of the data part. It comes from the graph of the loss with one piece
altered: the rule of a node, the value that a node passes on, an edge. A fit then says whether a claim is a structure
times a factor k nᵖ, plus so much of the penalty's gradient, on all instances at once.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, combinations
from typing import NamedTuple

import numpy as np

from lib import graph
from lib.diagnose.instances import Instance
from lib.diagnose.wrong_rules import HEADS, LOCAL, TABLE
from lib.ops import Op

CLOSE = 1e-8          # exact relations hold to about 1e-12, wrong ones miss by 1e-3 or more
NEARLY = 1e-5         # what single precision and difference quotients leave of a right gradient


class Structure(NamedTuple):
    """A kind of slip, where it happened, and the gradient of the data part that follows from it."""

    kind: str
    detail: str
    find: Callable[[Instance], np.ndarray]
    on_penalty: Callable[[np.ndarray], np.ndarray] | None = None        # what the slip does to the penalty's gradient


def structures(instance: Instance, wrt: str) -> list[Structure]:
    """Everything that a single slip can make of the gradient of the data part; first, what no slip makes of it."""
    if ("structures", wrt) not in instance.found:
        instance.found["structures", wrt] = list(_structures(instance, wrt))
    return instance.found["structures", wrt]


def made(structure: Structure, at: Instance) -> np.ndarray:
    """What a structure finds at an instance, found once."""
    if structure not in at.found:
        at.found[structure] = structure.find(at)
    return at.found[structure]


def _structures(instance, wrt):
    yield Structure("", "", lambda at: at.data.truth(wrt))
    yield from _whole(instance, wrt)
    if instance.model.written != "values" and instance.root.value.shape == ():
        order = instance.data.order
        yield from chain(_paths(order, wrt), _products(order, wrt), _rules(order, wrt), _targets(instance, wrt),
                         _outputs(order, wrt), _others(instance, wrt))


def _whole(instance, wrt):
    """What can be done to the gradient as a whole."""
    shape = instance.truth(wrt).shape
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        turn = lambda at: at.data.truth(wrt).T
        yield Structure("transposed", f"rows and columns of the gradient by {wrt} are exchanged", turn, np.transpose)
        yield Structure("transposed", f"rows and columns of its data part by {wrt} are exchanged", turn)
    for axes in chain.from_iterable(combinations(range(len(shape)), m) for m in range(1, len(shape) + 1)):
        if all(shape[axis] > 1 for axis in axes):
            words = " and its ".join(("first", "second", "third", "fourth")[axis] for axis in axes)
            added = lambda array, axes=axes: _summed(array, axes)
            for what, on_penalty in (("Your", added), ("The data part of your", None)):
                yield Structure("summed-index", f"{what} gradient by {wrt} is summed over its {words} index",
                                lambda at, added=added: added(at.data.truth(wrt)), on_penalty)


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
        grads = graph.backward(regrown(data.order, change)[data.root], ops=ops)
        return grads.get(data.leaves[wrt], np.zeros_like(data.arrays[wrt]))
    return find


def _as(op, table=TABLE):
    """A change of a node: the same inputs under another row of the table."""
    return lambda node, parents: graph.apply(op, *parents, ops=table, **node.options)


def called(order: list, node: graph.Node, depth: int = 2) -> str:
    """How the reader may know a node: by its name, or as a formula of what has one, such as σ(X @ w)."""
    if node.name or not node.parents:
        return node.name or ("…" if node.value.ndim else f"{float(node.value):.3g}")
    if not depth:
        return "…"
    inside = [called(order, parent, depth - 1) for parent in node.parents]
    symbol = TABLE[node.op].symbol
    if len(inside) == 2:
        return f"{inside[0]} {symbol} {inside[1]}"
    alone = inside[0] if node.parents[0].name else f"({inside[0]})"
    return {"−": f"−{alone}", "^": f"{alone}^{node.options.get('c', 0):g}"}.get(symbol, f"{symbol}({inside[0]})")


def _on_the_way(order, wrt):
    """The nodes through which the parameter reaches the loss."""
    found = {node for node in order if node.name == wrt and not node.parents}
    for node in order:
        if any(parent in found for parent in node.parents):
            found.add(node)
    return found


def _rules(order, wrt):
    """The rules of activations and of the softmax, wrong at one node or at all of their kind."""
    way = _on_the_way(order, wrt)
    for rule in [*LOCAL, *HEADS]:
        places = [place for place, node in enumerate(order) if node.op == rule.op and node.varies
                  and (node in way or rule.f is not None)]
        groups = [places] + [[place] for place in places if len(places) > 1 and rule in LOCAL] if places else []
        for group in groups:
            where = " and ".join(called(order, order[place]) for place in group)
            yield Structure(rule.kind, rule.detail.format(at=where),
                            _altered(wrt, {place: _as(rule.name) for place in group}))


def _paths(order, wrt):
    """An edge forgotten, or sent back with the wrong sign, where a node that varies is used more than once."""
    way = _on_the_way(order, wrt)
    for node in order:
        users = [(place, slot) for place, user in enumerate(order)
                 for slot, parent in enumerate(user.parents) if parent is node]
        for place, slot in users if len(users) > 1 and node in way else ():
            def cut(user, parents, slot=slot):
                parents[slot] = graph.constant(parents[slot].value)
                return graph.apply(user.op, *parents, ops=TABLE, **user.options)

            def turned(user, parents, slot=slot):
                parents[slot] = graph.apply("sub", 2.0 * parents[slot].value, parents[slot])
                return graph.apply(user.op, *parents, ops=TABLE, **user.options)

            user = order[place]
            if user.op == "neg":                                        # −z is no name of a path, ln σ(−z) is
                user = next((other for other in order if user in other.parents), user)
            comes = f"what comes back to {called(order, node)} through {called(order, user)}"
            softmax = order[place].op == "exp" or (node.op, order[place].op) == ("exp", "sum")
            yield Structure("normaliser-constant" if softmax else "path-missing", comes, _altered(wrt, {place: cut}))
            yield Structure("sign", f" on one of two paths, {comes}", _altered(wrt, {place: turned}))


def _products(order, wrt):
    """A product sent back without a transpose, of sums, or with the array from another place."""
    for place, node in enumerate(order):
        if node.op != "matmul" or any(parent.value.ndim != 2 for parent in node.parents):
            continue
        left, right = node.parents
        if right.value.shape[0] == right.value.shape[1] > 1:
            yield Structure("transposed", f"{called(order, right)} is to be transposed on the way back",
                            _altered(wrt, {place: _as("matmul as it is")}))
        yield Structure("wrong-exponent", f"{called(order, right)} is there twice",
                        _altered(wrt, {place: _as("matmul squared")}))
        yield Structure("wrong-exponent", f"{called(order, right)} is missing",
                        _altered(wrt, {place: _as("matmul of ones")}))
        if right.varies:
            yield Structure("summed-early", "", _altered(wrt, {place: _as("matmul of sums")}))
        for other, there in enumerate(order):
            if there is not left and there.name and there.value.shape == left.value.shape and right.varies:
                yield Structure("other-parameter", f"{there.name} for {called(order, left)}",
                                _with_left(wrt, place, other))


def _with_left(wrt, place, other):
    """The gradient when the product at a place is sent back with another array as its left factor."""
    def find(at):
        wrong = at.data.order[other].value
        table = TABLE | {"matmul of another": Op("", np.matmul, lambda g, y, A, B: (g @ B.T, wrong.T @ g), False)}
        return _altered(wrt, {place: _as("matmul of another", table)}, table)(at)
    return find


def output_of(order: list) -> int | None:
    """The place of the output: the last product, with what is added to it; without products, the only leaf."""
    products = [place for place, node in enumerate(order) if node.op == "matmul" and node.varies]
    leaves = [place for place, node in enumerate(order) if not node.op and node.varies]
    if not products:
        return leaves[0] if len(leaves) == 1 else None
    users = [place for place, node in enumerate(order) if order[products[-1]] in node.parents]
    return users[0] if users and order[users[0]].op == "add" else products[-1]


def _seeded(wrt, output, seed):
    """The gradient when the loss sends the output something else."""
    def find(at):
        data = at.data
        grads = graph.backward(data.order[output], seed=np.ascontiguousarray(seed(data)), ops=TABLE)
        return grads.get(data.leaves[wrt], np.zeros_like(data.arrays[wrt]))
    return find


def _sent(change, output):
    """What the loss sends the output when the nodes at some places are changed."""
    def find(data):
        grown = regrown(data.order, {place: make(data) for place, make in change.items()})
        return graph.backward(grown[data.root], ops=TABLE)[grown[data.order[output]]]
    return find


def _outputs(order, wrt):
    """A residual that compares the target with something else than the output."""
    output = output_of(order)
    if output is not None:
        sent = _sent({}, output)
        yield Structure("wrong-exponent", "the residual is there twice, so the square was not differentiated",
                        _seeded(wrt, output, lambda data: _squared(sent(data)) * data.sizes.get("n", 1)))
        yield Structure("summed-early", "", _seeded(wrt, output, lambda data: _summed(sent(data), 0)))
    if output is not None and (heads := [place for place, node in enumerate(order) if node.op == "log_sigmoid"]):
        scores = {place: _as("log_sigmoid of minus scores" if order[place].parents[0].op == "neg" else
                             "log_sigmoid of scores") for place in heads}
        yield Structure("wrong-output", "scores stand in it for probabilities", _altered(wrt, scores))
    inverse = lambda data: lambda node, parents: graph.apply("div", 1.0, graph.apply(node.op, *parents))
    for place, node in enumerate(order[:output or 0]):
        name = called(order, node)
        if node.op in ("sigmoid", "tanh", "softplus"):
            yield Structure("wrong-output", f"1/{name} stands in it for {name}",
                            _seeded(wrt, output, _sent({place: inverse}, output)))
        if node.value.shape == order[output].value.shape and node.varies and node.name:
            instead = lambda data, place=place: lambda node, parents: graph.leaf(data.order[place].value)
            yield Structure("wrong-output", f"{node.name} stands in it for {called(order, order[output])}",
                            _seeded(wrt, output, _sent({output: instead}, output)))


def _squared(residual):
    """The square; refused where all that is not 0 is of one size, and so the square is the same but for a factor."""
    sizes = np.abs(residual[residual != 0])
    if sizes.size > 1 and np.ptp(sizes) <= CLOSE * sizes.max():
        raise ValueError("the residual has one size")
    return residual ** 2


def _targets(instance, wrt):
    """Every prediction compared with every target."""
    output = output_of(instance.data.order)
    names = [name for name in instance.model.targets if name in instance.arrays and instance.arrays[name].ndim]

    def seed(data):
        rolled = [data.changed(**{name: np.roll(data.arrays[name], shift, axis=0) for name in names})
                  for shift in range(len(data.arrays[names[0]]))]
        return np.mean([graph.backward(other.root, ops=TABLE)[other.order[output]] for other in rolled], axis=0)

    def labels(data):
        node = next(node for node in data.order if node.op == "log_softmax")
        y, P = data.arrays["y"], np.exp(node.value)
        true, Y = graph.backward(data.root, ops=TABLE)[data.order[output]], np.eye(P.shape[1])[y]
        return true + (true * (P - Y)).sum() / ((P - Y) ** 2).sum() * (Y - y[:, None])

    if output is not None and names:
        yield Structure("broadcast", "", _seeded(wrt, output, seed))
        if "y" in names and any(node.op == "log_softmax" for node in instance.data.order):
            yield Structure("wrong-output", "the labels y stand in it for their one-hot rows Y",
                            _seeded(wrt, output, labels))


def by_node(name: str) -> Callable[[Instance], np.ndarray]:
    """The gradient of the data part by a node, found by its name."""
    def find(at):
        node = next(node for node in at.data.order if node.name == name)
        return graph.backward(at.data.root, ops=TABLE)[node]
    return find


def _others(instance, wrt):
    """The gradient by another quantity of the same shape."""
    for node in instance.data.order:
        if node.name not in ("", wrt) and node.varies and node.value.shape == instance.arrays[wrt].shape:
            yield Structure("other-parameter", f"this is the gradient by {node.name}, not by {wrt}", by_node(node.name))


def close(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to 1e-8 of the largest entry, all finite.  Shapes: any; arrays of different shapes are never close."""
    return a.shape == b.shape and _apart(a, b) <= CLOSE


def nearly(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to 1e-5 of the largest entry, and off a little in most: what single precision and differences leave.

    Shapes: any; arrays of different shapes are never near. One entry off among exact ones is a mistake.
    """
    return a.shape == b.shape and _apart(a, b) <= NEARLY and np.median(np.abs(a - b)) > 1e-12 * np.abs(b).max()


def _apart(a, b):
    """How far apart two arrays are, in units of the largest entry; infinitely far where one is not finite."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max(), 1e-4)
    return float(gap) if np.isfinite(gap) else np.inf


class Fit(NamedTuple):
    """claim = k nᵖ · structure + q nʳ · the penalty's gradient."""

    k: float
    p: int
    q: float
    r: int


def fit(claims: list, parts: list, penalties: list | None, ns: list[int]) -> Fit | None:
    """The factors that make every claim a structure plus so much of the penalty's gradient, or None.

    Shapes: claims[j], parts[j] and penalties[j] alike.
    """
    scales = [1 / max(np.abs(claim).max(), 1e-6 * np.abs(part).max(), 1e-12)
              for claim, part in zip(claims, parts, strict=True)]
    target, part, penalty = (_flat(arrays, scales) for arrays in (claims, parts, penalties or []))
    if all(np.abs(part).max() <= 1e-12 for part in parts):
        part = 0.0 * part
    n = np.repeat(np.array(ns, float), [claim.size for claim in claims])
    power = {0: 1.0, 1: n, -1: 1 / n}
    powers = [(0, 0), (1, 0), (-1, 0), (1, 1), (-1, -1), (0, 1), (0, -1)] if len(set(ns)) > 1 else [(0, 0)]
    for p, r in powers if penalties else [(p, 0) for p, _ in powers[:3]]:
        a, b = part * power[p], penalty * power[r] if penalties else np.zeros_like(part)
        k, q = _solved(a, b, target)
        if np.abs(k * a + q * b - target).max() <= CLOSE * max(1.0, abs(k), abs(q)):
            return Fit(1.0 if not np.any(a) else k, p, q, r)         # a structure that is zero has no factor
    return None


def _flat(arrays, scales):
    """All instances as one column, each scaled."""
    return np.concatenate([(array * s).ravel() for array, s in zip(arrays, scales, strict=True)]) if arrays else None


def _solved(a, b, target):
    """The k and q for which k a + q b is nearest to the target; 0 for a column that is zero."""
    aa, ab, bb, at, bt = a @ a, a @ b, b @ b, a @ target, b @ target
    if aa * bb - ab * ab > 1e-12 * aa * bb:
        return (bb * at - ab * bt) / (aa * bb - ab * ab), (aa * bt - ab * at) / (aa * bb - ab * ab)
    return (at / aa, 0.0) if aa else (0.0, bt / bb if bb else 0.0)

"""The rarer kinds of slip, asked only where no structure fits: they need instances of their own, or other targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np

from lib import graph
from lib.hypotheses import Structure, called, close, output_of
from lib.instances import Instance
from lib.kinds import Slip

AXES = "first", "second", "third", "fourth"


def rarer(case, pairs: list) -> list[Slip]:
    """The first of the rarer kinds that explains the claim of a case; `pairs` are its instances with its values."""
    if any(value.shape != at.truth(case.wrt).shape for at, value in pairs):
        return _lost_target(case, pairs)
    for test in (_odd_penalty, _lost_delta, _other_order, _factor_of_all_rows, _factor_of_one_row, _lost_target):
        if found := test(case, pairs):
            return found
    return []


def _odd_penalty(case, pairs):
    """Right at λ = 0, and only there."""
    if any(np.any(at.arrays.get(case.model.penalty, 0)) for at, _ in pairs):
        unpenalised, _ = case.evaluated([at.data for at, _ in pairs])
        if len(unpenalised) == len(pairs) and all(close(value, at.truth(case.wrt)) for at, value in unpenalised):
            return [("penalty", "With λ = 0 your gradient is right; what you add for the penalty is not its gradient")]
    return []


def _lost_delta(case, pairs):
    """Right where the truth is not zero."""
    found = [(value, at.truth(case.wrt)) for at, value in pairs]
    right = all(np.any(true) and close(value * (true != 0), true) for value, true in found)
    return [("delta-missing", "")] if right else []


def _other_order(case, pairs):
    """The same reordering of one axis on every instance of one size."""
    pairs, _ = case.evaluated([at.data for at in case.instances(4, first=1, **pairs[-1][0].sizes)])
    for axis in range(pairs[0][1].ndim if pairs else 0):
        moved = [(np.moveaxis(value, axis, 0), np.moveaxis(at.truth(case.wrt), axis, 0)) for at, value in pairs]
        for order in permutations(range(len(moved[0][0]))) if 1 < len(moved[0][0]) < 7 else ():
            if list(order) != sorted(order) and all(close(value, true[list(order)]) for value, true in moved):
                said = ", ".join(str(i + 1) for i in order)
                return [("permuted", f"along the {AXES[axis]} axis stand the entries {said} of the true one")]
    return []


def _factor_of_all_rows(case, pairs):
    """A factor that is the same for all rows, such as a weight, twice, not at all, or with the wrong index."""
    return case.shortest(case.fits(pairs, _multiplied(pairs[-1][0], case.wrt)))


def _factor_of_one_row(case, pairs):
    """The same for the factors of a single row, where the gradient is a product."""
    if "n" not in case.model.letters:
        return []
    single, _ = case.evaluated([at.data for at in case.instances(8, first=1, n=1)])
    return case.shortest(case.fits(single, _multiplied(single[-1][0], case.wrt))) if len(single) >= 4 else []


def _multiplied(instance: Instance, wrt: str) -> Iterator[Structure]:
    """The gradient times, or over, a quantity of the forward pass, and with one quantity for another."""
    if instance.model.written == "values" or instance.root.value.shape != ():
        return
    known = list(quantities(instance, wrt))
    for key in known:
        yield Structure("wrong-exponent", f"{key[0]} stands there once too often", _times(wrt, key, 1))
        yield Structure("wrong-exponent", f"{key[0]} is missing", _times(wrt, key, -1))
    for right, wrong in permutations(known, 2):
        if right[0] != wrong[0]:
            yield Structure("other-parameter", f"{wrong[0]} for {right[0]}", _times(wrt, wrong, 1, right))
        else:
            yield Structure("wrong-index", f"{wrong[0]} runs with the {AXES[wrong[1]]} index, and belongs to the "
                            f"{AXES[right[1]]}", _times(wrt, wrong, 1, right))


def _times(wrt, key, power, over=None) -> Callable[[Instance], np.ndarray]:
    """The true gradient of the data part times a power of one quantity, and over another."""
    def find(at):
        known = quantities(at.data, wrt)
        return at.data.truth(wrt) * known[key] ** float(power) / (known[over] if over else 1.0)
    return find


def quantities(at: Instance, wrt: str) -> dict[tuple[str, int], np.ndarray]:
    """Every quantity of the forward pass that runs along an axis of the gradient, spread out to its shape.

    A quantity that is longer than the axis is cut: w2_i, i an input, where w2 has an entry for every hidden unit.
    """
    if "_quantities" in at.__dict__:
        return at.__dict__["_quantities"]
    values, output, shape = {}, output_of(at.order), at.truth(wrt).shape
    for node in at.order:
        if node.name or node.parents:
            values[called(at.order, node)] = node.value
        if node.op in ("sigmoid", "tanh", "softplus"):
            y = graph.leaf(node.parents[0].value)
            values[f"the slope φ′ at {called(at.order, node)}"] = graph.backward(graph.apply(node.op, y).sum())[y]
    if output is not None:
        values["the residual"] = graph.backward(at.root)[at.order[output]]
    found = {}
    for name, value in values.items():
        thin = value.reshape([size for size in value.shape if size != 1])
        for axis in range(len(shape)) if thin.ndim < 2 and np.all(thin) and thin is not at.root.value else ():
            if thin.ndim == 0 and axis == 0:
                found[name, axis] = np.full(shape, float(thin))
            elif thin.ndim == 1 and len(thin) >= shape[axis] > 1:
                line = thin[:shape[axis]].reshape([-1 if a == axis else 1 for a in range(len(shape))])
                found[name, axis] = np.broadcast_to(line, shape)
    at.__dict__["_quantities"] = found
    return found


def _lost_target(case, pairs):
    """The claim stays the same when the targets are other ones, and the truth does not."""
    names = [name for name in case.model.targets if name in case.model.shapes]
    other = [at.changed(**{name: np.roll(at.arrays[name], 1, axis=0) + (at.arrays[name].dtype.kind == "f")
                           for name in names}) for at, _ in pairs]
    after, _ = case.evaluated(other)
    if not names or len(after) < len(pairs) or not all(
            close(before, value) for (_, before), (_, value) in zip(pairs, after, strict=True)):
        return []
    moved = [at.truth(case.wrt) - there.truth(case.wrt) for (at, _), there in zip(pairs, other, strict=True)]
    return [("target-ignored", "")] if any(np.abs(change).max() > 1e-6 for change in moved) else []

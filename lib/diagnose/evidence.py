"""The rarer kinds of slip, asked only where no structure fits: they need instances of their own, or other targets."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np

from lib import graph
from lib.diagnose.hypotheses import Structure, called, close, fit, output_of
from lib.diagnose.instances import Instance
from lib.diagnose.kinds import Slip, factor_slips, penalty_words
from lib.diagnose.wrong_rules import TABLE
from lib.show import number

AXES = "first", "second", "third", "fourth"


def rarer(case, pairs: list) -> list[Slip]:
    """The first of the rarer kinds that explains the claim of a case; `pairs` are its instances with its values."""
    if any(value.shape != at.truth(case.wrt).shape for at, value in pairs):
        return []
    for test in (_odd_penalty, lost_delta, _of_jacobians, _step, _other_count, _other_order, _factor_of_all_rows,
                 _factor_of_one_row, _lost_target, _one_for_another):
        if found := test(case, pairs):
            return found if test in (_odd_penalty, _step) else _with_penalty(case, pairs, found)
    return []


def _with_penalty(case, pairs, found):
    """The tests above may look at the data part alone: what the claim makes of the penalty is a slip of its own."""
    ours = [value - case.value(at.data) for at, value in pairs]
    theirs = [at.truth(case.wrt) - at.data.truth(case.wrt) for at, _ in pairs]
    if found[0][0] == "permuted":                           # the entries of the penalty may have moved with the others
        ours, theirs = ([np.sort(array, axis=None) for array in both] for both in (ours, theirs))
    if all(map(close, ours, theirs)):
        return found
    times = fit(ours, theirs, None, [1] * len(pairs)) if all(map(np.any, theirs)) else None
    wrong = penalty_words(times.k, 0, True) if times else "What you add for the penalty is not its gradient"
    return [*found, ("penalty", wrong)] if len(found) == 1 else []


def _odd_penalty(case, pairs):
    """Right at λ = 0, and only there."""
    if any(np.any(at.arrays.get(case.model.penalty, 0)) for at, _ in pairs):
        unpenalised, _ = case.evaluated([at.data for at, _ in pairs])
        if len(unpenalised) == len(pairs) and all(close(value, at.truth(case.wrt)) for at, value in unpenalised):
            return [("penalty", "With λ = 0 your gradient is right; what you add for the penalty is not its gradient")]
    return []


def lost_delta(case, pairs):
    """Right where the truth is not zero."""
    found = [(value, at.truth(case.wrt)) for at, value in pairs]
    right = all(np.any(true) and value.shape == true.shape and close(value * (true != 0), true)
                for value, true in found)
    return [("delta-missing", "")] if right else []


def _step(case, pairs):
    """The parameter minus a multiple of the gradient."""
    steps = [value - at.arrays[case.wrt] for at, value in pairs]
    found = fit(steps, [at.truth(case.wrt) for at, _ in pairs], None, [at.sizes.get("n", 1) for at, _ in pairs])
    if not found or not any(map(np.any, steps)):
        return []
    factor = {0: "", 1: " n", -1: " / n"}[found.p]
    return [("update", f"{case.wrt} {'−' if found.k < 0 else '+'} {number(abs(found.k))}{factor} · gradient")]


def _other_count(case, pairs):
    """A factor that follows another size than n: right for a mean over the features, or over all entries."""
    pairs, _ = case.evaluated([at.data for at, _ in pairs])
    letters = [letter for letter in case.model.letters if len({at.sizes[letter] for at, _ in pairs}) > 1]
    ratios = [fit([value], [at.truth(case.wrt)], None, [1]) for at, value in pairs]
    if not letters or not all(ratios) or any(ratio.k <= 0 for ratio in ratios):
        return []
    sizes = np.log([[at.sizes[letter] for letter in letters] for at, _ in pairs])
    logs = np.log([ratio.k for ratio in ratios])
    for factor in (1, 2, 0.5):
        whole = np.round(np.linalg.lstsq(sizes, logs - np.log(factor), rcond=None)[0])
        if np.abs(sizes @ whole + np.log(factor) - logs).max() <= 1e-8 and 0 < np.abs(whole).sum() <= 3:
            return [*factor_slips(factor, 0), ("wrong-count", f"{_quotient(letters, whole)} times")]
    return []


def _quotient(letters, powers):
    """A product of powers of sizes, as text."""
    above, below = (" ".join(letter for letter, power in zip(letters, sign * powers, strict=True)
                             for _ in range(max(0, int(power)))) for sign in (1, -1))
    below = f"/({below})" if " " in below else f"/{below}" if below else ""
    return f"{above or 1}{below}"


def _of_jacobians(case, pairs):
    """Of the slope of an array: only its diagonal, its two ends exchanged, or the array itself as a factor."""
    outputs = [np.asarray(at.value) for at, _ in pairs]
    if not outputs[0].ndim:
        return []
    truths = [at.truth(case.wrt) for at, _ in pairs]
    along = [out.reshape(out.shape + (1,) * (true.ndim - out.ndim)) for out, true in zip(outputs, truths, strict=True)]
    both = list(zip(along, truths, strict=True))
    ways = [("wrong-exponent", "the output itself is there once too often", [a * t for a, t in both]),
            ("wrong-exponent", "the output itself is missing", [t / a for a, t in both])]
    if all(true.shape[0] == true.shape[-1] for true in truths):
        ways += [("diagonal-only", "", [true * _diagonal(true.shape) for true in truths]),
                 ("wrong-index", "the index of the output and that of the parameter are exchanged",
                  [np.swapaxes(true, 0, -1) for true in truths])]
    return next(([(kind, detail)] for kind, detail, expected in ways
                 if all(close(value, other) for (_, value), other in zip(pairs, expected, strict=True))), [])


def _diagonal(shape):
    """1 where the first index is the last one, else 0."""
    return np.eye(shape[0]).reshape(shape[0], *[1] * (len(shape) - 2), shape[0])


def _other_order(case, pairs):
    """The same reordering of one axis on every instance of one size."""
    pairs, _ = case.evaluated([at.data for at in case.instances(4, first=1, **pairs[-1][0].sizes)])
    if not pairs or any(value.shape != at.truth(case.wrt).shape for at, value in pairs):
        return []
    claims, truths = np.stack([value for _, value in pairs]), np.stack([at.truth(case.wrt) for at, _ in pairs])
    for axis in range(1, claims.ndim):
        value, true = np.moveaxis(claims, axis, 0), np.moveaxis(truths, axis, 0)
        gaps = np.abs(value[:, None] - true[None]).reshape(len(value), len(true), -1).max(axis=2)
        order = gaps.argmin(axis=1)
        if list(order) != sorted(order) and len(set(order)) == len(order) and close(value, true[order]):
            said = ", ".join(str(place + 1) for place in order)
            return [("permuted", f"your {AXES[axis - 1]} axis holds the entries {said} of the true one")]
    return []


def _factor_of_all_rows(case, pairs):
    """A factor that is the same for all rows, such as a weight, twice, not at all, or with the wrong index."""
    return case.shortest(case.fits(pairs, multiplied(pairs[-1][0], case.wrt)))


def _factor_of_one_row(case, pairs, candidates=None):
    """The same for the factors of a single row, where the gradient is a product; the rows must then add up."""
    if "n" not in case.model.letters:
        return []
    single, _ = case.evaluated([at.data for at in case.instances(16, first=1, n=1)])
    if len(single) < 4 or all(close(value, at.truth(case.wrt)) for at, value in single):
        return []
    slips = case.shortest(case.fits(single, (candidates or multiplied)(single[-1][0], case.wrt)))
    if not slips:
        return []
    ours, theirs = (_added_up(case, pairs, value) for value in (case.value, lambda at: at.truth(case.wrt)))
    if not (ours and theirs):
        return []
    slips = factor_slips(ours.k / theirs.k, ours.p - theirs.p) + slips
    return slips if len(slips) <= 2 else []


def _added_up(case, pairs, value):
    """How a gradient of all rows follows from those of each row alone: the factor k nᵖ before their mean, or None."""
    several, of_rows = [at.data for at, _ in pairs[:4]], case.model.shapes[case.wrt].startswith("n")
    try:
        rows = [[value(_row(at, i)) for i in range(at.sizes["n"])] for at in several]
        whole = [value(at) for at in several]
    except ValueError:
        return None
    means = [np.concatenate(parts) / len(parts) if of_rows else np.mean(parts, axis=0) for parts in rows]
    alike = all(claim.shape == mean.shape for claim, mean in zip(whole, means, strict=True))
    return fit(whole, means, None, [at.sizes["n"] for at in several]) if alike else None


def _row(at, i):
    """One row of an instance, as an instance."""
    arrays = {name: array[i:i + 1] if at.model.shapes[name].startswith("n") else array
              for name, array in at.arrays.items()}
    return Instance(at.model, arrays, at.sizes | {"n": 1})


def _one_for_another(case, pairs):
    """With one row, the gradient is a product, and one factor of it is another quantity."""
    return _factor_of_one_row(case, pairs, swapped)


def multiplied(instance: Instance, wrt: str) -> list[Structure]:
    """The gradient times, or over, a quantity of the forward pass, and times it with the index of another axis."""
    if ("multiplied", wrt) not in instance.found:
        found, known = [], list(quantities(instance, wrt))
        for key in known:
            found.append(Structure("wrong-exponent", f"{key[0]} is there once too often", _times(wrt, key, 1)))
            found.append(Structure("wrong-exponent", f"{key[0]} is missing", _times(wrt, key, -1)))
        found += [Structure("wrong-index", f"{wrong[0]} runs with the {AXES[wrong[1]]} index, and belongs to the "
                            f"{AXES[right[1]]}", _times(wrt, wrong, 1, right))
                  for right, wrong in permutations(known, 2) if right[0] == wrong[0]]
        instance.found["multiplied", wrt] = found
    return instance.found["multiplied", wrt]


def swapped(instance: Instance, wrt: str) -> list[Structure]:
    """The gradient with one quantity of the forward pass for another."""
    if ("swapped", wrt) not in instance.found:
        instance.found["swapped", wrt] = [
            Structure("other-parameter", f"{wrong[0]} for {right[0]}", _times(wrt, wrong, 1, right))
            for right, wrong in permutations(quantities(instance, wrt), 2) if right[0] != wrong[0]]
    return instance.found["swapped", wrt]


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
    if ("quantities", wrt) in at.found:
        return at.found["quantities", wrt]
    if at.model.written == "values" or at.root.value.shape != ():
        return {}
    values, output, shape = {}, output_of(at.order), at.truth(wrt).shape
    for node in at.order:
        if node.name or node.parents:
            values[called(at.order, node)] = node.value
        if node.op in ("sigmoid", "tanh", "softplus"):
            y = graph.leaf(node.parents[0].value)
            values[f"the slope φ′ at {called(at.order, node)}"] = graph.backward(graph.apply(node.op, y).sum())[y]
    if output is not None:
        values["the residual"] = graph.backward(at.root, ops=TABLE)[at.order[output]]
    found = {}
    for name, value in values.items():
        thin = value.reshape([size for size in value.shape if size != 1])
        for axis in range(len(shape)) if thin.ndim < 2 and np.all(thin) and thin is not at.root.value else ():
            if thin.ndim == 0 and axis == 0:
                found[name, axis] = np.full(shape, float(thin))
            elif thin.ndim == 1 and len(thin) >= shape[axis] > 1:
                line = thin[:shape[axis]].reshape([-1 if a == axis else 1 for a in range(len(shape))])
                found[name, axis] = np.broadcast_to(line, shape)
    at.found["quantities", wrt] = found
    return found


def _lost_target(case, pairs):
    """The claim stays the same when the targets are other ones, and the truth does not."""
    names = [name for name in case.model.targets if name in case.model.shapes]
    other = [at.changed(**{name: case.model.instance(at.sizes, 500 + seed).arrays[name] for name in names})
             for seed, (at, _) in enumerate(pairs)]
    after, _ = case.evaluated(other)
    if not names or len(after) < len(pairs) or not all(
            close(before, value) for (_, before), (_, value) in zip(pairs, after, strict=True)):
        return []
    moved = [at.truth(case.wrt) - there.truth(case.wrt) for (at, _), there in zip(pairs, other, strict=True)]
    return [("target-ignored", "")] if any(np.abs(change).max() > 1e-6 for change in moved) else []

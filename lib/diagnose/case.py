"""A claim and a model, compared on instances that are drawn here: from the claim to the slips that explain it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product
from typing import NamedTuple

import numpy as np

from lib.diagnose.evidence import lost_delta, rarer
from lib.diagnose.hypotheses import Structure, by_node, close, fit, made, nearly, structures
from lib.diagnose.instances import FormulaError, Instance, Model, call
from lib.diagnose.kinds import FACTORS, Slip, factor_slips, penalty_words
from lib.shapes import entry


class Refused(ValueError):
    """NumPy would not evaluate the claim at these sizes."""


class Finding(NamedTuple):
    """The slips, the instances on which they were seen with the values of the claim, and other explanations."""

    slips: list[Slip]
    pairs: list
    others: list | tuple = ()


@dataclass(eq=False)
class Case:
    """What is to be judged; the seed leads to other instances, the rate is a learning rate the reader may have used."""

    model: Model
    claimed: Callable
    wrt: str
    seed: int = 0
    rate: float | None = None
    count: int = 12

    # The instances

    def instances(self, count: int, first: int = 0, square: bool = False, **sizes) -> list[Instance]:
        """Instances of pairwise different sizes, or square ones, which differ in n only; the first is the reader's."""
        first += 1000 * self.seed
        found = [self.model.instance(_sizes(self.model.letters, seed, square) | sizes, seed)
                 for seed in range(first, first + count)]
        if self.model.given and not (first or square or sizes):
            found[0] = Instance(self.model, self.model.given, self.model.measured(self.model.given))
        return found

    def value(self, instance: Instance) -> np.ndarray:
        """The claim at an instance, as an array of floats."""
        known = {name: np.copy(v) if isinstance(v, np.ndarray) else v for name, v in instance.names.items()}
        try:
            with np.errstate(all="ignore"):
                result = call("claimed", self.claimed, known)
        except FormulaError:
            raise
        except (ValueError, IndexError) as error:
            raise Refused(_plain(str(error))) from error
        if isinstance(result, tuple | list):
            what = type(result).__name__
            raise TypeError(f"claimed: it returned a {what}, expected one array: the gradient by {self.wrt}")
        array = np.asarray(result)
        if array.dtype.kind not in "iuf":
            raise TypeError(f"claimed: it returned a {type(result).__name__}, expected an array of numbers")
        return array.astype(float)

    def evaluated(self, instances: list[Instance], strict: bool = False) -> tuple[list, list]:
        """The instances at which the claim has a value, each with it; and the refused ones, each with NumPy's words.

        Strict: an error if most values are not finite, as those of a formula that overflows.
        """
        pairs, refused, broken = [], [], []
        for instance in instances:
            if not np.isfinite(instance.truth(self.wrt)).all():             # too near a kink of the loss
                continue
            try:
                value = self.value(instance)
                (pairs if np.isfinite(value).all() else broken).append((instance, value))
            except Refused as error:
                refused.append((instance, str(error)))
        if strict and len(broken) > len(pairs) + len(refused):
            instance, value = broken[0]
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
            shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in instance.arrays.items())
            why = getattr(self.claimed, "poles", lambda known: "")(instance.names)
            raise ValueError(f"claimed: {entry('its result', at)} is {value[at]}, expected a number; "
                             f"{why or f'the arrays had the shapes {shapes}'}")
        return pairs, refused

    # The tests, in their order

    def judged(self) -> Finding:
        """Refused shape, equal, zero, all structures with their factors, and then the rarer kinds."""
        pairs, refused = self.evaluated(self.instances(self.count), strict=True)
        if not pairs and not refused:
            raise ValueError("diagnose: the loss has no slope that differences agree on, at any of "
                             f"{self.count} instances; it is too steep there, or has a kink or no value at every one")
        if pairs and refused:                                   # an index that one array has and another has not
            pairs += self.evaluated(self.instances(2 * self.count, first=200))[0]
        square, _ = self.evaluated(self.instances(2, square=True))
        if not refused and all(close(value, at.truth(self.wrt)) for at, value in pairs + square):
            return Finding([("correct", "")], pairs)
        if not refused and all(nearly(value, at.truth(self.wrt)) for at, value in pairs + square):
            return Finding([("correct", " It agrees to five digits and more, not to all of them: it was computed in "
                             "single precision, or by differences.")], pairs)
        found = self.explained(pairs) if len(pairs) >= 4 else []
        if not found or len(found[0]) > 1:
            found = self._for_symmetric(pairs) or found
        if self._right_at_home(pairs) and not (found and "constant" not in kinds_of(found[0])):
            return Finding([("unexplained", " At your own arrays it is right, and at others it is not: is a size or a "
                             "value of yours written into it as a number?")], pairs)
        if found:
            return Finding(found[0], pairs, found[1:])
        misshapen = any(value.shape != at.truth(self.wrt).shape for at, value in pairs)
        square += self.evaluated(self.instances(4, first=2, square=True))[0] if refused or misshapen else []
        on_square = self.explained(square) if refused or misshapen else []
        if named := [slips for slips in on_square if slips[0][0] != "transposed"]:
            return Finding(named[0], square, named[1:])
        if len(pairs) >= 4 and (slips := rarer(self, pairs)):
            return Finding(slips, pairs)
        if refused and len(pairs) < 4:
            return Finding([("wrong-shape", self._refusal(*refused[0], on_square))], [])
        if misshapen:
            instance, value = pairs[0]
            return Finding([("wrong-shape", f"Your array has the shape {value.shape}, expected "
                             f"{instance.truth(self.wrt).shape}, that of {self.wrt}, with {_said(instance)}")], pairs)
        return Finding([("unexplained", self._hint(pairs, refused))], pairs)

    def _for_symmetric(self, pairs):
        """Right where a square matrix is symmetric, and only there."""
        for name, letters in self.model.shapes.items():
            axes = letters.split()
            if name != self.wrt and len(axes) == 2 and axes[0] == axes[1]:
                turned = [at.changed(**{name: at.arrays[name] + at.arrays[name].T}) for at, _ in pairs[:6]]
                there, _ = self.evaluated(turned)
                if 4 <= len(there) == len(turned) and all(close(value, at.truth(self.wrt)) for at, value in there):
                    return [[("transposed", f"they would be right if {name} were symmetric, and for any other {name}, "
                              f"{name} and its transpose are to be told apart")]]
        return []

    def _right_at_home(self, pairs):
        """Whether the claim is right at the reader's own arrays."""
        at, value = pairs[0] if pairs else (None, None)
        return bool(self.model.given) and at is not None and at.arrays is self.model.given and close(
            value, at.truth(self.wrt))

    def _refusal(self, instance, why, on_square):
        """Why NumPy refuses; better, what it is that only square matrices allow."""
        why = on_square[0][0][1] if on_square else why
        return f"NumPy refuses your formula where all sizes differ, as with {_said(instance)}: {why}"

    def _hint(self, pairs, refused):
        """What can be said of a claim that nothing explains."""
        if refused:
            return f" With {_said(refused[0][0])} NumPy refuses it: {refused[0][1]}."
        single, _ = self.evaluated(self.instances(4, first=1, n=1) if "n" in self.model.letters else [])
        both, said = [(value, at.truth(self.wrt)) for at, value in pairs], ""
        for axis, place in product(range(both[0][1].ndim), (0, -1)):
            if all(true.shape[axis] > 1 and close(*(np.delete(array, place, axis) for array in (value, true)))
                   for value, true in both):
                where = ("row", "column", "slice")[axis] if both[0][1].ndim > 1 else "entry"
                said = f" It is right everywhere but in the {'last' if place else 'first'} {where}."
        if single and all(close(value, at.truth(self.wrt)) for at, value in single):
            said += " For one row it is right, so look at how the rows are combined."
        return said

    def explained(self, pairs: list) -> list[list[Slip]]:
        """The shortest explanations of a claim, by one slip or two; where there are several, more instances decide."""
        if not pairs:
            return []
        if all(value.shape == at.truth(self.wrt).shape and
               np.abs(value).max() <= 1e-12 * np.abs(at.truth(self.wrt)).max() for at, value in pairs):
            return [[("zero", "")]]
        if np.ndim(pairs[0][0].value) and lost_delta(self, pairs):
            return [lost_delta(self, pairs)]
        found = self._explained(pairs)
        if len({kinds_of(slips) for slips in found}) > 1 and len(pairs) == self.count:
            more, _ = self.evaluated(self.instances(self.count, first=100))
            again = {kinds_of(slips) for slips in self._explained(pairs + more)}
            found = [slips for slips in found if kinds_of(slips) in again]
        return found

    def _explained(self, pairs):
        shaped, ahead = self._shaped(pairs)
        if shaped is None:
            return [[("other-parameter", f"this is the gradient by {name}, not by {self.wrt}")]
                    for name in self._foreign(pairs)]
        found = [ahead + slips for slips in self.fits(shaped, structures(pairs[-1][0], self.wrt))]
        if ahead and ahead[0][0] in ("spread", "broadcast"):              # a shape that only this kind explains
            only = {"spread": "summed-index"}.get(ahead[0][0], "broadcast")
            found = [slips[1:] for slips in found if only in [kind for kind, _ in slips[1:]]]
        found = [slips for slips in found if _few(slips)]
        shortest = min(map(len, found), default=0)
        return [slips for slips in found if len(slips) == shortest]

    @staticmethod
    def shortest(found: Iterable[list[Slip]]) -> list[Slip]:
        """The first of the shortest lists that are few enough, or none."""
        return min(filter(_few, found), key=len, default=[])

    def _shaped(self, pairs):
        """The claims in the shape of the gradient, and the slip that gave them another shape."""
        shapes = [at.truth(self.wrt).shape for at, _ in pairs]
        (claim, shape), wrt = (pairs[0][1].shape, shapes[0]), self.wrt

        def fits(wanted):
            return all(wanted(value.shape, shape, at) for (at, value), shape in zip(pairs, shapes, strict=True))

        def made(turn):
            return [(at, turn(value, shape)) for (at, value), shape in zip(pairs, shapes, strict=True)]

        if fits(lambda got, shape, at: got == shape):
            return pairs, []
        if fits(lambda got, shape, at: got == shape[::-1]):
            return made(lambda value, shape: value.T), [("transposed", f"rows and columns are exchanged, {wrt} has the "
                                                         f"shape {shape} and your array {claim}")]
        if fits(lambda got, shape, at: got == (at.sizes.get("n"), *shape)):
            return made(lambda value, shape: value.sum(axis=0)), [("unsummed", "")]
        if fits(lambda got, shape, at: shape[-1:] == (1,) and got == (*shape[:-1], at.sizes.get("n"))):
            return made(lambda value, shape: value.mean(axis=-1, keepdims=True)), [("broadcast", "")]
        if fits(lambda got, shape, at: _thin(got) == _thin(shape)):
            return made(lambda value, shape: value.reshape(shape)), [(
                "wrong-shape", f"Your array has the shape {claim}, expected {shape}, that of {wrt}")]
        if fits(lambda got, shape, at: _spreads(got, shape)):
            return made(np.broadcast_to), [("spread", "")]
        return None, []

    def _foreign(self, pairs):
        """Named quantities of the graph whose gradient the claim is."""
        if self.model.written == "values" or pairs[0][0].data.root.value.shape != ():
            return
        for name in [node.name for node in pairs[0][0].data.order if node.name and node.varies]:
            if all(close(value, by_node(name)(at)) for at, value in pairs):
                yield name

    def fits(self, pairs: list, candidates: Iterable[Structure]) -> Iterator[list[Slip]]:
        """Every structure that explains the claims, as the slips it takes; three instances first, then all."""
        instances, claims = [at for at, _ in pairs], [value for _, value in pairs]
        ns = [instance.sizes.get("n", 1) for instance in instances]
        penalties, penalised = self._penalties(instances)
        plain = [instance.data.truth(self.wrt) for instance in instances]
        for structure in chain(candidates, self._at_the_bias(instances[-1])):
            parts, turn = [], structure.on_penalty or (lambda array: array)
            for stop in (3, len(instances)):
                parts += self._parts(structure, instances[len(parts):stop])
                if len(parts) < stop or (structure.kind and all(map(close, parts, plain))) or any(
                        part.shape != claim.shape for part, claim in zip(parts, claims, strict=False)):
                    break
                factors = fit(claims[:stop], parts, penalties and [turn(p) for p in penalties[:stop]], ns[:stop])
                if factors is None:
                    break
            else:
                slips = self._slips(structure, factors, penalised, ns)
                multiple = structure.kind and fit(parts, plain, None, ns)
                if slips is not None and not (multiple and abs(multiple.k) > 1e-6):         # of the truth: a factor
                    yield slips

    @staticmethod
    def _parts(structure, instances):
        """What a structure finds at some instances, up to the first where it finds nothing."""
        parts = []
        with np.errstate(all="ignore"):
            for instance in instances:
                try:
                    part = made(structure, instance)
                except (ValueError, IndexError, KeyError):
                    return parts
                if not np.isfinite(part).all():
                    return parts
                parts.append(part)
        return parts

    def _penalties(self, instances):
        """The gradient of the penalty, or what it would be if `wrt` were penalised; and whether it is."""
        name = self.model.penalty
        if not all(np.any(instance.arrays.get(name, 0)) for instance in instances):
            return None, False
        found = [instance.truth(self.wrt) - instance.data.truth(self.wrt) for instance in instances]
        if any(np.any(np.abs(array) > 1e-12) for array in found):
            return found, True
        return [2 * instance.arrays[name] * instance.arrays[self.wrt] for instance in instances], False

    def _at_the_bias(self, instance):
        """A penalty on entries that have none, such as the first row of theta."""
        name = self.model.penalty
        free = lambda at: np.abs(at.truth(self.wrt) - at.data.truth(self.wrt)) < 1e-12
        if np.any(instance.arrays.get(name, 0)) and free(instance).any() and not free(instance).all():
            yield Structure("penalty", "The penalty stands at the bias too, which is not penalised", lambda at: (
                at.data.truth(self.wrt) + 2 * at.arrays[name] * at.arrays[self.wrt] * free(at)))

    def _slips(self, structure, factors, penalised, ns):
        """The slips that a structure and its factors amount to."""
        k, p, q, r = factors
        if abs(k) < 1e-6:
            return None
        whole = penalised and np.isclose(q, k, rtol=1e-6) and r == p
        right = np.isclose(q, 1.0 * penalised, atol=1e-6) and (r == 0 or not penalised)
        where = " in the data part (the penalty is right)" if penalised and right and not whole else ""
        n = self.model.plain.get("n") if len(set(ns)) == 1 else None
        slips = factor_slips(k, p, where, self.rate, n)
        if structure.detail.startswith("the residual"):        # which may be halved, doubled or averaged in the loss
            kept = ("sign",) if np.isclose(abs(k), [0.25, 0.5, 1, 2, 4], rtol=1e-6).any() else ("sign", "constant")
            slips = [slip for slip in slips if slip[0] in kept]
        slips += [(structure.kind, structure.detail)] if structure.kind else []
        return slips if whole or right else [*slips, ("penalty", penalty_words(q, r, penalised))]


@lru_cache(maxsize=1024)
def _sizes(letters, seed, square):
    """The size of every letter: pairwise different ones that move on with the seed, or all but n the same."""
    others = [letter for letter in letters if letter != "n"]
    drawn = np.random.default_rng([seed, 3]).permutation(np.arange(2, 4 + len(others)))
    drawn = [3 + seed % 2] * len(others) if square else drawn[:len(others)].tolist()
    free = [n for n in range(3, 10) if n not in drawn]
    return ({"n": free[seed % len(free)]} if "n" in letters else {}) | dict(zip(others, drawn, strict=True))


def kinds_of(slips: list[Slip]) -> str:
    """The names of the slips as the verdict gives them."""
    return " + ".join(kind for kind, _ in slips)


def _few(slips):
    """One slip or two; more only if all are parts of one factor, such as −2n."""
    return 0 < len(slips) <= 2 or (len(slips) == 3 and all(kind in FACTORS for kind, _ in slips))


def _thin(shape):
    return tuple(size for size in shape if size != 1)


def _spreads(shape, wanted):
    """Whether an array of this shape would be broadcast to the wanted one."""
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False


def _plain(error):
    """NumPy's words for shapes that do not fit, in plain ones."""
    if found := re.search(r"size (\d+) is different from (\d+)", error):
        return f"a product of matrices meets the lengths {found[2]} and {found[1]}, which should be one"
    if found := re.search(r"with shapes? (\(.*\)) ?", error):
        return f"arrays of the shapes {found[1].replace(') (', ') and (')} meet, entry by entry"
    return error.rstrip(".")


def _said(instance):
    return ", ".join(f"{letter} = {size}" for letter, size in instance.sizes.items())

"""Is my derivation right? And if not, which slip is it, and where?

    diagnose(lambda X, P, Y: X.T @ (P - Y), model="softmax")          →   sum-not-mean: the 1/n was dropped
    diagnose(my_gradient, my_loss, at={"w": w, "X": X, "y": y}, wrt="w")

The claim is evaluated on many instances that the tool draws itself, beside the true slope, found from values of the
loss alone. Then every kind of slip in `lib.hypotheses` is asked whether it explains the claim on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from lib.hypotheses import CLOSE, KINDS, fit, structures
from lib.mlp import check_name
from lib.models import MODELS, Instance, Model, call, own
from lib.shapes import entry
from lib.show import number


class Refused(ValueError):
    """NumPy would not evaluate the claim at these sizes."""


@dataclass(frozen=True, repr=False)
class Verdict:
    """The answer: `ok`, the `kind` of slip ("sign", "sign + penalty" for two), a `sentence`, the worst entry.

    kind     a name from `lib.hypotheses.KINDS`, "correct", or "unexplained" where nothing on the list fits
    number   its number in the list of kinds
    worst    the index of the entry that is furthest off, or of the largest if all agree
    claimed  the number there, and `true` the slope; `arrays` holds both whole, as (claimed, true)
    also     other kinds that would give the same gradient for this model
    """

    ok: bool
    kind: str
    sentence: str
    wrt: str
    worst: tuple[int, ...] = ()
    claimed: float = np.nan
    true: float = np.nan
    arrays: tuple = ()
    about: str = ""
    also: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        """The number of the kind, or of both."""
        return " + ".join(KINDS[kind].number for kind in self.kind.split(" + "))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The slips by name: none, one or two."""
        return () if self.ok else tuple(self.kind.split(" + "))

    def __repr__(self):
        lines = [f"{'✓' if self.ok else '✗'} {self.kind}: {self.sentence}"]
        if len(self.arrays) == 2 and self.arrays[0].shape == self.arrays[1].shape:
            lines.append(f"  {entry(self.wrt, self.worst)}: claimed {number(self.claimed)}, true {number(self.true)}")
        return "\n".join([*lines, f"  {self.about}"])

    def _repr_markdown_(self):
        first, *rest = repr(self).splitlines()
        mark, _, text = first.partition(": ")
        return "\n\n".join([f"**{mark}.** {text}", *(line.strip() for line in rest)])

    def figure(self):
        """Claimed beside true, entry by entry, and their difference."""
        from lib import plot
        claimed, true = (np.atleast_2d(array) for array in self.arrays)
        panels = [("claimed", claimed), ("true", true)]
        panels += [("difference", claimed - true)] if claimed.shape == true.shape else []
        fig, axes = plot.figure(6.4, 0.9 + 0.42 * max(len(claimed), len(true)), len(panels))
        for ax, (name, array) in zip(axes, panels, strict=True):
            plot.matrix(ax, array, name)
        return fig


def diagnose(claimed: Callable, loss: Callable | None = None, *, at: dict | None = None, wrt: str | None = None,
             model: str | Model | None = None, **context) -> Verdict:
    """Judge a claimed gradient, and name the slip if it has one.

    claimed  a function; its parameters name what it needs: arrays of the model, sizes (n), λ (lam), or quantities of
             the forward pass (Z1, A1, P …; `names(model)` lists them)
    model    one of the book's, by name ("mlp-softmax" …, see `lib.models.MODELS`), or a Model
    loss     the reader's own loss instead, with `at`: its arrays by name
    wrt      what the gradient is by; may be left out where there is one parameter
    context  options of the named model (hidden="tanh", lam=0 …); for an own loss shapes, targets, penalty, draw, n
    """
    if not callable(claimed):
        raise TypeError(f"diagnose: claimed is a {type(claimed).__name__}, expected a function of the arrays it needs, "
                        "so that it can be evaluated on other arrays too")
    case = _case(claimed, loss, at, wrt, model, context)
    return case.verdict()


def names(model: str | Model, **context) -> tuple[str, ...]:
    """What a claim may ask for by the names of its parameters."""
    built = _named(model, context)[0]
    return tuple(built.instance(dict(zip(built.letters, (5, 4, 3, 2, 6, 7), strict=False)), 0).values)


def _named(model, context):
    """A model by name, and the arrays that the context fixes."""
    if isinstance(model, Model):
        return model, context
    check_name("diagnose", MODELS, model=model)
    fixed = {name: context.pop(name) for name in ("lam", "lr") if name in context}
    try:
        return MODELS[model](**context), fixed
    except TypeError as error:
        raise TypeError(f"diagnose: {model} does not know an option of {sorted(context)}; {error}") from None


def _case(claimed, loss, at, wrt, model, context):
    """What is to be judged, once all of it is known to make sense."""
    if (model is None) == (loss is None):
        raise TypeError("diagnose: give either a loss with its arrays, diagnose(claimed, loss, at={...}), "
                        f"or a model by name, one of {', '.join(MODELS)}")
    if loss is not None:
        model, fixed = _own(loss, at, context), {}
    else:
        model, fixed = _named(model, dict(context))
    if wrt is None and len(model.parameters) == 1:
        (wrt,) = model.parameters
    check_name("diagnose", dict.fromkeys(model.parameters), wrt=wrt)
    return _Case(model, claimed, wrt, fixed)


def _own(loss, at, context):
    """The reader's own loss as a model."""
    if not isinstance(at, dict) or not at:
        raise TypeError(f"diagnose: at is {at!r:.40}, expected the arrays of the loss by name, at={{'w': w, 'X': X}}")
    options = ("shapes", "draw", "targets", "penalty")
    return own(loss, at | {k: v for k, v in context.items() if k not in options},
               **{k: v for k, v in context.items() if k in options})


@dataclass(eq=False)
class _Case:
    """A claim, a model, and the instances on which the two are compared."""

    model: Model
    claimed: Callable
    wrt: str
    fixed: dict = field(default_factory=dict)
    count: int = 12

    def instances(self, count: int, square: bool = False, **sizes) -> list[Instance]:
        """Instances of pairwise different sizes, or square ones, which differ in n only."""
        found = [self._fix(self.model.instance(self._sizes(seed, square) | sizes, seed)) for seed in range(count)]
        if self.model.given and not square and not sizes:
            found[0] = Instance(self.model, self.model.given, self.model.measured(self.model.given))
        return found

    def _fix(self, instance):
        known = {name: value for name, value in self.fixed.items() if name in self.model.shapes}
        return instance.changed(**known) if known else instance

    def _sizes(self, seed, square):
        rng, letters = np.random.default_rng([seed, 3]), [l for l in self.model.letters if l != "n"]
        drawn = [3 + seed % 2] * len(letters) if square else rng.permutation(np.arange(2, 4 + len(letters)))
        sizes = {letter: int(size) for letter, size in zip(letters, drawn, strict=False)}
        free = [n for n in range(3, 9) if n not in sizes.values()]
        return {"n": free[seed % len(free)]} | sizes if "n" in self.model.letters else sizes

    def value(self, instance: Instance) -> np.ndarray:
        """The claim at an instance, as an array of floats."""
        known = {name: np.copy(v) if isinstance(v, np.ndarray) else v for name, v in instance.values.items()}
        try:
            with np.errstate(all="ignore"):
                result = call("claimed", self.claimed, known)
        except (ValueError, IndexError) as error:
            raise Refused(str(error)) from error
        try:
            array = np.asarray(result, dtype=float)
        except (TypeError, ValueError):
            raise TypeError(f"claimed: it returned a {type(result).__name__}, expected an array of numbers") from None
        return array

    def verdict(self) -> Verdict:
        """The tests, in the order of SLIP-KINDS."""
        drawn, refusal = [], None
        unknown = []
        for instance in self.instances(self.count):
            try:
                value = self.value(instance)
                (drawn if np.isfinite(value).all() else unknown).append((instance, value))
            except Refused as error:
                refusal = refusal or (instance, error)
        if len(unknown) > len(drawn):
            raise ValueError(_not_a_number(*unknown[0]))
        if refusal is None and self._agrees(drawn) and self._agrees(self._square()):
            return self._say((("correct", ""),), drawn)
        if refusal is None or len(drawn) >= 4:
            found = self._explained(drawn)
            if found:
                return self._say(found, drawn)
        square = self._square(6)
        found = self._explained(square) if square else None
        if found and not (refusal and found[0][0] == "transposed"):
            return self._say(found, square)
        if refusal:
            instance, error = refusal
            why = found[0][1] if found else str(error).rstrip(".")
            return self._say((("wrong-shape", f"NumPy refuses your formula where all sizes differ, as at "
                               f"{_sizes_said(instance)}: {why}"),), [])
        shape, expected = drawn[0][1].shape, drawn[0][0].arrays[self.wrt].shape
        if shape != expected:
            return self._say((("wrong-shape", f"Your array has shape {shape}, and {self.wrt}, so its gradient too, has "
                               f"shape {expected} (at {_sizes_said(drawn[0][0])})"),), drawn)
        return self._say((("unexplained", ""),), drawn)

    def _square(self, count=2):
        drawn = []
        for instance in self.instances(count, square=True):
            try:
                drawn.append((instance, self.value(instance)))
            except Refused:
                return []
        return drawn

    def _agrees(self, drawn):
        return all(_close(value, instance.truth(self.wrt)) for instance, value in drawn)

    def _explained(self, drawn):
        """The first explanation of the claim by one slip, or by a factor and one slip."""
        instances, claims = [instance for instance, _ in drawn], [value for _, value in drawn]
        if all(not np.any(claim) for claim in claims):
            return (("zero", ""),)
        reshaped, ahead = self._reshaped(instances, claims)
        if reshaped is None:
            return None
        found = [ahead + slips for slips in self._fits(instances, reshaped)]
        found = [slips for slips in found if 0 < len(slips) <= 2]
        return min(found, key=len, default=None)

    def _reshaped(self, instances, claims):
        """The claims in the shape of the gradient, and the slip that gave them another shape."""
        shapes = [instance.arrays[self.wrt].shape for instance in instances]
        if all(claim.shape == shape for claim, shape in zip(claims, shapes, strict=True)):
            return claims, ()
        if all(claim.shape == shape[::-1] for claim, shape in zip(claims, shapes, strict=True)):
            turned = f"the array has the shape of the transpose of {self.wrt}"
            return [claim.T for claim in claims], (("transposed", turned),)
        if all(claim.shape == (instance.sizes.get("n"), *shape)
               for instance, claim, shape in zip(instances, claims, shapes, strict=True)):
            return [claim.sum(axis=0) for claim in claims], (("unsummed", ""),)
        return None, ()

    def _penalties(self, instances):
        """The gradient of the penalty, or what it would be if `wrt` were penalised; and whether it is."""
        name = self.model.penalty
        if not all(np.any(instance.arrays.get(name, 0)) for instance in instances):
            return None, False
        found = [instance.truth(self.wrt) - instance.data.truth(self.wrt) for instance in instances]
        if any(np.any(np.abs(array) > 1e-12) for array in found):
            return found, True
        return [2 * instance.arrays[name] * instance.arrays[self.wrt] for instance in instances], False

    def _fits(self, instances, claims):
        """Every structure that explains the claims, as the slips it takes."""
        ns = [instance.sizes.get("n", 1) for instance in instances]
        penalties, penalised = self._penalties(instances)
        plain = [instance.data.truth(self.wrt) for instance in instances]
        for structure in structures(instances[0], self.wrt):
            few, parts = min(3, len(instances)), []
            for stop in (few, len(instances)):
                try:
                    parts += [structure.find(instance) for instance in instances[len(parts):stop]]
                except (ValueError, IndexError):
                    break
                turned = [p.T for p in penalties] if penalties and structure.turned else penalties
                if structure.kind and all(_close(a, b) for a, b in zip(parts, plain, strict=False)):
                    break
                factors = fit(claims[:stop], parts, turned and turned[:stop], ns[:stop])
                if factors is None:
                    break
            else:
                yield self._slips(structure, factors, penalised, ns)

    def _slips(self, structure, factors, penalised, ns):
        """The slips that a structure and its factors amount to."""
        k, p, q, r = factors
        slips = [(structure.kind, structure.detail)] if structure.kind else []
        whole = penalised and np.isclose(q, k, rtol=1e-6) and r == p
        right = np.isclose(q, 1.0 * penalised, atol=1e-6) and (r == 0 or not penalised)
        where = " in the data part (the penalty is right)" if penalised and right and not whole else ""
        fixed_n = self.model.plain.get("n") if len(set(ns)) == 1 else None
        slips += _factor(k, p, where, self.fixed.get("lr"), fixed_n)
        if not (whole or right):
            slips.append(("penalty", _penalty(q, r, penalised)))
        return tuple(slips)

    def _say(self, slips, drawn):
        """Put the slips into words, with the worst entry of an instance where they show."""
        said = [KINDS[kind].sentence.format(detail=detail) for kind, detail in slips]
        sentence = said[0] if len(said) == 1 else "Two slips at once. " + " ".join(said)
        kind = " + ".join(kind for kind, _ in slips)
        about = f"on {self.count} instances of the model: {self.model.name}"
        if not drawn:
            return Verdict(False, kind, sentence, self.wrt, about=about)
        instance, claim = drawn[0]
        true = instance.truth(self.wrt)
        at, value, slope = (), np.nan, np.nan
        if claim.shape == true.shape:
            error = np.abs(claim - true)
            ok = kind == "correct"
            at = tuple(int(i) for i in np.unravel_index(np.argmax(np.abs(true) if ok else error), true.shape))
            value, slope = float(claim[at]), float(true[at])
        return Verdict(kind == "correct", kind, sentence, self.wrt, at, value, slope, (claim, true), about)


def _close(a, b):
    """Equal to 1e-8 of the largest entry."""
    return a.shape == b.shape and np.abs(a - b).max() <= CLOSE * max(np.abs(a).max(), np.abs(b).max(), 1e-4)


CONSTANTS = {2.0: ("factor-two", "2 times"), 0.5: ("factor-two", "half"),
             1 / np.log(2): ("log-base", "1/ln 2 = 1.4427 times"), np.log(2): ("log-base", "ln 2 = 0.6931 times")}


def _factor(k, p, where="", rate=None, n=None):
    """The slips in a factor k n^p; where n is the same in all instances, k may hold it."""
    if n and np.isclose(abs(k), [n, 1 / n], rtol=1e-6).any():
        k, p = np.sign(k), 1 if abs(k) > 1 else -1
    slips = [("sign", where)] if k < 0 else []
    slips += [("sum-not-mean" if p > 0 else "averaged-twice", where)] if p else []
    if not np.isclose(abs(k), 1, rtol=1e-6):
        kind, words = next((named for value, named in CONSTANTS.items() if np.isclose(abs(k), value, rtol=1e-6)),
                           ("constant", f"{abs(k):.6g} times"))
        if rate is not None and np.isclose(abs(k), rate, rtol=1e-6):
            words += " (your learning rate, which belongs to the update)"
        slips.append((kind, words + where))
    return slips


def _penalty(q, r, penalised):
    """What became of the penalty's gradient."""
    if r:
        return "the penalty's gradient was multiplied or divided by n: it is added once, not once per row"
    if not penalised:
        return "and a penalty was added where there is none: biases, and losses without λ, are not penalised"
    if np.isclose(q, 0, atol=1e-6):
        return "the penalty's gradient 2λW is missing (if your loss has no penalty, say lam=0)"
    if np.isclose(q, 0.5):
        return "the penalty λ‖W‖² has the gradient 2λW, and you have λW"
    if np.isclose(q, -1):
        return "the penalty's gradient 2λW has the wrong sign"
    return f"the penalty's gradient 2λW stands there {q:.4g} times"


def _not_a_number(instance, array):
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return (f"claimed: entry {list(at)} is {array[at]}, expected a number; "
            f"the arrays were drawn as {_described(instance)}")


def _described(instance):
    """Names and shapes."""
    return ", ".join(f"{name} {np.shape(value)}" for name, value in instance.arrays.items())


def _sizes_said(instance):
    """n = 5, d = 4 …"""
    return ", ".join(f"{letter} = {size}" for letter, size in instance.sizes.items())


if __name__ == "__main__":
    raise SystemExit(import_module("lib.submissions").main())

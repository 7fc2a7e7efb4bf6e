"""Is my derivation right? And if not, which slip is it, and where?

    diagnose(lambda Xs, P, Y: Xs.T @ (P - Y), model="softmax", lam=0)
    # sum-not-mean: the 1/n was dropped
    diagnose(my_gradient, my_loss, at={"w": w, "X": X, "y": y}, wrt="w")

The claim is evaluated on instances that the tool draws itself, beside the true slope, which is found from values of the
loss alone. Then every kind of slip in `lib.diagnose.kinds` is asked whether it explains the claim on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from importlib import import_module
from inspect import signature
from types import FunctionType

import numpy as np

from lib.diagnose.case import Case, kinds_of
from lib.diagnose.hypotheses import close
from lib.diagnose.instances import Instance, Model, own
from lib.diagnose.kinds import KINDS
from lib.diagnose.models import MODELS
from lib.mlp import check_name
from lib.shapes import entry, first
from lib.show import number


@dataclass(frozen=True, repr=False)
class Verdict:
    """The answer: `ok`, the `kind` of slip ("sign", or "factor-two + penalty" for two), a `sentence`, the worst entry.

    kind     a name from `lib.diagnose.kinds.KINDS`, "correct", or "unexplained" where nothing on the list fits
    number   its number in the list of kinds
    worst    the index of the entry that is furthest off, or of the largest if all agree
    claimed  the number there, and `true` the slope; `arrays` holds both whole, as (claimed, true)
    also     other kinds that would give the same gradient on every instance
    fixed    for a formula, the formula after the one small change that makes it right, if there is one
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
    fixed: object = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The slips by name: none, one or two."""
        return () if self.ok else tuple(self.kind.split(" + "))

    @property
    def number(self) -> str:
        """The number of the kind, or of both."""
        return " + ".join(KINDS[kind].number for kind in self.kind.split(" + "))

    def __repr__(self):
        lines = [f"{'✓' if self.ok else '✗'} {self.kind}: {self.sentence}"]
        if self.arrays and self.arrays[0].shape == self.arrays[1].shape:
            lines.append(f"  {entry(self.wrt, self.worst)}: claimed {number(self.claimed)}, true {number(self.true)}")
        if self.also:
            lines.append(f"  for this model the same as {' or '.join(self.also)}")
        return "\n".join([*lines, f"  {self.about}"])

    def _repr_markdown_(self):
        first, *rest = repr(self).splitlines()
        kind, _, text = first.partition(": ")
        parts = (line.strip().partition(": ") for line in rest[:-1])
        found = (f"`{before}`: {after}" if colon else before for before, colon, after in parts)
        return "\n\n".join([f"**{kind}.** {text}", *found, f"*{self.about}*"])

    def figure(self):
        """Claimed beside true, entry by entry, and their difference."""
        plot = import_module("lib.plot")                         # Matplotlib, which a verdict does not need
        if not self.arrays:
            raise ValueError("figure: NumPy refused the claim, so there is no array to show")
        panels = dict(zip((f"claimed {self.wrt}", f"true {self.wrt}"), map(np.atleast_2d, self.arrays), strict=True))
        if self.arrays[0].shape == self.arrays[1].shape:
            panels["difference"] = np.atleast_2d(self.arrays[0] - self.arrays[1])
        fig, axes = plot.figure(7.2, 0.8 + 0.4 * max(map(len, panels.values())), len(panels))
        for ax, (name, array) in zip(axes, panels.items(), strict=True):
            plot.matrix(ax, array.reshape(-1, array.shape[-1]), name)
        return fig


def diagnose(claimed: Callable | str, loss: Callable | str | None = None, *, at: dict | None = None,
             wrt: str | None = None, model: str | Model | None = None, **context) -> Verdict:
    """Judge a claimed gradient, and name the slip if it has one.

    claimed  a function whose parameters name what it needs: arrays of the model, sizes (n, d …), λ (lam), quantities
             of the forward pass (Z1, A1, P …); `names(model)` lists them. Or a formula, in LaTeX or as a SymPy
             expression: `r"\\frac{1}{n} \\sum_i (p_i - y_i) x_{ij}"`, see `lib.diagnose.formulas`
    model    one of the book's by name, see `lib.diagnose.models.MODELS`, or a Model
    loss     or a loss of one's own, a function or a formula, with `at`: its arrays by name, `{"w": w, "X": X, "y": y}`
    wrt      what the gradient is by; may be left out where there is one parameter
    context  options of the model (`hidden="tanh"`, `scale="sum"` …) and arrays that stay fixed (`lam=0`); for an own
             loss `shapes="X: n d, y: n, w: d"`, `targets=("y",)`, `penalty="lam"`, `draw={…}`, and numbers it needs
             (`n=6`); for both `rate`, a learning rate that may have slipped in, and `seed`, to draw other instances
    """
    if isinstance(claimed, str) and len(parts := import_module("lib.diagnose.formulas").parts(claimed)) > 1:
        return _first_wrong(parts, lambda part: diagnose(part, loss, at=at, wrt=wrt, model=model, **context))
    if (model is None) == (loss is None):
        raise TypeError("diagnose: give a loss of your own and its arrays, diagnose(claimed, loss, at={...}), "
                        f"or a model by name, model= one of {', '.join(MODELS)}")
    rate, seed = context.pop("rate", None), context.pop("seed", 0)
    reading = {name: context.pop(name) for name in ("free", "letters") if name in context}
    written = None
    if _is_formula(loss):
        loss, written = import_module("lib.diagnose.formulas").function(loss)                 # which needs SymPy
    built = _own(loss, at, context) if loss is not None else _named(model, context, at)
    if _is_formula(claimed):
        claimed, built = import_module("lib.diagnose.formulas").claim(claimed, built, wrt, **reading)
        wrt, formula = claimed.wrt, True
    else:
        _check_function(claimed)
        wrt, formula = _chosen(wrt, built.parameters), False
    case = Case(_entrywise(_freed(built, wrt), claimed, wrt), claimed, wrt, seed, rate)
    finding = case.judged()
    verdict = _verdict(case, finding)
    return _located(verdict, claimed, finding, written) if formula and finding.pairs and not verdict.ok else verdict


def _first_wrong(parts, judge):
    """The verdict on a chain of equals; a part that cannot be read is passed over, but not the last."""
    unread, verdict = [], None
    for place, part in enumerate(parts, start=1):
        try:
            verdict = judge(part)
        except import_module("lib.diagnose.formulas").FormulaError:
            if place == len(parts):
                raise
            unread.append(f"Part {place} of {len(parts)} could not be read, and was not judged.")
            continue
        if not verdict.ok:
            words = f"Part {place} of {len(parts)} is {'wrong' if unread else 'the first that is wrong'}."
            return replace(verdict, sentence=" ".join([words, verdict.sentence, *unread]))
    return replace(verdict, sentence=" ".join([verdict.sentence, *unread]))


def _is_formula(what):
    """LaTeX, or something of SymPy's."""
    return isinstance(what, str) or hasattr(what, "free_symbols")


def _check_function(claimed):
    """Refuse what cannot be evaluated at other arrays."""
    if not callable(claimed):
        raise TypeError(f"diagnose: claimed is a {type(claimed).__name__}, expected a function of the arrays it needs: "
                        "numbers at one point cannot be evaluated again at another")
    if isinstance(claimed, FunctionType) and not signature(claimed).parameters:
        raise TypeError("claimed: it takes nothing, so it is the same on every instance; "
                        "make the arrays it uses its parameters")


def _chosen(wrt, parameters):
    """What the gradient is by."""
    if wrt is None and len(parameters) == 1:
        return parameters[0]
    if wrt is None:
        raise ValueError(f"diagnose: say what the gradient is by: wrt= one of {', '.join(parameters)}")
    if not isinstance(wrt, str):
        raise TypeError(f"diagnose: wrt = {wrt!r}, expected the name of one array: {', '.join(parameters)}")
    if wrt in parameters:
        return wrt
    alike = [f"did you mean {name!r}? " for name in parameters if name.lower() == wrt.lower()][:1]
    raise ValueError(f"diagnose: wrt = {wrt!r} is unknown; {''.join(alike)}expected one of {', '.join(parameters)}")


def names(model: str | Model, **context) -> tuple[str, ...]:
    """What a claim may ask for by the names of its parameters."""
    built = _named(model, context)
    return tuple(built.instance(dict(zip(built.letters, (5, 4, 3, 2, 6, 7), strict=False)), 0).names)


def _named(model, context, at=None):
    """A model by name and options, in which lam, where it is given, stays fixed."""
    if at is not None:
        raise TypeError("diagnose: at holds the arrays of a loss of your own; a model draws its arrays itself")
    if isinstance(model, Model):
        return _fixed(model, context.get("lam"))
    check_name("diagnose", MODELS, model=model)
    known = [*signature(MODELS[model]).parameters, "lam"]
    if unknown := [option for option in context if option not in known]:
        raise TypeError(f"diagnose: {model} has no option {' or '.join(unknown)}; it has {', '.join(known)}")
    return _built(model, **context)


@lru_cache(maxsize=64)
def _built(name, lam=None, **options):
    """Built once, so that a second claim finds the instances drawn and their slopes known."""
    return _fixed(MODELS[name](**options), lam)


def _fixed(model, lam):
    """The model with λ given."""
    if lam is None or model.penalty not in model.shapes:
        return model
    return replace(model, draw=model.draw | {model.penalty: lambda rng, shape, sizes: np.asarray(lam, dtype=float)})


def _own(loss, at, context):
    """The reader's own loss as a model."""
    if not isinstance(at, dict) or not at:
        raise TypeError(f"diagnose: at is {at!r:.40}, expected the arrays of the loss by name, at={{'w': w, 'X': X}}")
    options = ("shapes", "draw", "targets", "penalty", "activation")
    options = {name: context[name] for name in options if name in context}
    return own(loss, at | {name: value for name, value in context.items() if name not in options}, **options)


@lru_cache(maxsize=64)
def _freed(model, wrt):
    """The model in which the entries of the parameter are any numbers; one for all claims, as its truth costs time."""
    return replace(model, free=wrt) if wrt in model.given else model


def _entrywise(model, claimed, wrt):
    """A function that acts entry by entry has one slope an entry: those of the sum of its values."""
    at = Instance(model, model.given, model.measured(model.given)) if model.given else None
    if at is None or not np.ndim(at.value):
        return model
    value, shape = Case(model, claimed, wrt).value(at), at.arrays[wrt].shape
    if value.shape == () and np.shape(at.value) == shape:
        raise ValueError(f"loss: it returns an array of the shape {shape}, and the claim a number; are they exchanged?")
    if value.shape != shape:
        return model
    slopes = at.truth(wrt).reshape(np.size(at.value), -1)
    if np.shape(at.value) != shape or np.any(slopes - np.diag(np.diag(slopes))):
        if at.truth(wrt).shape == shape:
            return model
        raise ValueError(f"loss: it returns an array of the shape {np.shape(at.value)}, expected one number to take a "
                         f"gradient of; is .sum() or .mean() missing?")
    return replace(model, loss=wraps(model.loss)(lambda *of, **known: model.loss(*of, **known).sum()))


def _located(verdict, claimed, finding, loss):
    """Add where in the formula the slip is, if one small change of the formula makes it right."""
    repair = import_module("lib.diagnose.formulas").located(claimed, finding.pairs, loss)
    if repair is None:
        return verdict
    if verdict.kind != "unexplained" and (verdict.kind, repair.kind) != ("wrong-shape", "wrong-index"):
        return replace(verdict, sentence=f"{verdict.sentence} In your formula: {repair.words}.", fixed=repair.expr)
    sentence = f"One change makes your formula right, and it is about {KINDS[repair.kind].brief}: {repair.words}."
    return replace(verdict, kind=repair.kind, sentence=sentence, fixed=repair.expr)


def _verdict(case, finding):
    """Put the slips into words, with the worst entry of an instance where they show."""
    slips, pairs, others = finding
    said = [KINDS[kind].sentence.format(detail=detail) for kind, detail in slips]
    if [kind for kind, _ in slips] == ["penalty"]:
        said = [f"The data part is right. {said[0]}"]
    said[1:] = [text.replace("Your gradient is", "Beside that, your gradient is") for text in said[1:]]
    *before, last = dict.fromkeys(KINDS[kind].brief for kind, _ in slips)
    brief, count = f"{', '.join(before)} and {last}" if before else f"{last} twice", ("", "", "Two", "Three")[len(said)]
    sentence = said[0] if len(said) == 1 else f"{count} slips at once, {brief}. {' '.join(said)}"
    kind, wrt = kinds_of(slips), case.wrt
    about = f"{len(pairs) or case.count} instances of {case.model.name}, gradient by {wrt}"
    if not pairs:
        return Verdict(False, kind, sentence, wrt, about=about)
    instance, claim = next(((at, value) for at, value in pairs if not close(value, at.truth(wrt))), pairs[0])
    true, at, value, slope = instance.truth(wrt), (), np.nan, np.nan
    if claim.shape == true.shape:
        size = np.abs(true) if kind == "correct" else np.abs(claim - true)
        at = first(size >= size.max() * (1 - 1e-6))
        value, slope = float(claim[at]), float(true[at])
    also = tuple(dict.fromkeys(other for other in map(kinds_of, others) if other != kind))
    return Verdict(kind == "correct", kind, sentence, wrt, at, value, slope, (claim, true), about, also)

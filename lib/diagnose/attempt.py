"""A derivation of one's own, line by line: the first line that does not follow is found, and the slip in it named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sympy
from sympy import IndexedBase

from lib.derivation import Derivation, DerivationError, Line
from lib.diagnose.evaluate import FormulaError, Reading
from lib.diagnose.kinds import KINDS
from lib.diagnose.repairs import REFUSALS, repaired, said
from lib.typeset import latex


@dataclass(frozen=True, repr=False)
class LineVerdict:
    """The first line that does not follow, counted from 1, the kind of slip between it and the line above, and words.

    line   its number, 0 if all lines follow
    kind   a name from `lib.diagnose.kinds.KINDS`, or "unexplained"
    fixed  the line as it would follow, a SymPy expression, or None
    """

    ok: bool
    line: int
    kind: str
    sentence: str
    fixed: object = None

    @property
    def number(self) -> str:
        """The number of the kind, or of both."""
        return " + ".join(KINDS[kind].number for kind in self.kind.split(" + "))

    def __repr__(self):
        return f"{'✓' if self.ok else '✗'} {self.sentence}"

    def _repr_markdown_(self):
        if self.fixed is None:
            return _escaped(str(self))
        words = str(self).removesuffix(f" {said(self.fixed)}.")            # the formula is typeset instead
        return f"{_escaped(words)}\n\n$$\n{latex(self.fixed)} .\n$$"


class Attempt(Derivation):
    """A `Derivation` that may go wrong: its block ends without an error, and `verdict` says where the first slip is.

        with Attempt("mine", r"\\sigma'(a)") as a:
            a.start(Derivative(1 / (1 + exp(-a)), a), "definition")
            a.line(exp(-a) / (1 + exp(-a)), "chain rule")
        a
    """

    verdict = LineVerdict(True, 0, "correct", "")

    def __exit__(self, kind, error, trace) -> None:
        try:
            super().__exit__(kind, error, trace)
            self.verdict = LineVerdict(True, 0, "correct", _follows(self))
        except DerivationError as why:
            self.verdict = diagnose_lines(self, str(why))

    def __repr__(self):
        good = self.lines if self.verdict.ok else self.lines[:self.verdict.line - 1]
        rows = [f"{k}. {line.text}    [{line.reason}] {'✓' if line in good and k > 1 else ''}".rstrip()
                for k, line in enumerate(self.lines, start=1)]
        return "\n".join([*rows, str(self.verdict)])

    def _repr_markdown_(self):
        if self.verdict.ok:
            return super()._repr_markdown_()
        rows = [rf"{line.lhs} &= {line.tex or latex(line.content)} && \text{{{line.reason}}} && {mark}"
                for line, mark in zip(self.lines, self._marks(), strict=True)]
        body = " \\\\\n".join(rows)
        return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$\n\n{self.verdict._repr_markdown_()}"

    def _marks(self):
        at = self.verdict.line
        return [r"" if k == 1 else r"\checkmark" if k < at else r"\times" if k == at else "?"
                for k in range(1, len(self.lines) + 1)]


def diagnose_lines(derivation: Derivation, why: str = "") -> LineVerdict:
    """The first line of a derivation that does not follow, and the slip in it.

    Shapes: none; the derivation holds its lines and the random points on which they are compared.
    """
    if not hasattr(derivation, "settings"):
        return LineVerdict(False, 1, "unexplained", why or "The derivation has not been checked: end its block first.")
    settings = derivation.settings[:3]
    for number, (before, line) in enumerate(pairwise(derivation.lines), start=2):
        if line.content is None or line.is_equation or line.is_condition or line.relation != "=":
            continue
        try:
            above = [derivation._value(before, points) for points in settings]
        except REFUSALS as error:
            return LineVerdict(False, number - 1, "unexplained", f"Line {number - 1} cannot be evaluated: {error}")
        right = _agreement(derivation, settings, above)
        if not _holds(right, line.content):
            return _named(derivation, number, before, line, right, why)
    return LineVerdict(not why, 0, "unexplained" if why else "correct", why or _follows(derivation))


def _escaped(words):
    """Words with formulas in SymPy's text, whose stars are no emphasis."""
    return re.sub(r"([\\*_])", r"\\\1", words)


def _follows(derivation):
    return f"All {len(derivation.lines)} lines follow."


def _holds(right, expr):
    """Whether an expression agrees; what cannot be evaluated does not."""
    try:
        return right(expr)
    except REFUSALS:
        return False


def _agreement(derivation, settings, above):
    """Whether an expression has the values of the line above: at one point, all indices at once; then everywhere."""
    readings = [_reading(derivation, points) for points in settings]

    def right(expr):
        try:
            quick = [reading.value(expr, free) for reading, free in readings]
        except FormulaError:                                     # matrices and derivatives: the slow way only
            quick = [value[0] for value in above]
        if not all(map(_same, quick, [value[0] for value in above])):
            return False
        with sympy.evaluate(True):
            here = [derivation._value(Line(expr, ""), points) for points in settings]
        return all(map(_same, here, above))

    return right


def _same(a, b):
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-7, atol=1e-9)


def _reading(derivation, points):
    """The first of many random points, read with whole axes, and the ranges of the free indices."""
    arrays = {name: array[0] for name, array in points.arrays.items()}
    first = {name: (start,) * arrays[name].ndim for name, start in points.first.items()}
    rules = {str(key): (rule.variables, rule.expr) if isinstance(rule, sympy.Lambda) else ((), rule)
             for key, rule in derivation._rules.items()}
    free = dict(zip(derivation.free, derivation._positions(points), strict=True))
    return Reading(arrays, {str(size): number for size, number in points.sizes.items()}, {}, first, rules), free


def _named(derivation, number, before, line, right, why):
    """The verdict on a line that does not follow."""
    where = f"Line {number} does not follow from line {number - 1}"
    entries = [(what, len(what.shape)) for what in derivation._variables().values() if isinstance(what, IndexedBase)]
    found = repaired(line.content, right, before.content, derivation._size_symbols(), entries, derivation.free)
    if found is None:
        numbers = why.partition("\n")[2]                                           # its first line says the same
        return LineVerdict(False, number, "unexplained",
                           f"{where}, and no single slip on the list explains it.{numbers and chr(10)}{numbers}")
    sentence = f"{where} ({found.kind}): {found.words}. It follows if it reads {said(found.expr)}."
    return LineVerdict(False, number, found.kind, sentence, found.expr)

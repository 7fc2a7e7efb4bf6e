"""A derivation that runs: a chain of lines, each with its reason, each checked against the line above.

A line is a SymPy expression, and the LaTeX on the page is printed from that very object, or it is LaTeX together with
a NumPy function. The first line, the definition, is evaluated by an independent route; the last line is compared with
the function of `lib` that the book uses from there on. A line that does not follow stops the notebook.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from scipy.optimize import brentq
from sympy import Derivative, Eq, Indexed, IndexedBase, Integer, Symbol
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from lib.points import KINKED, Gradient, NamedBase, Points, scalar, variables
from lib.proof import is_zero
from lib.typeset import AuthorText, latex, two_sides

EXACT = 1e-9  # two exact routes agree to about 1e-12 at these points; a slip misses by 1e-3 or more
SLOPE = 1e-6  # what a difference quotient leaves where a kink rules out the complex step
RELATIONS = {"=": "=", "<=": r"\le", ">=": r"\ge"}


class DerivationError(ValueError):
    """A line that does not follow: names the line, its reason and a point where the two sides differ."""


@dataclass
class Line:
    """What one line says and why, and the verdict of its checks."""

    content: object
    reason: str
    lhs: str = ""
    relation: str = "="
    tex: str = ""
    function: Callable | None = None
    tight: dict | None = None
    verdict: str = "checked"
    how: str = ""

    @property
    def is_equation(self) -> bool:
        return isinstance(self.content, Eq)

    @property
    def is_condition(self) -> bool:
        return isinstance(self.content, Relational | BooleanFunction) and not self.is_equation

    @property
    def text(self) -> str:
        return self.tex if self.content is None else AuthorText().doprint(self.content)

    def row(self) -> str:
        """One row of the aligned block; the comment that ends it tells what was checked and how."""
        if self.is_condition:
            left, relation, right = "", r"\iff" if self.verdict != "start" else "", latex(self.content)
        elif self.is_equation:
            left, relation, right = two_sides(self.content)
        else:
            left, relation = self.lhs, RELATIONS[self.relation]
            right = self.tex if self.content is None else latex(self.content)
        mark = r"\checkmark" if self.verdict != "start" else ""
        return rf"{left} &{relation} {right} && \text{{{self.reason}}} && {mark} \\ % {self.verdict}; {self.how}"


class Derivation:
    """A chain of lines, checked when its `with` block ends and displayed as an aligned, numbered derivation.

        with Derivation("sigmoid-slope", r"\\sigma'(a)") as d:
            d.start(Derivative(1 / (1 + exp(-a)), a), "definition of the slope")
            d.line(exp(-a) / (1 + exp(-a)) ** 2, "chain rule, $u = 1 + e^{-a}$")
            d.ends_in(activations.sigmoid_prime, a)

    Inside the block SymPy keeps what is written as it is written. A line is an expression equal to the line above, or
    (with `unknown`) an equation with the same solution, or a condition that holds at the same points.

    label    the page refers to the derivation as `eq:label`
    lhs      LaTeX of what is derived
    where    what symbols and arrays stand for: `{z: theta[0] + theta[1] * x}` or `{z[i]: ...}`
    sample   how to draw a variable that is not normal: `{y: lambda rng, shape: rng.integers(0, 2, shape)}`
    unknown  what the equations are solved for, with an interval that holds the solution: `{p: (0, 1)}`
    uses     variables that only LaTeX lines or `lib` need
    free     the order of the free indices, where there are several
    """

    def __init__(self, label, lhs="", *, where=None, sample=None, unknown=None, uses=(), free=(), points=200):
        self.label, self.lhs, self.points = label, lhs, points
        self.where, self.unknown, self.uses = {} if where is None else where, unknown or {}, uses
        self.sample = {_name(key): draw for key, draw in (sample or {}).items()}
        self.free, self.lines, self.end, self.by = tuple(free), [], None, None

    # Writing the lines

    def __enter__(self) -> Derivation:
        self._as_written = sympy.evaluate(False)
        self._as_written.__enter__()
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._as_written.__exit__(kind, error, trace)
        if kind is None:
            self._check()

    def start(self, content, *rest, by: Callable | None = None) -> None:
        """The first line: the definition. `by` computes it by another route from the variables it names."""
        if self.lines:
            raise DerivationError(f"{self.label}: a derivation starts once")
        self.line(content, *rest, lhs=self.lhs)
        self.lines[0].verdict, self.by = "start", by

    def line(self, content, *rest, lhs="", relation="=", tight=None) -> None:
        """The next line: `line(expression, reason)` or `line(latex, numpy_function, reason)`.

        relation  `"="`, or `"<="` / `">="` for a bound, which then must be reached at the point `tight`
        lhs       a new left side, where the line speaks of all entries at once
        """
        function, reason = rest if len(rest) == 2 else (None, *rest)
        tex, content = (content, None) if isinstance(content, str) else ("", sympy.sympify(content))
        if (content is None) != (function is not None):
            raise DerivationError(f"{self.label}: LaTeX needs a NumPy function beside it, an expression does not")
        if content is not None and content.atoms(sympy.Float):
            raise DerivationError(f"{self.label}: {content} has a rounded number; write Rational(1, 2) for 0.5")
        self.lines.append(Line(content, reason, lhs, relation, tex, function, tight))

    def ends_in(self, function: Callable, *arguments, name: str = "") -> None:
        """Tie the last line to the function of `lib` that computes it from these variables."""
        self.end = function, arguments, name or f"{function.__module__.removeprefix('lib.')}.{function.__name__}"

    # Checking them

    def _check(self) -> None:
        if len(self.lines) < 2:
            raise DerivationError(f"{self.label}: a derivation has a first line and at least one line that follows")
        contents = [line.content for line in self.lines if line.content is not None]
        contents += [sympy.sympify(value) for value in self.where.values()]
        contents += [call.definition(*call.args) for content in contents for call in content.atoms(NamedBase)]
        self._contents = contents
        self._rules = dict(_rule(key, value) for key, value in self.where.items())
        self._find_free()
        self.settings = [self._draw(s) for s in self._choices(4, 5)]
        self._check_start()
        for before, line in itertools.pairwise(self.lines):
            self._check_line(before, line)
        if self.end is not None:
            self._check_end()
        for before, line in itertools.pairwise(self.lines):
            self._prove(before, line)

    def _size_symbols(self) -> list[Symbol]:
        shapes = [s for base in self._variables().values() for s in getattr(base, "shape", ())]
        found = set().union(*(sympy.sympify(e).free_symbols for e in [*shapes, *self._contents]))
        return sorted((s for s in found if isinstance(s, Symbol) and s.is_integer and s.is_positive), key=str)

    def _variables(self) -> dict:
        extra = [u[(u.offset,) * len(u.shape)] if isinstance(u, IndexedBase) else u for u in self.uses]
        found = variables([*self._contents, *extra])
        return {name: what for name, what in found.items() if name not in map(str, self._rules)}

    def _find_free(self) -> None:
        written = [line.content for line in self.lines if line.content is not None]
        letters = set().union(*(e.atoms(Symbol) - _bound(e) for e in written))
        letters = {s for s in letters if s.is_integer and not s.is_positive}
        self.free = self.free or tuple(sorted(letters, key=str))

    def _choices(self, count: int, largest: int) -> list[dict[Symbol, int]]:
        """Sizes, pairwise different, so that no wrong shape fits by chance; they move on from choice to choice."""
        symbols = self._size_symbols()
        largest = max(largest, len(symbols))
        return [{s: 1 + (k + 2 * i) % largest for i, s in enumerate(symbols)} for k in range(count if symbols else 1)]

    def _draw(self, sizes: dict) -> Points:
        count = self.points // len(self._choices(4, 5))
        points = Points(sizes, count, np.random.default_rng(7))
        for name, what in self._variables().items():
            points.draw(name, what, self.sample.get(name))
        for symbol, (low, high) in self.unknown.items():
            self._solve(points, symbol, low, high)
        return points

    def _solve(self, points: Points, unknown: Symbol, low: float, high: float) -> None:
        """Find the unknown of the first equation by bisection at each point, with no algebra."""
        equation = self.lines[0].content
        residual = points.concrete(equation.lhs - equation.rhs, self._rules)
        for p in range(points.count):
            miss = lambda u, p=p: points.moved(residual, unknown, u)[p]
            try:
                points.arrays[unknown.name][p] = brentq(miss, low, high, xtol=1e-14)
            except ValueError as error:
                where = f"{self._where(0)} has no one solution for {unknown} in ({low}, {high})"
                raise DerivationError(where) from error
        points.values.clear()

    def _positions(self, points: Points) -> list[range]:
        """The values each free index takes."""
        spans = []
        for letter in self.free:
            used = [
                points.positions(str(e.base.label), axis)
                for c in self._contents
                if letter not in _bound(c)
                for e in c.atoms(Indexed)
                for axis, index in enumerate(e.indices)
                if index == letter and str(e.base.label) in points.arrays
            ]
            if not used:
                raise DerivationError(f"{self.label}: the index {letter} stands at no array, so its range is unknown")
            spans.append(range(max(r.start for r in used), min(r.stop for r in used)))
        return spans

    def _cells(self, line: Line, points: Points) -> np.ndarray:
        """A line as an array of concrete scalar expressions: one an entry, or one a value of the free indices."""
        if isinstance(line.content, sympy.MatrixExpr) or getattr(line.content, "is_Matrix", False):
            cells = np.array(points.concrete(line.content, self._rules).tolist(), dtype=object)
            cells = cells[:, 0] if line.content.shape[1] == 1 else cells
            return cells[0] if line.content.shape == (1, 1) else cells
        spans = self._positions(points)
        cells = np.empty([len(s) for s in spans], dtype=object)
        for place, position in zip(np.ndindex(cells.shape), itertools.product(*spans), strict=True):
            env = {**self._rules, **dict(zip(self.free, map(Integer, position), strict=True))}
            cells[place] = scalar(points.concrete(line.content, env))
        return cells

    def _value(self, line: Line, points: Points, side=None) -> np.ndarray:
        """A line at all points: (P,) for a scalar, (P, …) over its entries or free indices."""
        if line.function is not None:
            return np.array([_call(line.function, points, p) for p in range(points.count)])
        line = line if side is None else Line(side, line.reason)
        cells = np.asarray(self._cells(line, points), dtype=object)
        return points.evaluate(*cells.ravel()).reshape(points.count, *cells.shape)

    def _safely(self, number: int, points: Points, side=None) -> np.ndarray:
        line, key = self.lines[number], (number, side)
        if key in points.known:
            return points.known[key]
        try:
            value = self._value(line, points, side)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise DerivationError(f"{self._where(number)} cannot be evaluated: {error}") from error
        if not np.isfinite(value).all():
            place = tuple(np.argwhere(~np.isfinite(value))[0])
            raise DerivationError(f"{self._where(number)} is not a finite number {self._point(points, place)}")
        points.known[key] = value
        return value

    def _check_start(self) -> None:
        first = self.lines[0]
        slope = first.content is not None and first.content.has(Derivative, Gradient)
        kinked = slope and first.content.has(*KINKED)
        first.how = "by difference quotient" if kinked else "by complex step" if slope else "as it stands"
        self.tolerance = SLOPE if kinked or self.by else EXACT
        if self.unknown:
            first.how = "solved by bisection"
        if self.by is None:
            return
        first.how = "by another route"
        for points in self.settings:
            other = Line(None, "the independent route", function=self.by)
            self._compare(self._value(other, points), self._safely(0, points), points, 0, 0, "=")

    def _check_line(self, before: Line, line: Line) -> None:
        number = self.lines.index(line)
        line.how = f"agrees with the line above{self._at_random_points()}"
        reached = 0
        for points in self.settings:
            if line.is_equation:
                self._check_equation(number, points)
            elif line.is_condition:
                reached += self._check_condition(number, points)
            else:
                above, here = self._safely(number - 1, points), self._safely(number, points)
                self._compare(above, here, points, number - 1, number, line.relation)
                if line.relation != "=":
                    self._check_tight(number, points)
        if line.is_condition and not 0.05 < reached / self.points < 0.95:
            raise DerivationError(f"{self._where(number)} is nearly always or nearly never true: it tells nothing")

    def _check_equation(self, number: int, points: Points) -> None:
        line = self.lines[number]
        left, right = (self._safely(number, points, side) for side in line.content.args)
        self._compare(left, right, points, number, number, "=")
        for unknown in self.unknown:
            away = Points(points.sizes, points.count, points.rng, {**points.arrays}, points.first, points.scalars)
            away.arrays[unknown.name] = points.arrays[unknown.name] * 0.9
            left, right = (self._safely(number, away, side) for side in line.content.args)
            if np.isclose(left, right, rtol=1e-6).mean() > 0.05:
                raise DerivationError(f"{self._where(number)} also holds for a wrong {unknown}: it tells nothing")

    def _check_condition(self, number: int, points: Points) -> int:
        above, here = self._safely(number - 1, points).astype(bool), self._safely(number, points).astype(bool)
        if (above != here).any():
            place = tuple(np.argwhere(above != here)[0])
            raise DerivationError(
                f"{self._does_not_follow(number)}\n  line {number} is {above[place]}, line {number + 1} {here[place]}"
                f"\n  {self._point(points, place)}"
            )
        return int(here.sum())

    def _check_tight(self, number: int, points: Points) -> None:
        line = self.lines[number]
        if not line.tight:
            raise DerivationError(f"{self._where(number)}: a bound needs the point where it is reached (tight=...)")
        there = Points(points.sizes, points.count, points.rng, {**points.arrays}, points.first, points.scalars)
        for symbol, value in line.tight.items():
            there.arrays[_name(symbol)] = np.broadcast_to(
                np.asarray(_at_point(value, there), dtype=float), points.arrays[_name(symbol)].shape
            )
        above, here = self._safely(number - 1, there), self._safely(number, there)
        self._compare(above, here, there, number - 1, number, "=")

    def _check_end(self) -> None:
        function, arguments, name = self.end
        last = len(self.lines) - 1
        solved = self.lines[-1].content.rhs if self.lines[-1].is_equation else None
        for points in self.settings:
            here = self._safely(last, points, solved)
            given = [[_argument(a, points, p) for a in arguments] for p in range(points.count)]
            try:
                there = np.array([np.asarray(function(*g), dtype=float) for g in given])
            except (ValueError, TypeError, IndexError) as error:
                raise DerivationError(f"{self.label}: {name} refuses these variables: {error}") from error
            self._compare(there, here, points, name, last, "=")

    def _compare(self, above, here, points: Points, source, number: int, relation: str) -> None:
        """Raise unless `here` stands in this relation to `above` at all points."""
        heading = self._does_not_follow(number) if source != number else f"{self._where(number)} does not hold."
        other = f"line {source + 1}" if isinstance(source, int) else source
        if above.shape != here.shape:
            shapes = f"{other} has shape {above.shape[1:]}, line {number + 1} has {here.shape[1:]}"
            raise DerivationError(f"{heading}\n  {shapes}")
        gap = {"=": np.abs(here - above), "<=": above - here, ">=": here - above}[relation]
        bad = gap > self.tolerance * (1 + np.maximum(np.abs(above), np.abs(here)))
        if bad.any():
            place = np.unravel_index(np.argmax(np.where(bad, gap, -1)), bad.shape)
            raise DerivationError(
                f"{heading}\n  {other} gives {above[place]:.6g}, line {number + 1} gives {here[place]:.6g}\n"
                f"  {self._point(points, place)}"
            )

    def _prove(self, before: Line, line: Line) -> None:
        """Mark a line *proved* where SymPy reduces its difference from the line above to zero."""
        if before.content is None or line.content is None or line.is_condition or line.relation != "=":
            return
        if line.is_equation:
            (unknown,) = self.unknown
            with_rules = [self.settings[0].concrete(l.content, self._rules) for l in (before, line)]
            one, other = (sympy.solve(e, unknown) for e in with_rules)
            if len(one) == len(other) == 1 and is_zero(one[0] - other[0]):
                line.verdict, line.how = "proved", f"SymPy solves this line and the line above for the same {unknown}"
            return
        choices = [{s: 1 + (k + i) % 3 for i, s in enumerate(self._size_symbols())} for k in range(3)]
        for sizes in choices if self._size_symbols() else choices[:1]:
            points = Points(sizes, 1, np.random.default_rng(0))
            for name, what in self._variables().items():
                points.draw(name, what, self.sample.get(name))
            pairs = zip(np.ravel(self._cells(before, points)), np.ravel(self._cells(line, points)), strict=True)
            if not all(is_zero(above - here) for above, here in pairs):
                return
        scope = " for sizes 1 to 3" if self._size_symbols() else ""
        line.verdict, line.how = "proved", f"SymPy reduces the difference from the line above to zero{scope}"

    # Saying what is wrong

    def _where(self, number: int) -> str:
        return f"{self.label}, line {number + 1} (reason: {self.lines[number].reason})"

    def _does_not_follow(self, number: int) -> str:
        lines = "".join(f"\n  line {k + 1}: {self.lines[k].text}" for k in (number - 1, number) if k >= 0)
        return f"{self._where(number)} does not follow.{lines}"

    def _point(self, points: Points, place: tuple[int, ...]) -> str:
        p, *entry = place
        known = [f"{name} = {np.array2string(np.asarray(a[p]), precision=4)}" for name, a in points.arrays.items()]
        known += [f"{s} = {v}" for s, v in points.sizes.items()]
        return "at " + ", ".join(known) + (f", entry {tuple(int(e) + 1 for e in entry)}" if entry else "")

    # Showing them

    @property
    def single_sourced(self) -> int:
        """How many lines are printed from the object that is checked."""
        return sum(line.content is not None for line in self.lines)

    def _at_random_points(self, lead="") -> str:
        """Where the lines were compared; lines of numbers alone have one value."""
        return f"{lead} at {self.points} random points" if self.settings[0].arrays else ""

    def summary(self) -> str:
        """One sentence: how many lines, what kind of check each passed, and where the last line lives in `lib`."""
        kinds = [line.verdict for line in self.lines]
        parts = [f"{kinds.count(kind)} {kind}" for kind in ("proved", "checked") if kind in kinds]
        first, others = self.lines[0].how, " and ".join(parts)
        said = f"{len(kinds)} lines: the first {first}, {others}{self._at_random_points(', all')}"
        return said + (f"; the last is {self.end[2]}" if self.end else "")

    def __repr__(self) -> str:
        marks = {"start": " ", "proved": "✓ proved ", "checked": "✓ checked"}
        lead = max(len(line.lhs) for line in self.lines)
        body = [f"{self._plain(line, lead)}    [{line.reason}] {marks[line.verdict]}".rstrip() for line in self.lines]
        return "\n".join([*body, f"({self.label}) {self.summary()}"])

    @staticmethod
    def _plain(line: Line, lead: int) -> str:
        if line.is_equation:
            return " = ".join(AuthorText().doprint(side) for side in line.content.args)
        return line.text if line.is_condition else f"{line.lhs:{lead}} {line.relation} {line.text}".lstrip()

    def _repr_markdown_(self) -> str:
        *rows, last = (line.row() for line in self.lines)
        rows = "\n".join([*rows, last.replace(r" \\ %", " %")])
        said, last, name = self.summary().partition("; the last is ")
        summary = f"{said}{last}`{name}`" if name else said
        return f"$$\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n$$ (eq:{self.label})\n\n*{summary}.*"


def _bound(expr) -> set:
    """The letters over which an expression sums."""
    return {limit[0] for total in expr.atoms(sympy.Sum, sympy.Product) for limit in total.limits}


def _name(key) -> str:
    """The name by which a variable is drawn: of a symbol, an array, or an entry of one."""
    return str(key.base.label if isinstance(key, Indexed) else getattr(key, "label", None) or key.name)


def _rule(key, value) -> tuple:
    """What a symbol stands for; for an entry such as z[i], a function of its index values."""
    value = sympy.sympify(value)
    return (key.base.label, sympy.Lambda(key.indices, value)) if isinstance(key, Indexed) else (key, value)


def _call(function: Callable, points: Points, p: int):
    """A NumPy function at one point; its parameters name the variables."""
    known = {**{name: a[p] for name, a in points.arrays.items()}, **{str(s): v for s, v in points.sizes.items()}}
    return np.asarray(function(*(known[name] for name in inspect.signature(function).parameters)), dtype=float)


def _argument(what, points: Points, p: int):
    """A variable at one point, as `lib` takes it: an array, a float, a size."""
    if isinstance(what, Symbol) and what in points.sizes:
        return points.sizes[what]
    if isinstance(what, Symbol | IndexedBase | sympy.MatrixSymbol):
        value = points.arrays[_name(what)][p]
        return float(value) if np.ndim(value) == 0 and not isinstance(value, np.integer) else value
    return what


def _at_point(value, points: Points):
    """The value of a variable where a bound is reached: a number, or another variable's array."""
    return points.arrays[_name(value)] if isinstance(value, Symbol | IndexedBase) else value

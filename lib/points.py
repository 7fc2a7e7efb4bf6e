"""Random points for checking formulas: sizes, arrays of those sizes, and SymPy expressions evaluated on them.

An expression is first made concrete: at chosen sizes every sum is written out, every entry x[i, j] becomes a plain
symbol and every named function its definition. What is left is elementary, so NumPy can evaluate it and SymPy can
compare it. Derivatives are evaluated from the function below them by a complex step, never from a formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, reduce

import numpy as np
import sympy
from sympy import Add, Derivative, Expr, Function, IndexedBase, Integer, Mul, Product, Sum, Symbol, lambdify
from sympy.matrices.expressions import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

TINY, SMALL = 1e-30, 1e-5  # a complex step cancels nothing, so it can be tiny; a real difference cannot
KINKED = sympy.Abs, sympy.Max, sympy.Min, sympy.Piecewise, sympy.Heaviside, sympy.sign, sympy.floor


def reals(names: str):
    """Real scalars, drawn from a normal distribution."""
    return sympy.symbols(names, real=True)


def positives(names: str):
    """Positive scalars, drawn from a log-normal distribution."""
    return sympy.symbols(names, positive=True)


def sizes(names: str):
    """Sizes of arrays (n, d, K …): positive integers that change from setting to setting."""
    return sympy.symbols(names, integer=True, positive=True)


def indices(names: str):
    """Index letters; one that is not summed runs over all positions of the array it indexes."""
    return sympy.symbols(names, integer=True)


def array(name: str, *shape, first: int = 1) -> IndexedBase:
    """An array in index notation, its positions counted from `first` as in the formula."""
    return IndexedBase(Symbol(name, real=True), shape=shape, offset=first)


def matrix(name: str, rows, columns=1) -> MatrixSymbol:
    """An array in matrix notation; it shares its entries with the `array` of the same name and size.

    In a derivation write y + MatMul(-2, X, w) for y − 2Xw: unevaluated, SymPy drops the 2, and the line is refused.
    """
    return MatrixSymbol(name, rows, columns)


class NamedBase(Function):
    """A function written by its name and evaluated by its definition."""

    @classmethod
    def eval(cls, *args):
        return None


def named(tex: str, definition: Callable) -> type[NamedBase]:
    """A function with a name on the page: named(r"\\sigma", lambda a: 1 / (1 + exp(-a)))."""
    return type(tex.lstrip("\\"), (NamedBase,), {"tex": tex, "definition": staticmethod(definition)})


class Gradient(MatrixExpr):
    """∂L/∂W as one array of the shape of W, evaluated entry by entry from L."""

    def __new__(cls, scalar, by):
        return Expr.__new__(cls, sympy.sympify(scalar), by)

    @property
    def shape(self):
        return (*self.args[1].shape, Integer(1))[:2]


def variables(expressions) -> dict[str, object]:
    """The arrays and scalars a set of expressions is about, by name: what has to be drawn."""
    found = {}
    for expr in expressions:
        for base in expr.atoms(IndexedBase):
            found[str(base.label)] = base
        for symbol in expr.atoms(MatrixSymbol):
            found.setdefault(symbol.name, symbol)
    labels = {base.label for base in found.values() if isinstance(base, IndexedBase)}
    for expr in expressions:
        for symbol in expr.atoms(Symbol) - labels:
            if not symbol.is_integer:
                found.setdefault(symbol.name, symbol)
    return dict(sorted(found.items()))


@dataclass
class Points:
    """Many random points at one choice of sizes: arrays (P, *shape) by name, `values` by the symbol of an entry."""

    sizes: dict[Symbol, int]
    count: int
    rng: np.random.Generator
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    scalars: dict[str, Symbol] = field(default_factory=dict)
    values: dict[Symbol, np.ndarray] = field(default_factory=dict)
    known: dict = field(default_factory=dict)

    def number(self, size) -> int:
        """A size as a number."""
        return int(sympy.sympify(size).xreplace({s: Integer(v) for s, v in self.sizes.items()}))

    def draw(self, name: str, what, sample: Callable | None = None) -> None:
        """Draw one variable at all points; `sample(rng, shape)` replaces the normal distribution."""
        shape = tuple(self.number(s) for s in getattr(what, "shape", ()))
        if isinstance(what, MatrixSymbol) and what.shape[1] == 1:
            shape = shape[:1]
        drawn = (sample or (lambda rng, shape: rng.normal(size=shape)))(self.rng, (self.count, *shape))
        self.arrays[name] = np.exp(drawn) if isinstance(what, Symbol) and what.is_positive and not sample else drawn
        self.first[name] = int(what.offset) if isinstance(what, IndexedBase) else 1
        if isinstance(what, Symbol):
            self.scalars[name] = what

    def positions(self, name: str, axis: int) -> range:
        """The index values along one axis of an array."""
        return range(self.first[name], self.first[name] + self.arrays[name].shape[1 + axis])

    def entry(self, name: str, position: tuple[int, ...]) -> Symbol:
        """The plain symbol of one entry."""
        shape = self.arrays[name].shape[1:]
        place = tuple(p - self.first[name] for p in position)
        if len(place) != len(shape) or any(not 0 <= p < s for p, s in zip(place, shape, strict=True)):
            raise ValueError(f"{name} has shape {shape} here, so there is no {name}{list(position)}")
        symbol = self.scalars.get(name) or Symbol("_".join([name, *map(str, position)]), real=True)
        self.values[symbol] = self.arrays[name][(slice(None), *place)].astype(float)
        return symbol

    def concrete(self, expr, env: dict):
        """The expression at these sizes in plain symbols; `env` gives index values and definitions of symbols."""
        again = lambda e: self.concrete(e, env)
        match expr:
            case Sum() | Product():
                return self._written_out(expr, env)
            case sympy.Indexed():
                position = tuple(int(again(i)) for i in expr.indices)
                rule = env.get(expr.base.label)
                return again(rule(*map(Integer, position))) if rule else self.entry(str(expr.base.label), position)
            case NamedBase():
                return again(expr.definition(*expr.args))
            case Derivative():
                return Derivative(again(expr.expr), *[(again(v), c) for v, c in expr.variable_count], evaluate=False)
            case MatrixExpr():
                return self._explicit(expr, again)
            case Symbol() if expr in env:
                return again(sympy.sympify(env[expr]))
            case Symbol() if expr in self.sizes:
                return Integer(self.sizes[expr])
            case Symbol():
                return expr if expr in self.values else self.entry(expr.name, ())
        parts = [scalar(again(a)) for a in expr.args]
        return expr.func(*parts) if parts else expr

    def _written_out(self, expr, env: dict):
        variable, low, high = expr.limits[-1]
        inner = expr.func(expr.function, *expr.limits[:-1]) if len(expr.limits) > 1 else expr.function
        spread = range(int(self.concrete(low, env)), int(self.concrete(high, env)) + 1)
        terms = [scalar(self.concrete(inner, {**env, variable: v})) for v in spread]
        return Add(*terms) if isinstance(expr, Sum) else Mul(*terms)

    def _explicit(self, expr, again: Callable):
        """A matrix expression as a matrix of scalar expressions."""
        match expr:
            case MatrixSymbol() | Gradient():
                of = expr if isinstance(expr, MatrixSymbol) else expr.args[1]
                name = str(of.label) if isinstance(of, IndexedBase) else of.name
                rows, columns = map(self.number, expr.shape)
                one, vector = self.first[name], self.arrays[name].ndim == 2
                cell = lambda i, j: self.entry(name, (i + one,) if vector else (i + one, j + one))
                if isinstance(expr, Gradient):
                    body = scalar(again(expr.args[0]))
                    return sympy.Matrix(rows, columns, lambda i, j: Derivative(body, cell(i, j), evaluate=False))
                return sympy.Matrix(rows, columns, cell)
            case sympy.ImmutableDenseMatrix():
                return sympy.Matrix(expr.applyfunc(again))
            case sympy.Transpose():
                return again(expr.arg).T
            case sympy.Inverse():
                return again(expr.arg).inv()
            case sympy.OneMatrix():
                return sympy.ones(*map(self.number, expr.shape))
            case sympy.Identity():
                return sympy.eye(self.number(expr.shape[0]))
            case ElementwiseApplyFunction():
                return again(expr.expr).applyfunc(lambda cell: again(expr.function.expr.func.definition(cell)))
            case sympy.HadamardProduct():
                return reduce(sympy.matrix_multiply_elementwise, map(again, expr.args))
            case sympy.MatAdd():
                return reduce(lambda a, b: a + b, map(again, expr.args))
            case sympy.MatMul():
                return reduce(lambda a, b: a * b, map(again, expr.args))
        raise TypeError(f"{type(expr).__name__} is not a matrix expression that can be checked yet")

    def evaluate(self, *cells) -> np.ndarray:
        """Concrete scalar expressions at all points, (P, number of cells)."""
        return np.stack(self._at(cells, self.values), axis=1)

    def moved(self, cell, symbol: Symbol, value: float) -> np.ndarray:
        """A concrete scalar expression with one symbol set to a value at all points, (P,)."""
        return self._at((cell,), {**self.values, symbol: np.full(self.count, float(value))})[0]

    def _at(self, cells: tuple, values: dict) -> list[np.ndarray]:
        slopes, names, function = _compile(cells)
        values = {**values, **{stand_in: self._slope(slope, values) for stand_in, slope in slopes.items()}}
        with np.errstate(all="ignore"):
            return [np.broadcast_to(out, (self.count,)) for out in function(*(values[s] for s in names))]

    def _slope(self, slope: Derivative, values: dict) -> np.ndarray:
        *others, by = slope.variables
        inner = Derivative(slope.expr, *others, evaluate=False) if others else slope.expr
        if by not in inner.free_symbols:
            return np.zeros(self.count)
        moved = lambda step: self._at((inner,), {**values, by: values[by] + step})[0]
        if inner.has(Derivative, *KINKED):
            return (moved(SMALL) - moved(-SMALL)) / (2 * SMALL)
        return np.imag(moved(TINY * 1j)) / TINY


@lru_cache(1000)
def _compile(cells: tuple):
    """NumPy code for these cells, with a stand-in for each derivative in them; written once a set of cells."""
    slopes, inner = {}, list(cells)
    for k in range(len(inner)):
        while inner[k].has(Derivative):
            outer = next(e for e in sympy.preorder_traversal(inner[k]) if isinstance(e, Derivative))
            stand_in = slopes.setdefault(outer, sympy.Dummy())
            inner[k] = inner[k].xreplace({outer: stand_in})
    names = sorted(set().union(*(cell.free_symbols for cell in inner)), key=str)
    function = lambdify(names, inner, "numpy", cse=True)
    return {stand_in: slope for slope, stand_in in slopes.items()}, names, function


def scalar(expr):
    """A 1 × 1 matrix counts as its only entry."""
    return expr[0, 0] if getattr(expr, "shape", None) == (1, 1) else expr

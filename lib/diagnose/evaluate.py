"""Indexed formulas evaluated with NumPy: every index letter has an axis of its own, so no entry is written out.

`lib.points` evaluates a formula at many random points, entry by entry; this does it at one set of arrays, all at once.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import sympy
from sympy import Indexed, KroneckerDelta, Product, Sum, Symbol

from lib.diagnose.instances import FormulaError
from lib.points import NamedBase

NUMPY = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh,
         "cosh": np.cosh, "Abs": np.abs, "sign": np.sign, "atan": np.arctan, "asin": np.arcsin,
         "acos": np.arccos, "asinh": np.arcsinh, "Max": np.maximum, "Min": np.minimum, "Heaviside": np.heaviside}


@dataclass
class Reading:
    """Arrays and numbers by the name of their symbol; the positions of an axis are counted from 1, or from `first`.

    functions  by name, for functions that SymPy does not know: `{"sigma": sigmoid}`
    rules      what an array or a symbol stands for, by name: its index letters and an expression
    """

    arrays: dict[str, np.ndarray]
    numbers: dict[str, int] = field(default_factory=dict)
    functions: dict[str, Callable] = field(default_factory=dict)
    first: dict[str, tuple] = field(default_factory=dict)
    rules: dict[str, tuple] = field(default_factory=dict)

    def value(self, expr, free: dict[Symbol, range]) -> np.ndarray:
        """The values of an expression over the ranges of its free letters, one axis a letter in their order.

        Shapes: (len of each range …).
        """
        bound = {limit[0] for total in expr.atoms(Sum, Product) for limit in total.limits} - set(free)
        letters = [*free, *sorted(bound, key=str)]
        place = {letter: k for k, letter in enumerate(letters)}
        ranges = {letter: _along(span, place[letter], len(letters)) for letter, span in free.items()}
        with np.errstate(all="ignore"):
            found = np.asarray(self._value(expr, ranges, place))
        shape = [len(span) for span in free.values()]
        if found.ndim == len(letters):
            found = found.reshape(found.shape[:len(free)])
        return np.broadcast_to(found, shape).copy()

    def _value(self, expr, ranges, place):
        again = lambda e: self._value(e, ranges, place)
        label = lambda e: e.has(Indexed) or (e not in place and str(e) in self.arrays)
        position = lambda e: again(e) + label(e)                       # labels are counted from 0, positions from 1
        match expr:
            case sympy.Number() | sympy.NumberSymbol():
                return float(expr)
            case Symbol():
                return self._symbol(expr, ranges)
            case Indexed():
                return self._entry(str(expr.base.label), [position(i) for i in expr.indices])
            case Sum() | Product():
                return self._total(expr, ranges, place)
            case KroneckerDelta():
                return np.equal(*map(position, expr.args)) * 1.0
            case sympy.Add():
                return reduce(operator.add, map(again, expr.args))
            case sympy.Mul():
                return reduce(operator.mul, map(again, expr.args))
            case sympy.Pow():
                base, power = (again(a) for a in expr.args)
                return np.exp(power) if expr.args[0] == sympy.E else np.asarray(base) ** power
            case NamedBase():
                return again(expr.definition(*expr.args))
            case sympy.Function():
                return self._function(expr)(*(again(a) for a in expr.args))
        raise FormulaError(f"formula: {expr} is a {type(expr).__name__}, which cannot be evaluated here")

    def _symbol(self, symbol, ranges):
        """An index letter as its positions, a number, or an array of no axes."""
        if symbol in ranges:
            return ranges[symbol]
        if symbol.name in self.rules:
            return self.value(self.rules[symbol.name][1], {})
        known = self.numbers.get(symbol.name, self.arrays.get(symbol.name))
        if known is None:
            raise FormulaError(f"formula: {symbol} is not known here")
        if np.ndim(known):
            raise FormulaError(f"formula: {symbol} has the shape {np.shape(known)}; write its entries with indices")
        return known

    def _entry(self, name, indices):
        """An entry of an array, or all entries over the ranges of its letters."""
        indices = [np.asarray(np.round(index), dtype=int) for index in indices]
        if name in self.rules:
            letters, body = self.rules[name]
            spans = [range(int(index.min()), int(index.max()) + 1) for index in indices]
            array = self.value(body, dict(zip(letters, spans, strict=True)))
            return array[tuple(index - span.start for index, span in zip(indices, spans, strict=True))]
        array, first = self.arrays[name], self.first.get(name, (1,) * len(indices))
        if np.ndim(array) != len(indices):
            raise FormulaError(f"formula: {name} has {len(indices)} indices here and the shape {np.shape(array)}")
        places = [index - start for index, start in zip(indices, first, strict=True)]
        for axis, index in enumerate(places):
            if index.min() < 0 or index.max() >= array.shape[axis]:
                raise IndexError(f"{name} has the shape {array.shape}, so index {axis + 1} of it does not reach "
                                 f"{int(index.max()) + first[axis]}")
        return array[tuple(places)]

    def _function(self, expr):
        name = type(expr).__name__
        known = self.functions.get(name) or NUMPY.get(name)
        if known is None:
            raise FormulaError(f"formula: the function {name} is not known here")
        return known

    def _total(self, expr, ranges, place):
        """A sum or a product over a letter, inner ones first."""
        letter, low, high = expr.limits[-1]
        inner = expr.func(expr.function, *expr.limits[:-1]) if len(expr.limits) > 1 else expr.function
        low, high = (int(np.round(self._value(end, ranges, place))) for end in (low, high))
        span = _along(range(low, high + 1), place[letter], len(place))
        if not span.size:
            return 0.0 if isinstance(expr, Sum) else 1.0
        body = np.asarray(self._value(inner, {**ranges, letter: span}, place))
        shape = list(np.broadcast_shapes(body.shape, span.shape))
        body = np.broadcast_to(body, shape)
        return (np.sum if isinstance(expr, Sum) else np.prod)(body, axis=place[letter], keepdims=True)


def _along(span, axis, count):
    """The positions of a letter, along its own axis."""
    return np.array(span).reshape([-1 if k == axis else 1 for k in range(count)])

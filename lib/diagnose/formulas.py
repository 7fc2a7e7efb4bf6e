"""A reader's formula as a claim: its letters are matched with the arrays of a model, its free indices with the axes.

    claim(r"\\frac{1}{n} \\sum_i (p_i - y_i) x_{ij} + 2 \\lambda w_j", model, "w")
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import sympy
from sympy import Indexed, IndexedBase, Sum, Symbol
from sympy.core.function import AppliedUndef

from lib.activations import ACTIVATIONS
from lib.diagnose.evaluate import Reading
from lib.diagnose.hypotheses import close
from lib.diagnose.instances import FormulaError, Model, other_names
from lib.diagnose.latex import read
from lib.diagnose.repairs import Repair, repaired, said


@dataclass(eq=False)
class Claim:
    """A formula that is called with the arrays of a model by name, and returns the gradient it claims."""

    expr: sympy.Expr
    free: tuple[Symbol, ...]
    wrt: str
    names: dict[str, tuple[str, int]]                    # what a letter is called in the model, and its indices here
    functions: dict[str, Callable]
    single: bool = False                                 # the formula is of one row, and knows no index for it
    first: dict[str, tuple] = field(default_factory=dict)

    def __call__(self, **known):
        """The gradient; one axis for each free letter, in their order."""
        return self.value(self.expr, known)

    def value(self, expr: sympy.Expr, known: dict) -> np.ndarray:
        """The value of an expression in the letters of this formula."""
        reading, spans = self.reading(expr, known)
        shape = np.shape(known[self.wrt])
        axes = _axes(known, self.wrt, self.single)
        axes = axes if len(axes) <= len(self.free) else [size for size in axes if size != 1]
        extra = [spans.get(letter, range(1, 2)) for letter in self.free[:len(self.free) - len(axes)]]
        starts = self.first.get(self.wrt, [1] * len(axes))
        along = [range(start, start + length) for start, length in zip(starts, axes, strict=True)]
        free = dict(zip(self.free, extra + along, strict=True))
        found = reading.value(expr, free)
        return found.reshape(shape) if found.size == np.prod(shape) else found

    def poles(self, known: dict) -> str:
        """What is 0 below a fraction bar, in words, if anything is."""
        reading, spans = self.reading(self.expr, known)
        for power in sorted(self.expr.atoms(sympy.Pow), key=str):
            base, exponent = power.args
            free = {letter: span for letter, span in spans.items() if base.has(letter)}
            if exponent.is_negative and not base.has(Sum) and not reading.value(base, free).all():
                return f"{said(base)} is 0 for some entries, and stands below a fraction bar"
        return ""

    def reading(self, expr, known):
        """The arrays under the letters of the formula, and the positions that each index letter has by them."""
        arrays, numbers, spans = {}, {}, {}
        for letter, (name, count) in self.names.items():
            value = known[name]
            axes = _axes(known, name, self.single)
            value = value[0] if len(axes) < np.ndim(value) else value
            arrays[letter] = value if np.ndim(value) == count else value.reshape([size for size in axes if size != 1])
            numbers |= {letter: int(value)} if isinstance(value, int | np.integer) else {}
        first = {letter: self.first[name] for letter, (name, _) in self.names.items() if name in self.first}
        for entry in sorted(expr.atoms(Indexed), key=str):
            for axis, index in enumerate(entry.indices):
                if isinstance(index, Symbol) and str(entry.base.label) in arrays:
                    start = first.get(str(entry.base.label), (1,) * (axis + 1))[axis]
                    spans.setdefault(index, range(start, start + np.shape(arrays[str(entry.base.label)])[axis]))
        for total in sorted(expr.atoms(Sum), key=str):
            for letter, low, high in total.limits:
                span = spans.get(letter, range(1, 2))
                for end, value in ((low, span.start), (high, span.stop - 1)):
                    if isinstance(end, Symbol) and end.name not in numbers:
                        numbers[end.name] = value
        return Reading(arrays, numbers, self.functions, first), spans


def claim(formula, model: Model, wrt: str | None = None, *, free: str = "", letters: dict | None = None) -> tuple:
    """The formula as a claim, and the model it is about, which has one row if the formula knows no index for rows.

    formula  LaTeX, with or without a left side ∂L/∂w_{jk}, or a SymPy expression
    free     the order of its free indices, "j k"; from the left side, else from the lengths of the axes
    letters  what a letter of the formula is called in the model: `{"v": "W2"}`
    """
    left, expr = _sides(formula)
    expr = _apart(expr, {letter: set() for letter in _free_letters(expr)})
    known = model.instance({letter: 3 + place for place, letter in enumerate(model.letters)}, 1).names
    symbols = _symbols([expr, left] if left is not None else [expr], known)
    try:
        names, single = _resolved(symbols, known, letters or {}, False), False
    except FormulaError as error:
        try:
            names, single = _resolved(symbols, known, letters or {}, True), True
        except FormulaError:
            raise error from None
    if left is not None:
        bottom = names[str(left.base.label) if isinstance(left, Indexed) else str(left)][0]
        if wrt not in (None, bottom):
            raise FormulaError(f"formula: its left side is a gradient by {bottom}, expected wrt = {wrt!r}")
        wrt = bottom
    if wrt is None and len(model.parameters) == 1:
        (wrt,) = model.parameters
    if wrt not in model.parameters:
        raise FormulaError(f"formula: wrt = {wrt!r} is not one of {', '.join(model.parameters)}; "
                           r"say wrt=…, or write \frac{\partial L}{\partial w_{jk}} = …")
    first = {name: tuple(0 if "+1" in word else 1 for word in shape.split())
             for name, shape in (model.shapes | {"Xs": "n d+1"}).items() if "+1" in shape}
    made = Claim(expr, (), wrt, names, _functions(model), single, first)
    made.free = _free(made, left, free, known)
    _check_ones(made, known)
    return made, _single(model) if single else model


def function(formula) -> tuple[Callable, sympy.Expr]:
    """A formula of a loss as a function of arrays by the names of their letters, and as SymPy holds it."""
    expr = _apart(_sides(formula)[1], {})

    def loss(**known):
        names = _resolved(_symbols([expr], known), known, {}, False)
        return Claim(expr, (), "", names, _functions(None)).reading(expr, known)[0].value(expr, {})

    return loss, expr


def located(claimed: Claim, pairs: list, loss: sympy.Expr | None = None) -> Repair | None:
    """The small change after which a formula gives the true gradient, at instances with the values of the claim."""
    known, truths = zip(*((at.names, at.truth(claimed.wrt)) for at, _ in pairs[:3]), strict=True)
    others = set(known[0]) - {name for name, _ in claimed.names.values()}
    whole = replace(claimed, names={name: (name, np.ndim(known[0][name])) for name in sorted(others)} | claimed.names)

    def right(expr):
        return all(close(whole.value(expr, names), true) for names, true in zip(known, truths, strict=True))

    entries = [(IndexedBase(letter) if count else Symbol(letter), count) for letter, (_, count) in whole.names.items()]
    rows = [Symbol("n")] if "n" in known[0] and not claimed.single else []
    above = None if loss is None else sympy.Derivative(loss, Symbol(claimed.wrt), evaluate=False)
    return repaired(claimed.expr, right, above, rows, entries, claimed.free)


def parts(formula: str) -> list[str]:
    """What a chain of equals claims: each part as a formula of its own, behind the derivative on the left."""
    left, *others = _split(formula)
    if others and _bottom(left):
        return [f"{left} = {other}" for other in others]
    return others if others and _is_name(left) else [left, *others]


def _is_name(tex):
    """Whether a left side only says what is claimed, such as g_j or f'(x)."""
    try:
        return isinstance(read(tex), Symbol | Indexed | AppliedUndef)
    except FormulaError:
        return True


def _sides(formula):
    """What stands below the ∂ of the left side, if there is one, and the right side."""
    if not isinstance(formula, str):
        return None, sympy.sympify(formula)
    left, right = ["", *_split(formula)][-2:]
    bottom = _bottom(left)
    return read(bottom[1]) if bottom else None, read(right)


def _free_letters(expr):
    """The index letters that no sum around them binds."""
    if isinstance(expr, Sum):
        return _free_letters(expr.function) - {limit[0] for limit in expr.limits}
    if isinstance(expr, Indexed):
        return set().union(*({i} if isinstance(i, Symbol) else _free_letters(i) for i in expr.indices))
    return set().union(*map(_free_letters, expr.args))


def _apart(expr, taken):
    """The same, with a letter of its own, j′ for j, for every sum whose letter is taken: free, or around it.

    taken  the letters so far, each with the axes along which it runs; none where it stands around this part. A letter
           may serve two sums side by side if they run along the same axis of an array; else they may differ in length.
    """
    if isinstance(expr, Indexed) or not expr.has(Sum):
        return expr
    if not isinstance(expr, Sum):
        return expr.func(*(_apart(arg, taken) for arg in expr.args))
    new, along = {}, {}
    for letter, *ends in expr.limits:
        axes = {(entry.base.label, axis) for entry in expr.function.atoms(Indexed)
                for axis, index in enumerate(entry.indices) if index == letter}
        other, mark = letter, ""
        while other in taken and axes.isdisjoint(taken[other]):
            mark += "'"
            other = Symbol(f"{letter}{mark}", integer=True)
        along[other], taken[other] = axes, set()
        new |= {end: Symbol(f"{end}{mark}") for end in ends if str(end).startswith(("first_", "last_"))}
        new[letter] = other
    body = _apart(expr.function, taken).xreplace(new)
    taken |= along
    return Sum(body, *(tuple(sympy.sympify(part).xreplace(new) for part in limit) for limit in expr.limits))


def _bottom(left):
    """What stands below the last ∂ or d, at the end of a left side."""
    return re.search(r"(?:\\partial|\{\s*(?:\\mathrm\s*\{?d\}?|d(?!\})))\s*"
                     r"((?:[^{}\\]|\{[^{}]*\}|\\[a-zA-Z]+)*?)\s*\}?\s*$", left)


def _split(tex):
    """The sides of the equals signs that stand in no brackets."""
    depth, sides = 0, [""]
    for sign in tex.strip().strip("$"):
        depth += (sign in "{[(") - (sign in "}])")
        if sign == "=" and depth == 0:
            sides.append("")
        else:
            sides[-1] += sign
    return [side.strip(" &") for side in sides]


def _symbols(expressions, known):
    """Every letter of the formula with the number of its indices, index letters and limits of sums left out."""
    found = {}
    for expr in expressions:
        bound = {limit[0] for total in expr.atoms(Sum) for limit in total.limits}
        ends = {end for total in expr.atoms(Sum) for limit in total.limits for end in limit[1:]}
        labels = {entry.base.label for entry in expr.atoms(Indexed)}
        places = {index for entry in expr.atoms(Indexed) for index in entry.indices}
        places |= {index for delta in expr.atoms(sympy.KroneckerDelta) for index in delta.args
                   if not np.ndim(known.get(str(index), 0))}                 # which is a label, as y in [k = y]
        for entry in sorted(expr.atoms(Indexed), key=str):
            found[str(entry.base.label)] = len(entry.indices)
        for symbol in sorted(expr.atoms(Symbol) - bound - labels - places - ends, key=str):
            found[symbol.name] = 0
    return list(found.items())


def _resolved(symbols, known, letters, single):
    """What every letter is called in the model; with `single`, all without the index of their row."""
    found, near = {}, {}
    for letter, _ in symbols:
        wanted = [letters[letter]] if letter in letters else [
            letter, letter.upper(), letter.lower(), letter.capitalize(), *other_names(letter)]
        near[letter] = [name for name in wanted if name in known]
        if not near[letter]:
            raise FormulaError(f"formula: the letter {letter} is not known here; known are {', '.join(sorted(known))}; "
                               f"say what it is with letters={{{letter!r}: …}}")
    for letter, count in symbols:
        fits = [name for name in near[letter] if count in (
            len(axes := _axes(known, name, single)), len([size for size in axes if size != 1]))]
        if not fits:
            name = near[letter][0]
            raise FormulaError(f"formula: {letter} has {count} ind{'ex' if count == 1 else 'ices'} here, and {name} "
                               f"has the shape {np.shape(known[name])}")
        found[letter] = fits[0], count
    return found


def _axes(known, name, single):
    """The lengths of the axes of an array, without that of the rows if the formula is of a single row."""
    shape = list(np.shape(known[name]))
    return shape[1:] if single and shape and shape[0] == known.get("n") else shape


def _functions(model):
    """σ and φ with their slopes, and functions of the reader's own."""
    phi = model.functions.get("phi", "sigmoid") if model else "sigmoid"
    found = {}
    for name, row in (("sigma", ACTIVATIONS["sigmoid"]), ("phi", ACTIVATIONS[phi])):
        found |= {name: row.f, f"{name}_prime": row.df}
    return found


def _free(made, left, free, known):
    """The free letters in the order of the axes; before them one that should have been summed."""
    bound = {limit[0] for total in made.expr.atoms(Sum) for limit in total.limits}
    places = {index for entry in made.expr.atoms(Indexed) for index in entry.indices if isinstance(index, Symbol)}
    found, axes = sorted(places - bound, key=str), _axes(known, made.wrt, made.single)
    if isinstance(left, Indexed) and not any(isinstance(index, Symbol) for index in left.indices):
        raise FormulaError(f"formula: its left side is by one entry, {left}; write the gradient by all of them, with "
                           f"letters for indices" + (", and x^*_{ij}, which is 1 for j = 0" if "Xs" in known else ""))
    if isinstance(left, Indexed):
        order = [index for index in left.indices if isinstance(index, Symbol)]
    elif free:
        order = [Symbol(word, integer=True) for word in free.split()]
    else:
        spans = made.reading(made.expr, known)[1]
        by_length = [[letter for letter in found if len(spans.get(letter, ())) == length] for length in axes]
        unused = (Symbol(letter, integer=True) for letter in "jklmabcpqrs" if letter not in map(str, places | bound))
        alone = all(len(letters) < 2 for letters in by_length)
        order = [letters[0] if letters else next(unused) for letters in by_length] if alone else found
    order = [letter for letter in found if letter not in order] + order
    if not len(axes) <= len(order) <= len(axes) + 1 and len(order) != len([size for size in axes if size != 1]):
        raise FormulaError(f"formula: its free indices are {', '.join(map(str, order)) or 'none'}, and {made.wrt} has "
                           f"{len(axes)}; say their order, free='j k', or write the left side, "
                           r"\frac{\partial L}{\partial w_{jk}} = …")
    return tuple(order)


def _check_ones(made, known):
    """Where the first row of a parameter is a bias, the inputs need a column of ones for their free index to run on."""
    for entry in sorted(made.expr.atoms(Indexed), key=str) if made.wrt in made.first and "Xs" in known else ():
        if made.names[str(entry.base.label)][0] == "X" and entry.indices[-1] in made.free:
            letter, places = entry.base.label, "".join(map(str, entry.indices))
            raise FormulaError(f"formula: {letter} has no column of ones; write {letter}^*_{{{places}}}, "
                               f"or \\tilde {letter}_{{{places}}}, for the entry of {made.wrt} that is the bias")


def _single(model):
    """The model with one row."""
    shapes = {name: " ".join("1" if word == "n" else word for word in shape.split())
              for name, shape in model.shapes.items()}
    return replace(model, shapes=shapes, plain=model.plain | {"n": 1})

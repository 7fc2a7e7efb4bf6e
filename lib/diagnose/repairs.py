"""One change that makes a wrong line right names the slip in it: every small change is made, and tried with numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, combinations, permutations, product
from typing import NamedTuple

import sympy
from sympy import Indexed, KroneckerDelta, MatAdd, MatMul, MatrixSymbol, Mul, Pow, Product, Rational, Sum, Symbol
from sympy import Transpose as Turned

from lib.points import NamedBase
from lib.typeset import AuthorText

RANK = ("sign", "factor-two", "sum-not-mean", "averaged-twice", "exponent-sign", "phi-for-slope", "slope-of-z",
        "wrong-index", "transposed", "summed-index", "unsummed", "term-extra", "log-base", "delta-missing",
        "slope-missing", "other-parameter", "constant", "wrong-exponent", "term-missing")
REFUSALS = ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, NotImplementedError


class Repair(NamedTuple):
    """A kind of slip, what is wrong in words, and the line as it should be."""

    kind: str
    words: str
    expr: object


def said(expr) -> str:
    """An expression as text."""
    return AuthorText().doprint(expr)


def repaired(wrong, right: Callable[[object], bool], above=None, sizes: Iterable[Symbol] = (),
             entries: Iterable = (), letters: Iterable[Symbol] = ()) -> Repair | None:
    """The first small change after which a line is right, or None; frequent slips are tried before rare ones.

    right    says whether an expression has the right value; it may refuse one with an error
    above    the line above: its terms and factors are what may have been lost
    sizes    numbers of rows, features … that may have been lost or counted twice
    entries  arrays whose entries may have been lost, with the number of their indices;  letters: free indices
    """
    with sympy.evaluate(False):
        changes = _changes(wrong, above, list(sizes), list(entries), list(letters))
        for kind, words, build in sorted(changes, key=lambda change: RANK.index(change[0])):
            try:
                expr = build()
                if right(expr):
                    return Repair(kind, words, expr)
            except REFUSALS:
                continue
    return None


def _changes(wrong, above, sizes, entries, letters) -> Iterator[tuple]:
    """Every small change: the kind of slip it would undo, words for it, and a function that makes the line anew."""
    letters = list(dict.fromkeys([*letters, *_letters(wrong)]))
    for kind, words, new in _of_whole(wrong, sizes):
        yield kind, words, new
    for place, part in _parts(wrong):
        for kind, words, new in _of_part(part, letters):
            yield kind, words, lambda place=place, new=new: _put(wrong, place, new())
    if above is not None:
        yield from chain(_lost_terms(wrong, above), _of_other_letters(wrong, above), _slopes_of_z(wrong, above))
    for kind, words, factor in _factors(above, entries, letters):
        for place, part in _parts(wrong):
            if not place or isinstance(_at(wrong, place[:-1]), sympy.Add | Sum):
                yield kind, words, lambda place=place, part=part, f=factor: _put(wrong, place, _scaled(f, part))
    yield from _letters_lost(wrong)


def _parts(expr, place=()):
    """Every part of an expression with its place, outer parts first; indices and the limits of sums are left alone."""
    yield place, expr
    args = expr.args[:1] if isinstance(expr, Sum | Product) else () if isinstance(
        expr, Indexed | KroneckerDelta | MatrixSymbol) else expr.args
    for at, part in enumerate(args):
        if isinstance(part, sympy.Expr):
            yield from _parts(part, (*place, at))


def _at(expr, place):
    """The part at a place."""
    for at in place:
        expr = expr.args[at]
    return expr


def _put(expr, place, new):
    """The expression with the part at a place replaced."""
    if not place:
        return new
    args = list(expr.args)
    args[place[0]] = _put(args[place[0]], place[1:], new)
    if isinstance(expr, Sum | Product):                         # whose constructor would put a factor 1 inside
        made = sympy.Expr.__new__(type(expr), *args)
        made.is_commutative = True
        return made
    return expr.func(*args)


def _scaled(factor, expr):
    """factor · expr, numbers in front of it multiplied out."""
    factor = sympy.sympify(factor)
    if getattr(expr, "is_Matrix", False):
        return MatMul(factor, expr)
    if isinstance(expr, Mul) and not factor.is_Number and expr.args[0].is_Number:      # which stays in front
        return Mul(expr.args[0], factor, *expr.args[1:])
    if isinstance(expr, Mul) and factor.is_Number:
        first, *rest = expr.args
        if first.is_Number:
            return _scaled(_evaluated(factor * first), Mul(*rest) if len(rest) > 1 else rest[0])
        if isinstance(first, Mul):
            return Mul(_scaled(factor, first), *rest)
    if expr.is_Number and factor.is_Number:
        return _evaluated(factor * expr)
    return expr if factor == 1 else Mul(factor, *(expr.args if isinstance(expr, Mul) else [expr]))


def _evaluated(expr):
    with sympy.evaluate(True):
        return expr.doit()


def _of_whole(wrong, sizes):
    """A factor in front of everything."""
    yield "sign", "the whole line has the wrong sign", lambda: _scaled(-1, wrong)
    yield "factor-two", "a factor 2 is missing", lambda: _scaled(2, wrong)
    yield "factor-two", "there is a factor 2 too many", lambda: _scaled(Rational(1, 2), wrong)
    for size in sizes:
        yield "sum-not-mean", f"the factor 1/{size} was dropped", lambda size=size: _scaled(1 / size, wrong)
        yield "averaged-twice", f"there is a factor 1/{size} too many", lambda size=size: _scaled(size, wrong)
    yield ("log-base", "there is a factor 1/ln 2 too many: the logarithm is the natural one",
           lambda: _tidied(_scaled(sympy.log(2), wrong)))
    yield ("log-base", "a factor 1/ln 2 is missing: the logarithm is that to base 2",
           lambda: _tidied(_scaled(1 / sympy.log(2), wrong)))


def _tidied(expr):
    """What is left once equal terms and factors are cancelled; formulas with indices stay as they are."""
    if expr.has(Indexed, NamedBase, sympy.Derivative):
        return expr
    with sympy.evaluate(True):
        return sympy.simplify(expr)


def _of_part(part, letters):
    """What may be wrong in a part, and a function that makes the part as it should be."""
    kinds = {sympy.Add: _of_sum, MatAdd: _of_sum, Mul: _of_product, MatMul: _of_product, Pow: _of_power,
             Indexed: _of_entry, Sum: _of_total, MatrixSymbol: _of_matrix, Turned: _of_turned,
             sympy.Derivative: _of_derivative}
    if type(part) in kinds:
        yield from kinds[type(part)](part, letters)
    elif isinstance(part, sympy.Function) and len(part.args) == 1:
        u = part.args[0]
        yield "exponent-sign", f"the argument of {said(part)} has the wrong sign", lambda: part.func(_scaled(-1, u))
        yield "phi-for-slope", f"{said(part)} stands where its slope belongs", lambda: _slope(part)


def _slope(call):
    """The derivative of a function at its argument."""
    u, name = sympy.Dummy("u", real=True), type(call).__name__
    if isinstance(call, sympy.core.function.AppliedUndef):                # σ or φ of a formula, evaluated by its name
        return sympy.Function(f"{name}_prime")(*call.args)
    with sympy.evaluate(True):
        slope = sympy.diff(call.definition(u) if isinstance(call, NamedBase) else call.func(u), u)
    return slope.xreplace({u: call.args[0]})


def _of_sum(part, letters):
    for at, term in enumerate(part.args):
        def new(factor, at=at, term=term):
            return part.func(*part.args[:at], _scaled(factor, term), *part.args[at + 1:])
        yield "sign", f"the term {said(term)} has the wrong sign", lambda new=new: new(-1)
        yield "factor-two", f"the term {said(term)} lacks a factor 2", lambda new=new: new(2)
        yield "factor-two", f"the term {said(term)} has a factor 2 too many", lambda new=new: new(Rational(1, 2))
        yield "term-extra", f"the term {said(term)} does not belong there", lambda at=at: _without(part, at)
        for one, other in combinations(letters, 2) if term == 1 else ():
            yield ("delta-missing", f"the term 1 should be 1 for {one} = {other} only",
                   lambda at=at, pair=(one, other): part.func(_without(part, at), KroneckerDelta(*pair)))


def _without(expr, at):
    """A sum or a product without one of its parts."""
    rest = [part for place, part in enumerate(expr.args) if place != at]
    return rest[0] if len(rest) == 1 else expr.func(*rest)


def _of_product(part, letters):
    for at, factor in enumerate(part.args):
        yield "wrong-exponent", f"the factor {said(factor)} does not belong there", lambda at=at: _without(part, at)
        if part.func is Mul and not factor.is_number:
            yield "wrong-exponent", f"the factor {said(factor)} is missing once", lambda f=factor: Mul(*part.args, f)
            yield ("wrong-exponent", f"{said(factor)} belongs on the other side of the fraction bar",
                   lambda at=at, f=factor: Mul(_without(part, at), Pow(f, -1)))
    for order in permutations(range(len(part.args))) if part.func is MatMul and len(part.args) < 5 else ():
        yield "transposed", "the factors stand in the wrong order", lambda o=order: MatMul(*(part.args[k] for k in o))


def _of_power(part, letters):
    base, exponent = part.args
    yield "wrong-exponent", f"the exponent of {said(part)} has the wrong sign", lambda: Pow(base, -exponent)
    for step in (1, -1):
        yield ("wrong-exponent", f"the exponent of {said(part)} is off by one",
               lambda step=step: Pow(base, _evaluated(exponent + step)))


def _of_entry(part, letters):
    array = part.base
    if len(part.indices) == 2:
        yield ("transposed", f"the indices of {said(part)} are exchanged", lambda: array[part.indices[::-1]])
    for at, letter in product(range(len(part.indices)), letters):
        if part.indices[at] != letter:
            places = (*part.indices[:at], letter, *part.indices[at + 1:])
            yield "wrong-index", f"{said(part)} should be {said(array[places])}", lambda p=places: array[p]


def _letters(expr):
    """The index letters of an expression."""
    found = {index for entry in expr.atoms(Indexed) for index in entry.indices if isinstance(index, Symbol)}
    return sorted(found | {limit[0] for total in expr.atoms(Sum) for limit in total.limits}, key=str)


def _of_total(part, letters):
    summed = " and ".join(str(limit[0]) for limit in part.limits)
    yield "summed-index", f"the sum over {summed} does not belong there", lambda: part.function
    for limit, letter in product(part.limits if len(part.limits) == 1 else (), letters):
        yield ("summed-index", f"the sum over {summed} does not belong there, only its term {limit[0]} = {letter}",
               lambda old=limit[0], new=letter: part.function.xreplace({old: new}))


def _of_derivative(part, letters):
    for letter in sorted(part.expr.free_symbols, key=str) if len(part.variables) == 1 else ():
        yield ("other-parameter", f"the derivative by {part.variables[0]} is to be one by {letter}",
               lambda letter=letter: sympy.Derivative(part.expr, letter))


def _of_matrix(part, letters):
    yield "transposed", f"{said(part)} is to be transposed", lambda: Turned(part)


def _of_turned(part, letters):
    yield "transposed", f"{said(part.arg)} is not to be transposed", lambda: part.arg


def _lost_terms(wrong, above):
    """A term of the line above, or of the product rule in it."""
    terms = {term for _, part in _parts(above) if isinstance(part, sympy.Add | MatAdd) for term in part.args}
    for slope in above.atoms(sympy.Derivative):
        if not slope.has(Indexed, NamedBase):
            terms |= set(sympy.Add.make_args(_evaluated(slope)))
    for term in sorted(terms, key=said):
        for sign in (1, -1):
            yield ("term-missing", f"the term {said(_scaled(sign, term))} was lost",
                   lambda sign=sign, term=term: wrong + _scaled(sign, term))


def _of_other_letters(wrong, above):
    """A derivative by another letter: with it taken away and the true one in its place, the line is right."""
    for slope in above.atoms(sympy.Derivative) if not wrong.has(sympy.Derivative) else ():
        plain = not slope.has(Indexed, NamedBase) and len(slope.variables) == 1
        for letter in sorted(slope.expr.free_symbols - set(slope.variables), key=str) if plain else ():
            true, other = (above.xreplace({slope: _evaluated(sympy.Derivative(slope.expr, by))})
                           for by in (slope.variables[0], letter))
            yield ("other-parameter", f"this is the derivative by {letter}, not by {slope.variables[0]}",
                   lambda true=true, other=other: _tidied(wrong - other + true))


def _slopes_of_z(wrong, above):
    """The slope of a function f(u), written with u where f(u) belongs: u (1 - u) for a (1 - a) with a = f(u)."""
    for call in sorted(above.atoms(NamedBase, sympy.tanh) | wrong.atoms(NamedBase, sympy.tanh), key=said):
        u = call.args[0]
        for place, part in _parts(wrong):
            factors = part.args if isinstance(part, Mul) else (part,)
            mine = [factor for factor in factors if factor.free_symbols == {u} and not factor.has(sympy.Function)]
            if mine and _is_slope(Mul(*mine), call):
                new = [factor.xreplace({u: call}) if factor in mine else factor for factor in factors]
                yield ("slope-of-z", f"{said(u)} stands in the slope where {said(call)} belongs",
                       lambda place=place, new=new: _put(wrong, place, Mul(*new)))


def _is_slope(expr, call):
    """Whether an expression in the output of a function is its slope, up to a factor."""
    (u,), slope, ratios = call.args, _slope(call), []
    with sympy.evaluate(True):
        for value in map(sympy.Float, (0.3, -0.7)):
            output = (call.definition if isinstance(call, NamedBase) else call.func)(value)
            ratios.append(complex(expr.subs(u, output)) / complex(slope.subs(u, value)))
    return abs(ratios[0] - ratios[1]) < 1e-9 * abs(ratios[0])


def _factors(above, entries, letters):
    """What a term may lack: an inner derivative, a factor of the line above, an entry of an array."""
    inner, plain = {}, {}
    for _, part in _parts(above) if above is not None else ():
        inner |= dict.fromkeys(_inner_slopes(part))
        if isinstance(part, Pow) and part.exp.is_Integer and abs(part.exp) > 2:
            yield "constant", f"the exponent {part.exp} was not brought down as a factor", part.exp
        if not (part.is_number or getattr(part, "is_Matrix", False) or part.has(sympy.Derivative)):
            plain[part] = plain[1 / part] = None
    for base, axes in entries:
        plain |= {base[places]: None for places in product(letters, repeat=axes)} if axes else {base: None}
    for factor in inner:
        yield "slope-missing", f"the inner derivative {said(factor)} is missing", factor
    for factor in plain:
        yield "wrong-exponent", f"a factor {said(factor)} is missing", factor


def _inner_slopes(part):
    """The slopes, by each of its letters, of what stands inside a function or a power; and that of a named function."""
    if isinstance(part, NamedBase) and len(part.args) == 1:
        yield _slope(part)
    inside = part.args[0] if isinstance(part, sympy.Function | Pow) and part.args else None
    if inside is not None and not inside.is_Atom and not inside.has(NamedBase, Sum, Indexed, sympy.Derivative):
        for letter in sorted(inside.free_symbols, key=str):
            slope = _evaluated(sympy.Derivative(inside, letter))
            if slope not in (0, 1):
                yield slope


def _letters_lost(wrong):
    """A sum over a free letter, or a Kronecker delta of two, that was left out."""
    bound = {limit[0] for total in wrong.atoms(Sum) for limit in total.limits}
    free = [letter for letter in _letters(wrong) if letter not in bound]
    for letter in free:
        size = next((size for entry in sorted(wrong.atoms(Indexed), key=str) for index, size in zip(
            entry.indices, entry.base.shape or (), strict=False) if index == letter), Symbol(f"last_{letter}"))
        yield "unsummed", f"the sum over {letter} is missing", lambda l=letter, s=size: Sum(wrong, (l, 1, s))
    for one, other in combinations(free, 2):
        yield ("delta-missing", f"a Kronecker delta of {one} and {other} is missing",
               lambda one=one, other=other: Mul(KroneckerDelta(one, other), wrong))

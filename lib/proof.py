"""Proofs by computer algebra: does SymPy reduce a difference to zero, for all values of its letters?"""

from __future__ import annotations

import sympy
from sympy.polys.fields import sfield


def is_zero(expr) -> bool:
    """Does SymPy reduce this to zero? First as a fraction of polynomials, then, if it is small, by `simplify`."""
    expr = sympy.sympify(expr).doit()
    if expr == 0 or _as_fraction(expr) == 0:
        return True
    return expr.count_ops() < 200 and sympy.simplify(expr) == 0


def _as_fraction(expr):
    """The expression as one fraction of polynomials, with a new letter for each different power of e.

    e^(2x + y) becomes E_x² E_y, so that e^x and e^(-x) are the same letter and cancel.
    """
    letters = {}

    def powers(exponent):
        for term in sympy.Add.make_args(sympy.expand(exponent)):
            count, what = term.as_coeff_Mul()
            if not count.is_Integer:
                count, what = 1, term
            yield letters.setdefault(what, sympy.Dummy(positive=True)) ** count

    plain = expr.rewrite(sympy.exp).replace(sympy.exp, lambda exponent: sympy.Mul(*powers(exponent)))
    return sfield(plain)[1]

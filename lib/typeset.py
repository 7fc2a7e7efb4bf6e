"""From a SymPy expression to the LaTeX a reader sees, in the order and grouping in which the author wrote it.

SymPy's own printer merges fractions and moves factors; a reader who compares two lines needs them left alone.
"""

from __future__ import annotations

import re

from sympy import HadamardProduct, Pow, S
from sympy.core.relational import Relational
from sympy.matrices.expressions import MatrixExpr
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

RELATIONS = {"==": "=", "<": "<", ">": ">", "<=": r"\le", ">=": r"\ge", "!=": r"\ne"}
BIG = r"\frac", r"\sum", r"\prod", r"\int", r"\sqrt"
WIDE = "Sum", "Product", "Derivative", "Gradient"      # what runs on to the right, unless it stands last


def _flat(product):
    """A matrix product with the scalars in front of it side by side: SymPy wraps them in ones and first powers."""
    unwrapped = product.base if product.is_Pow and product.exp.doit() == 1 else product
    if not (unwrapped.is_Mul or getattr(unwrapped, "is_MatMul", False)):
        return [] if unwrapped == 1 else [unwrapped]
    factors = [factor for part in unwrapped.args for factor in _flat(part)]
    below_zero = [factor.is_Number and bool(factor.is_negative) for factor in factors]
    sizes = [abs(factor) if minus else factor for factor, minus in zip(factors, below_zero, strict=True)]
    return [S.NegativeOne] * (sum(below_zero) % 2) + [size for size in sizes if size != 1]


def _split_minus(term) -> tuple[bool, object]:
    """Tell whether a term of a sum carries a leading minus, and give it without one."""
    if term.is_Number and term.is_negative:
        return True, -term
    if getattr(term, "is_MatMul", False):
        minus, *rest = _flat(term)
        return (True, rest[0] if len(rest) == 1 else term.func(*rest)) if minus == -1 else (False, term)
    if term.is_Mul and term.args[0].is_Number and term.args[0].is_negative:
        rest = ([] if term.args[0] == -1 and len(term.args) > 1 else [-term.args[0]]) + list(term.args[1:])
        return True, rest[0] if len(rest) == 1 else term.func(*rest, evaluate=False)
    if term.is_Mul and not term.args[0].is_Atom:
        minus, first = _split_minus(term.args[0])
        if minus and not term.args[0].is_Add:
            return True, term.func(first, *term.args[1:], evaluate=False)
    return False, term


def _denominator(term):
    """The u of a factor u⁻¹ or u⁻ᵏ, or None when the factor is not a division."""
    if term.is_Pow and term.exp.is_Number and term.exp.is_negative:
        return term.base if term.exp == -1 else Pow(term.base, -term.exp, evaluate=False)
    return None


class AuthorLatex(LatexPrinter):
    """LatexPrinter with `order` switched off for good: sums, products and fractions stay as written."""

    def __init__(self):
        super().__init__({"order": "none", "ln_notation": True})

    def _factor(self, term, last: bool, first: bool = True) -> str:
        tex = self._print(term)
        tex = tex if last else re.sub(r"(\\ln|\\tanh(?:\^\{\d\})?) (\w|\\\w+)$", r"\1(\2)", tex)
        wide = (type(term).__name__ in WIDE and not last) or isinstance(term, HadamardProduct)
        minus = not first and tex.startswith("-")
        return self._group(tex) if term.is_Add or getattr(term, "is_MatAdd", False) or wide or minus else tex

    @staticmethod
    def _group(tex: str) -> str:
        tall = any(command in tex for command in BIG)
        return rf"\left({tex}\right)" if tall else f"({tex})"

    def _print_Add(self, expr, order=None):
        tex = ""
        for term in expr.args:
            minus, rest = _split_minus(term)
            body = self._print(rest)
            body = self._group(body) if rest.is_Add and (minus or tex) else body
            tex += (" - " if minus else " + ") + body if tex else ("-" if minus else "") + body
        return tex

    def _print_MatAdd(self, expr):
        return self._print_Add(expr.func(*sorted(expr.args, key=lambda t: _split_minus(t)[0]), evaluate=False))

    def _print_Mul(self, expr):
        if expr.is_Pow:
            return rf"\frac{{1}}{{{self._print(_denominator(expr))}}}"
        minus, rest = _split_minus(expr)
        if minus:
            body = self._print(rest)
            return "-" + (self._group(body) if rest.is_Add else body)
        factors = _flat(expr) if getattr(expr, "is_MatMul", False) else [f for f in expr.args if f is not S.One]
        factors = factors or [S.One]
        tex = ""
        for k, factor in enumerate(factors):
            under = _denominator(factor)
            if under is None:
                piece = self._factor(factor, last=k == len(factors) - 1, first=k == 0)
            elif tex and k == len(factors) - 1 == 1 and type(factors[0]).__name__ in ("Sum", "Product"):
                # A sum above a bar would be set small.
                return rf"\frac{{1}}{{{self._print(under)}}}\, {self._print(factors[0])}"
            elif tex and k == len(factors) - 1 == 1:
                numerator = self._print(factors[0])
                return rf"\frac{{{numerator}}}{{{self._print(under)}}}"
            else:
                piece = rf"\frac{{1}}{{{self._print(under)}}}"
            tex += (self._between(tex, piece) if tex else "") + piece
        return tex

    @staticmethod
    def _between(left: str, right: str) -> str:
        """A dot where two factors would read as one number or one fraction, a thin space before a tall operator."""
        if right[0].isdigit() or (left.startswith(r"\frac") and right.startswith(r"\frac") and left[-1] == "}"):
            return r" \cdot "
        return r"\, " if right.startswith((*BIG, r"\ln")) else " "

    _print_MatMul = _print_Mul

    def _print_HadamardProduct(self, expr):
        pieces = [self._factor(a, last=True) for a in expr.args]
        product = [getattr(a, "is_MatMul", False) for a in expr.args]
        return r" \odot ".join(self._group(p) if several else p for p, several in zip(pieces, product, strict=True))

    def _print_Sum(self, expr):
        limits = [map(self._print, limit) for limit in reversed(expr.limits)]      # SymPy keeps the inner sum first
        signs = [rf"\sum_{{{index}={low}}}^{{{high}}}" for index, low, high in limits]
        body = self._print(expr.function)
        return " ".join([*signs, self._group(body) if expr.function.is_Add else body])

    def _print_Transpose(self, expr):
        tex = self._print(expr.arg)
        tex = tex if expr.arg.is_symbol else self._group(tex)
        return (f"{{{tex}}}" if "^" in tex and "(" != tex[0] else tex) + r"^\top"

    def _print_OneMatrix(self, expr):
        return r"\mathbf{1}"

    def _print_Pow(self, expr):
        if expr.base.is_Indexed and "^" in (base := self._print(expr.base)) and not _denominator(expr):
            return rf"\left({base}\right)^{{{self._print(expr.exp)}}}"
        return super()._print_Pow(expr)

    def _print_Indexed(self, expr):
        letters = [self._print(i) for i in expr.indices]
        between = "," if any(len(letter) > 1 for letter in letters) else " "
        return f"{self._print(expr.base.label)}_{{{between.join(letters)}}}"

    def _print_log(self, expr, exp=None):
        tex = r"\ln " + self._argument(expr.args[0])
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"

    def _print_tanh(self, expr, exp=None):
        return r"\tanh" + ("" if exp is None else f"^{{{exp}}}") + " " + self._argument(expr.args[0])

    def _argument(self, arg) -> str:
        tex = self._print(arg)
        return tex if arg.is_Atom and len(tex) < 8 else self._group(tex)

    def _print_NamedBase(self, expr, exp=None):
        return expr.tex + ("" if exp is None else f"^{{{exp}}}") + self._group(", ".join(map(self._print, expr.args)))

    def _print_ElementwiseApplyFunction(self, expr):
        return expr.function.expr.func.tex + self._group(self._print(expr.expr))

    def _print_Gradient(self, expr):
        by = self._print(expr.args[1])
        return rf"\frac{{\partial}}{{\partial {by}}} " + self._factor(expr.args[0], last=True, first=False)

    def _print_Derivative(self, expr):
        body, inner = self._print(expr.expr), expr.expr
        alone = expr.variables[0].is_Symbol and inner.free_symbols == {expr.variables[0]}
        sign = "d" if alone else r"\partial"
        order = sum(count for _, count in expr.variable_count)
        power = lambda k: "" if k == 1 else f"^{{{k}}}"
        by = r"\,".join(f"{sign} {self._print(v)}{power(count)}" for v, count in expr.variable_count)
        needs_group = inner.is_Add or (inner.is_Mul and not body.startswith(r"\frac"))
        return rf"\frac{{{sign}{power(order)}}}{{{by}}} " + (self._group(body) if needs_group else body)

    def _print_And(self, expr):
        one, other = expr.args
        lower, upper = (one, other) if one.gts == other.lts else (other, one)
        if lower.gts == upper.lts:
            return " < ".join(map(self._print, (lower.lts, lower.gts, upper.gts)))
        return super()._print_And(expr)


def latex(expr) -> str:
    """LaTeX of an expression, equation or inequality as its author wrote it.

    Check:  `1 / (1 + exp(-a))` gives `\\frac{1}{1 + e^{-a}}` in an `evaluate(False)` block.
    """
    return AuthorLatex().doprint(expr)


def two_sides(expr) -> tuple[str, str, str]:
    """LaTeX of the left side, relation and right side of an equation; an expression has an empty left side."""
    if isinstance(expr, Relational) and not isinstance(expr, MatrixExpr):
        return latex(expr.lhs), RELATIONS[expr.rel_op], latex(expr.rhs)
    return "", "=", latex(expr)


class AuthorText(StrPrinter):
    """The same for plain text, where a notebook is read in a terminal."""

    def __init__(self):
        super().__init__({"order": "none"})

    def _print_Mul(self, expr):
        rest = [a for a in expr.args if a is not S.One]
        if len(rest) == len(expr.args):
            return super()._print_Mul(expr)
        return self._print(rest[0] if len(rest) == 1 else expr.func(*rest, evaluate=False))

    def _print_NamedBase(self, expr):
        return f"{type(expr).__name__}({', '.join(map(self._print, expr.args))})"

    def _print_ElementwiseApplyFunction(self, expr):
        return f"{expr.function.expr.func.__name__}({self._print(expr.expr)})"

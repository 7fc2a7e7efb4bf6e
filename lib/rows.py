"""A matrix with its entries written out, such as a Jacobian, in a line of a derivation."""

from __future__ import annotations

from sympy import Basic, Matrix, Tuple
from sympy.matrices.expressions import MatAdd


class _Cells(Basic):
    """The rows of a matrix; made concrete, they are a SymPy matrix."""

    func = property(lambda self: lambda *rows: Matrix(rows))


class Rows(MatAdd):
    """A matrix given by its rows, printed entry by entry and evaluated entry by entry; derivatives may stand in it.

        D.line(Rows([2 * x, 2], [3, 8 * y]), "power rule, entry by entry")

    In a product write MatMul(Rows(...), Rows(...)). It is kept as a sum of one term, a form that `points` evaluates,
    because SymPy's own matrices multiply out as soon as they meet.
    Raises: ValueError for rows of different lengths.
    """

    is_Add = is_MatAdd = False                                  # so that it is printed without brackets around it
    shape = property(lambda self: (len(self._rows), len(self._rows[0])))
    _rows = property(lambda self: self.args[0].args)

    def __new__(cls, *rows):
        lengths = [len(row) for row in rows]
        if len(set(lengths)) != 1 or not lengths[0]:
            raise ValueError(f"Rows: got rows of {lengths} entries, expected the same number, at least 1, in each")
        return Basic.__new__(cls, _Cells(*(Tuple(*row) for row in rows)))

    def doit(self, **how):
        """Itself: nothing is multiplied out."""
        return self

    def _latex(self, printer):
        lines = [" & ".join(map(printer._print, row)) for row in self._rows]
        tall = any(r"\frac" in line for line in lines)
        lines = (r" \\[0.6em] " if tall else r" \\ ").join(lines)
        return rf"\begin{{pmatrix}} {lines} \end{{pmatrix}}"

    def _sympystr(self, printer):
        return f"[{', '.join('[' + ', '.join(map(printer._print, row)) + ']' for row in self._rows)}]"

"""What the notebooks print: numbers that two routes agree on, and small tables. No digit depends on the machine."""

import re
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np

NUMBER = re.compile(r"[-−+]?\d[\d.,]*(e[-+]?\d+)? ?%?")         # −0.76, 63%, 1,347


def number(value: float, digits: int = 6, floor: float = 1e-12) -> str:
    """One number with so many significant digits; below the floor it is rounding error and is written 0, never -0."""
    if isinstance(value, Integral):
        return str(value)
    return f"{0.0 if abs(value) < floor else float(value):.{digits}g}"


def text(value, digits: int = 6) -> str:
    """A number, or an array with aligned columns; words, shapes and truth values as they are.

    Shapes: scalar, (n,) or (n, k) → one line, or one line per row.
    """
    if isinstance(value, str | bool | np.bool_ | tuple):
        return str(value)
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"text: {value!r} is neither a number, an array of numbers nor a string")
    if array.ndim > 2:
        raise ValueError(f"text: an array of shape {array.shape} does not fit on a page; show its slices")
    finite = np.abs(array[np.isfinite(array)])
    floor = 1e-12 * finite.max(initial=1.0)
    cells = [number(entry, digits, floor) for entry in array.ravel().tolist()]
    if array.ndim == 0:
        return cells[0]
    if array.ndim == 1:
        return f"[{', '.join(cells)}]"
    rows = np.array(cells).reshape(array.shape)
    widths = [max(map(len, column)) for column in rows.T]
    lines = [", ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "[[" + "],\n [".join(lines) + "]]"


def same(a, b, rtol: float = 1e-9) -> bool:
    """Whether two values agree: numbers and arrays to rtol of the largest entry (and 1e-12), anything else exactly.

    Shapes: arrays agree only if their shapes do. NaN agrees with nothing.
    """
    if isinstance(a, str) or isinstance(b, str) or (isinstance(a, tuple) and isinstance(b, tuple)):
        return type(a) is type(b) and a == b
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        return False
    equal = a == b
    scale = np.abs(b, where=np.isfinite(b), out=np.zeros_like(b)).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        return bool((equal | (np.abs(a - b) <= max(rtol * scale, 1e-12))).all())


def confirmed(label: str, value, by, digits: int = 6, rtol: float = 1e-9) -> str:
    """The line "label = value", once a second route, `by`, has given the same value.

    Shapes: value and by alike: scalar, (n,), (n, k), or words.
    Raises: ValueError if the two routes differ.
    """
    if not same(value, by, rtol):
        raise ValueError(f"confirmed: {label}: the two routes differ: {text(value, 12)} and {text(by, 12)}")
    shown = text(value, digits)
    return f"{label} =\n{shown}" if "\n" in shown else f"{label} = {shown}"


def _numeric(cell) -> bool:
    """Whether a cell is a number or the text of one."""
    return isinstance(cell, Real) or (isinstance(cell, str) and bool(NUMBER.fullmatch(cell)))


class Table:
    """Rows under column heads; shows itself as text and as Markdown. Numbers stand to the right, words to the left."""

    def __init__(self, rows: Sequence[Sequence], columns: Sequence[str]):
        for i, row in enumerate(rows):
            if len(row) != len(columns):
                raise ValueError(f"table: row {i} has {len(row)} cells, expected {len(columns)}, one per column")
        self.cells = [[str(column) for column in columns], *([text(cell) for cell in row] for row in rows)]
        self.right = [all(_numeric(row[j]) for row in rows) for j in range(len(columns))]

    def __repr__(self):
        widths = [max(map(len, column)) for column in zip(*self.cells, strict=True)]
        head, *body = (
            "  ".join(cell.rjust(width) if right else cell.ljust(width)
                      for cell, width, right in zip(row, widths, self.right, strict=True)).rstrip()
            for row in self.cells)
        return "\n".join([head, "  ".join("─" * width for width in widths), *body])

    def _repr_markdown_(self):
        head, *body = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in self.cells)
        rule = "|" + "|".join("--:" if right else ":--" for right in self.right) + "|"
        return "\n".join([head, rule, *body])


def table(rows: Sequence[Sequence], columns: Sequence[str]) -> Table:
    """A small table; numbers get 6 significant digits.

        table([("relu", 0.0), ("tanh", 1.0)], ["activation", "slope at 0"])
    """
    return Table(rows, columns)

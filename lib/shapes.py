"""Door checks: a public function compares its arguments with the letters of its equation before it computes."""

from functools import cache
from math import isfinite
from numbers import Integral, Real

import numpy as np


def check(where: str, **arrays: tuple[np.ndarray, str]) -> dict[str, int]:
    """Match each array to its letters; a letter must mean the same size everywhere.

        check("affine", X=(X, "n d"), W=(W, "d k"))  # {"n": 5, "d": 2, "k": 3}

    A size is a letter, a number, or a letter plus a number ("d+1"). Arrays are float64 and finite; a pattern that
    starts with "int" ("int n") asks for integers instead.
    Shapes: as the letters say.
    Raises: TypeError for another dtype; ValueError for NaN, infinity, an empty array, or a shape that does not fit.
    """
    sizes = {}
    for name, (array, pattern) in arrays.items():
        integers = pattern.startswith("int ")
        _check_dtype(where, name, array, integers)
        if not (integers or _all_finite(array)):
            _check_entries(where, name, array, np.isfinite, "finite numbers")
        found = _solve(array.shape, _terms(pattern), sizes)
        if found is None:
            raise ValueError(f"{where}: {name} has shape {array.shape}, expected {_expected(name, arrays, sizes)}")
        sizes = found
    return sizes


def _expected(name, arrays, sizes):
    """The shape that an array should have, and which array before it fixed each of its sizes."""
    fixed_by = {}
    for other, (_, pattern) in arrays.items():
        letters = [letter for letter, _, _ in _terms(pattern)]
        if other == name:
            break
        fixed_by |= {letter: other for letter in letters if letter not in fixed_by}
    known = [f"{letter} = {sizes[letter]} from {fixed_by[letter]}" for letter in sizes if letter in letters]
    words = pattern.removeprefix("int ").split()
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})" + (" with " if known else "") + " and ".join(known)


@cache
def _terms(pattern):
    """A pattern as triples: the letter (or number) of each size, what is added to it, and the number it must be."""
    parts = [term.partition("+") for term in pattern.removeprefix("int ").split()]
    return [(letter, int(extra or 0), int(letter) if letter.isdigit() else None) for letter, _, extra in parts]


def _solve(shape, terms, known):
    """The sizes that make the terms equal to the shape, or None if there are none."""
    if len(shape) != len(terms):
        return None
    sizes = known.copy()
    for length, (letter, extra, fixed) in zip(shape, terms, strict=True):
        size = length - extra
        if size < 1 or size != (fixed or sizes.setdefault(letter, size)):
            return None
    return sizes


def _check_dtype(where, name, array, integers=False):
    """Refuse what is not an array of float64 numbers (or of integers), or holds no numbers."""
    wanted, cast = ("integers", "int") if integers else ("float64", "float")
    if not isinstance(array, np.ndarray):
        got = type(array).__name__
        raise TypeError(f"{where}: {name} is a {got}, expected an array; write np.array({name}, dtype={cast})")
    if not (array.dtype.kind in "iu" if integers else array.dtype == np.float64):
        raise TypeError(f"{where}: {name} has dtype {array.dtype}, expected {wanted}; write {name}.astype({cast})")
    if array.size == 0:
        raise ValueError(f"{where}: {name} has shape {array.shape}, which holds no numbers")


def _all_finite(array):
    """One pass that allocates nothing: a sum of squares is finite only if all entries are (it may also overflow)."""
    flat = array.ravel(order="K")
    with np.errstate(over="ignore"):
        return isfinite(flat.dot(flat))


def _check_entries(where, name, array, fits, expected):
    """Name the first entry that does not fit."""
    if not fits(array).all():
        at = first(~fits(array))
        raise ValueError(f"{where}: {entry(name, at)} is {array[at]}, expected {expected}")


def floats(where: str, **named: float | np.ndarray) -> np.ndarray:
    """The one named value as float64 of any shape: what a function of single entries accepts.

    A plain number is converted; an array must be float64 already. ±∞ may pass, because a limit is a value; NaN may not.
    Shapes: any → the same.
    Raises: TypeError for another dtype, ValueError for NaN.
    """
    ((name, value),) = named.items()
    array = np.array(value, dtype=float) if isinstance(value, Real) else value
    _check_dtype(where, name, array)
    _check_entries(where, name, array, lambda a: ~np.isnan(a), "a number")
    return array


def check_labels(where: str, y: np.ndarray, k: int) -> np.ndarray:
    """The labels y themselves, once they are known to be integers 0..k−1.

    Shapes: y (n,) → (n,).
    Raises: TypeError for labels that are not integers, ValueError for a label out of range.
    """
    check(where, y=(y, "int n"))
    check_range(where, y, k)
    return y


def check_range(where: str, y: np.ndarray, k: int) -> None:
    """Refuse a label out of 0..k−1 among integers that are checked already.  Shapes: y (n,)."""
    if np.minimum.reduce(y) < 0 or np.maximum.reduce(y) >= k:       # the methods cost twice as much for a small batch
        at, labels = first((y < 0) | (y >= k)), f"with k = {k} classes labels run 0..{k - 1}"
        raise ValueError(f"{where}: {entry('y', at)} = {y[at]} is not a label; {labels}")


def one_hot(y: np.ndarray, k: int) -> np.ndarray:
    """The labels as rows of the identity matrix:  Y[i, j] = [j = y_i].

    Check:  every row sums to 1, and Y.argmax(axis=1) gives y back.
    Shapes: y (n,) integer labels 0..k−1 → (n, k).
    """
    return np.eye(k)[check_labels("one_hot", y, k)]


def check_positive(where: str, **scalars: float) -> None:
    """Refuse a step size or a curvature that is not a positive finite number."""
    _check_scalars(where, scalars, lambda value: 0 < value < np.inf, "a positive number")


def check_not_negative(where: str, **scalars: float) -> None:
    """Refuse a tolerance or a penalty weight that is not a finite number ≥ 0."""
    _check_scalars(where, scalars, lambda value: 0 <= value < np.inf, "a number that is zero or positive")


def check_count(where: str, **scalars: int) -> None:
    """Refuse a number of samples, classes or steps that is not a whole number ≥ 1."""
    _check_scalars(where, scalars, lambda value: isinstance(value, Integral) and value > 0, "a whole number, 1 or more")


def _check_scalars(where, scalars, fits, expected):
    """Name the first scalar that is not a number, or does not fit."""
    for name, value in scalars.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not fits(value):
            raise ValueError(f"{where}: {name} = {value!r}, expected {expected}")


def first(mask: np.ndarray) -> tuple[int, ...]:
    """The index of the first True entry.  Shapes: any → one index per axis."""
    return tuple(int(i) for i in np.argwhere(mask)[0])


def entry(name: str, at: tuple[int, ...]) -> str:
    """How an entry is written:  entry("X", (2, 1)) is "X[2, 1]", and a scalar's is its name."""
    return f"{name}[{', '.join(map(str, at))}]" if at else name

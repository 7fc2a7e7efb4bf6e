"""Is a gradient right? Compare it, entry by entry, with slopes that know nothing of the derivation."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib.shapes import entry, first, floats
from lib.show import number

H = np.finfo(float).eps ** (1 / 3)      # balances the error of the formula, h², with that of rounding, ε/h


def numerical_gradient(f: Callable, x: np.ndarray) -> np.ndarray:
    """The slope of a scalar function along every axis, by central differences on a copy of x.

        ∂f/∂xᵢ ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / 2h                                (eq:central-difference)

    The step, h = ε^(1/3) max(1, |xᵢ|), is near the best one for functions of order 1 (eq:best-step-central).
    Shapes: x any, f(x) scalar → the shape of x.
    Source: chapters/checking/gradient-checking, "How small should the step be?".
    """
    x = floats("numerical_gradient", x=x)
    slope = np.empty_like(x)
    for at in np.ndindex(x.shape):
        (left, below), (right, above) = _moved(f, x, at, -1), _moved(f, x, at, +1)
        slope[at] = (above - below) / (right - left)
    return slope


def _moved(f, x, at, steps):
    """Entry `at` moved by so many steps h: its new value, as the float it became, and the value of f there."""
    moved = x.copy()
    moved[at] += steps * H * max(1.0, abs(x[at]))
    value = np.asarray(f(moved))
    if value.shape != ():
        raise ValueError(f"numerical_gradient: f(x) has shape {value.shape}; a gradient needs a scalar")
    return moved[at], float(value)


def complex_step(f: Callable, x: np.ndarray) -> np.ndarray:
    """The slope of an analytic scalar function along every axis, exact to rounding: no difference is taken.

        ∂f/∂xᵢ = Im f(x + ih eᵢ) / h,      h = 10⁻³⁰                              (eq:complex-step)

    Write f with +, *, @, np.exp, np.log, np.tanh …; abs, max and comparisons lose the imaginary part.
    Shapes: x any, f(x) scalar → the shape of x.
    Raises: TypeError if f returns a real number for complex input.
    Source: chapters/checking/gradient-checking, "A step into the complex plane".
    """
    x = floats("complex_step", x=x)
    slope = np.empty_like(x)
    for at in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[at] += 1e-30j
        value = np.asarray(f(moved))
        if value.shape != () or value.dtype.kind != "c":
            got = f"{value.dtype} of shape {value.shape}"
            raise TypeError(f"complex_step: f(x) is {got}, expected a complex scalar; is every function in f analytic?")
        slope[at] = value.imag / 1e-30
    return slope


def jacobian(F: Callable, x: np.ndarray) -> np.ndarray:
    """All slopes of an analytic vector function by complex step: row i, column j holds ∂Fᵢ/∂xⱼ.

    Shapes: x (n,), F(x) (p,) → (p, n); in general the shape of F(x), followed by that of x.
    Source: chapters/graphs/jacobians, "All slopes of a vector function".
    """
    x = floats("jacobian", x=x)
    shape = np.shape(F(x.copy()))
    slopes = [complex_step(lambda x, at=at: np.asarray(F(x))[at], x) for at in np.ndindex(shape)]
    return np.reshape(slopes, shape + x.shape)


@dataclass(frozen=True)
class Report:
    """The answer: `ok`, and the entry to look at, which is the worst one, or the largest if all agree.

    `margin` is the largest error in units of what is allowed. It differs from machine to machine, so it is not printed,
    and neither are digits below `atol`. The true value is printed if it has a name, `against`; otherwise only whether
    the claim is too large or too small, so that an exercise does not give its answer away.
    """

    ok: bool
    margin: float
    worst: tuple[int, ...]
    claimed: float
    true: float
    name: str = ""
    note: str = ""
    atol: float = 1e-8
    against: str = ""

    def __str__(self):
        verdict = (f"{self.name}: " if self.name else "") + ("agrees" if self.ok else "disagrees")
        if self.note:
            return f"{verdict}: {self.note}"
        at = f"at {self.worst} " if self.worst else ""
        claimed, true = (_digits(value, self.atol) for value in (self.claimed, self.true))
        if self.against:
            return f"{verdict}: {at}claimed {claimed}, {self.against} {true}"
        wrong = "too large" if self.claimed > self.true else "too small" if self.claimed < self.true else "no number"
        return f"{verdict}: {at}claimed {claimed}" + ("" if self.ok else f", {wrong}")

    __repr__ = __str__


def _digits(value, atol, digits=6):
    """What a finite difference can know of a number: some digits, and nothing below atol."""
    return number(round(float(value), -math.floor(math.log10(atol))), digits)


def compare(claimed: np.ndarray, true: np.ndarray, rtol: float = 1e-6, atol: float = 1e-8, name: str = "",
            against: str = "") -> Report:
    """Entry by entry:  |claimed − true| ≤ atol + rtol |true|. NaN is an infinite error; shapes must be equal.

    The report shows the true value only under a name, such as against="slope".
    Shapes: claimed and true alike, any shape.
    Source: chapters/checking/gradient-checking, "What a tolerance lets through".
    """
    claimed, true = np.asarray(claimed), floats("compare", true=true)
    if claimed.shape != true.shape:
        note = f"claimed has shape {claimed.shape}, expected {true.shape}"
        return Report(False, np.inf, (), np.nan, np.nan, name, note, atol)
    allowed = atol + rtol * np.abs(true)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.nan_to_num(np.abs(claimed - true), nan=np.inf)
        margin = float((error / allowed).max())
    wrong = ~(error <= allowed)
    at = _largest(np.where(wrong, error, 0.0) if wrong.any() else np.abs(true))
    return Report(not wrong.any(), margin, at, float(claimed[at]), float(true[at]), name, "", atol, against)


def _largest(size):
    """The first entry that is the largest to 6 digits, so that rounding does not decide between equals."""
    return first(size >= size.max() * (1 - 1e-6))


def check_gradient(f: Callable, grad: Callable, x: np.ndarray, name: str = "", against: str = "slope") -> Report:
    """Compare grad(x) with the slope of f. Where f has a kink within reach of x, say so instead of "wrong".

    A value of f that is large leaves its slope fewer digits; the allowance grows with |f(x)| once that exceeds 100.
    With against="" the report keeps the slope to itself, as an exercise should.
    Shapes: x any, f(x) scalar, grad(x) the shape of x.
    Source: chapters/checking/gradient-checking, "Kinks".
    """
    x = floats("check_gradient", x=x)
    claimed, slope = np.asarray(grad(x.copy())), numerical_gradient(f, x)
    atol = max(1e-8, 1e-10 * abs(float(f(x.copy()))))
    report = compare(claimed, slope, atol=atol, name=name, against=against)
    kinks = {}
    while not report.ok and claimed.shape == x.shape and (sides := _kink(f, x, at := report.worst)) and at not in kinks:
        kinks[at] = sides, claimed[at]
        claimed = claimed.copy()
        claimed[at] = slope[at]                                  # set this entry aside and look for a real error
        report = compare(claimed, slope, atol=atol, name=name, against=against)
    if not report.ok or not kinks:
        return report
    at, ((left, right), value) = min(kinks.items())
    note = (f"{entry('x', at)} is near a kink: slope {_digits(left, atol, 4)} to the left, "
            f"{_digits(right, atol, 4)} to the right, claimed {_digits(value, atol)}; check at a point further away")
    return Report(False, np.inf, at, float(value), float(slope[at]), name, note, atol)


def _kink(f, x, at):
    """The slopes to the left and right of x if they differ by a jump, else nothing.

    The difference of the two slopes over a step h shrinks with h where f is smooth, and stays where it has a kink.
    """
    sides, middle = {}, float(f(x.copy()))
    for steps in (1, 10):
        (left, below), (right, above) = _moved(f, x, at, -steps), _moved(f, x, at, steps)
        sides[steps] = (middle - below) / (x[at] - left), (above - middle) / (right - x[at])
    near, far = (abs(right - left) for left, right in (sides[1], sides[10]))
    noise = 1e-8 * max(1.0, abs(middle))
    return sides[10] if far > noise and near > far / 5 else None


def check_direction(f: Callable, grad: Callable, x: np.ndarray, rng: np.random.Generator, name: str = "") -> Report:
    """Compare one number: the claimed slope along a random direction v of length 1, and the slope of f that way.

        d/dt f(x + tv) = Σ ∂f/∂x ⊙ v at t = 0                                     (eq:direction-slope)

    Two evaluations of f judge a gradient of any size. An error of relative size r, at right angles to the gradient, is
    missed with the probability (2/π) arctan(rtol/r), whatever the size (eq:missed-direction).
    Shapes: x any, its entries below about 1,000; f(x) scalar, grad(x) the shape of x.
    Source: chapters/checking/gradient-checking, "One number for a whole gradient".
    """
    x = floats("check_direction", x=x)
    claimed, v = np.asarray(grad(x.copy())), rng.standard_normal(x.shape)
    if claimed.shape != x.shape:
        return compare(claimed, x, name=name)
    v /= np.linalg.norm(v)
    return check_gradient(lambda t: f(x + t * v), lambda t: np.sum(claimed * v), np.zeros(()), name=name)


def check_vjp(f: Callable, vjp: Callable, inputs: tuple, rng: np.random.Generator,
              against: str = "slope") -> list[Report]:
    """Check a backward rule, vjp(g, out, *inputs) → one gradient per input, on a random incoming gradient g.

    Each piece must be the slope of Σ g · f by its input. With against="" the reports keep the slopes to themselves.
    Shapes: any; each piece the shape of its input.
    """
    out = np.asarray(f(*inputs))
    g = rng.standard_normal(out.shape)
    pieces = vjp(g, out, *inputs)
    if not isinstance(pieces, tuple) or len(pieces) != len(inputs):
        raise ValueError(f"check_vjp: vjp must return a tuple of {len(inputs)} gradients, one per input")

    def along(i):
        return lambda x: np.sum(g * f(*inputs[:i], x, *inputs[i + 1:]))

    return [check_gradient(along(i), lambda x, piece=piece: piece, inputs[i], f"input {i}", against)
            for i, piece in enumerate(pieces)]

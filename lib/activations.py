"""Activations: each f directly above its slope f′, which takes the pre-activation z and never the output.

All act entry by entry, on a plain number or on a float64 array of any shape, and return that shape; only softmax
acts on whole rows. Where the formula as derived would overflow or lose its digits, the code uses an equal form that
does not, and says why the two are equal.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lib.shapes import check, check_not_negative, entry, first, floats

Numbers = float | np.ndarray


def sigmoid(z: Numbers) -> Numbers:
    """The logistic function: the probability whose log-odds are z.

        σ(z) = 1 / (1 + e⁻ᶻ)

    Computed as it stands: it keeps its digits on both sides, and where e⁻ᶻ passes the largest float, 1/∞ = 0 is the
    value to within that float's inverse.
    Check:  σ(−z) = 1 − σ(z), σ(0) = ½, and logit(σ(z)) = z.
    """
    return _sigmoid(floats("sigmoid", z=z))


def _sigmoid(z):
    """The same, unchecked, for the inside of a network."""
    with np.errstate(over="ignore"):
        below = np.exp(-z)
    below += 1.0
    return np.divide(1.0, below, out=below if np.ndim(below) else None)


def sigmoid_prime(z: Numbers) -> Numbers:
    """The slope of the sigmoid.

        σ′(z) = σ(z) (1 − σ(z))                                                    (eq:sigmoid-slope)

    Derivation:  σ = (1 + e⁻ᶻ)⁻¹
        σ′ = −(1 + e⁻ᶻ)⁻² · (−e⁻ᶻ)             chain rule
           = 1/(1 + e⁻ᶻ) · e⁻ᶻ/(1 + e⁻ᶻ)       split the fraction
           = σ(z) · (1 − σ(z))                 1 − σ = e⁻ᶻ/(1 + e⁻ᶻ)
    Computed as σ(z) σ(−z): equal, and 1 − σ does not round to 0 for large z.
    Check:  largest at z = 0, where it is ¼.
    Source: chapters/neurons/activations, "The slope of the sigmoid".
    """
    z = floats("sigmoid_prime", z=z)
    return sigmoid(z) * sigmoid(-z)


def log_sigmoid(z: Numbers) -> Numbers:
    """The logarithm of the sigmoid:  ln σ(z) = −ln(1 + e⁻ᶻ), by logaddexp so that e⁻ᶻ cannot overflow."""
    return -np.logaddexp(0.0, -floats("log_sigmoid", z=z))


def log_sigmoid_prime(z: Numbers) -> Numbers:
    """The slope of the logarithm of the sigmoid.

        (ln σ)′(z) = 1 − σ(z)                                                      (eq:log-sigmoid-slope)

    Derivation: (ln σ)′ = σ′ / σ = σ (1 − σ) / σ = 1 − σ.
    Computed as σ(−z), which is equal and keeps its digits.
    Source: chapters/neurons/activations, "The slope of the logarithm".
    """
    return sigmoid(-floats("log_sigmoid_prime", z=z))


def logit(p: Numbers) -> Numbers:
    """The log-odds of a probability strictly between 0 and 1, the inverse of the sigmoid:  ln(p / (1 − p))."""
    p = floats("logit", p=p)
    outside = ~((p > 0) & (p < 1))
    if np.any(outside):
        at = first(outside)
        raise ValueError(f"logit: {entry('p', at)} = {p[at]:g} is not strictly between 0 and 1, so it has no log-odds")
    return np.log(p) - np.log1p(-p)


def tanh(z: Numbers) -> Numbers:
    """The hyperbolic tangent:  tanh z = (eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ) = 2σ(2z) − 1."""
    return np.tanh(floats("tanh", z=z))


def tanh_prime(z: Numbers) -> Numbers:
    """The slope of tanh.

        tanh′(z) = 1 − tanh²(z)                                                    (eq:tanh-slope)

    Derivation: with s = eᶻ − e⁻ᶻ and c = eᶻ + e⁻ᶻ, s′ = c and c′ = s, so (s/c)′ = (c² − s²)/c² = 1 − (s/c)².
    Computed as 4 σ′(2z), the slope of 2σ(2z) − 1: equal, and it keeps its digits where tanh rounds to ±1.
    Check:  largest at z = 0, where it is 1.
    Source: chapters/neurons/activations, "The hyperbolic tangent".
    """
    return 4.0 * sigmoid_prime(2.0 * floats("tanh_prime", z=z))


def relu(z: Numbers) -> Numbers:
    """The rectifier:  max(z, 0)."""
    return np.maximum(floats("relu", z=z), 0.0)


def relu_prime(z: Numbers) -> Numbers:
    """The slope of the rectifier:  1 where z > 0, else 0; at the kink z = 0 it is 0 by convention."""
    return (floats("relu_prime", z=z) > 0).astype(float)


def leaky_relu(z: Numbers, leak: float = 0.01) -> Numbers:
    """The leaky rectifier:  z where z > 0, else leak · z."""
    return leaky_relu_prime(z, leak) * z


def leaky_relu_prime(z: Numbers, leak: float = 0.01) -> Numbers:
    """The slope of the leaky rectifier:  1 where z > 0, else the leak, which it is at the kink by convention."""
    check_not_negative("leaky_relu", leak=leak)
    return np.where(floats("leaky_relu", z=z) > 0, 1.0, leak)[()]


def softplus(z: Numbers) -> Numbers:
    """The smooth rectifier:  ln(1 + eᶻ) = −ln σ(−z), by logaddexp so that eᶻ cannot overflow."""
    return np.logaddexp(0.0, floats("softplus", z=z))


def softplus_prime(z: Numbers) -> Numbers:
    """The slope of softplus:  eᶻ / (1 + eᶻ) = σ(z)."""
    return sigmoid(z)


def identity(z: Numbers) -> Numbers:
    """No activation: a linear unit passes z on."""
    return +floats("identity", z=z)


def identity_prime(z: Numbers) -> Numbers:
    """The slope of the identity:  1."""
    return np.ones_like(floats("identity_prime", z=z))[()]


def step(z: Numbers) -> Numbers:
    """The hard decision:  1 where z > 0, else 0; on the boundary z = 0 it is 0 by convention."""
    return (floats("step", z=z) > 0).astype(float)


def step_prime(z: Numbers) -> Numbers:
    """The slope of the step:  0 for every z ≠ 0, which is why it cannot be trained; 0 at the jump by convention."""
    return np.zeros_like(floats("step_prime", z=z))[()]


class Activation(NamedTuple):
    """A row of the table: the function, its slope, its formula, and where it has a kink or a jump (None: nowhere)."""

    f: Callable
    df: Callable
    formula: str
    kink: float | None


# The activations by name.
ACTIVATIONS: dict[str, Activation] = {
    "identity":    Activation(identity,    identity_prime,    "z",                   None),
    "step":        Activation(step,        step_prime,        "1 if z > 0 else 0",   0.0),
    "sigmoid":     Activation(sigmoid,     sigmoid_prime,     "1 / (1 + e⁻ᶻ)",       None),
    "log_sigmoid": Activation(log_sigmoid, log_sigmoid_prime, "−ln(1 + e⁻ᶻ)",        None),
    "tanh":        Activation(tanh,        tanh_prime,        "2σ(2z) − 1",          None),
    "relu":        Activation(relu,        relu_prime,        "max(z, 0)",           0.0),
    "leaky_relu":  Activation(leaky_relu,  leaky_relu_prime,  "max(z, 0.01 z)",      0.0),
    "softplus":    Activation(softplus,    softplus_prime,    "ln(1 + eᶻ)",          None),
}


def softmax_terms(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What softmax and its logarithm are made of: S = Z less the largest score of its row, e^S, and its row sums.

    The shift multiplies every e^{zⱼ} of a row, and so their sum, by the same factor, which cancels. No exponent is then
    positive and no sum is below 1, so nothing overflows and the logarithm of 0 is never taken.
    Shapes: Z (n, k), checked by the caller → (n, k), (n, k), (n, 1); a single row (k,) → (k,), (k,), (1,).
    """
    S = np.array(Z, order="F")              # class by class in memory: max and sum of the rows then run over columns
    S -= np.maximum.reduce(S, axis=-1, keepdims=True)
    E = np.exp(S)
    return S, E, np.add.reduce(E, axis=-1, keepdims=True)


# For the inside of a network: f without the door checks, and its slope from its output a.
INSIDE = {
    "sigmoid": (_sigmoid, lambda a: np.multiply(rest := 1.0 - a, a, out=rest)),
    "tanh":    (np.tanh,  lambda a: 1.0 - a * a),
}


def output_and_slope(name: str) -> tuple[Callable, Callable]:
    """For a row of the table, f(z) and its slope as a function of z and the output a = f(z).

        σ′ = a (1 − a),      tanh′ = 1 − a²,      any other: df(z)

    Check:  within 10⁻¹⁵ of df(z), which takes another exponential but keeps more digits where a rounds to its limit.
    """
    if name in INSIDE:
        f, from_output = INSIDE[name]
        return f, lambda z, a: from_output(a)
    return ACTIVATIONS[name].f, lambda z, a: ACTIVATIONS[name].df(z)


def softmax(Z: np.ndarray) -> np.ndarray:
    """The probabilities whose logarithms are the scores of a row, up to a constant of that row.

        pⱼ = e^{zⱼ} / Σₘ e^{zₘ},      ∂pⱼ/∂zₘ = pⱼ ([j = m] − pₘ)                   (eq:softmax-jacobian)

    Check:  every row sums to 1 and ignores a constant added to its scores; two scores give σ(z₁ − z₀).
    Shapes: Z (n, k) → (n, k); a single row (k,) → (k,).
    Source: chapters/regression/softmax, "The Jacobian of softmax".
    """
    _check_scores("softmax", Z)
    _, E, total = softmax_terms(Z)
    return E / total


def softmax_vjp(g: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Carry a gradient back through softmax: from g = ∂L/∂P, at P = softmax(Z), to ∂L/∂Z.

        dZ = P ∘ (g − rowsum(g ∘ P))                                               (eq:softmax-vjp)

    Derivation, one row:  ∂L/∂zₘ = Σⱼ gⱼ ∂pⱼ/∂zₘ = Σⱼ gⱼ pⱼ ([j = m] − pₘ);
        the first term leaves gₘ pₘ, the second −pₘ Σⱼ gⱼ pⱼ, with the cross terms of every class.
    Check:  every row of dZ sums to 0, because softmax ignores a shift of its row.
    Shapes: g (n, k), P (n, k) → (n, k); single rows (k,), (k,) → (k,).
    Source: chapters/regression/softmax, "The Jacobian of softmax".
    """
    letters = "n k" if np.ndim(P) == 2 else "k"
    check("softmax_vjp", P=(P, letters), g=(g, letters))
    return P * (g - (g * P).sum(axis=-1, keepdims=True))


def log_softmax(Z: np.ndarray) -> np.ndarray:
    """The logarithm of softmax.

        ln pⱼ = zⱼ − ln Σₘ e^{zₘ}                                                  (eq:log-softmax)

    Shapes: Z (n, k) → (n, k); a single row (k,) → (k,).
    Source: chapters/regression/softmax, "Log-softmax".
    """
    _check_scores("log_softmax", Z)
    S, _, total = softmax_terms(Z)
    return S - np.log(total)


def _check_scores(where, Z):
    """Refuse what is neither rows of scores nor a single row."""
    check(where, Z=(Z, "n k" if np.ndim(Z) == 2 else "k"))

"""Losses: each directly above its gradient. All are means over the n rows, so 1/n appears here and nowhere after."""

import numpy as np

from lib.activations import log_sigmoid, sigmoid, softmax_terms, step
from lib.shapes import check, check_labels, check_not_negative, check_range, floats


def zero_one(z: np.ndarray, y: np.ndarray) -> float:
    """The fraction of rows that the hard decision gets wrong:  (1/n) Σᵢ [step(zᵢ) ≠ yᵢ].

    It has no gradient beside it: it is flat for almost every z, and jumps where some zᵢ = 0.
    Shapes: z (n,), y (n,) integer labels 0, 1 → scalar.
    Units:  share of the rows, 0 to 1.
    """
    check("zero_one", z=(z, "n"), y=(y, "int n"))
    return float(np.mean(step(z) != check_labels("zero_one", y, 2)))


def squared_error(yhat: np.ndarray, y: np.ndarray) -> float:
    """Half the mean squared error, a mean over the rows and a sum over the outputs:  L = (1/2n) Σᵢ Σⱼ (ŷᵢⱼ − yᵢⱼ)².

    Shapes: yhat and y (n,), or (n, k) with k outputs; float targets → scalar.
    Units:  those of y, squared.
    """
    n = _check_targets("squared_error", yhat, y)
    return float(np.sum((yhat - y) ** 2) / (2 * n))


def squared_error_grad(yhat: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂L/∂ŷ of `squared_error`:  dŷ = (ŷ − y) / n; the 2 of the square cancels the ½.

    Shapes: yhat and y (n,), or (n, k) → the same.
    """
    n = _check_targets("squared_error_grad", yhat, y)
    return (yhat - y) / n


def _check_targets(where, yhat, y):
    """The number of rows, once predictions and float targets are known to have one shape; nothing broadcasts."""
    letters = "n k" if np.ndim(y) == 2 else "n"
    return check(where, yhat=(yhat, letters), y=(y, letters))["n"]


def binary_cross_entropy(z: np.ndarray, y: np.ndarray) -> float:
    """Mean negative log-likelihood of labels 0, 1 under the probabilities σ(z).

        L = −(1/n) Σᵢ [ yᵢ ln σ(zᵢ) + (1 − yᵢ) ln(1 − σ(zᵢ)) ]

    Computed as −mean of ln σ(±zᵢ), + for label 1 and − for label 0: equal, because 1 − σ(z) = σ(−z), and never ln 0.
    Shapes: z (n,) log-odds, y (n,) integer labels 0, 1 → scalar.
    Units:  nats per row; z = 0 scores ln 2.
    Raises: ValueError on a shape or label that does not fit, TypeError on labels that are not integers.
    """
    check("binary_cross_entropy", z=(z, "n"), y=(y, "int n"))
    sign = 2 * check_labels("binary_cross_entropy", y, 2) - 1
    return float(-np.mean(log_sigmoid(sign * z)))


def binary_cross_entropy_grad(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂L/∂z of `binary_cross_entropy`:  dz = (σ(z) − y) / n.

    Derivation, one row, with (ln σ)′ = 1 − σ and (ln(1 − σ))′ = −σ:
        −y (1 − σ) + (1 − y) σ = σ − y, and the mean over rows divides by n.
    Shapes: z (n,), y (n,) integer labels 0, 1 → (n,).
    """
    n = check("binary_cross_entropy_grad", z=(z, "n"), y=(y, "int n"))["n"]
    return (sigmoid(z) - check_labels("binary_cross_entropy_grad", y, 2)) / n


def softmax_cross_entropy(Z: np.ndarray, y: np.ndarray) -> float:
    """Mean negative log-likelihood of labels 0..k−1 under the probabilities softmax(Z).

        L = −(1/n) Σᵢ ln P[i, yᵢ],      P = softmax(Z)                             (eq:softmax-cross-entropy)

    Shapes: Z (n, k) scores, y (n,) integer labels 0..k−1 → scalar.
    Units:  nats per row; equal scores give ln k.
    Raises: ValueError on a shape or label that does not fit, TypeError on labels that are not integers.
    Source: chapters/regression/softmax, "From likelihood to loss".
    """
    return softmax_cross_entropy_and_grad(Z, y)[0]


def softmax_cross_entropy_grad(Z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂L/∂Z of `softmax_cross_entropy`.

        dZ = (P − Y) / n                                                           (eq:softmax-cross-entropy-gradient)

    Derivation, one row:  Lᵢ = ln Σₘ e^{zₘ} − z_y;
        ∂/∂zⱼ of the first term is e^{zⱼ} / Σₘ e^{zₘ} = pⱼ, of the second [j = y]; the mean over rows divides by n.
    Check:  every row of dZ sums to 0.
    Shapes: Z (n, k), y (n,) → (n, k).
    Source: chapters/regression/softmax, "The gradient of the loss".
    """
    return softmax_cross_entropy_and_grad(Z, y)[1]


def softmax_cross_entropy_and_grad(Z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Both of the above from one pass over the scores; Y is never built, since P − Y differs from P in one entry a row.

    Shapes: Z (n, k), y (n,) → scalar, (n, k).
    """
    check_range("softmax_cross_entropy", y, check("softmax_cross_entropy", Z=(Z, "n k"), y=(y, "int n"))["k"])
    return softmax_cross_entropy_inside(Z, y)


def softmax_cross_entropy_inside(Z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The same, unchecked, for the inside of a network: Z finite, every y a label.

    Class by class in memory, the entry at the label of row i is number n yᵢ + i: one index an entry instead of two.
    Shapes: Z (n, k), y (n,) → scalar, (n, k).
    """
    n, (S, E, total) = len(y), softmax_terms(Z)
    at_label = n * y
    at_label += np.arange(n)
    value = (np.log(total).sum() - S.ravel(order="F").take(at_label).sum()) / n
    total *= n
    dZ = np.divide(E, total, out=E)
    dZ.ravel(order="F")[at_label] -= 1.0 / n                    # a view of dZ, which lies class by class
    return float(value), dZ


def l2_penalty(W: np.ndarray, lam: float) -> float:
    """The price of large weights:  λ ‖W‖² = λ Σ W². It is added to a loss once, not once per row.

    Shapes: W any → scalar.
    """
    check_not_negative("l2_penalty", lam=lam)
    return float(lam * np.sum(floats("l2_penalty", W=W) ** 2))


def l2_penalty_grad(W: np.ndarray, lam: float) -> np.ndarray:
    """∂/∂W of `l2_penalty`:  2 λ W.

    Shapes: W any → the same.
    """
    check_not_negative("l2_penalty_grad", lam=lam)
    return 2.0 * lam * floats("l2_penalty_grad", W=W)

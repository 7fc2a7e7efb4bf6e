"""Models linear in their parameters theta = (θ₀, w): the loss, its gradient and its Hessian take the same arguments.

With k classes there is one theta for each, and they are the columns of Theta.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from lib import losses
from lib.activations import sigmoid, sigmoid_prime, softmax, step
from lib.neuron import add_ones, discriminant
from lib.shapes import check, check_labels, one_hot


def logistic_loss(theta: np.ndarray, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> float:
    """The loss of one logistic neuron, with a penalty on its weights but not on its bias.

        L(θ) = −(1/n) Σᵢ [ yᵢ ln σ(θᵀxᵢ*) + (1 − yᵢ) ln(1 − σ(θᵀxᵢ*)) ] + λ‖w‖²

    Shapes: theta (d+1,), X (n, d), y (n,) integer labels 0, 1 → scalar.
    Units:  nats per row; theta = 0 scores ln 2.
    """
    return losses.binary_cross_entropy(discriminant(theta, X), y) + losses.l2_penalty(theta[1:], lam)


def logistic_grad(theta: np.ndarray, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> np.ndarray:
    """∂L/∂θ of `logistic_loss`.

        ∇L(θ) = (1/n) X*ᵀ (σ(X*θ) − y) + 2λ (0, w)                                 (eq:logistic-neuron-gradient)

    Derivation: θⱼ moves zᵢ = θᵀxᵢ* at the rate x*ᵢⱼ, so ∂L/∂θⱼ = Σᵢ dzᵢ x*ᵢⱼ, with dz = (σ(z) − y)/n from the loss.
        That is the j-th entry of X*ᵀ dz; the penalty does not see θ₀.
    Shapes: theta (d+1,), X (n, d), y (n,) → (d+1,).
    Source: chapters/neurons/gradient-descent, "The gradient of a logistic neuron".
    """
    dz = losses.binary_cross_entropy_grad(discriminant(theta, X), y)
    return add_ones(X).T @ dz + np.append(0.0, losses.l2_penalty_grad(theta[1:], lam))


def logistic_hessian(theta: np.ndarray, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> np.ndarray:
    """∂²L/∂θ∂θᵀ of `logistic_loss`.

        H(θ) = (1/n) X*ᵀ S X* + 2λ diag(0, 1, …, 1),      S = diag(σ′(X*θ))        (eq:logistic-hessian)

    Check:  symmetric; the labels have dropped out; no curvature is negative, because σ′ > 0, or beyond ¼ of that of
        `least_squares_hessian` (plus 2λ), because σ′ ≤ ¼.
    Shapes: theta (d+1,), X (n, d), y (n,) integer labels 0, 1 → (d+1, d+1).
    Source: chapters/regression/logistic, "The Hessian, and why there is one valley".
    """
    check("logistic_hessian", X=(X, "n d"), theta=(theta, "d+1"), y=(y, "int n"))
    X_star, penalised = add_ones(X), np.append(0.0, np.ones_like(theta[1:]))
    slope = sigmoid_prime(X_star @ theta)
    return X_star.T @ (slope[:, None] * X_star) / len(X) + np.diag(losses.l2_penalty_grad(penalised, lam))


def predict_proba(theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The probability of label 1:  σ(θᵀx*).

    Shapes: theta (d+1,), X (n, d) → (n,).
    """
    return sigmoid(discriminant(theta, X))


def predict(theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The label, 0 or 1, that is more probable:  step(θᵀx*), because σ(z) > ½ exactly when z > 0.

    Shapes: theta (d+1,), X (n, d) → (n,) integers.
    """
    return step(discriminant(theta, X)).astype(int)


def least_squares_loss(theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    """The loss of a linear unit:  L(θ) = (1/2n) ‖X*θ − y‖².

    Shapes: theta (d+1,), X (n, d), y (n,) float targets → scalar.
    Units:  those of y, squared.
    """
    return losses.squared_error(discriminant(theta, X), y)


def least_squares_grad(theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂L/∂θ of `least_squares_loss`:  (1/n) X*ᵀ (X*θ − y), by the same chain rule as `logistic_grad`.

    Check:  it vanishes at the θ that solves X*ᵀX* θ = X*ᵀy.
    Shapes: theta (d+1,), X (n, d), y (n,) → (d+1,).
    """
    return add_ones(X).T @ losses.squared_error_grad(discriminant(theta, X), y)


def least_squares_hessian(theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂²L/∂θ∂θᵀ of `least_squares_loss`:  (1/n) X*ᵀX*, the same at every θ, so the loss is a quadratic.

    Shapes: theta (d+1,), X (n, d), y (n,) → (d+1, d+1).
    """
    n = check("least_squares_hessian", X=(X, "n d"), theta=(theta, "d+1"), y=(y, "n"))["n"]
    return add_ones(X).T @ add_ones(X) / n


def scores(Theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The weighted sums of k neurons side by side:  Z = X* Theta, column j by the parameters of class j.

    X* is not built; Z is stored class by class (order "F"), so that the maximum and the sum of every row are quick.
    Shapes: Theta (d+1, k), X (n, d) → (n, k).
    """
    check("scores", X=(X, "n d"), Theta=(Theta, "d+1 k"))
    return np.add(X @ Theta[1:], Theta[0], order="F")


def softmax_loss(Theta: np.ndarray, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> float:
    """The loss of softmax regression, with a penalty on the weights W = Theta[1:] but not on the biases Theta[0].

        L(Θ) = −(1/n) Σᵢ ln P[i, yᵢ] + λ‖W‖²,      P = softmax(X*Θ)

    Shapes: Theta (d+1, k), X (n, d), y (n,) integer labels 0..k−1 → scalar.
    Units:  nats per row; Theta = 0 scores ln k.
    """
    return softmax_loss_and_grad(Theta, X, y, lam)[0]


def softmax_grad(Theta: np.ndarray, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> np.ndarray:
    """∂L/∂Θ of `softmax_loss`.

        ∇L(Θ) = (1/n) X*ᵀ (P − Y) + 2λ (0, W)                                      (eq:softmax-regression-gradient)

    Derivation: Θₐⱼ moves Z[i, j] at the rate x*ᵢₐ, so ∂L/∂Θₐⱼ = Σᵢ x*ᵢₐ dZᵢⱼ, with dZ = (P − Y)/n from the loss.
        That is entry (a, j) of X*ᵀ dZ: its first row, where x*ᵢ₀ = 1, is the column sums of dZ.
    Check:  every row of the data term sums to 0: the classes share what they push.
    Shapes: Theta (d+1, k), X (n, d), y (n,) → (d+1, k).
    Source: chapters/regression/softmax, "The gradient by the weights".
    """
    return softmax_loss_and_grad(Theta, X, y, lam)[1]


def softmax_loss_and_grad(Theta: np.ndarray, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> tuple:
    """`softmax_loss` and `softmax_grad` from one forward pass.

    Shapes: Theta (d+1, k), X (n, d), y (n,) → scalar, (d+1, k).
    """
    W, (loss, dZ) = Theta[1:], losses.softmax_cross_entropy_and_grad(scores(Theta, X), y)
    gradient = np.vstack([dZ.sum(axis=0), X.T @ dZ + losses.l2_penalty_grad(W, lam)])
    return loss + losses.l2_penalty(W, lam), gradient


def softmax_hessian(Theta: np.ndarray, X: np.ndarray, y: np.ndarray, lam: float = 0.0) -> np.ndarray:
    """The second derivatives of `softmax_loss` by the entries of Θ, in the order of Theta.ravel().

        ∂²L/∂Θₐⱼ∂Θ_bm = (1/n) Σᵢ x*ᵢₐ x*ᵢ_b pᵢⱼ ([j = m] − pᵢₘ) + 2λ [a = b > 0] [j = m]
                                                                                   (eq:softmax-regression-hessian)

    Check:  symmetric; the labels have dropped out; no curvature is negative, and it is 0 where all biases move alike,
        because softmax ignores that shift; with λ = 0 so it is where all columns of Θ move alike.
    Shapes: Theta (d+1, k), X (n, d), y (n,) → ((d+1)k, (d+1)k).
    Source: chapters/regression/softmax, "The Hessian".
    """
    check("softmax_hessian", X=(X, "n d"), Theta=(Theta, "d+1 k"), y=(y, "int n"))
    X_star, P = add_ones(X), softmax(scores(Theta, X))
    J = P[:, :, None] * (np.eye(P.shape[1]) - P[:, None, :])                 # the Jacobian of softmax, row by row
    H = np.einsum("ia,ijm,ib->ajbm", X_star, J, X_star, optimize=True).reshape(Theta.size, Theta.size) / len(X)
    penalised = np.repeat([0.0, 1.0], [Theta[0].size, Theta[1:].size])
    return H + np.diag(losses.l2_penalty_grad(penalised, lam))


def softmax_predict_proba(Theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The probability of every label:  softmax(X*Θ), row by row.

    Shapes: Theta (d+1, k), X (n, d) → (n, k).
    """
    return softmax(scores(Theta, X))


def softmax_predict(Theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The label with the largest score; of equal scores the smallest label. It serves `one_vs_rest` as well.

    Shapes: Theta (d+1, k), X (n, d) → (n,) integers.
    """
    return scores(Theta, X).argmax(axis=1)


def one_vs_rest(X: np.ndarray, y: np.ndarray, k: int, fit: Callable) -> np.ndarray:
    """k binary neurons, the j-th trained on "label j or not":  column j of Theta is fit(X, column j of Y).

    Their k sigmoids are no distribution: the sum over j may be anything in (0, k).
    Shapes: X (n, d), y (n,) integer labels 0..k−1, fit(X, y01) → (d+1,); Theta (d+1, k).
    """
    return np.column_stack([fit(X, column.astype(int)) for column in one_hot(y, k).T])


def one_vs_one(X: np.ndarray, y: np.ndarray, k: int, fit: Callable) -> dict[tuple[int, int], np.ndarray]:
    """k(k−1)/2 binary neurons, one for every pair a < b, trained on the rows of these two labels; b is its label 1.

    Shapes: X (n, d), y (n,) integer labels 0..k−1, fit(X, y01) → (d+1,); {(a, b): theta (d+1,)}.
    """
    check_labels("one_vs_one", y, k)
    pairs = {(a, b): (y == a) | (y == b) for a, b in combinations(range(k), 2)}
    return {(a, b): fit(X[rows], (y[rows] == b).astype(int)) for (a, b), rows in pairs.items()}


def one_vs_one_votes(thetas: dict[tuple[int, int], np.ndarray], X: np.ndarray, k: int) -> np.ndarray:
    """How many of its k−1 duels each label wins; a duel on the boundary, θᵀx* = 0, goes to the smaller label.

    Check:  every row sums to k(k−1)/2.
    Shapes: thetas {(a, b): theta (d+1,)} with a < b, X (n, d) → (n, k) integers.
    """
    winners = [np.where(predict(theta, X), b, a) for (a, b), theta in thetas.items()]
    return np.eye(k, dtype=int)[winners].sum(axis=0)


def one_vs_one_predict(thetas: dict[tuple[int, int], np.ndarray], X: np.ndarray, k: int) -> np.ndarray:
    """The label with the most votes; of equal votes the smallest label.

    Shapes: thetas {(a, b): theta (d+1,)} with a < b, X (n, d) → (n,) integers.
    """
    return one_vs_one_votes(thetas, X, k).argmax(axis=1)

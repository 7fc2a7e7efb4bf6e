"""Models linear in their parameters theta = (θ₀, w): the loss, its gradient and its Hessian take the same arguments."""

import numpy as np

from lib import losses
from lib.activations import sigmoid, sigmoid_prime, step
from lib.neuron import add_ones, discriminant
from lib.shapes import check, check_not_negative


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
    """∂²L/∂θ∂θᵀ of `logistic_loss`:  (1/n) X*ᵀ diag(σ′(X*θ)) X* + 2λ diag(0, 1, …, 1).

    Check:  symmetric; the labels have dropped out; no curvature is negative, because σ′ > 0, or beyond ¼ of that of
        `least_squares_hessian` (plus 2λ), because σ′ ≤ ¼.
    Shapes: theta (d+1,), X (n, d), y (n,) integer labels 0, 1 → (d+1, d+1).
    """
    check_not_negative("logistic_hessian", lam=lam)
    check("logistic_hessian", X=(X, "n d"), theta=(theta, "d+1"), y=(y, "int n"))
    X_star, penalised = add_ones(X), np.append(0.0, np.ones_like(theta[1:]))
    slope = sigmoid_prime(X_star @ theta)
    return X_star.T @ (slope[:, None] * X_star) / len(X) + 2.0 * lam * np.diag(penalised)


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

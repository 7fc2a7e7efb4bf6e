"""A residual block: two paths lead from x to z₂, through h = φ(W₁x) and past it, so two gradients come back to x."""

from typing import NamedTuple

import numpy as np

from lib import losses
from lib.activations import ACTIVATIONS
from lib.mlp import check_name
from lib.shapes import check


class Block(NamedTuple):
    """The parameters, d² + dk of them, and the name of φ. W1 is square, because H + X must exist.

    Shapes: W1 (d, d), W2 (d, k).
    """

    W1: np.ndarray
    W2: np.ndarray
    hidden: str = "sigmoid"


class Trace(NamedTuple):
    """What a forward pass computed.  Shapes: X, Z1, H, Z2 (n, d), Y (n, k)."""

    X: np.ndarray
    Z1: np.ndarray
    H: np.ndarray
    Z2: np.ndarray
    Y: np.ndarray


class Gradients(NamedTuple):
    """∂L by each quantity, in the order in which the backward pass finds them; each has the shape of its quantity."""

    dY: np.ndarray
    dW2: np.ndarray
    dZ2: np.ndarray
    dH: np.ndarray
    dZ1: np.ndarray
    dW1: np.ndarray
    dX: np.ndarray


def forward(block: Block, X: np.ndarray) -> Trace:
    """The block on every row of X.

        Z1 = X W1,   H = φ(Z1),   Z2 = H + X,   Y = Z2 W2                          (eq:residual-forward)

    Shapes: X (n, d) → Y (n, k).
    Source: chapters/mlp/residual, "Both paths".
    """
    W1, W2, hidden = block
    check("forward", X=(X, "n d"), W1=(W1, "d d"), W2=(W2, "d k"))
    check_name("forward", ACTIVATIONS, hidden=hidden)
    Z1 = X @ W1
    H = ACTIVATIONS[hidden].f(Z1)
    Z2 = H + X
    return Trace(X, Z1, H, Z2, Y=Z2 @ W2)


def loss(block: Block, X: np.ndarray, T: np.ndarray) -> float:
    """Half the mean squared error:  L = (1/2n) ‖Y − T‖².

    Shapes: X (n, d), T (n, k) float targets → scalar.
    Units:  those of T, squared.
    """
    return losses.squared_error(forward(block, X).Y, T)


def backward(block: Block, trace: Trace, T: np.ndarray) -> Gradients:
    """The gradient of `loss` by every quantity of the block.

        dX = dZ1 W1ᵀ + dZ2,      dZ2 = dY W2ᵀ,      dZ1 = dZ2 ⊙ φ′(Z1)             (eq:residual-input-gradient)

    Derivation: Z2 = H + X hands its gradient to both terms unchanged, so dH = dZ2, and X receives dZ2 past the block
        and dZ1 W1ᵀ through it. The skip path has no factor that could shrink it.
    Check:  with W1 = 0 only the skip path is left, dX = dZ2.
    Shapes: T (n, k); each gradient the shape of its quantity.
    Raises: ValueError for the trace of a block of other widths.
    Source: chapters/mlp/residual, "Both paths".
    """
    (W1, W2, hidden), (X, Z1, _, Z2, Y) = block, trace
    check("backward", X=(X, "n d"), Y=(Y, "n k"), W1=(W1, "d d"), W2=(W2, "d k"), T=(T, "n k"))
    dY = losses.squared_error_grad(Y, T)
    dW2, dZ2 = Z2.T @ dY, dY @ W2.T
    dH = dZ2
    dZ1 = dH * ACTIVATIONS[hidden].df(Z1)
    dW1, dX = X.T @ dZ1, dZ1 @ W1.T + dZ2
    return Gradients(dY, dW2, dZ2, dH, dZ1, dW1, dX)

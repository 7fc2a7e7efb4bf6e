"""Gradient descent, by all rows or by mini-batches, and Newton's method, recording where they have been."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib import mlp
from lib.shapes import check, check_count, check_not_negative, check_positive, floats

ROUNDING = 1e-12        # a smaller share of a number is not told from rounding


@dataclass(frozen=True, repr=False)
class History:
    """What a descent visited: entry t of each array belongs to the parameters after t steps.

    Shapes: thetas (steps + 1, …shape of theta), losses (steps + 1,), gradient_norms (steps + 1,).
        step_size is the number that `descend` was given; from `newton` it is an array (steps,), one for every step.
    """

    thetas: np.ndarray
    losses: np.ndarray
    gradient_norms: np.ndarray
    step_size: float | np.ndarray
    stopped: str

    @property
    def theta(self) -> np.ndarray:
        """The parameters after the last step."""
        return self.thetas[-1]

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.losses) - 1

    def __repr__(self):
        return f"{self.steps} steps, loss {self.losses[0]:.6g} → {self.losses[-1]:.6g}; stopped because {self.stopped}"


@dataclass(frozen=True, repr=False)
class Training:
    """What a training visited: entry e of nets belongs to the network after e epochs, and nets[0] to its start.

    losses (epochs,) are means over the mini-batches of an epoch, each before its step; watched (epochs,) is what the
    caller's `watch` returned after each, empty without one.
    """

    nets: tuple[mlp.Network, ...]
    losses: np.ndarray
    watched: np.ndarray
    step_size: float

    @property
    def net(self) -> mlp.Network:
        """The network after the last epoch."""
        return self.nets[-1]

    def __repr__(self):
        return f"{len(self.losses)} epochs, loss {self.losses[0]:.6g} → {self.losses[-1]:.6g}"


class Diverged(ValueError):
    """Gradient descent ran away from the minimum; `.history` holds the steps until then."""

    def __init__(self, message: str, history: History | Training):
        super().__init__(message)
        self.history = history


def descend(loss: Callable, grad: Callable, start: np.ndarray, step_size: float, max_steps: int = 1000,
            gradient_tolerance: float = 0.0, loss_tolerance: float = 0.0, curvature: float | None = None) -> History:
    """Gradient descent with a constant step size, from a copy of `start`, to a tolerance or to the last step allowed.

        θₜ₊₁ = θₜ − η ∇L(θₜ),      η = step_size                                    (eq:update-rule)

    `curvature` is the largest curvature of the loss, if you know it; it is used only to explain a divergence.
    Shapes: start any shape, grad(theta) the same shape, loss(theta) scalar.
    Raises: Diverged (a ValueError) at the step where the loss is no longer finite, or has risen three times in a row
        to above where it began; ValueError or TypeError on bad input.
    Source: chapters/neurons/gradient-descent, "The update rule".
    """
    check_positive("descend", step_size=step_size, **({} if curvature is None else {"curvature": curvature}))
    return _follow("descend", loss, grad, start, lambda theta, value, gradient: theta - step_size * gradient,
                   step_size, max_steps, gradient_tolerance, loss_tolerance, curvature)


def newton(loss: Callable, grad: Callable, hessian: Callable, start: np.ndarray, max_steps: int = 50,
           gradient_tolerance: float = 1e-10) -> History:
    """Newton's method: step to the lowest point of the quadratic that has the slopes and curvatures of the loss at θₜ.

        θₜ₊₁ = θₜ − ηₜ H(θₜ)⁻¹ ∇L(θₜ)                                               (eq:newton-step)

    ηₜ is the first of 1, ½, ¼ … that does not raise the loss; the history keeps them all as its step_size.
    Check:  on a quadratic the first step arrives.
    Shapes: start any, with m entries; grad(theta) the same shape, hessian(theta) (m, m) in the order of theta.ravel().
    Raises: ValueError where some direction has no positive curvature, or no share of a step lowers the loss. If the
        loss ignores a direction u, give H + uuᵀ as the Hessian: the gradient is orthogonal to u, so no step changes.
    Source: chapters/regression/logistic, "Newton's method".
    """
    step_sizes = []

    def move(theta, value, gradient):
        """The parameters after one step, halved while it is too long."""
        step_size, direction = 1.0, _newton_direction(hessian(theta), gradient, step=len(step_sizes))
        while not loss(theta - step_size * direction) <= value + ROUNDING * max(1.0, abs(value)):
            step_size /= 2
            if step_size < ROUNDING:
                raise ValueError(f"newton: step {len(step_sizes)}: no part of it lowers the loss; is grad right?")
        step_sizes.append(step_size)
        return theta - step_size * direction

    return _follow("newton", loss, grad, start, move, step_sizes, max_steps, gradient_tolerance)


def _newton_direction(H, gradient, step):
    """H⁻¹ ∇L in the shape of the gradient, once every curvature (an eigenvalue of H) is known to be positive."""
    check("newton", hessian=(H, f"{gradient.size} {gradient.size}"))
    curvatures = np.linalg.eigvalsh(H)
    if curvatures[0] <= ROUNDING * abs(curvatures[-1]):
        raise ValueError(f"newton: at step {step} the Hessian is singular or bends downward; a penalty helps, "
                         "or adding uuᵀ to it if the loss ignores the direction u")
    return np.linalg.solve(H, gradient.ravel()).reshape(gradient.shape)


def minibatch(loss_and_grad: Callable, net: mlp.Network, X: np.ndarray, y: np.ndarray, step_size: float, epochs: int,
              batch_size: int, rng: np.random.Generator, momentum: float = 0.0,
              watch: Callable | None = None) -> Training:
    """Gradient descent on a few rows at a time: an epoch visits every row once, in an order drawn anew.

        v ← μ v − η ∇L(θ),      θ ← θ + v,      L of the batch,      μ = momentum

    `watch(net)` is called after every epoch, for example with the accuracy on validation rows.
    Shapes: X (n, d), y (n, …), loss_and_grad(net, X, y) → scalar, gradients as `mlp.loss_and_grad` returns them.
    Raises: Diverged (a ValueError) where the loss or a parameter is no longer finite; ValueError on bad input.
    """
    check_positive("minibatch", step_size=step_size)
    check_not_negative("minibatch", momentum=momentum)
    check_count("minibatch", epochs=epochs, batch_size=batch_size)
    if len(X) != len(y):
        raise ValueError(f"minibatch: X has {len(X)} rows and y has {len(y)}, expected as many")
    theta = mlp.pack(net)
    nets, moving, velocity, losses, watched = [net], mlp.unpack(net, theta), 0.0, [], []     # a view: moves with theta
    for _ in range(epochs):
        order, total = rng.permutation(len(X)), 0.0
        for start in range(0, len(X), batch_size):
            rows = order[start:start + batch_size]
            value, gradients = loss_and_grad(moving, X[rows], y[rows])
            velocity = momentum * velocity - step_size * mlp.pack(gradients)
            theta += velocity
            total += value * len(rows)
            if not (np.isfinite(value) and np.isfinite(theta).all()):
                training = Training(tuple(nets), np.array(losses), np.array(watched), step_size)
                raise Diverged(f"minibatch: diverged in epoch {len(nets)}: the loss is {value}, or a parameter; "
                               f"step_size = {step_size:g} is too large for this loss", training)
        nets.append(mlp.unpack(net, theta.copy()))
        losses.append(total / len(X))
        watched += [] if watch is None else [watch(nets[-1])]
    return Training(tuple(nets), np.array(losses), np.array(watched), step_size)


@np.errstate(over="ignore", invalid="ignore")
def _follow(where, loss, grad, start, move, step_size, max_steps, gradient_tolerance, loss_tolerance=0, curvature=None):
    """Go from theta to move(theta, value, gradient), and record it, until there is a reason to stop."""
    check_not_negative(where, gradient_tolerance=gradient_tolerance, loss_tolerance=loss_tolerance)
    check_count(where, max_steps=max_steps)
    thetas, losses, norms, stopped = [floats(where, start=start).copy()], [], [], ""
    while not stopped:
        value, gradient = _evaluate(where, loss, grad, thetas[-1], step=len(losses))
        losses.append(value)
        norms.append(float(np.linalg.norm(gradient)))
        stopped = _why_diverged(losses, norms, step_size, curvature)
        if stopped:
            history = _history(thetas, losses, norms, step_size, stopped)
            raise Diverged(f"{where}: diverged at step {history.steps}: {stopped}", history)
        stopped = _why_stopped(losses, norms, max_steps, gradient_tolerance, loss_tolerance)
        if not stopped:
            thetas.append(move(thetas[-1], value, gradient))
    return _history(thetas, losses, norms, step_size, stopped)


def _evaluate(where, loss, grad, theta, step):
    """The loss and its gradient at theta; past the largest float the loss is taken as infinite."""
    if step > 0 and not np.isfinite(theta).all():
        return np.inf, np.full_like(theta, np.inf)
    value, gradient = np.asarray(loss(theta)), np.asarray(grad(theta))
    if value.shape != ():
        raise ValueError(f"{where}: loss(theta) has shape {value.shape}, expected a scalar")
    if gradient.shape != theta.shape:
        raise ValueError(f"{where}: grad(theta) has shape {gradient.shape}, expected {theta.shape}, the shape of start")
    if step == 0 and not (np.isfinite(value) and np.isfinite(gradient).all()):
        raise ValueError(f"{where}: at start the loss is {value} and its gradient {gradient}, expected finite numbers")
    return float(value), gradient


def _why_diverged(losses, norms, step_size, curvature):
    """The sentence to raise if the loss has run away, else nothing."""
    rising = len(losses) > 3 and losses[-4] < losses[-3] < losses[-2] < losses[-1]
    if np.isfinite(losses[-1]) and np.isfinite(norms[-1]) and not (rising and losses[-1] > losses[0]):
        return ""
    beyond = curvature is not None and step_size > 2 / curvature
    reason = f"is beyond the bound 2/L = {2 / curvature:.6g}" if beyond else "is too large for this loss"
    return f"the loss went from {losses[0]:.6g} to {losses[-1]:.6g}; step_size = {step_size:g} {reason}"


def _why_stopped(losses, norms, max_steps, gradient_tolerance, loss_tolerance):
    """The sentence to record if it is time to stop, else nothing."""
    if norms[-1] == 0.0:
        return "the gradient is zero"
    if norms[-1] <= gradient_tolerance:
        return f"the gradient's norm is at most {gradient_tolerance:g}"
    if len(losses) > 1 and abs(losses[-1] - losses[-2]) < loss_tolerance:
        return f"the loss changed by less than {loss_tolerance:g}"
    return "max_steps were taken" if len(losses) > max_steps else ""


def _history(thetas, losses, norms, step_size, stopped):
    """The lists as arrays; a step size that is a number stays one."""
    return History(np.array(thetas), np.array(losses), np.array(norms), np.array(step_size)[()], stopped)

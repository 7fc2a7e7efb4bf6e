"""Gradient descent that records where it has been."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib.shapes import check_count, check_not_negative, check_positive, floats


@dataclass(frozen=True, repr=False)
class History:
    """What a descent visited: entry t of each array belongs to the parameters after t steps.

    Shapes: thetas (steps + 1, …shape of theta), losses (steps + 1,), gradient_norms (steps + 1,).
    """

    thetas: np.ndarray
    losses: np.ndarray
    gradient_norms: np.ndarray
    step_size: float
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


class Diverged(ValueError):
    """Gradient descent ran away from the minimum; `.history` holds the steps until then."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


@np.errstate(over="ignore", invalid="ignore")
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
    check_not_negative("descend", gradient_tolerance=gradient_tolerance, loss_tolerance=loss_tolerance)
    check_count("descend", max_steps=max_steps)
    thetas, losses, norms, stopped = [floats("descend", start=start).copy()], [], [], ""
    while not stopped:
        theta = thetas[-1]
        value, gradient = _evaluate(loss, grad, theta, step=len(losses))
        losses.append(value)
        norms.append(float(np.linalg.norm(gradient)))
        stopped = _why_diverged(losses, norms, step_size, curvature)
        if stopped:
            history = _history(thetas, losses, norms, step_size, stopped)
            raise Diverged(f"descend: diverged at step {history.steps}: {stopped}", history)
        stopped = _why_stopped(losses, norms, max_steps, gradient_tolerance, loss_tolerance)
        if not stopped:
            thetas.append(theta - step_size * gradient)
    return _history(thetas, losses, norms, step_size, stopped)


def _evaluate(loss, grad, theta, step):
    """The loss and its gradient at theta; past the largest float the loss is taken as infinite."""
    if step > 0 and not np.isfinite(theta).all():
        return np.inf, np.full_like(theta, np.inf)
    value, gradient = np.asarray(loss(theta)), np.asarray(grad(theta))
    if value.shape != ():
        raise ValueError(f"descend: loss(theta) has shape {value.shape}, expected a scalar")
    if gradient.shape != theta.shape:
        raise ValueError(f"descend: grad(theta) has shape {gradient.shape}, expected {theta.shape}, the shape of start")
    if step == 0 and not (np.isfinite(value) and np.isfinite(gradient).all()):
        raise ValueError(f"descend: at start the loss is {value} and its gradient {gradient}, expected finite numbers")
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
    """The lists as arrays."""
    return History(np.array(thetas), np.array(losses), np.array(norms), step_size, stopped)

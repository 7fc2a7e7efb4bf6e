"""Gradient descent: the step, the reasons to stop, and what happens beyond the bound."""

import numpy as np
import pytest

from lib import train

CURVATURES = np.array([1.0, 4.0])


def loss(theta):
    """A quadratic bowl with curvatures 1 and 4, lowest at 0."""
    return float(0.5 * np.sum(CURVATURES * theta**2))


def grad(theta):
    """Its gradient."""
    return CURVATURES * theta


START = np.array([1.0, 1.0])


def test_two_steps_by_hand():
    history = train.descend(loss, grad, START, 0.1, max_steps=2)
    assert history.thetas == pytest.approx(np.array([[1.0, 1.0], [0.9, 0.6], [0.81, 0.36]]))
    assert history.losses == pytest.approx([2.5, 1.125, 0.58725])
    assert history.gradient_norms[0] == pytest.approx(np.sqrt(17))
    assert (history.steps, history.stopped) == (2, "max_steps were taken")
    assert history.theta is not None and (history.theta == history.thetas[-1]).all()
    assert str(history) == "2 steps, loss 2.5 → 0.58725; stopped because max_steps were taken"


def test_every_step_is_the_update_rule():
    history = train.descend(loss, grad, START, 0.3, max_steps=20)
    steps = np.diff(history.thetas, axis=0)
    assert steps == pytest.approx(-0.3 * np.array([grad(theta) for theta in history.thetas[:-1]]))


@pytest.mark.parametrize(("options", "reason"), [
    ({"gradient_tolerance": 1e-3}, "the gradient's norm is at most 0.001"),
    ({"loss_tolerance": 1e-6}, "the loss changed by less than 1e-06"),
    ({"max_steps": 5}, "max_steps were taken"),
])
def test_it_says_why_it_stopped(options, reason):
    history = train.descend(loss, grad, START, 0.2, **options)
    assert history.stopped == reason
    assert 0 < history.steps < 100
    if "gradient_tolerance" in options:
        assert history.gradient_norms[-1] <= 1e-3 < history.gradient_norms[-2]
    if "loss_tolerance" in options:
        assert abs(history.losses[-1] - history.losses[-2]) < 1e-6 <= abs(history.losses[-2] - history.losses[-3])


def test_a_zero_gradient_stops_at_once():
    history = train.descend(lambda theta: 0.25, np.zeros_like, START, 1.0)
    assert (history.steps, history.stopped) == (0, "the gradient is zero")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_within_the_bound_it_converges(share):
    history = train.descend(loss, grad, START, share * 2 / 4, max_steps=5000, curvature=4.0)
    assert history.losses[-1] < 1e-3 * history.losses[0]


@pytest.mark.parametrize("share", [1.05, 1.5, 10, 1e6, 1e300])
def test_beyond_the_bound_it_says_so(share, strict):
    with pytest.raises(train.Diverged, match=r"descend: diverged at step \d+: the loss went from 2.5 to .*; "
                                             r"step_size = .* is beyond the bound 2/L = 0.5$") as stopped:
        train.descend(loss, grad, START, share * 0.5, curvature=4.0)
    history = stopped.value.history
    assert f"at step {history.steps}:" in str(stopped.value)
    assert history.losses[-1] > history.losses[0] == 2.5


def test_divergence_without_a_known_curvature():
    with pytest.raises(train.Diverged, match=r"step_size = 1 is too large for this loss$"):
        train.descend(loss, grad, START, 1.0)
    with pytest.raises(train.Diverged, match=r"step_size = 1 is too large for this loss$"):
        train.descend(loss, grad, START, 1.0, curvature=0.1)             # a wrong curvature is not blamed on the step


def test_rising_for_a_while_is_not_divergence():
    path = iter([5.0, 4.0, 4.5, 4.8, 4.9, 1.0, 0.5])                     # three rises, but never above the start
    history = train.descend(lambda theta: next(path), grad, START, 0.01, max_steps=6)
    assert history.losses[-1] == 0.5


def test_a_loss_that_stops_being_a_number():
    with pytest.raises(train.Diverged, match="at step 1: the loss went from 0 to nan"):
        train.descend(lambda t: float(np.log(t)), lambda t: 1 / t, np.array(1.0), 2.0)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_any_shape_and_start_is_left_alone(shape):
    start = np.ones(shape)
    history = train.descend(lambda t: float(np.sum(t**2)), lambda t: 2 * t, start, 0.25, max_steps=3)
    assert (start == 1.0).all()
    assert history.thetas.shape == (4, *shape)
    assert history.theta == pytest.approx(np.full(shape, 0.125))


def test_twice_is_the_same():
    first, second = (train.descend(loss, grad, START, 0.3, max_steps=50) for _ in range(2))
    assert (first.thetas == second.thetas).all() and (first.losses == second.losses).all()


@pytest.mark.parametrize(("change", "error", "sentence"), [
    ({"step_size": 0}, ValueError, "descend: step_size = 0, expected a positive number"),
    ({"step_size": -0.1}, ValueError, "descend: step_size = -0.1, expected a positive number"),
    ({"step_size": np.nan}, ValueError, "descend: step_size = nan, expected a positive number"),
    ({"curvature": 0.0}, ValueError, "descend: curvature = 0.0, expected a positive number"),
    ({"max_steps": 2.5}, ValueError, "descend: max_steps = 2.5, expected a whole number"),
    ({"loss_tolerance": -1}, ValueError, "descend: loss_tolerance = -1, expected a number that is zero or positive"),
    ({"start": np.array([1, 2])}, TypeError, "descend: start has dtype int64, expected float64; write start.astype"),
    ({"start": [1.0, 2.0]}, TypeError, "descend: start is a list"),
    ({"start": np.array([1.0, np.nan])}, ValueError, r"descend: start\[1\] is nan"),
    ({"start": np.array([1.0, np.inf])}, ValueError, "descend: at start the loss is inf"),
    ({"grad": lambda t: t[:1]}, ValueError, r"grad\(theta\) has shape \(1,\), expected \(2,\), the shape of start"),
    ({"loss": lambda t: t}, ValueError, r"descend: loss\(theta\) has shape \(2,\), expected a scalar"),
    ({"loss": lambda t: np.nan}, ValueError, "descend: at start the loss is nan"),
])
def test_bad_input_is_named(change, error, sentence):
    given = {"loss": loss, "grad": grad, "start": START, "step_size": 0.1} | change
    with pytest.raises(error, match=sentence):
        train.descend(**given)

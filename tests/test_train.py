"""Gradient descent, mini-batches and Newton's method: the step, the reasons to stop, and what happens beyond the bound."""

import numpy as np
import pytest

from lib import mlp, train

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


def follow(path, **options):
    """A descent whose losses are given."""
    values = iter(path)
    return train.descend(lambda theta: next(values), grad, START, 0.01, max_steps=len(path) - 1, **options)


@pytest.mark.parametrize("path", [
    [5.0, 4.0, 4.5, 4.8, 5.0, 1.0],                      # three rises, but not above the start
    [5.0, 6.0, 5.5, 5.8, 5.9, 1.0],                      # above the start, but two rises
    [5.0, 6.0, 7.0, 7.0, 8.0, 1.0],                      # not three in a row
])
def test_rising_for_a_while_is_not_divergence(path):
    assert follow(path).losses.tolist() == path


@pytest.mark.parametrize(("path", "step"), [
    ([5.0, 5.1, 5.2, 5.3, 1.0], 3), ([5.0, 4.0, 4.5, 4.8, 5.1, 1.0], 4), ([5.0, 1.0, 2.0, 3.0, 4.0, 5.5, 1.0], 5)])
def test_three_rises_to_above_the_start_are_divergence(path, step):
    with pytest.raises(train.Diverged, match=f"diverged at step {step}: the loss went from 5 to {path[step]:g}") as stopped:
        follow(path)
    assert stopped.value.history.losses.tolist() == path[:step + 1]


def test_the_tolerances_to_the_letter():
    assert follow([5.0, 4.75, 4.625, 1.0], loss_tolerance=0.25).steps == 2
    assert follow([5.0, 5.0, 1.0], loss_tolerance=0.25).steps == 1
    assert train.descend(loss, lambda theta: np.array([3.0, 4.0]), START, 0.1, gradient_tolerance=5.0).steps == 0
    assert train.descend(loss, grad, START, 1e-9).steps == 1000


def test_past_the_largest_float_the_loss_is_not_asked():
    def picky(theta):
        return loss(theta) if np.isfinite(theta).all() else "cannot be computed"

    with pytest.raises(train.Diverged, match="at step 1: the loss went from 2.5 to inf"):
        train.descend(picky, grad, START, 1e308)


def test_a_loss_that_stops_being_a_number():
    with pytest.raises(train.Diverged, match="at step 1: the loss went from 0 to nan"):
        train.descend(lambda t: float(np.log(t)), lambda t: 1 / t, np.array(1.0), 2.0)


def test_newton_arrives_in_one_step_on_a_quadratic():
    history = train.newton(loss, grad, lambda theta: np.diag(CURVATURES), START)
    assert history.thetas == pytest.approx(np.array([START, [0.0, 0.0]]))
    assert (history.steps, history.step_size.tolist()) == (1, [1.0])
    assert history.stopped in ("the gradient is zero", "the gradient's norm is at most 1e-10")


def root(t):
    """Σ √(1 + t²): a full Newton step is −t³, which runs away from |t| > 1."""
    return float(np.sum(np.sqrt(1 + t**2)))


def test_newton_halves_a_step_that_would_raise_the_loss():
    slope, curvature = lambda t: t / np.sqrt(1 + t**2), lambda t: np.diag(((1 + t**2) ** -1.5).ravel())
    start = np.array([[3.0], [0.5]])
    history = train.newton(root, slope, curvature, start)
    assert history.theta == pytest.approx(np.zeros((2, 1)), abs=1e-9) and history.theta.shape == (2, 1)
    assert history.step_size[0] < 1.0 == history.step_size[-1] and len(history.step_size) == history.steps
    assert (np.diff(history.losses) <= 1e-12).all()
    moves = history.step_size[:, None, None] * [np.linalg.solve(curvature(t), slope(t)) for t in history.thetas[:-1]]
    assert np.diff(history.thetas, axis=0) == pytest.approx(-moves)
    assert (start == [[3.0], [0.5]]).all()


@pytest.mark.parametrize(("change", "error", "sentence"), [
    ({"hessian": lambda t: np.ones((2, 2))}, ValueError, "newton: at step 0 the Hessian is singular or bends downward"),
    ({"hessian": lambda t: -np.eye(2)}, ValueError, "newton: at step 0 the Hessian is singular or bends downward"),
    ({"hessian": lambda t: np.eye(3)}, ValueError, r"newton: hessian has shape \(3, 3\), expected \(2, 2\)"),
    ({"grad": lambda t: -grad(t)}, ValueError, "newton: step 0: no part of it lowers the loss; is grad right"),
    ({"grad": lambda t: t[:1]}, ValueError, r"newton: grad\(theta\) has shape \(1,\), expected \(2,\)"),
    ({"start": [1.0, 1.0]}, TypeError, "newton: start is a list"),
    ({"max_steps": 0}, ValueError, "newton: max_steps = 0, expected a whole number"),
    ({"gradient_tolerance": -1}, ValueError, "newton: gradient_tolerance = -1, expected a number that is zero"),
])
def test_bad_input_of_newton_is_named(change, error, sentence):
    given = {"loss": loss, "grad": grad, "hessian": lambda t: np.diag(CURVATURES), "start": START} | change
    with pytest.raises(error, match=sentence):
        train.newton(**given)


def test_a_direction_the_loss_ignores_can_be_filled():
    along, u = np.array([1.0, 1.0]), np.array([1.0, -1.0])               # the loss knows only t₀ + t₁
    def bowl(t): return float(np.cosh(along @ t))
    def slope(t): return np.sinh(along @ t) * along
    def hessian(t): return np.cosh(along @ t) * np.outer(along, along)
    with pytest.raises(ValueError, match="adding uu"):
        train.newton(bowl, slope, hessian, np.array([1.0, 0.5]))
    history = train.newton(bowl, slope, lambda t: hessian(t) + np.outer(u, u), np.array([1.0, 0.5]))
    assert history.losses[-1] == 1.0
    assert history.thetas @ u == pytest.approx(np.full(history.steps + 1, 0.5))          # it never moves along u


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


@pytest.fixture
def job(rng):
    """Two labels that a small network can learn."""
    X = rng.standard_normal((50, 2))
    return mlp.init((2, 4, 2), rng, "tanh"), X, (X[:, 0] * X[:, 1] > 0).astype(int)


def test_a_batch_of_all_rows_is_gradient_descent(job, rng):
    net, X, y = job
    training = train.minibatch(mlp.loss_and_grad, net, X, y, 0.5, 10, len(X), rng)
    history = train.descend(lambda v: mlp.loss(mlp.unpack(net, v), X, y),
                            lambda v: mlp.pack(mlp.loss_and_grad(mlp.unpack(net, v), X, y)[1]), mlp.pack(net), 0.5, 10)
    assert np.array([mlp.pack(part) for part in training.nets]) == pytest.approx(history.thetas)
    assert training.losses == pytest.approx(history.losses[:-1]) and training.step_size == 0.5
    assert training.net is training.nets[-1] and training.nets[0] is net and len(training.watched) == 0
    assert str(training) == f"10 epochs, loss {training.losses[0]:.6g} → {training.losses[-1]:.6g}"


def test_an_epoch_visits_every_row_once_in_a_new_order(job, rng):
    net, X, y = job
    seen = []

    def record(net, X, y):
        seen.append((X[:, 0].tolist(), y.tolist()))
        return mlp.loss_and_grad(net, X, y)

    train.minibatch(record, net, X, y, 0.1, 2, 20, rng)
    assert [len(rows) for rows, _ in seen] == [20, 20, 10] * 2
    first, second = ([x for rows, _ in epoch for x in rows] for epoch in (seen[:3], seen[3:]))
    assert sorted(first) == sorted(second) == sorted(X[:, 0]) and first != second != X[:, 0].tolist()
    label = dict(zip(X[:, 0], y, strict=True))
    assert all([label[x] for x in rows] == labels for rows, labels in seen)


def test_the_loss_of_an_epoch_weighs_rows_alike(job, rng):
    net, X, y = job
    training = train.minibatch(lambda net, X, y: (float(len(X)), mlp.loss_and_grad(net, X, y)[1]), net, X, y, 0.1, 1, 20, rng)
    assert training.losses.tolist() == [(20 * 20 + 20 * 20 + 10 * 10) / 50]


def test_momentum_by_hand(job, rng):
    net, X, y = job
    ones = mlp.Gradients(*({l: np.ones_like(part[l]) for l in net.W} for part in (net.W, net.b)), {})
    training = train.minibatch(lambda *_: (0.0, ones), net, X, y, 0.1, 3, 50, rng, momentum=0.5)
    moves = np.array([mlp.pack(part) - mlp.pack(net) for part in training.nets])[:, 0]
    assert moves == pytest.approx([0.0, -0.1, -0.1 - 0.15, -0.1 - 0.15 - 0.175])


def test_training_learns_watches_and_repeats(job):
    net, X, y = job
    before = mlp.pack(net)
    runs = [train.minibatch(mlp.loss_and_grad, net, X, y, 0.5, 60, 10, np.random.default_rng(3), momentum=0.5,
                            watch=lambda net: np.mean(mlp.predict(net, X) == y)) for _ in range(2)]
    assert runs[0].losses[-1] < 0.7 * runs[0].losses[0] and runs[0].watched[-1] > 0.75
    assert (runs[0].losses == runs[1].losses).all() and (runs[0].watched == runs[1].watched).all()
    assert len(runs[0].watched) == 60 and len(runs[0].nets) == 61 and (mlp.pack(net) == before).all()
    assert runs[0].watched[4] == np.mean(mlp.predict(runs[0].nets[5], X) == y)


def test_training_that_runs_away_says_so(job, rng):
    net, X, y = job
    for values in ([0.5, np.inf], [0.5, np.nan]):
        given = iter(values)
        with pytest.raises(train.Diverged, match="minibatch: diverged in epoch 2: .* step_size = 0.1 is too large") as stopped:
            train.minibatch(lambda *given_net: (next(given), mlp.loss_and_grad(*given_net)[1]), net, X, y, 0.1, 5, 50, rng)   # noqa: B023
        assert stopped.value.history.losses.tolist() == [0.5] and len(stopped.value.history.nets) == 2
    huge = mlp.Gradients(*({l: np.full_like(part[l], 1e308) for l in net.W} for part in (net.W, net.b)), {})
    with np.errstate(over="ignore"), pytest.raises(train.Diverged, match="in epoch 1: the loss is 0.5, or a parameter"):
        train.minibatch(lambda *_: (0.5, huge), net, X, y, 10.0, 5, 50, rng)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"step_size": 0}, "minibatch: step_size = 0, expected a positive number"),
    ({"epochs": 0}, "minibatch: epochs = 0, expected a whole number"),
    ({"batch_size": 2.5}, "minibatch: batch_size = 2.5, expected a whole number"),
    ({"momentum": -0.1}, "minibatch: momentum = -0.1, expected a number that is zero or positive"),
    ({"y": np.zeros(49, dtype=int)}, "minibatch: X has 50 rows and y has 49, expected as many"),
])
def test_bad_input_of_minibatch_is_named(job, rng, change, sentence):
    net, X, y = job
    given = {"loss_and_grad": mlp.loss_and_grad, "net": net, "X": X, "y": y, "step_size": 0.1, "epochs": 1,
             "batch_size": 10, "rng": rng} | change
    with pytest.raises(ValueError, match=sentence):
        train.minibatch(**given)

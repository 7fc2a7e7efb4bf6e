"""Models linear in theta: gradient and Hessian are the slopes of the loss."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from lib import data, linear, train
from lib.activations import sigmoid
from lib.gradcheck import check_gradient, compare, numerical_gradient

LABELS = np.array([0, 1, 1, 0, 1, 0, 0, 1])
MODELS = {                                               # name: (loss, gradient, Hessian, y, further arguments)
    "logistic": (linear.logistic_loss, linear.logistic_grad, linear.logistic_hessian, LABELS, (0.0,)),
    "logistic with penalty": (linear.logistic_loss, linear.logistic_grad, linear.logistic_hessian, LABELS, (0.3,)),
    "least squares": (linear.least_squares_loss, linear.least_squares_grad, linear.least_squares_hessian,
                      LABELS - 0.5, ()),
}
each = pytest.mark.parametrize("name", MODELS)


def test_values_by_hand():
    X, theta = np.array([[1.0], [3.0]]), np.zeros(2)
    assert linear.logistic_loss(theta, X, np.array([0, 1])) == pytest.approx(np.log(2))
    assert linear.logistic_grad(theta, X, np.array([0, 1])).tolist() == [0.0, -0.5]
    assert linear.logistic_hessian(theta, X, np.array([0, 1])).tolist() == [[0.25, 0.5], [0.5, 1.25]]
    assert linear.least_squares_loss(np.array([1.0, 1.0]), X, np.array([2.0, 2.0])) == 1.0
    assert linear.least_squares_grad(np.array([1.0, 1.0]), X, np.array([2.0, 2.0])).tolist() == [1.0, 3.0]
    assert linear.least_squares_hessian(theta, X, np.zeros(2)).tolist() == [[1.0, 2.0], [2.0, 5.0]]
    assert linear.predict(np.array([-2.0, 1.0]), np.array([[1.0], [2.0], [3.0]])).tolist() == [0, 0, 1]
    assert linear.predict_proba(np.array([-2.0, 1.0]), np.array([[2.0]])).tolist() == [0.5]


@each
def test_the_gradient_is_the_slope(name, rng):
    loss, grad, _, y, more = MODELS[name]
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    report = check_gradient(lambda t: loss(t, X, y, *more), lambda t: grad(t, X, y, *more), theta)
    assert report.ok, report
    assert not check_gradient(lambda t: loss(t, X, y, *more), lambda t: 1.001 * grad(t, X, y, *more), theta).ok


@each
def test_the_hessian_is_the_slope_of_the_gradient(name, rng):
    _, grad, hessian, y, more = MODELS[name]
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    H = hessian(theta, X, y, *more)
    for j in range(4):
        assert compare(H[j], numerical_gradient(lambda t: grad(t, X, y, *more)[j], theta)).ok        # noqa: B023
    assert H == pytest.approx(H.T) and np.linalg.eigvalsh(H).min() > 0


def test_the_bias_is_not_penalised(rng):
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    gap = linear.logistic_grad(theta, X, LABELS, 0.3) - linear.logistic_grad(theta, X, LABELS)
    assert gap == pytest.approx(np.append(0.0, 0.6 * theta[1:]))


def test_the_curvature_bound_of_the_docstring(rng):
    X = rng.standard_normal((8, 3))
    bound = np.linalg.eigvalsh(linear.least_squares_hessian(np.zeros(4), X, np.zeros(8))).max() / 4
    for scale in (0.0, 1.0, 10.0):
        H = linear.logistic_hessian(scale * rng.standard_normal(4), X, LABELS)
        assert np.linalg.eigvalsh(H).max() <= bound * (1 + 1e-12)


def test_the_gradient_vanishes_where_scikit_learn_stops(rng):
    X = rng.standard_normal((60, 3))
    y = (X @ [1.0, -2.0, 0.5] + rng.standard_normal(60) > 0).astype(int)
    model = LogisticRegression(C=1 / (2 * 60 * 0.1), tol=1e-10, max_iter=1000).fit(X, y)     # C = 1 / (2 n λ)
    theta = np.append(model.intercept_, model.coef_)
    assert linear.logistic_grad(theta, X, y, 0.1) == pytest.approx(np.zeros(4), abs=1e-6)
    assert (linear.predict(theta, X) == model.predict(X)).all()
    line = LinearRegression().fit(X, y)
    theta = np.append(line.intercept_, line.coef_)
    assert linear.least_squares_grad(theta, X, y.astype(float)) == pytest.approx(np.zeros(4), abs=1e-12)


def test_extremes_do_not_overflow(strict):
    X, y, theta = np.array([[1e3], [-1e3]]), np.array([0, 1]), np.array([0.0, 1e3])
    assert linear.logistic_loss(theta, X, y) == 1e6
    assert linear.logistic_grad(theta, X, y).tolist() == [0.0, 1e3]
    assert linear.logistic_hessian(theta, X, y).tolist() == [[0.0, 0.0], [0.0, 0.0]]


@each
def test_bad_input_is_named(name, rng):
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    *functions, y, more = MODELS[name]
    for f in functions:
        with pytest.raises(ValueError, match=r"theta has shape \(3,\), expected \(d\+1,\) with d = 3 from X"):
            f(theta[1:], X, y, *more)
        with pytest.raises(ValueError, match=r"y has shape \(7,\), expected \(n,\) with n = 8"):
            f(theta, X, y[1:], *more)
        with pytest.raises(TypeError, match="y has dtype"):
            f(theta, X, y.astype(float if y.dtype == int else int), *more)
        if more:
            with pytest.raises(ValueError, match="lam = -1"):
                f(theta, X, y, -1)


CLASSES = np.array([0, 2, 1, 1, 2, 0, 2, 1])


def newton(X, y, k, lam):
    """Softmax regression solved: a shift of all biases is the direction that the loss ignores."""
    u = np.repeat([1.0, 0.0], [k, k * X.shape[1]])
    return train.newton(lambda T: linear.softmax_loss(T, X, y, lam), lambda T: linear.softmax_grad(T, X, y, lam),
                        lambda T: linear.softmax_hessian(T, X, y, lam) + np.outer(u, u), np.zeros((X.shape[1] + 1, k)))


def test_softmax_regression_by_hand():
    X, y, Theta = np.array([[1.0], [3.0]]), np.array([0, 1]), np.zeros((2, 2))
    assert linear.scores(np.array([[1.0, -1.0], [2.0, 0.0]]), X).tolist() == [[3.0, -1.0], [7.0, -1.0]]
    assert linear.softmax_loss(Theta, X, y) == pytest.approx(np.log(2))
    assert linear.softmax_grad(Theta, X, y).tolist() == [[0.0, 0.0], [0.5, -0.5]]
    assert linear.softmax_hessian(Theta, X, y) == pytest.approx(np.kron([[1, 2], [2, 5]], [[0.25, -0.25], [-0.25, 0.25]]))
    assert linear.softmax_predict_proba(Theta, X).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert linear.softmax_predict(Theta, X).tolist() == [0, 0]                                   # a tie


@pytest.mark.parametrize("lam", [0.0, 0.3])
def test_derivatives_of_softmax_regression_are_slopes(lam, rng):
    X, Theta = rng.standard_normal((8, 2)), rng.standard_normal((3, 3))
    assert set(CLASSES) == {0, 1, 2}
    loss, grad = (lambda T, f=f: f(T, X, CLASSES, lam) for f in (linear.softmax_loss, linear.softmax_grad))
    report = check_gradient(loss, grad, Theta)
    assert report.ok, report
    assert not check_gradient(loss, lambda T: 1.001 * grad(T), Theta).ok
    H = linear.softmax_hessian(Theta, X, CLASSES, lam)
    for row, at in zip(H, np.ndindex(Theta.shape), strict=True):
        assert compare(row.reshape(Theta.shape), numerical_gradient(lambda T: grad(T)[at], Theta)).ok     # noqa: B023
    assert pytest.approx(H.T) == H and np.linalg.eigvalsh(H).min() > -1e-12
    together = linear.softmax_loss_and_grad(Theta, X, CLASSES, lam)
    assert together[0] == loss(Theta) and (together[1] == grad(Theta)).all()


def test_identities_of_softmax_regression(rng):
    X, Theta, shift = rng.standard_normal((8, 2)), rng.standard_normal((3, 3)), rng.standard_normal((3, 1))
    assert linear.scores(Theta, X) == pytest.approx(np.hstack([np.ones((8, 1)), X]) @ Theta)
    assert linear.softmax_predict_proba(Theta + shift, X) == pytest.approx(linear.softmax_predict_proba(Theta, X))
    assert linear.softmax_grad(Theta, X, CLASSES).sum(axis=1) == pytest.approx(np.zeros(3), abs=1e-15)
    H, along = linear.softmax_hessian(Theta, X, CLASSES), np.repeat(shift, 3)
    assert pytest.approx(np.zeros(9), abs=1e-14) == H @ along
    gap = linear.softmax_grad(Theta, X, CLASSES, 0.3) - linear.softmax_grad(Theta, X, CLASSES)
    assert gap == pytest.approx(0.6 * np.vstack([np.zeros((1, 3)), Theta[1:]]))


def test_two_classes_are_logistic_regression(rng):
    X, theta = rng.standard_normal((8, 3)), rng.standard_normal(4)
    Theta = np.column_stack([np.zeros(4), theta])
    assert linear.softmax_loss(Theta, X, LABELS) == pytest.approx(linear.logistic_loss(theta, X, LABELS))
    assert linear.softmax_grad(Theta, X, LABELS)[:, 1] == pytest.approx(linear.logistic_grad(theta, X, LABELS))
    H = linear.softmax_hessian(Theta, X, LABELS).reshape(4, 2, 4, 2)[:, 1, :, 1]
    assert pytest.approx(linear.logistic_hessian(theta, X, LABELS)) == H
    assert (linear.softmax_predict(Theta, X) == linear.predict(theta, X)).all()


def test_the_optimum_is_the_one_of_scikit_learn():
    iris, lam = data.iris(), 0.01
    X, y = iris.X_train, iris.y_train
    history = newton(X, y, 3, lam)
    assert history.gradient_norms[-1] <= 1e-10 and history.steps < 15
    model = LogisticRegression(C=1 / (2 * len(X) * lam), tol=1e-12, max_iter=10_000).fit(X, y)
    theirs = np.vstack([model.intercept_, model.coef_.T])
    ours = history.theta - history.theta.mean(axis=1, keepdims=True)                     # remove the shift freedom
    assert ours == pytest.approx(theirs - theirs.mean(axis=1, keepdims=True), abs=1e-6)
    assert (linear.softmax_predict(ours, iris.X_test) == model.predict(iris.X_test)).all()


def test_newton_solves_the_logistic_neuron(rng):
    X = rng.standard_normal((60, 3))
    y = (X @ [1.0, -2.0, 0.5] + rng.standard_normal(60) > 0).astype(int)
    history = train.newton(*(lambda t, f=f: f(t, X, y, 0.01) for f in
                             (linear.logistic_loss, linear.logistic_grad, linear.logistic_hessian)), np.zeros(4))
    assert history.gradient_norms[-1] <= 1e-10 and history.steps < 10
    assert linear.logistic_grad(history.theta, X, y, 0.01) == pytest.approx(np.zeros(4), abs=1e-10)


def test_one_vs_rest_asks_each_class_against_all_others():
    X, asked = np.arange(4.0)[:, None], []
    Theta = linear.one_vs_rest(X, np.array([2, 0, 1, 2]), 3, lambda X, y: asked.append(y) or np.array([len(asked), 0.5]))
    assert [y.tolist() for y in asked] == [[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]] and asked[0].dtype == int
    assert Theta.tolist() == [[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]]
    assert (linear.softmax_predict(Theta, X) == 2).all()


def test_one_vs_one_asks_every_pair_and_counts_the_votes():
    X, asked = np.arange(4.0)[:, None], []
    linear.one_vs_one(X, np.array([2, 0, 1, 2]), 3, lambda X, y: asked.append((X[:, 0].tolist(), y.tolist())))
    assert asked == [([1.0, 2.0], [0, 1]), ([0.0, 1.0, 3.0], [1, 0, 1]), ([0.0, 2.0, 3.0], [1, 0, 1])]
    thetas = {(0, 1): np.array([0.0, 1.0]), (0, 2): np.array([-2.0, 1.0]), (1, 2): np.array([2.5, -1.0])}
    votes = linear.one_vs_one_votes(thetas, X, 3)
    assert votes.tolist() == [[2, 0, 1], [1, 1, 1], [1, 1, 1], [0, 2, 1]] and votes.dtype == int
    assert linear.one_vs_one_predict(thetas, X, 3).tolist() == [0, 0, 0, 1]              # ties: the smallest label


def test_one_vs_rest_and_one_vs_one_learn_iris():
    iris = data.iris()

    def fit(X, y):
        return train.newton(*(lambda t, f=f: f(t, X, y, 0.01) for f in
                              (linear.logistic_loss, linear.logistic_grad, linear.logistic_hessian)), np.zeros(5)).theta

    Theta = linear.one_vs_rest(iris.X_train, iris.y_train, 3, fit)
    thetas = linear.one_vs_one(iris.X_train, iris.y_train, 3, fit)
    assert set(thetas) == {(0, 1), (0, 2), (1, 2)}
    total = sigmoid(linear.scores(Theta, iris.X_test)).sum(axis=1)
    assert 0 < total.min() < 1 < total.max() < 3                                         # not a distribution
    theirs = OneVsRestClassifier(LogisticRegression(C=1 / (2 * len(iris.X_train) * 0.01))).fit(iris.X_train, iris.y_train)
    assert (linear.softmax_predict(Theta, iris.X_test) == theirs.predict(iris.X_test)).all()
    assert np.mean(linear.one_vs_one_predict(thetas, iris.X_test, 3) == iris.y_test) > 0.9


def test_extreme_scores_do_not_overflow(strict):
    X, y, Theta = np.array([[1e3], [-1e3]]), np.array([0, 1]), np.array([[0.0, 0.0], [-1e3, 1e3]])
    assert linear.softmax_loss(Theta, X, y) == 2e6
    assert linear.softmax_grad(Theta, X, y).tolist() == [[0.0, 0.0], [-1e3, 1e3]]
    assert (linear.softmax_hessian(Theta, X, y) == 0.0).all()


@pytest.mark.parametrize("f", [linear.softmax_loss, linear.softmax_grad, linear.softmax_loss_and_grad,
                               linear.softmax_hessian])
def test_bad_input_of_softmax_regression_is_named(f, rng):
    X, Theta = rng.standard_normal((8, 2)), rng.standard_normal((3, 3))
    with pytest.raises(ValueError, match=r"Theta has shape \(2, 3\), expected \(d\+1, k\) with d = 2 from X"):
        f(Theta[1:], X, CLASSES)
    with pytest.raises(ValueError, match=r"y has shape \(7,\), expected \(n,\) with n = 8"):
        f(Theta, X, CLASSES[1:])
    with pytest.raises(TypeError, match="y has dtype float64"):
        f(Theta, X, CLASSES.astype(float))
    with pytest.raises(ValueError, match="lam = -1"):
        f(Theta, X, CLASSES, -1)


@pytest.mark.parametrize("build", [linear.one_vs_rest, linear.one_vs_one])
def test_labels_beyond_k_are_named(build):
    with pytest.raises(ValueError, match=r"y\[1\] = 2 is not a label; with k = 2 classes labels run 0..1"):
        build(np.ones((2, 1)), np.array([0, 2]), 2, lambda X, y: np.zeros(2))

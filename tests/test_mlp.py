"""Networks: a pass by hand, and every gradient the slope of its loss."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from lib import linear, losses, mlp
from lib.activations import ACTIVATIONS, output_and_slope, sigmoid, softmax
from lib.gradcheck import check_gradient
from lib.shapes import one_hot

TARGETS = {"linear": np.array([[1.0, -2.0, 0.5], [0.0, 1.5, -1.0], [2.0, 0.25, 1.0], [-1.0, -1.0, 3.0]]),
           "sigmoid": np.array([0, 1, 1, 0]), "softmax": np.array([0, 2, 1, 2])}
OUTPUTS = {"linear": 3, "sigmoid": 1, "softmax": 3}
SMOOTH = [name for name in ACTIVATIONS if name != "step"]
each_hidden = pytest.mark.parametrize("hidden", SMOOTH)
each_head = pytest.mark.parametrize("head", mlp.HEADS)


def network(rng, hidden="sigmoid", head="softmax"):
    """A network 4–5–3–k with biases that are not zero."""
    net = mlp.init((4, 5, 3, OUTPUTS[head]), rng, hidden, head)
    return mlp.unpack(net, mlp.pack(net) + 0.1 * rng.standard_normal(net.parameter_count))


def test_every_head_has_targets():
    assert TARGETS.keys() == OUTPUTS.keys() == mlp.HEADS.keys()


def tiny(hidden="relu", head="linear"):
    """2–2–1: z₁ = (x₁ + 2x₂, x₁ − x₂ − 1), z₂ = 3a₁ − a₂ + ½."""
    return mlp.Network({1: np.array([[1.0, 1.0], [2.0, -1.0]]), 2: np.array([[3.0], [-1.0]])},
                       {1: np.array([0.0, -1.0]), 2: np.array([0.5])}, hidden, head)


def test_a_pass_by_hand():
    net, X, y = tiny(), np.array([[1.0, 1.0], [4.0, 1.0]]), np.array([[8.5], [20.5]])
    Z, A = mlp.forward(net, X)[1:]
    assert {l: part.tolist() for l, part in Z.items()} == {1: [[3.0, -1.0], [6.0, 2.0]], 2: [[9.5], [16.5]]}
    assert {l: part.tolist() for l, part in A.items()} == {0: X.tolist(), 1: [[3.0, 0.0], [6.0, 2.0]], 2: [[9.5], [16.5]]}
    assert mlp.loss(net, X, y) == (1 + 16) / 4
    dW, db, dZ = mlp.backward(net, mlp.forward(net, X), y)                     # dz₂ = (0.5, −2)
    assert {l: part.tolist() for l, part in dZ.items()} == {2: [[0.5], [-2.0]], 1: [[1.5, 0.0], [-6.0, 2.0]]}
    assert {l: part.tolist() for l, part in dW.items()} == {2: [[-10.5], [-4.0]], 1: [[-22.5, 8.0], [-4.5, 2.0]]}
    assert {l: part.tolist() for l, part in db.items()} == {2: [-1.5], 1: [-4.5, 2.0]}
    assert mlp.predict(net, X).tolist() == [[9.5], [16.5]]


def test_the_penalty_by_hand():
    net, X, y = tiny(), np.array([[1.0, 1.0]]), np.array([[9.5]])              # no error: only the penalty is left
    assert mlp.loss(net, X, y, 0.5) == mlp.loss_and_grad(net, X, y, 0.5)[0] == 0.5 * (1 + 1 + 4 + 1 + 9 + 1)
    gradients = mlp.backward(net, mlp.forward(net, X), y, 0.5)
    assert all((gradients.dW[l] == net.W[l]).all() and (gradients.db[l] == 0.0).all() for l in net.W)


def test_what_a_network_says_of_itself():
    net = mlp.init((64, 32, 10), np.random.default_rng(7), "tanh")
    assert (net.widths, net.depth, net.parameter_count) == ((64, 32, 10), 2, 65 * 32 + 33 * 10)
    assert str(net) == "64–32–10, tanh hidden, softmax head"


@each_hidden
@each_head
@pytest.mark.parametrize("lam", [0.0, 0.3])
def test_the_gradient_is_the_slope(hidden, head, lam, rng):
    net, X, y = network(rng, hidden, head), rng.standard_normal((4, 4)), TARGETS[head]

    def loss(vector):
        return mlp.loss(mlp.unpack(net, vector), X, y, lam)

    def grad(vector):
        moved = mlp.unpack(net, vector)
        return mlp.pack(mlp.backward(moved, mlp.forward(moved, X), y, lam))

    report = check_gradient(loss, grad, mlp.pack(net))
    assert report.ok, report
    assert not check_gradient(loss, lambda vector: 1.001 * grad(vector), mlp.pack(net)).ok
    value, together = mlp.loss_and_grad(net, X, y, lam)
    assert value == pytest.approx(loss(mlp.pack(net))) and mlp.pack(together) == pytest.approx(grad(mlp.pack(net)))


@each_head
def test_delta_is_the_slope_by_the_scores_and_leads_back_to_x(head, rng):
    net, X, y = network(rng, "tanh", head), rng.standard_normal((4, 4)), TARGETS[head]
    trace = mlp.forward(net, X)
    gradients = mlp.backward(net, trace, y)
    row = mlp.HEADS[head]
    assert check_gradient(lambda Z: row.loss(Z, y), lambda Z: gradients.dZ[3], trace.Z[3]).ok
    Y = {"linear": y, "sigmoid": y.reshape(-1, 1), "softmax": one_hot(y, 3) if head == "softmax" else None}[head]
    assert gradients.dZ[3] == pytest.approx((trace.A[3] - Y) / 4)             # every head: (its output − y)/n
    value, dZ = row.loss_and_grad(trace.Z[3], y)
    assert value == pytest.approx(row.loss(trace.Z[3], y)) and dZ == pytest.approx(row.loss_grad(trace.Z[3], y))
    assert check_gradient(lambda X: mlp.loss(net, X, y), lambda X: gradients.dZ[1] @ net.W[1].T, X).ok
    assert {l: part.shape for l, part in gradients.dZ.items()} == {l: part.shape for l, part in trace.Z.items()}


@each_hidden
def test_the_slope_from_the_output_is_the_slope(hidden):
    f, slope = output_and_slope(hidden)
    z = np.linspace(-40.0, 40.0, 801)
    assert (f(z) == ACTIVATIONS[hidden].f(z)).all()
    np.testing.assert_allclose(slope(z, f(z)), ACTIVATIONS[hidden].df(z), rtol=0, atol=1e-15)


def test_the_forward_pass_is_the_equation(rng):
    X, net = rng.standard_normal((6, 4)), network(rng)
    trace = mlp.forward(net, X)
    assert trace.net is net and trace.A[0] is X
    A1 = sigmoid(X @ net.W[1] + net.b[1])
    A2 = sigmoid(A1 @ net.W[2] + net.b[2])
    assert trace.A[3] == pytest.approx(softmax(A2 @ net.W[3] + net.b[3]))
    assert (mlp.predict(net, X) == trace.A[3].argmax(axis=1)).all()
    with pytest.raises(KeyError):
        trace.A[-1]


def test_the_sigmoid_head_decides_at_one_half():
    net = mlp.Network({1: np.array([[1.0]])}, {1: np.array([0.0])}, head="sigmoid")
    assert mlp.predict(net, np.array([[-1.0], [0.0], [2.0]])).tolist() == [0, 0, 1]
    assert mlp.forward(net, np.array([[np.log(3.0)]])).A[1] == pytest.approx(np.array([[0.75]]))


def test_without_a_hidden_layer_it_is_softmax_regression(rng):
    X, y, Theta = rng.standard_normal((6, 4)), np.array([0, 2, 1, 2, 0, 1]), rng.standard_normal((5, 3))
    value, (dW, db, _) = mlp.loss_and_grad(mlp.Network({1: Theta[1:]}, {1: Theta[0]}), X, y, 0.1)
    assert value == pytest.approx(linear.softmax_loss(Theta, X, y, 0.1))
    assert np.vstack([db[1], dW[1]]) == pytest.approx(linear.softmax_grad(Theta, X, y, 0.1))


def test_identity_layers_collapse_to_one(rng):
    net, X = network(rng, "identity", "linear"), rng.standard_normal((6, 4))
    W = net.W[1] @ net.W[2] @ net.W[3]
    b = (net.b[1] @ net.W[2] + net.b[2]) @ net.W[3] + net.b[3]
    assert mlp.predict(net, X) == pytest.approx(X @ W + b)


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu"])
def test_equal_hidden_units_stay_equal(hidden, rng):
    net = mlp.init((4, 5, 3), rng, hidden, scale=0.0)
    assert (mlp.pack(net) == 0.0).all()
    X, y, vector = rng.standard_normal((12, 4)), rng.integers(0, 3, 12), np.full(net.parameter_count, 0.3)
    for _ in range(20):
        moved = mlp.unpack(net, vector)
        vector = vector - 0.5 * mlp.pack(mlp.loss_and_grad(moved, X, y)[1])
    W1, W2 = mlp.unpack(net, vector).W.values()
    assert pytest.approx(W1[:, :1] * np.ones(5)) == W1 and pytest.approx(np.ones((5, 1)) * W2[:1]) == W2
    assert np.ptp(W1[:, 0]) > 1e-3 and np.ptp(W2[0]) > 1e-3                    # it did learn something


@pytest.mark.parametrize(("hidden", "variance"), [("relu", 2 / 400), ("leaky_relu", 2 / 400), ("softplus", 2 / 400),
                                                  ("sigmoid", 2 / 700), ("tanh", 2 / 700), ("identity", 2 / 700)])
def test_the_rule_for_the_first_weights(hidden, variance):
    net = mlp.init((400, 300, 2), np.random.default_rng(7), hidden)
    assert net.W[1].var() == pytest.approx(variance, rel=0.02) and abs(net.W[1].mean()) < 1e-3
    assert not net.b[1].any() and not net.b[2].any()
    scaled = mlp.init((400, 300, 2), np.random.default_rng(7), hidden, scale=0.5)
    assert scaled.W[1].std() == pytest.approx(0.5, rel=0.01)


def test_the_gradient_is_the_one_of_scikit_learn(rng):
    X, y, net = rng.standard_normal((8, 4)), np.array([0, 1, 2, 0, 1, 2, 2, 1]), network(rng)
    model = MLPClassifier((5, 3), activation="logistic", solver="sgd", alpha=2 * 8 * 0.1, batch_size=8)   # α = 2nλ
    model.partial_fit(X, y, classes=np.arange(3))
    model.coefs_, model.intercepts_ = ([part[l].copy() for l in net.W] for part in (net.W, net.b))
    buffers = [X, *(np.empty((8, d)) for d in (5, 3, 3))], [np.empty((8, d)) for d in (5, 3, 3)], *(
        [np.empty_like(part) for part in parts] for parts in (model.coefs_, model.intercepts_))
    theirs, coefs, intercepts = model._backprop(X, one_hot(y, 3), None, *buffers)
    value, (dW, db, _) = mlp.loss_and_grad(net, X, y, 0.1)
    assert value == pytest.approx(theirs)
    for l in net.W:
        assert dW[l] == pytest.approx(coefs[l - 1]) and db[l] == pytest.approx(intercepts[l - 1])


def test_unpack_undoes_pack_and_shares_memory(rng):
    net = network(rng)
    vector = mlp.pack(net)
    assert vector[:20].tolist() == net.W[1].ravel().tolist() and vector[20:25].tolist() == net.b[1].tolist()
    again = mlp.unpack(net, vector)
    assert (mlp.pack(again) == vector).all() and (again.hidden, again.head) == (net.hidden, net.head)
    vector += 1.0
    assert (again.W[2] == net.W[2] + 1.0).all() and (again.b[3] == net.b[3] + 1.0).all()


def test_nothing_is_changed_and_twice_is_the_same(rng):
    net, X, y = network(rng), rng.standard_normal((4, 4)), TARGETS["softmax"]
    before, trace = mlp.pack(net), mlp.forward(net, X)
    first, second = (mlp.pack(mlp.backward(net, trace, y, 0.1)) for _ in range(2))
    assert (first == second).all() and (mlp.pack(net) == before).all()


def test_extremes_do_not_overflow(strict):
    net = mlp.Network({1: np.array([[1e3]]), 2: np.array([[1e3, -1e3]])}, {1: np.zeros(1), 2: np.zeros(2)})
    value, gradients = mlp.loss_and_grad(net, np.array([[1.0], [-1.0]]), np.array([1, 0]))
    assert value == pytest.approx(1000 + np.log(2) / 2) and np.isfinite(mlp.pack(gradients)).all()


def test_a_foreign_trace_is_named(rng):
    net, X, y = network(rng), rng.standard_normal((4, 4)), TARGETS["softmax"]
    with pytest.raises(ValueError, match="backward: the trace is of a network 4–2–3, sigmoid hidden, softmax head, "
                                         "expected one of 4–5–3–3, sigmoid hidden, softmax head"):
        mlp.backward(net, mlp.forward(mlp.init((4, 2, 3), rng), X), y)
    with pytest.raises(ValueError, match="4–5–3–3, tanh hidden.*expected one of 4–5–3–3, sigmoid"):
        mlp.backward(net, mlp.forward(network(rng, "tanh"), X), y)
    with pytest.raises(ValueError, match="backward: the trace was computed with other weights; call forward"):
        mlp.backward(net, mlp.forward(network(rng), X), y)
    same = mlp.unpack(net, mlp.pack(net))
    assert mlp.pack(mlp.backward(same, mlp.forward(net, X), y)).any()          # equal weights will do


@pytest.mark.parametrize("call", [mlp.loss, mlp.loss_and_grad,
                                  lambda net, X, y, *lam: mlp.backward(net, mlp.forward(net, X), y, *lam)])
def test_bad_targets_are_named(call, rng):
    X = rng.standard_normal((4, 4))
    with pytest.raises(ValueError, match=r"softmax_cross_entropy: y\[1\] = 3 is not a label; .* labels run 0..2"):
        call(network(rng), X, np.array([0, 3, 1, 1]))
    with pytest.raises(ValueError, match=r"y\[0\] = -1 is not a label"):
        call(network(rng), X, np.array([-1, 2, 1, 1]))
    with pytest.raises(ValueError, match=r"binary_cross_entropy\w*: y\[3\] = 2 is not a label; with k = 2"):
        call(network(rng, head="sigmoid"), X, np.array([0, 1, 1, 2]))
    with pytest.raises(ValueError, match=r": y has shape \(4, 3\), a softmax head expects \(n\), n = 4"):
        call(network(rng), X, TARGETS["linear"])
    with pytest.raises(ValueError, match=r": y has shape \(4,\), a linear head expects \(n, k\), n = 4"):
        call(network(rng, head="linear"), X, TARGETS["softmax"])
    with pytest.raises(ValueError, match=r"y has shape \(4, 2\), expected \(n, k\) with n = 4 from yhat and k = 3"):
        call(network(rng, head="linear"), X, TARGETS["linear"][:, :2])
    with pytest.raises(ValueError, match=r"y has shape \(3,\), expected \(n,\) with n = 4 from [XZ]"):
        call(network(rng), X, np.array([0, 1, 2]))
    with pytest.raises(ValueError, match="lam = -1, expected a number that is zero or positive"):
        call(network(rng), X, TARGETS["softmax"], -1)


def test_a_bad_network_is_named(rng):
    W, b = {1: np.ones((3, 4)), 2: np.ones((4, 2))}, {1: np.zeros(4), 2: np.zeros(2)}
    for change, sentence in [
            ({"W": W | {2: np.ones((5, 2))}}, r"Network: W\[2\] has shape \(5, 2\), expected \(d1, d2\) with d1 = 4"),
            ({"b": b | {2: np.zeros(3)}}, r"Network: b\[2\] has shape \(3,\), expected \(d2,\) with d2 = 2 from W\[2\]"),
            ({"b": {1: np.zeros(4)}}, r"Network: W has layers \[1, 2\], b has \[1\], expected 1..L in both"),
            ({"W": {}, "b": {}}, r"Network: W has layers \[\], b has \[\], expected 1..L in both"),
            ({"W": {0: W[1], 1: W[2]}, "b": {0: b[1], 1: b[2]}}, r"Network: W has layers \[0, 1\]"),
            ({"hidden": "sigmod"}, r"Network: hidden = 'sigmod' is unknown; did you mean 'sigmoid'\? expected one of ident"),
            ({"head": "sofmax"}, r"Network: head = 'sofmax' is unknown; did you mean 'softmax'\? expected one of linear, s"),
            ({"head": "zzz"}, "Network: head = 'zzz' is unknown; expected one of linear, sigmoid, softmax"),
            ({"head": "sigmoid"}, r"Network: W\[2\] has 2 columns; a sigmoid head has one output")]:
        with pytest.raises(ValueError, match=sentence):
            mlp.Network(**({"W": W, "b": b} | change))
    net = mlp.Network(W, b)
    with pytest.raises(ValueError, match=r"forward: X has shape \(5, 4\), expected \(n, d\) with d = 3 from W\[1\]"):
        mlp.forward(net, np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"forward: X\[0, 1\] is nan"):
        mlp.predict(net, np.array([[0.0, np.nan, 1.0]]))
    with pytest.raises(ValueError, match=r"unpack: vector has shape \(25,\), expected \(26,\)"):
        mlp.unpack(net, np.ones(25))
    with pytest.raises(ValueError, match=r"init: widths\[1\] = 0, expected a whole number"):
        mlp.init((3, 0, 2), rng)
    with pytest.raises(ValueError, match="init: scale = -1, expected a number that is zero or positive"):
        mlp.init((3, 2), rng, scale=-1)
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        mlp.init((3, 2), rng, hidden="relo")


def test_heads_are_the_losses_of_the_book():
    assert mlp.HEADS["linear"].loss is losses.squared_error and mlp.HEADS["softmax"].loss is losses.softmax_cross_entropy

"""The engine: gradients by hand and by slope, the models of the book once more, and what it must survive or refuse."""

import numpy as np
import pytest

from lib import graph, linear, losses, mlp, residual
from lib.gradcheck import check_gradient
from lib.graph import apply, backward, constant, depth_first_order, leaf, sweep, to_records, topological
from lib.ops import OPS, Op


def test_a_graph_by_hand():
    x, y, z = leaf(-2.0, "x"), leaf(5.0, "y"), leaf(-4.0, "z")
    q = x + y
    L = q * z
    assert L.value == -12.0
    assert backward(L) == {L: 1.0, q: -4.0, z: 3.0, x: -4.0, y: -4.0}


def test_every_operator_by_hand():
    a, b = leaf(3.0), leaf(2.0)
    for L, value, da, db in [(a + b, 5, 1, 1), (a - b, 1, 1, -1), (a * b, 6, 2, 3), (a / b, 1.5, 0.5, -0.75),
                             (5 + a, 8, 1, None), (5 - a, 2, -1, None), (5 * a, 15, 5, None), (6 / a, 2, -2 / 3, None),
                             (-a, -3, -1, None), (a**2, 9, 6, None), (a * a, 9, 6, None), (a - a, 0, 0, None)]:
        grads = backward(L)
        assert (L.value, grads[a], grads.get(b)) == pytest.approx((value, da, db))


def test_every_function_has_its_row():
    Z = leaf(np.array([[0.5, 1.5], [1.0, 2.0]]))
    for name in "exp log sqrt tanh sigmoid log_sigmoid softplus relu copy log_softmax".split():
        node = getattr(graph, name)(Z)
        assert node.op == name and (node.value == OPS[name].f(Z.value)).all()
    assert graph.maximum(Z, 1.0).value.min() == 1.0 and graph.minimum(1.0, Z).value.max() == 1.0


def test_the_gradient_is_the_slope_through_every_way_of_building(rng):
    b, Y = rng.standard_normal(3), rng.standard_normal((4, 3))

    def loss(X):
        H = graph.tanh(X @ leaf(Y).T + rows) * 2 - X[:, :1] / 3
        return (graph.log_softmax(H)[np.arange(4), [0, 1, 0, 2]] ** 2).mean() + (b * X).sum(axis=0)[1] \
            + apply("reshape", X.mean(axis=1), shape=(2, 2)).sum() + (np.eye(4) @ X).mean()

    rows = rng.standard_normal((1, 4))
    for X in rng.standard_normal((3, 4, 3)):
        def grad(X):
            node = leaf(X)
            return backward(loss(node))[node]

        assert check_gradient(lambda X: loss(leaf(X)).value, grad, X).ok
        assert not check_gradient(lambda X: loss(leaf(X)).value, lambda X: 1.001 * grad(X), X).ok


def nets(widths=(4, 5, 3)):
    rng = np.random.default_rng(3)
    net = mlp.init(widths, rng)
    return mlp.unpack(net, mlp.pack(net) + 0.1 * rng.standard_normal(net.parameter_count)), rng


@pytest.mark.parametrize("widths", [(4, 3), (4, 5, 3), (4, 6, 5, 3)])
def test_it_is_the_network_of_lib(widths):
    net, rng = nets(widths)
    X, y, lam = rng.standard_normal((7, 4)), rng.integers(0, 3, 7), 0.05
    W, b = ({l: leaf(part) for l, part in parts.items()} for parts in (net.W, net.b))
    A = constant(X)
    for l in W:
        Z = A @ W[l] + b[l]
        A = graph.sigmoid(Z)
    L = -graph.log_softmax(Z)[np.arange(7), y].mean() + lam * sum((W[l] ** 2).sum() for l in W)
    grads, (value, expected) = backward(L), mlp.loss_and_grad(net, X, y, lam)
    assert L.value == pytest.approx(value, abs=1e-12)
    for l in W:
        np.testing.assert_allclose(grads[W[l]], expected.dW[l], rtol=0, atol=1e-12)
        np.testing.assert_allclose(grads[b[l]], expected.db[l], rtol=0, atol=1e-12)
    assert grads[Z] == pytest.approx(expected.dZ[len(W)], abs=1e-12)


def test_it_is_the_softmax_regression_of_lib(rng):
    X, y, Theta = rng.standard_normal((9, 4)), rng.integers(0, 3, 9), leaf(rng.standard_normal((5, 3)))
    Z = np.column_stack([np.ones(9), X]) @ Theta
    L = -graph.log_softmax(Z)[np.arange(9), y].mean() + 0.1 * (Theta[1:] ** 2).sum()
    value, expected = linear.softmax_loss_and_grad(Theta.value, X, y, 0.1)
    assert L.value == pytest.approx(value, abs=1e-12)
    np.testing.assert_allclose(backward(L)[Theta], expected, rtol=0, atol=1e-12)


def test_it_is_the_residual_block_of_lib(rng):
    W1, W2, X, T = (rng.standard_normal(shape) for shape in ((3, 3), (3, 2), (5, 3), (5, 2)))
    w1, w2, x = leaf(W1), leaf(W2), leaf(X)
    L = ((((graph.sigmoid(x @ w1) + x) @ w2) - T) ** 2).sum() / 10
    block = residual.Block(W1, W2)
    expected, grads = residual.backward(block, residual.forward(block, X), T), backward(L)
    assert L.value == pytest.approx(residual.loss(block, X, T), abs=1e-12)
    for node, gradient in ((w1, expected.dW1), (w2, expected.dW2), (x, expected.dX)):
        np.testing.assert_allclose(grads[node], gradient, rtol=0, atol=1e-12)


def test_log_sigmoid_gives_binary_cross_entropy(rng):
    z, y = leaf(rng.standard_normal(6)), np.array([0, 1, 1, 0, 1, 0])
    L = -(y * 1.0 * graph.log_sigmoid(z) + (1.0 - y) * graph.log_sigmoid(-z)).mean()
    assert L.value == pytest.approx(losses.binary_cross_entropy(z.value, y))
    assert backward(L)[z] == pytest.approx(losses.binary_cross_entropy_grad(z.value, y))


def shared():
    """A node that is used at two depths: a = eˣ, L = a (a + 1)."""
    x = leaf(0.5, "x")
    a = graph.exp(x)
    return x, a * (a + 1.0)


def test_the_plain_order_loses_a_path_through_a_shared_node():
    x, L = shared()
    right = 2 * np.exp(1.0) + np.exp(0.5)
    assert backward(L)[x] == pytest.approx(right)
    assert backward(L, order=depth_first_order(L))[x] == pytest.approx(right - np.exp(1.0))     # a moved on too early
    assert set(depth_first_order(L)) == set(topological(L)) and depth_first_order(L)[0] is L


def test_topological_order_puts_every_input_first():
    _, L = shared()
    order = topological(L)
    assert order[-1] is L and len(order) == len(set(order)) == 5
    assert all(order.index(parent) < order.index(node) for node in order for parent in node.parents)


def test_a_chain_of_20000_nodes():
    x = node = leaf(1.0)
    for _ in range(20_000):
        node = node + 0.5 * x
    assert backward(node)[x] == 10_001.0
    assert len(topological(node)) == len(depth_first_order(node)) == 60_001
    del node


def test_a_node_used_1000_times():
    x = leaf(np.array([1.0, 2.0]))
    total = constant(0.0)
    for _ in range(1000):
        total = total + x * x
    assert backward(total.sum())[x].tolist() == [2000.0, 4000.0]


def test_backward_twice_is_the_same():
    x = leaf(3.0, "x")
    L = x * x + x
    assert backward(L)[x] == backward(L)[x] == 7.0


def test_two_roots_of_one_graph_do_not_mix():
    x = leaf(3.0)
    a = x * x
    first, second = a + 1.0, a * 2.0
    assert (backward(first)[x], backward(second)[x], backward(first)[x]) == (6.0, 12.0, 6.0)


def test_gradients_that_share_an_array_do_not_disturb_each_other():
    a, b = leaf(np.ones(2)), leaf(np.ones(2))
    s = a + b                                         # sends one array to both
    grads = backward((s + a).sum())
    assert grads[a].tolist() == [2.0, 2.0] and grads[b].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        grads[b] *= 2.0


def test_nothing_that_changes_later_changes_the_gradient(rng):
    X, y = rng.standard_normal((3, 2)), np.array([0, 1, 0])
    W = leaf(np.ones((2, 2)))
    L = (X @ W)[np.arange(3), y].sum()
    before = backward(L)[W]
    X[:], y[:] = 0.0, 1
    assert (backward(L)[W] == before).all()
    data = np.ones(2)
    x = leaf(data)
    L = (x * x).sum()
    data[:] = 5.0
    assert backward(L)[x].tolist() == [2.0, 2.0]
    for node in (x, L.parents[0], W.T):
        with pytest.raises(ValueError, match="read-only"):
            node.value[0] = 5.0


def test_a_constant_is_sent_nothing_and_costs_nothing():
    W, sent = leaf(np.ones((2, 2))), []

    def left(g, y, A, B):
        sent.append("left")
        return g @ B.T

    ops = OPS | {"matmul": OPS["matmul"]._replace(vjp=graph.Pieces(left, OPS["matmul"].vjp.pieces[1]))}
    X = constant(np.ones((3, 2)), "X")
    L = (X @ W).sum()
    assert X not in backward(L, ops=ops) and not sent
    step = next(step for step in sweep(L, {L: np.float64(1)}) if step.node.op == "matmul")
    assert step.sent[0] is None and step.sent[1].shape == (2, 2)
    assert backward((leaf(np.ones((3, 2))) @ W).sum(), ops=ops) and sent == ["left"]


def test_the_steps_are_the_sweep():
    x = leaf(3.0, "x")
    L = (x * x) * 5.0
    grads = {L: np.float64(1.0)}
    steps = [(step.node.op, step.upstream, step.sent) for step in sweep(L, grads)]
    assert steps == [("mul", 1.0, (5.0, None)), ("mul", 5.0, (15.0, 15.0))]
    assert grads == backward(L)


def test_a_seed_takes_the_place_of_the_one(rng):
    A, B, G = leaf(rng.standard_normal((3, 2))), leaf(rng.standard_normal((2, 4))), rng.standard_normal((3, 4))
    Y = A @ B
    assert backward(Y, seed=G)[A] == pytest.approx(backward((Y * G).sum())[A])
    assert backward(A[0, 0] * 1.0, seed=2)[A][0, 0] == 2.0


def test_a_rule_of_ones_own():
    wrong = OPS | {"mul": OPS["mul"]._replace(vjp=lambda g, y, a, b: (g * a, g * b))}
    a, b = leaf(3.0), leaf(2.0)
    assert backward(a * b, ops=wrong)[a] == 3.0 and backward(a * b)[a] == 2.0
    ops = OPS | {"cube": Op("³", lambda a: a**3, lambda g, y, a: (3 * g * a**2,))}
    y = apply("cube", a, ops=ops)
    assert (y.value, backward(y, ops=ops)[a]) == (27.0, 27.0)
    with pytest.raises(ValueError, match="sweep: op = 'cube' is unknown"):
        backward(y)


def rule(name, vjp):
    return OPS | {name: OPS[name]._replace(vjp=vjp)}


A, B = np.ones((3, 2)), np.ones((2, 4))


@pytest.mark.parametrize(("call", "error", "sentence"), [
    (lambda: backward(leaf(A)), ValueError, r"backward: root has shape \(3, 2\); a gradient needs a scalar, or pass seed"),
    (lambda: backward(leaf(A), seed=B), ValueError, r"backward: root has shape \(3, 2\); the seed has shape \(2, 4\)"),
    (lambda: leaf(np.arange(3), "X"), TypeError, r"leaf: X has dtype int64, expected float64; write X\.astype\(float\)"),
    (lambda: leaf([1.0, 2.0]), TypeError, r"leaf: the value is a list, expected an array"),
    (lambda: leaf(np.array([1.0, np.nan])), ValueError, r"leaf: the value\[1\] is nan"),
    (lambda: leaf(float("nan"), "x"), ValueError, r"leaf: x is nan"),
    (lambda: leaf(leaf(1.0)), TypeError, r"leaf: the value is a node already"),
    (lambda: leaf(1.0) * np.arange(3), TypeError, r"constant: the value has dtype int64"),
    (lambda: leaf(A) @ leaf(A), ValueError, r"matmul of \(3, 2\) and \(3, 2\)"),
    (lambda: leaf(A) + leaf(B), ValueError, r"add of \(3, 2\) and \(2, 4\)"),
    (lambda: leaf(A)[3], IndexError, r"take of \(3, 2\): index 3 is out of bounds"),
    (lambda: leaf(2.0) ** leaf(2.0), TypeError, r"unsupported operand"),
    (lambda: apply("mull", leaf(1.0)), ValueError, r"apply: op = 'mull' is unknown; did you mean 'mul'\?"),
    (lambda: backward((leaf(A) @ leaf(B)).sum(), ops=rule("matmul", lambda g, y, a, b: (g @ b, a.T @ g))), ValueError,
     r"matmul"),
    (lambda: backward((leaf(A) @ leaf(B)).sum(), ops=rule("matmul", lambda g, y, a, b: (g @ b.T, g.T @ a))), ValueError,
     r"vjp of 'matmul', input 1: gradient has shape \(4, 2\), the input has shape \(2, 4\)"),
    (lambda: backward(graph.exp(leaf(A)).sum(), ops=rule("exp", lambda g, y, a: ((g * y).sum(),))), ValueError,
     r"vjp of 'exp', input 0: gradient has shape \(\), the input has shape \(3, 2\)"),
    (lambda: backward(leaf(1.0) * leaf(2.0), ops=rule("mul", lambda g, y, a, b: (g * b,))), ValueError,
     r"vjp of 'mul' returns 1 gradients, expected a tuple of 2, one per input"),
    (lambda: backward(leaf(1.0) * leaf(2.0), ops=rule("mul", lambda g, y, a, b: g * b)), ValueError,
     r"vjp of 'mul' returns a float64, expected a tuple of 2, one per input"),
    (lambda: backward(graph.exp(leaf(1.0)), ops=rule("exp", lambda g, y, a: (None,))), TypeError,
     r"vjp of 'exp', input 0: gradient is of type NoneType, expected float64"),
    (lambda: backward(graph.relu(leaf(A)).sum(), ops=rule("relu", lambda g, y, a: (a > 0,))), TypeError,
     r"vjp of 'relu', input 0: gradient is of type bool, expected float64"),
    (lambda: backward(graph.relu(leaf(A)).sum(), ops=rule("relu", lambda g, y, a: ((a > 0).astype(int),))), TypeError,
     r"vjp of 'relu', input 0: gradient is of type int64, expected float64"),
    (lambda: backward(graph.exp(leaf(A)).sum(), ops=rule("exp", lambda g, y, a: (np.multiply(g, y, out=g),))),
     ValueError, r"vjp of 'exp': output array is read-only"),
    (lambda: apply("sign", leaf(A), ops=OPS | {"sign": Op("sign", lambda a: a > 0, lambda g, y, a: (0 * g,))}),
     TypeError, r"sign of \(3, 2\): the result is of type bool, expected float64"),
    (lambda: apply("mul", leaf(A)), TypeError, r"mul of \(3, 2\): mul expected 2 arguments, got 1"),
    (lambda: backward(root := graph.exp(leaf(1.0)) * 2.0, order=topological(root)), ValueError,
     r"sweep: node: exp of shape \(\) has its turn before any gradient has reached it"),
    (lambda: backward(3.0), TypeError, r"backward: root is a float, expected a node"),
])
def test_what_cannot_be_right_is_named(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


@pytest.mark.parametrize("reduce", [np.sum, np.mean])
def test_numpy_sums_a_node(reduce):
    W = leaf(np.arange(6.0).reshape(3, 2))
    total = reduce(W ** 2)
    assert total.value == reduce(W.value ** 2)
    np.testing.assert_allclose(backward(total)[W], 2 * W.value * backward(reduce(W))[W])
    assert backward(reduce(W, axis=0).sum())[W].shape == (3, 2)


def test_an_array_of_another_class_becomes_a_plain_one():
    x = leaf(np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix))            # whose * would be the matrix product
    assert type(x.value) is np.ndarray and backward((x * x).sum())[x].tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_a_cycle_is_named():
    x = leaf(1.0, "x")
    a = x * 2.0
    L = a + 1.0
    a.parents = (L, x)
    with pytest.raises(ValueError, match="topological: the graph has a cycle"):
        backward(L)


def test_what_a_node_says_of_itself():
    x = leaf(A, "X")
    assert [str(node) for node in (x, constant(2.0), x * 2.0)] == [
        "X: leaf of shape (3, 2)", "node: constant of shape ()", "node: mul of shape (3, 2)"]


def test_records_for_a_picture():
    x = leaf(3.0, "x")
    L = x * x + 1.0
    records = to_records(L, backward(L))
    assert [(r["name"], r["symbol"], r["value"], r["gradient"], r["parents"]) for r in records] == [
        ("", "", 1.0, None, []), ("x", "", 3.0, 6.0, []), ("", "×", 9.0, 1.0, [1, 1]), ("", "+", 10.0, 1.0, [2, 0])]
    assert to_records(L)[1]["gradient"] is None
    step = next(sweep(L, {L: np.float64(1.0)}))
    assert [r["sent"] for r in to_records(L, step=step)] == [(), (), (), (1.0, None)]

"""The table of node rules: every row by its slope, every wrong rule caught, what holds at a kink."""

from functools import partial

import numpy as np
import pytest

from lib.gradcheck import check_vjp
from lib.graph import affine, backward, leaf
from lib.ops import OPS, Pieces, sum_to


def normal(*shapes):
    """Inputs of any sign, one of each shape."""
    return lambda rng: tuple(rng.standard_normal(shape) for shape in shapes)


def positive(*shapes):
    """Inputs between ½ and 2, where logarithms, roots and powers are smooth."""
    return lambda rng: tuple(rng.uniform(0.5, 2.0, shape) for shape in shapes)


ROW, PAIR = normal((4, 3)), normal((4, 3), (4, 3))
# name of the row: inputs, and the options to try; rows with a kink are sampled where no draw comes near it
SAMPLES = {
    "copy": (ROW, {}), "neg": (ROW, {}), "add": (PAIR, {}), "sub": (PAIR, {}), "mul": (PAIR, {}),
    "div": (positive((4, 3), (4, 3)), {}), "pow": (positive((4, 3)), {"c": [2, -1.5, 0, 1]}), "exp": (ROW, {}),
    "log": (positive((4, 3)), {}), "sqrt": (positive((4, 3)), {}), "tanh": (ROW, {}), "sigmoid": (ROW, {}),
    "log_sigmoid": (ROW, {}), "softplus": (ROW, {}), "relu": (ROW, {}), "maximum": (PAIR, {}), "minimum": (PAIR, {}),
    "matmul": (normal((4, 3), (3, 2)), {}), "affine": (normal((4, 3), (3, 2), (2,)), {}), "transpose": (ROW, {}),
    "reshape": (ROW, {"shape": [(2, 6), (12,)]}),
    "broadcast": (normal((3,)), {"shape": [(4, 3), (2, 4, 3)]}),
    "take": (ROW, {"at": [1, (2, 1), (slice(None), 1), np.array([0, 2, 0]), (np.arange(4), np.array([2, 0, 0, 1]))]}),
    "sum": (ROW, {"axis": [None, 0, 1, -1, (0, 1)], "keepdims": [True]}),
    "mean": (ROW, {"axis": [None, 0, 1, -1, (0, 1)], "keepdims": [True]}),
    "log_softmax": (ROW, {}),
}
CASES = [(name, {option: value}) for name, (_, options) in SAMPLES.items()
         for option, values in (options or {"": [None]}).items() for value in values]
each_case = pytest.mark.parametrize(("name", "options"), [
    (name, {option: value for option, value in options.items() if option}) for name, options in CASES])


@pytest.mark.parametrize("shapes", [((4, 3), (3, 2), (2,)), ((3,), (3, 2), (2,)), ((4, 3), (3,), ()),
                                    ((4, 3), (3, 2), (4, 2))])
def test_affine_is_a_product_and_a_sum(rng, shapes):
    inputs = [leaf(rng.standard_normal(shape)) for shape in shapes]
    A, B, b = inputs
    one, two = affine(*inputs), A @ B + b
    assert np.array_equal(one.value, two.value)
    seed = rng.standard_normal(one.value.shape)
    ours, by_two = backward(one, seed), backward(two, seed)
    for node in inputs:
        np.testing.assert_allclose(ours[node], by_two[node], rtol=1e-13, atol=1e-13)


def test_every_row_has_a_sample():
    assert SAMPLES.keys() == OPS.keys()


def reports(name, options, rng, inputs=None, wrong=1.0):
    """The row checked at its sample; `wrong` scales what its rule returns."""
    f, vjp = partial(OPS[name].f, **options), partial(OPS[name].vjp, **options)
    return check_vjp(f, lambda *args: tuple(wrong * piece for piece in vjp(*args)), inputs or SAMPLES[name][0](rng), rng)


@each_case
def test_the_rule_is_the_slope(name, options, rng):
    for report in reports(name, options, rng):
        assert report.ok, report


@each_case
def test_a_wrong_rule_is_caught(name, options, rng):
    flat = options == {"c": 0}                                           # whose slope, 0, is not changed by a factor
    assert all(not report.ok for report in reports(name, options, rng, wrong=1.001)) != flat


@pytest.mark.parametrize("shapes", [[(3,), (3, 2)], [(4, 3), (3,)], [(3,), (3,)], [(1, 3), (3, 1)]])
def test_a_vector_in_a_product_is_a_row_on_the_left_and_a_column_on_the_right(shapes, rng):
    inputs = normal(*shapes)(rng)
    assert all(report.ok for report in reports("matmul", {}, rng, inputs))


@pytest.mark.parametrize("name", ["sum", "mean"])
def test_a_sum_may_keep_its_axis(name, rng):
    assert all(report.ok for report in reports(name, {"axis": 1, "keepdims": True}, rng))


@pytest.mark.parametrize(("name", "inputs", "value", "sent"), [
    ("copy", [3.0], 3.0, [10.0]), ("neg", [3.0], -3.0, [-10.0]), ("add", [3.0, 2.0], 5.0, [10.0, 10.0]),
    ("sub", [3.0, 2.0], 1.0, [10.0, -10.0]), ("mul", [3.0, 2.0], 6.0, [20.0, 30.0]),
    ("div", [3.0, 2.0], 1.5, [5.0, -7.5]), ("sqrt", [4.0], 2.0, [2.5]), ("relu", [-3.0], 0.0, [0.0]),
    ("maximum", [3.0, 2.0], 3.0, [10.0, 0.0]), ("minimum", [3.0, 2.0], 2.0, [0.0, 10.0]),
    ("sigmoid", [0.0], 0.5, [2.5]), ("log", [4.0], np.log(4.0), [2.5]), ("softplus", [0.0], np.log(2.0), [5.0])])
def test_rules_by_hand(name, inputs, value, sent):
    inputs = [np.float64(x) for x in inputs]
    y = OPS[name].f(*inputs)
    assert y == value and list(OPS[name].vjp(10.0, y, *inputs)) == sent


def test_on_a_tie_the_first_input_receives_everything():
    a = np.array([1.0, 2.0])
    for name in ("maximum", "minimum"):
        left, right = OPS[name].vjp(np.array([5.0, 6.0]), a, a, a)
        assert left.tolist() == [5.0, 6.0] and right.tolist() == [0.0, 0.0]
    assert OPS["relu"].vjp(np.ones(3), None, np.array([-1.0, 0.0, 1.0]))[0].tolist() == [0.0, 0.0, 1.0]


def test_powers_at_zero(strict):
    a = np.array([0.0, 2.0])
    for c, slope in ((0, [0.0, 0.0]), (1, [1.0, 1.0]), (2, [0.0, 4.0])):
        assert OPS["pow"].vjp(np.ones(2), None, a, c=c)[0].tolist() == slope


def test_extremes_do_not_overflow(strict):
    z = np.array([-800.0, 800.0])
    for name, values, slopes in [("sigmoid", [0.0, 1.0], [0.0, 0.0]), ("softplus", [0.0, 800.0], [0.0, 1.0]),
                                 ("log_sigmoid", [-800.0, 0.0], [1.0, 0.0]), ("tanh", [-1.0, 1.0], [0.0, 0.0])]:
        y = OPS[name].f(z)
        assert y.tolist() == values and OPS[name].vjp(np.ones(2), y, z)[0].tolist() == slopes
    y = OPS["log_softmax"].f(np.array([[0.0, 1e4]]))
    assert y.tolist() == [[-1e4, 0.0]]
    assert OPS["log_softmax"].vjp(np.array([[1.0, 0.0]]), y, None)[0].tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize(("shape", "whole"), [((), (4, 3)), ((3,), (4, 3)), ((1, 3), (4, 3)), ((4, 1), (4, 3)),
                                              ((1, 1), (4, 3)), ((1,), (2, 4, 3)), ((4, 1), (2, 4, 3)), ((4, 3), (4, 3))])
def test_summing_is_the_transpose_of_broadcasting(shape, whole, rng):
    g, x = rng.standard_normal(whole), rng.standard_normal(shape)
    back = sum_to(g, shape)
    assert back.shape == shape
    assert np.sum(back * x) == pytest.approx(np.sum(g * np.broadcast_to(x, whole)))


def test_a_rule_in_pieces_is_a_rule():
    rule = Pieces(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
    assert rule(2.0, 12.0, 3.0, 4.0) == OPS["mul"].vjp(2.0, 12.0, 3.0, 4.0) == (8.0, 6.0)

"""Door checks: they read the letters, and name what does not fit and who fixed the size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import shapes

X, W, theta = np.ones((5, 2)), np.ones((2, 3)), np.ones(3)


def test_sizes_are_read_from_the_letters():
    assert shapes.check("f", X=(X, "n d"), W=(W, "d k"), b=(np.ones(3), "k")) == {"n": 5, "d": 2, "k": 3}
    assert shapes.check("f", X=(X, "n 2"), one=(np.array(1.0), "")) == {"n": 5}


@pytest.mark.parametrize("order", [("X", "theta"), ("theta", "X")])
def test_d_plus_one_is_solved_for_d(order):
    arrays = {"X": (X, "n d"), "theta": (theta, "d+1")}
    assert shapes.check("f", **{name: arrays[name] for name in order}) == {"n": 5, "d": 2}


LETTERS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)


@given(LETTERS, LETTERS, st.lists(st.integers(1, 3), min_size=8, max_size=8))
def test_check_accepts_exactly_the_shapes_that_fit(first, second, lengths):
    left, right = lengths[:len(first)], lengths[4:4 + len(second)]
    letters = list(zip([*first, *second], [*left, *right], strict=True))
    fits = all(m == n for a, m in letters for b, n in letters if a == b)
    pairs = {"A": (np.ones(left), " ".join(first)), "B": (np.ones(right), " ".join(second))}
    if fits:
        assert shapes.check("f", **pairs) == dict(letters)
    else:
        with pytest.raises(ValueError, match=r"f: [AB] has shape"):
            shapes.check("f", **pairs)


@pytest.mark.parametrize(("arrays", "error", "sentence"), [
    ({"X": (X, "n d"), "W": (np.ones((3, 4)), "d k")}, ValueError,
     "f: W has shape (3, 4), expected (d, k) with d = 2 from X"),
    ({"X": (X, "n d"), "t": (X[0], "d+1")}, ValueError, "f: t has shape (2,), expected (d+1,) with d = 2 from X"),
    ({"t": (np.ones(1), "d+1")}, ValueError, "f: t has shape (1,), expected (d+1,)"),
    ({"A": (X, "n n")}, ValueError, "f: A has shape (5, 2), expected (n, n)"),
    ({"X": (X[0], "n d")}, ValueError, "f: X has shape (2,), expected (n, d)"),
    ({"X": (X, "n 3")}, ValueError, "f: X has shape (5, 2), expected (n, 3)"),
    ({"X": (X, "n d"), "W": (W, "d k"), "Y": (X, "n k")}, ValueError,
     "f: Y has shape (5, 2), expected (n, k) with n = 5 from X and k = 3 from W"),
    ({"X": (X, "n d"), "y": (np.array([0, 1]), "int n")}, ValueError,
     "f: y has shape (2,), expected (n,) with n = 5 from X"),
    ({"X": (X[:0], "n d")}, ValueError, "f: X has shape (0, 2), which holds no numbers"),
    ({"X": (np.array([[1.0, 2.0], [3.0, np.nan]]), "n d")}, ValueError, "f: X[1, 1] is nan, expected finite numbers"),
    ({"X": (np.array([1.0, -np.inf]), "n")}, ValueError, "f: X[1] is -inf, expected finite numbers"),
    ({"X": (X.astype(int), "n d")}, TypeError, "f: X has dtype int64, expected float64; write X.astype(float)"),
    ({"X": (X.astype("float32"), "n d")}, TypeError, "f: X has dtype float32, expected float64; write X.astype(float)"),
    ({"X": ([1.0, 2.0], "n")}, TypeError, "f: X is a list, expected an array; write np.array(X, dtype=float)"),
    ({"y": (np.ones(3), "int n")}, TypeError, "f: y has dtype float64, expected integers; write y.astype(int)"),
    ({"y": ([0, 1], "int n")}, TypeError, "f: y is a list, expected an array; write np.array(y, dtype=int)"),
])
def test_what_does_not_fit_is_named(arrays, error, sentence):
    with pytest.raises(error) as refused:
        shapes.check("f", **arrays)
    assert str(refused.value) == sentence


def test_floats_converts_numbers_only():
    assert shapes.floats("f", z=2).dtype == np.float64
    assert shapes.floats("f", z=X) is X
    assert shapes.floats("f", z=-np.inf) == -np.inf
    with pytest.raises(TypeError, match=r"f: z has dtype int64, expected float64; write z.astype"):
        shapes.floats("f", z=np.arange(3))
    with pytest.raises(ValueError, match="f: z is nan, expected a number"):
        shapes.floats("f", z=np.nan)


def test_one_hot_rows_point_at_their_label():
    y = np.array([2, 0, 2])
    Y = shapes.one_hot(y, 3)
    assert Y.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert (Y.argmax(axis=1) == y).all()


@pytest.mark.parametrize(("y", "error", "sentence"), [
    (np.array([0, 1, 3]), ValueError, "f: y[2] = 3 is not a label; with k = 3 classes labels run 0..2"),
    (np.array([0, -1]), ValueError, "f: y[1] = -1 is not a label; with k = 3 classes labels run 0..2"),
    (np.array([0.0, 1.0]), TypeError, "f: y has dtype float64, expected integers; write y.astype(int)"),
    (np.array([True, False]), TypeError, "f: y has dtype bool, expected integers; write y.astype(int)"),
    (np.array([[0], [1]]), ValueError, "f: y has shape (2, 1), expected (n,)"),
])
def test_labels_that_are_none_are_named(y, error, sentence):
    with pytest.raises(error) as refused:
        shapes.check_labels("f", y, 3)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(("check", "bad", "good"), [
    (shapes.check_positive, [0, -0.1, np.nan, np.inf, "0.1", None, True, 1j], [0.1, 3, np.float64(2)]),
    (shapes.check_not_negative, [-1e-9, np.nan, np.inf, "0"], [0, 0.0, 2.5]),
    (shapes.check_count, [0, -3, 2.0, "4", True], [1, np.int64(7)]),
])
def test_scalars_out_of_range_are_named(check, bad, good):
    for value in good:
        check("f", size=value)
    for value in bad:
        with pytest.raises(ValueError, match=r"f: size = .*, expected a "):
            check("f", size=value)


def test_entries_too_large_to_square_are_finite():
    assert shapes.check("f", X=(np.full((2, 3), 1e300), "n d")) == {"n": 2, "d": 3}
    assert shapes.check("f", X=(np.full((2, 3), 1e300).T, "d n")) == {"d": 3, "n": 2}

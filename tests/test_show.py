"""What is printed: two routes or nothing, fixed digits, no minus zero."""

import numpy as np
import pytest

from lib import show


@pytest.mark.parametrize(("value", "shown"), [
    (0.88571234, "0.885712"), (1.0, "1"), (-0.0, "0"), (-1e-17, "0"), (1e-9, "1e-09"), (1234567.0, "1.23457e+06"),
    (1234567, "1234567"), (np.int64(3), "3"), (True, "True"), (np.inf, "inf"), ((3, 4), "(3, 4)"), ("no", "no"),
    (np.array([1.0, -0.0, 1e-17]), "[1, 0, 0]"), (np.array([-5e-17, 3e-20]), "[0, 0]"),
    (np.array([[1.5, -20.0], [100.0, 0.25]]), "[[1.5,  -20],\n [100, 0.25]]"), (np.array([1, 2]), "[1, 2]"),
])
def test_text(value, shown):
    assert show.text(value) == shown


def test_confirmed_numbers():
    assert show.confirmed("L", 0.5, by=1 / 2) == "L = 0.5"
    assert show.number(2 / 3) == "0.666667" and show.number(2e-12) == "2e-12" and show.number(-5e-13) == "0"
    assert show.confirmed("L", 2 / 3, by=2 / 3 + 1e-12, digits=3) == "L = 0.667"
    assert show.confirmed("shape", (3, 4), by=np.ones((3, 4)).shape) == "shape = (3, 4)"
    assert show.confirmed("w", np.array([2.0, 3.0]), by=[2.0, 3.0]) == "w = [2, 3]"
    assert show.confirmed("W", np.eye(2), by=np.eye(2)) == "W =\n[[1, 0],\n [0, 1]]"
    assert show.confirmed("0", 1e-17, by=0.0) == "0 = 0"
    assert show.confirmed("∞", np.inf, by=np.inf) == "∞ = inf"


@pytest.mark.parametrize(("value", "by"), [
    (1.0, 1.0 + 1e-8), (1.0, -1.0), (0.0, 1e-9), (np.nan, np.nan), (np.inf, 1.0), (np.array([1.0, np.inf]), np.ones(2)),
    (np.ones(2), np.ones(3)), (np.ones((3, 1)), np.ones(3)), (1.0, np.ones(3)), ((3, 4), (4, 3)), ("a", "b"),
])
def test_a_planted_difference_is_not_printed(value, by):
    with pytest.raises(ValueError, match="confirmed: L: the two routes differ: "):
        show.confirmed("L", value, by=by)


def test_a_table_shows_itself_twice():
    table = show.table([("relu", 0.0, "max(z, 0)"), ("tanh", -1.25, "|z| < 1")], ["f", "slope", "formula"])
    assert repr(table) == ("f     slope  formula\n"
                           "────  ─────  ─────────\n"
                           "relu      0  max(z, 0)\n"
                           "tanh  -1.25  |z| < 1")
    assert table._repr_markdown_() == ("| f | slope | formula |\n|:--|--:|:--|\n"
                                       "| relu | 0 | max(z, 0) |\n| tanh | -1.25 | \\|z\\| < 1 |")


def test_the_text_of_a_number_stands_to_the_right_like_a_number():
    table = show.table([("−0.76", "63%", "1,347", "2–4", ""), ("12.50", "5 %", "1e-05", "3", "1")], list("abcde"))
    assert repr(table).splitlines()[2:] == ["−0.76  63%  1,347  2–4", "12.50  5 %  1e-05  3    1"]
    assert "|--:|--:|--:|:--|:--|" in table._repr_markdown_()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="table: row 1 has 1 cells, expected 2, one per column"):
        show.table([(1, 2), (3,)], ["a", "b"])
    with pytest.raises(ValueError, match=r"text: an array of shape \(2, 2, 2\) does not fit on a page"):
        show.text(np.ones((2, 2, 2)))
    with pytest.raises(TypeError, match="text: None is neither a number"):
        show.text(None)
    with pytest.raises(TypeError, match="is neither a number"):
        show.text(1j)

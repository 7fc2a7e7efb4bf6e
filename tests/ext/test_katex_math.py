"""Formulas: each keeps the punctuation that follows it."""
import katex_math
from docutils import nodes


def test_a_formula_takes_its_own_comma_where_the_same_words_stand_twice():
    x, y = nodes.math("", "x"), nodes.math("", "y")
    paragraph = nodes.paragraph("", "", nodes.Text(", then "), x, nodes.Text(", then "), y, nodes.Text("."))
    katex_math.take_punctuation(None, nodes.section("", paragraph), "")
    assert [part.astext() for part in paragraph] == [", then ", "x", " then ", "y", ""]
    assert (x["tail"], y["tail"]) == (",", ".")

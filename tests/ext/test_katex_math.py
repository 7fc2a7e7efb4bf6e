"""Formulas: each keeps the punctuation that follows it, and fractions within fractions can be read."""
import derivation_grid
import katex_math
import pytest
from docutils import nodes


def test_a_formula_takes_its_own_comma_where_the_same_words_stand_twice():
    x, y = nodes.math("", "x"), nodes.math("", "y")
    paragraph = nodes.paragraph("", "", nodes.Text(", then "), x, nodes.Text(", then "), y, nodes.Text("."))
    katex_math.take_punctuation(None, nodes.section("", paragraph), "")
    assert [part.astext() for part in paragraph] == [", then ", "x", " then ", "y", ""]
    assert (x["tail"], y["tail"]) == (",", ".")


@pytest.mark.parametrize(("tex", "tail", "kept", "breaks"), [
    ("x", "", False, 0),
    ("x", ",", True, 0),
    ("a = 5", "", True, 0),
    ("a + b + c + d + e + f + g + h = 5", "", True, 8),
    ("a + b + c + d + e + f + g + h = 5", ".", True, 8),
    ("g(x) = 1 + 2 x_1 + 3 x_2", "", True, 1),
    (r"\theta_t = (1 - \eta a)^t\, \theta_0", ".", True, 1),
    ("y = a + b (c + d + e) + f + g + h + i", ".", True, 6),
    ("(a + b + c + d + e + f + g + h)^2", "", True, 7)])
def test_a_short_formula_stays_on_one_line(tex, tail, kept, breaks):
    made = derivation_grid.kept_together(katex_math.typeset(tex), tail)
    assert made.startswith('<span class="kept">') == kept and made.count("<wbr>") == breaks
    assert not tail or made.endswith(f"</span>{tail}</span>")


@pytest.mark.parametrize(("tex", "opened"), [
    (r"\frac{\frac{a}{b}}{c} \frac12", r"\frac{\dfrac{a}{b}}{c} \frac12"),
    (r"\frac{1}{1 + \sqrt{\frac{p}{q}}}", r"\frac{1}{1 + \sqrt{\dfrac{p}{q}}}"),
    (r"\frac{e^{\frac{a}{b}}}{x_{\frac{a}{b}}}", r"\frac{e^{\frac{a}{b}}}{x_{\frac{a}{b}}}"),
    (r"\frac{d}{d a} \frac{1}{a}", r"\frac{d}{d a} \,\frac{1}{a}"),
    (r"\frac{1}{n} + \frac{1}{m} \left\{\frac{1}{k}\right\}", r"\frac{1}{n} + \frac{1}{m} \left\{\frac{1}{k}\right\}"),
    (r"\frac 1 2 \frac{a}{b}", r"\frac 1 2 \frac{a}{b}")])
def test_a_fraction_in_a_fraction_is_opened(tex, opened):
    assert derivation_grid.open_fractions(tex) == opened
    katex_math.typeset(opened, True)

"""What the search reads: formulas as plain text, and of a page its prose, not its code."""
import pytest
import search_index
from docutils import nodes
from plain_math import plain


@pytest.mark.parametrize(("tex", "line"), [
    (r"\sigma'(a) = \sigma(a) (1 - \sigma(a))", "σ′(a) = σ(a)(1 − σ(a))"),
    (r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)", "∂p_i/∂z_j = p_i(δ_ij − p_j)"),
    (r"-\frac{1}{n} X^\top (P - Y)", "−1/n Xᵀ(P − Y)"),
    (r"\ln \sum_{m=1}^{k} e^{z_m}", "ln ∑ e^(z_m)"),
    (r"\frac{2}{\lambda_{\min} + 1}", "2/(λ_min + 1)"),
    (r"\hat y, \bar z^{(1)}_j, \sqrt{x + 1}", "y\u0302, z\u0304_j⁽¹⁾, √(x + 1)"),
    (r"x^2 \ge 0", "x² ≥ 0"), (r"\ln u", "ln u"), (r"\nonsense", r"\nonsense")])
def test_a_formula_as_plain_text(tex, line):
    assert plain(tex) == line


def test_prose_and_formulas_are_read_and_code_is_not():
    page = nodes.section("", nodes.title("", "Title"), nodes.paragraph("", "The slope of ", nodes.math("", r"\sigma"), nodes.Text(":")),
                         nodes.math_block("", r"a^2"), nodes.literal_block("", "import numpy"),
                         nodes.container("", nodes.paragraph("", "hidden input"), classes=["cell_input"]),
                         nodes.paragraph("", "", nodes.emphasis("", "3 lines: the first by complex step, 2 proved.")),
                         nodes.section("", nodes.title("", "Next"), nodes.paragraph("", "elsewhere")),
                         nodes.section("", nodes.paragraph("", "inside of an exercise")))
    text = search_index.tidy(" ".join(map(search_index.words, page.children)))
    assert text == "The slope of σ: a² inside of an exercise"


def test_tex_in_code_and_claims_loses_its_signs():
    literal = nodes.paragraph("", "", nodes.literal("", r"\partial J / \partial w_{ij}"))
    assert search_index.words(literal).strip() == "partial J / partial w_ij"
    assert search_index.plain_words(r"2\,(\hat y - y)") == "2(hat y - y)"


def test_a_reason_is_read_with_its_formulas():
    assert search_index.reason(r"\text{cancel $p_i$, which is never 0}") == "cancel p_i, which is never 0"

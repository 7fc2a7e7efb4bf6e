"""The page of the ledger: sentences with formulas in them, rows, choices; and no row of the ledger is left out."""
import re
from pathlib import Path

import book
import katex_math
import ledger_table
import pytest

from lib import ledger

ROOT = Path(__file__).parents[2]
ROWS = ledger.claims()


def marked(tex):
    return f"[{tex}]"


@pytest.mark.parametrize(("sentence", "made"), [
    ("theta_0 < 0 & more", "θ<sub>0</sub> &lt; 0 &amp; more"),
    (r"the factor \hat y = h v, with H (Nx4)", r'the factor <span class="kept">[\hat y = h v],</span> with H (Nx4)'),
    (r"one -- 2(\hat Y-y) W; as \sum_i z_i.", r'one – <span class="kept">[2(\hat Y-y) W];</span> as <span class="kept">[\sum_i z_i].</span>'),
    (r"is a_{i0}^{(1)} (by the unit)", r"is [a_{i0}^{(1)}] (by the unit)"),
    (r"it follows (from \lambda = 0)", r'it follows (from <span class="kept">[\lambda = 0])</span>'),
    (r"(\partial SE/\partial a)^2", r"[(\partial SE/\partial a)^2]"),
    ("theta_{j+1} = theta_j - s_ij^{(t)} x_i",
     "θ<sub>j+1</sub> = θ<sub>j</sub> − s<sub>ij</sub><sup>(t)</sup> x<sub>i</sub>"), ("z_{y_i} is", "[z_{y_i}] is"),
    (r"\frac{one way}{n} is", r"[\frac{one way}{n}] is"),
    (r"so \phi(h (3x4)) -> exp(z), L_CE >= 0", r"so [\phi(h ({3 \times 4})) \to \operatorname{exp}(z), L_{\mathrm{CE}} \ge 0]"),
    (r"it is \sum_k O_k - the same", r"it is [\sum_k O_k] – the same"),
    ("d = -theta_0/sqrt(theta_0^2+theta_1^2).",
     "d = −θ<sub>0</sub><wbr>/√(θ<sub>0</sub><sup>2</sup><wbr>+θ<sub>1</sub><sup>2</sup>)."), ("the log-odds (1-s_i) -y (n x k)", "the log-odds (1−s<sub>i</sub>) −y (n\u00a0x\u00a0k)")])
def test_a_sentence_with_formulas(sentence, made):
    assert ledger_table.words(sentence, marked) == made


def test_what_cannot_be_read_stays_code():
    assert ledger_table.words(r"so \nonsense{x} is", katex_math.typeset) == r"so <code>\nonsense{x}</code> is"


@pytest.mark.parametrize("part", ["question", "claim", "correct", "note", "reading", "convention"])
def test_every_formula_of_the_ledger_is_set_as_one(part):
    sentences = {row.id: ledger_table.words(getattr(row, part), lambda tex: "" if katex_math.typeset(tex) else "?")
                 for row in ROWS}
    assert {code: made for code, made in sentences.items() if "\\" in made or "<code>" in made} == {}


def test_a_row_says_what_it_is_and_where_it_is_settled():
    made = ledger_table.row(ledger.claim("S0-R9"), ("x.html#eq", "regression (3)"), {"computed": "x.html#slip"}, marked)
    assert made.startswith('<tr id="S0-R9" role="row" data-source="S0" data-chapter="mlp/regression" '
                           'data-verdict="slip" data-kind="wrong exponent|wrong index|extra sum">')
    assert '<a href="x.html#eq">regression (3)</a>; <a href="x.html#slip">computed</a>' in made
    assert '<a href="#S0-R8a">S0-R8a</a>' in made
    assert "<p>regression</p>" in ledger_table.row(ledger.claim("S0-R9"), None, {}, marked)


def test_the_table_has_every_row_and_every_choice_counts_right():
    made = ledger_table.table(ROWS, {}, lambda claim: None, lambda claim: {}, marked)
    assert re.findall(r'<tr id="([^"]+)"', made) == [row.id for row in ROWS] and len(ROWS) == 434
    for name in ("source", "chapter", "verdict", "kind"):
        options = re.search(rf'<select name="{name}">(.*?)</select>', made)[1]
        for value, number in re.findall(r'value="([^"]+)">[^<]*\((\d+)\)', options):
            found = re.findall(rf'data-{name}="(?:[^"]*\|)?{re.escape(value)}(?:\|[^"]*)?"', made)
            assert len(found) == int(number) > 0, (name, value)


def test_choices_stand_in_the_order_of_the_book():
    keys = [{"chapter": page, "kind": kind} for page, kind in (("b/y", "p|q"), ("a/x", "q"), ("c/new-page", "q"))]
    made = ledger_table.form("li", keys, {"a/x": "First", "b/y": "Second", "c/z": "Third"})
    assert re.findall(r'<option value="(.*?)">(.*?)</option>', made) == [
        ("", "all"), ("a/x", "First (1)"), ("b/y", "Second (1)"), ("c/new-page", "new page (1)"),
        ("", "all"), ("q", "q (3)"), ("p", "p (1)")]


def test_slips_that_are_computed_are_found_on_their_pages():
    shown = book.slips(ROOT)
    assert shown["AN-04f"] == "chapters/neurons/discriminant"
    assert {code for code in shown if ledger.claim(code).verdict == "correct"} == set()

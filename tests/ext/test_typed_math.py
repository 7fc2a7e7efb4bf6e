"""Formulas that are typed as text: every sign is set, and words stay words."""
import html
import re

import ledger_table
import pytest
from typed_math import dressed

from lib import ledger


@pytest.mark.parametrize(("typed", "made"), [
    ("-sum_i (yhat_i^(i)-y_i) x_i^T", "−∑<sub>i</sub> (ŷ<sub>i</sub><sup>(i)</sup>−y<sub>i</sub>) x<sub>i</sub><sup>⊤</sup>"),
    ("dl/dtheta_j <= sqrt(13)", "dl/dθ<sub>j</sub> ≤ √13"), ("e^{z_j} S^{-1}", "e<sup>z<sub>j</sub></sup> S<sup>−1</sup>"),
    ("h_theta(x) != ||w||^2", "h<sub>θ</sub>(x) ≠ ‖w‖<sup>2</sup>"), ("w <- w - eta g", "w ← w − η g"),
    ("sigma'(t) and A'_i", "σ′(t) and A′<sub>i</sub>"), ("1/(1+exp(-theta^T x))", "1/(1+exp(−θ<sup>⊤</sup> x))"),
    ("prod_{i=1..m} delta_ij", "∏<sub>i=1..m</sub> δ<sub>ij</sub>"), ("lines 2-4, see S2-14 and CG-12b-09",
                                                                       "lines 2–4, see S2-14 and CG-12b-09")])
def test_a_formula_is_set(typed, made):
    assert dressed(typed) == made


@pytest.mark.parametrize("words", ["that the sum over what is non-linear", "a Kronecker delta, one-against-all",
                                   "the log-odds of step_size", "a 4-column with x-axis", "the document&#x27;s"])
def test_words_stay_words(words):
    assert dressed(html.unescape(words)) == words


def test_a_dash_between_words_is_no_minus():
    assert dressed("two slips - one here -- and") == "two slips – one here – and"


def test_nothing_is_lost():
    """Whoever takes the marks away again has the letters that the ledger has."""
    back = {"θ": "theta", "Θ": "Theta", "σ": "sigma", "η": "eta", "δ": "delta", "ŷ": "yhat", "Ŷ": "Yhat", "ẑ": "zhat",
            "n\u0302": "n_hat", "∑": "sum", "∏": "prod", "√": "sqrt", "⊤": "T", "‖": "||", "≤": "<=", "≥": ">=", "≠": "!=",
            "←": "<-", "→": "->", "⟺": "<=>", "−": "-", "–": "-", "′": "'"}
    letters = lambda text: re.sub(r"[\s^_{}()]|--(?=\S)", "", text).replace("--", "-")
    for row in ledger.claims():
        for sentence in (row.claim, row.correct, row.note):
            for formula, run in ledger_table.segments(sentence):
                made = html.unescape(re.sub(r"</?su[bp]>", "", dressed(run)))
                for sign, typed in back.items():
                    made = made.replace(sign, typed)
                assert formula or letters(made) == letters(run), row.id

"""What is taken out of finished pages, and what stays."""
from __future__ import annotations

import pytest
from katex_math import typeset
from lean_theme import MENDS


def mended(text: str) -> str:
    for pattern, replacement in MENDS:
        text = pattern.sub(replacement, text)
    return text


@pytest.mark.parametrize(("text", "expected"), [
    ('<button onclick="window.print()" title="Print">', '<button data-print title="Print">'),
    ('<span class="kn">import</span><span class="w"> </span><span class="nn">numpy</span> <span class="k">as</span> '
     '<span class="n">np</span><span class="p">,</span>',
     '<span class="kn">import</span> numpy <span class="k">as</span> np,'),
    ('<span class="name">n</span>', '<span class="name">n</span>'),
    ('<summary aria-label="Toggle">Code</summary>', "<summary>Code</summary>"),
])
def test_pages_are_mended(text, expected):
    assert mended(text) == expected


def test_a_formula_keeps_its_mathml_and_loses_its_source():
    math = mended(typeset(r"\frac{a}{b} < \sigma"))
    assert "<math><mrow><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>&lt;</mo><mi>σ</mi></mrow></math>" in math
    assert "annotation" not in math and "sigma" not in math and 'class="katex-html"' in math


def test_a_link_that_is_a_formula_has_a_name():
    link = '<a class="mention" href="x"><span class="math notranslate nohighlight">{}</span></a>'
    assert '<math aria-label="a/b">' in mended(link.format(typeset(r"\frac{a}{b}")))
    assert "aria-label" not in mended(link.format("words"))

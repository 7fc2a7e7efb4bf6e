"""The gallery of slips: entries read from the outputs, with both values, the verdicts, the choices and the ways."""
import re
from pathlib import Path

import book
import katex_math
import pytest
import slip_gallery
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser
from docutils.utils import new_document

from lib import ledger

ROOT = Path(__file__).parents[2]
SAID = [ledger.Said("X.T @ (P - Y)", "as printed", "sign + 1/n", "Two slips."), ledger.Said("g(x)", "", "sign", "One.")]


def literal(text):
    return nodes.literal(text, text)


def strong(text):
    return nodes.strong(text, text)


def table(*rows):
    entry = lambda text: nodes.entry("", nodes.paragraph("", "", literal(text)) if text else nodes.paragraph())
    body = nodes.tbody("", *(nodes.row("", *map(entry, row)) for row in rows))
    head = nodes.thead("", nodes.row("", entry("claimed value"), entry("true value")))
    return nodes.table("", nodes.tgroup("", head, body, cols=2))


def heading(code, chapter="regression"):
    return nodes.paragraph("", "", nodes.Text(""), strong("Sign"), nodes.Text(f" ({code}), in "), nodes.reference("", chapter))


def asked(said):
    read = f" ({said.reading})" if said.reading else ""
    return nodes.paragraph("", "", nodes.Text("Asked: "), literal(said.formula), nodes.Text(f"{read}; "),
                           literal("diagnose"), nodes.Text(" says "), strong(said.kind), nodes.Text(f": {said.sentence}"))


PARTS = [heading("S0-R8b"), nodes.block_quote("", nodes.paragraph("", "the claim")),
         table(("[[1, 2],", "[[-1, -2],"), (" [3, 4]]", " [-3, -4]]"), ("", "more")), nodes.paragraph("", "True: more."),
         *map(asked, SAID)]


def test_an_entry_runs_to_the_next_heading():
    before, other = nodes.paragraph("", "words"), nodes.paragraph("", "", strong("Sign"), nodes.Text(" (S0-R8b)"))
    parent = nodes.container("", before, *[part.deepcopy() for part in PARTS], heading("AN-04f"), other)
    found = slip_gallery.entries(parent)
    assert [claim.id for claim, _ in found] == ["S0-R8b", "AN-04f"]
    assert [len(parts) for _, parts in found] == [len(PARTS), 2]
    assert slip_gallery.code_of(before) == slip_gallery.code_of(other) == ""


def test_values_and_verdicts_are_read_as_they_stand():
    assert slip_gallery.read(PARTS) == ("[[1, 2],\n [3, 4]]", "[[-1, -2],\n [-3, -4]]\nmore", SAID)


def test_an_entry_shows_both_sides_and_says_how_it_can_be_found():
    made = slip_gallery.entry(ledger.claim("S0-R8b"), ("[1 < 2]", "refused: no"), SAID, "WAYS", lambda tex: f"[{tex}]")
    assert made.startswith('<li class="slip" id="slip-S0-R8b" data-kind="sign" data-effect="result changed" '
                           'data-chapter="mlp/regression" data-source="S0" data-diagnose="sign|1/n">')
    assert '<b>sign</b> <span>WAYS</span>' in made
    assert '<pre class="numbers">[1 &lt; 2]</pre>' in made and "<pre>refused: no</pre>" in made
    assert made.index("Claimed") < made.index("[1 &lt; 2]") < made.index("True") < made.index("refused: no")
    assert made.endswith('<code>X.T @ (P - Y)</code> (as printed)<br><b>sign + 1/n</b> Two slips.</p>'
                         '<p class="said"><code>g(x)</code><br><b>sign</b> One.</p></li>')
    quiet = slip_gallery.entry(ledger.claim("AN-04a"), ("1", "2"), [], "", lambda tex: tex)
    assert 'data-diagnose="not asked"' in quiet and "said" not in quiet and "<small>(wording only)</small>" in quiet
    assert "<b>ambiguous</b>" in slip_gallery.entry(ledger.claim("CG-12c-19"), ("", ""), [], "", lambda tex: tex)


def test_a_difference_is_not_broken():
    assert slip_gallery.kept("y − ŷ for ŷ − y, n = 5") == "y\u00a0−\u00a0ŷ for ŷ\u00a0−\u00a0y, n\u00a0=\u00a05"


class Page:
    """As much of a build as the gallery asks for."""

    srcdir = ROOT

    class builder:
        @staticmethod
        def get_relative_uri(page, other):
            return f"{other}.html"

    class env:
        found_docs = ()


@pytest.fixture
def filled():
    """A page of two sections, the second with two entries, after it was filled."""
    document = new_document("", get_default_settings(Parser))
    first, second = nodes.section("", nodes.paragraph("", "words")), nodes.section("", nodes.container("", nodes.paragraph(
        "", "2 entries"), *[part.deepcopy() for part in PARTS], heading("AN-04f"), table(("1", "2"))))
    document += nodes.section("", first, second)
    slip_gallery.fill(Page, document, "chapters/checking/slips")
    return document[0]


def test_outputs_become_a_list_with_a_form_before_the_first_section(filled):
    words, form, rooms = filled.children
    assert words.astext() == "words" and rooms[0][0].astext() == "2 entries" and len(rooms[0]) == 2
    made = rooms[0][1].astext()
    assert made.count('<li class="slip"') == 2 and made.startswith('<ul class="gallery"><li class="slip" id="slip-S0-R8b"')
    assert 'data-rows=".gallery > .slip"' in form.astext() and '<option value="sign">sign (1)</option>' in form.astext()
    assert '<select name="effect"><option value="">all</option><option value="result changed">result changed (2)' in form.astext()


def test_an_entry_leads_to_its_row_and_its_chapter(filled):
    made = filled.children[2][0][1].astext()
    assert '<a href="ledger.html#S0-R8b">S0-R8b</a>' in made
    assert '<a href="chapters/mlp/regression.html#slip-S0-R8b">computed in regression</a>' in made


def test_other_pages_stay_as_they_are():
    document = new_document("", get_default_settings(Parser))
    document += nodes.section("", nodes.section("", nodes.container("", *[part.deepcopy() for part in PARTS])))
    before = document.pformat()
    slip_gallery.fill(Page, document, "chapters/neurons/discriminant")
    assert document.pformat() == before


def test_a_slip_of_a_chapter_has_its_formulas_typeset_and_its_values_side_by_side():
    heading = nodes.paragraph("", "", strong("Sign"), nodes.Text(" (S0-R8b)"))
    values = table(("[[1, 2],", "refused < no"), (" [3, 4]]", ""))
    other = nodes.paragraph("", "", strong("Sign"), nodes.Text(" (S0-R8b)"))
    document = new_document("", get_default_settings(Parser))
    document += nodes.container("", heading, nodes.block_quote("", nodes.paragraph("", "the claim")), values, other, values.deepcopy())
    slip_gallery.fill(Page, document, "chapters/neurons/discriminant")
    first, quote, shown, *rest = document[0].children
    assert first is heading and [type(node) for node in rest] == [nodes.paragraph, nodes.table]
    assert quote.astext().startswith("<p>the product carries <span") and r"\partial SE" not in re.sub("<annotation.*?</annotation>", "", quote.astext())
    assert shown.astext() == ('<div class="slip executed"><dl><div><dt>Claimed value</dt><dd><pre class="numbers">[[1, 2],\n [3, 4]]</pre></dd></div>'
                              "<div><dt>True value</dt><dd><pre>refused &lt; no</pre></dd></div></dl></div>")


def test_the_gallery_has_every_slip_that_changes_a_result():
    shown = book.gallery(ROOT)
    assert set(shown.values()) == {"chapters/checking/slips"}
    assert {row.id for row in ledger.claims() if row.effect == "result changed"} <= set(shown)
    assert set(shown) == set(book.slips(ROOT)) == set(ledger.executed())
    assert "chapters/checking/slips" not in book.slips(ROOT).values()


@pytest.mark.parametrize("code", book.gallery(ROOT))
def test_every_entry_can_be_typeset(code):
    claim = ledger.claim(code)
    made = slip_gallery.entry(claim, ("1", "2"), [], "", katex_math.typeset)
    assert f'id="slip-{code}"' in made and "<code>" not in made

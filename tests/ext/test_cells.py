"""Cells: folded code says what it is for, and pictures get their box."""
import cells
import pytest
from docutils import nodes


def cell(source, **data):
    return {"cell_type": "code", "source": source, "outputs": [{"data": data}] if data else []}


@pytest.mark.parametrize(("folded", "words"), [
    (cell("d", **{"text/markdown": "$$ a &= b \\\\ % start\n$$"}), "Code of the derivation"),
    (cell("d", **{"text/markdown": "% start; x\n\n% start"}), "Code of the derivations"),
    (cell("plot.show(fig)", **{"image/png": "iVBO"}), "Code of the figure"),
    (cell("explore.flipbook(draw)", **{"text/html": '<figure class="flipbook">'}), "Code of the figure"),
    (cell("show.table(rows)", **{"text/markdown": "| a |\n| --: |\n| 1 |"}), "Code of the table"),
    (cell("x = 1\nprint(x)", **{"text/plain": "1"}), "Code"),
    (cell("import os"), "Code"),
    (cell("def f(x):\n    y = x\n    return y\n\n\na, (b, c) = 1, (2, 3)"), "Code that defines f, a, b, c"),
    (cell("a = b = c = d = 1\ne = 2\na = 3"), "Code that defines a, b, c, d …")])
def test_folded_code_says_what_it_is_for(folded, words):
    assert cells.prompt(folded) == words


@pytest.mark.parametrize(("text", "diagram"), [
    ("Figure, 640 × 360 px\n  x from 0 to 1; y from −1 to 1; words: a", True),
    ("Figure, 640 × 360 px\n  x from 0 to 1; y from −1 to 1\n  score from 0 to 1; y from 0 to 1", False),
    ("Figure, 640 × 360 px", False)])
def test_a_diagram_has_no_axis_with_a_name(text, diagram):
    assert cells.is_diagram({"data": {"image/png": "iVBO", "text/plain": text}}) == diagram
    assert not cells.is_diagram({"data": {"text/plain": text}})


def test_a_picture_gets_a_box_as_wide_as_it_was_drawn():
    drawn, unknown = nodes.image(uri="a.png", width="560", classes=["diagram"]), nodes.image(uri="b.png")
    doctree = nodes.section("", nodes.figure("", drawn), unknown)
    app = type("App", (), {"builder": type("Builder", (), {"format": "html"})})
    cells.box_pictures(app, doctree, "")
    assert [child.astext() for child in doctree[0]] == ['<div class="pane" style="--drawn: 560px">', "", "</div>"]
    assert doctree[0][1]["uri"] == "a.png" and doctree[1] is unknown
    assert [child["classes"] for child in doctree[0]] == [[], ["diagram"], []]


@pytest.mark.parametrize(("cell", "shown"), [
    ("-0.25", "−0.25"), ("-1e-07", "−1e−07"), ("2e-07", "2e−07"), ("log-odds", "log-odds"), ("1-2", "1-2"), ("3", "3")])
def test_a_number_in_a_table_has_the_minus_sign_of_the_text(cell, shown):
    entry = nodes.entry("", nodes.paragraph("", cell), nodes.literal("", cell))
    cells.set_minus(None, nodes.section("", entry))
    assert (entry[0].astext(), entry[1].astext()) == (shown, cell)

"""What is told of submissions: one row each, nothing hidden, no formula in a cell, no markup but our own."""

import csv
import re

from lib.diagnose.reports import Row, plain, report, sentence, summary, write_csv, write_html

ROWS = [Row("a.py", "dW1", "softmax", "right", "", "Right.", 0.5, ("one line", "another")),
        Row("=cmd|' /C calc'!A0", "dW1", "softmax", "wrong", "sign", "<b>Wrong & more</b>.", 0.25),
        Row("b.py", "", "", "not judged", "", "It crashed.", 0.0)]


def test_the_report_has_a_mark_for_every_verdict_and_says_more_below():
    assert report(ROWS[:1]) == "a.py (softmax)\n  ✓ dW1, right: Right.\n      one line\n      another"
    assert report(ROWS[1:2]).splitlines()[1] == "  ✗ dW1, sign: <b>Wrong & more</b>."
    assert report(ROWS[2:]) == "b.py\n  ? not judged: It crashed."
    assert summary(ROWS) == "3 files: 1 right, 1 wrong, 1 not judged" and summary(ROWS[:1]).startswith("1 file: ")


def test_hostile_text_is_made_plain():
    assert plain("a\x1b[2J\n b\u202e\t\x00c\ud800") == "a\\x1b[2J b\\u202e \\x00c\\ud800"
    assert plain("λ φ′ ½ ‖W‖²") == "λ φ′ ½ ‖W‖²" and plain("x" * 5000) == "x" * 600 + " …"
    assert sentence("it ended") == "It ended." == sentence("It ended.")


def test_no_cell_of_the_table_is_a_formula(tmp_path):
    rows = [Row(start + "1", start, start, start, start, start, 1.5) for start in "=+-@"]
    write_csv(ROWS + rows, str(tmp_path / "t.csv"))
    with open(tmp_path / "t.csv", newline="", encoding="utf-8-sig") as table:
        head, *body = csv.reader(table)
    assert head == ["file", "what", "model", "verdict", "kind", "sentence", "seconds"] and len(body) == 7
    assert body[0] == ["a.py", "dW1", "softmax", "right", "", "Right.", "0.5"]
    assert not [cell for line in body for cell in line if cell[:1] in tuple("=+-@\t\r") and cell]


def test_the_page_needs_nothing_and_says_what_its_cells_are(tmp_path):
    write_html(ROWS, str(tmp_path / "t.html"))
    page = (tmp_path / "t.html").read_text("utf8")
    assert "<b>" not in page and "&lt;b&gt;Wrong &amp; more&lt;/b&gt;." in page
    assert not re.search(r"src=|href=|url\(|<script|https?:", page) and "default-src 'none'" in page
    assert page.count("<caption>") == page.count("<table>") == 2 and page.count('scope="col"') == 7 + 2
    assert page.count('scope="row"') == len(ROWS) + 1 and "<html lang=" in page and "<h1>" in page
    assert '<th scope="row">sign</th><td>1</td>' in page
    write_html(ROWS[:1], str(tmp_path / "t.html"))
    assert (tmp_path / "t.html").read_text("utf8").count("<table>") == 1

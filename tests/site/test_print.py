"""The check of the printed book finds what is wrong with a print."""
from __future__ import annotations

import print_book
import pytest

PAGE = """<!doctype html><title>t</title><section class="bd-article"><h1>First</h1><pre>a = 1
b = "{}"</pre></section>"""


@pytest.fixture(scope="module")
def prints(readers, tmp_path_factory):
    """Print a page whose second line of code is as long as asked for; returns the file."""
    page = readers["wide"].context.browser.new_page()

    def to_pdf(length: int):
        target = tmp_path_factory.mktemp("print") / "page.pdf"
        page.set_content(PAGE.format("x" * length))
        page.pdf(path=target, **print_book.PAPER, tagged=True, outline=True)
        return target

    yield to_pdf
    page.close()


def test_a_good_print_has_one_fault_its_length(prints):
    assert print_book.faults(prints(20), ["First"], ["a=1"]) == ["1 pages: expected more than 100 of the whole book"]


def test_what_is_cut_or_missing_is_named(prints):
    found = "\n".join(print_book.faults(prints(400), ["First", "Second"], ["a=1", "c=3"]))
    assert "not in the outline: Second" in found and "not in the outline: First" not in found
    assert "line of code not in the text: c=3" in found and "a=1" not in found
    assert "page 1: text reaches" in found


def test_a_font_that_is_not_in_the_file_is_named(prints):
    pdf = prints(20).read_bytes()
    assert print_book.unembedded(pdf) == []
    assert "font not embedded: " in print_book.unembedded(pdf.replace(b"/FontFile", b"/FontLost"))[0]
    assert print_book.unembedded(b"") == ["no font was found in the file"]


def test_code_lines_are_those_that_are_shown():
    document = '<pre>a &lt; b\n\n<span>c</span> - d <a class="reference" href="#x">(3)</a></pre><details><pre>e</pre></details>'
    assert print_book.code_lines(document) == ["a<b", "cd"]


def test_a_page_keeps_its_places_and_links_among_others():
    text = '<h1 id="top">T</h1><a href="#top"></a><a href="b.html#x"></a><a href="../c.html"></a><img loading="lazy" src="../_i/f.png">'
    made = print_book.placed("a/b-c", text, {"a/b-c", "a/b"})
    assert '<section id="a-b-c"><h1 id="a-b-c--top">' in made and 'href="#a-b-c--top"' in made and 'href="#a-b--x"' in made
    assert 'href="../html/c.html"' in made and '<img src="../html/_i/f.png">' in made

"""The map: what needs what, in pictures whose rows stand in the order of the book."""
import re
from pathlib import Path

import book
import book_map
import networkx
from book_map import Row

ROOT = Path(__file__).parents[2]


def test_needs_lead_forward_through_the_book():
    graph, order = book_map.needs(ROOT), list(book.results(ROOT))
    assert graph.has_edge("sigmoid-symmetry", "sigmoid-slope") and networkx.is_directed_acyclic_graph(graph)
    assert all(order.index(a) < order.index(b) for a, b in graph.edges)
    assert "sigmoid" in networkx.ancestors(graph, "logistic-gradient")


def test_chapters_need_each_other_directly():
    graph = book_map.between_chapters(ROOT)
    page = "chapters/regression/softmax"
    assert networkx.has_path(graph, "chapters/neurons/activations", page)
    assert networkx.transitive_reduction(graph).edges == graph.edges
    assert set(graph) == {chapter.page for chapter in book.chapters(ROOT) if chapter.results}


def test_a_chapter_shows_what_it_needs_from_elsewhere_first():
    graph, known = book_map.needs(ROOT), book.results(ROOT)
    (chapter,) = (chapter for chapter in book.chapters(ROOT) if chapter.page.endswith("gradient-descent"))
    rows = book_map.rows_of(chapter, graph, known)
    foreign = [label for label in rows if known[label].page != chapter.page]
    assert rows == foreign + [result.label for result in chapter.results] and "log-sigmoid-slope" in foreign


def test_the_picture():
    rows = [Row("a", "x < y", "p.html#a", elsewhere=True), Row("b", "Second", "q.html#b")]
    svg = book_map.picture(rows, [("a", "b"), ("lost", "b")], "A title")
    assert svg.count("<path") == 1 and 'data-from="a" data-to="b"' in svg
    assert '<a href="p.html#a" data-key="a" class="elsewhere">' in svg and "x &lt; y" in svg
    assert re.search(r'role="group" aria-label="A title"', svg)
    assert f'height="{2 * book_map.ROW}"' in svg


def test_the_same_book_gives_the_same_picture():
    rows = [Row(key, key, f"{key}.html") for key in "abc"]
    edges = [("a", "b"), ("b", "c"), ("a", "c")]
    assert book_map.picture(rows, edges, "A title") == book_map.picture(rows, edges[::-1], "A title")


def test_names_hold_no_tex():
    assert book_map.words(r"slope of $\ln\sigma$ by the parameters") == "slope of ln σ by the parameters"
    assert not [result.name for result in book.results(ROOT).values() if re.search(r"[\\$]", book_map.words(result.name))]

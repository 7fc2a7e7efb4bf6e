"""The map: which result needs which. Results stand in the order of the book, one below the other, and an arc leads from
each to every result that needs it; first the chapters as a whole, then the results of each.

    ```{book-map}
    ```
The needs are those of results.yml. Pictures are SVG with links; map.js follows a result back to all that it rests on.
"""
from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

import networkx
from book import Chapter, Result, chapters, cited, results
from docutils import nodes
from plain_math import plain
from results import find, inline
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PAGE = "map"
ROW, GUTTER, LETTER = 21, 58, 6.9            # px: height of a row, room for the arcs, width of a letter
ELSEWHERE = ' class="elsewhere"'


class arcs(nodes.General, nodes.Element):
    """Stands for a picture until the addresses of all results are known."""


@dataclass(frozen=True)
class Row:
    """A line of a picture: what it is called, where it leads, and whether it belongs to another chapter."""

    key: str
    name: str
    address: str
    elsewhere: bool = False


def short(page: str) -> str:
    return page.rpartition("/")[2].replace("-", " ").capitalize()


def words(text: str) -> str:
    return re.sub(r"\$([^$]+)\$", lambda math: plain(math[1]), text)


def needs(root: Path) -> networkx.DiGraph:
    """Results, with an edge from each to those that need it."""
    known = results(root)
    graph = networkx.DiGraph()
    graph.add_nodes_from(known)
    graph.add_edges_from((need, label) for label, result in known.items() for need in result.needs if need in known)
    return graph


def between_chapters(root: Path) -> networkx.DiGraph:
    """Chapters, with an edge from each to the later ones that use a result of it directly: in a derivation, or in a
    sentence that gives its number; and not only by way of another chapter."""
    page = {label: result.page for label, result in results(root).items()}
    graph = networkx.DiGraph()
    graph.add_nodes_from(chapter.page for chapter in chapters(root) if chapter.results)
    order = list(graph)
    used = {(page[a], page[b]) for a, b in needs(root).edges}
    used |= {(page[label], name) for name, labels in cited(root).items() for label in labels if label in page}
    graph.add_edges_from((a, b) for a, b in used if b in graph and order.index(a) < order.index(b))
    return networkx.transitive_reduction(graph)


def rows_of(chapter: Chapter, graph: networkx.DiGraph, known: dict[str, Result]) -> list[str]:
    """The results of other chapters that this one needs, and then its own, in the order of the book."""
    own = [result.label for result in chapter.results]
    foreign = {need for label in own for need in graph.predecessors(label)} - set(own)
    return [label for label in known if label in foreign] + own


def picture(rows: list[Row], edges: list[tuple[str, str]], title: str) -> str:
    """The SVG: a dot and a name in each row, and an arc for each edge, from the row above to the row below."""
    width = GUTTER + 14 + round(LETTER * max(len(row.name) for row in rows))
    height = {row.key: ROW * i + ROW / 2 for i, row in enumerate(rows)}
    drawn = "".join(arc(height[a], height[b], a, b) for a, b in sorted(edges) if a in height and b in height)
    names = "".join(
        f'<a href="{html.escape(row.address)}" data-key="{row.key}"{ELSEWHERE * row.elsewhere}>'
        f'<circle cx="{GUTTER}" cy="{height[row.key]:g}" r="3"/>'
        f'<text x="{GUTTER + 11}" y="{height[row.key] + 4.5:g}">{html.escape(row.name)}</text></a>' for row in rows)
    return (f'<svg class="arcs" viewBox="0 0 {width} {ROW * len(rows)}" width="{width}" height="{ROW * len(rows)}" '
            f'role="group" aria-label="{html.escape(title)}"><g fill="none" aria-hidden="true">{drawn}</g>'
            f"{names}</svg>")


def arc(top: float, bottom: float, source: str, target: str) -> str:
    reach = min(GUTTER - 6, 9 + 0.28 * (bottom - top)) * 4 / 3
    return (f'<path data-from="{source}" data-to="{target}" d="M{GUTTER - 5} {top:g}C{GUTTER - 5 - reach:.4g} {top:g} '
            f'{GUTTER - 5 - reach:.4g} {bottom:g} {GUTTER - 5} {bottom:g}"/>')


class BookMap(SphinxDirective):
    """The picture of the chapters, and a section with a picture for each."""

    def run(self):
        root = Path(self.env.srcdir)
        self.env.note_dependency("results.yml")
        return [arcs(), *(self.section(chapter) for chapter in chapters(root) if chapter.results)]

    def section(self, chapter: Chapter) -> nodes.section:
        self.env.note_dependency(f"{chapter.page}.ipynb")
        section = nodes.section("", nodes.title("", "", *inline(chapter.title)), arcs(page=chapter.page),
                                names=[chapter.title.lower()])
        self.state.document.note_implicit_target(section)
        return section


def fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if page != PAGE:
        return
    root = Path(app.srcdir)
    known, graph, titles = results(root), needs(root), {chapter.page: chapter for chapter in chapters(root)}
    for node in list(doctree.findall(arcs)):
        if "page" in node:
            chapter = titles[node["page"]]
            labels = rows_of(chapter, graph, known)
            shown = [Row(label, words(known[label].title), address(app, page, f"eq:{label}"),
                         known[label].page != chapter.page) for label in labels]
            svg = picture(shown, [(a, b) for a, b in graph.edges if known[b].page == chapter.page],
                          f"Results of “{words(chapter.title)}” and what they need")
        else:
            whole = between_chapters(root)
            shown = [Row(name, short(name), app.builder.get_relative_uri(page, name))
                     for name in titles if name in whole]
            svg = picture(shown, list(whole.edges), "The chapters and which of them each one needs")
        node.replace_self(nodes.raw("", svg, format="html"))


def address(app: Sphinx, page: str, label: str) -> str:
    place = find(app.env, label)
    return f"{app.builder.get_relative_uri(page, place[0])}#{place[1]}" if place else ""


def add_script(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    if page == PAGE:
        app.add_js_file("map.js", loading_method="defer")


def setup(app: Sphinx):
    app.add_node(arcs)
    app.add_directive("book-map", BookMap)
    app.connect("doctree-resolved", fill)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

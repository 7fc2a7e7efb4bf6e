"""The page of all results; and links to a result, from that page and from the reasons in which its name occurs.

    ```{all-results}
    ```
    {result}`softmax-jacobian`          a link that reads "Softmax Jacobian"
"""
from __future__ import annotations

import re
from pathlib import Path

from book import Chapter, Result, chapters, results
from derivation_grid import text_width
from docutils import nodes
from katex_math import typeset
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode

ROOM = 24       # em of text beside a name; an equation that is wider stands below it


def inline(text: str) -> list[nodes.Node]:
    """Words with formulas between dollar signs, as nodes."""
    pieces = re.split(r"\$([^$]+)\$", text)
    return [nodes.math(piece, piece) if i % 2 else nodes.Text(piece) for i, piece in enumerate(pieces) if piece]


def link(kind: str, target: str, page: str, *children: nodes.Node, **more) -> pending_xref:
    """A link that is resolved once every page is known: kind "result", or "place" for any label of a chapter."""
    return pending_xref("", *children, refdomain="", reftype=kind, reftarget=target, refdoc=page,
                        **{"refwarn": True, **more})


def to_function(name: str, page: str) -> pending_xref:
    """A link from the name of a function to its entry on the page of lib."""
    return pending_xref("", nodes.literal(name, name), refdomain="py", reftype="obj", reftarget=f"lib.{name}",
                        refdoc=page, refwarn=False, refexplicit=True)


class ResultRole(SphinxRole):
    def run(self):
        result = results(Path(self.env.srcdir)).get(self.text)
        words = inline(result.title if result else self.text)
        return [link("result", self.text, self.env.docname, nodes.inline("", "", *words))], []


def joined(parts: list[nodes.Node]) -> list[nodes.Node]:
    return [node for part in parts for node in (nodes.Text(", "), part)][1:]


class AllResults(SphinxDirective):
    """A section for each chapter, and in it what has been derived, in the order of the book."""

    def run(self):
        root, page = Path(self.env.srcdir), self.env.docname
        self.known = results(root)
        self.env.note_dependency("results.yml")
        for chapter in chapters(root):
            self.env.note_dependency(f"{chapter.page}.ipynb")
        return [self.section(chapter, page) for chapter in chapters(root) if chapter.results]

    def section(self, chapter: Chapter, page: str) -> nodes.section:
        entries = [self.entry(result, page) for result in chapter.results]
        section = nodes.section("", nodes.title("", "", *inline(chapter.title)),
                                nodes.bullet_list("", *entries, classes=["results"]))
        section["names"] = [chapter.title.lower()]
        self.state.document.note_implicit_target(section)
        return section

    def entry(self, result: Result, page: str) -> nodes.list_item:
        name = link("result", result.label, page, nodes.inline("", "", *inline(result.title)))
        number = link("result", result.label, page, nodes.inline("", "", classes=["eqno"]), number=True)
        equation = nodes.math_block(result.equation, result.equation, nowrap=False, number=None, label=None)
        about = []
        if needs := [link("result", need, page, nodes.inline("", "", *inline(self.known[need].name)))
                     for need in result.needs if need in self.known]:
            about += [nodes.Text("needs "), *joined(needs)]
        if functions := [to_function(name, page) for name in dict.fromkeys(result.functions)
                                     if (Path(self.env.srcdir) / "lib" / f"{name.split('.')[0]}.py").exists()]:
            about += [nodes.Text("; " if needs else ""), nodes.Text("in code "), *joined(functions)]
        heading = nodes.paragraph("", "", number, nodes.Text(" "), name)
        wide = text_width(typeset(result.equation, True)) > ROOM
        return nodes.list_item("", heading, equation, *([nodes.paragraph("", "", *about)] if about else []),
                               ids=[f"result-{result.label}"], classes=["wide"] if wide else [])


def find(env, label: str) -> tuple[str, str, str] | None:
    """Page and anchor of what carries a label, and its number if it is an equation."""
    equations, labels = env.get_domain("math").equations, env.get_domain("std").anonlabels
    if label in equations:
        (page, number), anchor = equations[label], nodes.make_id(f"equation-{label}")
        numbers = env.toc_fignumbers.get(page, {}).get("displaymath", {}).get(anchor, (number,))
        return page, anchor, ".".join(map(str, numbers))
    return (*labels[label.lower()], "") if label.lower() in labels else None


def resolve(app, env, node: pending_xref, content: nodes.Node) -> nodes.reference | None:
    """Point a link at the equation of a result, or at whatever carries a label."""
    kind, label = node["reftype"], node["reftarget"]
    if node.get("refdomain") or kind not in ("result", "place"):
        return None
    found = find(env, f"eq:{label}" if kind == "result" else label)
    if found is None:
        return None if node.get("refwarn") else content
    page, anchor, number = found
    if node.get("number"):
        content = nodes.inline("", f"({number})", classes=["eqno"])
    return make_refnode(app.builder, node["refdoc"], page, anchor, content)


def link_reasons(app, doctree: nodes.document, page: str) -> None:
    """Tell every derivation where the results stand that its reasons name; katex_math makes the links."""
    known = results(Path(app.srcdir))
    for block in doctree.findall(nodes.math_block):
        result = known.get(str(block.get("shows") or block.get("label") or "").removeprefix("eq:"))
        for need in result.needs if result else ():
            if need in known and (found := find(app.env, f"eq:{need}")):
                uri = app.builder.get_relative_uri(page, found[0]) if found[0] != page else ""
                block.setdefault("links", []).extend(
                    (wording, f"{uri}#{found[1]}") for wording in (known[need].name, *known[need].wordings))


def setup(app):
    app.add_role("result", ResultRole())
    app.add_directive("all-results", AllResults)
    app.connect("missing-reference", resolve)
    app.connect("doctree-resolved", link_reasons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

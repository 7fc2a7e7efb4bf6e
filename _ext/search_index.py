"""The search of the site: sections, results, functions, terms and rows of the ledger, each with its address and words.

Sphinx would index whole pages and fetch them for a snippet, which shows raw LaTeX and does nothing from a file. Here
the words are written into one script, formulas as plain text, which search.html loads for the first query; search.js
looks them up with MiniSearch.
"""
from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import derivation_grid
from book import Result, results
from docutils import nodes
from plain_math import plain
from results import find
from sphinx import addnodes
from sphinx.application import Sphinx

from lib import ledger

MINISEARCH = Path(__file__).parents[1] / "node_modules" / "minisearch" / "dist" / "umd" / "index.js"
PAGE = "search"
OWN_ENTRIES = {"results", "ledger", "map", PAGE}        # pages whose contents have entries of their own, or none
SILENT = (nodes.raw, nodes.comment, nodes.image, nodes.literal_block, nodes.title, nodes.section, nodes.target,
          nodes.system_message, nodes.citation, addnodes.desc, addnodes.toctree, nodes.substitution_definition)


def words(node: nodes.Node) -> str:
    """What a reader would read aloud: prose and formulas, without code and without the sections inside."""
    if isinstance(node, nodes.Text):
        return plain_words(node.astext()) if isinstance(node.parent, nodes.literal) else node.astext()
    if isinstance(node, nodes.math_block) and derivation_grid.is_derivation(node.astext()):
        return ""                                                                   # it has an entry of its own
    if isinstance(node, nodes.math | nodes.math_block):
        return plain(node.astext()) + (" " if isinstance(node, nodes.math_block) else node.get("tail", ""))
    if is_silent(node):
        return ""
    return "".join(map(words, node.children)) + ("" if isinstance(node, nodes.Inline) else " ")


def is_silent(node: nodes.Node) -> bool:
    if isinstance(node, nodes.emphasis):
        return bool(re.match(r"\d+ lines: the first ", node.astext()))           # the sentence below a derivation
    if isinstance(node, nodes.field):
        return node[0].astext() in ("Last line of", "Used in")
    return "cell_input" in node["classes"] or (isinstance(node, SILENT) and not is_part(node))


def is_part(node: nodes.Node) -> bool:
    """A section without a title is the inside of an exercise."""
    return isinstance(node, nodes.section) and not any(isinstance(child, nodes.title) for child in node)


def reason(tex: str) -> str:
    inside = re.fullmatch(r"\\text\{(.*)\}", tex, re.S)
    return re.sub(r"\$([^$]+)\$", lambda math: plain(math[1]), inside[1] if inside else tex)


def tidy(text: str) -> str:
    return " ".join(text.split())


def entries_of(app: Sphinx, page: str, doctree: nodes.document) -> list[list[str]]:
    """The sections, functions and terms of a page: address, page title, heading, words, kind."""
    address, title = app.builder.get_target_uri(page), tidy(words_of_title(app.env.titles[page]))
    found = []
    for section in doctree.findall(lambda node: isinstance(node, nodes.section) and not is_part(node)):
        heading, first = tidy(words_of_title(section.next_node(nodes.title))), section.parent is doctree
        place, kind = (address, "page") if first else (f"{address}#{section['ids'][0]}", "section")
        text = " ".join(map(words, section.children))
        found.append([place, title, heading, tidy(plain_words(text) if page == "functions" else text), kind])
    for entry in doctree.findall(addnodes.desc):
        head, content = entry[0], entry[-1]
        found.append([f"{address}#{head['ids'][0]}", title, plain_words(head.astext()),
                      tidy(plain_words(words(content))), "function"])
    for term in doctree.findall(nodes.term):
        if term["ids"] and term["ids"][0].startswith("term-"):
            found.append([f"{address}#{term['ids'][0]}", title, term.astext(), tidy(words(term.parent[-1])), "term"])
    return found


def words_of_title(title: nodes.Node) -> str:
    return "".join(plain(node.astext()) if isinstance(node, nodes.math) else node.astext()
                   for node in title.findall(lambda n: isinstance(n, nodes.math)
                                             or (isinstance(n, nodes.Text) and not isinstance(n.parent, nodes.math))))


def entry_of(app: Sphinx, result: Result) -> list[str] | None:
    """A result: its name, its equation, and the reasons of its lines."""
    place = find(app.env, f"eq:{result.label}")
    if place is None:
        return None
    reasons = "; ".join(reason(line.reason) for line in result.lines)
    name = re.sub(r"\$([^$]+)\$", lambda math: plain(math[1]), result.title)
    return [f"{app.builder.get_target_uri(place[0])}#{place[1]}", tidy(words_of_title(app.env.titles[place[0]])), name,
            f"{plain(result.equation)}. Steps: {reasons}.", "result"]


def row_of(claim: ledger.Claim) -> list[str]:
    kinds = ", ".join(claim.kind)
    return [f"ledger.html#{claim.id}", "The ledger of claims", claim.id,
            tidy(f"{claim.verdict}{': ' if kinds else ''}{kinds}. {plain_words(claim.claim)}"), "row"]


def plain_words(sentence: str) -> str:
    """TeX among words, as in a claim, without its backslashes, braces and dollar signs."""
    return re.sub(r"[{}$]|\\(?:[,;!]|left|right)", "", sentence).replace("\\", "")


def collect(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> str | None:
    """While a page is written, keep its entries; the page of the search itself gets its script."""
    if doctree is not None and page not in OWN_ENTRIES:
        app.search_entries[page] = entries_of(app, page, doctree)
    if page == PAGE:
        app.add_js_file("search.js", loading_method="defer")


def write(app: Sphinx, error: Exception | None) -> None:
    """Write all entries as a script, also those of pages that did not have to be written again."""
    if error or app.builder.format != "html" or PAGE not in app.env.found_docs:
        return
    for page in app.env.found_docs - OWN_ENTRIES - app.search_entries.keys():
        app.search_entries[page] = entries_of(app, page, app.env.get_and_resolve_doctree(page, app.builder))
    entries = [entry for _, kept in sorted(app.search_entries.items()) for entry in kept]
    entries += [entry for result in results(Path(app.srcdir)).values() if (entry := entry_of(app, result))]
    entries += [row_of(claim) for claim in ledger.claims()] if "ledger" in app.env.found_docs else []
    static = Path(app.outdir) / "_static"
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    (static / "search-entries.js").write_text(f"const searchEntries = {text};\n", encoding="utf8")
    shutil.copy(MINISEARCH, static / "minisearch.js")


def begin(app: Sphinx) -> None:
    app.search_entries = {}
    app.builder.search = False              # Sphinx's own index and page of the search are not made


def setup(app: Sphinx):
    app.connect("builder-inited", begin)
    app.connect("html-page-context", collect)
    app.connect("build-finished", write, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": False}

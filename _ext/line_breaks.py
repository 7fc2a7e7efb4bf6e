"""Where a line of code may break, told to the style sheet by classes.

Not within a short piece of code in a sentence, and not within the rows of a printed matrix, which scrolls instead if
nothing else in the output is wider. But a sentence that stands as code among numbers in a table, such as what NumPy
says when it refuses a product, is broken like any other; else the column beside it would be out of sight.
"""
from __future__ import annotations

import re

from docutils import nodes

SHORT = 16          # characters: "x * x" and "mine(g, y, Z)"; longer code would leave holes in a narrow text
ROW = re.compile(r"\[\[| \[")
SENTENCE = re.compile(r"[a-z]{2,} [a-z]{2,}.* [a-z]{2,} ")


def mark(app, doctree: nodes.document, docname: str) -> None:
    for code in doctree.findall(nodes.literal):
        text, column = code.astext(), isinstance(code.parent.parent, nodes.entry)
        if column and SENTENCE.search(text):
            code["classes"].append("sentence")
        elif not column and " " in text and len(text) <= SHORT:
            code["classes"].append("short")
    for output in doctree.findall(nodes.literal_block):
        if "output" in output["classes"] and ROW.match(max(output.astext().splitlines(), key=len, default="")):
            output["classes"].append("matrix")


def setup(app):
    app.connect("doctree-resolved", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

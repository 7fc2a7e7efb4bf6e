"""Where a line of code may break, told to the style sheet by classes.

Not within a short piece of code in a sentence, and not within the rows of a printed matrix, which scrolls instead if
nothing else in the output is wider.
"""
from __future__ import annotations

import re

from docutils import nodes

SHORT = 16          # characters: "x * x" and "mine(g, y, Z)"; longer code would leave holes in a narrow text
ROW = re.compile(r"\[\[| \[")


def mark(app, doctree: nodes.document, docname: str) -> None:
    for code in doctree.findall(nodes.literal):
        text = code.astext()
        if " " in text and len(text) <= SHORT and not isinstance(code.parent.parent, nodes.entry):
            code["classes"].append("short")
    for output in doctree.findall(nodes.literal_block):
        if "output" in output["classes"] and ROW.match(max(output.astext().splitlines(), key=len, default="")):
            output["classes"].append("matrix")


def setup(app):
    app.connect("doctree-resolved", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What a reader is told of folded code: what it is for. And a box of its own for every picture, in which it scrolls.

Code that is folded away stands behind a few words: "Code of the figure", or, where a cell shows nothing, the names it
defines. On a phone a wide picture keeps a width at which its letters can be read; how wide is up to the style sheet,
which is told here how wide the picture was drawn, and whether it is a diagram, that is, has no axes that are named.
"""
from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from docutils import nodes

FOLDED = {"hide-input", "hide-cell"}
SHOWN = {"derivation": r"% start\b", "figure": r"image/png|widget-view|class=\\?\"flipbook",
         "table": r"\|[ :]*--|<table"}
NAMES = 4           # that are listed
NEGATIVE = re.compile(r"-\d[\d.]*(e[-+]?\d+)?|\d[\d.]*e-\d+")
UNNAMED = re.compile(r"x from .*?; y from ")


def names(source: str) -> list[str]:
    """What a cell defines, in its order."""
    found = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found.append(statement.name)
        for target in statement.targets if isinstance(statement, ast.Assign) else []:
            found += [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
    return list(dict.fromkeys(found))


def prompt(cell: dict) -> str:
    """The words on which a reader clicks to see the code."""
    shown = json.dumps([output.get("data", {}) for output in cell["outputs"]])
    for kind, sign in SHOWN.items():
        if found := len(re.findall(sign, shown)):
            return f"Code of the {kind}{'s' * (kind == 'derivation' and found > 1)}"
    defined = [] if cell["outputs"] else names("".join(cell["source"]))
    return f"Code that defines {', '.join(defined[:NAMES])}{' …' * (len(defined) > NAMES)}" if defined else "Code"


def is_diagram(output: dict) -> bool:
    """Whether no axis of the figure has a name: `lib.plot` says so in its text."""
    data = output.get("data", {})
    axes = "".join(data.get("text/plain", "")).splitlines()[1:] if "image/png" in data else []
    return bool(axes) and all(UNNAMED.match(line.strip()) for line in axes)


def tell(app, docname: str, source: list[str]) -> None:
    """Write into the cells of a notebook, before it is parsed, what the pages will say of them."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            said = cell["metadata"].setdefault("mystnb", {})
            if FOLDED & set(cell["metadata"].get("tags", [])):
                said["code_prompt_show"] = prompt(cell)
            if any(is_diagram(output) for output in cell["outputs"]):
                said.setdefault("image", {})["classes"] = "diagram"
    source[0] = json.dumps(notebook)


def pane(width: str | int, inside: str) -> str:
    """The box in which a picture scrolls."""
    return f'<div class="pane" style="--drawn: {int(width)}px">{inside}</div>'


def box_pictures(app, doctree: nodes.document, docname: str) -> None:
    """Put every picture whose width on the page is known into its box."""
    for image in list(doctree.findall(nodes.image)):
        width = re.fullmatch(r"(\d+)(px)?", image.get("width", ""))
        if width and app.builder.format == "html":
            before, after = (nodes.raw("", part, format="html") for part in pane(width[1], "\0").split("\0"))
            image.parent.replace(image, [before, image.deepcopy(), after])      # replace_self would move its class


def set_minus(app, doctree: nodes.document, docname: str = "") -> None:
    """Give a number in a table the minus sign of the text."""
    for entry in doctree.findall(nodes.entry):
        for text in list(entry.findall(nodes.Text)):
            if NEGATIVE.fullmatch(text) and not isinstance(text.parent, nodes.literal | nodes.math):
                text.parent.replace(text, nodes.Text(text.replace("-", "−")))


def setup(app):
    app.connect("source-read", tell)
    app.connect("doctree-resolved", set_minus)
    app.connect("doctree-resolved", box_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

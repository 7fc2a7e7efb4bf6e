"""Typeset all math when the book is built, with KaTeX in an embedded JavaScript engine.

A reader's browser gets finished HTML and MathML, and no math script. A formula that KaTeX cannot read is a warning with
file and line, so that the strict build fails on it. Derivations get a layout of their own: see derivation_grid.py.
"""
from __future__ import annotations

import functools
import html
import re
import shutil
from pathlib import Path

import derivation_grid
from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

KATEX = Path(__file__).parents[1] / "node_modules" / "katex" / "dist"
NUMBERED = re.compile(r"\\(begin|end)\{(align|alignat|gather|equation)\}")
log = logging.getLogger(__name__)


@functools.cache
def engine() -> MiniRacer:
    """One JavaScript engine per build, with KaTeX in it."""
    js = MiniRacer()
    js.eval((KATEX / "katex.min.js").read_text(encoding="utf8"))
    js.eval("""const typeset = (tex, display) => katex.renderToString(
        tex, {displayMode: display, throwOnError: true, strict: "ignore", trust: false, output: "htmlAndMathml"})""")
    return js


@functools.cache
def typeset(tex: str, display: bool = False) -> str:
    """A formula as HTML and MathML; ValueError with KaTeX's message if it cannot be read."""
    try:
        # KaTeX gives `_{\min}` a sign of application as a third part, which MathML does not allow.
        return re.sub(r"<mo>\u2061</mo>(?=</m(?:sub|sup|subsup)>)", "", engine().call("typeset", tex, display))
    except JSEvalException as error:
        message = re.search(r"ParseError: (.*)", str(error))
        raise ValueError(message[1] if message else str(error)) from None


def display_form(tex: str, nowrap: bool) -> str:
    """The formula as KaTeX wants it: Sphinx numbers equations, so KaTeX must not."""
    if not nowrap and r"\\" in tex and r"\begin{" not in tex:
        tex = rf"\begin{{split}}{tex}\end{{split}}"
    return NUMBERED.sub(r"\\\1{\2*}", derivation_grid.open_fractions(tex))


def guarded(node: nodes.Node, make) -> str:
    """What `make` returns, or the bare LaTeX and a warning that names the place."""
    try:
        return make()
    except ValueError as error:
        log.warning("math: %s", error, location=node, type="katex")
        return f"<code>{html.escape(node.astext())}</code>"


def take_punctuation(app, doctree: nodes.document, docname: str) -> None:
    """Give every inline formula the punctuation that follows it."""
    for node in list(doctree.findall(nodes.math)):
        after = node.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and (tail := derivation_grid.PUNCTUATION.match(after)[0]):
            node["tail"] = tail
            here = next(k for k, child in enumerate(after.parent) if child is after)     # equal text may stand earlier
            after.parent[here] = nodes.Text(after.removeprefix(tail))


def visit_inline(translator, node: nodes.math) -> None:
    math = guarded(node, lambda: typeset(node.astext()))
    start = translator.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    translator.body.append(derivation_grid.kept_together(f"{start}{math}</span>", node.get("tail", "")))
    raise nodes.SkipNode


def visit_block(translator, node: nodes.math_block) -> None:
    tex = node.astext()
    lines = derivation_grid.is_derivation(tex)
    if lines:
        math = guarded(node, lambda: derivation_grid.to_html(tex, typeset, node.get("links", ())))
    else:
        math = guarded(node, lambda: typeset(display_form(tex, node.get("nowrap", False)), True))
    classes = "derivation notranslate nohighlight" if lines else "math notranslate nohighlight"
    translator.body.append(translator.starttag(node, "div", CLASS=classes) + math)
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def copy_fonts(app) -> None:
    """Put KaTeX's style sheet and fonts into the site, in the one format that every browser reads."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "katex"
    others = shutil.ignore_patterns("*.ttf", "*.woff")
    shutil.copytree(KATEX / "fonts", target / "fonts", dirs_exist_ok=True, ignore=others)
    css = (KATEX / "katex.min.css").read_text(encoding="utf8")
    (target / "katex.css").write_text(re.sub(r',url\([^)]*\) format\("(woff|truetype)"\)', "", css), encoding="utf8")
    app.add_css_file("katex/katex.css")


def setup(app):
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_block, None))
    app.connect("builder-inited", copy_fonts)
    app.connect("doctree-resolved", take_punctuation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

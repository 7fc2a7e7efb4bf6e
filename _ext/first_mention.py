"""Quiet links in the chapters: the first mention of a term leads to the glossary, of a letter to the table of notation,
and the name of a function, such as losses.squared_error, to its entry.

Terms are those of glossary.md. Letters are those that notation.md marks as [$X$]{#sym-… .linked}: those that mean the
same thing in every chapter. A page that sets a term in bold defines it, and needs no link.
"""
from __future__ import annotations

import functools
import re
from pathlib import Path

from docutils import nodes
from functions import scripts
from sphinx.application import Sphinx

LETTER = re.compile(r"\[\$([^$]+)\$\]\{#(sym-[\w-]+) \.linked\}")
BELOW = " lines: the first "                # in the sentence below a derivation
NAME = re.compile(r"(?:lib\.)?([a-z]\w*\.[A-Za-z]\w*)(?:\(.*\))?")
CALL = re.compile(r"((?:[A-Za-z]\w*(?:\[[^]]*\]|\([^()]*\))*\.)+\w+(?:\[[^]]*\]|\([^()]*\))*)")    # in words about it
PYTHON = re.compile(r"@|\*|\bsum\(|\w_\w{3}(?=\w*(?:$|\()).*")               # what is code as a whole
UNTOUCHED = (nodes.reference, nodes.title, nodes.literal_block, nodes.caption, nodes.raw, nodes.term, nodes.table)
EVERYWHERE = {"bias", "gradient", "layer", "margin", "score", "weight"}         # in the glossary, but not linked
LATER = {"Common slips", "Exercises", "In three lines"}            # the letters of a claim are its own
MOST = 2            # terms in one paragraph


@functools.cache
def letters(root: Path) -> dict[str, str]:
    """The letters that chapters may link, each with the name of its row."""
    return dict(LETTER.findall((root / "notation.md").read_text(encoding="utf8")))


@functools.cache
def pattern(terms: tuple[str, ...]) -> re.Pattern:
    """Any of the terms, in the singular or plural, at the beginning of a sentence or inside one; the longest counts."""
    words = (f"(?:{re.escape(term[0].upper())}|{re.escape(term[0])}){re.escape(term[1:])}"
             for term in sorted(terms, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])({'|'.join(words)})(?:e?s)?(?![\w-])")


def named(match: re.Match, terms) -> str:
    """The term that was found, as the glossary spells it."""
    found = match[1]
    return found if found in terms else found[0].lower() + found[1:]


def is_open(node: nodes.Node) -> bool:
    """Whether a link may be put here: not in a heading, a link, or code."""
    while node := node.parent:
        if isinstance(node, UNTOUCHED) or "cell_input" in getattr(node, "attributes", {}).get("classes", ()):
            return False
    return True


def paragraphs(doctree: nodes.document):
    """The prose of a page up to its slips, whose claims have letters of their own."""
    for paragraph in doctree.findall(nodes.paragraph):
        section = paragraph
        while section is not None and not isinstance(section.parent, nodes.document):
            section = section.parent
            if isinstance(section, nodes.section) and section[0].astext() in LATER:
                break
        else:
            if is_open(paragraph) and BELOW not in paragraph.astext():
                yield paragraph


def link_terms(doctree: nodes.document, terms: dict[str, str]) -> None:
    """The first mention of each term; of the delta and the Kronecker delta, the longer one counts."""
    if not terms:
        return
    any_term = pattern(tuple(terms))
    defined = {named(match, terms) for strong in doctree.findall(nodes.strong)
               for match in any_term.finditer(strong.astext())}
    left = terms.keys() - defined - EVERYWHERE
    for paragraph in list(paragraphs(doctree)):
        for _ in range(MOST):
            found = next(((text, match) for text in paragraph.findall(nodes.Text)
                          if not isinstance(text.parent, nodes.literal | nodes.math) and is_open(text)
                          for match in any_term.finditer(text) if named(match, terms) in left), None)
            if not found:
                break
            text, match = found
            left.remove(term := named(match, terms))
            split(text, match, nodes.reference("", match[0], refuri=terms[term], internal=True, classes=["mention"]))


def split(text: nodes.Text, match: re.Match, link: nodes.reference) -> None:
    pieces = [nodes.Text(text[:match.start()]), link, nodes.Text(text[match.end():])]
    text.parent.replace(text, [piece for piece in pieces if piece.astext()])


def link_letters(doctree: nodes.document, root: Path, address: str) -> None:
    """The first formula that is one letter of the notation."""
    left = dict(letters(root))
    for paragraph in list(paragraphs(doctree)):
        for math in list(paragraph.findall(nodes.math)):
            if math.astext() in left and is_open(math):
                uri, tail = f"{address}#{left.pop(math.astext())}", math.attributes.pop("tail", "")
                link = nodes.reference("", "", math.deepcopy(), refuri=uri, internal=True, classes=["mention"],
                                       reftitle="what this letter stands for")         # a bare formula has no name
                math.replace_self(nodes.inline("", "", link, nodes.Text(tail), classes=["kept"]) if tail else link)


def in_words(text: str) -> list[nodes.Node]:
    """What a derivation ends in: the calls in it as code, the rest as words."""
    calls = ["", text, ""] if PYTHON.search(CALL.sub("", text)) else CALL.split(text)
    made = []
    for k, part in enumerate(calls):
        words = re.sub(r"(?:^|(?<= ))-(?=[ \w]|$)", "−", part)
        if len(calls) == 1 and not re.search("[a-z]{3}", words):                 # a formula, which stays on its line
            words = words.replace(" ", "\u00a0")
        made += [nodes.literal(part, part)] if k % 2 else scripts(words)
    return made


def link_functions(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Names of functions in prose, and the one in the sentence below a derivation."""
    known = app.env.get_domain("py").objects
    below = lambda literal: isinstance(literal.parent, nodes.emphasis) and BELOW in literal.parent.astext()
    for literal in filter(below, list(doctree.findall(nodes.literal))):
        literal.parent.replace(literal, in_words(literal.astext()))
    for literal in list(doctree.findall(nodes.literal)):
        name = (NAME.search if below(literal) else NAME.fullmatch)(literal.astext())
        entry = known.get(f"lib.{name[1]}") if name else None
        if entry and is_open(literal) and entry.docname != page:
            uri = app.builder.get_relative_uri(page, entry.docname)
            link = nodes.reference("", "", literal.deepcopy(), refuri=f"{uri}#{entry.node_id}", internal=True)
            literal.replace_self(link)


def link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if not page.startswith("chapters/"):
        return
    address = lambda other, anchor: f"{app.builder.get_relative_uri(page, other)}#{anchor}"
    known = app.env.get_domain("std").objects.items()
    terms = {name: address(*place) for (kind, name), place in known if kind == "term"}
    link_terms(doctree, terms)
    link_letters(doctree, Path(app.srcdir), app.builder.get_relative_uri(page, "notation"))
    link_functions(app, doctree, page)


def setup(app: Sphinx):
    app.connect("doctree-resolved", link, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

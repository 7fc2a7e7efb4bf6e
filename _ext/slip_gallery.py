"""The gallery of slips: each an entry with claim and truth side by side, a form that leaves some of them, and links.

In the notebook an entry is Markdown, made by `lib.ledger.gallery`: a heading **Kind** (code), in [chapter](...), the
claim, a table of values, what is true, what `diagnose` says. Here it becomes an item of a list that can be filtered.
In a chapter an executed slip is a heading **Kind** (code), the claim and a table; it gets the looks of an entry.
"""
from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import katex_math
from book import chapters, gallery
from derivation_grid import kept_together
from docutils import nodes
from ledger_table import ancestors, computed, data, form, keys_of, settled, short, words

from lib import ledger

HEADING = re.compile(r".+ \((\S+)\), in \S+")
EXECUTED = re.compile(r".+ \((\S+)\)")
ASKED = "Asked: "
NOT_ASKED = "not asked"


def fill(app, doctree: nodes.document, page: str) -> None:
    """Put lists of entries for what stands in the outputs, and the form before the first section that has one."""
    if page not in gallery(Path(app.srcdir)).values():
        return set_executed(doctree, formula)
    headings, keys = [node for node in doctree.findall(nodes.paragraph) if code_of(node)], []
    first = [node for node in ancestors(headings[0]) if isinstance(node, nodes.section)][-2]      # below the page's own
    for parent in dict.fromkeys(heading.parent for heading in headings):
        made = []
        for claim, parts in entries(parent):
            claimed, true, said = read(parts)
            keys.append(choices_of(claim, said))
            made.append(entry(claim, (claimed, true), said, links(app, page, claim), formula))
            parent.children = [child for child in parent.children if child not in parts]
        parent += nodes.raw("", f'<ul class="gallery">{"".join(made)}</ul>', format="html")
    titles = {chapter.page.removeprefix("chapters/"): chapter.title for chapter in chapters(Path(app.srcdir))}
    first.parent.insert(first.parent.index(first), nodes.raw("", form(".gallery > .slip", keys, titles), format="html"))


def formula(tex: str) -> str:
    """A formula as HTML, with the places where its line may be broken."""
    return kept_together(katex_math.typeset(tex), "")


def set_executed(doctree: nodes.document, typeset: Callable[[str], str]) -> None:
    """In a chapter: the formulas of a claim typeset, and the two values side by side, or one below the other."""
    for heading in [node for node in doctree.findall(nodes.paragraph) if code_of(node, EXECUTED)]:
        at = heading.parent.index(heading)
        match heading.parent.children[at + 1:at + 3]:
            case [nodes.block_quote() as quote, nodes.table() as table]:
                said = words(ledger.claim(code_of(heading, EXECUTED)).claim, typeset)
                quote.children = [nodes.raw("", f"<p>{said}</p>", format="html")]
                sides = zip(("Claimed value", "True value"), read([table]), strict=False)
                both = "".join(f"<div><dt>{name}</dt><dd>{value_of(value)}</dd></div>" for name, value in sides)
                table.replace_self(nodes.raw("", f'<div class="slip executed"><dl>{both}</dl></div>', format="html"))


def code_of(node: nodes.Node, form: re.Pattern[str] = HEADING) -> str:
    """The code of the row whose entry begins with this node, if one does."""
    bold = isinstance(node, nodes.paragraph) and any(isinstance(child, nodes.strong) for child in node.children)
    found = form.fullmatch(node.astext()) if bold else None
    return found[1] if found else ""


def entries(parent: nodes.Element) -> list[tuple[ledger.Claim, list[nodes.Node]]]:
    """The entries below a node: the row, and the nodes from its heading to the next."""
    found = []
    for node in parent.children:
        if code := code_of(node):
            found.append((ledger.claim(code), []))
        if found:
            found[-1][1].append(node)
    return found


def read(parts: list[nodes.Node]) -> tuple[str, str, list[ledger.Said]]:
    """The claimed and the true value, line by line as they were stored, and what `diagnose` says, if it was asked."""
    rows = [row for part in parts for body in part.findall(nodes.tbody) for row in body.findall(nodes.row)]
    claimed, true = ("\n".join(lines).rstrip() for lines in zip(*([cell.astext() for cell in row] for row in rows),
                                                                 strict=True))
    return claimed, true, [answer(part) for part in parts if part.astext().startswith(ASKED)]


def answer(part: nodes.paragraph) -> ledger.Said:
    """What stands in a sentence such as: Asked: `formula` (reading); `diagnose` says **kind**: words."""
    formula, tool, kind = part.findall(lambda node: isinstance(node, nodes.literal | nodes.strong))
    text = lambda start, end: "".join(node.astext() for node in part.children[start:end])
    at = [part.index(node) for node in (formula, tool, kind)]
    return ledger.Said(formula.astext(), text(at[0] + 1, at[1]).strip(" ;()"), kind.astext(),
                       text(at[2] + 1, None).removeprefix(": "))


def choices_of(claim: ledger.Claim, said: list[ledger.Said]) -> dict[str, str]:
    """What an entry can be chosen by."""
    keys, kinds = keys_of(claim), dict.fromkeys(kind for each in said for kind in each.kind.split(" + "))
    return {"kind": keys["kind"], "effect": claim.effect, "chapter": keys["chapter"], "source": keys["source"],
            "diagnose": "|".join(kinds) or NOT_ASKED}


def links(app, page: str, claim: ledger.Claim) -> str:
    """The way to the row, to the chapter's own computation, and to what settles it."""
    shown, place = computed(app, page, claim)["computed as it stands"], settled(app, page, claim)
    row = app.builder.get_relative_uri(page, "ledger")
    made = [(f"{row}#{claim.id}", claim.id), (shown, f"computed in {short(claim.page)}")]
    made += [(place[0], "derived" + place[1].removeprefix(short(claim.page)))] if place else []
    return " ".join(f'<a href="{html.escape(address)}">{html.escape(name)}</a>' for address, name in made)


def entry(claim: ledger.Claim, values: tuple[str, str], said: list[ledger.Said], ways: str,
          typeset: Callable[[str], str]) -> str:
    """An entry: kind and ways, claim and truth with their values, and what `diagnose` says."""
    sides = zip(("Claimed", "True"), (claim.claim, claim.correct), values, strict=True)
    both = "".join(f'<div><dt>{name}</dt><dd><p>{words(sentence, typeset)}</p>{value_of(value)}</dd></div>'
                   for name, sentence, value in sides)
    kind = ", ".join(claim.kind) or claim.verdict
    effect = "" if claim.effect == "result changed" or claim.effect == kind else f" <small>({claim.effect})</small>"
    says = "".join(f'<p class="said"><code>{html.escape(each.formula)}</code>'
                   f'{html.escape(f" ({each.reading})" if each.reading else "")}<br>'
                   f'<b>{html.escape(each.kind)}</b> {html.escape(kept(each.sentence))}</p>' for each in said)
    return (f'<li class="slip" id="slip-{claim.id}" {data(choices_of(claim, said))}>'
            f'<p class="about"><b>{html.escape(kind)}{effect}</b> <span>{ways}</span></p><dl>{both}</dl>{says}</li>')


def kept(sentence: str) -> str:
    """The sentence with no break beside a sign: y − ŷ stays on one line."""
    return re.sub(r" ([−=×]) ", "\u00a0\\1\u00a0", sentence)


def value_of(value: str) -> str:
    """A value as it was printed; rows of numbers stay in line, sentences may be broken."""
    numbers = ' class="numbers"' if value.startswith(("[", "(")) else ""
    return f"<pre{numbers}>{html.escape(value)}</pre>"


def setup(app):
    app.connect("doctree-resolved", fill, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

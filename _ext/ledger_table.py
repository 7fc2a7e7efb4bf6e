"""The ledger as a table: every claim, what is true, and where the book settles it; with a form that site.js wakes up.

    ```{ledger-table}
    ```
Without scripts all rows stand there to be read. In the chapters the code of a row, such as AN-03a, leads to its row,
and a row that is computed as it stands leads to that place.
"""
from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import derivation_grid
import katex_math
from book import chapters, gallery, slips
from docutils import nodes
from results import find
from sphinx.util.docutils import SphinxDirective
from typed_math import dressed

from lib import ledger

WORD = re.compile(r"""[("']*(?=\S*[a-z])[A-Za-z]{2}[A-Za-z'’-]*[.,;:!?)"']*|--|i\.e\.""")        # neither y nor SE
FORMULA = re.compile(r"\\|[_^]\{")
SIGNS = {       # how it is typed: what is meant
    r"-> ?": r"\\to ", r">= ?": r"\\ge ", r"(?<=[({])(\w) ?x ?(\w)(?=[)}])": r"{\1 \\times \2}",
    r"(?<![\\A-Za-z])(exp|diag|ln)(?=[( ])": r"\\operatorname{\1}", r"_([A-Z]{2})\b": r"_{\\mathrm{\1}}",
    r"\)\(": r")\\allowbreak(", r"/ (?=\\sum)": r"/\\allowbreak "}
LONG = re.compile(r"\S{25}")
TYPED = re.compile(r"theta|delta|sigma|yhat|sum|prod|softmax|[_^][A-Za-z]{2}")       # names that TeX would take apart
PAGE = "ledger"
NO_KIND = "none"


class ledger_table(nodes.General, nodes.Element):
    """Stands for the table until all pages, and so all places, are known."""


def segments(sentence: str) -> list[tuple[bool, str]]:
    """Words and formulas of a sentence in turn: a run of tokens with TeX in it is a formula."""
    runs = []
    for token in re.findall(r"\S+\s*", sentence):
        word = bool(WORD.fullmatch(token.strip())) and not re.search(r"[{}]", token)
        if runs and (runs[-1][0] == word or runs[-1][1].count("{") > runs[-1][1].count("}")):
            runs[-1][1] += token
        else:
            runs.append([word, token])
    merged = []
    for word, run in runs:
        formula = not word and bool(FORMULA.search(run)) and ("\\" in run or not TYPED.search(run))
        if merged and not formula and not merged[-1][0]:
            merged[-1][1] += run
        else:
            merged.append([formula, run])
    return [(formula, run) for formula, run in merged]


def words(sentence: str, typeset: Callable[[str], str]) -> str:
    """A sentence of the ledger as HTML, its formulas set; what cannot be read as TeX stays code."""
    made = []
    for formula, run in segments(sentence):
        if not formula:
            made.append(spoken(run))
            continue
        body = run.rstrip(" .,;:-")
        before = "(" if body[0] == "(" and body.count("(") > body.count(")") else ""
        after = ")" if body[-1] == ")" and body.count("(") < body.count(")") else ""
        tail = run[len(body):]
        body = body.removeprefix(before).removesuffix(after)
        try:
            mark = tail.strip(" -")
            made.append(derivation_grid.kept_together(before + typeset(tidy(body)), after + mark))
            made.append(" – " if "-" in tail else tail[len(mark):])
        except ValueError:
            made.append(f"<code>{html.escape(run.strip())}</code> ")
    return "".join(made)


def spoken(run: str) -> str:
    """Words as HTML; no line ends within a shape such as (n x k), and a long formula may break before a sign."""
    made = dressed(re.sub(r"(?<=\()(\w+) x (\w+)(?=\))", "\\1\u00a0x\u00a0\\2", run))
    return re.sub(r"(?<=[\w)>])(?=[+/=])(?![^<]*>)", "<wbr>", made) if LONG.search(run) else made


def tidy(tex: str) -> str:
    """A formula with the signs that its typist meant: 3x4 is a shape, and exp a function."""
    for typed, meant in SIGNS.items():
        tex = re.sub(typed, meant, tex)
    return tex


def row(claim: ledger.Claim, place: tuple[str, str] | None, shown: dict[str, str],
        typeset: Callable[[str], str]) -> str:
    """A row: its code and verdict, the claim, and what is true; `place` is address and name of what settles it, and
    `shown` has more places, words and address."""
    text = lambda words_of: words(words_of, typeset)
    more = [f"<p>{label}{text(value)}</p>" for label, value in (
        ("Read as: ", claim.reading), ("Convention: ", claim.convention), ("", claim.note)) if value]
    kinds = "<br>".join([*map(html.escape, claim.kind), *([f"({claim.severity})"] if claim.severity else [])])
    inherits = ", ".join(f'<a href="#{other}">{other}</a>' for other in claim.inherits)
    settled = f'<a href="{html.escape(place[0])}">{place[1]}</a>' if place else html.escape(short(claim.page))
    more_places = "".join(f'; <a href="{html.escape(address)}">{name}</a>' for name, address in shown.items())
    cells = (
        f'<th scope="row" role="rowheader"><a href="#{claim.id}">{claim.id}</a> '
        f'<span class="verdict {claim.verdict}">{claim.verdict}</span> <small>{kinds}</small></th>',
        f'<td role="cell"><p class="asked">{text(claim.question)}</p><p>{text(claim.claim)}</p>'
        + (f"<p>Follows from {inherits}.</p></td>" if inherits else "</td>"),
        f'<td role="cell"><p>{text(claim.correct)}</p>{"".join(more)}<p>{settled}{more_places}</p></td>')
    return f'<tr id="{claim.id}" role="row" {data(keys_of(claim))}>{"".join(cells)}</tr>'


def keys_of(claim: ledger.Claim) -> dict[str, str]:
    """What a row can be chosen by; several kinds stand between bars."""
    return {"source": claim.source, "chapter": claim.page, "verdict": claim.verdict,
            "kind": "|".join(claim.kind) or NO_KIND}


def data(keys: dict[str, str]) -> str:
    return " ".join(f'data-{name}="{html.escape(value)}"' for name, value in keys.items())


def short(page: str) -> str:
    return page.rpartition("/")[2].replace("-", " ")


def choice(name: str, options: dict[str, str]) -> str:
    made = "".join(f'<option value="{html.escape(value)}">{html.escape(label)}</option>'
                   for value, label in options.items())
    return f'<label>{name.capitalize()} <select name="{name}"><option value="">all</option>{made}</select></label>'


def form(rows: str, keys: Sequence[dict[str, str]], titles: dict[str, str]) -> str:
    """A choice for every key of the elements `rows`, with the number of each value; hidden until a script can act."""
    made = []
    for name in keys[0]:
        numbers = Counter(value for key in keys for value in key[name].split("|"))
        order = {"source": sorted(numbers), "chapter": [page for page in titles if page in numbers]}
        values = dict.fromkeys([*order.get(name, ()), *(value for value, _ in numbers.most_common())])
        labels = {value: f"{titles.get(value, short(value) if name == 'chapter' else value)} ({numbers[value]})"
                  for value in values}
        made.append(choice(name, labels))
    return (f'<form class="filter" data-rows="{rows}" hidden>{"".join(made)}'
            '<label>Words <input type="search" name="words" autocomplete="off" spellcheck="false"></label>'
            '<button type="reset">Show all</button><output></output></form>')


HEAD = "".join(f'<th scope="col" role="columnheader">{words}</th>'
               for words in ("Row, verdict", "Asked and claimed", "True, and settled where"))


def table(rows, titles: dict[str, str], place: Callable, shown: Callable, typeset: Callable[[str], str]) -> str:
    body = "\n".join(row(claim, place(claim), shown(claim), typeset) for claim in rows)
    choices = form("#ledger tbody tr", [keys_of(claim) for claim in rows], titles)
    return (f'{choices}<table id="ledger" class="ledger" role="table">'
            "<caption>Claims of five worked solutions, with a verdict on each</caption>"
            f'<thead role="rowgroup"><tr role="row">{HEAD}</tr></thead>'
            f'<tbody role="rowgroup">\n{body}\n</tbody></table>')


class LedgerTable(SphinxDirective):
    def run(self):
        self.env.note_dependency("lib/ledger.yaml")
        return [ledger_table()]


def fill(app, doctree: nodes.document, page: str) -> None:
    """Put the table in its place; and where a chapter names a row, lead to that row."""
    root = Path(app.srcdir)
    if page == PAGE:
        titles = {chapter.page.removeprefix("chapters/"): chapter.title for chapter in chapters(root)}
        for node in list(doctree.findall(ledger_table)):
            text = table(ledger.claims(), titles, lambda claim: settled(app, page, claim),
                         lambda claim: computed(app, page, claim), katex_math.typeset)
            node.replace_self(nodes.raw("", text, format="html"))
    else:
        link_rows(app, doctree, page)


def settled(app, page: str, claim: ledger.Claim) -> tuple[str, str] | None:
    """Where a row is settled, as an address seen from `page` and a name."""
    if not claim.label or f"chapters/{claim.page}" not in app.env.found_docs:
        return None
    found = find(app.env, claim.label) or (f"chapters/{claim.page}", nodes.make_id(claim.label), "")
    name = short(claim.page) + (f" ({found[2]})" if found[2] else "")
    return f"{app.builder.get_relative_uri(page, found[0])}#{found[1]}", name


def computed(app, page: str, claim: ledger.Claim) -> dict[str, str]:
    """Where a row is computed as it stands, and where it is collected with others of its kind; seen from `page`."""
    root = Path(app.srcdir)
    places = {"computed as it stands": slips(root).get(claim.id), "in the gallery": gallery(root).get(claim.id)}
    return {words: f"{app.builder.get_relative_uri(page, where)}#slip-{claim.id}"
            for words, where in places.items() if where}


def link_rows(app, doctree: nodes.document, page: str) -> None:
    ids = {claim.id for claim in ledger.claims()}
    code = re.compile(r"(?<![\w-])(?:" + "|".join(sorted(map(re.escape, ids), key=len, reverse=True)) + r")(?![\w-])")
    if PAGE not in app.env.found_docs:
        return
    base = app.builder.get_relative_uri(page, PAGE)
    for text in list(doctree.findall(nodes.Text)):
        if not code.search(text) or any(isinstance(up, nodes.reference | nodes.literal_block | nodes.title | nodes.raw)
                                        for up in ancestors(text)):
            continue
        pieces, at = [], 0
        for found in code.finditer(text):
            pieces += [nodes.Text(text[at:found.start()])] if found.start() > at else []
            pieces.append(nodes.reference("", found[0], refuri=f"{base}#{found[0]}", internal=True))
            at = found.end()
        pieces += [nodes.Text(text[at:])] if text[at:] else []
        before = text.parent[text.parent.index(text) - 1]
        if re.fullmatch(r" \([\w-]+\)", text) and isinstance(before, nodes.strong):   # the heading of an executed slip
            claim = ledger.claim(code.search(text)[0])
            text.parent["ids"].append(f"slip-{claim.id}")
            if others := computed(app, page, claim).get("in the gallery"):
                before.parent.replace(before, nodes.reference("", "", before, refuri=others, internal=True,
                                                              reftitle="More slips like this one"))
        text.parent.replace(text, pieces)


def ancestors(node: nodes.Node):
    while node := node.parent:
        yield node


def setup(app):
    app.add_node(ledger_table)
    app.add_directive("ledger-table", LedgerTable)
    app.connect("doctree-resolved", fill)
    app.setup_extension("slip_gallery")
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Set a derivation as a grid of HTML: left side, right side, the reason, and a tick that says how the line was checked.

The source is an `aligned` block with one line of the derivation on each physical line, ended by a comment:

    LHS &= RHS && \\text{reason} && \\checkmark \\\\ % proved; zero difference by SymPy

The comment is what tells a derivation from any other display; every other tool sees plain aligned math.
"""
from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

VERDICT = re.compile(r"(?<!\\)%\s*(start|proved|checked)\b\s*;?\s*(.*?)\s*$")
PUNCTUATION = re.compile(r"[.,;:!?)\]’”]*")
TOKEN = re.compile(r"\\(?:begin|end)\{|\\.|[{}&]", re.S)
DEPTH = {r"\begin{": 2, "{": 1, "}": -1}     # the brace that closes the name after \begin or \end takes one away
FRACTIONS = re.compile(r"\\frac(?=\s*\{)|\\.|[{}]", re.S)
BASE = '<span class="katex-base">'          # what KaTeX never breaks: up to a relation or a sign between terms
SHORT = 9       # em of text; no wider, a formula stays on one line
PIECE = 12      # em of text; no wider, what stands between two of its relations stays on one line
WIDE = 25       # em of text; with both sides wider than this, no room is left for reasons beside them
Links = Sequence[tuple[str, str]]           # words that a reason may hold, and where they lead
SLIM = 15       # em of text; with both sides slimmer than this, they stand side by side on a phone


@dataclass
class Line:
    lhs: str
    rhs: str
    reason: str
    verdict: str
    detail: str


def is_derivation(tex: str) -> bool:
    """Whether some line of the block ends in a verdict."""
    return any(VERDICT.search(line) for line in tex.splitlines())


def cells(row: str) -> list[str]:
    """Split at the ampersands that are not inside braces or a matrix."""
    depth, start, parts = 0, 0, []
    for token in TOKEN.finditer(row):
        depth += DEPTH.get(token[0], 0)
        if token[0] == "&" and depth == 0:
            parts.append(row[start:token.start()].strip())
            start = token.end()
    return [*parts, row[start:].strip()]


def parse(tex: str) -> list[Line]:
    """The lines of a derivation; ValueError says which physical line does not follow the grammar."""
    lines = []
    for row in tex.splitlines():
        if not row.strip() or row.strip() in (r"\begin{aligned}", r"\end{aligned}"):
            continue
        verdict = VERDICT.search(row)
        if not verdict:
            raise ValueError(f"derivation line without a verdict comment: {row.strip()}")
        parts = cells(re.sub(r"\\\\\s*$", "", row[:verdict.start()].rstrip()))
        if len(parts) != 6 or parts[2] or parts[4]:
            raise ValueError(f"derivation line is not `LHS &= RHS && reason && mark`: {row.strip()}")
        lines.append(Line(parts[0], parts[1], parts[3], verdict[1], verdict[2]))
    return lines


def prose(reason: str, typeset: Callable[[str], str], links: Links = ()) -> str:
    r"""A reason as text: the inside of `\text{…}`, with its inline math typeset and the results it names linked."""
    inside = re.fullmatch(r"\\text\{(.*)\}", reason, re.S)
    if not reason or not inside:
        return typeset(reason) if reason else ""
    for words, address in sorted(links, key=lambda link: -len(link[0])):
        before, named, after = inside[1].partition(words)
        if named and before.count("$") % 2 == 0 and not (before[-1:].isalpha() or after[:1].isalpha()):
            first, last = (prose(rf"\text{{{part}}}", typeset, links) if part else "" for part in (before, after))
            name = "" if re.sub(r"\$[^$]*\$", "", words).strip() else ' aria-label="the result used here"'
            return f'{first}<a href="{html.escape(address)}"{name}>{words_and_math(words, typeset)}</a>{last}'
    return words_and_math(inside[1], typeset)


def words_and_math(text: str, typeset: Callable[[str], str]) -> str:
    """Words with formulas between dollar signs, as HTML."""
    pieces = re.split(r"(?<!\\)\$", text)
    pieces[::2] = [html.escape(re.sub(r"\\([%&_#$ {}])", r"\1", piece).replace("~", "\u00a0")) for piece in pieces[::2]]
    if any("\\" in piece for piece in pieces[::2]):
        raise ValueError(f"derivation reason holds a LaTeX command outside $…$: {text}")
    for i in range(1, len(pieces), 2):
        tail = PUNCTUATION.match(pieces[i + 1])[0]
        pieces[i], pieces[i + 1] = kept_together(typeset(pieces[i]), tail), pieces[i + 1].removeprefix(tail)
    return "".join(pieces)


def kept_together(math: str, tail: str) -> str:
    """A short formula on one line, and any formula on one line with the punctuation after it.

    Without this browsers break `a = 5` in two, and put a comma on the next line. A long formula may break after its
    relations; between terms, and at last inside brackets, only where it would be too long otherwise.
    """
    head, *bases = math.split(BASE)
    breaks = breaking(bases, wide) if (wide := text_width(math)) > SHORT else set()
    math = head + "".join(("<wbr>" if i in breaks else "") + BASE + base for i, base in enumerate(bases))
    return f'<span class="kept">{math}{tail}</span>' if tail or len(bases) > 1 else math


def breaking(bases: Sequence[str], wide: float) -> set[int]:
    """The bases of a formula, `wide` em of text, before which a line may begin."""
    letters = [html.unescape(re.sub(r"<[^>]*>", "", base)) for base in bases]
    share = wide / max(1, sum(map(len, letters)))
    depth, costs = 0, []            # of a break after each base: 0 after a relation, 1 between terms, 2 inside brackets
    for base, words in zip(bases, letters, strict=True):
        depth += sum(words.count(sign) for sign in "([") - sum(words.count(sign) for sign in ")]")
        costs.append(2 if depth > 0 else int(base.rfind('mrel">') <= base.rfind('mbin">')))

    def split(first: int, end: int, cost: int) -> set[int]:
        if cost > 2 or (cost and share * sum(map(len, letters[first:end])) <= PIECE):
            return set()
        edges = [first, *(i for i in range(first + 1, end) if costs[i - 1] == cost), end]
        return set(edges[1:-1]).union(*(split(*pair, cost + 1) for pair in pairwise(edges)))

    return split(0, len(bases), 0)


def open_fractions(tex: str) -> str:
    r"""Display math in which a fraction within a fraction is not set smaller, and two side by side stand apart.

    In exponents and indices fractions stay small: of `\frac{\frac{a}{b}}{e^{\frac{a}{b}}}` only the second is opened.
    """
    parts, at, closed = [], 0, -1
    stack = [[False, 0, False]]     # for each open brace: is it in a fraction, parts of one to come, does it end one
    for token in FRACTIONS.finditer(tex):
        here = stack[-1]
        match token[0]:
            case r"\frac":
                beside = closed >= 0 and not tex[closed:token.start()].strip()
                parts += [tex[at:token.start()], r"\," if beside else "", r"\dfrac" if here[0] else r"\frac"]
                at, here[1] = token.end(), 2
            case "{":
                script = tex[:token.start()].endswith(("^", "_"))
                part = here[1] > 0 and not script
                stack.append([not script and (part or here[0]), 0, part and here[1] == 1])
                here[1] -= part
            case "}" if len(stack) > 1:
                closed = token.end() if stack.pop()[2] else -1
    return "".join([*parts, tex[at:]])


def width(node: ElementTree.Element) -> float:
    """About how many em a piece of MathML takes."""
    tag, kids = node.tag.rpartition("}")[2], [width(kid) for kid in node if not kid.tag.endswith("annotation")]
    script = 0.7 * sum(kids[1:])
    match tag:
        case "mfrac":
            return max(kids) + 0.24
        case "msub" | "msup":
            return kids[0] + script
        case "msubsup":
            return kids[0] + 0.7 * max(kids[1:])
        case "munder" | "mover" | "munderover":
            return max(kids[0], 0.7 * max(kids[1:]))
        case "msqrt":
            return 0.85 + sum(kids)
        case "mtable":
            columns = [[width(cell) for cell in row] for row in node]
            return sum(max(column) for column in zip(*columns, strict=False)) + len(columns[0])
        case "mspace":
            return float(node.get("width", "0em").removesuffix("em"))
        case "mo":
            text = node.text or ""
            return 1.3 if re.fullmatch(r"[=<>≤≥≠≈⇔⇒⟺⟹+−⋅×⊙∈]", text) else 0.1 if text == "\u2061" else 0.45
        case "mi" | "mn" | "mtext":
            return 0.55 * len(node.text or "")
        case _:
            return sum(kids)


def text_width(typeset_math: str) -> float:
    """The width of a typeset formula in em of the surrounding text, which KaTeX sets 1.21 times smaller."""
    math = re.search(r"<math.*?</math>", typeset_math, re.S)
    return 1.21 * width(ElementTree.fromstring(math[0].replace("&nbsp;", "\u00a0"))) if math else 0


def to_html(tex: str, typeset: Callable[[str], str], links: Links = ()) -> str:
    """The derivation as a list; each line is a row of the grid that the style sheet lays out. In the reasons the words
    of `links` lead to their addresses."""
    lines = parse(tex)
    left = [display(line.lhs, typeset) for line in lines]
    right = [display("{}" + line.rhs, typeset) for line in lines]       # {}: the room that TeX leaves before a relation
    widest = max(map(text_width, left)) + max(map(text_width, right))
    rows = []
    for line, lhs, rhs in zip(lines, left, right, strict=True):
        label = html.escape(f"{line.verdict}: {line.detail}" if line.detail else line.verdict)
        rows.append(f'<li class="line line-{line.verdict}"><span class="lhs">{lhs}</span><span class="rhs">{rhs}</span>'
                    f'<span class="why">{prose(line.reason, typeset, links)}</span>'
                    f'<button type="button" class="tick" aria-label="{label}"></button></li>')
    fit = " derivation-wide" if widest > WIDE else " derivation-slim" if widest < SLIM else ""
    copy = f'<button type="button" class="copy-tex" data-tex="{html.escape(tex)}" hidden>Copy LaTeX</button>'
    return "\n".join([f'<ol class="derivation-lines{fit}">', *rows, "</ol>", copy])


def display(tex: str, typeset: Callable[[str], str]) -> str:
    """One side of a line, in display style; nothing for nothing."""
    return typeset(rf"\displaystyle {open_fractions(tex)}") if tex else ""

"""A formula as one line of text, for places that hold none: what search finds, names on the map, descriptions."""
from __future__ import annotations

import functools
import re
from xml.etree import ElementTree

from katex_math import typeset

ACCENTS = {"^": "\u0302", "ˉ": "\u0304", "¯": "\u0304", "~": "\u0303", "˙": "\u0307", "⃗": "\u20d7"}
RAISED = dict(zip("0123456789+−-()nijklTt⊤′*", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿⁱʲᵏˡᵀᵗᵀ′*", strict=True))
BIG = {"∑", "∏"}          # their limits are left out
SPACED = set("=<>≤≥≠≈≡∈⇔⇒⟺⟹←→+−⋅×⊙≪≫↦")


@functools.cache
def plain(tex: str) -> str:
    """The formula in Unicode, fractions with a slash; what KaTeX cannot read stays as it is."""
    try:
        math = re.search(r"<math.*?</math>", typeset(tex), re.S)[0]
    except ValueError:
        return tex
    line = text(ElementTree.fromstring(math.replace("&nbsp;", "\u00a0")))
    line = re.sub(r"\u2061 ?(?=[(′])", "", line).replace("\u2061", " ").replace(",", ", ")
    line = re.sub(r"(?<=[(\[|]) | (?=[)\],|])", "", " ".join(line.split()))
    return re.sub(r"((?:^|[=<≤≥⟺(,]) ?)− ", r"\1−", line)


def text(node: ElementTree.Element) -> str:
    """The text of a piece of MathML."""
    tag, kids = node.tag.rpartition("}")[2], [kid for kid in node if not kid.tag.endswith("annotation")]
    match tag:
        case "mfrac":
            return f" {'/'.join(map(grouped, kids))} "
        case "msup" | "msub" | "msubsup":
            base, *scripts = map(text, kids)
            if base.strip() in BIG:
                return f" {base.strip()} "
            return base + "".join(map(lowered if tag == "msub" else raised, scripts)) if tag != "msubsup" else (
                base + lowered(scripts[0]) + raised(scripts[1]))
        case "mover" | "munder" | "munderover":
            base, *around = map(text, kids)
            return base + ACCENTS.get(around[-1].strip(), "") if tag == "mover" else f" {base} "
        case "msqrt":
            return f"√{grouped(node[0]) if len(kids) == 1 else '(' + ''.join(map(text, kids)) + ')'}"
        case "mtable":
            return "; ".join(" ".join(text(cell) for cell in row) for row in node)
        case "mspace":
            return " "
        case "mo":
            sign = (node.text or "").replace("∣", "|").replace("∗", "*")
            return f" {sign} " if sign.strip() in SPACED and sign.strip() else sign
        case "mtext" | "mi" | "mn":
            return node.text or ""
        case _:
            return "".join(map(text, kids))


def grouped(node: ElementTree.Element) -> str:
    """In brackets where it has more than one part."""
    inside = text(node).strip()
    return inside if re.fullmatch(r"[\w∂.′^⁰-⁹ᵀ₀-₉̂̄]+", inside) or re.fullmatch(r"\([^()]*\)", inside) else f"({inside})"


def lowered(script: str) -> str:
    script = re.sub("[ \u2061]", "", script)
    return f"_{script}" if re.fullmatch(r"\w+", script) else f"_({script})"


def raised(script: str) -> str:
    script = re.sub("[ \u2061]", "", script)
    if all(sign in RAISED for sign in script):
        return "".join(RAISED[sign] for sign in script)
    return f"^{script}" if re.fullmatch(r"[^\W_]+", script) else f"^({script})"

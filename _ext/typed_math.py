"""Formulas as people type them, such as sum_i (yhat_i - y_i) x_i^T, as HTML: Greek letters, hats, indices and powers.

They stand in sentences and follow no grammar, so each sign is replaced by itself; what is a word stays a word.
"""
from __future__ import annotations

import html
import re

GREEK = dict(zip("theta Theta sigma eta delta".split(), "θΘσηδ", strict=True))
HATS = {"y": "ŷ", "Y": "Ŷ", "z": "ẑ", "n_": "n\u0302"}
BASE = r"[A-Za-z0-9)\]*′θΘσηδŷŶẑ∑∏\u0302]"               # an index may follow
LETTER = r"[A-Za-zθΘσηδŷŶẑ]"
SIGNS = {"&lt;=&gt;": "⟺", "&lt;=": "≤", "&gt;=": "≥", "!=": "≠", "&lt;-": "←", "-&gt;": "→", "||": "‖"}
RULES = [(re.compile(pattern), replaced) for pattern, replaced in (
    (r"(?<=[Ll]ines )(\d+)-(\d+)", r"\1–\2"), (r"--?(?= )(?<=[a-z]{3} -)|--(?= )", "–"),
    (r"(?<![A-Za-z])([A-Za-z]|sigma)&#x27;(?![A-Za-z])", r"\1′"),
    (r"(?<![A-Za-z])([dD]?)(theta|Theta|sigma|eta|delta(?=_))(?![A-Za-z])", lambda found: found[1] + GREEK[found[2]]),
    (r"(?<![A-Za-z])([dD]?)(n_|[yYz])hat(?![A-Za-z])", lambda found: found[1] + HATS[found[2]]),
    (r"(?<![A-Za-z])sum(?=_)|(?<=[-(])sum(?= [a-zθ]+[_(])", "∑"), (r"(?<![A-Za-z])prod(?=_)", "∏"),
    ("|".join(map(re.escape, SIGNS)), lambda found: SIGNS[found[0]]),
    (r"sqrt\((\d+)\)", r"√\1"), (r"sqrt(?=\()", "√"),
    (rf"(?<!\bS\d)(?<!-\d\d[a-z])(?<![A-Za-z]{{2}})(?<=[A-Za-z0-9)\]}}θΘσηδŷŶẑ])"
     rf"-(?=[0-9(\[∑]|{LETTER}(?![A-Za-z]))", "−"),
    (rf"(?<![^ (\[{{=,:;])-(?=[.0-9(\[∑√‖]|{LETTER}(?![A-Za-z])|log|exp|grad|sum)|(?<= )-(?= )", "−"),
    (rf"(?<={BASE})_(\d+[a-z]?|[a-zA-Z]{{1,3}}\d?|θ)(?![A-Za-z0-9_])", r"<sub>\1</sub>"),
    (rf"(?<={BASE})_\{{([^{{}}]*)\}}", r"<sub>\1</sub>"),
    (r"\^(?:T(?![A-Za-z])|\{T\})", "<sup>⊤</sup>"),
    (r"\^(?:\{([^{}]*)\}|(\([^()]*\)|\d+|[A-Za-z](?![A-Za-z])))", lambda found: f"<sup>{found[1] or found[2]}</sup>"))]


def dressed(sentence: str) -> str:
    """The sentence as HTML."""
    made = html.escape(sentence)
    for pattern, replaced in RULES:
        made = pattern.sub(replaced, made)
    return made

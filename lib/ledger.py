"""The ledger: what worked solutions claim, looked up by id; and slips, shown as a claimed value beside the true one.

A chapter executes a slip with `slip`; `executed` reads from the stored outputs of the chapters what they have shown.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from lib.show import same, text

CHAPTERS = Path(__file__).parents[1] / "chapters"
SHOWN = re.compile(r"(\S+), .*?\n  claim: .*?\n  gives: {6}(.*?)\n  true value: (.*?)\n  correct: ", re.S)


@dataclass(frozen=True)
class Claim:
    """A row of the ledger, in the source's own symbols; `label` is the place in the book that settles it."""

    id: str
    source: str
    page: str
    question: str
    claim: str
    verdict: str
    correct: str
    kind: tuple[str, ...] = ()
    severity: str = ""
    note: str = ""
    reading: str = ""
    convention: str = ""
    inherits: tuple[str, ...] = ()
    label: str = ""

    @property
    def effect(self) -> str:
        """What hangs on it: of a slip, "result changed" or "wording only"; else the verdict."""
        if self.verdict != "slip":
            return self.verdict
        return "wording only" if self.severity in ("prose", "notational") else "result changed"


@cache
def _rows() -> dict[str, Claim]:
    """All rows by id, read once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows = yaml.load(Path(__file__).with_name("ledger.yaml").read_bytes(), Loader=loader)["claims"]
    claims = [Claim(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}) for row in rows]
    return {claim.id: claim for claim in claims}


def claim(id: str) -> Claim:
    """The row with this id.

    Raises: ValueError naming the ids that come close.
    """
    if id not in _rows():
        close = difflib.get_close_matches(str(id), _rows(), n=3)
        raise ValueError(f"claim: no row {id!r}" + (f"; did you mean {' or '.join(close)}?" if close else ""))
    return _rows()[id]


def claims(page: str | None = None, source: str | None = None,
           verdict: str | None = None, kind: str | None = None) -> tuple[Claim, ...]:
    """The rows that fit every condition given, in the order of the ledger."""
    return tuple(row for row in _rows().values()
                 if page in (None, row.page) and source in (None, row.source)
                 and verdict in (None, row.verdict) and (kind is None or kind in row.kind))


@dataclass(frozen=True, repr=False)
class Slip:
    """A slip that has been executed: the row, and the two values as text. Shows itself as text and as Markdown."""

    row: Claim
    claimed: str
    true: str

    @property
    def title(self) -> str:
        """What stands above it: the id and the kind of slip, or the verdict if no kind is named."""
        return f"{self.row.id}, {' and '.join(self.row.kind) or self.row.verdict}"

    def __repr__(self):
        parts = {"claim": self.row.claim, "gives": self.claimed, "true value": self.true, "correct": self.row.correct}
        lines = (f"  {name + ':':<12}{part}".replace("\n", "\n" + " " * 14) for name, part in parts.items())
        return "\n".join([self.title, *lines])

    def _repr_markdown_(self):
        pairs = zip_longest(self.claimed.split("\n"), self.true.split("\n"), fillvalue="")
        values = "\n".join(f"| {_code(claimed)} | {_code(true)} |" for claimed, true in pairs)
        name, kind = self.title.split(", ", 1)
        return (f"**{kind[0].upper()}{kind[1:]}** ({name})\n\n> {_words(self.row.claim)}\n\n"
                f"| claimed value | true value |\n|:--|:--|\n{values}")


def _code(line):
    """A line as code in a table cell."""
    return f"`{line}`".replace("|", "\\|") if line else ""


def _words(sentence):
    """A sentence of the ledger in Markdown: a formula as math, TeX among words as code, other signs protected."""
    if "\\" not in sentence:
        return re.sub(r"([`*_{}\[\]<>#|$~])", r"\\\1", sentence)
    in_words = re.search(r"[A-Za-z]{4,}", re.sub(r"\\text\{[^}]*\}|\\[a-zA-Z]+", "", sentence))
    return f"`{sentence}`" if in_words else f"${sentence}$"


def slip(id: str, claimed: float | np.ndarray | str, true: float | np.ndarray | str) -> Slip:
    """Show a slip by what it does: the value that follows from the claim, beside the true value.

    Shapes: claimed and true: scalars, (n,), (n, k) or short strings; they need not be alike.
    Raises: ValueError if the row is correct, or if the two values are the same, because then nothing would be shown.
    """
    row = claim(id)
    if row.verdict == "correct":
        raise ValueError(f"slip {id}: the ledger says that this claim is correct")
    if same(claimed, true):
        raise ValueError(f"slip {id}: the claimed value equals the true one, {text(true)}, so it shows no slip")
    return Slip(row, text(claimed), text(true))


def refuses(call: Callable) -> str:
    """The sentence with which a call is refused; the call itself is expected to fail.

        refuses(lambda: np.ones((4, 1)) @ np.ones((3, 4)))
    Raises: ValueError if it goes through.
    """
    try:
        result = call()
    except (ValueError, IndexError, TypeError) as error:
        return str(error)
    raise ValueError(f"refuses: the call went through and gave {result!r}")


@cache
def executed(chapters: Path = CHAPTERS) -> dict[str, Slip]:
    """Every slip that the chapters have executed, by id, with the values in their stored outputs; read once.

    Raises: ValueError if a chapter shows a slip in other words than the ledger, because then it is out of date.
    """
    found = {}
    for page in dict.fromkeys(row.page for row in _rows().values()):
        path = chapters / f"{page}.ipynb"
        cells = json.loads(path.read_text(encoding="utf8"))["cells"] if path.exists() else []
        for shown in ("".join(output.get("data", {}).get("text/plain", ""))
                      for cell in cells for output in cell.get("outputs", [])):
            if parts := SHOWN.match(shown):
                values = (value.replace("\n" + " " * 14, "\n") for value in parts.groups()[1:])
                slip = Slip(claim(parts[1]), *values)
                if repr(slip) != shown:
                    raise ValueError(f"executed: {page} shows {parts[1]} in other words than the ledger; refresh it")
                found[parts[1]] = slip
    return found


class Said(NamedTuple):
    """What a tool was asked: a claim as code, and how it was read; and its answer: a kind of slip, and a sentence."""

    formula: str
    reading: str
    kind: str
    sentence: str


@dataclass(frozen=True, repr=False)
class Gallery:
    """Executed slips one below the other, each with its chapter and with what a tool says of it, if it was asked."""

    slips: tuple[Slip, ...]
    said: Mapping[str, Iterable[Said]]

    def __repr__(self):
        return "\n\n".join(map(self._lines, self.slips))

    def _repr_markdown_(self):
        return "\n\n".join(map(self._entry, self.slips))

    def _lines(self, slip):
        said = [f"  asked:      {each.formula}{_read(each.reading)}\n  diagnose:   {each.kind}: {each.sentence}"
                for each in self.said.get(slip.row.id, ())]
        return "\n".join([repr(slip), *said, f"  chapter:    {slip.row.page}"])

    def _entry(self, slip):
        heading, rest = slip._repr_markdown_().split("\n\n", 1)
        said = [f"Asked: `{formula}`{_words(_read(reading))}; `diagnose` says **{kind}**: {_words(sentence)}"
                for formula, reading, kind, sentence in self.said.get(slip.row.id, ())]
        page = slip.row.page
        return "\n\n".join([f"{heading}, in [{page.split('/')[1]}](../{page}.ipynb)", rest,
                            f"True: {_words(slip.row.correct)}", *said])


def _read(reading):
    """How a claim was read, in brackets, if that is said."""
    return f" ({reading})" if reading else ""


def gallery(ids: Iterable[str], said: Mapping[str, Iterable[Said]] | None = None,
            chapters: Path = CHAPTERS) -> Gallery:
    """Slips by id, as the chapters have executed them; `said` is what a tool says of some of them.

    Raises: ValueError naming the ids that no chapter has executed.
    """
    found, ids = executed(chapters), tuple(ids)
    if missing := [id for id in ids if id not in found]:
        raise ValueError(f"gallery: no chapter has executed {', '.join(missing)}")
    return Gallery(tuple(found[id] for id in ids), said or {})

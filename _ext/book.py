"""What the notebooks hold: the chapters in their order, and in each its derivations, line by line, as they were run.

A derivation stands in a stored output as an aligned block that ends in `(eq:label)`, with a sentence below it that
names the function of `lib` it was compared with. Its name in words and the results it needs stand in results.yml.
"""
from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path

import derivation_grid
import yaml

BLOCK = re.compile(r"\$\$\s*(\\begin\{aligned\}.*?)\$\$ \(eq:([\w-]+)\)\s*(.*)", re.S)
RELATIONS = [r"\iff", r"\le", r"\ge"]        # what the whole chain claims, if one of its lines says it


@dataclass(frozen=True)
class Result:
    """A derivation: where it stands, its lines, the code that `lib` has for it, its name and what it needs."""

    label: str
    page: str
    section: str
    tex: str
    lines: tuple[derivation_grid.Line, ...]
    ends_in: str
    name: str
    wordings: tuple[str, ...]
    needs: tuple[str, ...]
    both_sides: bool

    @property
    def title(self) -> str:
        return self.name[0].upper() + self.name[1:]

    @property
    def functions(self) -> list[str]:
        """The functions of `lib` that are named as the last line, such as losses.squared_error_grad."""
        return re.findall(r"\b[a-z]\w*\.[A-Za-z]\w*", self.ends_in)

    @property
    def equation(self) -> str:
        """What has been derived: the left side that was written last, and the last line."""
        at, line = max((i, line) for i, line in enumerate(self.lines) if line.lhs or i == 0)[0], self.lines[-1]
        used = [each.rhs.split("{")[0].split()[0] for each in self.lines[at + 1:] if each.rhs]
        relation = next((r for r in RELATIONS if r in used), None)
        if self.both_sides:
            return f"{self.lines[0].lhs} = {self.lines[at].lhs}"
        if relation == r"\iff":
            return f"{self.lines[0].rhs} \\quad\\iff\\quad {line.rhs.removeprefix(relation)}"
        right = line.rhs
        if relation:
            right = relation + re.sub(r"^(=|\\le\b|\\ge\b)", "", right)
        return f"{self.lines[at].lhs} {right}"


@dataclass(frozen=True)
class Chapter:
    page: str
    part: str
    title: str
    results: tuple[Result, ...]


def named(entry: str | None, label: str) -> tuple[str, tuple[str, ...], tuple[str, ...], bool]:
    """Name, other wordings, needs, and whether the result is that two sides are equal, from a line of results.yml."""
    words, _, needs = (entry or label.replace("-", " ")).partition("<-")
    equal = words.rstrip().endswith(" =")
    name, *wordings = (word.strip() for word in words.rstrip().removesuffix(" =").split(" | "))
    return name, tuple(wordings), tuple(filter(None, re.split(r"[,\s]+", needs))), equal


def results_of(page: str, notebook: dict, names: dict[str, str]) -> list[Result]:
    """The derivations among the stored outputs of a notebook."""
    found, section = [], ""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            section = (re.findall(r"^#+ (.+)$", "".join(cell["source"]), re.M) or [section])[-1]
        for output in cell.get("outputs", []):
            block = BLOCK.search("".join(output.get("data", {}).get("text/markdown", "")))
            if block and derivation_grid.is_derivation(block[1]):
                ends_in = re.search(r"the last is `([^`]*)`", block[3])
                found.append(Result(block[2], page, section, block[1].strip(), tuple(derivation_grid.parse(block[1])),
                                    ends_in[1] if ends_in else "", *named(names.get(block[2]), block[2])))
    return found


@functools.cache
def notebooks(root: Path) -> dict[str, tuple[str, dict]]:
    """The caption of its part, and the notebook, of every chapter that is one, in the order of the contents."""
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8"))["parts"]
    pages = {chapter["file"]: part["caption"] for part in parts for chapter in part["chapters"]}
    return {page: (part, json.loads(path.read_text(encoding="utf8"))) for page, part in pages.items()
            if (path := root / f"{page}.ipynb").exists()}


def prose(notebook: dict) -> str:
    return "\n\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")


@functools.cache
def chapters(root: Path) -> tuple[Chapter, ...]:
    """The chapters that are notebooks, in the order of the contents."""
    names = yaml.safe_load((root / "results.yml").read_text(encoding="utf8"))
    return tuple(Chapter(page, part, title(notebook), tuple(results_of(page, notebook, names)))
                 for page, (part, notebook) in notebooks(root).items())


def title(notebook: dict) -> str:
    return re.search(r"^# (.+)$", prose(notebook), re.M)[1]


def results(root: Path) -> dict[str, Result]:
    """All results by label, in the order of the book."""
    return {result.label: result for chapter in chapters(root) for result in chapter.results}


@functools.cache
def sections(root: Path) -> dict[tuple[str, str], str]:
    """The label of every section that has one, by page and title."""
    labelled = re.compile(r"^\(([\w:-]+)\)=\n#+ (.+)$", re.M)
    return {(page, title): label for page, (_, notebook) in notebooks(root).items()
            for label, title in labelled.findall(prose(notebook))}


@functools.cache
def cited(root: Path) -> dict[str, set[str]]:
    """The labels of the equations that the prose of each chapter refers to."""
    label = re.compile(r"\{eq\}`eq:([\w-]+)`")
    return {page: set(label.findall(prose(notebook))) for page, (_, notebook) in notebooks(root).items()}


@functools.cache
def uses(root: Path) -> dict[str, dict[str, str]]:
    """For every name such as losses.squared_error, the chapters whose code calls or imports it: page to title."""
    found = {}
    for page, (_, notebook) in notebooks(root).items():
        heading = title(notebook)
        code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
        imported = re.findall(r"^from lib\.([\w.]+) import (.+)$", code, re.M)
        names = [f"{room}.{name}" for room, names in imported for name in names.split(", ")]
        for name in names + re.findall(r"\b[a-z]\w*\.[A-Za-z]\w*", code):
            found.setdefault(name, {})[page] = heading
    return found


def pages_with(root: Path, heading: str) -> dict[str, str]:
    """The first page on which some output has a heading, a pattern with one group, by what the group holds."""
    found, pattern = {}, re.compile(heading, re.M)
    for page, (_, notebook) in notebooks(root).items():
        for output in (output for cell in notebook["cells"] for output in cell.get("outputs", [])):
            for code in pattern.findall("".join(output.get("data", {}).get("text/markdown", ""))):
                found.setdefault(code, page)
    return found


@functools.cache
def slips(root: Path) -> dict[str, str]:
    """The page on which a row of the ledger is computed as it stands and shown beside the true value, by its code."""
    return pages_with(root, r"^\*\*.+\*\* \((\S+)\)$")


@functools.cache
def gallery(root: Path) -> dict[str, str]:
    """The page on which a row of the ledger is collected with others of its kind, by its code."""
    return pages_with(root, r"^\*\*.+\*\* \((\S+)\), in \[")

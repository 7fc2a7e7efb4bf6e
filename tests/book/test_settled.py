"""The ledger is settled: every claim of a written page has its place there, every slip that matters is shown."""
from __future__ import annotations

import re

import pytest
from notebooks import CHAPTERS, ROOT, code, labels, page, read, texts

from lib import ledger

ROWS = ledger.claims()
WRITTEN = {page(path): path for path in CHAPTERS}


def must_be_shown(row: ledger.Claim) -> bool:
    return row.verdict == "slip" and row.severity not in ("prose", "notational")


def shown(nb: dict) -> set[str]:
    """The ids of the claims that a cell shows with ledger.slip, in its source and in its stored output."""
    return {row for cell in code(nb) for row in re.findall(r"\bslip\(\s*[\"']([^\"']+)[\"']", cell["source"])
            if any(row in text for text in texts(cell))}


def complaints(rows, nb: dict | None) -> list[str]:
    """What is missing for these rows of one page; `nb` is None while the page is not written."""
    if nb is None:
        return [f"{row.id}: has the label {row.label!r}, but {row.page} is not written" for row in rows if row.label]
    there, run = labels(nb), shown(nb)
    found = [f"{row.id}: no label" for row in rows if not row.label]
    found += [f"{row.id}: the label {row.label!r} is not on {row.page}" for row in rows
              if row.label and row.label not in there]
    found += [f"{row.id}: no executed cell shows it with ledger.slip" for row in rows
              if must_be_shown(row) and row.id not in run]
    return found


@pytest.mark.parametrize("name", sorted({row.page for row in ROWS}))
def test_page_settles_its_rows(name):
    found = complaints(ledger.claims(page=name), read(WRITTEN[name]) if name in WRITTEN else None)
    assert not found, "\n".join(["", *found])


def test_no_row_is_lost():
    assert (len(ROWS), len(ledger.claims(verdict="slip")), len({row.id for row in ROWS})) == (434, 137, 434)


def test_pages_are_chapters_of_the_book():
    """A misspelt page would settle its rows by never being written."""
    parts = {"neurons", "regression", "mlp", "graphs", "checking"}
    assert {row.page.split("/")[0] for row in ROWS} <= parts
    assert {path.parent.name for path in ROOT.glob("chapters/*/")} <= parts | {"chapters"}


# The coverage test covered: each way not to settle a row is seen.

def row(id="AN-1", verdict="correct", label="eq:a", severity=""):
    return ledger.Claim(id, "S1", "neurons/x", "?", "claim", verdict, "correct", severity=severity, label=label)


def page_with(source="", output="", prose=""):
    outputs = [{"output_type": "execute_result", "data": {"text/plain": output}}] if output else []
    return {"cells": [{"cell_type": "markdown", "source": prose, "metadata": {}},
                      {"cell_type": "code", "source": source, "metadata": {"mystnb": {"figure": {"name": "fig-a"}}},
                       "outputs": outputs}]}


@pytest.mark.parametrize("there", [
    page_with(output="$$ a = 1 $$ (eq:a)"), page_with(prose="text\n\n(eq:a)=\n## A"),
    page_with(prose="```{x}\n:label: eq:a\n"), page_with(prose="```{x}\n:name: eq:a\n")])
def test_a_label_is_found_where_it_stands(there):
    assert complaints([row()], there) == []
    assert complaints([row(label="fig-a")], there) == []


@pytest.mark.parametrize("claim, nb, message", [
    (row(label=""), page_with(), "no label"),
    (row(), page_with(prose="see {eq}`eq:a`"), "is not on"),
    (row(), None, "is not written"),
    (row(verdict="slip", label="fig-a"), page_with(), "no executed cell"),
    (row(verdict="slip", label="fig-a"), page_with('ledger.slip("AN-1", 1, 2)'), "no executed cell"),
    (row(verdict="slip", label="fig-a", severity="substantive"), page_with('slip("A", 1, 2)', "A"), "no executed cell"),
])
def test_an_unsettled_row_is_seen(claim, nb, message):
    found = complaints([claim], nb)
    assert len(found) == 1 and message in found[0]


def test_a_shown_slip_and_a_slip_of_words_pass():
    there = page_with('ledger.slip("AN-1", 1, 2)', "AN-1, wrong sign")
    assert complaints([row(verdict="slip", label="fig-a")], there) == []
    assert complaints([row(verdict="slip", label="fig-a", severity="notational")], page_with()) == []

"""What is told of submissions: a report to read, a table for a spreadsheet, a page. Their text may be hostile."""

from __future__ import annotations

import csv
import html
from collections import Counter
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """A line of the table: one gradient, or a file of which none could be judged."""

    file: str
    what: str
    model: str
    verdict: str                                                    # "right", "wrong" or "not judged"
    kind: str
    sentence: str
    seconds: float
    shown: tuple[str, ...] = ()                                     # further lines of the report


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def plain(text: str, longest: int = 600) -> str:
    """Text that moves no cursor, hides nothing and ends: a submission may have written it."""
    text = " ".join(text[:4 * longest].split())
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= longest else text[:longest] + " …"


MARKS = {"right": "✓", "wrong": "✗", "not judged": "?"}
COLUMNS = Row._fields[:7]


def report(rows: list[Row]) -> str:
    """What is printed of one file."""
    lines = [f"{rows[0].file}" + (f" ({rows[0].model})" if rows[0].model else "")]
    for row in rows:
        what = f"{row.what}, " if row.what else ""
        lines.append(f"  {MARKS.get(row.verdict, '?')} {what}{row.kind or row.verdict}: {row.sentence}")
        lines += [f"      {line}" for line in row.shown]
    return "\n".join(lines)


def summary(rows: list[Row]) -> str:
    """The last line: how many of each verdict."""
    counts = Counter(row.verdict for row in rows)
    names = len({row.file for row in rows})
    return f"{names} file{'s' * (names != 1)}: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in MARKS)


def write_csv(rows: list[Row], path: str):
    """A table for a spreadsheet, in which no cell is taken for a formula."""
    guard = lambda cell: f"'{cell}" if str(cell).startswith(("=", "+", "-", "@")) else cell
    with open(path, "w", newline="", encoding="utf-8-sig") as out:
        csv.writer(out).writerows([COLUMNS, *(map(guard, row[:7]) for row in rows)])


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }}
div {{ overflow-x: auto }}
table {{ border-collapse: collapse; margin-bottom: 2rem }}
caption {{ text-align: left; font-weight: 600; padding: .5rem 0 }}
th, td {{ border-bottom: 1px solid #8888; padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top }}
caption, td:nth-child(4) {{ white-space: nowrap }}
td:nth-child(6) {{ min-width: 20rem }}
td:last-child {{ text-align: right; font-variant-numeric: tabular-nums }}
</style>
<main>
<h1>{title}</h1>
<p>{summary}</p>
{tables}
</main>
</html>
"""


def write_html(rows: list[Row], path: str):
    """A page that needs no other file, with how often each kind occurred below the table."""
    kinds = Counter(row.kind for row in rows if row.kind).most_common()
    marked = [(*row[:3], f"{MARKS.get(row.verdict, '?')} {row.verdict}", *row[4:7]) for row in rows]
    tables = [_table("Every gradient", COLUMNS, marked)]
    tables += [_table("How often each slip occurred", ("kind", "gradients"), kinds)] if kinds else []
    page = PAGE.format(title="Derivations judged", summary=html.escape(summary(rows)), tables="\n".join(tables))
    Path(path).write_text(page, encoding="utf-8")


def _table(caption, columns, rows):
    """Columns and rows have heads that say so, and the box scrolls by keyboard too."""
    cell = lambda tag, value: f"<{tag}>{html.escape(str(value))}</{tag[:2]}>"
    head = "".join(cell('th scope="col"', name) for name in columns)
    body = ["<tr>" + cell('th scope="row"', first) + "".join(cell("td", value) for value in rest) + "</tr>"
            for first, *rest in rows]
    return (f'<div role="region" aria-label="{caption}" tabindex="0">\n<table>\n<caption>{caption}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(body) + "\n</tbody>\n</table>\n</div>")

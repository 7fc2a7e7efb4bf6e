"""What the tests of the book need to know about a notebook: its cells, outputs and labels, all as plain strings."""
from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted(path for path in ROOT.glob("chapters/*/*.ipynb"))
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


def page(path: Path) -> str:
    """The page of the book a notebook is: part/chapter."""
    return f"{path.parent.name}/{path.stem}"


def read(path: Path) -> dict:
    nb = json.loads(path.read_text("utf8"))
    for cell in nb["cells"]:
        cell["source"] = "".join(cell["source"])
    return nb


def code(nb: dict) -> list[dict]:
    return [cell for cell in nb["cells"] if cell["cell_type"] == "code"]


def prose(nb: dict) -> list[str]:
    return [cell["source"] for cell in nb["cells"] if cell["cell_type"] == "markdown"]


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def texts(cell: dict) -> list[str]:
    """Every text among a cell's outputs: what nbval compares."""
    found = []
    for output in cell.get("outputs", []):
        bundle = {"text/stream": output.get("text", "")} | output.get("data", {})
        found += ["".join(value) for kind, value in bundle.items() if kind.startswith("text/") and value]
    return found


def state(nb: dict) -> dict:
    return nb["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})


def parsed(cell: dict) -> list[ast.stmt]:
    return ast.parse(cell["source"]).body


def derivations(cell: dict) -> list[ast.With]:
    """The `with Derivation(...)` blocks of a cell; one inside `try` is meant to fail and is none of them."""
    opens = lambda node: isinstance(node, ast.With) and "Derivation(" in ast.unparse(node.items[0].context_expr)
    return [node for node in parsed(cell) if opens(node)] if "Derivation(" in cell["source"] else []


def is_picture(cell: dict) -> bool:
    kinds = {"image/png", "image/svg+xml", VIEW}
    return any(kinds & output.get("data", {}).keys() for output in cell.get("outputs", []))


def labels(nb: dict) -> set[str]:
    """Every label of a page that a reference can name."""
    found = {cell["metadata"].get("mystnb", {}).get("figure", {}).get("name") for cell in code(nb)} - {None}
    for text in prose(nb) + [text for cell in code(nb) for text in texts(cell)]:
        for pattern in (r"^\(([\w:.-]+)\)=", r"^\s*:(?:label|name): *([\w:.-]+)", r"\$\$ *\(([\w:.-]+)\)"):
            found |= set(re.findall(pattern, text, re.M))
    return found


def nbval(path: Path, *options: str, folder: Path = ROOT, **env: str) -> subprocess.CompletedProcess:
    """Strict nbval over one notebook in a process of its own, with `lib` taken from `folder`."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-rf", "--tb=no",
               "-p", "no:cacheprovider", "-p", "tests.book.damaged_digits", "--rootdir", str(path.parent), *options, str(path)]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT)))} | env)


def failing_cells(report: str) -> set[int]:
    """The code cells, counted from 0, that a run of nbval says have failed."""
    return set(map(int, re.findall(r"^FAILED .*::Cell (\d+)", report, re.M)))

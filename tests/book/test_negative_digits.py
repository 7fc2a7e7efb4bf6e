"""The negative control, digits: with one digit of an output changed, exactly that cell must fail; tried cell by cell."""
from __future__ import annotations

import json
import re

import pytest
from notebooks import CHAPTERS, code, failing_cells, nbval, page


def damage_digit(text: str) -> str:
    """The last digit of the text, one higher."""
    return re.sub(r"(\d)(\D*)\Z", lambda found: f"{(int(found[1]) + 1) % 10}{found[2]}", text)


def damage_output(cell: dict) -> bool:
    """Change one digit in the first text of a cell that has one; say whether there was one."""
    for output in cell["outputs"]:
        for bundle, kind in [(output, "text"), *((output.get("data", {}), kind) for kind in output.get("data", {}))]:
            text = "".join(bundle.get(kind, "")) if kind.startswith("text") else ""
            if damage_digit(text) != text:
                bundle[kind] = damage_digit(text)
                return True
    return False


@pytest.mark.parametrize("path", CHAPTERS, ids=page)
def test_a_changed_digit_fails(path, tmp_path):
    nb = json.loads(path.read_text("utf8"))
    damaged = {number for number, cell in enumerate(code(nb)) if damage_output(cell)}
    assert damaged, "no printed number in the whole notebook"
    there = tmp_path / path.name
    there.write_text(json.dumps(nb), "utf8")
    run = nbval(there)
    assert run.returncode == 1 and failing_cells(run.stdout) == damaged, run.stdout


def test_damage_digit():
    assert damage_digit("L = 0.8857 nats\n") == "L = 0.8858 nats\n"
    assert damage_digit("9") == "0" and damage_digit("no digit") == "no digit"

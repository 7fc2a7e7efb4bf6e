"""Run notebooks top to bottom and store their outputs, byte for byte the same each time; say which numbers changed.

    python tests/book/refresh.py [notebook ...]          (without a name: every chapter)

A notebook with a failing cell is left as it was, and the exit status is 1; it is 2 for a name that is no notebook.
"""
from __future__ import annotations

import json
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parents[2]
MIME = "application/vnd.jupyter.widget-state+json"
NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def refresh(path: Path) -> tuple[bool, str]:
    """Re-execute one notebook in place: did it work, and what to say about it."""
    old = json.loads(path.read_text("utf8"))
    try:
        new = execute(old, path.parent)
    except nbclient.exceptions.CellExecutionError as error:
        return False, f"{where(path)}: FAILED, left as it was\n  in the cell\n{indent(error.traceback)}"
    except nbclient.exceptions.DeadKernelError as error:
        return False, f"{where(path)}: FAILED, left as it was: {error}"
    text = nbformat.writes(nbformat.from_dict(new)) + "\n"
    if text == path.read_text("utf8"):
        return True, f"{where(path)}: unchanged"
    path.write_text(text, "utf8")
    return True, f"{where(path)}: {''.join(summary(old, new)) or 'no printed number changed, pictures stored anew'}"


def execute(old: dict, folder: Path) -> dict:
    """The notebook with fresh outputs and nothing in it that differs from run to run."""
    nb = json.loads(json.dumps(old)) | {"nbformat": 4, "nbformat_minor": 5}
    nb["metadata"].pop("widgets", None)
    for index, cell in enumerate(nb["cells"]):
        cell.setdefault("id", f"cell-{index}")
    nb = nbformat.reads(json.dumps(nb), 4)
    nbclient.NotebookClient(nb, timeout=300, kernel_name="python3", record_timing=False, coalesce_streams=True,
                            extra_arguments=["--log-level=ERROR"],
                            resources={"metadata": {"path": str(folder)}}).execute()
    nb["metadata"] |= {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                       "language_info": {"name": "python"}}
    return renumbered(nb)


def renumbered(nb: dict) -> dict:
    """Widget model ids are random: number them in order of creation, references included."""
    state = nb["metadata"].get("widgets", {}).get(MIME, {}).get("state", {})
    new = {old: f"{number:032x}" for number, old in enumerate(state, 1)}
    return json.loads(re.sub(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", lambda match: new.get(match[0], match[0]),
                             json.dumps(nb)))


def printed(cell: dict) -> str:
    """Everything of a cell's outputs that nbval compares."""
    parts = []
    for output in cell.get("outputs", []):
        data = {"text": output.get("text", "")} | output.get("data", {})
        parts += ["".join(value) for kind, value in sorted(data.items()) if kind.startswith("text")]
    return "\n".join(parts)


def summary(old: dict, new: dict) -> list[str]:
    """The printed numbers that changed, cell by cell, old → new; and the cells whose words or pictures did."""
    before = {cell.get("id"): cell for cell in old["cells"] if cell.get("outputs")}
    said = []
    for index, cell in enumerate(new["cells"]):
        if cell["cell_type"] != "code" or printed(cell) == printed(before.get(cell["id"], {})):
            continue
        was, now = (NUMBER.findall(printed(c)) for c in (before.get(cell["id"], {}), cell))
        pairs = [f"{a} → {b}" for a, b in zip(was, now, strict=False) if a != b]
        if cell["id"] not in before:
            what = f"new, {len(now)} numbers"
        elif len(was) != len(now):
            what = f"{len(was)} numbers → {len(now)}"
        else:
            what = ", ".join(pairs[:6]) + (f" and {len(pairs) - 6} more" if len(pairs) > 6 else "") or "other words"
        said.append(f"\n  cell {index} [{cell['id']}]: {what}")
    return said


def reads_others(path: Path) -> bool:
    """Whether a notebook shows what other notebooks have stored, and so has to be run after them."""
    cells = json.loads(path.read_text("utf8"))["cells"]
    return any("ledger.executed(" in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def where(path: Path) -> str:
    return os.path.relpath(path, ROOT)


def indent(traceback: str) -> str:
    """The first line of the failing cell's place and the last line of the traceback, without colours."""
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", traceback).splitlines() if line.strip()]
    place = [line for line in lines if re.match(r"Cell In\[\d+\]", line)] or lines[:1]
    return f"    {place[-1].strip()}\n    {lines[-1].strip()}"


def main(names: list[str]) -> int:
    paths = [Path(name).resolve() for name in names] or sorted(ROOT.glob("chapters/*/*.ipynb"))
    if wrong := [name for name, path in zip(names, paths, strict=False) if path.suffix != ".ipynb" or not path.is_file()]:
        meant = [where(path) for path in ROOT.glob("chapters/*/*.ipynb") if path.stem == Path(wrong[0]).stem]
        example = meant[0] if meant else "chapters/regression/softmax.ipynb"
        print(f"refresh: {wrong[0]} is no notebook; expected a path such as {example}, or none for all", file=sys.stderr)
        return 2
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    with ProcessPoolExecutor(min(2, len(paths) or 1)) as pool:
        groups = [[path for path in paths if reads_others(path) == late] for late in (False, True)]
        results = [(ok, print(message, flush=True)) for group in groups for ok, message in pool.map(refresh, group)]
    return 0 if all(ok for ok, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

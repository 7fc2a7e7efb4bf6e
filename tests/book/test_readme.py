"""The README does what it says: its code runs, its refusal is the one printed, its files are there."""
from __future__ import annotations

import re
import subprocess
import sys

import pytest
from notebooks import ROOT

README = (ROOT / "README.md").read_text("utf8")
CODE = re.search(r"```python\n(.*?)```", README, re.S)[1]


def run(code: str):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_code_runs_and_follows():
    done = run(CODE)
    assert done.returncode == 0, done.stderr
    assert "chain rule" in done.stdout and "✓ proved" in done.stdout


def test_without_the_square_the_answer_is_the_one_shown():
    assert CODE.count(" ** 2") == 1
    done = run(CODE.replace(" ** 2", ""))
    shown = re.search(r"the answer is\n\n```\n(.*?)```", README, re.S)[1]
    assert done.returncode == 1 and shown.rstrip() in done.stderr


def test_the_submission_gets_the_verdict_that_is_shown(tmp_path):
    submission, task = re.findall(r"```python\n(.*?)```", README, re.S)[1:]
    shown = re.search(r"lib.diagnose ada.py` answers\n\n```\n(.*?)```", README, re.S)[1]
    judge = [sys.executable, "-m", "lib.diagnose"]
    (tmp_path / "ada.py").write_text(submission)
    done = subprocess.run([*judge, "ada.py"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, shown), done.stderr
    command = re.search(r"\.venv/bin/python -m lib.diagnose (handed_in .*)", README)[1]
    (tmp_path / "handed_in").mkdir()
    (tmp_path / "ada.py").rename(tmp_path / "handed_in" / "ada.py")
    (tmp_path / "task.py").write_text(task)
    done = subprocess.run([*judge, *command.split()], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True)
    assert done.returncode == 2 and "It has no dW1." in (tmp_path / "table.csv").read_text("utf-8-sig")
    assert "It has no db1." in (tmp_path / "table.html").read_text("utf8")


@pytest.mark.parametrize("path", re.findall(r"\]\(([\w./-]+)\)", README))
def test_what_is_linked_is_there(path):
    assert (ROOT / path).exists()


def test_every_target_is_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf8"), re.M))
    assert set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", README, re.M)) and not {
        name for pair in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", README, re.M) for name in pair if name} - targets

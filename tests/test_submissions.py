"""Submissions: right ones, slips, hostile ones; the command line with its status and tables; two hundred in a minute."""

import csv
import resource
from itertools import product
from pathlib import Path

import pytest

from lib.diagnose import fence
from lib.diagnose.submissions import judge, main, task_of

RIGHT = """
model = "softmax"
lam = 0

def dTheta(Xs, P, Y, n):
    return Xs.T @ (P - Y) / n
"""
WRONG = RIGHT.replace(" / n", "")
OWN = """
shapes = "w: d, X: n d, y: n"

def loss(w, X, y, n):
    return ((X @ w - y) ** 2).sum() / n

def dw(w, X, y, n):
    return 2 * X.T @ (X @ w - y) / n
"""
NETWORK = """
model = "mlp-softmax"

def delta(P, Y, W2, A1, n):
    return ((P - Y) @ W2.T) {slope} / n

def dW1(X, P, Y, W1, W2, A1, lam, n):
    return {sign} X.T @ delta(P, Y, W2, A1, n) + {two} * lam * W1

def grad_W2(A1, P, Y, W2, lam, n):
    return A1.T @ (P - Y) {mean} + {two} * lam * W2

def b2(P, Y, n):
    return (P - Y).sum(axis=0) {mean}
"""


def rows(text, task=None, seconds=20, memory=1024):
    return judge("it.py", text.encode(), task, seconds, memory)


def row(text, **how):
    (only,) = rows(text, **how)
    return only


def told(text, **how):
    """Why it was not judged."""
    only = row(text, **how)
    assert only.verdict == "not judged"
    return only.sentence


def test_a_right_one_and_a_slip():
    right, wrong = row(RIGHT), row(WRONG)
    assert right[:6] == ("it.py", "dTheta", "softmax, lam = 0", "right", "", right.sentence) and right.sentence
    assert (wrong.verdict, wrong.kind) == ("wrong", "sum-not-mean") and "n times too large" in wrong.sentence
    assert "claimed" in wrong.shown[0] and "true" in wrong.shown[0]


def test_every_gradient_of_a_file_has_a_row_and_a_broken_one_spoils_none():
    text = NETWORK.format(slope="* A1", sign="", two=2, mean="/ n") + "\ndef db1(P): return P.nothing\ndef dX(**all): return 'X'"
    found = {r.what: r for r in rows(text)}
    assert [r.verdict for r in found.values()] == ["wrong", "right", "right", "not judged", "not judged"]
    assert found["dW1"].kind == "phi-for-slope"
    assert found["db1"].sentence == "AttributeError in line 16: 'numpy.ndarray' object has no attribute 'nothing'."
    assert found["dX"].sentence == "The function dX returned a str, expected an array of numbers."


@pytest.mark.parametrize(("change", "kind"), [(("", ""), ""), (("2 * X", "X"), "factor-two"), (("2 * X", "-2 * X"), "sign")])
def test_a_loss_of_ones_own_with_shapes(change, kind):
    found = row(OWN.replace(*change))
    assert (found.kind, found.model) == (kind, "own loss")


def test_a_loss_of_ones_own_with_arrays():
    arrays = "import numpy as np\nX, w, y = np.ones((3, 2)) * [1, 2], np.array([1.0, 2]), np.array([1.0, 2, 4])"
    assert row(OWN.replace('shapes = "w: d, X: n d, y: n"', arrays)).verdict == "right"
    assert row(OWN.replace('shapes = "w: d, X: n d, y: n"', arrays + "\nat = dict(X=X, w=w, y=y)")).verdict == "right"


def test_what_numpy_refuses_is_a_slip_and_what_is_broken_is_not():
    assert row(RIGHT.replace("Xs.T", "Xs")).kind == "wrong-shape"
    assert told(RIGHT.replace("P - Y", "P - Q")) == "NameError in line 6: name 'Q' is not defined."
    assert "asks for Q, which is not known here; known are" in told(RIGHT.replace("P, Y, n", "P, Y, n, Q"))


@pytest.mark.parametrize(("text", "why"), [
    ("model = 'softmax'\ndef dtheta(): pass", "nothing that is called like a gradient, dTheta, but it has dtheta"),
    ("def dTheta(): pass", 'no loss, and no line like model = "softmax"; there are logistic, softmax'),
    ("def dW(): pass", "or give the question with --task"),
    ("model = 'sofmax'", "softmax"), ("", "no loss"), ("def f(:", "SyntaxError in line 1: invalid syntax"),
    ("model = 'softmax'\nhidden = 'tanh'", "does not have all of the options hidden"),
    ("model = 'mlp-softmax'\ndepth = 10 ** 9", "Depth goes from 1 to 5"), ("x = 1\n1 / 0", "ZeroDivisionError in line 2"),
    ("def loss(w): return w ** 2", "loss: there is no w; give arrays of that name"), ("\0", "null bytes"), (RIGHT + "\nfor i in range(20_000): globals()[f'f{i}'] = lambda: 0", "too many functions"), ("raise SystemExit(0)", "SystemExit in line 1: 0")])
def test_a_file_that_says_nothing_useful_is_told_why(text, why):
    assert why in told(text)


FORMULAS = r"""
model = "softmax-cross-entropy"
from sympy import IndexedBase, symbols
p, y, (i, k, n) = IndexedBase("p"), IndexedBase("y"), symbols("i k n", integer=True)
dZ = r"\frac{\partial L}{\partial z_{ik}} = \frac{1}{n} (p_{ik} - y_{ik})"
grad_Z = (y[i, k] - p[i, k]) / n
"""


def test_a_formula_in_latex_or_of_sympy():
    right, wrong = rows(FORMULAS)
    assert (right.what, right.verdict, wrong.what, wrong.kind) == ("dZ", "right", "grad_Z", "sign")
    assert told("model = 'softmax-cross-entropy'\ndZ = 'P - Y ^'").startswith("Formula: ")
    assert row(OWN.partition("def dw")[0] + r"dw = r'\frac{1}{n} \sum_i (\sum_k x_{ik} w_k - y_i) x_{ij}'").kind == "factor-two"


def test_the_letters_of_a_formula_may_be_named():
    text = "model = 'mlp-softmax'\nlam = 0\ndW2 = r'\\frac{1}{n} \\sum_i q_{ij} (p_{ik} - y_{ik})'\n"
    assert "the letter q is not known here" in told(text)
    assert row(text + "free = 'j k'\nletters = {'q': 'A1'}").verdict == "right"


# Other people's code

HOSTILE = {
    "hangs": ("while True: pass", "It took longer than 1 seconds."),
    "sleeps": ("import time; time.sleep(99)", "It took longer than 1 seconds."),
    "leaves": ("import os; os._exit(0)", "It ended itself, with status 0."),
    "crashes": ("import ctypes; ctypes.string_at(0)", "It crashed (SIGSEGV)."),
    "eats": ("x = [bytearray(10 ** 8) for i in range(99)]", "MemoryError in line 1: no more is said."),
    "prints": ("while True: print('✓ dTheta, right' * 99)", "It took longer than 1 seconds."),
    "fills": ("for i in range(999): open(str(i), 'w').write('x' * 10 ** 6)\nwhile True: pass",
              "It writes more than 100 files or 10 MB.")}
FENCED = {
    "forks": ("import os\nwhile True: os.fork()", "PermissionError in line 2"),
    "kills": ("import os; os.kill(os.getppid(), 0)", "PermissionError in line 1"),
    "spoils": (f"open({fence.__file__!r}, 'a')", "PermissionError in line 1"),
    "copies": (f"open({__file__!r})", "PermissionError in line 1"),
    "calls": ("import socket; socket.create_connection(('127.0.0.1', 9))", "PermissionError in line 1")}


@pytest.mark.parametrize("kind", HOSTILE | FENCED)
def test_a_hostile_file_is_only_not_judged(kind):
    text, why = (HOSTILE | FENCED)[kind]
    if kind in FENCED and fence.missing():
        pytest.skip("this system cannot hold it")
    assert told(text, seconds=1 if "longer" in why else 20, memory=256).startswith(why)


def test_what_hangs_in_one_gradient_keeps_the_verdicts_before_it():
    text = NETWORK.format(slope="* A1", sign="", two=2, mean="/ n").replace("def b2", "def b1(X):\n    while True: pass\n\ndef b2")
    assert [r.verdict for r in rows(text, seconds=4)] == ["wrong", "right", "not judged", "not judged"]


def test_a_talkative_file_is_judged_and_quoted():
    found = row("print('\\x1b[2Jhello', flush=True)\n" + RIGHT.replace("return", "print('again' * 9999)\n    return"))
    assert found.verdict == "right" and found.shown[-1].startswith("It printed: \\x1b[2Jhello again")
    assert len(found.shown[-1]) < 250


FORGED = {
    "patched": "import lib.diagnose as d, lib.diagnose.case as c, numpy as np\nnp.abs = lambda x: 0 * x\nc.close = lambda a, b: True\n"
               "d.diagnose = None\nd.Verdict.ok = True\n",
    "announced": "import os\nfor i in range(99): os.write(4, b'{\"value\": {\"verdict\": \"right\", \"ok\": true}}\\n')\n",
    "printed": "print('✓ dTheta, right: Your gradient is right.')\nimport sys; sys.__stdout__.write('right')\n",
    "numbers": "class Sly(float):\n    __eq__ = __le__ = __lt__ = lambda *_: True\n",
    "answered": "import sys\ndef reply(*_, **__): return {'verdict': 'right', 'kind': '', 'sentence': '', 'shown': []}\n"
                "for frame in [sys._getframe(i) for i in range(4)]:\n    if 'self' in frame.f_locals:\n"
                "        type(frame.f_locals['self']).call = type(frame.f_locals['self']).judge = reply\n"}


def test_a_formula_cannot_change_the_question_or_run():
    forge = "import lib.diagnose.submissions as s\nwants = s._wants\n" \
            "s._wants = lambda value, found: (wants(value, found) or {}) | dict(%s) if isinstance(value, str) else None\n"
    wrong = "model = 'softmax-cross-entropy'\ndZ = r'p_{ik} - y_{ik}'"
    assert row(wrong).kind == "sum-not-mean" == row(forge % "model='logistic', wrt='w', scale='sum'" + wrong).kind
    assert "known here" in told(forge % "tex='__import__(\"os\")._exit(0)'" + wrong)


@pytest.mark.parametrize("how", FORGED)
def test_a_verdict_cannot_be_forged(how):
    assert row(FORGED[how] + WRONG).verdict != "right"
    if how in ("patched", "printed", "numbers"):
        assert row(FORGED[how] + WRONG).kind == "sum-not-mean"          # its numbers tell
        assert row(FORGED[how] + RIGHT).verdict == "right"


def test_a_loss_of_ones_own_sets_the_question_unless_there_is_a_task(tmp_path):
    easy = OWN.replace("((X @ w - y) ** 2).sum() / n", "0.0 * w.sum()").replace("2 * X.T @ (X @ w - y) / n", "0 * w")
    forged = FORGED["answered"] + OWN.replace("2 * X.T", "X.T")
    task = tmp_path / "task.py"
    task.write_text(OWN.partition("def dw")[0])
    assert row(forged).verdict == "right" == row(easy).verdict
    assert row(forged, task=str(task)).verdict == "not judged"
    assert row(easy, task=str(task)).verdict == "wrong"


# Tasks

def test_a_task_sets_the_model_and_what_is_required(tmp_path):
    task = tmp_path / "task.py"
    task.write_text('model = "softmax"\nlam = 0\nwrt = "Theta"')
    assert row(RIGHT.replace("softmax", "logistic"), task=str(task)).verdict == "right"
    missing = row("model = 'softmax'", task=str(task))
    assert missing[1:6] == ("dTheta", "softmax, lam = 0", "not judged", "", "It has no dTheta.")
    near = row("model = 'softmax'\ndef dtheta(): pass", task=str(task))
    assert near.sentence == "It has no dTheta, but it has dtheta."


def test_a_task_may_lie_among_the_files_and_a_notebook_is_no_program(tmp_path, capsys):
    for name, text in (("task.py", "model = 'softmax'\nlam = 0"), ("one.py", RIGHT), ("two.ipynb", "{}")):
        (tmp_path / name).write_text(text)
    assert main([str(tmp_path), "--task", str(tmp_path / "task.py")]) == 0
    assert "task.py" not in capsys.readouterr().out
    assert main([str(tmp_path / "two.ipynb")]) == 2
    assert "It is a notebook" in capsys.readouterr().out


def test_a_task_is_checked_before_anything_runs(tmp_path, capsys):
    for text, why in (("model = 'softmax'\nwrt = ['W1']", "W1"), ("1 / 0", "division"), ("", "model")):
        task, file = tmp_path / f"{len(text)}.py", tmp_path / "it.py"
        task.write_text(text)
        file.write_text("raise SystemExit")
        with pytest.raises(SystemExit) as left:
            main([str(file), "--task", str(task)])
        assert left.value.code == 2 and why in capsys.readouterr().err
    task_of.cache_clear()


# The command line

@pytest.mark.parametrize(("texts", "status"), [([RIGHT, OWN], 0), ([RIGHT, WRONG], 1), ([WRONG, "1 / 0"], 2), ([RIGHT, ""], 2)])
def test_the_status_says_whether_all_is_right(tmp_path, capsys, texts, status):
    for i, text in enumerate(texts):
        (tmp_path / f"{i}.py").write_text(text)
    assert main([str(tmp_path)]) == status
    assert capsys.readouterr().out.count(".py") == 2


@pytest.mark.parametrize("call", [[], ["nowhere.py"], ["."], ["it.py", "--csv", "nowhere/table.csv"], ["it.py", "--jobs", "0"]])
def test_a_wrong_call_is_refused(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it.py").write_text(RIGHT)
    if call == ["."]:
        (tmp_path / "it.py").unlink()
    with pytest.raises(SystemExit) as left:
        main(call)
    assert left.value.code == 2


def test_a_folder_of_everything(tmp_path, monkeypatch, capsys):
    """Right ones, slips, hostile ones and things that are no files; every one gets its row, in order."""
    monkeypatch.chdir(tmp_path)
    texts = {f"hostile/{name}.py": text for name, (text, _) in HOSTILE.items()}
    texts |= {"=1+1.py": RIGHT, "<b>bold.py": WRONG, "deep/er/own.py": OWN, "\x1b[2J.py": RIGHT}
    for name, text in (texts | {".hidden.py": "", "__pycache__/old.py": "", "notes.txt": ""}).items():
        Path("all", name).parent.mkdir(parents=True, exist_ok=True)
        Path("all", name).write_text(text)
    Path("all/link.py").symlink_to(__file__)
    Path("all/folder.py").mkdir()
    status = main(["all", "--csv", "table.csv", "--html", "table.html", "--seconds", "4", "--jobs", "4"])
    with open("table.csv", newline="", encoding="utf-8-sig") as table:
        head, *body = csv.reader(table)
    found = {line[0]: line for line in body}
    assert status == 2 and head == ["file", "what", "model", "verdict", "kind", "sentence", "seconds"]
    assert len(body) == len(texts) + 2 == len(found) and list(found) == sorted(found, key=lambda name: name.replace("\\x1b", "\x1b"))
    assert {found[f"all/{name}"][3] for name in ("=1+1.py", "deep/er/own.py", "\\x1b[2J.py")} == {"right"}
    assert found["all/<b>bold.py"][3:5] == ["wrong", "sum-not-mean"]
    assert {found[name][3] for name in found if "hostile" in name or "link" in name} == {"not judged"}
    assert "It is a link or a device, not a file." in found["all/link.py"]
    page, printed = Path("table.html").read_text("utf8"), capsys.readouterr().out
    assert "<b>" not in page and "&lt;b&gt;bold.py" in page and page.count("<tr>") == 1 + len(body) + 1 + 1
    assert "\x1b" not in printed + page and printed.endswith("13 files: 3 right, 1 wrong, 9 not judged\n")


@pytest.mark.skipif(bool(fence.missing()), reason="this system cannot hold all of it")
def test_a_judge_that_is_killed_costs_only_the_file_that_killed_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.py").write_text(RIGHT)
    (tmp_path / "b.py").write_text("import os; os.kill(os.getppid(), 9)")
    (tmp_path / "c.py").write_text(RIGHT)
    monkeypatch.setattr("lib.diagnose.submissions._quiet", _without_a_fence)
    assert main([str(tmp_path), "--jobs", "1"]) == 2
    printed = capsys.readouterr().out
    assert "The judge was killed while it judged this file." in printed
    assert printed.endswith("3 files: 2 right, 0 wrong, 1 not judged\n")


def _without_a_fence():
    """Run in the judge: as on a system that has neither seccomp nor Landlock."""
    fence.MACHINE, fence._landlock = "", lambda: 0


def used():
    """Seconds of processors, here and in all processes that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def test_two_hundred_in_a_minute(tmp_path, capsys):
    slips = product(("* A1 * (1 - A1)", "* A1", ""), ("", "-"), (2, 1), ("/ n", ""))
    texts = [NETWORK.format(slope=slope, sign=sign, two=two, mean=mean) for slope, sign, two, mean in slips]
    texts += [OWN, OWN.replace("2 * X", "X"), RIGHT, WRONG, RIGHT.replace("P - Y", "Y - P"), "import os; os._exit(0)"]
    for i in range(200):
        (tmp_path / f"{i:03}.py").write_text(texts[i % len(texts)])
    before = used()
    assert main([str(tmp_path)]) == 2
    assert 1 < used() - before < 60                          # of one processor, however busy the machine is
    assert capsys.readouterr().out.splitlines()[-1].startswith("200 files: ")

"""Is my derivation right? Judges a Python file, or a folder of files that other people handed in.

    python -m lib.diagnose my_derivation.py
    python -m lib.diagnose handed_in/ --task task.py --csv all.csv --html all.html

A submission names a model of the book and returns gradients from functions that are called like them; their parameters
name what they need. It may set options of the model (hidden = "tanh", lam = 0). Instead of dTheta the function may be
called grad_Theta or Theta, and instead of a function it may be a formula, in LaTeX or of SymPy.

    model = "softmax"
    lam = 0
    def dTheta(Xs, P, Y, n):
        return Xs.T @ (P - Y) / n

    model = "softmax-cross-entropy"
    dZ = r"\\frac{1}{n} (p_{ik} - y_{ik})"

Or it brings a loss of its own, with arrays of those names, or with shapes = "w: d, X: n d, y: n" to have them drawn:

    def loss(w, X, y, n):
        return ((X @ w - y) ** 2).sum() / n
    def dw(w, X, y, n):
        return 2 * X.T @ (X @ w - y) / n

A task is a file of the same form without the gradients, which sets the question for all files; wrt = ["W1", "b1"] says
which gradients are required. It is trusted; submissions are not.

What a submission cannot do: each runs in a process of its own, which is killed after --seconds and may take --memory.
On Linux 5.13 and later the process can read nothing but Python and its packages, write nothing but a folder that is
removed, start no process or thread, reach no network and signal no other process. So it cannot stop, change or read
the others. Nor can it write its own verdict, whatever it prints or patches: the judge stays outside, and asks it only
for the numbers of its gradient, at arrays of the judge's choice.

What it can do: waste its seconds. Return a gradient that a library computed, or that was copied: it is right too. Bring
its own loss, and with it the question and even the answer, where no --task is given. And a fault of the kernel may let
it out: judge files from strangers on a machine that holds nothing else.

Exit status: 0 all gradients are right, 1 some are wrong, 2 some could not be judged, or the call is wrong.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import os
import signal
import stat
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import cache, partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import NamedTuple

import numpy as np

from lib.diagnose import diagnose
from lib.diagnose.fence import Fenced, Stopped, missing
from lib.diagnose.instances import Model, own
from lib.diagnose.models import MODELS
from lib.diagnose.reports import Row, plain, report, sentence, summary, write_csv, write_html
from lib.mlp import check_name
from lib.shapes import entry
from lib.show import number

FILE = "submission"                                      # what a submission is called where it runs
OPTIONS = "hidden", "depth", "scale", "bias", "base", "outputs", "penalised", "lam", "rate"
READING = "free", "letters"                              # how a formula is read
OWN = "shapes", "draw", "targets", "penalty"
HEAVY = {b"\\": "lib.diagnose.formulas", b"sympy": "lib.diagnose.formulas", b"scipy": "scipy",
         b"matplotlib": "matplotlib.pyplot"}


# Behind the fence: the submission

class Submission:
    """Runs the text of a submission, and answers what the judge asks of it."""

    def __init__(self, text: bytes):
        self.text, self.found = text, {}

    def __call__(self, request: dict) -> object:
        return getattr(self, request.pop("do"))(**request)

    def read(self, task: bool) -> dict:
        """Run the file; what it declares, as far as JSON can carry it."""
        self.found, declared = run(self.text, FILE), {}
        if not task and isinstance(self.found.get("model"), str):
            declared = {"model": self.found["model"], "options": _options(self.found)}
        elif not task and callable(self.found.get("loss")):
            declared = {"parameters": own_model(self.found).parameters}
        taken = {"loss", "model", *OPTIONS, *OWN, *READING}
        return declared | {"claims": {name: wants for name, value in self.found.items()
                                      if name not in taken and (wants := _wants(value, self.found)) is not None}}

    def call(self, name: str, known: dict) -> dict:
        """The value of a claim at these arrays."""
        with np.errstate(all="ignore"):
            result = self.found[name](**{key: _unpacked(value) for key, value in known.items()})
        return _packed(np.asarray(result)) or {"type": type(result).__name__}

    def judge(self, name: str, wrt: str) -> dict:
        """The verdict on a gradient of the submission's own loss."""
        claimed, options = self.found[name], _options(self.found, ["rate"])
        reading = {} if inspect.isfunction(claimed) else _options(self.found, READING)
        return _said(diagnose(claimed, model=own_model(self.found), wrt=wrt, **options, **reading))


def run(text: bytes, name: str) -> dict:
    """The names that a file defines."""
    module = sys.modules[name] = ModuleType(name)
    exec(compile(text, name, "exec"), vars(module))
    return vars(module)


def own_model(found: dict) -> Model:
    """The model that a file's loss and arrays are; the arrays stand in `at`, or under the names the loss gives them."""
    wanted = inspect.signature(found["loss"]).parameters
    options = {name: found[name] for name in OWN if name in found}
    at = {name: found[name] for name in wanted if name in found and not callable(found[name])} | found.get("at", {})
    if not at and "shapes" in options:
        parts = [part.partition(":") for part in options["shapes"].split(",")]
        drawn = Model("own", {name.strip(): letters for name, _, letters in parts}, found["loss"], ())
        at = drawn.instance({letter: 3 + i for i, letter in enumerate(drawn.letters)}, 0).arrays
    if not at:
        raise ValueError(f"loss: there is no {' and no '.join(wanted)}; give arrays of that name, or say their shapes")
    return own(found["loss"], at, **options)


def _options(found, names=OPTIONS):
    kinds = str | int | float | (dict if names is READING else str)
    return {name: found[name] for name in names if isinstance(found.get(name), kinds)}


def _wants(value, found):
    """The parameters of a function, each with whether it may be left out and takes all there is; or a formula."""
    if inspect.isfunction(value) and value.__module__ == FILE:
        return [(p.name, p.default is not p.empty, p.kind is p.VAR_KEYWORD)
                for p in inspect.signature(value).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    if "sympy" in sys.modules and isinstance(value, sys.modules["sympy"].Expr):
        value = import_module("lib.typeset").latex(value)            # which is data, and no program to be run again
    return {"tex": value} | _options(found, READING) if isinstance(value, str) else None


def _packed(value):
    """A number or an array as JSON can carry it; None for anything else."""
    if isinstance(value, int | float):
        return {"number": value}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "iuf":
        return {"array": value.tolist(), "shape": value.shape, "whole": value.dtype.kind != "f"}
    return None


def _unpacked(value):
    return value["number"] if "number" in value else np.array(
        value["array"], dtype=int if value["whole"] is True else float).reshape(value["shape"])


def _said(verdict):
    """A verdict in words."""
    shown = [verdict.about]
    if verdict.arrays and verdict.arrays[0].shape == verdict.arrays[1].shape:
        shown.insert(0, f"{entry(verdict.wrt, verdict.worst)}: claimed {number(verdict.claimed)}, "
                     f"true {number(verdict.true)}")
    return {"verdict": "right" if verdict.ok else "wrong", "kind": "" if verdict.ok else verdict.kind,
            "sentence": verdict.sentence, "shown": shown}


# In front of the fence: the judge

class Unjudged(Exception):
    """Why there is no verdict."""


class Subject(NamedTuple):
    """What the gradients are of: a model by name or built, or None for a loss that stays behind the fence."""

    model: str | Model | None
    parameters: tuple[str, ...]
    options: dict = {}                                              # noqa: RUF012
    required: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What the table calls it."""
        name = "own loss" if self.model is None else self.model if isinstance(self.model, str) else self.model.name
        return ", ".join([name, *(f"{key} = {value}" for key, value in self.options.items())])


@cache
def task_of(path: str) -> Subject:
    """The subject that a course sets, in a file that is trusted."""
    found = run(Path(path).read_bytes(), path)
    required = found.get("wrt", ())
    if callable(found.get("loss")):
        model = own_model(found)
        subject = Subject(model, model.parameters, _options(found, ["rate"]))
    else:
        subject = _by_name(found.get("model"), _options(found))
    required = (required,) if isinstance(required, str) else tuple(required)
    for wrt in required:
        check_name("wrt", dict.fromkeys(subject.parameters), wrt=wrt)
    return subject._replace(required=required)


def _by_name(model, options):
    """A model of the book, with options that are no trap for the judge."""
    check_name("model", MODELS, model=model)
    if options.get("depth", 2) not in range(1, 6) or options.get("outputs", "") not in ("", "1"):
        raise Unjudged('depth goes from 1 to 5, and outputs is "1" or ""')
    try:
        built = MODELS[model](**{name: value for name, value in options.items() if name not in ("lam", "rate")})
    except TypeError:
        raise Unjudged(f"the model {model} does not have all of the options {', '.join(options)}") from None
    return Subject(model, built.parameters, options)


def _subject(declared):
    """The subject that a submission chooses."""
    if "model" in declared:
        return _by_name(str(declared["model"]), dict(declared["options"]))
    if "parameters" in declared:
        return Subject(None, tuple(map(str, declared["parameters"])))
    raise Unjudged(f'it has no loss, and no line like model = "softmax"; there are {", ".join(MODELS)}; '
                   "or give the question with --task")


def _claims(subject, declared):
    """The gradients that a submission claims: the names of functions or formulas, by what, and what they want."""
    if len(subject.parameters) * len(declared["claims"]) > 10_000 or max(map(len, declared["claims"]), default=0) > 60:
        raise Unjudged("it has too many functions, or a name of more than 60 letters")
    found = [(name, wrt, wants) for name, wants in declared["claims"].items() for wrt in subject.parameters
             if name in (f"d{wrt}", f"grad_{wrt}") or (name == wrt and isinstance(wants, list))]
    if not found and not subject.required:
        names = [f"d{wrt}" for wrt in subject.parameters]
        raise Unjudged(f"it holds nothing that is called like a gradient, {' or '.join(names)}{_but(declared, names)}")
    return found


def _but(declared, names):
    """What may have been meant for the names that are missing."""
    others = [name for name in declared["claims"] if difflib.get_close_matches(name, names, 1, 0.5)]
    return f", but it has {', '.join(others)}" if others else ""


def judge(file: str, text: bytes, task: str | None, seconds: float, memory: int) -> list[Row]:
    """The rows of one file."""
    for word, name in HEAVY.items():
        if word in text:
            import_module(name)                                     # before the fence, once for all who want it
    start = time.perf_counter()
    with Fenced(Submission(text), seconds, memory) as fenced:
        try:
            declared = _asked(fenced, do="read", task=bool(task))
            subject = task_of(task) if task else _subject(declared)
            claims = _claims(subject, declared)
        except Exception as error:
            rows = [_row(file, "", "", partial(_raise, error), start)]
        else:
            jobs = [(name, partial(_verdict, fenced, subject, name, wrt, wants)) for name, wrt, wants in claims]
            jobs += [(f"d{wrt}", partial(_raise, Unjudged(f"it has no d{wrt}{_but(declared, [f'd{wrt}'])}")))
                     for wrt in subject.required if wrt not in [claim[1] for claim in claims]]
            rows = [_row(file, name, subject.title, find, time.perf_counter()) for name, find in jobs]
    if fenced.printed:
        said = plain("It printed: " + fenced.printed.decode("utf-8", "replace"), 200)
        rows[-1] = rows[-1]._replace(shown=(*rows[-1].shown, said))
    return rows


def _raise(error):
    raise error


def _asked(fenced, **request):
    """What the submission answers; an error there is the reason why there is no verdict."""
    reply = fenced.ask(request)
    if "error" not in reply:
        return reply["value"]
    kinds, said = list(map(str, reply["error"])), str(reply["said"])
    if request["do"] == "call" and {"ValueError", "IndexError"} & set(kinds):
        raise ValueError(said)                                      # NumPy refuses: a wrong shape is a slip
    lines = [line for file, line in reply["lines"] if file == FILE]
    if kinds[0] == "FormulaError":
        raise Unjudged(said)
    raise Unjudged(f"{kinds[0]}{f' in line {lines[-1]}' if lines else ''}: {said or 'no more is said'}")


def _verdict(fenced, subject, name, wrt, wants):
    """The verdict on one gradient, as words: by the judge, or from behind a fence."""
    if subject.model is None:
        return _asked(fenced, do="judge", name=name, wrt=wrt)
    judged = partial(diagnose, model=subject.model, wrt=wrt, **subject.options)
    if isinstance(wants, dict):                                     # a formula is read apart from the submission
        with Fenced(partial(_formula, judged, wants), fenced.seconds, fenced.memory) as apart:
            return _asked(apart, do="read")
    return _said(judged(_at_a_distance(fenced, name, wants)))


def _formula(judged, wants, request):
    """The verdict on a formula; behind a fence of its own, because reading it takes what time and memory it likes."""
    return _said(judged(str(wants["tex"]), **{name: wants[name] for name in READING if name in wants}))


def _at_a_distance(fenced, name, wants):
    """The claim as a function here, which has the submission compute it there."""
    def claimed(**known):
        known = {key: packed for key, value in known.items() if (packed := _packed(value))}
        reply = _asked(fenced, do="call", name=name, known=known)
        if "type" in reply:
            raise TypeError(f"the function {name} returned a {reply['type']}, expected an array of numbers")
        return _unpacked(reply)

    kinds = {True: inspect.Parameter.VAR_KEYWORD, False: inspect.Parameter.KEYWORD_ONLY}
    claimed.__signature__ = inspect.Signature([
        inspect.Parameter(key, kinds[bool(all_there_is)], default=None if may_lack else inspect.Parameter.empty)
        for key, may_lack, all_there_is in wants])
    return claimed


def _row(file, what, title, find, start):
    """A verdict as a row; whatever goes wrong on the way to it is a row too."""
    try:
        said = dict(find())
    except Exception as error:
        known = isinstance(error, Unjudged | Stopped | ValueError | TypeError | NameError)
        reason = str(error) if known else f"the judge failed, {type(error).__name__}: {error}"
        said = {"verdict": "not judged", "sentence": sentence(reason)}
    words = [plain(str(said.get(name, ""))) for name in ("verdict", "kind", "sentence")]
    return Row(plain(file), plain(what), plain(title), *words, round(time.perf_counter() - start, 3),
               tuple(plain(str(line)) for line in said.get("shown", ())))


# Many files

def files(paths: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """The Python files among the paths and below the folders, in order, with what they are called."""
    for path in map(Path, paths):
        found = sorted(path.rglob("*.py")) if path.is_dir() else [path.resolve()]
        for file in found:
            if not path.is_dir():
                yield str(path), file
            elif not any(part.startswith((".", "__")) for part in file.relative_to(path).parts):
                yield str(file), file


def text_of(file: Path) -> bytes:
    """The text of a file that was handed in, which need not be a file."""
    if not stat.S_ISREG(file.lstat().st_mode):
        raise Unjudged("it is a link or a device, not a file")
    if file.suffix == ".ipynb":
        raise Unjudged("it is a notebook, expected Python; jupyter nbconvert --to script makes a Python file of it")
    if file.stat().st_size > 1_000_000:
        raise Unjudged("it is longer than 1 MB")
    return file.read_bytes()


def judged(named: list[tuple[str, Path]], task: str | None, seconds: float, memory: int,
           jobs: int) -> Iterator[list[Row]]:
    """The rows of every file, several files at once. Every file is read before the first one runs."""
    texts = {}
    for name, file in named:
        try:
            texts[name] = text_of(file)
        except (OSError, Unjudged) as error:
            texts[name] = error
    with _bare_environment(), ProcessPoolExecutor(jobs, get_context("spawn"), _quiet) as pool:
        waiting = {name: pool.submit(judge, name, text, task, seconds, memory) for name, text in texts.items()
                   if isinstance(text, bytes)}
        try:
            for name, text in texts.items():
                yield _result(waiting[name], name, text, task, seconds, memory) if name in waiting else [
                    _lost(name, str(text))]
        finally:
            pool.shutdown(cancel_futures=True)


def _result(future, *job):
    """The rows; a file that was in work, or waiting, when a judge died gets a judge of its own."""
    with suppress(BrokenProcessPool):
        return future.result()
    with suppress(BrokenProcessPool), ProcessPoolExecutor(1, get_context("spawn"), _quiet) as pool:
        return pool.submit(judge, *job).result()
    return [_lost(job[0], "the judge was killed while it judged this file")]


def _lost(name, why):
    """The row of a file that says nothing."""
    return _row(name, "", "", partial(_raise, Unjudged(why)), time.perf_counter())


def _quiet():
    """A judge has nothing to say beside its verdicts, and ends when it has judged."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")


@contextmanager
def _bare_environment():
    """Start the judges, and so all behind their fences, without variables that may hold a secret, in one folder."""
    saved = dict(os.environ)
    kept = {name: saved[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in saved}
    with TemporaryDirectory(prefix="judged-", ignore_cleanup_errors=True) as folder:
        try:
            os.environ.clear()
            os.environ.update(kept, TMPDIR=folder, OPENBLAS_NUM_THREADS="1", MPLBACKEND="Agg")
            yield
        finally:
            os.environ.clear()
            os.environ.update(saved)


# The command line

def main(argv: list[str] | None = None) -> int:
    """The command line: 0 if all gradients are right, 1 if some are wrong, 2 if some could not be judged."""
    asked = _arguments(argv)
    if weak := missing():
        print(f"Note: on this system a submission has more room. {sentence('; '.join(weak))}", file=sys.stderr)
    with suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")
    rows = []
    for found in judged(asked.named, asked.task, asked.seconds, asked.memory, min(asked.jobs, len(asked.named))):
        print(report(found), flush=True)
        rows += found
    print(summary(rows))
    for write, path in ((write_csv, asked.csv), (write_html, asked.html)):
        if path:
            write(rows, path)
    verdicts = {row.verdict for row in rows}
    return 2 if verdicts - {"right", "wrong"} else int("wrong" in verdicts)


def _arguments(argv):
    """What was asked for, once it can be done."""
    parser = argparse.ArgumentParser("python -m lib.diagnose", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description=f"{__doc__}\nThe models: {', '.join(MODELS)}.")
    add = parser.add_argument
    add("paths", nargs="+", metavar="FILE", help="a Python file, or a folder of Python files")
    add("--task", metavar="FILE", help="the question that is set for all files")
    add("--csv", metavar="FILE", help="write the table for a spreadsheet")
    add("--html", metavar="FILE", help="write the table as a page")
    add("--seconds", type=float, default=10, help="for each file; %(default)s if not given")
    add("--memory", type=int, default=1024, metavar="MB", help="for each file; %(default)s if not given")
    add("--jobs", type=int, default=os.cpu_count(), help="files at a time; %(default)s if not given")
    asked = parser.parse_args(argv)
    if lost := [path for path in asked.paths if not Path(path).exists()]:
        parser.error(f"there is no {', '.join(lost)}")
    task = asked.task and os.path.realpath(asked.task)                     # which may lie among the files
    asked.named = [(name, file) for name, file in files(asked.paths) if os.path.realpath(file) != task]
    if not asked.named:
        parser.error(f"there is no Python file in {', '.join(asked.paths)}")
    for path in filter(None, (asked.csv, asked.html)):
        if not Path(path).resolve().parent.is_dir():
            parser.error(f"there is no folder for {path}")
    if min(asked.seconds, asked.memory, asked.jobs) <= 0:
        parser.error("--seconds, --memory and --jobs are more than 0")
    try:
        if asked.task:
            task_of(asked.task)
    except Exception as error:
        parser.error(f"--task {asked.task}: {type(error).__name__}: {error}")
    return asked

"""The fence: what is behind it computes and answers, and whatever else it tries is refused, stopped or without effect."""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from lib.diagnose import fence
from lib.diagnose.fence import Fenced, Stopped

SECRET = Path(__file__)                                   # a file of the project, which is not Python's
whole_fence = pytest.mark.skipif(bool(fence.missing()), reason="this system cannot hold all of it")


def answer(request):
    """Runs the code, and gives back what it leaves in `out`."""
    names = {}
    exec(request["code"], names)
    return names.get("out")


def ask(code, seconds=5, memory=256):
    with Fenced(answer, seconds, memory) as fenced:
        return fenced.ask({"code": code}), fenced


def refusal(code):
    """The name of the error that the code runs into."""
    reply, _ = ask(code)
    return reply["error"][0]


def stop(code, **limits):
    with pytest.raises(Stopped) as stopped:
        ask(code, **limits)
    return str(stopped.value)


def test_it_computes_and_answers():
    reply, fenced = ask("import numpy as np; out = float((np.ones((300, 300)) @ np.ones((300, 300))).sum())")
    assert reply == {"value": 27e6} and fenced.printed == b""


def test_it_answers_more_than_once_and_keeps_its_errors_apart():
    with Fenced(answer) as fenced:
        assert fenced.ask({"code": "out = 1"}) == {"value": 1}
        reply = fenced.ask({"code": "x = 1\n1 / 0"})
        assert reply["error"][0] == "ZeroDivisionError" and reply["lines"][-1] == ["<string>", 2]
        assert fenced.ask({"code": "out = 2"}) == {"value": 2}


def test_what_it_prints_is_kept_apart_and_cut():
    reply, fenced = ask("import os, sys; print('hello'); sys.stderr.write('x' * 10 ** 6); os.write(1, b'y')")
    assert "value" in reply and fenced.printed.startswith(b"hello\nx") and len(fenced.printed) == fence.KEPT
    assert ask("import os; os.close(1); os.close(2); out = 3")[0] == {"value": 3}


def test_it_may_write_in_a_folder_that_is_gone_afterwards():
    reply, fenced = ask("import os\nopen('a', 'w').write('text')\nout = [os.getcwd(), open('a').read(), os.listdir()]")
    folder, text, names = reply["value"]
    assert text == "text" and names == ["a"] and not os.path.exists(folder)
    assert folder.startswith(tempfile.gettempdir())


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(60)", "while True: print('x' * 1000)",
                                  "import signal, time; signal.pthread_sigmask(0, range(1, 65)); time.sleep(60)"])
def test_it_is_stopped_asleep_or_busy(code):
    start = time.monotonic()
    assert stop(code, seconds=0.3) == "it took longer than 0.3 seconds"
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(("code", "why"), [
    ("import os; os._exit(0)", "it ended itself, with status 0"),
    ("import ctypes; ctypes.string_at(0)", "it crashed (SIGSEGV)"),
    ("import os; os.abort()", "it crashed (SIGABRT)"),
    ("import os; os.kill(os.getpid(), 9)", "it crashed (SIGKILL)"),
    ("import os; os.closerange(3, 9)", "it ended itself, with status 1"),
    ("import os; os.write(4, b'no JSON\\n')", "its answer cannot be read"),
    ("import os; os.write(4, b'[' * 10 ** 5 + b'\\n')", "its answer cannot be read"),
    ("import os; os.write(4, b'x' * 10 ** 7)", "its answer is longer than 4 MB"),
    ("out = 'x' * 5_000_000", "its answer is longer than 4 MB"),
    ("for i in range(10 ** 5): open(f'{i}', 'w').close()\nwhile True: pass",
     "it writes more than 100 files or 10 MB"),
    ("open('a', 'w').write('x' * 9_999_999); open('b', 'w').write('x' * 10 ** 6)\nwhile True: pass",
     "it writes more than 100 files or 10 MB")])
def test_how_it_ended_is_said(code, why):
    assert stop(code) == why


def test_after_its_end_it_stays_silent():
    with Fenced(answer) as fenced:
        for _ in range(2):
            with pytest.raises(Stopped, match="with status 3"):
                fenced.ask({"code": "import os; os._exit(3)"})


@pytest.mark.parametrize(("code", "error"), [
    ("raise SystemExit", "SystemExit"), ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("class E(BaseException):\n  def __str__(self): raise self\nraise E", "E"),
    ("def f(): f()\nf()", "RecursionError"), ("out = object()", "TypeError"), ("1 +", "SyntaxError")])
def test_every_error_is_an_answer(code, error):
    assert refusal(code) == error


def test_its_memory_has_an_end():
    assert refusal("x = bytearray(300_000_000)") == "MemoryError"
    assert refusal("x = []\nwhile True: x.append(bytearray(10 ** 7))") == "MemoryError"
    assert ask("x = bytearray(200_000_000); out = len(x)")[0] == {"value": 200_000_000}
    assert refusal("import resource as r; r.setrlimit(r.RLIMIT_AS, (-1, -1))") == "ValueError"


@whole_fence
@pytest.mark.parametrize("code", [
    "import os; os.fork()", "import os; os.execv('/bin/true', ['true'])", "import subprocess; subprocess.run(['true'])",
    "import os; os.kill(os.getppid(), 0)", "import os; os.kill(-1, 0)", "import os; os.killpg(os.getpgid(os.getppid()), 0)",
    "import os, resource as r; r.prlimit(os.getppid(), r.RLIMIT_CPU, (9, 9))", "import os; os.setpriority(2, 0, 5)",
    "import os; os.sched_setaffinity(os.getppid(), {0})", "import socket; socket.socket()",
    "import os; open(f'/proc/{os.getppid()}/mem', 'wb')", "import os; open(f'/proc/{os.getppid()}/environ')",
    "import os; os.listdir('/proc/self/fd')", "open('/etc/passwd')", "import os; os.listdir('/')",
    f"open({str(SECRET.with_name('left-behind'))!r}, 'w')",
    f"open({str(SECRET)!r})", f"open({str(SECRET)!r}, 'a')", f"import os; os.remove({str(SECRET)!r})",
    f"import os; os.symlink({str(SECRET)!r}, 'link')", f"open({fence.__file__!r}, 'a')",
    "import os; os.setuid(1)", "import os; os.mknod('device', 0o600 | 0o020000, 1)",
    "from multiprocessing.shared_memory import SharedMemory; SharedMemory(create=True, size=9)"])
def test_what_is_not_its_own_is_refused(code):
    assert refusal(code) == "PermissionError"
    assert SECRET.exists()


@whole_fence
def test_it_starts_no_thread_and_no_shell():
    assert refusal("import threading; threading.Thread(target=print).start()") == "RuntimeError"
    assert ask("import os; out = os.system('true')")[0]["value"] != 0


def test_its_environment_tells_nothing(monkeypatch):
    monkeypatch.setenv("TOKEN", "secret")
    reply, _ = ask("import os, sys; out = [*os.environ, sys.stdin.read()]")
    assert "TOKEN" not in reply["value"] and reply["value"][-1] == ""


@whole_fence
def test_without_seccomp_processes_could_be_signalled_and_without_landlock_files_be_read(monkeypatch):
    monkeypatch.setattr(fence, "MACHINE", "")
    assert ask("import socket; socket.socket().close()")[0] == {"value": None}
    assert refusal(f"open({str(SECRET)!r})") == "PermissionError"
    monkeypatch.setattr(fence, "_landlock", lambda: 0)
    assert ask("import os; os.kill(os.getppid(), 0)")[0] == {"value": None}
    assert ask(f"open({str(SECRET)!r}).close()")[0] == {"value": None}
    assert len(fence.missing()) == 2


def test_where_the_fence_does_not_hold_nothing_is_answered(monkeypatch):
    def fails(*_):
        raise OSError("the fence does not hold")
    monkeypatch.setattr(fence, "_hold", fails)
    assert ask("out = 1")[0]["said"] == "the fence does not hold"


def test_nothing_is_left_behind():
    before = set(os.listdir("/proc/self/fd")) if os.path.exists("/proc") else set()
    for code in ("out = 1", "import os; os._exit(1)", "import os\nfor _ in range(90): os.mkdir('d'); os.chdir('d')"):
        with Fenced(answer) as fenced:
            pid = fenced.pid
            with suppress(Stopped):
                fenced.ask({"code": code})
        assert not os.path.exists(fenced.folder.name)
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    assert not before or len(os.listdir("/proc/self/fd")) == len(before)

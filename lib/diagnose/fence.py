"""A process for other people's code: it may compute and answer, and little else.

    with Fenced(answer, seconds=10, memory=1024) as fenced:
        fenced.ask({"do": "read"})          # what answer(…) returned, over there

It is forked, so it starts at once with everything that is imported here. Its answers come back over a pipe of their
own, and what it prints over another. The kernel holds it to the following; `missing` says what this system cannot do.

    time      it is killed after so many seconds, asleep or busy
    memory    it may take so many megabytes more than it was given (RLIMIT_AS)
    others    it starts no process or thread, signals only itself, has no network (seccomp; Linux on x86-64 and ARM)
    files     it reads Python and its packages, and writes to a folder of its own, removed later (Landlock; Linux 5.13)
    space     ten megabytes of files there, and 2,000 characters of what it prints are kept

It is no wall against an attacker who knows a fault of the kernel, and it still uses your processor for its seconds.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import platform
import resource
import select
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

LONGEST, KEPT, SPACE, FILES = 4_000_000, 2_000, 10_000_000, 100     # bytes of an answer, printed; bytes, files written
MACHINE = platform.machine() if sys.platform == "linux" and sys.maxsize > 2**32 else ""


class Stopped(Exception):
    """The fenced process did not answer: it was too slow, it crashed, or it left."""


class Fenced:
    """A forked process in which answer(request) is called for every request; both are what JSON can carry."""

    def __init__(self, answer: Callable[[dict], object], seconds: float = 10, memory: int = 1024):
        self.folder = tempfile.TemporaryDirectory(prefix="fenced-", ignore_cleanup_errors=True)
        self.seconds, self.memory, self.deadline = seconds, memory, time.monotonic() + seconds
        self.printed, self.ended = b"", ""
        asked, self.requests = os.pipe()
        self.replies, said = os.pipe()
        self.output, out = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                _inside(answer, (asked, said, out), self.folder.name, seconds, memory)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)                                        # nothing of the parent's is ever run over there
        for fd in (asked, said, out):
            os.close(fd)
        os.set_blocking(self.requests, False)
        self.listening = {self.replies, self.output}

    def ask(self, request: dict) -> dict:
        """{"value": what it answered}, or {"error": …, "said": …, "lines": …} if it raised an error; or what it forged.

        Raises: Stopped if there is no answer, and from then on.
        """
        try:
            if self.ended:
                raise Stopped(self.ended)
            return self._exchange(request)
        except Stopped as stopped:
            self.ended = str(stopped)
            raise

    def _exchange(self, request):
        sent, reply = json.dumps(request).encode() + b"\n", b""
        while not reply.endswith(b"\n"):
            if time.monotonic() > self.deadline:
                raise Stopped(f"it took longer than {self.seconds:g} seconds")
            ready, free, _ = select.select(self.listening, [self.requests] if sent else [], [], 0.1)
            try:
                sent = sent[os.write(self.requests, sent):] if free else sent
            except BrokenPipeError:
                raise Stopped(self._end()) from None
            if self.output in ready:
                self._listen()
            if self.replies in ready:
                piece = os.read(self.replies, 1 << 16)
                reply += piece
                if not piece or len(reply) > LONGEST:
                    raise Stopped("its answer is longer than 4 MB" if piece else self._end())
            self._look_at_files()
        try:
            reply = json.loads(reply)
            return reply if isinstance(reply, dict) else {}
        except (ValueError, RecursionError):
            raise Stopped("its answer cannot be read") from None

    def _listen(self):
        """Keep the first of what it prints, and let go of the rest, so that it never waits for a reader."""
        piece = os.read(self.output, 1 << 16)
        self.printed = (self.printed + piece)[:KEPT]
        if not piece:
            self.listening.discard(self.output)

    def _look_at_files(self):
        count = size = 0
        for folder, _, names in os.walk(self.folder.name):
            count += 1 + len(names)
            for name in names if count <= FILES else ():
                with suppress(OSError):
                    size += os.lstat(os.path.join(folder, name)).st_blocks * 512
            if count > FILES or size > SPACE:
                raise Stopped(f"it writes more than {FILES} files or {SPACE // 10**6} MB")

    def _end(self):
        """What became of a process that no longer answers."""
        for _ in range(100):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.01)
        else:
            return "it closed the way back"
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        return f"it ended itself, with status {code}" if code >= 0 else f"it crashed ({signal.Signals(-code).name})"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.pid:
            for kill in (os.killpg, os.kill):                     # its group, if it already has one, and itself
                with suppress(ProcessLookupError, PermissionError):
                    kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.set_blocking(self.output, False)
        with suppress(BlockingIOError):
            while self.output in self.listening:
                self._listen()
        for fd in (self.requests, self.replies, self.output):
            os.close(fd)
        with suppress(RecursionError):                            # folders in folders in folders
            self.folder.cleanup()


# On the other side

def _inside(answer, fds, folder, seconds, memory):
    """Put up the fence, then answer one request after the other."""
    os.setsid()
    asked, said, out = (fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds)
    for fd, place in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (out, 2), (asked, 3), (said, 4)):
        os.dup2(fd, place)
    os.closerange(5, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    sys.stdin, sys.stdout, sys.stderr = (open(fd, "r" if fd == 0 else "w", 1, encoding="utf-8",
                                              errors="backslashreplace") for fd in range(3))
    try:
        _hold(folder, seconds, memory)
    except OSError as error:
        answer = partial(_raise, error)                            # without its fence it answers nothing
    with open(3, encoding="utf-8") as requests, open(4, "w", encoding="utf-8") as replies:
        for line in requests:
            replies.write(_answered(answer, json.loads(line)) + "\n")
            replies.flush()
    os._exit(0)


def _hold(folder, seconds, memory):
    """The order matters: every step needs what a later one takes away."""
    os.chdir(folder)
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(HOME=folder, TMPDIR=folder, PATH="/usr/bin:/bin", LANG="C.UTF-8", OPENBLAS_NUM_THREADS="1",
                      MPLBACKEND="Agg")
    tempfile.tempdir = folder
    sys.path[:] = [path for path in sys.path if _readable(path)]
    _limit(seconds, memory)
    if sys.platform == "linux":
        _to_itself(folder)


def _raise(error, request):
    raise error


def _answered(answer, request):
    """The value or the error, with the lines of every file on the way to it."""
    try:
        return json.dumps({"value": answer(request)})
    except BaseException as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        if isinstance(error, SyntaxError):
            lines.append((error.filename, error.lineno))
        try:
            said = error.msg if isinstance(error, SyntaxError) else str(error)
        except BaseException:
            said = "an error that cannot be printed"
        return json.dumps({"error": kinds, "said": said[:1000], "lines": lines[-50:]})
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()


def _limit(seconds, memory):
    """What the resource limits can hold; a limit that this system does not know is left out, see `missing`."""
    limits = {"CORE": 0, "NPROC": 0, "NOFILE": 64, "FSIZE": SPACE, "CPU": int(seconds) + 1}
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits["AS"] = pages * resource.getpagesize() + memory * 2**20
    for name, value in limits.items():
        which = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(which)[1]
        with suppress(ValueError, OSError):
            value = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(which, (value, value))


# Linux: calls that Python has no name for. Numbers and structures are those of the kernel's headers.

LIBC = ctypes.CDLL(None, use_errno=True)
PDEATHSIG, NO_NEW_PRIVS, SECCOMP = 1, 38, 22
RULESET, RULE, RESTRICT = 444, 445, 446
WRITE, READ, LIST, RMDIR, REMOVE, MKDIR, FILE, TRUNCATE = (1 << bit for bit in (1, 2, 3, 4, 5, 7, 8, 14))
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CALLS = {                                                          # their numbers on x86_64 and on aarch64
    "clone": (56, 220), "clone3": (435, 435), "fork": (57, -1), "vfork": (58, -1), "execve": (59, 221),
    "execveat": (322, 281), "unshare": (272, 97), "setns": (308, 268), "socket": (41, 198), "socketpair": (53, 199),
    "io_uring_setup": (425, 425), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "setpriority": (141, 140), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "ioprio_set": (251, 30), "bpf": (321, 280), "userfaultfd": (323, 282),
    "perf_event_open": (298, 241), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219)}
TO_ITSELF = {"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "prlimit64": (302, 261),
             "setpgid": (109, 154), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274)}


def missing() -> list[str]:
    """What this system cannot hold a fenced process to."""
    found = []
    if MACHINE not in ARCH:
        found.append("it can signal your other processes and use the network")
    if not _landlock():
        found.append("it can read and write your files")
    if not Path("/proc/self/statm").exists():
        found.append("its memory is not limited")
    return found


def _landlock():
    """The version of Landlock, 0 if there is none."""
    return max(0, LIBC.syscall(RULESET, None, 0, 1)) if sys.platform == "linux" else 0


def _done(result):
    """The result of a call to the kernel, which has to succeed."""
    if result < 0:
        raise OSError(ctypes.get_errno(), f"the fence does not hold: {os.strerror(ctypes.get_errno())}")
    return result


def _to_itself(folder):
    """No privileges, no other files, no other processes."""
    _done(LIBC.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    _done(LIBC.prctl(NO_NEW_PRIVS, 1, 0, 0, 0))
    if _landlock():
        _own_files(folder, _landlock())
    _done(LIBC.capset(struct.pack("Ii", 0x20080522, 0), bytes(24)))           # what root may do beyond its files
    if MACHINE in ARCH:
        _own_process()


def _readable(path):
    """Whether a folder on the path of imports is Python's, or one of installed packages."""
    path = os.path.realpath(path) if path else ""
    return bool(path) and any(path == place or path.startswith(place.rstrip("/") + "/") for place in _places())


def _places():
    """Folders that hold Python, its packages, this one, and the libraries of the system."""
    paths = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *(
        str(Path(file).parent) for file in (os.__file__, __file__)), *(
            path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))]
    return {os.path.realpath(path) for path in [*paths, "/usr", "/lib", "/lib64"] if os.path.isdir(path)} - {"/"}


def _own_files(folder, version):
    """Landlock: what no rule allows is refused."""
    every = (1 << (13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16)) - 1
    attributes = struct.pack("QQQ", every, 3 if version >= 4 else 0, 3 if version >= 6 else 0)     # files, TCP, signals
    ruleset = _done(LIBC.syscall(RULESET, attributes, 8 if version < 4 else 16 if version < 6 else 24, 0))
    allowed = dict.fromkeys(_places(), READ | LIST)
    allowed[folder] = (WRITE | READ | LIST | RMDIR | REMOVE | MKDIR | FILE | TRUNCATE) & every
    allowed |= {"/dev/null": READ | WRITE, "/dev/urandom": READ, "/dev/zero": READ}
    for path, rights in allowed.items():
        if os.path.exists(path):
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            _done(LIBC.syscall(RULE, ruleset, 1, struct.pack("=Qi", rights, fd), 0))
            os.close(fd)
    _done(LIBC.syscall(RESTRICT, ruleset, 0))
    os.close(ruleset)


def _own_process():
    """Seccomp: a program for the kernel, which runs it at every call; the number is at 0, the first argument at 16."""
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    refuse, allow = (give, 0, 0, 0x00050001), (give, 0, 0, 0x7FFF0000)          # EPERM
    program = [(load, 0, 0, 4), (equal, 1, 0, ARCH[MACHINE]), refuse, (load, 0, 0, 0)]
    if MACHINE == "x86_64":
        program += [(at_least, 0, 1, 0x40000000), refuse]                       # the same calls under other numbers
    column = list(ARCH).index(MACHINE)
    for number in (numbers[column] for numbers in CALLS.values() if numbers[column] >= 0):
        program += [(equal, 0, 1, number), refuse]
    for number in (numbers[column] for numbers in TO_ITSELF.values()):
        program += [(equal, 0, 5, number), (load, 0, 0, 16), (equal, 2, 0, 0), (equal, 1, 0, os.getpid()), refuse,
                    allow]
    code = b"".join(struct.pack("HBBI", *step) for step in [*program, allow])
    held = ctypes.create_string_buffer(code)
    filter_ = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held))
    _done(LIBC.prctl(SECCOMP, 2, filter_, 0, 0))

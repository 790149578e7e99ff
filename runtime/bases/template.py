"""A process that has loaded what actors need, and of which the processes of a supervisor's children are copies.

Importing costs each process a tenth of a second and its memory, numba's kernels half a second; a copy has all of it
at once and shares the pages. A fork must not carry threads and the locks they hold, so the template does nothing but
import and fork, and declines, whereupon the child is spawned afresh, when an import has started a thread.

A copy is made twice over, and the process between ends at once: so the copy's parent becomes the one who asked, which
has declared itself heir (``PR_SET_CHILD_SUBREAPER``), and reaps and outlives it as if it had spawned it. Requests are
the settings of an actor's process, one a packet; the answer is the process id, or 0 for a request that is declined.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import NoReturn

from thespis.runtime.bases import rules
from thespis.runtime.bases.life import tie_to_parent
from thespis.runtime.bases.loop import Loop
from thespis.runtime.bases.settings import ChildSettings

PR_SET_CHILD_SUBREAPER = 36
REQUEST_BYTES, ANSWER_BYTES = 1 << 18, 32
_BOOT = "from thespis.runtime.bases.template import main; main()"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Nothing here multiplies matrices, and numpy's library for that starts a thread a processor when it is imported."""


class Template:
    """The template of one process's children, as that process sees it."""

    def __init__(self, loop: Loop, environment: Mapping[str, str]) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._loop = loop
        self._waiting: deque[Callable[[int], None]] = deque()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-c", _BOOT, str(os.getpid())],
            {**environment, **_ONE_THREAD},
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE],
        )
        theirs.close()
        loop.add_reader(self._socket.fileno(), self._answered)

    def copy(self, settings: ChildSettings, started: Callable[[int], None]) -> None:
        """Ask for a process; `started` is told its id, 0 for a request that is declined."""
        self._waiting.append(started)
        try:
            self._socket.send(settings.to_json())
        except OSError:
            self.close()

    @property
    def closed(self) -> bool:
        """Whether it makes no copies any more."""
        return self._socket.fileno() < 0

    def close(self) -> None:
        """End the template; what it was asked for and has not done is declined. Closing twice is no error."""
        if not self.closed:
            os.kill(self.pid, signal.SIGKILL)  # not reaped before, so the number is its own
            os.waitpid(self.pid, 0)
            with contextlib.suppress(OSError):  # of what it had done before, nothing may be done again
                while answer := self._socket.recv(ANSWER_BYTES, socket.MSG_DONTWAIT):
                    self._waiting.popleft()(int(answer))
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        while self._waiting:
            self._waiting.popleft()(0)

    def _answered(self) -> None:
        try:
            answer = self._socket.recv(ANSWER_BYTES)
        except OSError:
            answer = b""
        if not answer:
            self.close()
        else:
            self._waiting.popleft()(int(answer))


def main() -> None:
    """Make copies until nobody asks any more."""
    tie_to_parent(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = socket.socket(fileno=os.dup(0))
    with contextlib.suppress(ImportError):
        from setproctitle import setproctitle

        setproctitle("thespis: template")
    while request := requests.recv(REQUEST_BYTES):
        settings = ChildSettings.from_json(request)
        _load(settings)
        if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
            requests.send(b"0")
        else:
            _copy(settings, requests)


def _load(settings: ChildSettings) -> None:
    """Import an actor's class and what it says that it will need; what cannot be is the copy's own error."""
    sys.path[:] = settings.sys_path
    with contextlib.suppress(Exception):
        actor_class = rules.load_class(settings.actor_class)
        for name in getattr(actor_class, "preloads", ()):
            importlib.import_module(name)
    gc.freeze()


def _copy(settings: ChildSettings, requests: socket.socket) -> None:
    """Make a copy, tell of it, and only then let it go on: a supervisor must not have one that it does not know."""
    (reader, writer), (awaits, go) = os.pipe(), os.pipe()
    between = os.fork()
    if not between:
        pid = os.fork()
        if pid:
            os.write(writer, str(pid).encode())
            os._exit(0)
        for fd in (reader, writer, go):
            os.close(fd)
        requests.close()
        if not os.read(awaits, 1):
            os._exit(1)
        os.close(awaits)
        _become(settings)
    os.close(writer)
    os.close(awaits)
    os.waitpid(between, 0)
    requests.send(os.read(reader, ANSWER_BYTES) or b"0")
    os.write(go, b"!")
    for fd in (reader, go):
        os.close(fd)


def _become(settings: ChildSettings) -> NoReturn:
    """Run the actor in this copy, which is its supervisor's child by now: who stood between was awaited before."""
    from thespis.runtime.bases.actor_process import run_actor

    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    run_actor(settings)

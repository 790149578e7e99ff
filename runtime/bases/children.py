"""Starting, watching and reaping child processes.

Started by `posix_spawn`, because a fork would carry numba's threads and held locks into the child, or copied from a
template, which has neither. Watched by pidfd: each exit is one readable descriptor, so five children killed at once are
five notices. The kernel kills the child when its parent dies (parent-death signal), so no end of a supervisor leaves
orphans.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from thespis.runtime.bases.directory import SocketDirectory
from thespis.runtime.bases.exits import ExitStatus
from thespis.runtime.bases.loop import Loop
from thespis.runtime.bases.settings import ChildSettings, Limits
from thespis.runtime.bases.template import Template

logger = logging.getLogger(__name__)

_BOOT = "from thespis.runtime.bases.actor_process import main; main()"


@dataclass(slots=True)
class Child:
    """One child process and where it stands."""

    settings: ChildSettings
    copied: bool = False
    pid: int = 0
    pidfd: int = -1
    started: bool = False
    exiting: bool = False

    @property
    def address(self) -> str:
        """The child's actor address, which is its endpoint too."""
        return self.settings.address


class Children:
    """The children of one process."""

    def __init__(
        self,
        loop: Loop,
        directory: SocketDirectory,
        limits: Limits,
        on_exit: Callable[[Child, ExitStatus], None],
    ) -> None:
        self._loop = loop
        self._directory = directory
        self._limits = limits
        self._on_exit = on_exit
        self._queue: deque[Child] = deque()
        self._starting = 0
        self._template: Template | None = None
        self.by_address: dict[str, Child] = {}

    def __len__(self) -> int:
        return len(self.by_address)

    def start(self, settings: ChildSettings, *, copied: bool = False) -> None:
        """Start a child now, or when fewer than `starting_at_once` others are starting; with `copied` as a copy.

        Who has copies made has to have its loop in its main thread, for whose end the kernel ends them.
        """
        child = Child(settings, copied)
        self.by_address[child.address] = child
        self._directory.mark(child.address, settings.parent)
        self._queue.append(child)
        self._start_queued()

    def started(self, address: str) -> None:
        """The child reports that its actor stands."""
        child = self.by_address.get(address)
        if child is not None and not child.started:
            child.started = True
            self._starting -= 1
            self._start_queued()

    def _start_queued(self) -> None:
        while self._queue and self._starting < self._limits.starting_at_once:
            child = self._queue.popleft()
            if child.exiting:
                self._gone(child, ExitStatus(0, None))
                continue
            self._starting += 1
            if child.copied:
                self._copy(child)
            else:
                self._begin(child, 0)

    def _copy(self, child: Child) -> None:
        if self._template is None or self._template.closed:
            try:
                self._template = Template(self._loop, _environment(child.settings))
            except OSError as error:
                logger.warning("no template: %s; the child is spawned", error)
                self._begin(child, 0)
                return
        self._loop.call_after(self._limits.start_timeout_s, lambda: self._check_copy(child))
        self._template.copy(child.settings, lambda pid: self._begin(child, pid))

    def _begin(self, child: Child, pid: int) -> None:
        """Watch a child that was copied, or spawn it where it was not."""
        if not pid and child.exiting:
            self._starting -= 1
            self._gone(child, ExitStatus(0, None))
            return
        try:
            child.pid = pid or _spawn(child.settings)
            child.pidfd = os.pidfd_open(child.pid)
        except OSError as error:
            logger.error("cannot start %s: %s", child.settings.actor_class, error)  # noqa: TRY400
            self._starting -= 1
            self._gone(child, ExitStatus(126, None))
            return
        self._loop.add_reader(child.pidfd, lambda: self._reap(child))
        self._loop.call_after(self._limits.start_timeout_s, lambda: self._check_start(child))
        if child.exiting:
            self.kill(child)

    def _without_template(self) -> None:
        """End a template that hangs; its successor is made when it is needed."""
        if self._template is not None:
            template, self._template = self._template, None
            template.close()

    def _check_copy(self, child: Child) -> None:
        if not child.pid and self.by_address.get(child.address) is child:
            logger.error("no copy for %s within %s s; it is spawned", child.address, self._limits.start_timeout_s)
            self._without_template()

    def _check_start(self, child: Child) -> None:
        if not child.started and self.by_address.get(child.address) is child:
            logger.error("%s did not start within %s s; killed", child.address, self._limits.start_timeout_s)
            self.kill(child)

    def _reap(self, child: Child) -> None:
        result = os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOHANG)
        if result is None:
            return
        self._loop.remove_reader(child.pidfd)
        os.close(child.pidfd)
        child.pidfd = -1
        if not child.started:
            self._starting -= 1
        self._gone(child, ExitStatus.from_waitid(result))
        self._start_queued()

    def _gone(self, child: Child, status: ExitStatus) -> None:
        self.by_address.pop(child.address, None)
        self._directory.clear(child.address)
        self._on_exit(child, status)

    def kill(self, child: Child) -> None:
        """SIGKILL one child; its exit is reported like any other."""
        if child.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)

    def stop_all(self, ask_to_exit: Callable[[str], object], turn: Callable[[float], None]) -> None:
        """Ask every child to exit, wait `exit_grace_s`, kill what is left, and reap all of it."""
        for child in list(self.by_address.values()):
            child.exiting = True
            if child.pid:
                ask_to_exit(child.address)
        self._start_queued()
        deadline = time.monotonic() + self._limits.exit_grace_s
        while self.by_address and time.monotonic() < deadline:
            turn(max(0.0, min(0.1, deadline - time.monotonic())))
        self._without_template()
        for child in list(self.by_address.values()):
            logger.warning("%s did not exit within %s s; killed", child.address, self._limits.exit_grace_s)
            self.kill(child)
        while self.by_address:
            turn(0.1)


SECRET_VARIABLES = ("THESPIS_PASSPHRASE",)
"""Variables that no actor inherits: a process's environment can be read as long as it lives."""


def _environment(settings: ChildSettings) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
    return {**inherited, "PYTHONPATH": os.pathsep.join(entry for entry in settings.sys_path if entry)}


def _spawn(settings: ChildSettings) -> int:
    """Start one actor process with `settings` on its standard input; returns its pid."""
    fd = os.memfd_create("actor-settings", os.MFD_CLOEXEC)
    try:
        os.write(fd, settings.to_json())
        os.lseek(fd, 0, os.SEEK_SET)
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-c", _BOOT],
            _environment(settings),
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, 0)],
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE],
        )
    finally:
        os.close(fd)

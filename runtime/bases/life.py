"""What ends a process: its parent's death, and orders to stop.

Nothing of ours outlives who started it. The kernel does that, by the parent-death signal, because whoever dies of
SIGKILL can do nothing any more; and one who is told to stop (SIGINT, SIGTERM, SIGHUP) stops what is below it in order.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
from types import FrameType

PR_SET_PDEATHSIG = 1
ORDERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that say: stop in order."""


def tie_to_parent(parent_pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent dies; leave at once if it already has.

    `parent_pid` is told by the parent: who asks here only learns who it is by now.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        os._exit(1)


class StopOrder(KeyboardInterrupt):
    """A signal said: stop. It unwinds like a Ctrl-C, so that everything that is open closes in order."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def take_orders() -> None:
    """Let each order to stop raise StopOrder in the main thread.

    SIGINT too where a shell had it ignored for a job in the background, as shells do; SIGHUP stays ignored where
    somebody asked for that (``nohup``). An order comes once, for a closing session may send SIGTERM and SIGHUP
    together and the second must not cut short the stop that the first began; a second Ctrl-C is a person who will
    not wait.
    """
    seen = False

    def order(number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if number == signal.SIGHUP:
            let_go_of_terminal()
        if not seen or number == signal.SIGINT:
            seen = True
            raise StopOrder(number)

    for number in ORDERS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, order)


def let_go_of_terminal() -> None:
    """Read and write nothing from now on where it was a terminal: it is closed, and writing to it would fail."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        with contextlib.suppress(OSError):
            if stat.S_ISCHR(os.fstat(fd).st_mode):  # a closed terminal does not call itself one any more
                os.dup2(nothing, fd)
    os.close(nothing)

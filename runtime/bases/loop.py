"""The loop of one process: sockets, file descriptors, timers and calls from other threads."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import zmq
from thespis.runtime.bases.timers import Timers

TURN_WAIT_MAX_S = 60.0
"""Longest sleep of one turn; bounds what a missed wake-up could cost."""


class Loop:
    """Waits for whatever is next and calls what was registered for it; single-threaded but for `post`."""

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._readers: dict[Any, Callable[[], None]] = {}
        self._posted: deque[Callable[[], None]] = deque()
        self._waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.timers = Timers()
        self.add_reader(self._waker, self._drain_waker)

    def add_reader(self, source: Any, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `source`, a ZeroMQ socket or a descriptor, can be read."""
        self._poller.register(source, zmq.POLLIN)
        self._readers[source] = callback

    def remove_reader(self, source: Any) -> None:
        """Stop watching `source`; unknown sources are ignored."""
        if self._readers.pop(source, None) is not None:
            self._poller.unregister(source)

    def post(self, callback: Callable[[], None]) -> None:
        """Run `callback` in the loop's thread; the one method other threads may call."""
        self._posted.append(callback)
        os.eventfd_write(self._waker, 1)

    def call_after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run `callback` once, `seconds` from now."""
        self.timers.set(time.monotonic() + seconds, callback)

    def turn(self, wait_s: float = TURN_WAIT_MAX_S) -> None:
        """Wait at most `wait_s` for something to happen and handle it."""
        due = self.timers.next_due_s()
        if due is not None:
            wait_s = min(wait_s, max(0.0, due - time.monotonic()))
        if self._posted:
            wait_s = 0.0
        # zmq takes whole milliseconds: round up, or the last fraction would spin
        for source, _events in self._poller.poll(int(wait_s * 1000 + 0.999)):
            reader = self._readers.get(source)
            if reader is not None:
                reader()
        if self.timers.next_due_s() is not None:
            self.timers.fire(time.monotonic())
        for _ in range(len(self._posted)):
            self._posted.popleft()()

    def close(self) -> None:
        """Release the waker; the loop cannot be used afterwards."""
        self.remove_reader(self._waker)
        os.close(self._waker)

    def _drain_waker(self) -> None:
        os.eventfd_read(self._waker)

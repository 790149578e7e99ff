"""Work beside an actor's mailbox: a thread for each lane, and a stop that reaches what runs in it.

An actor whose answers take seconds gives them to lanes and goes on with its mail, so that it answers heartbeats while
work waits. A thread cannot be killed, so work is stopped where it reads: what it reads through `LanePort.watched`
raises once its time is up or nobody waits for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from thespis.runtime.actor.conversation import Signal
from thespis.runtime.actor.message import message
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.store.interface import StoreReader


class LaneTimeError(RuntimeFloorError):
    """Work took more of the processor than it may, or nobody waits for it any more."""


class WorkStoppedError(BaseException):
    """Ends work from within; no error of what it does, so that nothing between takes it for one."""


@message
class LaneEnded(Signal):
    """Work is over; the port has what came of it."""

    number: int


@dataclass(frozen=True, slots=True)
class LaneEnd:
    """What came of work: a value or an error, and the processor's seconds that it took."""

    value: Any
    error: Exception | None
    seconds: float


class LanePort(Protocol):
    """Lanes by name, each for one piece of work at a time; whoever begins work keeps to that."""

    def begin(self, lane: str, number: int, work: Callable[[], Any], within_s: float) -> LaneEnd | None:
        """Begin work that may take so many seconds of the processor; returns its end where that is reached at once.

        Otherwise `LaneEnded` is delivered, and `end` has it.
        """
        ...

    def end(self, number: int) -> LaneEnd:
        """What came of work that ended; may be asked once."""
        ...

    def stop(self, number: int) -> None:
        """End work at its next read; work that is over is left alone."""
        ...

    def watched(self, reader: StoreReader) -> StoreReader:
        """A reader through which work is stopped."""
        ...

    def close(self) -> None:
        """Begin nothing more, and stop what runs."""
        ...


class _Order:
    """One piece of work; stopped by whoever waits for it, checked by the thread that does it."""

    __slots__ = ("number", "stopped", "until_s", "within_s", "work")

    def __init__(self, number: int, work: Callable[[], Any], within_s: float) -> None:
        self.number = number
        self.work = work
        self.within_s = within_s
        self.until_s = 0.0
        self.stopped = False

    def check(self) -> None:
        if self.stopped:
            raise WorkStoppedError("nobody waits for it any more")
        if time.thread_time() > self.until_s:
            raise WorkStoppedError(f"it took {self.within_s:g} s of the processor, which is the bound; ask for less")


class ThreadLanes:
    """The lanes of a process."""

    def __init__(self, lanes: Iterable[str], deliver: Callable[[LaneEnded], None]) -> None:
        self._deliver = deliver
        self._orders: dict[str, queue.SimpleQueue[_Order | None]] = {lane: queue.SimpleQueue() for lane in lanes}
        self._open: dict[int, _Order] = {}
        self._ends: dict[int, LaneEnd] = {}
        self._thread = threading.local()
        self._closed = False
        for lane, orders in self._orders.items():
            threading.Thread(target=self._serve, args=(orders,), name=f"lane-{lane}", daemon=True).start()

    def begin(self, lane: str, number: int, work: Callable[[], Any], within_s: float) -> LaneEnd | None:
        """Hand work to the lane's thread."""
        order = self._open[number] = _Order(number, work, within_s)
        self._orders[lane].put(order)
        return None

    def _serve(self, orders: queue.SimpleQueue[_Order | None]) -> None:
        while (order := orders.get()) is not None:
            end = self._done(order)
            self._open.pop(order.number, None)
            if self._closed:
                return
            self._ends[order.number] = end
            self._deliver(LaneEnded(order.number))
            del order, end  # or the last value would stay until there is more to do

    def _done(self, order: _Order) -> LaneEnd:
        value: Any = None
        error: Exception | None = None
        began_s = time.thread_time()
        order.until_s = began_s + order.within_s
        self._thread.order = order
        try:
            value = order.work()
        except WorkStoppedError as stop:
            error = LaneTimeError(str(stop))
        except Exception as failure:
            error = failure
        finally:
            self._thread.order = None
        return LaneEnd(value, error, time.thread_time() - began_s)

    def end(self, number: int) -> LaneEnd:
        """What came of work."""
        return self._ends.pop(number)

    def stop(self, number: int) -> None:
        """Mark it; its thread looks at its next read."""
        order = self._open.get(number)
        if order is not None:
            order.stopped = True

    def watched(self, reader: StoreReader) -> StoreReader:
        """Look before each read whether the thread's work may go on."""
        return WatchedReader(reader, self._check)

    def _check(self) -> None:
        order: _Order | None = getattr(self._thread, "order", None)
        if order is not None:
            order.check()

    def close(self) -> None:
        """End the threads, each after what it does."""
        self._closed = True
        for order in list(self._open.values()):
            order.stopped = True
        for orders in self._orders.values():
            orders.put(None)


class WatchedReader:
    """A reader that checks before it reads."""

    def __init__(self, reader: StoreReader, check: Callable[[], None]) -> None:
        self._reader = reader
        self._check = check

    def get(self, family: str, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        self._check()
        return self._reader.get(family, key)

    def has(self, family: str, key: bytes) -> bool:
        """Whether a key is there."""
        self._check()
        return self._reader.has(family, key)

    def scan(self, family: str, prefix: bytes = b"", *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Keys with a prefix and their values, looking before each."""
        for found in self._reader.scan(family, prefix, reverse=reverse):
            self._check()
            yield found

    def refresh(self) -> None:
        """Whoever opened the reader refreshes it, for everyone who reads through it."""
        self._reader.refresh()

    def close(self) -> None:
        """Whoever opened the reader closes it."""

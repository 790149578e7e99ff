"""Coroutines without an event loop: a handler that awaits is resumed by the actor's own mailbox."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Coroutine, Generator
from itertools import count
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Pending(Generic[T]):
    """A result that is not there yet; awaiting it suspends the handler."""

    __slots__ = ("_error", "_result", "_waiter", "done")

    def __init__(self) -> None:
        self.done = False
        self._result: T | None = None
        self._error: BaseException | None = None
        self._waiter: Callable[[], None] | None = None

    def resolve(self, result: T) -> None:
        """The result came; the first outcome stands, later ones are ignored."""
        self._finish(result, None)

    def fail(self, error: BaseException) -> None:
        """No result will come, and why."""
        self._finish(None, error)

    def _finish(self, result: T | None, error: BaseException | None) -> None:
        if self.done:
            return
        self.done, self._result, self._error = True, result, error
        if self._waiter is not None:
            self._waiter()

    def __await__(self) -> Generator[Pending[T], None, T]:
        if not self.done:
            yield self
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def when_done(self, waiter: Callable[[], None]) -> None:
        """Call `waiter` once the outcome is there; several are called in the order in which they came."""
        if self.done:
            waiter()
            return
        first = self._waiter

        def both() -> None:
            if first is not None:
                first()
            waiter()

        self._waiter = waiter if first is None else both


class Task:
    """One running handler."""

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        finished: Callable[[Any, BaseException | None], None],
    ) -> None:
        self._coroutine = coroutine
        self._finished = finished
        self._cancelled = False
        self.advance()

    def cancel(self) -> None:
        """End it where it waits, as if there were nothing after; a task that is over is left alone.

        Its `finally` clauses run and may not await; `finished` is not called.
        """
        self._cancelled = True
        self._coroutine.close()

    def advance(self) -> None:
        """Run until the next await of something that is not there, or to the end."""
        if self._cancelled:
            return
        try:
            pending: Pending[Any] = self._coroutine.send(None)
        except StopIteration as stop:
            self._finished(stop.value, None)
        except Exception as error:
            self._finished(None, error)
        else:
            pending.when_done(self.advance)


class Alarms:
    """Deadlines of one actor, kept in a heap over a single wake-up; cancelled ones cost nothing."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Pending[None]]] = []
        self._order = count()

    def set(self, due_s: float) -> Pending[None]:
        """A pending that resolves when `due_s` is reached."""
        alarm: Pending[None] = Pending()
        heapq.heappush(self._heap, (due_s, next(self._order), alarm))
        return alarm

    def next_due_s(self) -> float | None:
        """When the earliest alarm that still matters is due."""
        while self._heap and self._heap[0][2].done:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def fire(self, now_s: float) -> None:
        """Resolve every alarm that is due."""
        while self._heap and self._heap[0][0] <= now_s:
            heapq.heappop(self._heap)[2].resolve(None)

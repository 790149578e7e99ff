"""A heap of deadlines: ten thousand pending timers cost one comparison per loop turn."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timers:
    """Callbacks by due time; those due together fire in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, due_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` at or after `due_s` of the caller's clock."""
        heapq.heappush(self._heap, (due_s, next(self._order), callback))

    def next_due_s(self) -> float | None:
        """When the earliest timer is due, or None."""
        return self._heap[0][0] if self._heap else None

    def fire(self, now_s: float) -> int:
        """Call everything due by `now_s`, timers set meanwhile excluded; returns how many fired."""
        due: list[Callable[[], None]] = []
        while self._heap and self._heap[0][0] <= now_s:
            due.append(heapq.heappop(self._heap)[2])
        for callback in due:
            callback()
        return len(due)

"""Turns: of those who want the same thing, one at a time has it, in the order in which they came."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from thespis.runtime.actor.tasks import Pending

K = TypeVar("K")


class Turns(ABC, Generic[K]):
    """A turn for each key; ``async with turns.of(key):`` waits for it."""

    def __init__(self) -> None:
        self._waiting: dict[K, deque[Pending[None]]] = {}
        self._count = 0

    @abstractmethod
    def check_room(self, waiting: int) -> None:
        """Raise what one more is told where so many, of all keys together, wait as may."""

    @asynccontextmanager
    async def of(self, key: K) -> AsyncIterator[bool]:
        """Have the turn of a key while a block runs; says whether it was waited for."""
        waited = await self._take(key)
        try:
            yield waited
        finally:
            self._give(key)

    async def _take(self, key: K) -> bool:
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = deque()
            return False
        self.check_room(self._count)
        turn: Pending[None] = Pending()
        waiting.append(turn)
        self._count += 1
        await turn
        return True

    def _give(self, key: K) -> None:
        waiting = self._waiting[key]
        if not waiting:
            del self._waiting[key]
            return
        self._count -= 1
        waiting.popleft().resolve(None)

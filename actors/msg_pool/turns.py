"""Turns: of those who want the same thing, one at a time has it, in the order in which they came."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Generic, TypeVar

from thespis.protocols.errors import PoolError
from thespis.runtime.actor.tasks import Pending

K = TypeVar("K")

WAITING_MAX = 1000
"""Who wait for a turn, of all keys together."""


class BusyError(PoolError):
    """As many wait for their turn as may."""


class Turns(Generic[K]):
    """A turn for each key; ``async with turns.of(key):`` waits for it."""

    def __init__(self) -> None:
        self._waiting: dict[K, deque[Pending[None]]] = {}
        self._count = 0

    def of(self, key: K) -> Turn[K]:
        """The next turn of a key."""
        return Turn(self, key)

    async def take(self, key: K) -> None:
        """Wait for the turn; raises BusyError beyond the bound."""
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = deque()
            return
        if self._count >= WAITING_MAX:
            raise BusyError(f"{WAITING_MAX} messages wait to be signed; try again when some are")
        turn: Pending[None] = Pending()
        waiting.append(turn)
        self._count += 1
        await turn

    def give(self, key: K) -> None:
        """Have the next one go on."""
        waiting = self._waiting[key]
        if not waiting:
            del self._waiting[key]
            return
        self._count -= 1
        waiting.popleft().resolve(None)


class Turn(Generic[K]):
    """One turn, held while its block runs."""

    def __init__(self, turns: Turns[K], key: K) -> None:
        self._turns = turns
        self._key = key

    async def __aenter__(self) -> None:
        await self._turns.take(self._key)

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._turns.give(self._key)

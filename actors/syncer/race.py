"""Several peers asked for the same, so that a silent one costs a moment and not all that a request may take."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from thespis.runtime.actor.tasks import Pending

if TYPE_CHECKING:
    from thespis.actors.syncer.settings import SyncerSettings
    from thespis.runtime.actor.subsystem import Subsystem

NEXT_AFTER_S = 1.5
"""How long to wait for one peer alone before the next is asked too: most answers come within it."""


@dataclass(frozen=True, slots=True)
class Came:
    """What became of asking one peer: the bytes that it answered, or why there are none."""

    peer: str
    data: bytes = b""
    failure: Exception | None = None


class Race:
    """Asks the first peer, and each further one when those before have failed or kept silent for a moment."""

    def __init__(
        self, owner: Subsystem[SyncerSettings], peers: Sequence[str], ask: Callable[[str], Awaitable[bytes]]
    ) -> None:
        self._owner, self._left, self._ask = owner, deque(peers), ask
        self._flying = 0
        self._came: deque[Came] = deque()
        self._waiter: Pending[None] = Pending()

    async def next(self) -> Came | None:
        """What came next, whoever was asked first; None when nobody is left to hear of."""
        while not self._came:
            if self._left:
                self._flying += 1
                self._owner.spawn(self._run(self._left.popleft()))
            elif not self._flying:
                return None
            if not self._came:
                await self._something()
        return self._came.popleft()

    async def _something(self) -> None:
        """Wait for what comes, or until it is time to ask one more."""
        waiter: Pending[None] = Pending()
        self._waiter = waiter
        if self._left:
            self._owner.spawn(self._nudge(waiter))
        await waiter

    async def _nudge(self, waiter: Pending[None]) -> None:
        await self._owner.sleep(NEXT_AFTER_S)
        waiter.resolve(None)

    async def _run(self, peer: str) -> None:
        try:
            came = Came(peer, await self._ask(peer))
        except Exception as failure:
            came = Came(peer, failure=failure)
        self._flying -= 1
        self._came.append(came)
        self._waiter.resolve(None)

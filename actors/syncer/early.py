"""Gossiped blocks whose time has not come by our clock: they wait, and are looked at when it has."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from thespis.actors.messages.syncer import BlockGossiped
from thespis.protocols.chain.block import BlockMessage

if TYPE_CHECKING:
    from thespis.actors.syncer.settings import SyncerSettings
    from thespis.runtime.actor.subsystem import Subsystem

EARLY_MAX = 256
EARLY_BYTES_MAX = 16 << 20
"""Of blocks that wait together, as gossip brought them."""
EARLY_MARGIN_S = 0.05
"""The least to wait for what is early; who wakes on the second may find it not yet come."""

Take = Callable[[BlockMessage, BlockGossiped], Coroutine[Any, Any, None]]


class Early:
    """Blocks by when they are due; bounded, the latest out first."""

    def __init__(self, owner: Subsystem[SyncerSettings], take: Take) -> None:
        self._owner, self._take = owner, take
        self._waiting: list[tuple[int, BlockMessage, BlockGossiped]] = []
        self._minding = False

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, due_s: int, epoch_s: int, block: BlockMessage, gossip: BlockGossiped) -> None:
        """Have a block taken at a time in Unix seconds.

        The clock is looked at every `epoch_s` seconds at least, for ours may be what was wrong, and be set meanwhile.
        """
        if any(block == known for _due_s, known, _gossip in self._waiting):
            return
        self._waiting.append((due_s, block, gossip))
        self._waiting.sort(key=lambda each: each[0])
        del self._waiting[EARLY_MAX:]
        while sum(len(gossip.data) for _due_s, _block, gossip in self._waiting) > EARLY_BYTES_MAX:
            self._waiting.pop()
        if not self._minding:
            self._minding = True
            self._owner.spawn(self._mind(epoch_s))

    async def _mind(self, epoch_s: int) -> None:
        clock = self._owner.environment.clock
        try:
            while self._waiting:
                due = [each for each in self._waiting if each[0] <= clock.unix_s()]
                del self._waiting[: len(due)]
                for _due_s, block, gossip in due:
                    self._owner.spawn(self._take(block, gossip))
                if self._waiting:
                    wait_s = self._waiting[0][0] - clock.unix_s()
                    await self._owner.sleep(min(epoch_s, max(EARLY_MARGIN_S, wait_s)))
        finally:
            self._minding = False

"""Blocks of this node's miner: taken one after another, and how they leave the node."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from thespis.actors.messages.network import PublishGossip, Topic
from thespis.protocols.chain.block import BlockMessage
from thespis.runtime.actor import turns
from thespis.runtime.errors import AskError, MailboxFullError

if TYPE_CHECKING:
    from thespis.actors.syncer.settings import SyncerSettings
    from thespis.runtime.actor.subsystem import Subsystem

logger = logging.getLogger(__name__)

GOSSIP_TRIES_MAX = 3
"""How often an own block is given to the Network, which may be restarting."""
WAITING_MAX = 16
"""Own blocks that wait for the one that is looked at: a miner gives one in an epoch, others come by RPC."""


class Turns(turns.Turns[None]):
    """Own blocks one after another, in the order in which they came: the next may stand on the one before.

    A block is looked at in steps, between which others come; without turns a short block would overtake a long one
    and find its parent unknown, and a block that is given twice would be looked at twice.
    """

    def __init__(self, owner: Subsystem[SyncerSettings]) -> None:
        super().__init__()
        self._owner = owner

    def check_room(self, waiting: int) -> None:
        """Raise MailboxFullError beyond the bound."""
        if waiting >= WAITING_MAX:
            raise MailboxFullError(f"{WAITING_MAX} own blocks wait to be looked at; submit this one again later")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until those that came before are done; raises MailboxFullError where too many wait."""
        async with self.of(None) as waited:
            if waited:
                await self._owner.sleep(0)  # whoever had the turn is to be answered first
            yield


async def give_out(owner: Subsystem[SyncerSettings], block: BlockMessage) -> None:
    """Gossip an own block; a Network that dies while it has it is asked again when it is back."""
    for _ in range(GOSSIP_TRIES_MAX):
        try:
            await owner.ask(PublishGossip(Topic.BLOCKS, block.encode()))
        except AskError as error:
            logger.warning("an own block was not gossiped, peers may have to ask for it: %s", error)
        else:
            return

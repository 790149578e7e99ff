"""How a block of this node's miner leaves the node."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from thespis.actors.messages.network import PublishGossip, Topic
from thespis.protocols.chain.block import BlockMessage
from thespis.runtime.errors import AskError

if TYPE_CHECKING:
    from thespis.actors.syncer.settings import SyncerSettings
    from thespis.runtime.actor.subsystem import Subsystem

logger = logging.getLogger(__name__)

GOSSIP_TRIES_MAX = 3
"""How often an own block is given to the Network, which may be restarting."""


async def give_out(owner: Subsystem[SyncerSettings], block: BlockMessage) -> None:
    """Gossip an own block; a Network that dies while it has it is asked again when it is back."""
    for _ in range(GOSSIP_TRIES_MAX):
        try:
            await owner.ask(PublishGossip(Topic.BLOCKS, block.encode()))
        except AskError as error:
            logger.warning("an own block was not gossiped, peers may have to ask for it: %s", error)
        else:
            return

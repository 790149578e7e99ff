"""What a block contains beside its header: its messages, wherever they are to be had, and what they say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.msg_pool import GetMessages
from thespis.protocols.chain.block import BlockHeader, BlockMessage, BlockMessages
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockMessagesError
from thespis.protocols.wire.exchange_reading import UnreadMessages
from thespis.runtime.actor.pages import all_pages
from thespis.runtime.actor.pieces import in_pieces

if TYPE_CHECKING:
    from thespis.actors.syncer.settings import SyncerSettings
    from thespis.runtime.actor.subsystem import Subsystem


AskPeers = Callable[[BlockHeader], Awaitable[UnreadMessages]]


async def collect(
    owner: Subsystem[SyncerSettings], chain: ChainReader, block: BlockMessage, ask_peers: AskPeers
) -> BlockMessages:
    """A block's messages: from the store, the pool, or by `ask_peers` from one that has the block."""
    assert block.header is not None
    wanted = {*block.bls_messages, *block.secpk_messages}
    found: dict[Cid, bytes] = {cid: chain.blocks.get(cid) for cid in wanted if chain.blocks.has(cid)}
    missing = tuple(sorted(wanted - found.keys()))
    if missing:
        for signed in await all_pages(owner.ask, GetMessages(missing)):
            found[signed.cid()], found[signed.message.cid()] = signed.encode(), signed.message.encode()
    if any(cid not in found for cid in wanted):
        unread = await ask_peers(block.header)
    else:
        bls, secpk = (tuple(found[cid] for cid in each) for each in (block.bls_messages, block.secpk_messages))
        unread = UnreadMessages(bls, secpk)
    return await read(owner, block.header, unread)


async def read(owner: Subsystem[SyncerSettings], header: BlockHeader, unread: UnreadMessages) -> BlockMessages:
    """What a block's messages say, read in pieces; one that commits to something else than messages is bad."""
    try:
        return await in_pieces(owner, unread.read())
    except BlockMessagesError as error:
        raise error.about(header.cid()) from None

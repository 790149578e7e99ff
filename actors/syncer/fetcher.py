"""Fetching tipsets from peers by chain exchange: the peer that named the target first, then the others in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from thespis.actors.messages.network import AskPeer, ListPeers, PeerError, PeerMisbehaved
from thespis.protocols.chain.block import BlockHeader, BlockMessages
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.consensus.block_messages import check_commitment
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import BlockMessagesError, ProtocolError, RefusedError
from thespis.protocols.wire.exchange import (
    PROTOCOL,
    ExchangedTipset,
    Options,
    Request,
    Response,
    check_response,
)
from thespis.runtime.errors import AskError

if TYPE_CHECKING:
    from thespis.actors.syncer.settings import SyncerSettings
    from thespis.runtime.actor.subsystem import Subsystem

T = TypeVar("T")

PEERS_TRIED_MAX = 4
REQUEST_TIMEOUT_S = 10.0


class FetchError(Exception):
    """No peer gave what was asked for; nobody's fault, and worth another try."""


class Fetcher:
    """Asks peers in the name of the Syncer."""

    def __init__(self, owner: Subsystem[SyncerSettings]) -> None:
        self._owner = owner

    async def headers(self, key: TipsetKey, length: int, first: str) -> list[Tipset]:
        """At most `length` tipsets from `key` downwards."""
        request = Request(key, Unsigned(length), Unsigned(Options.HEADERS))
        return await self._ask(request, first, lambda response: [Tipset.of(each.blocks) for each in response.chain])

    async def messages(self, header: BlockHeader, first: str) -> BlockMessages:
        """The messages of one block."""
        request = Request((header.cid(),), Unsigned(1), Unsigned(Options.MESSAGES))
        [[messages]] = await self._ask(request, first, lambda response: _committed([(header,)], response))
        return messages

    async def batch_messages(self, tipsets: list[Tipset], first: str) -> list[list[BlockMessages]]:
        """The messages of consecutive tipsets, oldest first; answers may come in parts."""
        found: list[list[BlockMessages]] = []
        while len(found) < len(tipsets):
            left = tipsets[: len(tipsets) - len(found)]
            request = Request(left[-1].key, Unsigned(len(left)), Unsigned(Options.MESSAGES))
            blocks = [tipset.blocks for tipset in reversed(left)]
            found += await self._ask(request, first, partial(_committed, blocks))
        return found[::-1]

    async def _ask(self, request: Request, first: str, read: Callable[[Response], T]) -> T:
        """What `read` makes of the first answer that can be true; who gives another is reported."""
        error = "no peer is connected"
        for peer in await self._order(first):
            order = AskPeer(peer, PROTOCOL, request.encode(), REQUEST_TIMEOUT_S)
            try:
                response = Response.decode(await self._owner.ask(order), dialect=Dialect.CHAIN)
                check_response(request, response)
                return read(response)
            except (RefusedError, AskError, PeerError) as failure:
                error = f"{peer[-8:]}: {failure}"
            except ProtocolError as failure:
                error = f"{peer[-8:]}: {failure}"
                self._owner.tell(PeerMisbehaved(peer, f"chain exchange answer: {error}"[:500]))
        raise FetchError(error)

    async def _order(self, first: str) -> list[str]:
        """Whom to ask; asked anew each time, for the Network may have been restarted meanwhile, or this process."""
        connected = await self._owner.ask(ListPeers())
        others = [info.peer for info in connected]
        self._owner.environment.random.shuffle(others)
        others.sort(key=lambda peer: peer != first)
        return others[:PEERS_TRIED_MAX]


def _committed(blocks: Sequence[tuple[BlockHeader, ...]], response: Response) -> list[list[BlockMessages]]:
    """Messages by tipset and block; raises BlockMessagesError unless they are those that the headers commit to.

    A wrong answer is the answering peer's fault. Taken for the block's messages it would brand an honest block.
    """
    found = []
    for headers, tipset in zip(blocks, response.chain, strict=False):
        messages = _expand(tipset)
        if len(messages) != len(headers):
            raise BlockMessagesError(f"messages of {len(messages)} blocks came for {len(headers)}")
        for header, each in zip(headers, messages, strict=True):
            check_commitment(header, [m.cid() for m in each.bls], [m.cid() for m in each.secpk])
        found.append(messages)
    return found


def _expand(tipset: ExchangedTipset) -> list[BlockMessages]:
    """A tipset's messages by block; indices were checked with the response."""
    compact = tipset.messages
    assert compact is not None, "they were asked for"
    return [
        BlockMessages(tuple(compact.bls[i] for i in bls), tuple(compact.secpk[i] for i in secpk))
        for bls, secpk in zip(compact.bls_includes, compact.secpk_includes, strict=True)
    ]

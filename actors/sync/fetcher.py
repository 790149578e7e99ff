"""Fetching tipsets from peers by chain exchange: the peer that named the target first, then the others in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.chain.reader import BlockMessages
from actors.messages.network import AskPeer, ListPeers, PeerAnswer, PeerList
from protocols.chain.tipset import Tipset, TipsetKey
from protocols.encoding.cid import Cid
from protocols.encoding.tuples import Unsigned
from protocols.errors import InvalidTipsetError, ProtocolError
from protocols.wire.exchange import (
    PROTOCOL,
    ExchangedTipset,
    Options,
    Request,
    Response,
    check_response,
)
from runtime.errors import AskError

if TYPE_CHECKING:
    from runtime.actor.subsystem import Subsystem

PEERS_TRIED_MAX = 4
REQUEST_TIMEOUT_S = 10.0


class FetchError(Exception):
    """No peer gave what was asked for; nobody's fault, and worth another try."""


class Fetcher:
    """Asks peers in the name of the Syncer."""

    def __init__(self, owner: Subsystem) -> None:
        self._owner = owner

    async def headers(self, key: TipsetKey, length: int, first: str) -> list[Tipset]:
        """At most `length` tipsets from `key` downwards."""
        response = await self._ask(Request(key, Unsigned(length), Unsigned(Options.HEADERS)), first)
        return [Tipset.of(each.blocks) for each in response.chain]

    async def messages(self, block: Cid, first: str) -> list[BlockMessages]:
        """The messages of one block."""
        response = await self._ask(Request((block,), Unsigned(1), Unsigned(Options.MESSAGES)), first)
        return _expand(response.chain[0])

    async def batch_messages(self, tipsets: list[Tipset], first: str) -> list[list[BlockMessages]]:
        """The messages of consecutive tipsets, oldest first; answers may come in parts."""
        found: list[list[BlockMessages]] = []
        while len(found) < len(tipsets):
            left = tipsets[: len(tipsets) - len(found)]
            request = Request(left[-1].key, Unsigned(len(left)), Unsigned(Options.MESSAGES))
            response = await self._ask(request, first)
            for tipset, each in zip(reversed(left), response.chain, strict=False):
                messages = _expand(each)
                if len(messages) != len(tipset.blocks):
                    raise FetchError(f"messages of {len(messages)} blocks came for {len(tipset.blocks)}")
                found.append(messages)
        return found[::-1]

    async def _ask(self, request: Request, first: str) -> Response:
        error = "no peer is connected"
        for peer in await self._order(first):
            try:
                answer: PeerAnswer = await self._owner.ask(
                    "Network",
                    AskPeer(peer, PROTOCOL, request.encode(), REQUEST_TIMEOUT_S),
                    deadline=REQUEST_TIMEOUT_S + 2.0,
                )
                response = Response.decode(answer.data)
                check_response(request, response)
            except (ProtocolError, InvalidTipsetError, AskError) as failure:
                error = f"{peer[-8:]}: {failure}"
                continue
            return response
        raise FetchError(error)

    async def _order(self, first: str) -> list[str]:
        """Whom to ask; asked anew each time, for the Network may have been restarted meanwhile, or this process."""
        connected: PeerList = await self._owner.ask("Network", ListPeers())
        others = [info.peer for info in connected.peers]
        self._owner.environment.random.shuffle(others)
        others.sort(key=lambda peer: peer != first)
        return others[:PEERS_TRIED_MAX]


def _expand(tipset: ExchangedTipset) -> list[BlockMessages]:
    """A tipset's messages by block; indices were checked with the response."""
    compact = tipset.messages
    if compact is None:
        raise FetchError("messages were asked for and did not come")
    return [
        BlockMessages(tuple(compact.bls[i] for i in bls), tuple(compact.secpk[i] for i in secpk))
        for bls, secpk in zip(compact.bls_includes, compact.secpk_includes, strict=True)
    ]

"""ChainExchange: answers peers that sync from us, from a reader of the chain, bounded in length and in bytes."""

from __future__ import annotations

from collections import OrderedDict

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.network import PeerMisbehaved
from thespis.actors.messages.peer_protocols import ExchangeRequest
from thespis.actors.messages.syncer import NewHead
from thespis.protocols.chain.block import BlockMessages
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import BlockNotFoundError, ChainError, InvalidTipsetError, ProtocolError
from thespis.protocols.wire.exchange import (
    RESPONSE_BYTES_MAX,
    TIPSET_BYTES_MAX,
    CompactedMessages,
    ExchangedTipset,
    Options,
    Request,
    Response,
    Status,
    encode_response,
    parse_request,
)
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem

ITEMS_AT_A_TIME = 10
"""Tipsets put together before other requests get their turn."""
ITEMS_BYTES_MAX = 16 << 20
"""Of encoded tipsets kept; the oldest go first."""


class ChainExchange(Subsystem[None]):
    """Speaks the answering side of ``/fil/chain/xchg/0.0.1``."""

    items: _Items

    async def start(self, settings: None) -> None:  # noqa: ARG002
        """Open the chain."""
        self.items = _Items(ChainReader(self.opened(self.environment.open_reader("chain"))))

    @handles(NewHead)
    def new_head(self, _event: NewHead) -> None:
        """See the new blocks."""
        self.items.chain.refresh()

    @answers(ExchangeRequest)
    async def answer(self, asked: ExchangeRequest) -> bytes:
        """Answer one request; one that makes no sense is answered as such and counted against the peer."""
        try:
            request = parse_request(asked.data)
        except ProtocolError as error:
            self.tell(PeerMisbehaved(asked.peer, f"chain exchange: {error}"))
            return _refusal(Status.BAD_REQUEST, str(error))
        if not all(self.items.chain.blocks.has(cid) for cid in request.head):
            self.items.chain.refresh()
        try:
            return await self._collect(self.items, request)
        except _TooLongError as error:
            return _refusal(Status.GO_AWAY, str(error))
        except (BlockNotFoundError, ChainError, InvalidTipsetError):
            return _refusal(Status.NOT_FOUND, "the tipset is not here")

    async def _collect(self, items: _Items, request: Request) -> bytes:
        """The tipsets from the request's head downwards, as many as are wanted, there, and fit.

        Fewer than wanted are partial, also at genesis (Lotus v1.4.0 ``chain/exchange/server.go``, serviceRequest).

        A long answer lets shorter ones pass: whoever asks for everything must not keep the others waiting.
        """
        key: TipsetKey = request.head
        found: list[bytes] = []
        size = 0
        while key and len(found) < request.length:
            try:
                item, below = items.get(key, int(request.options))
            except (BlockNotFoundError, _TooLongError):
                if not found:
                    raise
                break
            size += len(item)
            if found and size > RESPONSE_BYTES_MAX:
                break
            found.append(item)
            key = below
            if len(found) % ITEMS_AT_A_TIME == 0:
                await self.sleep(0)
        return encode_response(Status.OK if len(found) == request.length else Status.PARTIAL, found)


class _TooLongError(Exception):
    """A tipset does not fit an answer."""


def _refusal(status: Status, text: str) -> bytes:
    return Response(Unsigned(status), text[:256], ()).encode()


class _Items:
    """Encoded tipsets of answers; peers that sync ask for the same ones."""

    def __init__(self, chain: ChainReader) -> None:
        self.chain = chain
        self._known: OrderedDict[tuple[TipsetKey, int], tuple[bytes, TipsetKey]] = OrderedDict()
        self._size = 0

    def get(self, key: TipsetKey, options: int) -> tuple[bytes, TipsetKey]:
        """One tipset's part of an answer, and the key of the tipset below, empty under genesis.

        Raises BlockNotFoundError, and _TooLongError for one that can only be given block by block.
        """
        found = self._known.get((key, options))
        if found is None:
            tipset = self.chain.tipset(key)
            found = _exchanged(self.chain, tipset, options).encode(), tipset.parents
            self._known[key, options] = found
            self._size += len(found[0])
            while self._size > ITEMS_BYTES_MAX:
                _oldest, (data, _below) = self._known.popitem(last=False)
                self._size -= len(data)
        return found


def _exchanged(chain: ChainReader, tipset: Tipset, options: int) -> ExchangedTipset:
    headers = tipset.blocks if options & Options.HEADERS else ()
    if not options & Options.MESSAGES:
        return ExchangedTipset(headers, None)
    blocks, size = [], 0
    for header in tipset.blocks:
        messages = chain.block_messages(header)
        blocks.append(messages)
        size += sum(len(each.encode()) for each in (*messages.bls, *messages.secpk))
        if size > TIPSET_BYTES_MAX and len(tipset.blocks) > 1:
            raise _TooLongError(
                "the messages of this tipset are too long for one answer; ask for its blocks one by one"
            )
    return ExchangedTipset(headers, compact(blocks))


def compact(blocks: list[BlockMessages]) -> CompactedMessages:
    """Messages once each, with every block's messages as indices."""
    bls: dict[Cid, tuple[int, Message]] = {}
    secpk: dict[Cid, tuple[int, SignedMessage]] = {}
    bls_includes, secpk_includes = [], []
    for block in blocks:
        bls_includes.append(tuple(Unsigned(bls.setdefault(m.cid(), (len(bls), m))[0]) for m in block.bls))
        secpk_includes.append(tuple(Unsigned(secpk.setdefault(m.cid(), (len(secpk), m))[0]) for m in block.secpk))
    return CompactedMessages(
        tuple(message for _, message in bls.values()),
        tuple(bls_includes),
        tuple(signed for _, signed in secpk.values()),
        tuple(secpk_includes),
    )

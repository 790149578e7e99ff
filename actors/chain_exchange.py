"""ChainExchange: answers peers that sync from us, from a reader of the chain, bounded in length and in bytes."""

from __future__ import annotations

from typing import Any

from actors.chain.reader import BlockMessages, ChainReader
from actors.config import NodeSettings
from actors.messages.events import NewHead, PeerMisbehaved
from actors.messages.network import PeerRequest, Served
from protocols.chain.message import Message, SignedMessage
from protocols.chain.tipset import Tipset, TipsetKey
from protocols.encoding.cid import Cid
from protocols.encoding.tuples import Unsigned
from protocols.errors import BlockNotFoundError, ChainError, InvalidTipsetError, ProtocolError
from protocols.wire.exchange import (
    CompactedMessages,
    ExchangedTipset,
    Options,
    Request,
    Response,
    Status,
    parse_request,
)
from runtime.actor.subsystem import Subsystem, handles

RESPONSE_BYTES_MAX = 8 << 20
"""An answer ends, as partial, with the tipset that passes this."""


class ChainExchange(Subsystem):
    """Speaks the answering side of ``/fil/chain/xchg/0.0.1``."""

    def __init__(self) -> None:
        super().__init__()
        self._chain: ChainReader | None = None

    async def start(self, settings: Any) -> None:
        """Open the chain."""
        assert isinstance(settings, NodeSettings)
        self._chain = ChainReader(self.environment.open_reader("chain"))

    async def stop(self) -> None:
        """Close the chain."""
        if self._chain is not None:
            self._chain.store.close()

    @handles(NewHead)
    def new_head(self, _event: NewHead) -> None:
        """See the new blocks."""
        assert self._chain is not None
        self._chain.refresh()

    @handles(PeerRequest)
    def answer(self, asked: PeerRequest) -> Served:
        """Answer one request; one that makes no sense is answered as such and counted against the peer."""
        try:
            request = parse_request(asked.data)
        except ProtocolError as error:
            self.publish(PeerMisbehaved(asked.peer, f"chain exchange: {error}"))
            return Served(_refusal(Status.BAD_REQUEST, str(error)))
        assert self._chain is not None
        if not all(self._chain.blocks.has(cid) for cid in request.head):
            self._chain.refresh()
        try:
            return Served(answer_request(self._chain, request).encode())
        except (BlockNotFoundError, ChainError, InvalidTipsetError):
            return Served(_refusal(Status.NOT_FOUND, "the tipset is not here"))


def _refusal(status: Status, text: str) -> bytes:
    return Response(Unsigned(status), text[:256], ()).encode()


def answer_request(chain: ChainReader, request: Request) -> Response:
    """The tipsets from the request's head downwards, as many as are wanted, there, and fit."""
    key: TipsetKey = request.head
    found: list[ExchangedTipset] = []
    size = 0
    while len(found) < request.length:
        try:
            tipset = chain.tipset(key)
            item = _exchanged(chain, tipset, int(request.options))
        except BlockNotFoundError:
            if not found:
                raise
            return Response(Unsigned(Status.PARTIAL), "", tuple(found))
        size += _size(item)
        found.append(item)
        if tipset.height == 0:
            break
        if size > RESPONSE_BYTES_MAX and len(found) < request.length:
            return Response(Unsigned(Status.PARTIAL), "", tuple(found))
        key = tipset.parents
    complete = len(found) == request.length or bool(request.options & Options.HEADERS)
    return Response(Unsigned(Status.OK if complete else Status.PARTIAL), "", tuple(found))


def _size(item: ExchangedTipset) -> int:
    """Bytes of the records of an item, whose encodings are kept with them; what holds them together adds little."""
    size = sum(len(header.encode()) for header in item.blocks)
    if item.messages is not None:
        size += sum(len(message.encode()) for message in (*item.messages.bls, *item.messages.secpk))
    return size


def _exchanged(chain: ChainReader, tipset: Tipset, options: int) -> ExchangedTipset:
    headers = tipset.blocks if options & Options.HEADERS else ()
    if not options & Options.MESSAGES:
        return ExchangedTipset(headers, None)
    return ExchangedTipset(headers, compact([chain.block_messages(header) for header in tipset.blocks]))


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

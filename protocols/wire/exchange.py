"""The chain exchange protocol: tipsets by the hundred, headers, messages or both.

``/fil/chain/xchg/0.0.1``. Messages come once each, with indices saying which block holds which; the receiver checks
every index before it uses one (reference: formats, section 5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, IntFlag
from typing import Annotated

from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX
from thespis.protocols.consensus.block_messages import BLOCK_MESSAGES_MAX
from thespis.protocols.consensus.finality import FINALITY_EPOCHS
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Items, Record, Unsigned, record
from thespis.protocols.errors import RefusedError, WireError

PROTOCOL = "/fil/chain/xchg/0.0.1"
REQUEST_BYTES_MAX = 64 << 10
REQUEST_LENGTH_MAX = FINALITY_EPOCHS
"""Most tipsets of one request: as many as finality spans (Lotus v1.4.0 ``chain/exchange/protocol.go``,
MaxRequestLength)."""
ERROR_TEXT_MAX = 1024
RESPONSE_BYTES_MAX = 8 << 20
"""An answer of ours ends, as partial, before the tipset that would pass this, unless it is the first."""
TIPSET_BYTES_MAX = 11 << 20
"""Of a tipset that is an answer of ours by itself: one over it is asked for block by block. A block is always shorter:
its gas pays for ten million bytes of messages at most (Lotus v1.4.0 ``chain/vm/gas_v0.go``, OnChainMessage)."""
ANSWER_BYTES_MAX = 12 << 20
"""Of an answer that is read; ours are shorter. Lotus answers with whatever was asked for, however long (v1.4.0
``chain/exchange/server.go``, collectChainSegment), and reads ten times this (v1.35.1 ``chain/exchange/client.go``,
maxExchangeMessageSize), so a longer one need be no lie: `longest_answer` says whether it is."""
HEADER_BYTES_MAX = 1 << 20
"""What no header passes: gossip brings none that is longer (go-libp2p-pubsub ``pubsub.go``, DefaultMaxMessageSize)."""
TIPSET_MESSAGES_MAX = 150_000
"""Most messages of one kind in a tipset: as many as fifteen blocks can have (Lotus v1.34.1
``chain/exchange/protocol_encoding.go``, CompactedMessagesCBOR)."""
Indices = Annotated[tuple[Unsigned, ...], Items(BLOCK_MESSAGES_MAX)]
"""Which messages of a tipset a block has (``protocol_encoding.go``, messageIndices)."""


class Options(IntFlag):
    """What a request asks for."""

    HEADERS = 1
    MESSAGES = 2


class Status(IntEnum):
    """How a request ended."""

    OK = 0
    PARTIAL = 101
    NOT_FOUND = 201
    GO_AWAY = 202
    INTERNAL_ERROR = 203
    BAD_REQUEST = 204


@record
class Request(Record):
    """Tipsets from `head` backwards."""

    head: tuple[Cid, ...]
    length: Unsigned
    options: Unsigned


@record
class CompactedMessages(Record):
    """The messages of a tipset, each once; `*_includes` give each block's messages by index."""

    bls: Annotated[tuple[Message, ...], Items(TIPSET_MESSAGES_MAX)]
    bls_includes: tuple[Indices, ...]
    secpk: Annotated[tuple[SignedMessage, ...], Items(TIPSET_MESSAGES_MAX)]
    secpk_includes: tuple[Indices, ...]


@record
class ExchangedTipset(Record):
    """One tipset of a response."""

    blocks: tuple[BlockHeader, ...]
    messages: CompactedMessages | None


@record
class Response(Record):
    """The answer, from the head that was asked for backwards."""

    status: Unsigned
    error_message: str
    chain: tuple[ExchangedTipset, ...]


def parse_request(data: bytes) -> Request:
    """A request within its bounds; raises WireError or CborError."""
    if len(data) > REQUEST_BYTES_MAX:
        raise WireError(f"request of {len(data)} bytes; the bound is {REQUEST_BYTES_MAX}")
    request = Request.decode(data)
    if not 0 < len(request.head) <= TIPSET_BLOCKS_MAX:
        raise WireError(f"request from a head of {len(request.head)} blocks; a tipset has 1 to {TIPSET_BLOCKS_MAX}")
    if not 0 < request.length <= REQUEST_LENGTH_MAX:
        raise WireError(f"request for {request.length} tipsets; 1 to {REQUEST_LENGTH_MAX} can be asked for")
    if int(request.options) not in (Options.HEADERS, Options.MESSAGES, Options.HEADERS | Options.MESSAGES):
        raise WireError(f"request options {request.options}; they are 1 (headers), 2 (messages) or both")
    return request


def longest_answer(request: Request) -> int:
    """A length that no legal answer to a request passes, whoever gives it.

    The tipset that is asked for has the blocks that the request names; of those below it all is possible.
    """
    blocks = len(request.head) + (int(request.length) - 1) * TIPSET_BLOCKS_MAX
    headers = HEADER_BYTES_MAX if request.options & Options.HEADERS else 0
    messages = TIPSET_BYTES_MAX if request.options & Options.MESSAGES else 0
    return blocks * (headers + messages)


def encode_response(status: Status, tipsets: Sequence[bytes]) -> bytes:
    """The response of encoded `ExchangedTipset`s, without encoding them again."""
    # an empty array is the last field's last byte, and the head of a longer one takes its place
    empty = Response(Unsigned(status), "", ()).encode()
    return b"".join((empty[:-1], cbor.array_head(len(tipsets)), *tipsets))


TOO_FAST = Response(Unsigned(Status.GO_AWAY), "requests come too fast, ask somebody else or later", ()).encode()
"""What who asks too fast is answered (Lotus v1.4.0 ``chain/exchange/protocol.go``, GoAway)."""


def check_response(request: Request, response: Response) -> None:
    """Raise WireError unless a response could be an honest answer to the request.

    Only what can be told without the chain: lengths, what was asked for, that tipsets link, and that indices exist.
    """
    chain = response.chain
    check_status(int(response.status), response.error_message)
    check_count(request, int(response.status), [tipset.blocks for tipset in chain])
    for tipset in chain:
        _check_tipset(request, tipset)
    if request.options & Options.HEADERS:
        check_links(request, [tipset.blocks for tipset in chain])


def check_status(status: int, text: str) -> None:
    """Raise RefusedError unless an answer has tipsets."""
    if status not in (Status.OK, Status.PARTIAL):
        raise RefusedError(f"the peer refused: status {status}, {text[:ERROR_TEXT_MAX]!r}")


def check_count(request: Request, status: int, chain: Sequence[tuple[BlockHeader, ...]]) -> None:
    """Raise WireError unless the status goes with how many tipsets came; each is given by its headers, if any."""
    if not 0 < len(chain) <= request.length:
        raise WireError(f"{len(chain)} tipsets came, {request.length} were asked for")
    reaches_genesis = request.options & Options.HEADERS and chain[-1] and chain[-1][0].height == 0
    if status == Status.OK and len(chain) < request.length and not reaches_genesis:
        raise WireError(f"{len(chain)} of {request.length} tipsets came with status OK; fewer are PARTIAL")


def _check_tipset(request: Request, tipset: ExchangedTipset) -> None:
    if request.options & Options.HEADERS:
        if not 0 < len(tipset.blocks) <= TIPSET_BLOCKS_MAX:
            raise WireError(f"tipset of {len(tipset.blocks)} blocks; it has 1 to {TIPSET_BLOCKS_MAX}")
    elif tipset.blocks:
        raise WireError("headers came that were not asked for")
    if not request.options & Options.MESSAGES:
        return
    messages = tipset.messages
    if messages is None:
        raise WireError("messages were asked for and did not come")
    blocks = len(messages.bls_includes)
    if blocks != len(messages.secpk_includes) or (tipset.blocks and blocks != len(tipset.blocks)):
        raise WireError(
            f"message indices for {blocks} and {len(messages.secpk_includes)} of {len(tipset.blocks)} blocks"
        )
    for includes, count in ((messages.bls_includes, len(messages.bls)), (messages.secpk_includes, len(messages.secpk))):
        for indices in includes:
            for index in indices:
                if index >= count:
                    raise WireError(f"message index {index}; {count} messages came")


def check_links(request: Request, chain: Sequence[tuple[BlockHeader, ...]]) -> None:
    """Raise WireError unless the headers are those that were asked for, each tipset the parents of the one before."""
    expected = request.head
    for blocks in chain:
        if tuple(block.cid() for block in blocks) != expected:
            raise WireError(f"the tipset at height {blocks[0].height} is not the one that the chain links to")
        expected = blocks[0].parents

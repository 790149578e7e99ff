"""Reading a long answer of the chain exchange in pieces, so that whoever reads it can do other things in between.

An answer of some megabytes takes seconds to decode, and its sender need not have a right to our time: so first only
lengths are followed and what must be bounded is bounded, then every message is named by the bytes that it came as, and
decoded no earlier than its block is worth it. All of this runs as generators that pause where nothing is half done.
"""

from __future__ import annotations

from dataclasses import dataclass

from thespis.protocols.chain.block import BlockHeader, BlockMessages
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX
from thespis.protocols.consensus.block_messages import BLOCK_MESSAGES_MAX
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cbor_length import item_length
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockMessagesError, DecodeError, WireError
from thespis.protocols.steps import Steps
from thespis.protocols.wire.exchange import (
    ANSWER_BYTES_MAX,
    TIPSET_MESSAGES_MAX,
    Options,
    Request,
    check_count,
    check_links,
    check_status,
)

PIECE_ITEMS, PIECE_BYTES = 250, 128 << 10
"""A pause comes after so many items or bytes: some hundredths of a second."""
ITEM_BYTES_MAX = 2 << 20
"""Of one message in an answer; they are shorter by far (reference: formats, section 3)."""
HEADER_READ_MAX = 256 << 10
"""Bytes of one header that are read; it has some kilobytes, the most of them the openings of vanilla proofs."""


_LENGTH_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
"""By the low bits of an item's first byte, how many bytes of length follow it."""


@dataclass(frozen=True, slots=True)
class UnreadMessages:
    """The messages of a block as the bytes that they came as, in order."""

    bls: tuple[bytes, ...]
    secpk: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.bls) + len(self.secpk)

    @property
    def size(self) -> int:
        """Their length in bytes."""
        return sum(map(len, self.bls)) + sum(map(len, self.secpk))

    def cids(self) -> tuple[list[Cid], list[Cid]]:
        """What a header commits to, if these are its block's."""
        return [Cid.of(data) for data in self.bls], [Cid.of(data) for data in self.secpk]

    def read(self) -> Steps[BlockMessages]:
        """The messages; raises BlockMessagesError for what is none: a block that commits to it is bad."""
        bls, secpk = [], []
        for place, data in enumerate((*self.bls, *self.secpk), 1):
            try:
                if place <= len(self.bls):
                    bls.append(Message.decode(data))
                else:
                    secpk.append(SignedMessage.decode(data))
            except DecodeError as error:
                raise BlockMessagesError(f"item {place} of the block's messages is no message: {error}") from None
            if not place % PIECE_ITEMS:
                yield
        return BlockMessages(tuple(bls), tuple(secpk))


@dataclass(frozen=True, slots=True)
class ReadTipset:
    """One tipset of an answer: headers where they were asked for, and each block's messages where they were."""

    blocks: tuple[BlockHeader, ...]
    messages: tuple[UnreadMessages, ...]


class _Walk:
    """A place in the bytes of an answer, and how far it is to the next pause."""

    def __init__(self, data: bytes) -> None:
        self.data, self.offset = data, 0
        self._view = memoryview(data)
        self._items = self._pause_at = 0

    def array(self, most: int, what: str) -> int:
        """Step over the head of an array of at most so many items."""
        count = self._head(0x80)
        if count > most:
            raise WireError(f"{count} {what}; at most {most} can come")
        return count

    def tuple_of(self, fields: int, what: str) -> None:
        """Step over the head of a record."""
        if self._head(0x80) != fields:
            raise WireError(f"{what} has not {fields} fields")

    def is_null(self) -> bool:
        """Step over a null, if one stands here."""
        found = self.data[self.offset : self.offset + 1] == b"\xf6"
        self.offset += found
        return found

    def item(self, bytes_max: int = 0) -> bytes:
        """Step over one item, and give its bytes; what is in it is for its decoder."""
        length = item_length(self._view[self.offset :], bytes_max or ITEM_BYTES_MAX)
        if length is None:
            raise WireError("the answer ends within an item")
        self.offset += length
        self._items += 1
        return self.data[self.offset - length : self.offset]

    def paused(self) -> bool:
        """Whether so much was stepped over since the last pause that one is due."""
        if self._items < PIECE_ITEMS and self.offset < self._pause_at:
            return False
        self._items, self._pause_at = 0, self.offset + PIECE_BYTES
        return True

    def _head(self, major: int) -> int:
        head = self.data[self.offset : self.offset + 9]
        if not head or head[0] & 0xE0 != major:
            raise WireError("the answer has something else where an array belongs")
        size = _LENGTH_BYTES.get(head[0] & 31, 0)
        count = int.from_bytes(head[1 : 1 + size], "big") if size else head[0] & 31
        if cbor.array_head(count) != head[: 1 + size]:
            raise WireError("the answer has a length that is not in its shortest form")
        self.offset += 1 + size
        return count


def read_response(request: Request, data: bytes) -> Steps[list[ReadTipset]]:
    """The tipsets of an answer to a request, from its head downwards.

    Raises RefusedError when the peer gives none, and WireError or CborError for what no honest peer answers: what
    `check_response` refuses, and anything but the shortest form of it.
    """
    if len(data) > ANSWER_BYTES_MAX:
        raise WireError(f"answer of {len(data)} bytes; the bound is {ANSWER_BYTES_MAX}")
    walk = _Walk(data)
    walk.tuple_of(3, "an answer")
    status, text = cbor.decode(walk.item()), cbor.decode(walk.item())
    if type(status) is not int or type(text) is not str:
        raise WireError("an answer begins with a status and a text")
    count = walk.array(int(request.length), "tipsets")
    check_status(status, text)
    chain: list[ReadTipset] = []
    while len(chain) < count:
        chain += [(yield from _read_tipset(walk, request))]
    if walk.offset != len(data):
        raise WireError(f"{len(data) - walk.offset} bytes come after the answer")
    blocks = [tipset.blocks for tipset in chain]
    check_count(request, status, blocks)
    if request.options & Options.HEADERS:
        check_links(request, blocks)
    return chain


def _read_tipset(walk: _Walk, request: Request) -> Steps[ReadTipset]:
    walk.tuple_of(2, "a tipset")
    count = walk.array(TIPSET_BLOCKS_MAX, "blocks of a tipset")
    if bool(count) != bool(request.options & Options.HEADERS):
        raise WireError(f"a tipset came with {count} headers")
    headers = []
    for _ in range(count):
        headers.append(BlockHeader.decode(walk.item(HEADER_READ_MAX)))
        if walk.paused():
            yield
    if not request.options & Options.MESSAGES:
        if not walk.is_null():
            raise WireError("messages came that were not asked for")
        return ReadTipset(tuple(headers), ())
    if walk.is_null():
        raise WireError("messages were asked for and did not come")
    walk.tuple_of(4, "the messages of a tipset")
    bls = yield from _read_lists(walk)
    secpk = yield from _read_lists(walk)
    if len(bls) != len(secpk) or (headers and len(bls) != len(headers)):
        raise WireError(f"message indices for {len(bls)} and {len(secpk)} of {len(headers)} blocks")
    return ReadTipset(tuple(headers), tuple(UnreadMessages(*each) for each in zip(bls, secpk, strict=True)))


def _read_lists(walk: _Walk) -> Steps[list[tuple[bytes, ...]]]:
    """Messages that come once each, and then by index what each block holds of them."""
    messages = []
    for _ in range(walk.array(TIPSET_MESSAGES_MAX, "messages of a tipset")):
        messages.append(walk.item())
        if walk.paused():
            yield
    blocks = []
    for _ in range(walk.array(TIPSET_BLOCKS_MAX, "blocks of a tipset")):
        indices = _indices(walk.item())
        if indices and max(indices) >= len(messages):
            raise WireError(f"message index {max(indices)}; {len(messages)} messages came")
        blocks.append(tuple(messages[index] for index in indices))
        if walk.paused():
            yield
    return blocks


def _indices(data: bytes) -> list[int]:
    found = cbor.decode(data)
    if type(found) is not list or len(found) > BLOCK_MESSAGES_MAX:
        raise WireError(f"the messages of a block are an array of at most {BLOCK_MESSAGES_MAX} indices")
    if any(type(index) is not int or index < 0 for index in found):
        raise WireError("the messages of a block are named by their places")
    return found

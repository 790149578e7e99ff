"""Requests over raw streams: one message there, one back, bounded in size and time.

Filecoin's protocols send one CBOR item. The asking side half-closes and reads to the end; the answering side also
takes an item whose stream stays open, for that is how Lotus says hello.
"""

from __future__ import annotations

from typing import Any

import trio
from libp2p.network.stream.exceptions import StreamEOF, StreamReset
from thespis.protocols.encoding.cbor_length import ItemLength
from thespis.protocols.errors import CborError
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.p2p.port import BYTES_PER_S_MIN, AnswerTooLongError

CHUNK_BYTES = 64 << 10


class StreamError(RuntimeFloorError):
    """A stream ended otherwise than with one message."""


class StreamStalledError(StreamError):
    """A message began and did not go on."""


class StreamViolationError(StreamError):
    """What came is no message, or passes its bound: not a matter of bad luck."""


async def read_to_end(stream: Any, bytes_max: int, scope: trio.CancelScope | None = None) -> bytes:
    """Everything until the other side closes; raises AnswerTooLongError beyond the bound.

    What comes puts the deadline off.
    """
    found = bytearray()
    while True:
        try:
            chunk = await stream.read(CHUNK_BYTES)
        except StreamEOF:
            return bytes(found)
        except StreamReset:
            raise StreamError("the peer reset the stream") from None
        if not chunk:
            return bytes(found)
        _progress(scope, len(chunk))
        found += chunk
        if len(found) > bytes_max:
            raise AnswerTooLongError(f"more than {bytes_max} bytes came; ask for less at once")


async def read_item(stream: Any, bytes_max: int, timeout_s: float = float("inf")) -> bytes:
    """One CBOR item, whether or not the other side closes after it; raises StreamError, also for one that stalls."""
    with trio.move_on_after(timeout_s) as scope:
        found, item = bytearray(), ItemLength(bytes_max)
        while True:
            try:
                length = item.of(found)
            except CborError as error:
                raise StreamViolationError(str(error)) from None
            if length is not None:
                return bytes(found[:length])
            try:
                chunk = await stream.read(CHUNK_BYTES)
            except (StreamEOF, StreamReset):
                raise StreamError("the stream ended within a message") from None
            if not chunk:
                raise StreamError("the stream ended within a message")
            _progress(scope, len(chunk))
            found += chunk
    raise StreamStalledError(f"{len(found)} bytes of a message within {timeout_s} s, and then no more")


def _progress(scope: trio.CancelScope | None, size: int) -> None:
    if scope is not None:
        scope.deadline += size / BYTES_PER_S_MIN


async def ask(host: Any, peer: Any, protocol: str, data: bytes, timeout_s: float, bytes_max: int) -> bytes:
    """One request; raises StreamError when it is not answered in time, more time the longer the answer is."""
    with trio.move_on_after(timeout_s) as scope:
        stream = await host.new_stream(peer, [protocol])
        try:
            await stream.write(data)
            await stream.close()
            answer = await read_to_end(stream, bytes_max, scope)
        except BaseException:
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                await stream.reset()
            raise
        if not answer:
            raise StreamError("the peer closed the stream without an answer")
        return answer
    raise StreamError(f"no answer within {timeout_s} s")

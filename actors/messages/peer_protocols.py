"""Requests of peers, each handed to the subsystem that answers its protocol: one table of what this node serves."""

from __future__ import annotations

from typing import ClassVar

from thespis.actors.roles import CHAIN_EXCHANGE, HELLO_SVC
from thespis.protocols.wire import exchange, hello
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.message import message

PEER_WITHIN_S = 20.0


@message
class HelloRequest(Ask[bytes | None], to=HELLO_SVC, within_s=PEER_WITHIN_S):
    """A peer's greeting; answered with the bytes to send back, or None to refuse."""

    PROTOCOL: ClassVar[str] = hello.PROTOCOL
    REQUEST_BYTES_MAX: ClassVar[int] = hello.MESSAGE_BYTES_MAX
    TOO_FAST: ClassVar[bytes] = b""

    peer: str
    data: bytes


@message
class ExchangeRequest(Ask[bytes | None], to=CHAIN_EXCHANGE, within_s=PEER_WITHIN_S):
    """A peer's request for tipsets; answered with the bytes to send back, or None to refuse."""

    PROTOCOL: ClassVar[str] = exchange.PROTOCOL
    REQUEST_BYTES_MAX: ClassVar[int] = exchange.REQUEST_BYTES_MAX
    TOO_FAST: ClassVar[bytes] = exchange.TOO_FAST
    """The answer to who asks too fast; a protocol without one resets the stream."""

    peer: str
    data: bytes


PeerRequest = HelloRequest | ExchangeRequest
SERVED: dict[str, type[HelloRequest | ExchangeRequest]] = {
    kind.PROTOCOL: kind for kind in (HelloRequest, ExchangeRequest)
}
"""By protocol, the question that a peer's request becomes."""

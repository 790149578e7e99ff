"""What a subsystem sees of HTTP: JSON-RPC calls that arrive as messages, and answers that it gives by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from thespis.runtime.actor.conversation import Signal
from thespis.runtime.actor.message import message


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where and how the server listens; sizes in bytes, times in seconds."""

    address: str
    secret: bytes
    origins: tuple[str, ...] = ()
    """Origins whose pages may call, beside the node's own; ``*`` is any."""
    body_bytes_max: int = 15 << 20
    """A body is a message of the actor, which has 16 MiB."""
    body_timeout_s: float = 30.0
    """A body that is not there by then is given up."""
    request_timeout_s: float = 60.0
    """A call that nobody took up by then, or a page, is given up."""
    connections_max: int = 512
    address_connections_max: int = 256
    bodies_bytes_max: int = 32 << 20
    """Of bodies that were read and are not answered, beside the first 64 KiB of each connection."""
    answers_bytes_max: int = 44 << 20
    """Of answers and frames that are not read yet; a client's share of it holds the longest answer that there is."""
    calls_waiting_max: int = 512
    client_calls_max: int = 256


@message
class CallArrived(Signal):
    """A JSON-RPC request body, or one WebSocket frame; `connection` is 0 for plain HTTP.

    `permissions` are what the caller's token allows; `client` is who shares a budget: the bearers of one token, else
    one address. `path` is where it was sent, for what answers otherwise in an older version of the interface.
    """

    number: int
    connection: int
    body: bytes
    permissions: tuple[str, ...]
    client: str = ""
    path: str = "/rpc/v1"


@message
class CallGone(Signal):
    """Whoever sent a call over plain HTTP is gone; nobody waits for its answer."""

    number: int


@message
class PageArrived(Signal):
    """A GET of one of the plain pages: livez, readyz, healthz, metrics."""

    number: int
    path: str


@message
class ConnectionClosed(Signal):
    """A WebSocket is gone; what was pushed to it ends, and nobody waits for answers to its calls."""

    connection: int


class HttpPort(Protocol):
    """A running server."""

    address: str
    """Where it listens, as a multiaddress; the port that the system chose when none was given."""

    def taken(self, number: int) -> None:
        """A call is being worked on: it may take as long as its caller waits."""
        ...

    def respond(self, number: int, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        """Answer a call or a page; to a WebSocket, before everything that is pushed to it later."""
        ...

    def push(self, connection: int, body: bytes) -> bool:
        """Send a frame to a WebSocket; False when it is gone or does not read."""
        ...

    def close(self) -> None:
        """Stop listening and close every connection; closing twice is no error."""
        ...

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
    body_bytes_max: int = 16 << 20
    request_timeout_s: float = 60.0
    connections_max: int = 256
    calls_waiting_max: int = 512


@message
class CallArrived(Signal):
    """A JSON-RPC request body, or one WebSocket frame; `connection` is 0 for plain HTTP.

    `permissions` are what the caller's token allows.
    """

    number: int
    connection: int
    body: bytes
    permissions: tuple[str, ...]


@message
class PageArrived(Signal):
    """A GET of one of the plain pages: livez, readyz, healthz, metrics."""

    number: int
    path: str


@message
class ConnectionClosed(Signal):
    """A WebSocket is gone; what was pushed to it ends."""

    connection: int


class HttpPort(Protocol):
    """A running server."""

    address: str
    """Where it listens, as a multiaddress; the port that the system chose when none was given."""

    def respond(self, number: int, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        """Answer a call or a page."""
        ...

    def push(self, connection: int, body: bytes) -> bool:
        """Send a frame to a WebSocket; False when it is gone or does not read."""
        ...

    def close(self) -> None:
        """Stop listening and close every connection; closing twice is no error."""
        ...

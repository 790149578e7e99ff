"""Channels of events: who follows the chain or the pool over a WebSocket, and what each was told.

A channel's first value comes after the answer that names it, and a follower of the chain can replay it: the head at
first, and from then on every change from what it was told last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thespis.actors.api.registry import LIMIT, NO_METHOD, RpcError

CHANNELS_MAX = 1000
SOCKET_CHANNELS_MAX = 64
CLIENT_CHANNELS_MAX = 256

Identity = str | int | float | None
"""What a caller calls its request."""


@dataclass
class _Channel:
    connection: int
    client: str
    request: Identity
    topic: str
    begun: bool = False


class Channels:
    """Every open channel, by number."""

    def __init__(self, push: Callable[[int, bytes], bool]) -> None:
        self._push = push
        self._open: dict[int, _Channel] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._open)

    def open(self, connection: int, client: str, request: Identity, topic: str) -> int:
        """Give a WebSocket a channel, which stays silent until `begin`; raises RpcError for plain HTTP and at bounds.

        Source: go-jsonrpc, which answers 'no out channel support' to whoever has no socket.
        """
        if connection == 0:
            raise RpcError(NO_METHOD, "method not supported in this mode (no out channel support)")
        for most, whose, same in (
            (SOCKET_CHANNELS_MAX, "of this socket ", [each.connection == connection for each in self._open.values()]),
            (CLIENT_CHANNELS_MAX, "of this client ", [each.client == client for each in self._open.values()]),
            (CHANNELS_MAX, "", [True] * len(self._open)),
        ):
            if sum(same) >= most:
                raise RpcError(LIMIT, f"{most} channels {whose}are open; close some")
        self._number += 1
        self._open[self._number] = _Channel(connection, client, request, topic)
        return self._number

    def begin(self, connection: int, first: Callable[[str], bytes | None]) -> None:
        """The answers that name a socket's new channels are on their way: send what `first` gives for each topic."""
        for number, channel in list(self._open.items()):
            if channel.connection == connection and not channel.begun:
                channel.begun = True
                value = first(channel.topic)
                if value is not None:
                    self._send(number, channel, value)

    def follows(self, topic: str) -> bool:
        """Whether anyone follows."""
        return any(channel.topic == topic and channel.begun for channel in self._open.values())

    def tell(self, topic: str, data: bytes) -> None:
        """Send a value, as JSON, to everyone who follows."""
        for number, channel in list(self._open.items()):
            if channel.topic == topic and channel.begun:
                self._send(number, channel, data)

    def _send(self, number: int, channel: _Channel, data: bytes) -> None:
        frame = b'{"jsonrpc":"2.0","method":"xrpc.ch.val","params":[%d,%b]}' % (number, data)
        if not self._push(channel.connection, frame):
            self._open.pop(number, None)

    def cancel(self, connection: int, request: Identity) -> None:
        """End the channels that one request of a socket opened, and say so; only those."""
        for number, channel in list(self._open.items()):
            if channel.connection == connection and same_identity(channel.request, request):
                del self._open[number]
                self._push(connection, b'{"jsonrpc":"2.0","method":"xrpc.ch.close","params":[%d]}' % number)

    def drop(self, connection: int) -> None:
        """A socket is gone, and its channels with it."""
        self._open = {number: each for number, each in self._open.items() if each.connection != connection}


def same_identity(one: Identity, other: Identity) -> bool:
    """Whether two requests are called the same; 1 and 1.0 are, as in JSON, but 1 and "1" are not."""
    return one == other and isinstance(one, str) == isinstance(other, str)

"""WebSockets of the HTTP server: calls that come in, answers and events that go out in one order."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import trio
from thespis.runtime.http.connections import GuardedStream, Ledger

FRAMES_WAITING_MAX = 1024
SOCKET_CALLS_MAX = 256
"""Calls of one socket in progress; the next frame is read when one is answered."""


class Outbox:
    """Frames that wait to be sent to one socket; one that does not read them is closed."""

    def __init__(self, client: str, ledger: Ledger) -> None:
        self._client = client
        self._ledger = ledger
        self._frames: deque[bytes] = deque()
        self._more = trio.Event()
        self._closed = False

    def put(self, frame: bytes) -> None:
        """Send a frame after those before it; the socket ends where there is no room for it."""
        if self._closed:
            return
        if len(self._frames) >= FRAMES_WAITING_MAX or not self._ledger.enter_now(self._client, len(frame)):
            self._closed = True
        else:
            self._frames.append(frame)
        self._more.set()

    async def send(self, socket: Any) -> None:
        """Send until closed, and then what was put before."""
        while self._frames or not self._closed:
            if not self._frames:
                self._more = trio.Event()
                await self._more.wait()
                continue
            await socket.send_text(self._frames[0].decode())
            self._ledger.leave(self._client, len(self._frames.popleft()))

    def drop(self) -> None:
        """Nothing more is sent."""
        self._closed = True
        while self._frames:
            self._ledger.leave(self._client, len(self._frames.popleft()))


class Calls:
    """How many calls of a socket are in progress."""

    def __init__(self, stream: GuardedStream) -> None:
        self._stream = stream
        self._count = 0
        self._fewer = trio.Event()

    async def begin(self) -> None:
        """Count one more, once there is room."""
        while self._count >= SOCKET_CALLS_MAX:
            self._fewer = trio.Event()
            await self._fewer.wait()
        self._count += 1

    def end(self, size: int) -> None:
        """One less, and what it held."""
        self._count -= 1
        self._fewer.set()
        self._stream.settle(size if self._count else None)


async def frames(socket: Any, stream: GuardedStream) -> AsyncIterator[bytes]:
    """The frames of a socket, as bytes, until it closes."""
    from starlette.websockets import WebSocketDisconnect

    while True:
        try:
            message = await socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return
        if message["type"] == "websocket.disconnect":
            return
        stream.finished()
        text = message.get("text")
        yield text.encode(errors="surrogatepass") if text is not None else message.get("bytes") or b""

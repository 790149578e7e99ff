"""Connections to an HTTP server: how many, what they may hold, and how long they may take.

Hypercorn reads and writes as fast as a peer does and has no bound on how much it holds for all of them; here each of
its connections gets a stream that counts. What a peer sends beyond a little is booked in a ledger that all share, and
more is read only when there is room; what it does not read in time ends its connection.
"""

from __future__ import annotations

import ctypes
import math
import socket as sockets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import trio
from thespis.runtime.errors import RuntimeFloorError

FREE_BYTES = 64 << 10
"""What each connection may send without being booked: an honest call, whatever others do."""
CHUNK_BYTES = 64 << 10
ROOM_WAIT_S = 5.0
"""Who brings more than there is room for waits so long; meanwhile it is not seen whether the peer is still there."""
SEND_GRACE_S = 15.0
SEND_BYTES_PER_S = 64 << 10
"""The slowest reader that is waited for: an answer takes the grace, and its length at this rate."""
WATCH_EVERY_S = 1.0
CLOSE_GRACE_S = 1.0
"""What handles a connection is cancelled so long after its end; it may hang on what nobody reads any more."""
KEEPALIVE = ((sockets.TCP_KEEPIDLE, 30), (sockets.TCP_KEEPINTVL, 10), (sockets.TCP_KEEPCNT, 3))
"""A caller that waits for long and is gone without a word is noticed within a minute."""


class HttpError(RuntimeFloorError):
    """The HTTP server could not start."""


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """What the connections of a server may be and hold, together and from one address."""

    connections: int = 512
    address_connections: int = 256
    held_bytes: int = 64 << 20
    address_held_bytes: int = 48 << 20
    read_s: float = 30.0
    """A body or a frame that is not whole by then ends its connection."""


class Ledger:
    """Bytes that are held, together and for each owner; whoever brings more waits for room."""

    def __init__(self, most: int, share: int) -> None:
        self._most = most
        self._share = share
        self._held: dict[str, int] = {}
        self.total = 0
        self._freed = trio.Event()

    def _fits(self, owner: str, count: int) -> bool:
        return self.total + count <= self._most and self._held.get(owner, 0) + count <= self._share

    async def enter(self, owner: str, count: int) -> None:
        """Book bytes once there is room."""
        while not self.enter_now(owner, count):
            await self.changed()

    async def changed(self) -> None:
        """Wait until there may be room, or another reason to look again."""
        await self._freed.wait()

    def wake(self) -> None:
        """Have everyone who waits look again."""
        self._freed.set()
        self._freed = trio.Event()

    def enter_now(self, owner: str, count: int) -> bool:
        """Book bytes if there is room."""
        if not self._fits(owner, count):
            return False
        self._book(owner, count)
        return True

    def _book(self, owner: str, count: int) -> None:
        self.total += count
        self._held[owner] = self._held.get(owner, 0) + count

    def leave(self, owner: str, count: int) -> None:
        """Bytes are held no more."""
        self.total -= count
        left = self._held.get(owner, 0) - count
        if left > 0:
            self._held[owner] = left
        else:
            self._held.pop(owner, None)
        self.wake()


class GuardedStream:
    """One connection's stream, as Hypercorn wants it, with a book of what was read and is not done with."""

    def __init__(self, stream: trio.SocketStream, address: str, ledger: Ledger, read_s: float) -> None:
        self.socket = stream.socket
        self.address = address
        self.scope = trio.CancelScope()
        self.busy = 0
        """Requests in progress; a connection without any is given up for a new one."""
        self.crowded = trio.Event()
        """There was no room for what the peer sends; the connection ends."""
        self._stream = stream
        self._ledger = ledger
        self._read_s = read_s
        self._read = self._booked = self._reserved = self._unfinished = 0
        self._reserving = False
        self._late_s = math.inf

    async def receive_some(self, most: int) -> bytes:
        """Read, and wait until what came has room."""
        data = bytes(await self._stream.receive_some(min(most, CHUNK_BYTES)))
        if not data:
            self.end_soon()  # Hypercorn would keep what it has for the connection until that had been idle long enough
        self._read += len(data)
        self._unfinished += len(data)
        if self._unfinished > FREE_BYTES:
            self._late_s = min(self._late_s, trio.current_time() + self._read_s)
        if data and self._read > FREE_BYTES:
            with trio.move_on_after(ROOM_WAIT_S) as patience:
                while not self._is_booked(len(data)):
                    if self._reserving:
                        patience.deadline = math.inf
                    await self._ledger.changed()
                return data
            self.crowded.set()
            await trio.sleep(CLOSE_GRACE_S)
            raise trio.BrokenResourceError("there is no room for what the peer sends")
        return data

    def _is_booked(self, count: int) -> bool:
        """Whether bytes have room: in what was reserved, or else now in the ledger."""
        if self._reserved >= count:
            self._reserved -= count
        elif not self._reserving and self._ledger.enter_now(self.address, count):
            self._booked += count
        else:
            return False
        return True

    async def reserve(self, count: int) -> None:
        """Wait for room for all of a body whose length is known: bodies half read would keep each other from ending."""
        if count > FREE_BYTES:
            self._reserving = True
            self._ledger.wake()
            try:
                await self._ledger.enter(self.address, count)
                self._booked += count
                self._reserved += count
            finally:
                self._reserving = False
                self._ledger.wake()

    def finished(self) -> None:
        """What was read is whole: a body, or a frame of a WebSocket."""
        self._unfinished, self._late_s = 0, math.inf

    def is_late(self) -> bool:
        """Whether something long is being read for too long."""
        return trio.current_time() > self._late_s

    def settle(self, count: int | None = None) -> None:
        """So many bytes of what was read are done with; all of them without a number."""
        if count is None:
            self._reserved = 0
        done = self._read if count is None else min(count, self._read)
        self._read -= done
        freed = min(done, self._booked) if count is not None else self._booked
        if freed:
            self._booked -= freed
            self._ledger.leave(self.address, freed)

    async def send_all(self, data: bytes) -> None:
        """Send within the time that its length allows; who reads slower loses the connection."""
        with trio.move_on_after(SEND_GRACE_S + len(data) / SEND_BYTES_PER_S):
            await self._stream.send_all(data)
            return
        await self.aclose()
        raise trio.BrokenResourceError("the peer does not read")

    async def send_eof(self) -> None:
        """Nothing more is sent."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close it, and soon cancel whatever still handles it."""
        self.settle()
        self.end_soon()
        await self._stream.aclose()

    def end_soon(self) -> None:
        """Let what is on its way out go, and end the connection, whatever handles it waits for."""
        self.scope.deadline = min(self.scope.deadline, trio.current_time() + CLOSE_GRACE_S)


class Connections:
    """Accepts connections within bounds and has Hypercorn serve each."""

    def __init__(self, bounds: ConnectionBounds) -> None:
        self._bounds = bounds
        self._ledger = Ledger(bounds.held_bytes, bounds.address_held_bytes)
        self._open: dict[GuardedStream, None] = {}

    async def serve(
        self, app: Any, host: str, port: int, config: Any, task_status: Any = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Listen until cancelled; tells the port, which the system chooses for 0."""
        from hypercorn.app_wrappers import ASGIWrapper
        from hypercorn.trio.tcp_server import TCPServer
        from hypercorn.trio.worker_context import WorkerContext
        from hypercorn.typing import ConnectionState

        plain_protocols_only()
        wrapped, context = ASGIWrapper(app), WorkerContext(None)

        async def handle(stream: trio.SocketStream) -> None:
            guarded = self._admit(stream)
            if guarded is None:
                await trio.aclose_forcefully(stream)
                return
            try:
                with guarded.scope:
                    await TCPServer(wrapped, config, context, ConnectionState({"connection": guarded}), guarded)  # type: ignore[arg-type]
            finally:
                self._open.pop(guarded, None)
                guarded.settle()
                await trio.aclose_forcefully(stream)

        listeners = await trio.open_tcp_listeners(port, host=host)
        task_status.started(int(listeners[0].socket.getsockname()[1]))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            await trio.serve_listeners(handle, listeners)

    async def _watch(self) -> None:
        """End the connections that take too long to say what they say."""
        was_held = 0
        while True:
            await trio.sleep(WATCH_EVERY_S)
            for late in [each for each in self._open if each.is_late()]:
                late.scope.cancel()
            if was_held and not self._ledger.total:
                give_memory_back()
            was_held = self._ledger.total

    def _admit(self, stream: trio.SocketStream) -> GuardedStream | None:
        """A connection's stream; None where there are too many, and none of them idle."""
        try:
            address = str(stream.socket.getpeername()[0])
        except OSError:
            return None
        stream.setsockopt(sockets.SOL_SOCKET, sockets.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            stream.setsockopt(sockets.IPPROTO_TCP, option, value)
        same = [each for each in self._open if each.address == address]
        if len(same) >= self._bounds.address_connections and not self._drop_idle(same):
            return None
        if len(self._open) >= self._bounds.connections and not self._drop_idle(list(self._open)):
            return None
        guarded = GuardedStream(stream, address, self._ledger, self._bounds.read_s)
        self._open[guarded] = None
        return guarded

    def _drop_idle(self, among: list[GuardedStream]) -> bool:
        """Give up the connection that is idle since longest ago."""
        idle = next((each for each in among if not each.busy), None)
        if idle is None:
            return False
        self._open.pop(idle)
        idle.scope.cancel()
        return True


def give_memory_back() -> None:
    """Have the allocator return what it keeps for more of the same, where it has a way to be told (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def read_body(request: Any, bytes_max: int, within_s: float) -> bytes | int:
    """A request's body, or the status to refuse it with: too long (413), too slow (408), no room for it (503).

    A connection whose body is refused ends, whatever else it sends.
    """
    stream: GuardedStream | None = request.scope.get("state", {}).get("connection")
    length = int(request.headers.get("content-length") or 0)
    found: list[bytes | int] = [413] if length > bytes_max else []
    if not found:
        with trio.move_on_after(within_s):
            await _read_whole(request, bytes_max, length, within_s / 2, stream, found)
    result = found[0] if found else 408
    if stream is not None and isinstance(result, int):
        stream.end_soon()
    return result


async def _read_whole(
    request: Any, bytes_max: int, length: int, wait_s: float, stream: GuardedStream | None, found: list[bytes | int]
) -> None:
    """Find the body, or the status to refuse it with; what is found first counts."""
    async with trio.open_nursery() as nursery:

        async def refuse(crowded: trio.Event) -> None:
            await crowded.wait()
            found.append(503)
            nursery.cancel_scope.cancel()

        if stream is not None:
            nursery.start_soon(refuse, stream.crowded)
            with trio.move_on_after(wait_s) as patience:
                await stream.reserve(length)
            if patience.cancelled_caught:
                found.append(503)
        if not found:
            found.append(await _whole(request, bytes_max))
        nursery.cancel_scope.cancel()


async def _whole(request: Any, bytes_max: int) -> bytes | int:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            return 413
    return bytes(body)


def plain_protocols_only() -> None:
    """HTTP/1.1 and WebSocket frames as they are, in Hypercorn, which cannot be told so.

    A compressed frame of 64 KiB may stand for 64 MiB, before any bound is looked at; and a connection that becomes
    HTTP/2 carries a hundred bodies.
    """
    from hypercorn.protocol import h11, ws_stream

    async def stay(_self: Any, _event: Any) -> None:
        return

    vars(ws_stream)["server_extensions_handshake"] = lambda _wanted, _offered: None
    h11.H11Protocol._check_protocol = stay  # type: ignore[method-assign, assignment]


async def serve_forever(app: Callable[..., Awaitable[None]], bind: str, bounds: ConnectionBounds) -> None:
    """Serve an application at ``host:port`` until cancelled, with short requests and nothing but them."""
    host, _, port = bind.rpartition(":")
    await Connections(bounds).serve(app, host or "127.0.0.1", int(port), hypercorn_config(1 << 16))


def hypercorn_config(message_bytes_max: int) -> Any:
    """Hypercorn's settings; times are bounded by the streams."""
    from hypercorn.config import Config

    config = Config()
    config.accesslog = config.errorlog = None
    config.h11_max_incomplete_size = FREE_BYTES
    config.keep_alive_timeout = 60
    config.max_app_queue_size = 1
    config.keep_alive_max_requests = 1 << 40
    config.read_timeout = None
    config.websocket_max_message_size = message_bytes_max
    config.websocket_ping_interval = 5.0
    return config

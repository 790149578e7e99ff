"""The HTTP server: JSON-RPC over POST and WebSocket, and plain pages for probes and metrics.

Starlette on Hypercorn on trio, in a thread of the Api's process. It bounds bodies, connections, waiting calls and time,
checks tokens and origins, and knows nothing of what the calls mean.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import trio
from thespis.runtime.environment import Deliver
from thespis.runtime.errors import RuntimeFloorError, said
from thespis.runtime.http.address import HttpAddress
from thespis.runtime.http.auth import READ_ONLY, TokenError, permissions_of
from thespis.runtime.http.port import CallArrived, ConnectionClosed, HttpSettings, PageArrived

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 3.0
FRAMES_WAITING_MAX = 1024
RPC_PATHS = ("/rpc/v0", "/rpc/v1")
METHODS = ("GET", "POST")
"""What pages of allowed origins may use; they send a token, no cookies."""
PAGES = ("/livez", "/readyz", "/healthz", "/metrics", "/debug/metrics")
TIMEOUT_BODY = b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"the node did not answer in time"}}'
BUSY_BODY = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"too many calls wait; try again"}}'

Answer = tuple[bytes, int, str]


class HttpError(RuntimeFloorError):
    """The HTTP server could not start."""


class HttpServerPort:
    """A running server."""

    def __init__(self, settings: HttpSettings, deliver: Deliver) -> None:
        self.settings = settings
        self.address = ""
        self._deliver = deliver
        self._waiting: dict[int, Callable[[Answer], None]] = {}
        self._sockets: dict[int, trio.MemorySendChannel[bytes]] = {}
        self._number = self._connection = 0
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope: trio.CancelScope | None = None
        self._closed = False
        ready: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="http", daemon=True)
        self._thread.start()
        self.address = ready.result(START_TIMEOUT_S)

    def _run(self, ready: Future[str]) -> None:
        try:
            trio.run(self._main, ready)
        except BaseException as error:
            if not ready.done():
                ready.set_exception(HttpError(f"cannot serve HTTP on {self.settings.address}: {said(error)}"))
            else:
                logger.exception("the HTTP server died")

    async def _main(self, ready: Future[str]) -> None:
        from hypercorn.config import Config
        from hypercorn.trio import serve

        address = HttpAddress.from_text(self.settings.address)
        self._token = trio.lowlevel.current_trio_token()
        config = Config()
        config.bind = [address.bind]
        config.accesslog = config.errorlog = None
        config.h11_max_incomplete_size = 64 << 10
        config.read_timeout = int(self.settings.request_timeout_s)
        config.graceful_timeout = 0.5
        config.shutdown_timeout = 0.5
        config.websocket_max_message_size = self.settings.body_bytes_max
        config.websocket_ping_interval = 5.0
        with trio.CancelScope() as self._scope:
            async with trio.open_nursery() as nursery:
                bound = await nursery.start(lambda task_status: serve(self._app(), config, task_status=task_status))
                chosen = str(bound[0]).rpartition(":")[2]
                ready.set_result(address.multiaddress(int(chosen)))

    # -- what the actor calls --------------------------------------------------------------------------------

    def respond(self, number: int, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        """Answer a call or a page; answers to calls that gave up are dropped."""

        def answer() -> None:
            waiting = self._waiting.pop(number, None)
            if waiting is not None:
                waiting((body, status, kind))

        self._post(answer)

    def push(self, connection: int, body: bytes) -> bool:
        """Send a frame to a WebSocket; one that does not read is closed."""
        channel = self._sockets.get(connection)
        if channel is None:
            return False

        def send() -> None:
            try:
                channel.send_nowait(body)
            except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
                channel.close()

        self._post(send)
        return True

    def close(self) -> None:
        """Stop listening and close every connection."""
        if self._closed:
            return
        self._closed = True
        scope = self._scope
        if scope is not None:
            self._post(scope.cancel)
        self._thread.join(STOP_TIMEOUT_S)

    def _post(self, function: Callable[[], Any]) -> None:
        try:
            assert self._token is not None
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            return

    # -- inside the server -----------------------------------------------------------------------------------

    def _app(self) -> Any:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.cors import CORSMiddleware
        from starlette.routing import Route, WebSocketRoute

        settings = self.settings
        routes = [
            *(Route(path, self._rpc, methods=["POST"]) for path in RPC_PATHS),
            *(WebSocketRoute(path, self._socket) for path in RPC_PATHS),
            *(Route(path, self._page, methods=["GET"]) for path in PAGES),
        ]
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=METHODS,
            allow_headers=["Authorization", "Content-Type"],
            allow_credentials=False,
        )
        return Starlette(routes=routes, middleware=[cors])

    async def _call(self, make: Callable[[int], Any]) -> Answer:
        """Hand an event to the actor and await its answer."""
        if len(self._waiting) >= self.settings.calls_waiting_max:
            return BUSY_BODY, 503, "application/json"
        self._number += 1
        number = self._number
        done = trio.Event()
        answers: list[Answer] = []

        def take(answer: Answer) -> None:
            answers.append(answer)
            done.set()

        self._waiting[number] = take
        self._deliver(make(number))
        with trio.move_on_after(self.settings.request_timeout_s):
            await done.wait()
            return answers[0]
        self._waiting.pop(number, None)
        return TIMEOUT_BODY, 504, "application/json"

    def _origin_allowed(self, headers: Any) -> bool:
        """Pages of other origins may not call, whether or not their browser asks first (seed-node, behaviour 185)."""
        origin = headers.get("origin")
        return origin is None or origin in self.settings.origins

    def _permissions(self, headers: Any, query: Any) -> tuple[str, ...]:
        header = headers.get("authorization", "")
        token = header.removeprefix("Bearer ").strip() if header else query.get("token", "")
        return permissions_of(token, self.settings.secret) if token else READ_ONLY

    async def _rpc(self, request: Any) -> Any:
        from starlette.responses import Response

        if not self._origin_allowed(request.headers):
            return Response("origin not allowed\n", 403)
        try:
            permissions = self._permissions(request.headers, request.query_params)
        except TokenError as error:
            return Response(f"{error}\n", 401)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.settings.body_bytes_max:
                return Response("the request is too large\n", 413)
        content, status, kind = await self._call(lambda number: CallArrived(number, 0, bytes(body), permissions))
        return Response(content, status, media_type=kind)

    async def _page(self, request: Any) -> Any:
        from starlette.responses import Response

        content, status, kind = await self._call(lambda number: PageArrived(number, request.url.path))
        return Response(content, status, media_type=kind)

    async def _socket(self, socket: Any) -> None:
        if not self._origin_allowed(socket.headers) or len(self._sockets) >= self.settings.connections_max:
            await socket.close(code=1008)
            return
        try:
            permissions = self._permissions(socket.headers, socket.query_params)
        except TokenError:
            await socket.close(code=1008)
            return
        await socket.accept()
        self._connection += 1
        connection = self._connection
        sender, receiver = trio.open_memory_channel[bytes](FRAMES_WAITING_MAX)
        self._sockets[connection] = sender
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write_socket, socket, receiver, nursery.cancel_scope)
                await self._read_socket(socket, connection, permissions, sender)
                nursery.cancel_scope.cancel()
        finally:
            self._sockets.pop(connection, None)
            self._deliver(ConnectionClosed(connection))

    async def _read_socket(self, socket: Any, connection: int, permissions: tuple[str, ...], sender: Any) -> None:
        from starlette.websockets import WebSocketDisconnect

        async with trio.open_nursery() as nursery:
            while True:
                try:
                    message = await socket.receive()
                except (WebSocketDisconnect, RuntimeError):
                    return
                if message["type"] == "websocket.disconnect":
                    nursery.cancel_scope.cancel()
                    return
                text = message.get("text")
                body = text.encode() if text is not None else message.get("bytes") or b""
                nursery.start_soon(self._socket_call, connection, body, permissions, sender)

    async def _socket_call(self, connection: int, body: bytes, permissions: tuple[str, ...], sender: Any) -> None:
        content, _status, _kind = await self._call(lambda n: CallArrived(n, connection, body, permissions))
        if content:
            try:
                sender.send_nowait(content)
            except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
                sender.close()

    async def _write_socket(self, socket: Any, receiver: Any, scope: trio.CancelScope) -> None:
        async for frame in receiver:
            await socket.send_text(frame.decode())
        scope.cancel()

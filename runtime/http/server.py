"""The HTTP server: JSON-RPC over POST and WebSocket, and plain pages for probes and metrics.

Starlette on Hypercorn on trio, in a thread of the Api's process. It bounds bodies, connections, waiting calls, answers
and time, checks tokens and origins, and knows nothing of what the calls mean.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio
from thespis.runtime.environment import Deliver
from thespis.runtime.errors import said
from thespis.runtime.http.address import HttpAddress
from thespis.runtime.http.auth import READ_ONLY, TokenError, permissions_of
from thespis.runtime.http.connections import (
    CLOSE_GRACE_S,
    ConnectionBounds,
    Connections,
    GuardedStream,
    HttpError,
    Ledger,
    hypercorn_config,
    read_body,
)
from thespis.runtime.http.port import CallArrived, CallGone, ConnectionClosed, HttpSettings, PageArrived
from thespis.runtime.http.sockets import Calls, Outbox, frames

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 3.0
RPC_PATHS = ("/rpc/v0", "/rpc/v1")
METHODS = ("GET", "POST")
"""What pages of allowed origins may use; they send a token, no cookies."""
PAGES = ("/livez", "/readyz", "/healthz", "/health/livez", "/health/readyz", "/metrics", "/debug/metrics")
TIMEOUT_BODY = b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"the node did not answer in time"}}'
BUSY_BODY = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"too many calls wait; try again"}}'
UNREAD_BODY = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"too many answers are unread"}}'

Answer = tuple[bytes, int, str]
BUSY: Answer = (BUSY_BODY, 503, "application/json")


@dataclass
class _Waiting:
    """A call that was handed to the actor."""

    client: str
    give: Callable[[Answer], None]
    scope: trio.CancelScope


class HttpServerPort:
    """A running server."""

    def __init__(self, settings: HttpSettings, deliver: Deliver) -> None:
        self.settings = settings
        self.address = ""
        self._deliver = deliver
        self._waiting: dict[int, _Waiting] = {}
        self._sockets: dict[int, Outbox] = {}
        self._number = self._connection = 0
        self._unread: Ledger
        self._port = 0
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
        settings = self.settings
        address = HttpAddress.from_text(settings.address)
        self._token = trio.lowlevel.current_trio_token()
        self._unread = Ledger(settings.answers_bytes_max, settings.answers_bytes_max * 3 // 4)
        connections = Connections(
            ConnectionBounds(
                settings.connections_max,
                settings.address_connections_max,
                settings.bodies_bytes_max,
                settings.bodies_bytes_max * 3 // 4,
                settings.body_timeout_s + CLOSE_GRACE_S,
            )
        )
        with trio.CancelScope() as self._scope:
            async with trio.open_nursery() as nursery:
                config = hypercorn_config(settings.body_bytes_max)
                self._port = await nursery.start(connections.serve, self._app(), address.host, address.port, config)
                ready.set_result(address.multiaddress(self._port))

    # -- what the actor calls --------------------------------------------------------------------------------

    def taken(self, number: int) -> None:
        """Wait for the answer to a call as long as its caller does."""

        def take() -> None:
            waiting = self._waiting.get(number)
            if waiting is not None:
                waiting.scope.deadline = math.inf

        self._post(take)

    def respond(self, number: int, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        """Answer a call or a page; answers to calls that gave up are dropped."""

        def answer() -> None:
            waiting = self._waiting.pop(number, None)
            if waiting is not None:
                waiting.give((body, status, kind))

        self._post(answer)

    def push(self, connection: int, body: bytes) -> bool:
        """Send a frame to a WebSocket; one that does not read is closed."""
        outbox = self._sockets.get(connection)
        if outbox is None:
            return False
        self._post(lambda: outbox.put(body))
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
            allow_headers=["*"],
            allow_credentials=False,
        )
        return Starlette(routes=routes, middleware=[cors])

    def _begin(self, client: str, give: Callable[[Answer], None], make: Callable[[int], Any]) -> int:
        """Hand an event to the actor; 0 where too many wait, together or of this client."""
        same = sum(waiting.client == client for waiting in self._waiting.values())
        if len(self._waiting) >= self.settings.calls_waiting_max or same >= self.settings.client_calls_max:
            return 0
        self._number += 1
        scope = trio.CancelScope(deadline=trio.current_time() + self.settings.request_timeout_s)
        self._waiting[self._number] = _Waiting(client, give, scope)
        self._deliver(make(self._number))
        return self._number

    async def _call(self, client: str, make: Callable[[int], Any]) -> Answer:
        """Hand an event to the actor and await its answer."""
        done = trio.Event()
        answers: list[Answer] = []

        def give(answer: Answer) -> None:
            answers.append(answer)
            done.set()

        number = self._begin(client, give, make)
        if not number:
            return BUSY
        try:
            with self._waiting[number].scope:
                await done.wait()
        finally:
            if self._waiting.pop(number, None) is not None:
                self._deliver(CallGone(number))
        return answers[0] if answers else (TIMEOUT_BODY, 504, "application/json")

    def _origin_allowed(self, headers: Any) -> bool:
        """Pages of other origins may not call, whether or not their browser asks first (seed-node, behaviour 185).

        The node's own origin is a literal address or localhost: a name could be made to point here by anyone.
        """
        origin = headers.get("origin")
        if origin is None or origin in self.settings.origins or "*" in self.settings.origins:
            return True
        host = headers.get("host", "")
        return origin == f"http://{host}" and host.rpartition(":")[2] == str(self._port) and _is_literal(host)

    def _permissions(self, headers: Any, query: Any) -> tuple[tuple[str, ...], str]:
        """What the caller's token grants, and a name for those who bear it."""
        header = headers.get("authorization", "")
        token = header.removeprefix("Bearer ").strip() if header else query.get("token", "")
        if not token:
            return READ_ONLY, ""
        return permissions_of(token, self.settings.secret), f"token {hashlib.sha256(token.encode()).hexdigest()[:16]}"

    async def _rpc(self, request: Any) -> Any:
        from starlette.responses import Response

        if not self._origin_allowed(request.headers):
            return Response("origin not allowed\n", 403)
        try:
            permissions, bearer = self._permissions(request.headers, request.query_params)
        except TokenError as error:
            return Response(f"{error}\n", 401)
        stream: GuardedStream = request.scope["state"]["connection"]
        client, path = bearer or f"address {stream.address}", request.url.path
        stream.busy += 1
        try:
            body = await read_body(request, self.settings.body_bytes_max, self.settings.body_timeout_s)
            if isinstance(body, int):
                return Response(
                    "the request is too large, too slow, or there is no room for it now\n",
                    body,
                    headers={"Connection": "close"},
                )
            stream.finished()
            content, status, kind = await self._call_while_there(
                request, client, lambda number: CallArrived(number, 0, body, permissions, client, path)
            )
            stream.settle()
            if not self._unread.enter_now(client, len(content)):
                return Response(UNREAD_BODY, 503, media_type=kind)
        finally:
            stream.busy -= 1
        return _Counted(Response(content, status, media_type=kind), stream, self._unread, client, len(content))

    async def _call_while_there(self, request: Any, client: str, make: Callable[[int], Any]) -> Answer:
        """The answer to a call, given up when its caller hangs up."""
        answer: Answer = BUSY
        async with trio.open_nursery() as nursery:

            async def watch() -> None:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                nursery.cancel_scope.cancel()

            nursery.start_soon(watch)
            answer = await self._call(client, make)
            nursery.cancel_scope.cancel()
        return answer

    async def _page(self, request: Any) -> Any:
        from starlette.responses import Response

        client = f"page of {request.scope['state']['connection'].address}"
        content, status, kind = await self._call(client, lambda number: PageArrived(number, request.url.path))
        return Response(content, status, media_type=kind)

    async def _socket(self, socket: Any) -> None:
        if not self._origin_allowed(socket.headers):
            await socket.close(code=1008)
            return
        try:
            permissions, bearer = self._permissions(socket.headers, socket.query_params)
        except TokenError:
            await socket.close(code=1008)
            return
        stream: GuardedStream = socket.scope["state"]["connection"]
        client, path = bearer or f"address {stream.address}", socket.url.path
        stream.busy += 1
        await socket.accept()
        self._connection += 1
        connection = self._connection
        outbox = self._sockets[connection] = Outbox(client, self._unread)
        calls = Calls(stream)
        numbers: set[int] = set()

        async def take(body: bytes) -> None:
            """Hand a frame over; its answer goes out in the order in which it is given."""
            await calls.begin()
            number = 0

            def give(answer: Answer) -> None:
                numbers.discard(number)
                calls.end(len(body))
                if answer[0]:
                    outbox.put(answer[0])

            event = lambda number: CallArrived(number, connection, body, permissions, client, path)  # noqa: E731
            number = self._begin(client, give, event)
            if number:
                numbers.add(number)
            else:
                give(BUSY)

        try:
            async with trio.open_nursery() as nursery:

                async def write() -> None:
                    await outbox.send(socket)
                    nursery.cancel_scope.cancel()

                nursery.start_soon(write)
                async for body in frames(socket, stream):
                    await take(body)
                nursery.cancel_scope.cancel()
        finally:
            stream.busy -= 1
            del self._sockets[connection]
            for number in numbers:
                self._waiting.pop(number, None)
            outbox.drop()
            self._deliver(ConnectionClosed(connection))


class _Counted:
    """A response whose bytes are held until they are sent."""

    def __init__(self, response: Any, stream: GuardedStream, ledger: Ledger, client: str, size: int) -> None:
        self._response = response
        self._stream = stream
        self._leave = partial(ledger.leave, client, size)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._stream.busy += 1
        try:
            await self._response(scope, receive, send)
        finally:
            self._stream.busy -= 1
            self._leave()


def _is_literal(host: str) -> bool:
    name = host.rpartition(":")[0].strip("[]")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    return True

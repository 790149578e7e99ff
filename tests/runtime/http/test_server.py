"""The HTTP server over real sockets: auth, origins, bounds, WebSockets."""

import threading
import time

import httpx
import pytest
from thespis.runtime.http import sockets as sockets_module
from thespis.runtime.http.address import HttpAddress
from thespis.runtime.http.auth import PERMISSIONS, TokenError, new_token, permissions_of
from thespis.runtime.http.port import CallArrived, ConnectionClosed, HttpSettings, PageArrived
from thespis.runtime.http.server import HttpError, HttpServerPort

pytestmark = pytest.mark.slow
SECRET = b"s" * 32
ORIGIN = "http://localhost:8080"


class Served:
    """A server whose calls are answered with what they said, or kept."""

    def __init__(self, **changes):
        self.events = []
        self.hold = False
        defaults = {"address": "/ip4/127.0.0.1/tcp/0/http", "secret": SECRET, "origins": (ORIGIN,)}
        self.port = HttpServerPort(HttpSettings(**(defaults | changes)), self.take)
        self.url = HttpAddress.from_text(self.port.address).url

    def take(self, event):
        self.events.append(event)
        if self.hold:
            return
        if isinstance(event, CallArrived):
            self.port.respond(event.number, ",".join(event.permissions).encode() + b" " + event.body)
        elif isinstance(event, PageArrived):
            self.port.respond(event.number, event.path.encode(), 200, "text/plain")


@pytest.mark.behaviour(203)
def test_tokens_grant_what_they_say(served):
    url = served().url + "/rpc/v1"
    assert httpx.post(url, content=b"x").text == "read x"
    admin = {"Authorization": f"Bearer {new_token(SECRET, PERMISSIONS)}"}
    assert httpx.post(url, content=b"x", headers=admin).text == "read,write,sign,admin x"
    assert httpx.post(f"{url}?token={new_token(SECRET, ('sign',))}", content=b"x").text == "sign x"
    forged = {"Authorization": f"Bearer {new_token(b'o' * 32, ('admin',))}"}
    assert httpx.post(url, content=b"x", headers=forged).status_code == 401
    assert httpx.post(url, content=b"x", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_tokens_that_are_none():
    with pytest.raises(TokenError):
        permissions_of("x.y.z", SECRET)
    with pytest.raises(TokenError, match="permissions"):
        new_token(SECRET, ("everything",))
    with pytest.raises(TokenError):
        new_token(SECRET, ())


@pytest.mark.behaviour(185)
def test_pages_of_other_origins_may_not_call(served):
    url = served().url
    allowed = httpx.post(url + "/rpc/v0", content=b"x", headers={"Origin": ORIGIN})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert httpx.post(url + "/rpc/v0", content=b"x", headers={"Origin": "http://evil"}).status_code == 403
    assert httpx.get(url + "/api/daemon").status_code == 404
    assert httpx.get(url + "/api/init").status_code == 404
    assert httpx.get(url + "/debug/pprof/").status_code == 404


def test_pages(served):
    url = served().url
    for page in ("/livez", "/readyz", "/healthz", "/health/livez", "/health/readyz", "/metrics"):
        assert httpx.get(url + page).text == page


def test_bodies_waits_and_calls_are_bounded(served):
    server = served(body_bytes_max=1000, request_timeout_s=3.0, calls_waiting_max=3)
    url = server.url + "/rpc/v1"
    assert httpx.post(url, content=bytes(2000)).status_code == 413
    server.hold = True
    threads = [threading.Thread(target=httpx.post, args=(url,), kwargs={"content": b"x"}) for _ in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5
    while sum(isinstance(event, CallArrived) for event in server.events) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert httpx.post(url, content=b"x").status_code == 503
    for thread in threads:
        thread.join()
    assert httpx.post(url, content=b"x").status_code == 504
    server.hold = False
    assert httpx.post(url, content=b"x").status_code == 200


def test_a_websocket_carries_calls_and_pushes(served):
    import trio
    from trio_websocket import open_websocket_url

    server = served()

    async def talk():
        async with open_websocket_url(server.url.replace("http", "ws") + "/rpc/v1") as socket:
            await socket.send_message("hello")
            assert await socket.get_message() == "read hello"
            [call] = [event for event in server.events if isinstance(event, CallArrived)]
            assert call.connection > 0
            assert server.port.push(call.connection, b"pushed")
            assert await socket.get_message() == "pushed"
            return call.connection

    connection = trio.run(talk)
    deadline = time.monotonic() + 5
    while ConnectionClosed(connection) not in server.events and time.monotonic() < deadline:
        time.sleep(0.02)
    assert ConnectionClosed(connection) in server.events
    assert not server.port.push(connection, b"late")


def test_a_taken_port_and_odd_addresses_are_named(served):
    first = served()
    port = HttpAddress.from_text(first.port.address).port
    with pytest.raises(HttpError, match="cannot serve"):
        served(address=f"/ip4/127.0.0.1/tcp/{port}/http")
    with pytest.raises(HttpError, match="Address already in use"):
        served(address=f"/ip4/127.0.0.1/tcp/{port}/http")


def test_a_server_listens_on_the_sixth_version_too(served):
    server = served(address="/ip6/::1/tcp/0/http")
    assert server.port.address.startswith("/ip6/::1/tcp/")
    assert httpx.get(server.url + "/nothing").status_code == 404


def test_closing_is_quick_and_twice_is_no_error(served):
    server = served()
    httpx.get(server.url + "/livez")
    started = time.monotonic()
    server.port.close()
    server.port.close()
    assert time.monotonic() - started < 4
    with pytest.raises(httpx.HTTPError):
        httpx.get(server.url + "/livez")


def test_frames_for_a_websocket_that_does_not_read_are_bounded(served, monkeypatch):
    """One is being sent, two more wait; what comes then is dropped, and the connection ends after those three."""
    import trio
    from trio_websocket import ConnectionClosed as SocketClosed
    from trio_websocket import open_websocket_url

    assert sockets_module.FRAMES_WAITING_MAX == 1024
    monkeypatch.setattr(sockets_module, "FRAMES_WAITING_MAX", 2)
    server = served()
    frame = b"f" * (8 << 20)

    async def talk():
        url = server.url.replace("http", "ws") + "/rpc/v1"
        async with open_websocket_url(url, max_message_size=len(frame)) as socket:
            await socket.send_message("hello")
            await socket.get_message()
            [call] = [event for event in server.events if isinstance(event, CallArrived)]
            for _ in range(12):
                assert server.port.push(call.connection, frame)
            got = 0
            with pytest.raises(SocketClosed):
                for _ in range(12):
                    await socket.get_message()
                    got += 1
            return call.connection, got

    connection, got = trio.run(talk)
    assert got <= 3
    deadline = time.monotonic() + 5
    while ConnectionClosed(connection) not in server.events and time.monotonic() < deadline:
        time.sleep(0.02)
    assert ConnectionClosed(connection) in server.events

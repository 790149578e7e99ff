"""What the connections of a server may be and hold: numbers, bytes and times, over real sockets."""

import json
import socket
import threading
import time

import httpx
import pytest
from thespis.runtime.http import connections as connections_module
from thespis.runtime.http import sockets as sockets_module
from thespis.runtime.http.address import HttpAddress
from thespis.runtime.http.port import CallArrived, CallGone, ConnectionClosed, HttpSettings, PageArrived
from thespis.runtime.http.server import HttpServerPort

pytestmark = pytest.mark.slow
SECRET = b"s" * 32
WAIT_S = 20


class Served:
    """A server whose calls are echoed, or kept."""

    def __init__(self, **changes):
        self.events, self.hold = [], False
        defaults = {"address": "/ip4/127.0.0.1/tcp/0/http", "secret": SECRET}
        self.port = HttpServerPort(HttpSettings(**(defaults | changes)), self.take)
        address = HttpAddress.from_text(self.port.address)
        self.url, self.place = address.url, (address.host, address.port)

    def take(self, event):
        self.events.append(event)
        if isinstance(event, CallArrived):
            self.port.taken(event.number)
            if not self.hold:
                self.port.respond(event.number, event.body)
        elif isinstance(event, PageArrived):
            self.port.respond(event.number, b"ok", 200, "text/plain")

    def connect(self, *parts):
        stream = socket.create_connection(self.place, timeout=WAIT_S)
        for part in parts:
            stream.sendall(part)
        return stream

    def seen(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def head(length, path="/rpc/v1"):
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path.encode(), length)


def first_line(stream):
    stream.settimeout(WAIT_S)
    try:
        return stream.recv(1 << 16)
    except OSError:
        return b""


def is_closed(stream):
    stream.settimeout(WAIT_S)
    try:
        while stream.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    return True


def test_a_body_that_trickles_ends_its_connection(served):
    """However often a byte comes: what counts is when it is whole."""
    server = served(body_timeout_s=1.0)
    stream = server.connect(head(1 << 20), b"x")
    over = threading.Event()

    def trickle():
        while not over.wait(0.2):
            try:
                stream.sendall(b"x")
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        assert stream.recv(1 << 16).startswith(b"HTTP/1.1 408")
        assert is_closed(stream)
    finally:
        over.set()
        thread.join()
    assert httpx.post(server.url + "/rpc/v1", content=b"honest").content == b"honest"


def test_unfinished_bodies_hold_so_many_bytes_and_an_honest_call_is_answered_beside_them(served, monkeypatch):
    monkeypatch.setattr(connections_module, "ROOM_WAIT_S", 1.0)
    server = served(bodies_bytes_max=1 << 20, body_timeout_s=60.0)
    streams = []
    for _ in range(8):
        stream = server.connect(head(4 << 20))
        stream.settimeout(0.5)
        streams.append(stream)
        with pytest.raises((TimeoutError, ConnectionError)):
            for _ in range(64):
                stream.sendall(bytes(1 << 20))
    assert httpx.post(server.url + "/rpc/v1", content=b"honest").content == b"honest"
    assert httpx.post(server.url + "/rpc/v1", content=bytes(600_000), timeout=WAIT_S).status_code == 200
    for stream in streams:
        stream.close()


def test_long_bodies_wait_for_each_other_and_all_are_taken(served):
    """Each waits for room for all of it: were they half read, none would end."""
    server = served(bodies_bytes_max=1 << 20)
    statuses = []

    def post():
        statuses.append(httpx.post(server.url + "/rpc/v1", content=bytes(700_000), timeout=WAIT_S).status_code)

    threads = [threading.Thread(target=post) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 12


def test_what_was_refused_early_leaves_nothing_behind(served):
    """Who goes on sending after a refusal keeps neither a task nor a place."""
    server = served(body_bytes_max=1000, connections_max=4, address_connections_max=4)
    for _ in range(12):
        stream = server.connect(b"POST /rpc/v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(200):
                stream.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
        except OSError:
            pass
        stream.close()
    until(lambda: httpx.post(server.url + "/rpc/v1", content=b"honest").status_code == 200)


def test_connections_are_bounded_and_idle_ones_make_room(served):
    server = served(connections_max=3, address_connections_max=3)
    idle = [server.connect() for _ in range(3)]
    time.sleep(0.2)
    assert httpx.post(server.url + "/rpc/v1", content=b"honest").content == b"honest"
    assert is_closed(idle[0])
    for each in idle:
        each.close()
    time.sleep(2 * connections_module.CLOSE_GRACE_S)
    server.hold = True
    busy = [server.connect(head(1), b"x") for _ in range(3)]
    until(lambda: len(server.seen(CallArrived)) == 4)
    with pytest.raises(httpx.HTTPError):
        httpx.post(server.url + "/rpc/v1", content=b"one more")
    for each in busy:
        each.close()
    until(lambda: len(server.seen(CallGone)) == 3)


def test_a_call_is_given_up_when_its_caller_hangs_up_and_waits_as_long_as_it_does(served):
    server = served(request_timeout_s=0.5)
    server.hold = True
    stream = server.connect(head(1), b"x")
    until(lambda: server.seen(CallArrived))
    time.sleep(1.0)
    assert not server.seen(CallGone), "a call that was taken up has no bound but its caller's"
    stream.close()
    until(lambda: server.seen(CallGone))
    assert server.seen(CallGone) == [CallGone(server.seen(CallArrived)[0].number)]


def test_a_reader_that_does_not_read_loses_its_connection(served, monkeypatch):
    monkeypatch.setattr(connections_module, "SEND_GRACE_S", 0.5)
    monkeypatch.setattr(connections_module, "SEND_BYTES_PER_S", 1 << 30)
    size = 12 << 20
    server = served()
    stream = server.connect(head(size))
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.sendall(bytes(size))
    until(lambda: server.seen(CallArrived))
    until(lambda: server.port._unread.total == 0)
    stream.close()


def test_answers_that_nobody_reads_are_bounded_in_bytes(served):
    size = 12 << 20
    server = served(answers_bytes_max=2 * size)
    streams = []
    for number in range(3):
        stream = server.connect(head(size))
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.sendall(bytes(size))
        streams.append(stream)
        until(lambda number=number: len(server.seen(CallArrived)) == number + 1)
    until(lambda: any(each.recv(20).startswith(b"HTTP/1.1 503") for each in streams[1:]))
    for each in streams:
        each.close()
    until(lambda: server.port._unread.total == 0)


def test_calls_of_one_client_are_bounded_beside_others(served):
    server = served(client_calls_max=2)
    server.hold = True
    streams = [server.connect(head(1), b"x") for _ in range(2)]
    until(lambda: len(server.seen(CallArrived)) == 2)
    assert httpx.post(server.url + "/rpc/v1", content=b"x").status_code == 503
    assert httpx.get(server.url + "/livez").text == "ok"
    from thespis.runtime.http.auth import new_token

    token = {"Authorization": f"Bearer {new_token(SECRET, ('read',))}"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(server.url + "/rpc/v1", content=b"x", headers=token, timeout=0.5)
    assert len({event.client for event in server.seen(CallArrived)}) == 2
    for each in streams:
        each.close()


# -- WebSockets ----------------------------------------------------------------------------------------------


def upgrade(origin=""):
    line = f"Origin: {origin}\r\n" if origin else ""
    return (
        f"GET /rpc/v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{line}"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    ).encode()


def frame(body):
    assert len(body) < 126
    return bytes([0x81, 0x80 | len(body)]) + bytes(4) + body


def long_frame_head(length):
    return b"\x81\xff" + length.to_bytes(8, "big") + bytes(4)


def test_frames_are_not_compressed(served):
    """A compressed frame of a few bytes may stand for any number of them."""
    answer = served().connect(upgrade()).recv(4096)
    assert answer.startswith(b"HTTP/1.1 101")
    assert b"permessage-deflate" not in answer


def test_a_frame_that_trickles_ends_its_connection(served):
    server = served(body_timeout_s=1.0)
    stream = server.connect(upgrade())
    assert stream.recv(4096).startswith(b"HTTP/1.1 101")
    stream.sendall(long_frame_head(1 << 20) + bytes(100_000))
    assert is_closed(stream)
    until(lambda: server.seen(ConnectionClosed))


def test_calls_of_one_socket_are_bounded_and_the_next_frame_waits(served, monkeypatch):
    assert sockets_module.SOCKET_CALLS_MAX == 256
    monkeypatch.setattr(sockets_module, "SOCKET_CALLS_MAX", 2)
    server = served()
    server.hold = True
    stream = server.connect(upgrade())
    stream.recv(4096)
    for body in (b"1", b"2", b"3"):
        stream.sendall(frame(body))
    until(lambda: len(server.seen(CallArrived)) == 2)
    time.sleep(0.3)
    first, _second = server.seen(CallArrived)
    server.port.respond(first.number, b"answer")
    until(lambda: [event.body for event in server.seen(CallArrived)] == [b"1", b"2", b"3"])


def test_an_answer_goes_out_before_what_is_pushed_after_it(served):
    server = served()
    server.hold = True
    stream = server.connect(upgrade())
    stream.recv(4096)
    for number in range(50):
        stream.sendall(frame(b"%d" % number))
        until(lambda number=number: len(server.seen(CallArrived)) == number + 1)
        call = server.seen(CallArrived)[-1]
        server.port.respond(call.number, json.dumps(["answer", number]).encode())
        server.port.push(call.connection, json.dumps(["pushed", number]).encode())
    expected = [[kind, number] for number in range(50) for kind in ("answer", "pushed")]
    got, data = [], b""
    while len(got) < len(expected):
        data += stream.recv(1 << 16)
        while len(data) >= 2 and len(data) >= 2 + data[1]:
            if data[0] == 0x81:
                got.append(json.loads(data[2 : 2 + data[1]]))
            data = data[2 + data[1] :]
    assert got == expected


def test_who_sends_without_a_length_is_sent_away_where_there_is_no_room(served, monkeypatch):
    monkeypatch.setattr(connections_module, "ROOM_WAIT_S", 0.5)
    server = served(bodies_bytes_max=200_000)
    stream = server.connect(b"POST /rpc/v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    stream.settimeout(0.5)
    with pytest.raises((TimeoutError, ConnectionError)):
        for _ in range(200):
            stream.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
    assert first_line(stream).startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize(
    ("origins", "origin", "host", "allowed"),
    [
        ((), "http://127.0.0.1:{port}", "127.0.0.1:{port}", True),
        ((), "http://localhost:{port}", "localhost:{port}", True),
        ((), "http://127.0.0.1:1", "127.0.0.1:{port}", False),
        ((), "http://evil.example:{port}", "evil.example:{port}", False),
        (("*",), "http://evil.example", "127.0.0.1:{port}", True),
        (("http://page:1",), "http://page:1", "127.0.0.1:{port}", True),
    ],
)
def test_pages_of_the_node_itself_and_of_allowed_origins_may_call(served, origins, origin, host, allowed):
    """A name that leads here is not the node's: whoever owns the name chose where it leads."""
    server = served(origins=origins)
    origin, host = (text.format(port=server.place[1]) for text in (origin, host))
    answer = httpx.post(server.url + "/rpc/v1", content=b"x", headers={"Origin": origin, "Host": host})
    assert (answer.status_code == 200) is allowed
    asked = upgrade(origin).replace(b"Host: x", f"Host: {host}".encode())
    assert server.connect(asked).recv(4096).startswith(b"HTTP/1.1 101" if allowed else b"HTTP/1.1 403")
    if "*" in origins:
        wanted = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-any"}
        before = httpx.options(server.url + "/rpc/v1", headers=wanted)
        assert before.headers["access-control-allow-origin"] == "*"
        assert before.status_code == 200

"""The admin channel, on its own: what is too large never reaches the node, and the next is answered."""

import threading

import pytest
import zmq
from thespis.runtime import admin
from thespis.runtime.actor.envelopes import Failure
from thespis.runtime.actor.message import REGISTRY


@pytest.fixture
def server(tmp_path, monkeypatch):
    assert admin.REQUEST_BYTES_MAX == 1 << 20
    monkeypatch.setattr(admin, "REQUEST_BYTES_MAX", 1000)
    found = admin.AdminServer(tmp_path, lambda body: body)
    over = threading.Event()

    def serve():
        while not over.is_set():
            found.serve(0.05)

    thread = threading.Thread(target=serve)
    thread.start()
    yield tmp_path
    over.set()
    thread.join()
    found.close()


def send(run, data, wait_ms):
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(f"ipc://{run}/{admin.SOCKET_NAME}")
        socket.send(data)
        return REGISTRY.decode(socket.recv()) if socket.poll(wait_ms) else None


def test_a_request_has_a_bounded_number_of_bytes(server):
    assert isinstance(send(server, bytes(1000), 5000), Failure), "read, and not understood"
    assert send(server, bytes(1001), 300) is None
    assert isinstance(send(server, bytes(1000), 5000), Failure)

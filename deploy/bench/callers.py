"""What a hostile client of the API does, without a token, over plain HTTP and WebSockets of its own making."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from thespis.runtime.http.address import HttpAddress

CLIENTS = 40
UNFINISHED = 80
BODY_BYTES = 8 << 20
BATCH = 100
CHANNELS = 1000
TRICKLE_S = 0.2
MINER = "f01000"
PREFIX = "API "
"""Of the names of these floods: an honest client of the API is measured beside them, and no peer."""
TIMEOUT_S = 2.0
HOSTILE: tuple[Any, ...] = (
    None, True, -1, 1 << 62, 1 << 64, 10**400, 0.5, "\ud800", "x" * 5000, "f0", [], [[]], [None] * 1000, {},
    {"/": "\ud800"},
)  # fmt: skip
"""Parameters that nobody honest sends."""

Flood = Callable[[float], None]


def request(method: str, *params: Any, identity: Any = 1) -> dict[str, Any]:
    """One JSON-RPC call."""
    return {"jsonrpc": "2.0", "id": identity, "method": f"Filecoin.{method}", "params": list(params)}


class Callers:
    """Hostile clients of one API."""

    def __init__(self, api: str) -> None:
        self._api = HttpAddress.from_text(api)

    def floods(self) -> dict[str, Flood]:
        """Each by its name."""
        return {
            PREFIX + "batches of long calls": self._crowd(self._batches),
            PREFIX + "calls that cannot end": self._crowd(self._endless),
            PREFIX + "bodies that trickle": self._trickling,
            PREFIX + "batches of 8 MB": self._crowd(self._large),
            PREFIX + "hostile parameters": self._crowd(self._hostile),
            PREFIX + "signatures to verify": self._crowd(self._signatures),
            PREFIX + "channels": self._crowd(self._channels),
            PREFIX + "frames": self._crowd(self._frames),
        }

    def _crowd(self, attack: Flood) -> Flood:
        """As many at once as there are clients."""

        def flood(seconds: float) -> None:
            threads = [threading.Thread(target=attack, args=(seconds,)) for _ in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        return flood

    def _connect(self) -> socket.socket:
        return socket.create_connection((self._api.host, self._api.port), timeout=TIMEOUT_S)

    def _post(self, body: bytes) -> None:
        with self._connect() as stream:
            stream.sendall(_head(len(body)) + body)
            while stream.recv(1 << 16):
                pass

    def _repeat(self, seconds: float, body: bytes) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                self._post(body)

    def _batches(self, seconds: float) -> None:
        calls = [request("StateMinerDeadlines", MINER, [], identity=number) for number in range(BATCH)]
        self._repeat(seconds, json.dumps(calls).encode())

    def _endless(self, seconds: float) -> None:
        self._repeat(seconds, json.dumps(request("MinerGetBaseInfo", MINER, 1 << 62, [])).encode())

    def _large(self, seconds: float) -> None:
        padding = "x" * (BODY_BYTES // BATCH)
        calls = [request("WalletValidateAddress", padding, identity=number) for number in range(BATCH)]
        self._repeat(seconds, json.dumps(calls).encode())

    def _hostile(self, seconds: float) -> None:
        calls = [
            request(method, *(value for _ in range(count)))
            for method, count in (("StateGetActor", 2), ("ChainGetTipSetByHeight", 2), ("ChainGetBlock", 1))
            for value in HOSTILE
        ]  # fmt: skip
        self._repeat(seconds, json.dumps(calls).encode())

    def _signatures(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            data = base64.b64encode(os.urandom(1 << 20)).decode()
            signature = {"Type": 2, "Data": base64.b64encode(os.urandom(96)).decode()}
            with contextlib.suppress(OSError):
                self._post(json.dumps(request("WalletVerify", "f3" + "a" * 84, data, signature)).encode())

    def _trickling(self, seconds: float) -> None:
        streams = []
        for _ in range(UNFINISHED):
            with contextlib.suppress(OSError):
                stream = self._connect()
                streams.append(stream)
                stream.settimeout(TRICKLE_S)
                stream.sendall(_head(BODY_BYTES) + bytes(BODY_BYTES - 1000))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for stream in streams:
                with contextlib.suppress(OSError):
                    stream.sendall(b" ")
            time.sleep(TRICKLE_S)
        for stream in streams:
            stream.close()

    # -- WebSockets ------------------------------------------------------------------------------------------

    def _socket(self) -> socket.socket:
        stream = self._connect()
        stream.sendall(
            b"GET /rpc/v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)) + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        if b" 101 " not in stream.recv(4096):
            stream.close()
            raise ConnectionRefusedError("no WebSocket")
        return stream

    def _channels(self, seconds: float) -> None:
        """As many channels as go, and each cancelled by a name that is another's."""
        end = time.monotonic() + seconds
        with contextlib.suppress(OSError), self._socket() as stream:
            for number in range(CHANNELS // CLIENTS):
                stream.sendall(_frame(json.dumps(request("ChainNotify", identity=number)).encode()))
                cancel = {"jsonrpc": "2.0", "method": "xrpc.cancel", "params": [number + 1]}
                stream.sendall(_frame(json.dumps(cancel).encode()))
            while time.monotonic() < end:
                stream.recv(1 << 16)

    def _frames(self, seconds: float) -> None:
        """Long frames as fast as they go, whose answers nobody reads."""
        end = time.monotonic() + seconds
        frame = _frame(json.dumps(request("WalletValidateAddress", "x" * (1 << 20))).encode())
        with contextlib.suppress(OSError), self._socket() as stream:
            while time.monotonic() < end:
                stream.sendall(frame)


def _head(length: int) -> bytes:
    return (
        b"POST /rpc/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % length
    )


def _frame(body: bytes) -> bytes:
    """A text frame with a mask of zeros, which a client has to send."""
    return b"\x81\xff" + len(body).to_bytes(8, "big") + bytes(4) + body

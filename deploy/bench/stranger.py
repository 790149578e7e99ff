"""A peer from outside: whatever it likes to say over libp2p, and what became of its connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from thespis.protocols.wire import exchange, hello
from thespis.protocols.wire.topics import blocks_topic, kademlia_prefix, message_id, messages_topic
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.p2p.host import Libp2pPort
from thespis.runtime.p2p.port import (
    DialDone,
    HostSettings,
    PeerConnected,
    PeerDisconnected,
    RequestArrived,
    RequestDone,
    Verdict,
)

DIAL_TIMEOUT_S = 20.0
RESPONSE_BYTES_MAX = 64 << 20

Answer = Callable[[str, bytes], bytes | None]
"""From protocol and request to an answer; None refuses."""


class StrangerError(RuntimeFloorError):
    """A stranger could not even connect."""


class Stranger:
    """One identity, connected to one node; use it as a context manager."""

    def __init__(
        self,
        folder: Path,
        network: str,
        address: str,
        *,
        gossip: bool = False,
        answer: Answer | None = None,
        patient: bool = True,
    ) -> None:
        """A `patient` one paces its requests as every node does; another asks as fast as it can."""
        self.peer = address.rpartition("/p2p/")[2]
        self._answer = answer or (lambda _protocol, _data: None)
        self._events: list[Any] = []
        self._changed = threading.Condition()
        self._number = 1
        topics = (blocks_topic(network), messages_topic(network)) if gossip else ()
        settings = HostSettings(
            network=network,
            listen="/ip4/127.0.0.1/tcp/0",
            topics=dict.fromkeys(topics, lambda _data: Verdict.ACCEPT),
            protocols={hello.PROTOCOL: 1 << 20, exchange.PROTOCOL: 1 << 20},
            dht_prefix=kademlia_prefix(network),
            message_id=message_id,
            offline=not gossip,
            response_bytes_max=RESPONSE_BYTES_MAX,
        )
        self.port = Libp2pPort(folder, settings, self._take)
        if not patient:
            self.port._core._own_requests.enter = lambda _peer, _within_s: 0.0
        self.port.dial(0, address)
        done = self._wait(lambda event: isinstance(event, DialDone), DIAL_TIMEOUT_S)
        if done is None or done.error:
            self.port.close()
            raise StrangerError(f"{address}: {done.error if done else 'no answer'}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.port.close()

    def _take(self, event: Any) -> None:
        if isinstance(event, RequestArrived):
            self.port.respond(event.number, self._answer(event.protocol, event.data))
        with self._changed:
            if not isinstance(event, PeerConnected):
                self._events.append(event)
            self._changed.notify_all()

    def _wait(self, accept: Callable[[Any], bool], timeout_s: float) -> Any:
        def found() -> Any:
            return next((event for event in self._events if accept(event)), None)

        with self._changed:
            return self._changed.wait_for(found, timeout_s)

    def send(self, protocol: str, data: bytes, timeout_s: float = 10.0) -> int:
        """Begin a request; returns its number."""
        self._number += 1
        self.port.request(self._number, self.peer, protocol, data, timeout_s)
        return self._number

    def ask(self, protocol: str, data: bytes, timeout_s: float = 10.0) -> tuple[bytes | None, float]:
        """A request to its end: the answer, or None, and seconds."""
        started_s = time.perf_counter()
        number = self.send(protocol, data, timeout_s)
        done = self._wait(lambda event: isinstance(event, RequestDone) and event.number == number, timeout_s + 1)
        seconds = time.perf_counter() - started_s
        with self._changed:
            self._events = [event for event in self._events if not isinstance(event, RequestDone)]
        return (done.data if done is not None else None), seconds

    def dropped(self, timeout_s: float) -> bool:
        """Whether the node ended the connection, waiting for it."""
        return self._wait(lambda event: isinstance(event, PeerDisconnected), timeout_s) is not None

    def in_host(self, function: Callable[[Any, Any], Any]) -> None:
        """Run `function(host, peer id)` in the host's thread, for what no honest peer does."""
        from libp2p.peer.id import ID

        async def run() -> None:
            await function(self.port._core._host, ID.from_base58(self.peer))

        self.port._post(run)

"""Enemies that waste what a node has: time, turns, bytes, places. None of them says anything false about the chain."""

from __future__ import annotations

from typing import Any

from thespis.actors.simulation.enemies.enemy import ASK_TIMEOUT_S, Enemy, told
from thespis.actors.syncer.fetcher import REQUEST_TIMEOUT_S
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.wire import exchange, hello
from thespis.protocols.wire.exchange import Options, Request
from thespis.protocols.wire.hello import MESSAGE_BYTES_MAX
from thespis.protocols.wire.topics import BLOCK_BYTES_MAX
from thespis.runtime.p2p.limits import REQUESTS_PER_S
from thespis.runtime.p2p.port import RequestArrived
from thespis.runtime.simulation.stranger import StrangerPort

ALMOST_LATE_S = REQUEST_TIMEOUT_S - 0.5
BURSTS, BURST_REQUESTS = 6, 30
CROWD = 24


class Silence(Enemy):
    """Knows the chain, says so to everyone, and never answers anything, not even a hello."""

    kind = "silence"

    def act(self) -> None:
        """The real head, so that it is the one that is asked."""
        for victim in self.connected():
            self.met(victim)

    def met(self, peer: str) -> None:
        """The head that the network has."""
        chain = self.chain()
        head = chain.head()
        self.say_hello(peer, head.key, head.height, chain.execution(head.key).weight)

    def answer(self, event: RequestArrived, request: Request) -> None:
        """Never."""

    def greeted(self, event: RequestArrived) -> None:
        """Never."""


class Slowness(Silence):
    """Answers the truth, byte by byte, so that the last one comes just before whoever asked gives up."""

    kind = "slowness"

    def answer(self, event: RequestArrived, request: Request) -> None:
        """What an honest peer would say, late."""
        self.port.respond_late(event.number, told(self.chain(), request), ALMOST_LATE_S)

    def greeted(self, event: RequestArrived) -> None:
        """Late, too."""
        self.later(ALMOST_LATE_S, Enemy.greeted, self, event)


class Oversize(Enemy):
    """Answers, greets and gossips over every bound."""

    kind = "oversize"

    def act(self) -> None:
        """One byte more than a hello and a block may have, and a head to ask for."""
        for victim in self.connected():
            too_long = cbor.encode(bytes(MESSAGE_BYTES_MAX))
            self.port.request(self.number(), victim, hello.PROTOCOL, too_long, ASK_TIMEOUT_S)
        self.port.inject(self.blocks, self.nobody(), bytes(BLOCK_BYTES_MAX + 1), self.connected())

    def answer(self, event: RequestArrived, request: Request) -> None:  # noqa: ARG002
        """One byte more than an answer may have."""
        self.port.respond(event.number, bytes(self.settings.response_bytes_max + 1))


class EndlessRequests(Enemy):
    """Asks for the whole chain again and again, faster than anyone may."""

    kind = "endless-requests"

    def act(self) -> None:
        """Bursts that together pass the rate."""
        for burst in range(BURSTS):
            self.later(burst * BURST_REQUESTS / REQUESTS_PER_S / 4, self._burst)

    def _burst(self) -> None:
        head = self.chain().head()
        length = Unsigned(max(1, min(head.height, exchange.REQUEST_LENGTH_MAX)))
        request = Request(head.key, length, Unsigned(Options.HEADERS | Options.MESSAGES)).encode()
        for victim in self.connected():
            for _ in range(BURST_REQUESTS):
                self.port.request(self.number(), victim, exchange.PROTOCOL, request, ASK_TIMEOUT_S)


class Crowd(Enemy):
    """Many peers that connect, take up a place each, and neither say nor answer anything."""

    kind = "crowd"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._others: list[StrangerPort] = [self.appear() for _ in range(CROWD - 1)]

    def act(self) -> None:
        """Be there: also where a node has just come back."""
        for port in self._others:
            self.connect(port)

    def answer(self, event: RequestArrived, request: Request) -> None:
        """Never."""

    def greeted(self, event: RequestArrived) -> None:
        """Never."""

    def leave(self) -> None:
        """All of them go."""
        super().leave()
        for port in self._others:
            port.close()

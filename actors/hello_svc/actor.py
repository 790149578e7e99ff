"""HelloSvc: tells every new peer our head, hears theirs, and lets go of peers on another chain."""

from __future__ import annotations

import logging
from typing import Any

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.events import NewHead, PeerJoined, PeerMisbehaved
from thespis.actors.messages.network import AskPeer, DisconnectPeer, PeerAnswer, PeerRequest, Served
from thespis.actors.messages.syncer import Head, PeerHead, ReadHead
from thespis.actors.node.settings import NodeSettings
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch
from thespis.protocols.errors import ProtocolError
from thespis.protocols.wire.hello import PROTOCOL, Hello, HelloReply, parse_hello
from thespis.runtime.actor.subsystem import Subsystem, handles
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

HELLO_TIMEOUT_S = 10.0
NANOSECONDS = 1_000_000_000


class HelloSvc(Subsystem):
    """Speaks ``/fil/hello/1.0.0``."""

    def __init__(self) -> None:
        super().__init__()
        self._genesis: Cid | None = None
        self._head: Head | None = None
        self.latencies_s: dict[str, float] = {}

    async def start(self, settings: Any) -> None:
        """Learn genesis and head."""
        assert isinstance(settings, NodeSettings)
        reader = ChainReader(self.environment.open_reader("chain"))
        self._genesis = reader.genesis.cid
        reader.store.close()
        self._head = await self.ask("Syncer", ReadHead())

    @handles(NewHead)
    def new_head(self, event: NewHead) -> None:
        """What to tell the next peer."""
        self._head = Head(event.head, event.height, event.weight)

    @handles(PeerJoined)
    async def greet(self, event: PeerJoined) -> None:
        """Say hello; a peer that does not answer in time is none that syncs, but may still gossip."""
        head, genesis = self._head, self._genesis
        assert head is not None
        assert genesis is not None
        hello = Hello(head.head, ChainEpoch(head.height), BigInteger(head.weight), genesis)
        sent_s = self.now_s()
        try:
            answer: PeerAnswer = await self.ask(
                "Network", AskPeer(event.peer, PROTOCOL, hello.encode(), HELLO_TIMEOUT_S), deadline=HELLO_TIMEOUT_S + 2
            )
            HelloReply.decode(answer.data)
        except AskError as error:
            logger.info("hello to %s: %s", event.peer, error)
        except ProtocolError as error:
            self.publish(PeerMisbehaved(event.peer, f"hello reply: {error}"))
        else:
            self.latencies_s[event.peer] = self.now_s() - sent_s
            while len(self.latencies_s) > 1000:  # noqa: PLR2004
                self.latencies_s.pop(next(iter(self.latencies_s)))

    @handles(PeerRequest)
    def greeted(self, request: PeerRequest) -> Served:
        """Hear a peer's head; raises nothing, a peer that says nonsense is dropped."""
        arrival_ns = int(self.environment.clock.unix_s() * NANOSECONDS)
        try:
            hello = parse_hello(request.data)
        except ProtocolError as error:
            self.publish(PeerMisbehaved(request.peer, f"hello: {error}"))
            return Served(None)
        if hello.genesis != self._genesis:
            logger.info("peer %s is on another chain, genesis %s", request.peer, hello.genesis)
            self.tell("Network", DisconnectPeer(request.peer))
            return Served(None)
        head = PeerHead(request.peer, hello.heaviest_tipset, hello.heaviest_tipset_height, hello.heaviest_tipset_weight)
        self.tell("Syncer", head)
        return Served(HelloReply(arrival_ns, int(self.environment.clock.unix_s() * NANOSECONDS)).encode())

"""HelloSvc: tells every new peer our head, hears theirs, and lets go of peers on another chain."""

from __future__ import annotations

import logging

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.network import (
    AskPeer,
    DisconnectPeer,
    LongAnswerError,
    PeerError,
    PeerJoined,
    PeerMisbehaved,
)
from thespis.actors.messages.peer_protocols import HelloRequest
from thespis.actors.messages.syncer import Head, NewHead, PeerGreeted, PeerHead, ReadHead
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch
from thespis.protocols.errors import ProtocolError
from thespis.protocols.wire.hello import PROTOCOL, Hello, HelloReply, parse_hello
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

HELLO_TIMEOUT_S = 10.0
NANOSECONDS = 1_000_000_000


class HelloSvc(Subsystem[None]):
    """Speaks ``/fil/hello/1.0.0``."""

    genesis: Cid
    head: Head

    async def start(self, settings: None) -> None:  # noqa: ARG002
        """Learn genesis and head."""
        reader = ChainReader(self.environment.open_reader("chain"))
        self.genesis = reader.genesis.cid
        reader.store.close()
        self.head = await self.ask(ReadHead())

    @handles(NewHead)
    def new_head(self, event: NewHead) -> None:
        """What to tell the next peer."""
        self.head = Head(event.head, event.height, event.weight)

    @handles(PeerJoined)
    async def greet(self, event: PeerJoined) -> None:
        """Say hello; a peer that does not answer in time is none that syncs, but may still gossip."""
        head, genesis = self.head, self.genesis
        hello = Hello(head.head, ChainEpoch(head.height), BigInteger(head.weight), genesis)
        try:
            HelloReply.decode(await self.ask(AskPeer(event.peer, PROTOCOL, hello.encode(), HELLO_TIMEOUT_S)))
        except (LongAnswerError, ProtocolError) as error:
            self.tell(PeerMisbehaved(event.peer, f"hello reply: {error}"))
        except (AskError, PeerError) as error:
            logger.info("hello to %s: %s", event.peer, error)
        else:
            self.tell(PeerGreeted(event.peer))

    @answers(HelloRequest)
    def greeted(self, request: HelloRequest) -> bytes | None:
        """Hear a peer's head; raises nothing, a peer that says nonsense is dropped."""
        arrival_ns = int(self.environment.clock.unix_s() * NANOSECONDS)
        try:
            hello = parse_hello(request.data)
        except ProtocolError as error:
            self.tell(PeerMisbehaved(request.peer, f"hello: {error}"))
            return None
        if hello.genesis != self.genesis:
            logger.info("peer %s is on another chain, genesis %s", request.peer, hello.genesis)
            self.spawn(self.ask(DisconnectPeer(request.peer)))
            return None
        head = PeerHead(request.peer, hello.heaviest_tipset, hello.heaviest_tipset_height, hello.heaviest_tipset_weight)
        self.tell(head)
        return HelloReply(arrival_ns, int(self.environment.clock.unix_s() * NANOSECONDS)).encode()

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
AGAIN_AFTER_S = (10.0, 60.0)
"""A greeting that got no answer is said again so much later: the other may just have been starting."""
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
        """Say hello; a peer that never answers is none that syncs, but may still gossip.

        Heads are told at no other time, and a head that nobody builds on is not gossiped: one greeting lost could leave
        two nodes on two chains.
        """
        for wait_s in (*AGAIN_AFTER_S, None):
            try:
                HelloReply.decode(await self._say_hello(event.peer))
            except (LongAnswerError, ProtocolError) as error:
                self.tell(PeerMisbehaved(event.peer, f"hello reply: {error}"))
                return
            except (AskError, PeerError) as error:
                logger.info("hello to %s: %s", event.peer, error)
            else:
                self.tell(PeerGreeted(event.peer))
                return
            if wait_s is not None:
                await self.sleep(wait_s)

    async def _say_hello(self, peer: str) -> bytes:
        head = self.head
        hello = Hello(head.head, ChainEpoch(head.height), BigInteger(head.weight), self.genesis)
        return await self.ask(AskPeer(peer, PROTOCOL, hello.encode(), HELLO_TIMEOUT_S))

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

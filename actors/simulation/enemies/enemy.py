"""What all enemies share: a place in the network, names that change when one is kept away, and what they can say."""

from __future__ import annotations

from typing import Any, ClassVar

from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain_exchange.actor import compact
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Unsigned
from thespis.protocols.errors import BlockNotFoundError
from thespis.protocols.wire import exchange, hello
from thespis.protocols.wire.exchange import ExchangedTipset, Options, Request, Response, Status
from thespis.protocols.wire.hello import Hello, HelloReply
from thespis.protocols.wire.topics import blocks_topic, message_id, messages_topic
from thespis.runtime.clock import seeded_random
from thespis.runtime.p2p.port import GossipArrived, HostSettings, PeerConnected, RequestArrived, Verdict
from thespis.runtime.simulation.stranger import StrangerPort

CONNECTED_AFTER_S = 0.2
"""When every dial of an epoch has ended, even over slow links."""
DIALS_PER_EPOCH, DIAL_EVERY_S = 8, 0.1
"""A node that comes back is met before the honest find it."""
ASK_TIMEOUT_S = 5.0
TIPSETS_TOLD_MAX = 50


class Enemy:
    """A peer outside every node. It knows what any peer could learn: the chain, and what is gossiped."""

    kind: ClassVar[str]
    mines: ClassVar[bool] = False
    """Whether it needs the keys of a miner that genesis knows."""
    listens: ClassVar[bool] = False
    """Whether it has a use for what others gossip."""
    crowds_pools: ClassVar[bool] = False
    """Whether it is after the room in pools, which then are small."""

    def __init__(self, simulation: SimulatedFilecoin, seed: str) -> None:
        self.simulation = simulation
        self.rng = seeded_random(seed)
        self._swarm = simulation.network.base.world.swarm
        self._names = 0
        self._numbers = 0
        self._gone = False
        name = f"simulation-{simulation.seed}"
        self.blocks, self.messages = blocks_topic(name), messages_topic(name)
        self.port = self.appear()

    # -- life ------------------------------------------------------------------------------------------------

    def appear(self) -> StrangerPort:
        """A place under a name that nobody has met; keys cost nothing, an address does."""
        self._names += 1
        name = f"{self.kind}-{self._names}"
        everything = {self.blocks: lambda _data: Verdict.ACCEPT, self.messages: lambda _data: Verdict.ACCEPT}
        served = {hello.PROTOCOL: hello.MESSAGE_BYTES_MAX, exchange.PROTOCOL: exchange.REQUEST_BYTES_MAX}
        network = f"simulation-{self.simulation.seed}"
        self.settings = HostSettings(
            network, f"/sim/{name}", everything, served, "/fil/kad", message_id, exchange.ANSWER_BYTES_MAX
        )
        port = StrangerPort(self._swarm, name, f"ip-{self.kind}", self.settings, self._deliver, listens=self.listens)
        return self._swarm.place(port)

    def victims(self) -> tuple[str, ...]:
        """Whom it connects to: every honest node that runs."""
        return tuple(self.simulation.names[number] for number in self.simulation.alive())

    def connected(self) -> tuple[str, ...]:
        """Victims that it is connected to."""
        return tuple(name for name in self.victims() if name in self.port.connected)

    def epoch(self) -> None:
        """One more epoch: connect, under another name when the last one is kept away everywhere, and act."""
        if self._names and not self.port.connected:
            self.port.close()
            self.port = self.appear()
        for attempt in range(DIALS_PER_EPOCH):
            self.later(attempt * DIAL_EVERY_S, self.connect, self.port)
        span_s = max(0.1, self.simulation.block_time_s * 0.8 - CONNECTED_AFTER_S)
        self.later(CONNECTED_AFTER_S + self.rng.random() * span_s, self.act)

    def connect(self, port: StrangerPort) -> None:
        """Dial every victim that is not connected."""
        for name in self.victims():
            if name not in port.connected:
                port.dial(self.number(), f"/sim/{name}/p2p/{name}")

    def leave(self) -> None:
        """Go, for good."""
        self._gone = True
        self.port.close()

    def later(self, delay_s: float, function: Any, *arguments: Any) -> None:
        """Call something in so many seconds, unless this enemy has gone by then."""

        def call() -> None:
            if not self._gone:
                function(*arguments)

        self._swarm.after(max(0, int(delay_s * 1_000_000_000)), call)

    def number(self) -> int:
        """A number that no call before had."""
        self._numbers += 1
        return self._numbers

    # -- to be overridden ------------------------------------------------------------------------------------

    def act(self) -> None:
        """The harm of one epoch."""

    def answer(self, event: RequestArrived, request: Request) -> None:  # noqa: ARG002
        """A victim wants tipsets; by itself an enemy has none."""
        self.port.respond(event.number, refusal())

    def greeted(self, event: RequestArrived) -> None:
        """A victim says hello."""
        self.port.respond(event.number, HelloReply(0, 0).encode())

    def met(self, peer: str) -> None:
        """A connection to a victim stands: the moment to be believed first."""

    def heard(self, event: GossipArrived) -> None:
        """Gossip came by."""

    def _deliver(self, event: Any) -> None:
        if isinstance(event, GossipArrived):
            self.port.taken(len(event.data))
            self.port.hear(event.author, event.data)
            self.heard(event)
        elif isinstance(event, PeerConnected):
            self.met(event.peer)
        elif isinstance(event, RequestArrived) and event.protocol == hello.PROTOCOL:
            self.greeted(event)
        elif isinstance(event, RequestArrived):
            self.answer(event, Request.decode(event.data))

    # -- what it can know and say ----------------------------------------------------------------------------

    def chain(self) -> ChainReader:
        """The chain of an honest node, as any peer can sync it."""
        return ChainReader(self.simulation.node(self.simulation.alive()[0]).disk.look("chain"))

    def now_s(self) -> float:
        """The time, for an enemy's clock is right."""
        return self.simulation.network.base.clock.unix_s()

    def say_hello(self, peer: str, head: TipsetKey, height: int, weight: int) -> None:
        """Claim a head."""
        said = Hello(head, ChainEpoch(height), BigInteger(weight), self.chain().genesis.cid)
        self.port.request(self.number(), peer, hello.PROTOCOL, said.encode(), ASK_TIMEOUT_S)

    def gossip_block(self, block: BlockMessage, author: str = "", peers: tuple[str, ...] = ()) -> None:
        """Gossip a block in an author's name, by itself one that nobody has met."""
        self.port.inject(self.blocks, author or self.nobody(), block.encode(), peers or self.connected())

    def nobody(self) -> str:
        """A peer that nobody ever meets."""
        return f"nobody-{self.kind}-{self.number()}"


def refusal() -> bytes:
    """The answer of a peer that has not what is asked."""
    return Response(Unsigned(Status.NOT_FOUND), "not here", ()).encode()


def answered(tipsets: list[ExchangedTipset]) -> bytes:
    """An answer of some tipsets; partial is never wrong."""
    return Response(Unsigned(Status.PARTIAL), "", tuple(tipsets)).encode()


def told(chain: ChainReader, request: Request) -> bytes:
    """What an honest peer with this chain would answer."""
    found: list[ExchangedTipset] = []
    key: TipsetKey = request.head
    while key and len(found) < min(int(request.length), TIPSETS_TOLD_MAX):
        try:
            tipset = chain.tipset(key)
            found.append(exchanged(chain, tipset, int(request.options)))
        except BlockNotFoundError:
            break
        key = tipset.parents
    return answered(found) if found else refusal()


def exchanged(chain: ChainReader, tipset: Tipset, options: int) -> ExchangedTipset:
    """One tipset of an honest answer."""
    headers = tipset.blocks if options & Options.HEADERS else ()
    if not options & Options.MESSAGES:
        return ExchangedTipset(headers, None)
    return ExchangedTipset(headers, compact([chain.block_messages(header) for header in tipset.blocks]))

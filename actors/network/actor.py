"""The Network: owns the node's place in the peer-to-peer network and hands what arrives to whom it concerns.

Gossip passes a gate (`actors/network/gate.py`) before it is passed on to peers; requests go to the subsystem of their
protocol and the answer goes back; peers that misbehave are dropped and kept away for a while.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from thespis import __version__
from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.msg_pool import MessageGossiped
from thespis.actors.messages.network import (
    LONGEST_ANSWER_S,
    LOOKUP_FOUND_MAX,
    PEER_LISTENS_MAX,
    PEER_TEXTS_MAX,
    PEERS_TOLD_MAX,
    TOLD_BYTES_MAX,
    AskPeer,
    BlockPeers,
    ConnectPeer,
    DisconnectPeer,
    FindPeer,
    FindProviders,
    Identity,
    ListPeers,
    LongAnswerError,
    PeerError,
    PeerJoined,
    PeerMisbehaved,
    PingPeer,
    PublishGossip,
    ReadBandwidth,
    Topic,
    WhoAmI,
)
from thespis.actors.messages.peer_protocols import SERVED
from thespis.actors.messages.syncer import BlockGossiped, NewHead
from thespis.actors.network.gate import Gate
from thespis.actors.network.settings import NetworkSettings
from thespis.protocols.wire.exchange import ANSWER_BYTES_MAX
from thespis.protocols.wire.topics import blocks_topic, kademlia_prefix, message_id, messages_topic
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.errors import AskError
from thespis.runtime.p2p.port import (
    Bandwidth,
    DialDone,
    GossipArrived,
    HostSettings,
    LookupDone,
    NetworkPort,
    PeerConnected,
    PeerDisconnected,
    PeerInfo,
    PingDone,
    ProtocolViolated,
    RequestArrived,
    RequestDone,
)
from thespis.runtime.p2p.scores import HOUR_S, TopicScore

logger = logging.getLogger(__name__)

DIAL_DEADLINE_S = 20.0
LOOKUP_DEADLINE_S = 30.0
UNHEARD_MAX = 64
"""Payloads kept for the first peer that comes, the newest: those of a node that was just restarted."""
SUBSCRIBED_AFTER_S = 1.0
"""How long after it connects a peer has surely said which topics it hears."""
BLOCKS_SCORE = TopicScore(mesh_weight=0.00027, first_weight=5.0, first_decays_s=HOUR_S)
"""What blocks are worth; messages are as usual (Lotus v1.4.0 ``node/modules/lp2p/pubsub.go``, GossipSub)."""
SEEN_TTL_MIN_S, SEEN_TTL_MAX_S, SEEN_TTL_EPOCHS = 4, 120, 4
"""Less than the ten epochs after which a message is announced again, on networks with short epochs too."""


class Network(Subsystem[NetworkSettings]):
    """The node's only contact with other nodes."""

    port: NetworkPort
    gate: Gate

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._waiting: dict[int, Pending[Any]] = {}
        self._topics: dict[Topic, str] = {}
        self._unheard: deque[tuple[str, bytes]] = deque(maxlen=UNHEARD_MAX)

    async def start(self, settings: NetworkSettings) -> None:
        """Listen. The network's name comes from the chain, so the Syncer has started before."""
        reader = ChainReader(self.opened(self.environment.open_reader("chain")))
        profile = reader.genesis.profile
        name = profile.name
        self.gate = Gate(reader, self.environment.clock.unix_s)
        self._topics = {Topic.BLOCKS: blocks_topic(name), Topic.MESSAGES: messages_topic(name)}
        port = self.environment.open_network(
            HostSettings(
                network=name,
                listen=settings.listen,
                topics={
                    self._topics[Topic.BLOCKS]: self.gate.block,
                    self._topics[Topic.MESSAGES]: self.gate.message,
                },
                topic_scores={self._topics[Topic.BLOCKS]: BLOCKS_SCORE},
                too_fast={kind.PROTOCOL: kind.TOO_FAST for kind in SERVED.values() if kind.TOO_FAST},
                agent=f"thespis/{__version__}",
                protocols={protocol: kind.REQUEST_BYTES_MAX for protocol, kind in SERVED.items()},
                dht_prefix=kademlia_prefix(name),
                message_id=message_id,
                response_bytes_max=ANSWER_BYTES_MAX,
                offline=settings.offline,
                relay=settings.relay,
                seen_ttl_s=min(SEEN_TTL_MAX_S, max(SEEN_TTL_MIN_S, SEEN_TTL_EPOCHS * profile.block_delay_s)),
            ),
            self.signal,
        )
        self.port = self.opened(port)

    # -- what arrives ----------------------------------------------------------------------------------------

    @handles(PeerConnected)
    def connected(self, event: PeerConnected) -> None:
        """Tell who cares about peers; what nobody was there to hear is gossiped now."""
        self.publish(PeerJoined(event.peer))
        if self._unheard:
            self.spawn(self._say_unheard())

    async def _say_unheard(self) -> None:
        await self.sleep(SUBSCRIBED_AFTER_S)
        while self._unheard:
            self.port.publish(*self._unheard.popleft())

    @handles(NewHead)
    def new_head(self, _event: NewHead) -> None:
        """What is passed on is judged by the chain as it is now."""
        self.gate.moved()

    @handles(PeerDisconnected)
    def disconnected(self, event: PeerDisconnected) -> None:
        """Whoever needs to know who is connected asks."""
        logger.info("peer %s is gone", event.peer)

    @handles(GossipArrived)
    async def gossip(self, event: GossipArrived) -> None:
        """A block for the Syncer or a message for the pool; until it was looked at it counts among what waits.

        So a subsystem that is busy is given no more than the host lets in, and never so much that telling it blocks.
        """
        question: BlockGossiped | MessageGossiped
        if event.topic == self._topics[Topic.BLOCKS]:
            question = BlockGossiped(event.source, event.author, event.data)
        else:
            question = MessageGossiped(event.author, event.data)
        try:
            await self.ask(question)
        except AskError as error:
            logger.debug("gossip from %s: %s", event.source, error)
        finally:
            self.port.taken(len(event.data))

    @handles(RequestArrived)
    async def request_arrived(self, event: RequestArrived) -> None:
        """Have the protocol's subsystem answer; what it cannot answer is refused."""
        try:
            answer = await self.ask(SERVED[event.protocol](event.peer, event.data))
        except AskError as error:
            logger.info("request of %s for %s: %s", event.peer, event.protocol, error)
            self.port.respond(event.number, None)
        else:
            self.port.respond(event.number, answer)

    @handles(RequestDone)
    def request_done(self, event: RequestDone) -> None:
        """An own request ended."""
        kind = LongAnswerError if event.too_long else PeerError
        self._settle(event.number, event.data, event.error, kind)

    @handles(DialDone)
    def dial_done(self, event: DialDone) -> None:
        """An own dial ended."""
        self._settle(event.number, event.peer, event.error)

    @handles(LookupDone)
    def lookup_done(self, event: LookupDone) -> None:
        """An own search ended."""
        self._settle(event.number, event.addresses, event.error)

    def _settle(self, number: int, result: Any, error: str, kind: type[PeerError] = PeerError) -> None:
        pending = self._waiting.pop(number, None)
        if pending is None:
            return
        if error:
            pending.fail(kind(error))
        else:
            pending.resolve(result)

    async def _call(self, begin: Callable[[int], None], deadline_s: float) -> Any:
        self._number += 1
        number = self._number
        pending = self._waiting[number] = Pending()
        alarm = self._alarm(deadline_s)
        alarm.when_done(lambda: self._settle(number, None, f"no answer within {deadline_s} s"))
        begin(number)
        try:
            return await pending
        finally:
            self._waiting.pop(number, None)
            alarm.resolve(None)

    # -- what is asked ---------------------------------------------------------------------------------------

    @answers(PublishGossip)
    def publish_gossip(self, order: PublishGossip) -> None:
        """Gossip a block or a message; without a peer it waits, for gossip says nothing twice."""
        if self.port.peers():
            self.port.publish(self._topics[order.topic], order.data)
        else:
            self._unheard.append((self._topics[order.topic], order.data))

    @answers(AskPeer)
    async def ask_peer(self, order: AskPeer) -> bytes:
        """Ask a peer; raises PeerError, and LongAnswerError for more than the longest answer that is read."""
        answer: bytes = await self._call(
            lambda number: self.port.request(number, order.peer, order.protocol, order.data, order.timeout_s),
            order.timeout_s + LONGEST_ANSWER_S + 1.0,
        )
        return answer

    @answers(ConnectPeer)
    async def connect_peer(self, order: ConnectPeer) -> None:
        """Dial an address; raises PeerError."""
        await self._call(lambda number: self.port.dial(number, order.address), DIAL_DEADLINE_S)

    @answers(DisconnectPeer)
    def disconnect_peer(self, order: DisconnectPeer) -> None:
        """Close the connections to a peer."""
        self.port.disconnect(order.peer)

    @handles(PeerMisbehaved)
    def misbehaved(self, event: PeerMisbehaved) -> None:
        """Drop a peer and keep it away."""
        logger.warning("dropping peer %s: %s", event.peer, event.reason)
        self.port.disconnect(event.peer, ban=True)

    @handles(ProtocolViolated)
    def violated(self, event: ProtocolViolated) -> None:
        """The host saw what no honest peer sends."""
        self.misbehaved(PeerMisbehaved(event.peer, event.reason))

    @answers(BlockPeers)
    def block_peers(self, order: BlockPeers) -> None:
        """Part the network on purpose, or with an empty list heal it."""
        self.port.block(frozenset(order.peers))

    @handles(PingDone)
    def ping_done(self, event: PingDone) -> None:
        """An own ping ended."""
        self._settle(event.number, event.seconds, event.error)

    @answers(PingPeer)
    async def ping_peer(self, order: PingPeer) -> float:
        """Measure a round trip; raises PeerError."""
        seconds: float = await self._call(lambda n: self.port.ping(n, order.peer), DIAL_DEADLINE_S)
        return seconds

    @answers(FindPeer)
    async def find_peer(self, request: FindPeer) -> tuple[str, ...]:
        """Where a peer is, by the DHT."""
        return await self._look_up(lambda n: self.port.find_peer(n, request.peer))

    @answers(FindProviders)
    async def find_providers(self, request: FindProviders) -> tuple[str, ...]:
        """Who provides a key, by the DHT."""
        return await self._look_up(lambda n: self.port.find_providers(n, request.key.data))

    async def _look_up(self, begin: Callable[[int], None]) -> tuple[str, ...]:
        found: tuple[str, ...] = await self._call(begin, LOOKUP_DEADLINE_S)
        return _short(found)[:LOOKUP_FOUND_MAX]

    @answers(ListPeers)
    def list_peers(self, _request: ListPeers) -> tuple[PeerInfo, ...]:
        """Who is connected."""
        return tuple(_told(info) for info in self.port.peers()[:PEERS_TOLD_MAX])

    @answers(ReadBandwidth)
    def read_bandwidth(self, _request: ReadBandwidth) -> Bandwidth:
        """What went over the wire."""
        return self.port.bandwidth()

    @answers(WhoAmI)
    def who_am_i(self, _request: WhoAmI) -> Identity:
        """This node's identity."""
        return Identity(self.port.peer_id, self.port.addresses)


def _told(info: PeerInfo) -> PeerInfo:
    """What is told of a peer, who may say of itself as much as it likes."""
    return replace(
        info,
        addresses=_short(info.addresses)[:PEER_TEXTS_MAX],
        protocols=_short(info.protocols)[:PEER_TEXTS_MAX],
        listens=_short(info.listens)[:PEER_LISTENS_MAX],
        agent=info.agent.encode()[:TOLD_BYTES_MAX].decode(errors="ignore"),
    )


def _short(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in texts if len(each.encode()) <= TOLD_BYTES_MAX)

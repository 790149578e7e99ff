"""The Network: owns the node's place in the peer-to-peer network and hands what arrives to whom it concerns.

Gossip is checked for shape before it is passed on to peers; requests go to the subsystem of their protocol and the
answer goes back; peers that misbehave are dropped and kept away for a while.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.events import PeerJoined, PeerMisbehaved
from thespis.actors.messages.msg_pool import MessageGossiped
from thespis.actors.messages.network import (
    Addresses,
    AskPeer,
    BlockPeers,
    ConnectPeer,
    DisconnectPeer,
    FindPeer,
    FindProviders,
    Identity,
    ListPeers,
    PeerAnswer,
    PeerList,
    PeerRequest,
    PingPeer,
    PublishGossip,
    ReadBandwidth,
    RoundTrip,
    Served,
    WhoAmI,
)
from thespis.actors.messages.syncer import BlockGossiped
from thespis.actors.node.settings import NodeSettings
from thespis.protocols.errors import ProtocolError
from thespis.protocols.wire import exchange, hello
from thespis.protocols.wire.topics import (
    blocks_topic,
    kademlia_prefix,
    message_id,
    messages_topic,
    parse_block,
    parse_message,
)
from thespis.runtime.actor.envelopes import Done, Tell
from thespis.runtime.actor.subsystem import Subsystem, handles
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.errors import AskError, RuntimeFloorError
from thespis.runtime.p2p.port import (
    Bandwidth,
    DialDone,
    GossipArrived,
    LookupDone,
    NetworkPort,
    NetworkSettings,
    PeerConnected,
    PeerDisconnected,
    PingDone,
    ProtocolViolated,
    RequestArrived,
    RequestDone,
)

logger = logging.getLogger(__name__)

ANSWERED_BY = {hello.PROTOCOL: "HelloSvc", exchange.PROTOCOL: "ChainExchange"}
"""Which subsystem answers which protocol."""
ANSWER_DEADLINE_S = 20.0
DIAL_DEADLINE_S = 20.0
LOOKUP_DEADLINE_S = 30.0
SEEN_TTL_MIN_S, SEEN_TTL_MAX_S, SEEN_TTL_EPOCHS = 4, 120, 4
"""Less than the ten epochs after which a message is announced again, on networks with short epochs too."""


class PeerError(RuntimeFloorError):
    """A peer did not do what was asked of it."""


class Network(Subsystem):
    """The node's only contact with other nodes."""

    def __init__(self) -> None:
        super().__init__()
        self._port: NetworkPort | None = None
        self._number = 0
        self._waiting: dict[int, Pending[Any]] = {}
        self._topics: dict[str, str] = {}

    @property
    def port(self) -> NetworkPort:
        """The place in the network, open between start and stop."""
        assert self._port is not None
        return self._port

    async def start(self, settings: Any) -> None:
        """Listen. The network's name comes from the chain, so the Syncer has started before."""
        assert isinstance(settings, NodeSettings)
        reader = ChainReader(self.environment.open_reader("chain"))
        profile = reader.genesis.profile
        name = profile.name
        reader.store.close()
        self._topics = {"blocks": blocks_topic(name), "messages": messages_topic(name)}
        self._port = self.environment.open_network(
            NetworkSettings(
                network=name,
                listen=settings.listen,
                topics={
                    self._topics["blocks"]: _well_formed(parse_block),
                    self._topics["messages"]: _well_formed(parse_message),
                },
                protocols={hello.PROTOCOL: hello.MESSAGE_BYTES_MAX, exchange.PROTOCOL: exchange.REQUEST_BYTES_MAX},
                dht_prefix=kademlia_prefix(name),
                message_id=message_id,
                offline=settings.offline,
                relay=settings.relay,
                seen_ttl_s=min(SEEN_TTL_MAX_S, max(SEEN_TTL_MIN_S, SEEN_TTL_EPOCHS * profile.block_delay_s)),
            ),
            self._deliver,
        )

    def _deliver(self, event: Any) -> None:
        self.send(self.myAddress, Tell(event))

    async def stop(self) -> None:
        """Leave the network."""
        self.port.close()

    # -- what arrives ----------------------------------------------------------------------------------------

    @handles(PeerConnected)
    def connected(self, event: PeerConnected) -> None:
        """Tell who cares about peers."""
        self.publish(PeerJoined(event.peer))

    @handles(PeerDisconnected)
    def disconnected(self, event: PeerDisconnected) -> None:
        """Whoever needs to know who is connected asks."""
        logger.info("peer %s is gone", event.peer)

    @handles(GossipArrived)
    def gossip(self, event: GossipArrived) -> None:
        """A block for the Syncer or a message for the pool; both are told, nobody is waited for."""
        self.port.taken()
        if event.topic == self._topics["blocks"]:
            self.tell("Syncer", BlockGossiped(event.source, event.author, event.data))
        else:
            self.tell("MsgPool", MessageGossiped(event.author, event.data))

    @handles(RequestArrived)
    async def request_arrived(self, event: RequestArrived) -> None:
        """Have the protocol's subsystem answer; what it cannot answer is refused."""
        try:
            request = PeerRequest(event.peer, event.protocol, event.data)
            served: Served = await self.ask(ANSWERED_BY[event.protocol], request, deadline=ANSWER_DEADLINE_S)
        except AskError as error:
            logger.info("request of %s for %s: %s", event.peer, event.protocol, error)
            self.port.respond(event.number, None)
        else:
            self.port.respond(event.number, served.data)

    @handles(RequestDone)
    def request_done(self, event: RequestDone) -> None:
        """An own request ended."""
        self._settle(event.number, event.data, event.error)

    @handles(DialDone)
    def dial_done(self, event: DialDone) -> None:
        """An own dial ended."""
        self._settle(event.number, event.peer, event.error)

    @handles(LookupDone)
    def lookup_done(self, event: LookupDone) -> None:
        """An own search ended."""
        self._settle(event.number, event.addresses, event.error)

    def _settle(self, number: int, result: Any, error: str) -> None:
        pending = self._waiting.pop(number, None)
        if pending is None:
            return
        if error:
            pending.fail(PeerError(error))
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

    @handles(PublishGossip)
    def publish_gossip(self, order: PublishGossip) -> Done:
        """Gossip a block or a message."""
        self.port.publish(self._topics[order.topic], order.data)
        return Done()

    @handles(AskPeer)
    async def ask_peer(self, order: AskPeer) -> PeerAnswer:
        """Ask a peer; raises PeerError."""
        data = await self._call(
            lambda number: self.port.request(number, order.peer, order.protocol, order.data, order.timeout_s),
            order.timeout_s + 1.0,
        )
        return PeerAnswer(data)

    @handles(ConnectPeer)
    async def connect_peer(self, order: ConnectPeer) -> Done:
        """Dial an address; raises PeerError."""
        await self._call(lambda number: self.port.dial(number, order.address), DIAL_DEADLINE_S)
        return Done()

    @handles(DisconnectPeer)
    def disconnect_peer(self, order: DisconnectPeer) -> Done:
        """Close the connections to a peer."""
        self.port.disconnect(order.peer)
        return Done()

    @handles(PeerMisbehaved)
    def misbehaved(self, event: PeerMisbehaved) -> None:
        """Drop a peer and keep it away."""
        logger.warning("dropping peer %s: %s", event.peer, event.reason)
        self.port.disconnect(event.peer, ban=True)

    @handles(ProtocolViolated)
    def violated(self, event: ProtocolViolated) -> None:
        """The host saw what no honest peer sends."""
        self.misbehaved(PeerMisbehaved(event.peer, event.reason))

    @handles(BlockPeers)
    def block_peers(self, order: BlockPeers) -> Done:
        """Part the network on purpose, or with an empty list heal it."""
        self.port.block(frozenset(order.peers))
        return Done()

    @handles(PingDone)
    def ping_done(self, event: PingDone) -> None:
        """An own ping ended."""
        self._settle(event.number, event.seconds, event.error)

    @handles(PingPeer)
    async def ping_peer(self, order: PingPeer) -> RoundTrip:
        """Measure a round trip; raises PeerError."""
        return RoundTrip(await self._call(lambda n: self.port.ping(n, order.peer), DIAL_DEADLINE_S))

    @handles(FindPeer)
    async def find_peer(self, request: FindPeer) -> Addresses:
        """Where a peer is, by the DHT."""
        return Addresses(await self._call(lambda n: self.port.find_peer(n, request.peer), LOOKUP_DEADLINE_S))

    @handles(FindProviders)
    async def find_providers(self, request: FindProviders) -> Addresses:
        """Who provides a key, by the DHT."""
        return Addresses(await self._call(lambda n: self.port.find_providers(n, request.key.data), LOOKUP_DEADLINE_S))

    @handles(ListPeers)
    def list_peers(self, _request: ListPeers) -> PeerList:
        """Who is connected."""
        return PeerList(self.port.peers())

    @handles(ReadBandwidth)
    def read_bandwidth(self, _request: ReadBandwidth) -> Bandwidth:
        """What went over the wire."""
        return self.port.bandwidth()

    @handles(WhoAmI)
    def who_am_i(self, _request: WhoAmI) -> Identity:
        """This node's identity."""
        return Identity(self.port.peer_id, self.port.addresses)


def _well_formed(parse: Callable[[bytes], object]) -> Callable[[bytes], bool]:
    """A gossip validator from a parser."""

    def check(data: bytes) -> bool:
        try:
            parse(data)
        except ProtocolError:
            return False
        return True

    return check

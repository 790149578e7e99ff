"""The host itself, inside trio: identity, listener, gossip, requests, routing.

Only this module, the patches and the streams import libp2p.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import trio
from libp2p import new_host
from libp2p.abc import INotifee
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as new_noise_key
from libp2p.custom_types import TProtocol
from libp2p.host.ping import PingService
from libp2p.identity_utils import load_identity, save_identity
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.network.config import ConnectionConfig
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.score import ScoreParams, TopicScoreParams
from libp2p.relay.circuit_v2.protocol import CircuitV2Protocol
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr
from thespis.runtime.p2p import patches, streams
from thespis.runtime.p2p.bandwidth import BandwidthMeter
from thespis.runtime.p2p.limits import (
    ANSWER_TIMEOUT_S,
    GOSSIP_THRESHOLD,
    GRAYLIST_THRESHOLD,
    INVALID_CAP,
    INVALID_DECAY_PER_HEARTBEAT,
    INVALID_PENALTY,
    JUDGE_EVERY_S,
    PUBLISH_THRESHOLD,
    Turns,
    watch_connections,
)
from thespis.runtime.p2p.port import Bandwidth, PeerInfo, ProtocolViolated

if TYPE_CHECKING:
    from thespis.runtime.p2p.host import Libp2pPort

logger = logging.getLogger(__name__)

GOSSIP_PROTOCOLS = ("/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0")
DEGREE, DEGREE_LOW, DEGREE_HIGH = 8, 6, 12
UPGRADE_TIMEOUT_S = 3.0
DIAL_TIMEOUT_S = 15.0


class HostCore(INotifee):
    """Everything that lives in the host's thread."""

    def __init__(self, port: Libp2pPort) -> None:
        self._port = port
        self._settings = port.settings
        self.peer_id = ""
        self.addresses: tuple[str, ...] = ()
        self._host: Any = None
        self._pubsub: Any = None
        self._dht: Any = None
        self._ping: Any = None
        self._turns = Turns(port.settings.requests_per_peer_max, trio.CapacityLimiter)
        self._meter = BandwidthMeter()

    # -- life ------------------------------------------------------------------------------------------------

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and serve until cancelled."""
        settings = self._settings
        patches.apply(f"{settings.dht_prefix}/kad/1.0.0")
        logging.getLogger("libp2p").setLevel(logging.CRITICAL)
        key_pair = self._identity()
        listen = [] if settings.offline else [Multiaddr(settings.listen)]
        host = self._host = new_host(
            key_pair=key_pair,
            listen_addrs=listen,
            sec_opt={NOISE: Noise(key_pair, noise_privkey=new_noise_key().private_key)},
            connection_config=ConnectionConfig(
                max_connections=settings.peers_max, min_connections=1, inbound_upgrade_timeout=UPGRADE_TIMEOUT_S
            ),
        )
        network: Any = host.get_network()
        network.thespis_admit, network.thespis_leave = self._port.admission.admit, self._port.admission.leave
        network.register_notifee(self)
        for protocol, bytes_max in settings.protocols.items():
            host.set_stream_handler(TProtocol(protocol), self._handler(protocol, bytes_max))
        self.peer_id = str(host.get_id())
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(host.run(listen))
            self.addresses = tuple(_with_peer(str(address), self.peer_id) for address in host.get_addrs())
            if listen and not network.listeners:
                raise streams.StreamError(f"cannot listen on {settings.listen}; is another process there?")
            nursery = await stack.enter_async_context(trio.open_nursery())
            nursery.start_soon(watch_connections, network)
            nursery.start_soon(self._judge_for_ever)
            nursery.start_soon(self._meter.sample_for_ever)
            self._ping = PingService(host)
            if not settings.offline:
                await self._start_gossip(stack, nursery)
                if settings.relay:
                    hop = CircuitV2Protocol(host, allow_hop=True)
                    await stack.enter_async_context(background_trio_service(hop))
                self._dht = KadDHT(host, DHTMode.SERVER)
                await stack.enter_async_context(background_trio_service(self._dht))
            task_status.started()
            await trio.sleep_forever()

    def _identity(self) -> Any:
        folder = self._port.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "identity.key"
        if path.exists():
            return load_identity(path)
        key_pair = create_new_key_pair()
        save_identity(key_pair, path)
        return key_pair

    async def _start_gossip(self, stack: AsyncExitStack, nursery: trio.Nursery) -> None:
        invalid = TopicScoreParams(weight=INVALID_PENALTY, cap=INVALID_CAP, decay=INVALID_DECAY_PER_HEARTBEAT)
        router = GossipSub(
            protocols=[TProtocol(protocol) for protocol in GOSSIP_PROTOCOLS],
            degree=DEGREE,
            degree_low=DEGREE_LOW,
            degree_high=DEGREE_HIGH,
            heartbeat_interval=1,
            heartbeat_initial_delay=0.1,
            gossip_window=3,
            gossip_history=5,
            spam_protection_enabled=False,
            adaptive_gossip_enabled=False,
            eclipse_protection_enabled=False,
            score_params=ScoreParams(
                p4_invalid_messages=invalid,
                gossip_threshold=GOSSIP_THRESHOLD,
                publish_threshold=PUBLISH_THRESHOLD,
                graylist_threshold=GRAYLIST_THRESHOLD,
            ),
        )
        # never pruned upstream when adaptive gossip is off
        deliveries: Any = defaultdict(lambda: deque(maxlen=256))
        router.recent_message_deliveries = deliveries
        self._pubsub = Pubsub(
            self._host,
            router,
            strict_signing=True,
            msg_id_constructor=lambda message: self._settings.message_id(bytes(message.data)),
            seen_ttl=int(self._settings.seen_ttl_s),
            sweep_interval=max(1, int(self._settings.seen_ttl_s / 2)),
        )
        await stack.enter_async_context(background_trio_service(router))
        await stack.enter_async_context(background_trio_service(self._pubsub))
        await self._pubsub.wait_until_ready()
        for topic in self._settings.topics:
            self._pubsub.set_topic_validator(topic, self._validator(topic), False)
            subscription = await self._pubsub.subscribe(topic)
            nursery.start_soon(_drain, subscription)

    # -- connections -----------------------------------------------------------------------------------------

    async def connected(self, network: Any, conn: Any) -> None:
        """A connection stands: refuse the banned, tell of the others."""
        peer = str(conn.muxed_conn.peer_id)
        if self._port.admission.is_banned(peer):
            await conn.close()
            return
        inbound = not getattr(conn.muxed_conn, "is_initiator", False)
        remote = _remote(conn)
        self._port.joined(peer, PeerInfo(peer, (remote,) if remote else (), (), "", inbound, 0.0), remote)
        if self._dht is not None:
            network.manager.run_task(self._learn, conn.muxed_conn.peer_id)

    async def _learn(self, peer: ID) -> None:
        """Once identify has told its protocols, a peer with a DHT enters the routing table."""
        for _ in range(20):
            await trio.sleep(0.25)
            if any("/kad/" in protocol for protocol in self._protocols(peer)):
                await self._dht.add_peer(peer)
                return

    async def disconnected(self, network: Any, conn: Any) -> None:
        """A connection is gone; the peer is, when it was the last."""
        peer_id = conn.muxed_conn.peer_id
        others = [each for each in network.get_connections(peer_id) if each is not conn and not each.is_closed]
        if not others:
            self._port.left(str(peer_id))

    async def opened_stream(self, network: Any, stream: Any) -> None:
        """Nothing: the library tells of every stream, and each has its handler."""

    async def closed_stream(self, network: Any, stream: Any) -> None:
        """Nothing: the library tells of every stream, and each has its handler."""

    async def listen(self, network: Any, multiaddr: Any) -> None:
        """Nothing: a host listens from its start to its end."""

    async def listen_close(self, network: Any, multiaddr: Any) -> None:
        """Nothing: a host listens from its start to its end."""

    async def dial(self, address: str) -> None:
        """Connect to one address; what the library remembers of former failures does not count."""
        info = info_from_p2p_addr(Multiaddr(address))
        if str(info.peer_id) == self.peer_id:
            raise streams.StreamError("that is this node itself")
        if self._port.admission.is_banned(str(info.peer_id)):
            raise streams.StreamError("the peer is kept away")
        self._host.get_network()._negative_peer_cache.clear()
        with trio.move_on_after(DIAL_TIMEOUT_S):
            await self._host.connect(info)
            return
        raise streams.StreamError(f"{address} could not be dialled within {DIAL_TIMEOUT_S} s")

    async def disconnect(self, peer: str, ban: bool) -> None:
        """Close every connection to a peer."""
        if ban:
            self._port.admission.ban(peer)
        peer_id = ID.from_base58(peer)
        with trio.move_on_after(3):
            await self._host.disconnect(peer_id)
        self._port.left(peer)

    # -- gossip ----------------------------------------------------------------------------------------------

    def _validator(self, topic: str) -> Any:
        check = self._settings.topics[topic]

        def validate(forwarder: Any, message: Any) -> bool:
            source = str(forwarder)
            if source == self.peer_id:
                return True
            if not check(bytes(message.data)):
                return False
            self._port.gossip(topic, source, str(ID(bytes(message.from_id))), bytes(message.data))
            return True

        return validate

    async def publish(self, topic: str, data: bytes) -> None:
        """Gossip a payload."""
        if self._pubsub is not None:
            await self._pubsub.publish(topic, data)

    # -- requests --------------------------------------------------------------------------------------------

    async def ask(self, peer: str, protocol: str, data: bytes, timeout_s: float) -> bytes:
        """Ask a connected peer."""
        if peer not in self._port.connected:
            raise streams.StreamError(f"{peer} is not connected")
        bytes_max = self._settings.response_bytes_max
        return await streams.ask(self._host, ID.from_base58(peer), protocol, data, timeout_s, bytes_max)

    def _handler(self, protocol: str, bytes_max: int) -> Any:
        async def handle(stream: Any) -> None:
            peer = str(stream.muxed_conn.peer_id)
            turn = self._turns.enter(peer)
            if turn is None:
                await stream.reset()
                return
            try:
                with trio.move_on_after(ANSWER_TIMEOUT_S) as scope:
                    await self._serve(stream, peer, protocol, bytes_max, turn)
                if scope.cancelled_caught:
                    await stream.reset()
            except Exception as error:
                if isinstance(error, streams.StreamViolationError):
                    self._port.give(ProtocolViolated(peer, f"{protocol}: {error}"))
                logger.debug("%s from %s: %r", protocol, peer, error)
                with trio.CancelScope(shield=True), trio.move_on_after(1):
                    await stream.reset()
            finally:
                self._turns.leave(peer)

        return handle

    async def _serve(self, stream: Any, peer: str, protocol: str, bytes_max: int, turn: trio.CapacityLimiter) -> None:
        with trio.fail_after(self._settings.request_timeout_s):
            data = await streams.read_item(stream, bytes_max)
        if not self._turns.within_rate(peer):
            raise streams.StreamViolationError("requests come too fast")
        async with turn:
            answer = await self._answer(peer, protocol, data)
        if answer is None:
            await stream.reset()
        else:
            await stream.write(answer)
            await stream.close()

    async def _answer(self, peer: str, protocol: str, data: bytes) -> bytes | None:
        answered = trio.Event()
        answer: list[bytes | None] = []

        def take(reply: bytes | None) -> None:
            answer.append(reply)
            answered.set()

        number = self._port.arrived(peer, protocol, data, take)
        try:
            await answered.wait()
        finally:
            self._port.forget(number)
        return answer[0]

    async def ping(self, peer: str) -> float:
        """A round trip in seconds."""
        if peer == self.peer_id:
            raise streams.StreamError("a node does not ping itself")
        started_s = trio.current_time()
        with trio.fail_after(5.0):
            await self._ping.ping(ID.from_base58(peer), 1)
        return trio.current_time() - started_s

    # -- routing ---------------------------------------------------------------------------------------------

    async def find_peer(self, peer: str) -> tuple[str, ...]:
        """Addresses of a peer, from the DHT."""
        if self._dht is None:
            raise streams.StreamError("the node is offline")
        with trio.fail_after(20.0):
            found = await self._dht.find_peer(ID.from_base58(peer))
        if found is None:
            raise streams.StreamError(f"{peer} was not found")
        return tuple(_with_peer(str(address), peer) for address in found.addrs)

    async def find_providers(self, key: bytes) -> tuple[str, ...]:
        """Who provides a key, each once."""
        if self._dht is None:
            raise streams.StreamError("the node is offline")
        with trio.fail_after(20.0):
            found = await self._dht.find_providers(key.hex())
        return tuple(sorted({str(info.peer_id) for info in found}))

    # -- looking ---------------------------------------------------------------------------------------------

    def _protocols(self, peer: ID) -> tuple[str, ...]:
        try:
            return tuple(sorted(self._host.get_peerstore().get_protocols(peer)))
        except Exception:
            return ()

    def describe(self, peer: str, info: PeerInfo) -> PeerInfo:
        """A connected peer, with what is known of it by now."""
        peer_id = ID.from_base58(peer)
        return PeerInfo(peer, info.addresses, self._protocols(peer_id), info.agent, info.inbound, self._score(peer_id))

    def _score(self, peer: ID) -> float:
        scorer = getattr(getattr(self._pubsub, "router", None), "scorer", None)
        return float(scorer.score(peer, list(self._settings.topics))) if scorer is not None else 0.0

    async def _judge_for_ever(self) -> None:
        """GossipSub only ignores what such a peer publishes; its connection would go on costing."""
        while True:
            await trio.sleep(JUDGE_EVERY_S)
            for peer in tuple(self._port.connected):
                score = self._score(ID.from_base58(peer))
                if score < PUBLISH_THRESHOLD:
                    self._port.give(ProtocolViolated(peer, f"gossip score {score:.0f}, below {PUBLISH_THRESHOLD:.0f}"))

    def bandwidth(self) -> Bandwidth:
        """Totals, and rates over the last seconds."""
        return self._meter.read()


async def _drain(subscription: Any) -> None:
    """The library's queue of 32 overflows silently; delivery happened in the validator."""
    while True:
        await subscription.get()


def _with_peer(address: str, peer: str) -> str:
    return address if "/p2p/" in address else f"{address}/p2p/{peer}"


def _remote(connection: Any) -> str:
    try:
        host, port = connection.muxed_conn.get_remote_address()
    except Exception:
        return ""
    return f"/{'ip6' if ':' in host else 'ip4'}/{host}/tcp/{port}"

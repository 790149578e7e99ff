"""The host itself, inside trio: identity, listener, gossip, requests, routing.

Only this module and those beside it (`build`, `gossip`, `patches`, `streams`) import libp2p.
"""

from __future__ import annotations

import logging
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import trio
from libp2p.abc import INotifee
from libp2p.custom_types import TProtocol
from libp2p.host.ping import PingService
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.relay.circuit_v2.protocol import CircuitV2Protocol
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr
from thespis.runtime.p2p import patches, streams
from thespis.runtime.p2p.bandwidth import BandwidthMeter
from thespis.runtime.p2p.build import identity, listening_addresses, make_host
from thespis.runtime.p2p.gossip import Gossip, topic_scores
from thespis.runtime.p2p.limits import (
    ANSWER_TIMEOUT_S,
    JUDGE_EVERY_S,
    PUBLISH_THRESHOLD,
    OwnRequests,
    Speed,
    Turns,
    watch_connections,
)
from thespis.runtime.p2p.port import Bandwidth, PeerInfo, ProtocolViolated
from thespis.runtime.p2p.scores import Scores

if TYPE_CHECKING:
    from thespis.runtime.p2p.host import Libp2pPort

logger = logging.getLogger(__name__)

DIAL_TIMEOUT_S = 15.0
REFUSE_WITHIN_S = 2.0
SAID_MAX = 64
"""Addresses, and protocols, of those that a peer says of itself that are looked at: whoever asks for the list of peers
pays for each."""


class HostCore(INotifee):
    """Everything that lives in the host's thread."""

    def __init__(self, port: Libp2pPort) -> None:
        self._port = port
        self._settings = port.settings
        self.peer_id = ""
        self.addresses: tuple[str, ...] = ()
        self._host: Any = None
        self._gossip: Gossip | None = None
        self._dht: Any = None
        self._ping: Any = None
        self._turns = Turns(port.settings.requests_per_peer_max, trio.CapacityLimiter)
        self._own_requests = OwnRequests(port.settings.requests_per_peer_max)
        self._scores = Scores(topic_scores(port.settings), time.monotonic)
        self._meter = BandwidthMeter()

    # -- life ------------------------------------------------------------------------------------------------

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and serve until cancelled."""
        settings = self._settings
        listen = listening_addresses(settings)
        patches.apply(f"{settings.dht_prefix}/kad/1.0.0", settings.agent)
        logging.getLogger("libp2p").setLevel(logging.CRITICAL)
        host = self._host = make_host(settings, identity(self._port.folder), listen)
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
                raise streams.StreamError(
                    f"cannot listen on {settings.listen}; another process does: stop it, or set swarm.address"
                )
            nursery = await stack.enter_async_context(trio.open_nursery())
            nursery.start_soon(watch_connections, network)
            nursery.start_soon(self._judge_for_ever)
            nursery.start_soon(self._meter.sample_for_ever)
            self._ping = PingService(host)
            if not settings.offline:
                self._gossip = Gossip(host, settings, self._scores, self._port.gossip)
                await self._gossip.begin(stack)
                if settings.relay:
                    hop = CircuitV2Protocol(host, allow_hop=True)
                    await stack.enter_async_context(background_trio_service(hop))
                self._dht = KadDHT(host, DHTMode.SERVER)
                await stack.enter_async_context(background_trio_service(self._dht))
            task_status.started()
            await trio.sleep_forever()

    # -- connections -----------------------------------------------------------------------------------------

    async def connected(self, network: Any, conn: Any) -> None:
        """A connection stands: refuse the banned, tell of the others."""
        peer = str(conn.muxed_conn.peer_id)
        if self._port.admission.is_banned(peer):
            await conn.close()
            return
        inbound = not getattr(conn.muxed_conn, "is_initiator", False)
        remote = _remote(conn)
        self._port.admission.met(peer)
        self._scores.joined(peer, remote.split("/")[2] if remote else "")
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
            self._scores.left(str(peer_id))
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

    async def publish(self, topic: str, data: bytes) -> None:
        """Gossip a payload."""
        if self._gossip is not None:
            await self._gossip.publish(topic, data)

    # -- requests --------------------------------------------------------------------------------------------

    async def ask(self, peer: str, protocol: str, data: bytes, timeout_s: float) -> bytes:
        """Ask a connected peer."""
        if peer not in self._port.connected:
            raise streams.StreamError(f"{peer} is not connected")
        wait_s = self._own_requests.enter(peer, timeout_s)
        if wait_s is None:
            raise streams.StreamError(f"as much is asked of {peer} already as it will answer")
        bytes_max = self._settings.response_bytes_max
        try:
            await trio.sleep(wait_s)
            return await streams.ask(self._host, ID.from_base58(peer), protocol, data, timeout_s, bytes_max)
        finally:
            self._own_requests.leave(peer)

    def _handler(self, protocol: str, bytes_max: int) -> Any:
        async def handle(stream: Any) -> None:
            peer = str(stream.muxed_conn.peer_id)
            if (speed := self._turns.speed(peer)) is not Speed.FINE:
                await self._refuse(stream, peer, protocol, speed)
                return
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
                elif isinstance(error, streams.StreamStalledError) and not self._turns.may_stall(peer):
                    await self._let_go(peer, "leaves its requests unfinished")
                logger.debug("%s from %s: %r", protocol, peer, error)
                with trio.CancelScope(shield=True), trio.move_on_after(1):
                    await stream.reset()
            finally:
                self._turns.leave(peer)

        return handle

    async def _refuse(self, stream: Any, peer: str, protocol: str, speed: Speed) -> None:
        """Tell a peer that it asks too fast; one that does not heed that goes, and may come back."""
        answer = self._settings.too_fast.get(protocol)
        with trio.move_on_after(REFUSE_WITHIN_S):
            if answer is None or speed is Speed.FLOOD:
                await stream.reset()
            else:
                await stream.write(answer)
                await stream.close()
        if speed is Speed.FLOOD:
            await self._let_go(peer, f"goes on asking on {protocol} faster than it was told to")

    async def _let_go(self, peer: str, reason: str) -> None:
        """End the connections of a peer that costs too much; it broke no rule, and may come back."""
        logger.info("%s %s", peer, reason)
        await self.disconnect(peer, False)

    async def _serve(self, stream: Any, peer: str, protocol: str, bytes_max: int, turn: trio.CapacityLimiter) -> None:
        data = await streams.read_item(stream, bytes_max, self._settings.request_timeout_s)
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
            return tuple(sorted(self._host.get_peerstore().get_protocols(peer)[:SAID_MAX]))
        except Exception:
            return ()

    def describe(self, peer: str, info: PeerInfo) -> PeerInfo:
        """A connected peer, with what is known of it by now."""
        peer_id = ID.from_base58(peer)
        return PeerInfo(
            peer,
            info.addresses,
            self._protocols(peer_id),
            info.agent,
            info.inbound,
            self._scores.of(peer),
            self._listens(peer_id, info),
        )

    def _listens(self, peer: ID, info: PeerInfo) -> tuple[str, ...]:
        """What a peer says of other hosts is not repeated: whoever believes it would knock there."""
        if not info.inbound or not info.addresses:
            return info.addresses
        host = info.addresses[0].rpartition("/tcp/")[0]
        try:
            addresses = self._host.get_peerstore().addrs(peer)[:SAID_MAX]
            said = [str(address).partition("/p2p/")[0] for address in addresses]
        except Exception:
            return ()
        return tuple(sorted({each for each in said if each.startswith(f"{host}/tcp/") and each not in info.addresses}))

    async def _judge_for_ever(self) -> None:
        """GossipSub only ignores what such a peer publishes; its connection would go on costing."""
        while True:
            await trio.sleep(JUDGE_EVERY_S)
            for peer in tuple(self._port.connected):
                score = self._scores.conduct(peer)
                if score < PUBLISH_THRESHOLD:
                    self._port.give(ProtocolViolated(peer, f"gossip score {score:.0f}, below {PUBLISH_THRESHOLD:.0f}"))

    def bandwidth(self) -> Bandwidth:
        """Totals, and rates over the last seconds."""
        return self._meter.read()


def _with_peer(address: str, peer: str) -> str:
    return address if "/p2p/" in address else f"{address}/p2p/{peer}"


def _remote(connection: Any) -> str:
    try:
        host, port = connection.muxed_conn.get_remote_address()
    except Exception:
        return ""
    return f"/{'ip6' if ':' in host else 'ip4'}/{host}/tcp/{port}"

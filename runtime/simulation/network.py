"""The simulated peer-to-peer network: many nodes' ports in one process, with delay, loss and cuts from the seed.

Gossip floods over connections, each payload once per node, as a mesh would deliver it in the end; requests go straight.
What is simulated is delivery, not libp2p: no handshakes, no scoring, no streams. `runtime/p2p/host.py` is the real one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from thespis.runtime.clock import seeded_random
from thespis.runtime.environment import Deliver
from thespis.runtime.p2p.port import (
    Bandwidth,
    DialDone,
    GossipArrived,
    HostSettings,
    LookupDone,
    PeerConnected,
    PeerDisconnected,
    PeerInfo,
    PingDone,
    RequestArrived,
    RequestDone,
)
from thespis.runtime.simulation.faults import NANOSECONDS

SEEN_MAX = 10_000
BAN_NS = 60 * NANOSECONDS


class Scheduler(Protocol):
    """What the network needs of the simulated base."""

    now_ns: int

    def schedule(self, delay_ns: int, function: Callable[..., None], *arguments: Any) -> None:
        """Call later, in virtual time."""
        ...


class LinkFaults:
    """How messages between nodes fare: delay in virtual nanoseconds, and the share of gossip that is lost per hop."""

    def __init__(self, delay_min_ns: int = 2_000_000, delay_max_ns: int = 60_000_000, drop: float = 0.0) -> None:
        self.delay_min_ns = delay_min_ns
        self.delay_max_ns = delay_max_ns
        self.drop = drop


class SimulatedSwarm:
    """Every port of a simulated network."""

    def __init__(self, scheduler: Scheduler, seed: int) -> None:
        self._scheduler = scheduler
        self.rng = seeded_random(f"{seed}/swarm")
        self.faults = LinkFaults()
        self.ports: dict[str, SimulatedPort] = {}
        self._cuts: list[tuple[frozenset[str], frozenset[str]]] = []

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self._scheduler.now_ns

    def open(self, node: str, settings: HostSettings, deliver: Deliver) -> SimulatedPort:
        """A node takes its place; its peer id is its name, so a restarted one is known again."""
        port = SimulatedPort(self, node, settings, deliver)
        self.ports[port.peer_id] = port
        return port

    def cut(self, left: set[str], right: set[str]) -> None:
        """Nothing passes between two groups of nodes until `heal`; their connections break."""
        self._cuts.append((frozenset(left), frozenset(right)))
        for port in list(self.ports.values()):
            for other in sorted(port.connected):
                if self.is_cut(port.node, other):
                    port.lose(other)

    def heal(self) -> None:
        """End every cut."""
        self._cuts.clear()

    def is_cut(self, left: str, right: str) -> bool:
        """Whether nothing passes between two nodes."""
        return any((left in a and right in b) or (left in b and right in a) for a, b in self._cuts)

    def send(self, sender: SimulatedPort, target: str, function: Callable[..., None], *arguments: Any) -> None:
        """Call something at another port after the link's delay, unless it is cut or gone by then."""
        delay_ns = self.rng.randrange(self.faults.delay_min_ns, self.faults.delay_max_ns + 1)

        def arrive() -> None:
            port = self.ports.get(target)
            if port is not None and not self.is_cut(sender.node, port.node):
                function(port, *arguments)

        self._scheduler.schedule(delay_ns, arrive)

    def after(self, delay_ns: int, function: Callable[..., None], *arguments: Any) -> None:
        """Call later."""
        self._scheduler.schedule(delay_ns, function, *arguments)


class SimulatedPort:
    """One node's place in the simulated network."""

    def __init__(self, swarm: SimulatedSwarm, node: str, settings: HostSettings, deliver: Deliver) -> None:
        self._swarm = swarm
        self.node = node
        self.peer_id = node
        self.addresses: tuple[str, ...] = (f"/sim/{node}/p2p/{node}",)
        self._settings = settings
        self._deliver = deliver
        self.connected: set[str] = set()
        self._seen: OrderedDict[bytes, int] = OrderedDict()
        self._open_requests: dict[int, str] = {}
        self._inbound: dict[int, tuple[str, int]] = {}
        self._inbound_number = 0
        self._banned: dict[str, int] = {}
        self._bytes_in = self._bytes_out = 0
        self.closed = False

    def _give(self, event: Any) -> None:
        if not self.closed:
            self._deliver(event)

    # -- connections -----------------------------------------------------------------------------------------

    def dial(self, number: int, address: str) -> None:
        """Connect to a port of the same network."""
        peer = address.rpartition("/p2p/")[2]
        swarm = self._swarm
        other = swarm.ports.get(peer)
        kept_away = self._banned.get(peer, 0) > swarm.now_ns
        if self._settings.offline or kept_away or other is None or other.closed or swarm.is_cut(self.node, peer):
            swarm.after(swarm.faults.delay_max_ns, self._give, DialDone(number, peer, f"{peer} cannot be reached"))
            return
        swarm.send(self, peer, SimulatedPort._accept, self.peer_id)
        swarm.after(swarm.faults.delay_max_ns, self._dialled, number, peer)

    def _dialled(self, number: int, peer: str) -> None:
        other = self._swarm.ports.get(peer)
        if other is None or self.peer_id not in other.connected:
            self._give(DialDone(number, peer, f"{peer} did not accept"))
            return
        self._join(peer, inbound=False)
        self._give(DialDone(number, peer, ""))

    def _accept(self, peer: str) -> None:
        if not self.closed and not self._settings.offline and self._banned.get(peer, 0) <= self._swarm.now_ns:
            self._join(peer, inbound=True)

    def _join(self, peer: str, *, inbound: bool) -> None:
        if peer not in self.connected:
            self.connected.add(peer)
            self._give(PeerConnected(peer, f"/sim/{peer}", inbound))

    def lose(self, peer: str) -> None:
        """The connection breaks."""
        if peer in self.connected:
            self.connected.discard(peer)
            self._give(PeerDisconnected(peer))
            for number, target in list(self._open_requests.items()):
                if target == peer:
                    self._finish(number, None, "the connection broke")

    def disconnect(self, peer: str, *, ban: bool = False) -> None:
        """Close the connection on both sides."""
        if ban:
            self._banned[peer] = self._swarm.now_ns + BAN_NS
        self.lose(peer)
        self._swarm.send(self, peer, SimulatedPort.lose, self.peer_id)

    # -- gossip ----------------------------------------------------------------------------------------------

    def publish(self, topic: str, data: bytes) -> None:
        """Flood a payload."""
        if self._note(data):
            self._forward(topic, self.peer_id, data, exclude=self.peer_id)

    def _note(self, data: bytes) -> bool:
        identity = self._settings.message_id(data)
        now_ns = self._swarm.now_ns
        if self._seen.get(identity, -1) >= now_ns:
            return False
        self._seen[identity] = now_ns + int(self._settings.seen_ttl_s * NANOSECONDS)
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return True

    def _forward(self, topic: str, author: str, data: bytes, exclude: str) -> None:
        swarm = self._swarm
        for peer in sorted(self.connected):
            if peer != exclude and swarm.rng.random() >= swarm.faults.drop:
                self._bytes_out += len(data)
                swarm.send(self, peer, SimulatedPort._gossip, topic, self.peer_id, author, data)

    def _gossip(self, topic: str, source: str, author: str, data: bytes) -> None:
        self._bytes_in += len(data)
        if self.closed or source not in self.connected or not self._note(data):
            return
        if self._settings.topics[topic](data):
            self._give(GossipArrived(topic, source, author, data))
            self._forward(topic, author, data, exclude=source)

    def taken(self) -> None:
        """Nothing is held back here."""

    # -- requests --------------------------------------------------------------------------------------------

    def request(self, number: int, peer: str, protocol: str, data: bytes, timeout_s: float) -> None:
        """Ask a connected peer."""
        if peer not in self.connected:
            self._swarm.after(0, self._give, RequestDone(number, None, f"{peer} is not connected"))
            return
        self._open_requests[number] = peer
        self._bytes_out += len(data)
        self._swarm.send(self, peer, SimulatedPort._asked, self.peer_id, number, protocol, data)
        self._swarm.after(
            int(timeout_s * NANOSECONDS), self._finish, number, None, f"{peer} did not answer within {timeout_s} s"
        )

    def _asked(self, peer: str, number: int, protocol: str, data: bytes) -> None:
        if self.closed or len(data) > self._settings.protocols.get(protocol, -1):
            return
        self._inbound_number += 1
        self._inbound[self._inbound_number] = (peer, number)
        self._bytes_in += len(data)
        self._give(RequestArrived(self._inbound_number, peer, protocol, data))

    def respond(self, number: int, data: bytes | None) -> None:
        """Answer."""
        asked = self._inbound.pop(number, None)
        if asked is not None:
            peer, their_number = asked
            error = "" if data is not None else "the peer refused"
            self._swarm.send(self, peer, SimulatedPort._finish, their_number, data, error)

    def _finish(self, number: int, data: bytes | None, error: str) -> None:
        if self._open_requests.pop(number, None) is not None:
            self._give(RequestDone(number, data, error))

    # -- the rest --------------------------------------------------------------------------------------------

    def block(self, peers: frozenset[str]) -> None:
        """Break with these peers and refuse them."""
        for peer in self.connected - peers:
            self._banned.pop(peer, None)
        for peer in sorted(peers):
            self._banned[peer] = 1 << 62
            self.disconnect(peer)

    def ping(self, number: int, peer: str) -> None:
        """Two link delays."""
        error = "" if peer in self.connected else f"{peer} is not connected"
        self._swarm.after(0, self._give, PingDone(number, 2e-9 * self._swarm.faults.delay_max_ns, error))

    def find_peer(self, number: int, peer: str) -> None:
        """Everyone knows everyone here."""
        found = (f"/sim/{peer}/p2p/{peer}",) if peer in self._swarm.ports else ()
        self._swarm.after(0, self._give, LookupDone(number, found, "" if found else f"{peer} was not found"))

    def find_providers(self, number: int, _key: bytes) -> None:
        """Nobody provides anything here."""
        self._swarm.after(0, self._give, LookupDone(number, (), ""))

    def peers(self) -> tuple[PeerInfo, ...]:
        """Who is connected."""
        return tuple(PeerInfo(peer, (f"/sim/{peer}",), (), "simulated", False, 0.0) for peer in sorted(self.connected))

    def bandwidth(self) -> Bandwidth:
        """Payload bytes only."""
        return Bandwidth(self._bytes_in, self._bytes_out, 0.0, 0.0)

    def close(self) -> None:
        """Leave; peers see the connection break."""
        if self.closed:
            return
        self.closed = True
        if self._swarm.ports.get(self.peer_id) is self:
            del self._swarm.ports[self.peer_id]
        for peer in sorted(self.connected):
            other = self._swarm.ports.get(peer)
            if other is not None:
                self._swarm.after(self._swarm.faults.delay_max_ns, other.lose, self.peer_id)
        self.connected.clear()

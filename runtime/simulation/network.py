"""A node's place in the simulated peer-to-peer network.

Gossip floods over connections, each payload once per node, as a mesh would deliver it in the end; requests go straight.
What is simulated is delivery, not libp2p: no handshakes, no streams, no choice of mesh. Every bound and rate of the
real host (`runtime/p2p/host.py`) holds here too, by the same table and the same code (`runtime/p2p/limits.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from thespis.runtime.environment import Deliver
from thespis.runtime.p2p.limits import (
    ANSWER_TIMEOUT_S,
    GRAYLIST_THRESHOLD,
    JUDGE_EVERY_S,
    PAYLOADS_BURST,
    PAYLOADS_PER_S,
    PUBLISH_THRESHOLD,
    Admission,
    Buckets,
    OwnRequests,
    Speed,
    Turns,
)
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
    ProtocolViolated,
    RequestArrived,
    RequestDone,
    Verdict,
)
from thespis.runtime.p2p.scores import Scores, TopicScore
from thespis.runtime.p2p.waiting import Waiting
from thespis.runtime.simulation.edge import Ban, Turn, read_item
from thespis.runtime.simulation.faults import NANOSECONDS
from thespis.runtime.simulation.swarm import SimulatedSwarm

SEEN_MAX = 10_000


class SimulatedPort:
    """One node's place in the simulated network."""

    listens = True
    """Whether gossip is carried to it at all: most strangers have no use for it, and it is most of what is sent."""

    def __init__(self, swarm: SimulatedSwarm, node: str, settings: HostSettings, deliver: Deliver) -> None:
        self._swarm = swarm
        self.node = node
        self.peer_id = node
        self.addresses: tuple[str, ...] = (f"/sim/{node}/p2p/{node}",)
        self._settings = settings
        self._deliver = deliver
        self.ip = node
        self.connected: set[str] = set()
        self._dialling: set[str] = set()
        self.admission = Admission(settings.connections_per_ip_max, settings.peers_max, swarm.now_s)
        self.waiting = Waiting(settings.gossip_waiting_max, settings.gossip_waiting_bytes_max)
        self._came_from: dict[str, str] = {}
        topics = {topic: settings.topic_scores.get(topic, TopicScore()) for topic in settings.topics}
        self._scores = Scores(topics, swarm.now_s)
        self._looked_at = Buckets(PAYLOADS_PER_S, PAYLOADS_BURST, swarm.now_s)
        self._own_requests = OwnRequests(settings.requests_per_peer_max, swarm.now_s)
        self._turns = Turns(settings.requests_per_peer_max, Turn, swarm.now_s)
        self._seen: OrderedDict[bytes, int] = OrderedDict()
        self._open_requests: dict[int, str] = {}
        self._inbound: dict[int, tuple[SimulatedPort, int, Turn]] = {}
        self._inbound_number = 0
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
        unreachable = (
            other is None or other.closed or swarm.is_cut(self.node, peer) or not swarm.may_meet(self.node, peer)
        )
        full = len(self.connected) >= self._settings.peers_max
        if self._settings.offline or self.admission.is_banned(peer) or full or unreachable:
            swarm.after(swarm.faults.delay_max_ns, self._give, DialDone(number, peer, f"{peer} cannot be reached"))
            return
        self._dialling.add(peer)
        swarm.send(self, peer, SimulatedPort._accept, self)
        swarm.after(swarm.faults.delay_max_ns, self._dialled, number, peer)

    def _hears(self, peer: str) -> bool:
        """Whether a peer is connected; the first that it says may come before the dial's end."""
        if peer in self._dialling:
            self._join(peer, inbound=False)
        return peer in self.connected

    def _dialled(self, number: int, peer: str) -> None:
        self._dialling.discard(peer)
        other = self._swarm.ports.get(peer)
        if self.closed:
            if other is not None and self.peer_id not in self._swarm.ports:
                other.lose(self.peer_id)
            return
        if other is None or self.peer_id not in other.connected:
            self._give(DialDone(number, peer, f"{peer} did not accept"))
            return
        self._join(peer, inbound=False)
        self._give(DialDone(number, peer, ""))

    def _accept(self, dialler: SimulatedPort) -> None:
        """Take a connection in, within the bounds of its address and of all; the banned are let go at once."""
        peer, ip = dialler.peer_id, dialler.ip
        if self.closed or dialler.closed or self._settings.offline or peer in self.connected:
            return
        if len(self.connected) >= self._settings.peers_max or not self.admission.admit(ip):
            return
        if self.admission.is_banned(peer):
            self.admission.leave(ip)
            return
        self._came_from[peer] = ip
        self._join(peer, inbound=True)

    def _join(self, peer: str, *, inbound: bool) -> None:
        if peer not in self.connected:
            self.connected.add(peer)
            self.admission.met(peer)
            self._scores.joined(peer, self._came_from.get(peer, peer))
            self._give(PeerConnected(peer, f"/sim/{peer}", inbound))

    def lose(self, peer: str) -> None:
        """The connection breaks."""
        if peer in self.connected:
            self.connected.discard(peer)
            self._scores.left(peer)
            if peer in self._came_from:
                self.admission.leave(self._came_from.pop(peer))
            self._give(PeerDisconnected(peer))
            for number, target in list(self._open_requests.items()):
                if target == peer:
                    self._finish(number, None, "the connection broke")

    def disconnect(self, peer: str, *, ban: bool = False) -> None:
        """Close the connection on both sides."""
        if ban:
            self.admission.ban(peer)
            self._swarm.bans.append(Ban(self._swarm.now_ns, self.node, peer))
        self.lose(peer)
        self._swarm.send(self, peer, SimulatedPort.lose, self.peer_id)

    # -- gossip ----------------------------------------------------------------------------------------------

    def publish(self, topic: str, data: bytes) -> None:
        """Flood a payload."""
        identity = self._settings.message_id(data)
        if not self._has_seen(identity):
            self._note(identity)
            self._forward(topic, self.peer_id, data, exclude=self.peer_id)

    def _has_seen(self, identity: bytes) -> bool:
        return self._seen.get(identity, -1) >= self._swarm.now_ns

    def _note(self, identity: bytes) -> None:
        self._seen[identity] = self._swarm.now_ns + int(self._settings.seen_ttl_s * NANOSECONDS)
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)

    def _forward(self, topic: str, author: str, data: bytes, exclude: str) -> None:
        swarm = self._swarm
        for peer in sorted(self.connected - {exclude}):
            self._bytes_out += len(data)
            other = swarm.ports.get(peer)
            if other is not None and other.listens and swarm.rng.random() >= swarm.faults.drop:
                swarm.send(self, peer, SimulatedPort._gossip, topic, self.peer_id, author, data)

    def _gossip(self, topic: str, source: str, author: str, data: bytes) -> None:
        """As the real host (`runtime/p2p/gossip.py`): what is new and worth it is handed over, and passed on.

        What claims to be this node's own is dropped; an author's key cannot be forged here, so none is looked at.
        """
        self._bytes_in += len(data)
        if self.closed or not self._hears(source) or topic not in self._settings.topics:
            return
        if author == self.peer_id or self._scores.of(source) < GRAYLIST_THRESHOLD:
            return
        identity = self._settings.message_id(data)
        if self._has_seen(identity):
            return
        if not self._looked_at.take(f"{source} {topic}"):
            return
        self._note(identity)
        verdict = self._settings.topics[topic](data)
        if verdict is Verdict.REJECT:
            self._scores.invalid(source, topic)
            self._swarm.after(int(JUDGE_EVERY_S * NANOSECONDS), self._judge, source)
        elif verdict is not Verdict.IGNORE and self.waiting.give(len(data)):
            self._give(GossipArrived(topic, source, author, data))
        if verdict is Verdict.ACCEPT:
            self._scores.delivered(source, topic)
            self._forward(topic, author, data, exclude=source)

    def _judge(self, peer: str) -> None:
        score = self._scores.conduct(peer)
        if peer in self.connected and score < PUBLISH_THRESHOLD:
            self._give(ProtocolViolated(peer, f"gossip score {score:.0f}, below {PUBLISH_THRESHOLD:.0f}"))

    def taken(self, size: int) -> None:
        """One gossiped payload has been handled."""
        self.waiting.take(size)

    # -- requests --------------------------------------------------------------------------------------------

    def request(self, number: int, peer: str, protocol: str, data: bytes, timeout_s: float) -> None:
        """Ask a connected peer."""
        if peer not in self.connected:
            self._swarm.after(0, self._give, RequestDone(number, None, f"{peer} is not connected"))
            return
        wait_s = self._pace(peer, timeout_s)
        if wait_s is None:
            error = f"as much is asked of {peer} already as it will answer"
            self._swarm.after(0, self._give, RequestDone(number, None, error))
            return
        self._open_requests[number] = peer
        self._bytes_out += len(data)
        self._swarm.send(self, peer, SimulatedPort._asked, self, number, protocol, data, late_s=wait_s)
        self._swarm.after(
            int(timeout_s * NANOSECONDS), self._finish, number, None, f"{peer} did not answer within {timeout_s} s"
        )

    def _pace(self, peer: str, timeout_s: float) -> float | None:
        """In how many seconds one more request of our own may go, if within its time."""
        return self._own_requests.enter(peer, timeout_s)

    def _back(self, asker: SimulatedPort, function: Callable[..., None], *arguments: Any, late_s: float = 0.0) -> None:
        """Call something at the port that asked, and not at one that has its name after a restart."""
        self._swarm.send(self, asker.peer_id, SimulatedPort._if_asked, asker, function, arguments, late_s=late_s)

    def _if_asked(self, asker: SimulatedPort, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if self is asker:
            function(self, *arguments)

    def _asked(self, asker: SimulatedPort, number: int, protocol: str, data: bytes) -> None:
        """Take a request in as the real host does: not too many open, of a bounded size, not too fast, in its turn."""
        if self.closed:
            return
        peer = asker.peer_id
        self._bytes_in += len(data)
        bytes_max = self._settings.protocols.get(protocol)
        if self._hears(peer) and (speed := self._turns.speed(peer)) is not Speed.FINE:
            self._refuse(asker, number, protocol, speed)
            return
        turn = self._turns.enter(peer) if bytes_max is not None and peer in self.connected else None
        if turn is None:
            self._back(asker, SimulatedPort._finish, number, None, "the peer reset the stream")
            return
        item, wrong = read_item(data, bytes_max or 0)
        if item is None:
            self._turns.leave(peer)
            if wrong:
                self._give(ProtocolViolated(peer, f"{protocol}: {wrong}"))
            self._back(asker, SimulatedPort._finish, number, None, "the peer reset the stream")
            return
        self._inbound_number += 1
        own_number = self._inbound_number
        self._inbound[own_number] = (asker, number, turn)
        self._swarm.after(int(ANSWER_TIMEOUT_S * NANOSECONDS), self.respond, own_number, None)
        turn.take(own_number, lambda: self._give(RequestArrived(own_number, peer, protocol, item)))

    def _refuse(self, asker: SimulatedPort, number: int, protocol: str, speed: Speed) -> None:
        """Say that requests come too fast; who does not heed it goes, and may come back."""
        answer = None if speed is Speed.FLOOD else self._settings.too_fast.get(protocol)
        self._back(asker, SimulatedPort._answered, number, answer)
        if speed is Speed.FLOOD:
            self.disconnect(asker.peer_id)

    def respond(self, number: int, data: bytes | None) -> None:
        """Answer."""
        self._respond(number, data, 0.0)

    def _respond(self, number: int, data: bytes | None, late_s: float) -> None:
        asked = self._inbound.pop(number, None)
        if asked is not None:
            asker, their_number, turn = asked
            self._turns.leave(asker.peer_id)
            turn.leave(number)
            self._bytes_out += len(data or b"")
            self._back(asker, SimulatedPort._answered, their_number, data, late_s=late_s)

    def _answered(self, number: int, data: bytes | None) -> None:
        """An answer comes, of a bounded size."""
        if number not in self._open_requests:
            return
        if not data:
            self._finish(number, None, "the peer refused")
            return
        self._bytes_in += min(len(data), self._settings.response_bytes_max)
        if len(data) > self._settings.response_bytes_max:
            wrong = f"more than {self._settings.response_bytes_max} bytes came; ask for less at once"
            self._finish(number, None, wrong, too_long=True)
            return
        self._finish(number, data, "")

    def _finish(self, number: int, data: bytes | None, error: str, *, too_long: bool = False) -> None:
        peer = self._open_requests.pop(number, None)
        if peer is not None:
            self._own_requests.leave(peer)
            self._give(RequestDone(number, data, error, too_long))

    # -- the rest --------------------------------------------------------------------------------------------

    def block(self, peers: frozenset[str]) -> None:
        """Break with these peers and refuse them."""
        self.admission.blocked = peers
        for peer in sorted(peers):
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
        return tuple(
            PeerInfo(peer, (at,), (), "simulated", peer in self._came_from, self._scores.of(peer), (at,))
            for peer, at in ((peer, f"/sim/{peer}") for peer in sorted(self.connected))
        )

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

"""The simulated network refuses what the real host refuses, by one table; strangers can do what the wire lets them."""

import dataclasses
import inspect

import pytest
from thespis.protocols.encoding import cbor
from thespis.runtime.bases.simulated import SimulatedBase
from thespis.runtime.p2p import core, gossip, host, limits
from thespis.runtime.p2p.limits import (
    ANSWER_TIMEOUT_S,
    BAN_S,
    CONNECTIONS_BURST,
    INBOUND_SHARE,
    REFUSALS_BURST,
    REQUESTS_BURST,
    TURNS_PER_PEER,
)
from thespis.runtime.p2p.port import (
    DialDone,
    GossipArrived,
    HostSettings,
    ProtocolViolated,
    RequestArrived,
    RequestDone,
    Verdict,
)
from thespis.runtime.simulation import edge, network
from thespis.runtime.simulation.stranger import ForgedAuthorError, StrangerPort

PROTOCOL, TOPIC = "/test/1", "topic"
REQUEST = cbor.encode(b"what?")
SETTINGS = HostSettings(
    "test", "/sim", {TOPIC: lambda data: Verdict.REJECT if data[:3] == b"bad" else Verdict.ACCEPT}, {PROTOCOL: 100},
    "/kad", bytes, seen_ttl_s=60.0, too_fast={PROTOCOL: b"slower"},
    response_bytes_max=1000, peers_max=4, connections_per_ip_max=2, gossip_waiting_max=2, requests_per_peer_max=4,
)  # fmt: skip


class Wire:
    """Ports of one swarm, with what each was told."""

    def __init__(self):
        self.base = SimulatedBase(1)
        self.swarm = self.base.world.swarm
        self.told = {}

    def open(self, name, **changes):
        self.told[name] = []
        return self.swarm.open(name, dataclasses.replace(SETTINGS, **changes), self.told[name].append)

    def stranger(self, name, ip="ip", **options):
        self.told[name] = []
        port = StrangerPort(self.swarm, name, ip, SETTINGS, self.told[name].append, **options)
        return self.swarm.place(port)

    def dial(self, port, peer):
        port.dial(1, f"/sim/{peer}/p2p/{peer}")
        self.base.run(0.5)
        return self.of(port.peer_id, DialDone)[-1].error

    def of(self, name, kind):
        return [event for event in self.told[name] if type(event) is kind]


@pytest.fixture
def wire():
    return Wire()


def test_both_worlds_read_one_table():
    """The simulated side has no bound of its own beside what is remembered as seen."""
    shared = {name for name in vars(limits) if name.isupper()}
    for module in (core, gossip, network, edge):
        for name in shared & vars(module).keys():
            assert vars(module)[name] is vars(limits)[name], name
    own = {name for name in vars(network) if name.isupper() and name not in shared}
    assert own == {"NANOSECONDS", "SEEN_MAX"}
    for name in ("Admission", "Turns", "OwnRequests"):
        assert vars(network)[name] is vars(limits)[name]
    assert core.Turns is limits.Turns
    assert core.Scores is network.Scores
    assert host.Waiting is network.Waiting
    used = inspect.getsource(network)
    for field in ("response_bytes_max", "peers_max", "connections_per_ip_max", "gossip_waiting_max",
                  "gossip_waiting_bytes_max", "topic_scores", "too_fast", "requests_per_peer_max", "seen_ttl_s",
                  "protocols", "topics"):  # fmt: skip
        assert f"_settings.{field}" in used or f"settings.{field}" in used, f"nobody holds the network to {field}"


def test_places_are_bounded_by_peers_and_by_address(wire):
    node = wire.open("node")
    crowd = [wire.stranger(f"crowd-{number}") for number in range(3)]
    assert [bool(wire.dial(port, "node")) for port in crowd] == [False, False, True], "two from one address"
    others = [wire.stranger(f"other-{number}", ip=f"ip-{number}") for number in range(2)]
    assert [bool(wire.dial(port, "node")) for port in others] == [False, True], "three in all"
    crowd[0].close()
    wire.base.run(1)
    assert not wire.dial(crowd[2], "node"), "the place and the address are free again"
    assert len(node.connected) == int(SETTINGS.peers_max * INBOUND_SHARE) == 3
    wire.open("chosen")
    wire.open("another")
    assert not wire.dial(node, "chosen"), "a place is left for whom the node dials"
    assert wire.dial(node, "another")
    assert len(node.connected) == SETTINGS.peers_max


def test_new_connections_of_an_address_come_at_a_rate(wire):
    wire.open("node", peers_max=1000, connections_per_ip_max=1000)
    ports = [wire.stranger(f"fast-{number}") for number in range(CONNECTIONS_BURST + 1)]
    for port in ports:
        port.dial(1, "/sim/node/p2p/node")
    wire.base.run(0.1)
    assert sum(1 for port in ports if "node" in port.connected) == CONNECTIONS_BURST


def test_a_ban_lasts_as_long_as_in_the_real_world(wire):
    node, enemy = wire.open("node"), wire.stranger("enemy")
    wire.dial(enemy, "node")
    node.disconnect("enemy", ban=True)
    wire.base.run(1)
    assert [(ban.by, ban.peer) for ban in wire.swarm.bans] == [("node", "enemy")]
    assert wire.dial(enemy, "node")
    assert wire.dial(node, "enemy")
    wire.base.run(BAN_S)
    assert not wire.dial(enemy, "node")


def test_requests_are_bounded_in_size_number_turns_and_rate(wire):
    node, enemy = wire.open("node"), wire.stranger("enemy")
    wire.dial(enemy, "node")
    for number in range(6):
        enemy.request(number, "node", PROTOCOL, REQUEST, 60.0)
    wire.base.run(1)
    arrived = wire.of("node", RequestArrived)
    assert len(arrived) == TURNS_PER_PEER, "the others wait"
    assert [done.error for done in wire.of("enemy", RequestDone)] == ["the peer reset the stream"] * 2, "four are open"
    node.respond(arrived[0].number, b"well")
    wire.base.run(1)
    assert len(wire.of("node", RequestArrived)) == TURNS_PER_PEER + 1
    wire.base.run(ANSWER_TIMEOUT_S)
    assert len(wire.of("enemy", RequestDone)) == 6, "what is not answered is given up"
    enemy.request(9, "node", PROTOCOL, cbor.encode(bytes(99)), 5.0)
    enemy.request(10, "node", "/unknown", REQUEST, 5.0)
    wire.base.run(1)
    assert [event.peer for event in wire.of("node", ProtocolViolated)] == ["enemy"], "over the protocol's bound"


def test_requests_come_too_fast(wire):
    node, enemy = wire.open("node", requests_per_peer_max=1000), wire.stranger("enemy")
    wire.dial(enemy, "node")
    for number in range(REQUESTS_BURST + 8):
        enemy.request(number, "node", PROTOCOL, REQUEST, 60.0)
    wire.base.run(1)
    refused = [done.data for done in wire.of("enemy", RequestDone)]
    assert set(refused) == {b"slower"}
    assert 4 <= len(refused) <= 8, "but for those whose turn came meanwhile"
    assert wire.of("node", ProtocolViolated) == []
    assert node.connected == {"enemy"}, "it is an answer and no fault"
    for number in range(100, 100 + REQUESTS_BURST + REFUSALS_BURST):
        enemy.request(number, "node", PROTOCOL, REQUEST, 60.0)
    wire.base.run(1)
    assert node.connected == set(), "who does not heed it goes"
    assert wire.swarm.bans == []


def test_an_honest_port_is_never_too_fast(wire):
    node, other = wire.open("node", requests_per_peer_max=1000), wire.open("other", requests_per_peer_max=1000)
    wire.dial(other, "node")
    for number in range(4 * REQUESTS_BURST):
        other.request(number, "node", PROTOCOL, REQUEST, 60.0)
    for _ in range(400):
        wire.base.run(0.1)
        for arrived in wire.of("node", RequestArrived):
            node.respond(arrived.number, b"well")
    assert {done.data for done in wire.of("other", RequestDone)} == {b"well"}
    assert len(wire.of("other", RequestDone)) == 4 * REQUESTS_BURST


def test_what_a_node_asks_at_once_is_bounded_as_what_it_answers(wire):
    wire.open("node")
    other = wire.open("other")
    wire.dial(other, "node")
    for number in range(SETTINGS.requests_per_peer_max):
        other.request(number, "node", PROTOCOL, REQUEST, 60.0)
    wire.base.run(0.1)
    assert ["as much is asked" in done.error for done in wire.of("other", RequestDone)] == [True]


def test_an_answer_over_the_bound_is_not_read_and_said_to_be_too_long(wire):
    node, enemy = wire.open("node"), wire.stranger("enemy")
    wire.dial(enemy, "node")
    for size in (SETTINGS.response_bytes_max, SETTINGS.response_bytes_max + 1):
        node.request(size, "enemy", PROTOCOL, REQUEST, 5.0)
        wire.base.run(0.5)
        enemy.respond(wire.of("enemy", RequestArrived)[-1].number, bytes(size))
        wire.base.run(0.5)
    assert [len(done.data or b"") for done in wire.of("node", RequestDone)] == [SETTINGS.response_bytes_max, 0]
    assert [done.too_long for done in wire.of("node", RequestDone)] == [False, True]
    assert wire.of("node", ProtocolViolated) == [], "whether an honest peer can answer so much knows who asked"


def test_gossip_waits_in_bounded_numbers_and_garbage_costs_its_forwarder(wire):
    node, enemy = wire.open("node"), wire.stranger("enemy")
    wire.dial(enemy, "node")
    for number in range(4):
        enemy.inject(TOPIC, f"nobody-{number}", b"%d" % number, ("node",))
    wire.base.run(1)
    assert len(wire.of("node", GossipArrived)) == node.waiting.count == SETTINGS.gossip_waiting_max
    assert node.waiting.dropped == 2
    for number in range(4):
        assert not wire.of("node", ProtocolViolated)
        enemy.inject(TOPIC, "nobody", b"bad%d" % number, ("node",))
        wire.base.run(1)
    assert wire.of("node", ProtocolViolated)
    enemy.inject(TOPIC, "nobody", b"bad again", ("node",))
    enemy.inject(TOPIC, "nobody", b"bad once more", ("node",))
    wire.base.run(1)
    node.taken(1)
    enemy.inject(TOPIC, "nobody", b"good", ("node",))
    wire.base.run(1)
    assert node.waiting.count == 1, "it is not listened to"


def test_gossip_waits_in_bounded_bytes(wire):
    node, enemy = wire.open("node", gossip_waiting_max=100, gossip_waiting_bytes_max=1000), wire.stranger("enemy")
    wire.dial(enemy, "node")
    for number in range(4):
        enemy.inject(TOPIC, "nobody", b"%d" % number * 300, ("node",))
    wire.base.run(1)
    assert (node.waiting.count, node.waiting.size, node.waiting.dropped) == (3, 900, 1)
    node.taken(300)
    enemy.inject(TOPIC, "nobody", b"x" * 400, ("node",))
    wire.base.run(1)
    assert (node.waiting.count, node.waiting.size) == (3, 1000)


def test_nobody_signs_in_anothers_name(wire):
    wire.open("node")
    wire.open("other")
    enemy = wire.stranger("enemy")
    wire.dial(enemy, "node")
    with pytest.raises(ForgedAuthorError):
        enemy.inject(TOPIC, "other", b"a lie", ("node",))
    enemy.hear("other", b"said before")
    enemy.inject(TOPIC, "other", b"said before", ("node",))
    wire.base.run(1)
    assert [event.author for event in wire.of("node", GossipArrived)] == ["other"]


def test_a_stranger_carries_no_gossip_between_others(wire):
    """Or enemies that reach everyone would make a full mesh of any topology, and of every partition."""
    left = wire.open("left")
    wire.open("right")
    enemy, deaf = wire.stranger("enemy", listens=True), wire.stranger("deaf", ip="another")
    for port in (enemy, deaf):
        assert not wire.dial(port, "left")
        assert not wire.dial(port, "right")
    left.publish(TOPIC, b"good")
    wire.base.run(1)
    assert [event.data for event in wire.of("enemy", GossipArrived)] == [b"good"]
    assert not wire.of("deaf", GossipArrived)
    assert not wire.of("right", GossipArrived)


def test_links_are_the_only_way(wire):
    one = wire.open("one")
    wire.open("two")
    wire.open("three")
    wire.swarm.links = frozenset({frozenset(("one", "two")), frozenset(("two", "three"))})
    assert not wire.dial(one, "two")
    assert wire.dial(one, "three")
    assert not wire.dial(wire.stranger("enemy"), "three"), "whoever is in no pair reaches all"

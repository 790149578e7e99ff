"""The libp2p host over real sockets: gossip, requests, limits, and what a hostile peer can do."""

import socket
import threading
import time
from contextlib import suppress

import pytest
import trio
from libp2p.peer.id import ID
from thespis.protocols.wire.topics import message_id
from thespis.runtime.p2p import limits, streams
from thespis.runtime.p2p.host import HostError, Libp2pPort
from thespis.runtime.p2p.limits import BUCKETS_MAX, REQUESTS_BURST, TURNS_PER_PEER, Buckets
from thespis.runtime.p2p.port import (
    BYTES_PER_S_MIN,
    DialDone,
    GossipArrived,
    HostSettings,
    LookupDone,
    PeerConnected,
    PeerDisconnected,
    PingDone,
    ProtocolViolated,
    RequestArrived,
    RequestDone,
    Verdict,
)
from trio.testing import MockClock

pytestmark = pytest.mark.slow
TOPIC = "/fil/blocks/test"
PROTOCOL = "/test/1"
ITEM = b"\x45hello"


class Peer:
    """A host whose events are kept; requests are answered by `answer`."""

    def __init__(self, folder, **changes):
        self.events = []
        self.condition = threading.Condition()
        self.answer = lambda data: data[::-1]
        settings = HostSettings(
            **(
                {
                    "network": "test",
                    "listen": "/ip4/127.0.0.1/tcp/0",
                    "topics": {TOPIC: lambda data: Verdict.REJECT if data == b"bad" else Verdict.ACCEPT},
                    "protocols": {PROTOCOL: 1000},
                    "dht_prefix": "/fil/kad/test",
                    "message_id": message_id,
                    "response_bytes_max": 2000,
                    "seen_ttl_s": 4.0,
                }
                | changes
            )
        )
        self.port = Libp2pPort(folder, settings, self.take)

    def take(self, event):
        if isinstance(event, RequestArrived):
            answer = self.answer(event.data)
            if answer is not ...:
                self.port.respond(event.number, answer)
        with self.condition:
            self.events.append(event)
            self.condition.notify_all()

    def wait(self, kind, accept=lambda _event: True, timeout=10.0):
        def found():
            return [event for event in self.events if isinstance(event, kind) and accept(event)]

        with self.condition:
            assert self.condition.wait_for(found, timeout), f"no {kind.__name__}: {self.events[-5:]}"
            return found()[0]

    def count(self, kind):
        with self.condition:
            return sum(isinstance(event, kind) for event in self.events)


@pytest.fixture
def peers(tmp_path):
    made = []

    def build(**changes):
        made.append(Peer(tmp_path / f"peer{len(made)}", **changes))
        return made[-1]

    yield build
    for peer in made:
        peer.port.close()


def connect(left, right):
    left.port.dial(1, right.port.addresses[0])
    done = left.wait(DialDone)
    assert done.error == ""
    left.wait(PeerConnected)
    right.wait(PeerConnected)


@pytest.mark.behaviour(164, 199, 200)
def test_two_hosts_talk(peers):
    left, right = peers(), peers()
    left.port.ping(9, right.port.peer_id)
    assert left.wait(PingDone).error
    connect(left, right)
    left.port.request(2, right.port.peer_id, PROTOCOL, ITEM, 3.0)
    assert left.wait(RequestDone).data == ITEM[::-1]
    left.port.request(3, right.port.peer_id, "/other/1", ITEM, 3.0)
    assert left.wait(RequestDone, lambda event: event.number == 3).error
    left.port.ping(4, right.port.peer_id)
    assert 0 < left.wait(PingDone, lambda event: event.number == 4).seconds < 5
    left.port.ping(5, left.port.peer_id)
    assert "itself" in left.wait(PingDone, lambda event: event.number == 5).error
    left.port.find_peer(6, right.port.peer_id)
    assert left.wait(LookupDone).addresses
    [info] = left.port.peers()
    assert info.peer == right.port.peer_id
    assert left.port.bandwidth().total_out > 0
    left.port.disconnect(right.port.peer_id)
    right.wait(PeerDisconnected)
    left.wait(PeerDisconnected)


def test_a_peer_that_dialled_in_is_known_by_where_it_listens(peers):
    left, right = peers(), peers()
    connect(left, right)
    deadline = time.monotonic() + 10
    while not right.port.peers()[0].listens and time.monotonic() < deadline:
        time.sleep(0.1)
    [guest], [host] = right.port.peers(), left.port.peers()
    assert (guest.inbound, host.inbound) == (True, False)
    assert [f"{address}/p2p/{guest.peer}" for address in guest.listens] == list(left.port.addresses)
    assert [f"{address}/p2p/{host.peer}" for address in host.listens] == list(right.port.addresses)


def test_gossip_is_checked_before_it_is_passed_on(peers):
    hub, left, right = peers(), peers(), peers()
    connect(left, hub)
    right.port.dial(1, hub.port.addresses[0])
    assert right.wait(DialDone).error == ""
    time.sleep(2.5)
    left.port.publish(TOPIC, b"good")
    assert right.wait(GossipArrived).data == b"good"
    assert right.wait(GossipArrived).source == hub.port.peer_id, "the source is who passed it on"
    left.port.publish(TOPIC, b"bad")
    left.port.publish(TOPIC, b"good")
    time.sleep(1.0)
    assert right.count(GossipArrived) == 1
    assert hub.count(GossipArrived) == 1
    scores = {info.peer: info.score for info in hub.port.peers()}
    assert scores[left.port.peer_id] < 0


def test_gossip_of_one_id_is_one_payload(peers):
    left, right = (peers(message_id=lambda data: data[:1]) for _ in range(2))
    connect(left, right)
    time.sleep(2.5)
    left.port.publish(TOPIC, b"a first")
    right.wait(GossipArrived, lambda event: event.data == b"a first")
    left.port.publish(TOPIC, b"a second")
    left.port.publish(TOPIC, b"b first")
    right.wait(GossipArrived, lambda event: event.data == b"b first")
    time.sleep(0.5)
    assert {event.data for event in right.events if isinstance(event, GossipArrived)} == {b"a first", b"b first"}
    assert right.count(GossipArrived) == 2


def test_identity_survives_and_a_used_port_is_named(peers, tmp_path):
    first = peers()
    identity = first.port.peer_id
    first.port.close()
    again = Peer(tmp_path / "peer0")
    assert again.port.peer_id == identity
    again.port.close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken_port = taken.getsockname()[1]
        with pytest.raises(HostError):
            peers(listen=f"/ip4/127.0.0.1/tcp/{taken_port}")


@pytest.mark.behaviour(163)
@pytest.mark.parametrize(
    "address", ["", "/ip4/127.0.0.1/tcp/1", "nonsense", "/ip4/300.0.0.1/tcp/1/p2p/12D3KooW", "/p2p/x"]
)
def test_addresses_that_are_none_end_in_an_error(peers, address):
    peer = peers()
    peer.port.dial(1, address)
    assert peer.wait(DialDone).error


def test_a_relay_says_that_it_is_one(peers):
    left, relay = peers(), peers(relay=True)
    connect(left, relay)
    time.sleep(2.0)
    [info] = left.port.peers()
    assert "/libp2p/circuit/relay/0.2.0/hop" in info.protocols
    [info] = relay.port.peers()
    assert "/libp2p/circuit/relay/0.2.0/hop" not in info.protocols


def test_an_offline_host_has_no_listener(peers):
    peer = peers(offline=True)
    assert peer.port.addresses == ()
    peer.port.publish(TOPIC, b"x")
    peer.port.find_peer(1, peer.port.peer_id)
    assert "offline" in peer.wait(LookupDone).error


@pytest.mark.behaviour(165, 166)
def test_requests_that_are_too_big_stall_or_make_no_sense(peers):
    left, right = peers(), peers(request_timeout_s=1.0)
    connect(left, right)
    big = b"\x59\x27\x10" + bytes(10_000)
    for number, data in ((2, big), (3, b"\xff\xff"), (4, b"\x58")):
        left.port.request(number, right.port.peer_id, PROTOCOL, data, 4.0)
        assert left.wait(RequestDone, lambda event, number=number: event.number == number).error
    assert right.count(ProtocolViolated) == 2, "what merely ends too early is no violation"
    right.answer = lambda data: None
    left.port.request(5, right.port.peer_id, PROTOCOL, ITEM, 3.0)
    assert left.wait(RequestDone, lambda event: event.number == 5).error
    right.answer = lambda data: ...
    left.port.request(6, right.port.peer_id, PROTOCOL, ITEM, 1.0)
    assert "no answer" in left.wait(RequestDone, lambda event: event.number == 6).error
    right.answer = lambda data: data
    left.port.request(7, right.port.peer_id, PROTOCOL, ITEM, 3.0)
    assert left.wait(RequestDone, lambda event: event.number == 7).data == ITEM


def test_an_answer_over_the_bound_is_not_read_and_its_peer_stays(peers):
    """Whether an honest peer can answer so much knows who asked."""
    left, right = peers(), peers()
    connect(left, right)
    for number, size, too_long in ((2, 2000, False), (3, 2001, True), (4, 1 << 20, True), (5, 10, False)):
        right.answer = lambda data, size=size: bytes(size)
        left.port.request(number, right.port.peer_id, PROTOCOL, ITEM, 4.0)
        done = left.wait(RequestDone, lambda event, number=number: event.number == number)
        assert (done.too_long, len(done.data or b"")) == (too_long, 0 if too_long else size)
    assert left.count(ProtocolViolated) == 0
    assert right.port.peer_id in left.port.connected


def test_a_banned_peer_stays_away_for_a_while(peers):
    left, right = peers(), peers()
    connect(left, right)
    right.port.disconnect(left.port.peer_id, ban=True)
    left.wait(PeerDisconnected)
    before = right.count(PeerConnected)
    left.port.dial(2, right.port.addresses[0])
    left.wait(DialDone, lambda event: event.number == 2)
    time.sleep(1.0)
    assert right.port.connected == {}
    assert right.count(PeerConnected) == before


def test_partition_on_purpose_and_heal(peers):
    left, right = peers(), peers()
    connect(left, right)
    left.port.block(frozenset({right.port.peer_id}))
    right.wait(PeerDisconnected)
    right.port.dial(2, left.port.addresses[0])
    right.wait(DialDone, lambda event: event.number == 2)
    time.sleep(0.5)
    assert left.port.connected == {}
    left.port.block(frozenset())
    right.port.dial(3, left.port.addresses[0])
    assert right.wait(DialDone, lambda event: event.number == 3, timeout=20).error == ""
    left.wait(PeerConnected)


def test_silent_connections_from_one_address_are_limited(peers):
    peer = peers(connections_per_ip_max=8)
    port = int(peer.port.addresses[0].split("/")[4])
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
    try:
        time.sleep(1.0)
        assert peer.port.admission.refused >= 20
        time.sleep(4.0)
        honest = peers()
        honest.port.dial(1, peer.port.addresses[0])
        assert honest.wait(DialDone, timeout=20).error == ""
    finally:
        for each in opened:
            each.close()


def test_who_asks_too_fast_is_told_so_and_is_no_worse_for_it(peers, monkeypatch):
    monkeypatch.setattr(limits, "REQUESTS_PER_S", 1.0)  # or a slow machine is never too fast
    asked, others = peers(too_fast={PROTOCOL: b"slower"}), [peers(), peers()]
    fast, honest = others
    for each in others:
        each.port.dial(1, asked.port.addresses[0])
        assert each.wait(DialDone).error == ""
    answers, count = [], REQUESTS_BURST + 30

    async def ask_without_pacing():
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(ask_once)
                await trio.sleep(0.005)

    async def ask_once():
        core = fast.port._core
        peer = ID.from_base58(asked.port.peer_id)
        answers.append(await streams.ask(core._host, peer, PROTOCOL, ITEM, 5.0, 1000))

    fast.port._post(ask_without_pacing)
    honest.port.request(2, asked.port.peer_id, PROTOCOL, ITEM, 3.0)
    assert honest.wait(RequestDone).data == ITEM[::-1]
    deadline = time.monotonic() + 20
    while len(answers) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(answers) == {ITEM[::-1], b"slower"}
    assert asked.count(ProtocolViolated) == 0
    assert asked.count(PeerDisconnected) == 0


def test_an_honest_host_keeps_to_the_rate_of_who_answers(peers):
    left, right = peers(), peers(too_fast={PROTOCOL: b"slower"})
    connect(left, right)
    for number in range(10, 10 + REQUESTS_BURST + 40):
        left.port.request(number, right.port.peer_id, PROTOCOL, ITEM, 10.0)
        if number >= 20:
            left.wait(RequestDone, lambda event, number=number: event.number == number - 10)
    left.wait(RequestDone, lambda event: event.number == 9 + REQUESTS_BURST + 40)
    done = [event for event in left.events if isinstance(event, RequestDone)]
    assert {event.error for event in done} == {""}
    assert {event.data for event in done} == {ITEM[::-1]}


def test_who_floods_is_let_go_and_may_come_back(peers, monkeypatch):
    monkeypatch.setattr(limits, "REQUESTS_PER_S", 1.0)
    monkeypatch.setattr(limits, "REFUSALS_PER_S", 0.1)
    monkeypatch.setattr(limits, "REFUSALS_BURST", 5)
    flood, asked = peers(), peers()
    connect(flood, asked)

    async def ask_without_end():
        peer = ID.from_base58(asked.port.peer_id)
        async with trio.open_nursery() as nursery:
            for _ in range(REQUESTS_BURST + 60):
                nursery.start_soon(ask_once, peer)
                await trio.sleep(0.005)

    async def ask_once(peer):
        with suppress(Exception):
            await streams.ask(flood.port._core._host, peer, PROTOCOL, ITEM, 5.0, 1000)

    flood.port._post(ask_without_end)
    asked.wait(PeerDisconnected)
    assert asked.count(ProtocolViolated) == 0
    time.sleep(1)
    flood.port.dial(2, asked.port.addresses[0])
    assert flood.wait(DialDone, lambda event: event.number == 2, timeout=20).error == ""


def test_short_writes_are_read_to_their_end_and_are_no_fault(peers):
    """Some peers write a byte at a time: an item in a thousand frames is one item, and an answer in as many is one."""
    left, right = peers(), peers()
    connect(left, right)
    item, answers = b"\x59\x03\xe4" + bytes(996), []

    async def ask_byte_by_byte():
        stream = await left.port._core._host.new_stream(ID.from_base58(right.port.peer_id), [PROTOCOL])
        for place in range(len(item)):
            await stream.write(item[place : place + 1])
        await stream.close()
        answers.append(await streams.read_to_end(stream, 1000))

    left.port._post(ask_byte_by_byte)
    right.wait(RequestArrived, lambda event: event.data == item, timeout=20)
    deadline = time.monotonic() + 20
    while not answers and time.monotonic() < deadline:
        time.sleep(0.05)
    assert answers == [item[::-1]]
    assert right.count(ProtocolViolated) == left.count(PeerDisconnected) == 0


def test_an_answer_that_goes_on_coming_outlasts_its_time_and_one_that_stalls_does_not(peers):
    """Time limits count progress: who sends on is waited for, by the bytes that came."""
    left, right = peers(response_bytes_max=2 << 20), peers()
    connect(left, right)

    async def answer(stream):
        for _ in range(8):
            await stream.write(bytes(128 << 10))
            await trio.sleep(0.25)
        await stream.close()

    async def stall(stream):
        await stream.write(bytes(1000))
        await trio.sleep_forever()

    async def serve():
        right.port._core._host.set_stream_handler("/slow/1", answer)
        right.port._core._host.set_stream_handler("/stalled/1", stall)

    right.port._post(serve)
    time.sleep(0.2)
    assert 1.0 < 8 * 0.25 < 1.0 + (1 << 20) / BYTES_PER_S_MIN
    left.port.request(2, right.port.peer_id, "/slow/1", ITEM, 1.0)
    left.port.request(3, right.port.peer_id, "/stalled/1", ITEM, 1.0)
    assert "within 1.0 s" in left.wait(RequestDone, lambda event: event.number == 3).error
    assert left.wait(RequestDone, lambda event: event.number == 2).data == bytes(1 << 20)


def test_who_leaves_requests_unfinished_is_let_go_and_not_kept_away(peers, monkeypatch):
    monkeypatch.setattr(limits, "STALLS_PER_S", 0.01)
    assert limits.STALLS_BURST == 16
    monkeypatch.setattr(limits, "STALLS_BURST", 3)
    drip, asked = peers(), peers(request_timeout_s=0.5)
    connect(drip, asked)

    async def begin_some():
        for _ in range(5):
            stream = await drip.port._core._host.new_stream(ID.from_base58(asked.port.peer_id), [PROTOCOL])
            await stream.write(b"\x58")

    drip.port._post(begin_some)
    asked.wait(PeerDisconnected)
    assert asked.count(ProtocolViolated) == 0
    assert not asked.port.admission.is_banned(drip.port.peer_id)


def test_one_peers_unanswered_requests_hold_up_nobody_else(peers):
    greedy, honest, asked = peers(), peers(), peers()
    connect(greedy, asked)
    honest.port.dial(1, asked.port.addresses[0])
    assert honest.wait(DialDone).error == ""
    asked.answer = lambda data: ...
    for number in range(10, 30):
        greedy.port.request(number, asked.port.peer_id, PROTOCOL, ITEM, 3.0)
    time.sleep(0.5)
    assert asked.count(RequestArrived) == TURNS_PER_PEER
    asked.answer = lambda data: data
    honest.port.request(2, asked.port.peer_id, PROTOCOL, ITEM, 3.0)
    assert honest.wait(RequestDone).data == ITEM


def test_buckets_fill_again_and_are_bounded():
    async def main():
        buckets = Buckets(10.0, 2)
        assert [buckets.take("a") for _ in range(4)] == [True, True, False, False]
        assert buckets.take("b")
        await trio.sleep(0.1)
        assert [buckets.take("a") for _ in range(2)] == [True, False]
        for number in range(BUCKETS_MAX + 10):
            buckets.take(str(number))
        assert len(buckets._levels) == BUCKETS_MAX

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_many_reconnects_leave_no_slot_taken(peers):
    left, right = peers(), peers()
    for number in range(30):
        left.port.dial(number, right.port.addresses[0])
        assert left.wait(DialDone, lambda event, number=number: event.number == number).error == ""
        left.port.disconnect(right.port.peer_id)
        left.wait(PeerDisconnected)
        with left.condition:
            left.events.clear()
    time.sleep(0.5)
    assert sum(right.port.admission._by_ip.values()) <= 1


def test_closing_takes_no_time_and_twice_is_no_error(peers):
    left, right = peers(), peers()
    connect(left, right)
    started = time.monotonic()
    left.port.close()
    left.port.close()
    assert not left.port._thread.is_alive()
    assert time.monotonic() - started < 3
    left.port.publish(TOPIC, b"into the void")

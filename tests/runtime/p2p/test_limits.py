"""Limits of one peer and one address, without sockets and under a virtual clock."""

from types import SimpleNamespace

import pytest
import trio
from thespis.runtime.p2p import limits
from thespis.runtime.p2p.limits import (
    BAN_S,
    BANNED_MAX,
    INBOUND_SHARE,
    STREAMS_PER_CONNECTION_MAX,
    UNREAD_BYTES_MAX,
    UNREAD_TOTAL_MAX,
    WATCH_EVERY_S,
    Admission,
    watch_connections,
)
from trio.testing import MockClock


class Connection:
    """A connection with so many streams and so much that nobody has read."""

    def __init__(self, name, streams=0, unread=0):
        buffers = {0: range(unread)}
        self.muxed_conn = SimpleNamespace(peer_id=name, streams=range(streams), stream_buffers=buffers)
        self.closed = False

    async def close(self):
        self.closed = True


def cut_off(*connections):
    """The names of those that one look closes."""
    network = SimpleNamespace(get_connections=lambda: [each for each in connections if not each.closed])

    async def look():
        with trio.move_on_after(1.5 * WATCH_EVERY_S):
            await watch_connections(network)

    trio.run(look, clock=MockClock(autojump_threshold=0))
    return [each.muxed_conn.peer_id for each in connections if each.closed]


def test_a_connection_has_a_bounded_number_of_streams():
    most = Connection("most", streams=STREAMS_PER_CONNECTION_MAX)
    assert cut_off(most, Connection("more", streams=STREAMS_PER_CONNECTION_MAX + 1)) == ["more"]


def test_a_connection_may_leave_a_bounded_number_of_bytes_unread():
    assert cut_off(Connection("most", unread=UNREAD_BYTES_MAX)) == []
    more = Connection("more", unread=UNREAD_BYTES_MAX + 1)
    assert cut_off(Connection("few", unread=1000), more) == ["more"]
    assert more.muxed_conn.stream_buffers == {}, "its bytes are given back at once"


def test_all_connections_together_may_leave_a_bounded_number_of_bytes_unread():
    half = UNREAD_TOTAL_MAX // 2
    assert cut_off(Connection("one", unread=half), Connection("other", unread=half)) == []
    worst = Connection("worst", unread=half + 1)
    assert cut_off(Connection("one", unread=half), worst, Connection("small", unread=1)) == ["worst"]


@pytest.fixture
def admission():
    return Admission(per_ip_max=2, peers_max=10)


def test_a_bounded_number_of_peers_is_banned_for_a_while(admission, monkeypatch):
    assert BANNED_MAX == 4096
    monkeypatch.setattr(limits, "BANNED_MAX", 3)

    async def ban():
        for peer in "abc":
            admission.met(peer)
            admission.ban(peer)
        assert [admission.is_banned(peer) for peer in "abc"] == [True] * 3
        admission.met("d")
        admission.ban("d")
        assert [admission.is_banned(peer) for peer in "abcd"] == [False, True, True, True]
        await trio.sleep(BAN_S)
        assert admission.is_banned("d")
        await trio.sleep(0.1)
        assert not admission.is_banned("d")
        admission.blocked = frozenset({"e"})
        assert admission.is_banned("e")

    trio.run(ban, clock=MockClock(autojump_threshold=0))


def test_names_that_nobody_met_push_out_no_ban(admission, monkeypatch):
    monkeypatch.setattr(limits, "BANNED_MAX", 3)

    async def ban():
        admission.met("liar")
        admission.ban("liar")
        for number in range(10):
            admission.ban(f"invented-{number}")
        assert admission.is_banned("liar")
        assert not admission.is_banned("invented-9")
        for number in range(5):
            admission.met(f"guest-{number}")
        assert list(admission._met) == ["guest-2", "guest-3", "guest-4"], "bounded too"

    trio.run(ban, clock=MockClock(autojump_threshold=0))


def test_a_place_in_time_is_taken_or_is_too_far_off():
    async def reserve():
        buckets = limits.Buckets(10.0, 2)
        assert [buckets.reserve("a", 0.25) for _ in range(5)] == [
            0.0,
            0.0,
            pytest.approx(0.1),
            pytest.approx(0.2),
            None,
        ]
        await trio.sleep(0.2)
        assert buckets.reserve("a", 0.1) == pytest.approx(0.1), "what was refused took nothing"

    trio.run(reserve, clock=MockClock(autojump_threshold=0))


def test_an_honest_asker_is_never_too_fast_and_a_deaf_one_is_a_flood():
    async def ask():
        own, turns = limits.OwnRequests(32), limits.Turns(32, lambda _places: None)
        speeds, began_s = [], trio.current_time()
        for _ in range(600):
            wait_s = own.enter("peer", 1e9)
            own.leave("peer")
            await trio.sleep(max(0.0, began_s + wait_s - began_s))
            speeds.append(turns.speed("me"))
        assert set(speeds) == {limits.Speed.FINE}
        speeds = [turns.speed("deaf") for _ in range(limits.REQUESTS_BURST + limits.REFUSALS_BURST + 1)]
        assert speeds.count(limits.Speed.FINE) == limits.REQUESTS_BURST
        assert speeds.count(limits.Speed.TOO_FAST) == limits.REFUSALS_BURST
        assert speeds[-1] is limits.Speed.FLOOD
        assert [own.enter("other", 1e9) is None for _ in range(26)] == [False] * 25 + [True], "open at once"

    trio.run(ask, clock=MockClock(autojump_threshold=0))


def test_an_address_has_a_bounded_number_of_connections(admission):
    async def connect():
        assert [admission.admit("1.2.3.4") for _ in range(3)] == [True, True, False]
        assert admission.refused == 1
        assert admission.admit("5.6.7.8")
        admission.leave("1.2.3.4")
        assert admission.admit("1.2.3.4")

    trio.run(connect, clock=MockClock(autojump_threshold=0))


def test_places_are_left_for_whom_the_node_dials(admission):
    async def connect():
        places = int(10 * INBOUND_SHARE)
        assert [admission.admit(f"ip-{number}") for number in range(places + 1)] == [True] * places + [False]
        admission.leave("ip-0")
        assert admission.admit("ip-last")

    trio.run(connect, clock=MockClock(autojump_threshold=0))

"""A place in the simulated network has lives: what was meant for one never reaches the next, nor one that is gone."""

import pytest
from thespis.runtime.p2p.port import PeerConnected, RequestArrived, RequestDone

from tests.runtime.simulation.test_bounds import PROTOCOL, REQUEST, Wire


@pytest.fixture
def wire():
    return Wire()


def test_an_answer_to_who_asked_before_a_restart_is_no_answer_to_its_successor(wire):
    before, honest, liar = (wire.open(name) for name in ("asker", "honest", "liar"))
    assert wire.dial(before, "liar") == ""
    before.request(1, "liar", PROTOCOL, REQUEST, 60.0)
    wire.base.run(0.5)
    [asked] = wire.of("liar", RequestArrived)
    before.close()
    after = wire.open("asker")
    assert wire.dial(after, "honest") == ""
    after.request(1, "honest", PROTOCOL, REQUEST, 60.0)
    liar.respond(asked.number, b"a lie")
    wire.base.run(0.5)
    assert wire.of("asker", RequestDone) == []
    [asked] = wire.of("honest", RequestArrived)
    honest.respond(asked.number, b"the truth")
    wire.base.run(0.5)
    [done] = wire.of("asker", RequestDone)
    assert (done.number, done.data) == (1, b"the truth")


@pytest.mark.parametrize("gone_after_s", [0.0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4])
def test_who_goes_while_it_dials_leaves_no_connection_behind(wire, gone_after_s):
    dialler, other = wire.open("dialler"), wire.open("other")
    wire.swarm.faults.delay_min_ns, wire.swarm.faults.delay_max_ns = 20_000_000, 100_000_000
    dialler.dial(1, "/sim/other/p2p/other")
    wire.base.run(gone_after_s)
    dialler.close()
    wire.base.run(1.0)
    assert other.connected == set()
    assert len(wire.of("other", PeerConnected)) <= 1


def test_what_the_accepting_side_says_at_once_is_heard(wire):
    """Both sides greet as soon as they are connected, and the dialler learns last that they are."""
    dialler, other = wire.open("dialler"), wire.open("other")
    wire.swarm.faults.delay_min_ns, wire.swarm.faults.delay_max_ns = 1_000_000, 1_000_000_000
    dialler.dial(1, "/sim/other/p2p/other")
    while not wire.of("other", PeerConnected):
        wire.base.run(0.01)
    wire.swarm.faults.delay_max_ns = 2_000_000
    other.request(1, "dialler", PROTOCOL, REQUEST, 60.0)
    wire.base.run(0.01)
    assert [event.peer for event in wire.of("dialler", RequestArrived)] == ["other"]
    wire.base.run(2.0)
    assert [event.peer for event in wire.of("dialler", PeerConnected)] == ["other"]

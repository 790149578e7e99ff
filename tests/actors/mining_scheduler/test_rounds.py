"""Which epoch comes next, wherever the clock stands."""

from types import SimpleNamespace

import pytest
from thespis.actors.mining_scheduler import outbox, rounds
from thespis.actors.mining_scheduler.outbox import Outbox, Outgoing
from thespis.actors.mining_scheduler.rounds import HOLD_EPOCHS, HOLD_S_MIN, TRIED_KEPT, Rounds
from thespis.runtime.errors import ActorRestartedError

from tests.actors.chain.builder import GENESIS_TIME_S, new_chain

DELAY_S = 30


@pytest.fixture(scope="module")
def profile():
    return new_chain(delay_s=DELAY_S).genesis.profile


def at(epoch):
    return GENESIS_TIME_S + epoch * DELAY_S


def test_each_epoch_has_its_turn_once_a_share_of_an_epoch_ahead(profile):
    found = Rounds(profile, 0.25)
    assert found.turn(at(6.2), 6.2 * DELAY_S).wait_s == pytest.approx(0.05 * DELAY_S)
    assert found.turn(at(6.25), 6.25 * DELAY_S).height == 7
    again = found.turn(at(6.3), 6.3 * DELAY_S)
    assert (again.height, again.wait_s) == (0, pytest.approx(0.95 * DELAY_S))
    assert found.turn(at(7.3), 7.3 * DELAY_S).height == 8
    assert found.turn(at(9.1), 9.1 * DELAY_S).height == 0, "too late for 9, too early for 10"
    before = Rounds(profile, 0.25).turn(at(-50), 0.0)
    assert (before.height, before.wait_s) == (0, 0.25 * DELAY_S), "it looks again at least once an epoch"


def test_a_clock_that_jumped_is_believed_when_it_has_stood_for_a_while(profile):
    found = Rounds(profile, 0.0)
    hold_s = max(HOLD_S_MIN, HOLD_EPOCHS * DELAY_S)
    assert (HOLD_S_MIN, hold_s) == (60.0, 300.0)
    assert found.turn(at(5.5), 0.0).height == 6
    far = 1000.5
    assert found.turn(at(far), 1.0).held
    assert found.turn(at(far) + hold_s - 1, hold_s).held
    assert found.turn(at(far) + hold_s, 1.0 + hold_s).height == 1011
    assert found.turn(at(6.5) + hold_s, 2.0 + hold_s).held, "and back again is a jump, too"
    near = Rounds(profile, 0.0)
    assert near.turn(at(5.5), 0.0).height == 6
    assert near.turn(at(far), 1.0).held
    assert near.turn(at(6.5), DELAY_S).height == 7, "where it stood before it is believed at once"


def test_only_the_newest_epochs_are_remembered(profile, monkeypatch):
    assert TRIED_KEPT == 4000
    monkeypatch.setattr(rounds, "TRIED_KEPT", 2)
    found = Rounds(profile, 0.0)
    for epoch in range(1, 4):
        assert found.turn(at(epoch + 0.5), (epoch + 0.5) * DELAY_S).height == epoch + 1
    assert list(found._tried) == [3, 4]


def test_a_syncer_that_restarts_is_asked_a_bounded_number_of_times(monkeypatch):
    assert (outbox.ASKS_AT_ONCE_MAX, outbox.TIMES_GIVEN_MAX) == (3, 3)
    asked = []

    async def ask(question):
        asked.append(question)
        raise ActorRestartedError("again")

    monkeypatch.setattr(Outgoing, "question", lambda _block: "question")
    header = SimpleNamespace(height=7, cid=lambda: "cid")
    block = Outgoing(header, ())
    waiting = Outbox(SimpleNamespace(ask=ask), None, None)
    with pytest.raises(ActorRestartedError):
        waiting.give(block).send(None)
    assert len(asked) == outbox.ASKS_AT_ONCE_MAX
    assert (block.busy, block.times, block.reason) == (False, 0, "ActorRestartedError: again")


def test_a_block_that_nothing_is_built_on_is_given_a_bounded_number_of_times():
    index = SimpleNamespace(has_block=lambda _height, _cid: True)
    genesis = SimpleNamespace(profile=SimpleNamespace(finality_epochs=900))
    chain = SimpleNamespace(index=index, genesis=genesis, head=lambda: SimpleNamespace(height=7))
    settled = []
    waiting = Outbox(None, chain, SimpleNamespace(settle=settled.append))
    block = Outgoing(SimpleNamespace(height=7, cid=lambda: "cid"), (), times=outbox.TIMES_GIVEN_MAX - 1)
    assert not waiting._is_settled(block)
    block.times += 1
    assert waiting._is_settled(block)
    assert settled == [block.header]

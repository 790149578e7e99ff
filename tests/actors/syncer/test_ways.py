"""Whom the Syncer asks first, and how soon it asks others beside one that keeps silent."""

import pytest
from thespis.actors.messages.network import PeerError
from thespis.actors.syncer import ways as module
from thespis.actors.syncer.race import NEXT_AFTER_S, Race
from thespis.actors.syncer.targets import STALL_S, Targets
from thespis.actors.syncer.ways import SILENT_MAX_S, SILENT_S, Standing, Ways
from thespis.runtime.actor.tasks import Alarms, Pending, Task

from tests.actors.syncer.test_targets import target


class Owner:
    """Virtual time, and peers that answer when the test says so."""

    def __init__(self):
        self.passed_s, self.alarms, self.asked = 0.0, Alarms(), {}

    async def ask(self, peer):
        pending = self.asked[peer] = Pending()
        return await pending

    async def sleep(self, seconds):
        await self.alarms.set(self.passed_s + seconds)

    def spawn(self, coroutine):
        Task(coroutine, lambda _result, error: None if error is None else pytest.fail(repr(error)))

    def pass_time(self, seconds):
        self.passed_s += seconds
        self.alarms.fire(self.passed_s)


class Racing:
    """A race, and everything that came of it."""

    def __init__(self, *peers):
        self.owner, self.came, self.over = Owner(), [], False
        self.race = Race(self.owner, peers, self.owner.ask)
        self.owner.spawn(self.run())

    async def run(self):
        while (came := await self.race.next()) is not None:
            self.came.append((came.peer, came.data or str(came.failure)))
        self.over = True

    @property
    def asked(self):
        return list(self.owner.asked)


def test_one_that_keeps_silent_costs_a_moment_and_may_still_answer():
    racing = Racing("silent", "second", "third")
    assert racing.asked == ["silent"]
    racing.owner.pass_time(NEXT_AFTER_S / 2)
    assert racing.asked == ["silent"]
    racing.owner.pass_time(NEXT_AFTER_S)
    assert racing.asked == ["silent", "second"]
    racing.owner.asked["second"].resolve(b"well")
    assert racing.came == [("second", b"well")]
    assert racing.asked == ["silent", "second", "third"], "whoever races on was not content with it"
    racing.owner.asked["silent"].resolve(b"late")
    racing.owner.asked["third"].fail(PeerError("gone"))
    assert racing.came[1:] == [("silent", b"late"), ("third", "gone")]
    assert racing.over


def test_who_fails_at_once_is_followed_by_the_next_at_once():
    racing = Racing("a", "b")
    racing.owner.asked["a"].fail(PeerError("gone"))
    assert racing.asked == ["a", "b"]
    racing.owner.asked["b"].fail(PeerError("gone too"))
    assert racing.over
    assert Racing().over, "nobody to ask"


def test_a_fault_of_our_own_ends_a_race_too():
    racing = Racing("a")
    racing.owner.asked["a"].fail(KeyError("a bug"))
    assert racing.came == [("a", "'a bug'")]
    assert racing.over


def test_what_costs_a_stranger_nothing_speaks_for_nothing():
    ways, everybody = Ways(), ["dialled", "polite", "stranger", "silent", "answered"]
    ways.greeted("polite")
    ways.answered("answered")
    ways.kept_silent("silent", 0.0)
    ways.see(everybody, ["dialled"], 1.0)
    assert sorted(everybody, key=ways.standing) == ["dialled", "answered", "polite", "stranger", "silent"]
    ways.kept_silent("dialled", 1.0)
    assert ways.standing("dialled") == Standing.SILENT, "whoever it is"
    ways.answered("dialled")
    assert ways.standing("dialled") == Standing.PROVEN


def test_who_keeps_silent_again_is_left_alone_for_longer_and_who_has_gone_is_forgotten():
    assert (SILENT_S, SILENT_MAX_S) == (60.0, 960.0)
    ways, now_s = Ways(), 0.0
    for times in range(7):
        ways.kept_silent("peer", now_s)
        silent_s = min(SILENT_MAX_S, SILENT_S * 2**times)
        ways.see(["peer"], [], now_s + silent_s - 1)
        assert ways.standing("peer") == Standing.SILENT
        now_s += silent_s
        ways.see(["peer"], [], now_s)
        assert ways.standing("peer") == Standing.STRANGER
    ways.greeted("peer")
    ways.answered("peer")
    ways.see([], [], now_s)
    assert ways.standing("peer") == Standing.STRANGER
    ways.kept_silent("peer", now_s)
    ways.see(["peer"], [], now_s + SILENT_S)
    assert ways.standing("peer") == Standing.STRANGER, "the first time again"


def test_so_many_that_greet_and_go_are_remembered_and_no_more(monkeypatch):
    assert module.GREETED_MAX == 1024
    monkeypatch.setattr(module, "GREETED_MAX", 2)
    ways = Ways()
    for peer in "abc":
        ways.greeted(peer)
    assert [ways.standing(peer) for peer in "abc"] == [Standing.STRANGER, Standing.POLITE, Standing.POLITE]


def test_hundreds_of_strangers_lanes_stand_behind_those_of_miners_and_of_peers_that_answer():
    targets, ways = Targets(), Ways()
    for number in range(300):
        targets.add(target(number, 10**30, f"stranger-{number}"))
    targets.add(target(1000, 1, "known"))
    targets.add(target(1001, 1, "gossip", lane="miner f01000"))
    ways.answered("known")
    first = {targets.take(now_s, ways.standing).weight for now_s in (0.0, STALL_S)}
    assert first == {1}

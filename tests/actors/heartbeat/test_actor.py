"""Beats go on at their pace, whatever the collector does with them."""

import json
from types import SimpleNamespace

import pytest
from thespis.actors.heartbeat.actor import DEADLINE_S, Heartbeat
from thespis.actors.heartbeat.settings import HeartbeatSettings
from thespis.actors.messages.network import AskPeer, ConnectPeer, PeerError
from thespis.actors.messages.syncer import Head, NewHead, ReadHead
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.actor.tasks import Alarms, Task
from thespis.runtime.errors import AskTimeoutError

from tests.actors.syncer.alone import run

TARGET = "/ip4/1.2.3.4/tcp/5/p2p/collector"
HEAD = Head((Cid.of(b"one"), Cid.of(b"two")), 7, 8)


class Alone(Heartbeat):
    """A Heartbeat without its process: the collector `answers`, says nothing, or `is_there` no more."""

    def __init__(self, *, answers=True, target=TARGET, offline=False, period_s=3.0):
        super().__init__()
        self.alarms, self.passed_s = Alarms(), 0.0
        self.answers, self.is_there, self.said, self.dialled = answers, True, [], []
        self._myRef = SimpleNamespace(environment=SimpleNamespace())
        run(self.start(HeartbeatSettings(target, period_s, 10.0, "nick", "f01000", offline)))

    def now_s(self):
        return self.passed_s

    async def sleep(self, seconds):
        await self.alarms.set(self.passed_s + seconds)

    def spawn(self, coroutine):
        Task(coroutine, lambda _result, _error: None)

    def pass_time(self, seconds):
        end_s = self.passed_s + seconds
        while (due_s := self.alarms.next_due_s()) is not None and due_s <= end_s:
            self.passed_s = max(self.passed_s, due_s)
            self.alarms.fire(due_s)
        self.passed_s = end_s

    async def ask(self, question, within_s=None):
        if isinstance(question, ReadHead):
            return HEAD
        if isinstance(question, ConnectPeer):
            self.dialled.append(question.address)
            if not self.is_there:
                raise PeerError("nobody is there")
            return None
        assert isinstance(question, AskPeer)
        assert question.timeout_s == within_s <= DEADLINE_S
        self.said.append(json.loads(question.data))
        if not self.answers:
            await self.sleep(within_s)
            raise AskTimeoutError("no answer")
        return b"thanks"


@pytest.mark.behaviour(162)
def test_a_beat_says_head_height_nickname_and_miner_to_the_collector():
    alone = Alone()
    alone.pass_time(1)
    assert alone.dialled == [TARGET]
    head = ",".join(str(cid) for cid in HEAD.head)
    assert alone.said == [{"Head": head, "Height": 7, "Nickname": "nick", "MinerAddress": "f01000"}]
    alone.new_head(NewHead((Cid.of(b"three"),), 9, 10, (), ()))
    alone.pass_time(3)
    assert (alone.said[-1]["Height"], alone.said[-1]["Head"]) == (9, str(Cid.of(b"three")))


@pytest.mark.behaviour(162)
def test_without_a_target_or_a_network_nothing_is_said():
    for alone in (Alone(target=""), Alone(offline=True)):
        alone.pass_time(60)
        assert (alone.dialled, alone.said) == ([], [])


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("period_s", [1.0, 3.0, 20.0])
def test_a_collector_that_never_answers_slows_no_beat(answers, period_s):
    alone = Alone(answers=answers, period_s=period_s)
    alone.pass_time(60 - 0.01)
    assert len(alone.said) == 60 / period_s


def test_a_collector_that_was_away_is_dialled_again_and_told_once_of(caplog):
    alone = Alone()
    alone.pass_time(3.5)
    alone.is_there = False
    alone.pass_time(60)
    before = len(alone.said)
    assert sum("heartbeat" in record.message for record in caplog.records if record.levelname == "WARNING") == 1
    alone.is_there = True
    alone.pass_time(15)
    assert len(alone.said) > before

"""Lanes of the Api: who is next, what each client may have wait, and what happens to work that nobody waits for."""

from thespis.actors.api import turns as turns_module
from thespis.actors.api.registry import LIMIT, RpcError
from thespis.actors.api.turns import (
    CALL_SECONDS_MAX,
    CLIENT_RUNNING_MAX,
    CLIENT_WAITING_MAX,
    CLIENTS_MAX,
    LONG,
    Turns,
)
from thespis.runtime.actor.tasks import Task
from thespis.runtime.lanes import LaneEnd, LaneEnded


class Port:
    """Lanes whose work ends when the test says so."""

    def __init__(self):
        self.begun, self.stopped, self.limits = {}, [], []

    def begin(self, lane, number, work, within_s):
        assert lane not in {each for each, _work in self.begun.values()}, "a lane does one piece of work at a time"
        self.begun[number] = (lane, work)
        self.limits.append(within_s)

    def end(self, number):
        _lane, work = self.begun.pop(number)
        return LaneEnd(work(), None, self.seconds)

    def stop(self, number):
        self.stopped.append(number)

    seconds = 1.0


class Field:
    def __init__(self):
        self.port, self.now_s, self.done = Port(), 0.0, []
        self.turns = Turns(self.port, lambda: self.now_s)

    def call(self, client, name, body=1, quick=False):
        async def run():
            return await self.turns.run(client, body, lambda _lane: name, quick=quick)

        return Task(run(), lambda result, error: self.done.append(error or result))

    def end_one(self):
        self.turns.ended(LaneEnded(min(self.port.begun)))


def test_a_client_has_one_long_call_at_a_time_and_the_least_served_is_next():
    field = Field()
    for number in range(4):
        field.call("greedy", f"greedy {number}")
    assert CLIENT_RUNNING_MAX == len(field.port.begun) == len(LONG) - 1
    field.call("modest", "modest")
    assert len(field.port.begun) == len(LONG)
    field.end_one()
    field.call("modest", "modest again")
    field.end_one()
    for _ in range(4):
        field.end_one()
    assert field.done[:2] == ["greedy 0", "modest"]
    assert field.done.index("modest again") < field.done.index("greedy 2")
    assert field.port.limits == [CALL_SECONDS_MAX] * 6


def test_quick_calls_do_not_wait_for_long_ones():
    field = Field()
    for client in ("a", "b", "c"):
        field.call(client, f"long {client}")
    field.call("a", "quick", quick=True)
    field.turns.ended(LaneEnded(max(field.port.begun)))
    assert field.done == ["quick"]


def test_what_came_earlier_is_done_earlier_within_a_client():
    field = Field()
    field.call("a", "running")
    field.call("a", "second body", body=3)
    field.call("a", "first body", body=2)
    for _ in range(3):
        field.end_one()
    assert field.done == ["running", "first body", "second body"]


def test_a_client_has_so_many_calls_wait(monkeypatch):
    assert CLIENT_WAITING_MAX == 128
    monkeypatch.setattr(turns_module, "CLIENT_WAITING_MAX", 2)
    field = Field()
    for number in range(4):
        field.call("a", number)
    field.call("b", "another's")
    [refused] = field.done
    assert isinstance(refused, RpcError)
    assert refused.code == LIMIT
    assert "2 calls" in str(refused)
    assert {work() for _lane, work in field.port.begun.values()} == {0, "another's"}


def test_work_that_nobody_waits_for_is_stopped_or_never_begun():
    field = Field()
    running, waiting, last = field.call("a", "running"), field.call("a", "waiting"), field.call("a", "last")
    waiting.cancel()
    assert field.port.stopped == []
    running.cancel()
    assert field.port.stopped == list(field.port.begun)
    field.end_one()
    field.end_one()
    assert field.done == ["last"]
    last.cancel()
    assert not field.port.begun


def test_clients_are_remembered_so_many_and_none_that_waits_is_forgotten(monkeypatch):
    assert CLIENTS_MAX == 4096
    monkeypatch.setattr(turns_module, "CLIENTS_MAX", 2)
    field = Field()
    field.call("waits", "waits")
    field.call("waits", "waits longer")
    for number in range(5):
        field.call(f"guest {number}", number, quick=True)
        field.turns.ended(LaneEnded(max(field.port.begun)))
    assert len(field.turns._clients) == 2
    field.end_one()
    field.end_one()
    assert field.done[-2:] == ["waits", "waits longer"]


def test_what_a_client_took_is_forgotten_by_half():
    field = Field()
    field.call("a", "x")
    field.end_one()
    client = field.turns._clients["a"]
    assert client.used_s(0.0) == 1.0
    assert client.used_s(turns_module.HALF_LIFE_S) == 0.5

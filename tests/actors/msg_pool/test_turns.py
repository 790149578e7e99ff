"""One at a time for each key, in order, in bounded number."""

import pytest
from thespis.actors.msg_pool import turns as module
from thespis.actors.msg_pool.turns import BusyError, Turns
from thespis.runtime.actor.tasks import Pending, Task


def test_each_key_has_its_own_turns_in_the_order_of_asking():
    turns, seen, gates = Turns(), [], {name: Pending() for name in ("first", "second", "other")}

    async def work(key, name, *, fails=False):
        async with turns.of(key):
            seen.append(name)
            if fails:
                raise ValueError(name)
            await gates[name]

    for key, name in ((1, "first"), (1, "second"), (2, "other")):
        Task(work(key, name), lambda _result, _error: None)
    assert seen == ["first", "other"]
    gates["first"].resolve(None)
    assert seen == ["first", "other", "second"]
    gates["second"].resolve(None)
    errors = []
    Task(work(1, "third", fails=True), lambda _result, error: errors.append(error))
    Task(work(1, "fourth", fails=True), lambda _result, error: errors.append(error))
    assert [str(error) for error in errors] == ["third", "fourth"], "who fails gives its turn on"


def test_who_waits_is_bounded(monkeypatch):
    assert module.WAITING_MAX == 1000
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    turns, gate, errors = Turns(), Pending(), []

    async def work():
        async with turns.of(1):
            await gate

    for _ in range(4):
        Task(work(), lambda _result, error: errors.append(error))
    [refused] = errors
    assert isinstance(refused, BusyError)
    with pytest.raises(BusyError, match="2 messages wait to be signed"):
        raise refused
    gate.resolve(None)
    assert errors[1:] == [None] * 3

"""Asks in flight and durations of handlers: both are kept in bounded numbers."""

import pytest
from thespis.runtime.actor import asks as module
from thespis.runtime.actor.asks import ASKS_MAX, Asks
from thespis.runtime.actor.timing import SAMPLES_MAX, Durations
from thespis.runtime.errors import MailboxFullError


def test_asks_in_flight_are_bounded(monkeypatch):
    assert ASKS_MAX == 10_000
    monkeypatch.setattr(module, "ASKS_MAX", 3)
    asks = Asks()
    numbers = [asks.open("Somebody", None)[0] for _ in range(3)]
    with pytest.raises(MailboxFullError, match="3 asks are in flight"):
        asks.open("Somebody", None)
    asks.close(numbers[1])
    assert asks.open("Somebody", None)[0] == 4


def test_the_last_durations_are_kept():
    durations = Durations()
    assert durations.quantile(0.5) == 0.0
    durations.add(1000.0)
    for _ in range(SAMPLES_MAX - 1):
        durations.add(1.0)
    assert durations.quantile(1.0) == 1000.0
    durations.add(2.0)
    assert durations.quantile(1.0) == 2.0, "the oldest is forgotten"
    assert durations.quantile(0.0) == durations.quantile(0.99) == 1.0

"""The rules of supervision as pure functions."""

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.runtime.actor.conversation import Role
from thespis.runtime.actor.supervision import Backoff, ChildSpec, Intensity, Plan, Restart, RestartLog, should_restart
from thespis.runtime.bases.exits import ExitStatus

ROLE = Role("Child", "a tree of these tests", members_max=3)
CLEAN, FAILED, KILLED = ExitStatus(0, None), ExitStatus(3, None), ExitStatus(None, 9)


@pytest.mark.parametrize(
    ("policy", "restarted"),
    [
        (Restart.PERMANENT, {CLEAN, FAILED, KILLED}),
        (Restart.TRANSIENT, {FAILED, KILLED}),
        (Restart.TEMPORARY, set()),
    ],
)
def test_policies(policy, restarted):
    assert {status for status in (CLEAN, FAILED, KILLED) if should_restart(policy, status)} == restarted


def test_exit_statuses_say_why():
    assert [str(status) for status in (CLEAN, FAILED, KILLED)] == ["exit code 0", "exit code 3", "SIGKILL"]
    assert str(ExitStatus(None, 200)) == "signal 200"


@given(st.integers(1, 60), st.integers())
def test_backoff_starts_at_once_grows_and_is_bounded(attempt, seed):
    backoff = Backoff()
    delay = backoff.delay_s(attempt, random.Random(seed))
    if attempt == 1:
        assert delay == 0
    else:
        plain = min(backoff.most_s, backoff.first_s * backoff.factor ** (attempt - 2))
        assert plain * (1 - backoff.jitter) <= delay <= plain * (1 + backoff.jitter)


@given(st.lists(st.floats(0, 30), max_size=40))
def test_intensity_counts_what_is_inside_the_window(times):
    log = RestartLog(Intensity(restarts=5, window_s=10.0))
    seen = []
    for now in sorted(times):
        seen.append(now)
        number = log.note(now, "why")
        assert number == sum(1 for then in seen if then > now - 10.0)
        assert log.exhausted(number) == (number > 5)
    assert log.total == len(times)


def test_who_hears_of_an_event_is_found_once_and_in_start_order():
    """Events are many, and a plan does not change."""
    looked = []

    class Child:
        def __init__(self, *events):
            self.events = events

        @property
        def handlers(self):
            looked.append(self)
            return dict.fromkeys(self.events)

    children = tuple(
        ChildSpec(ROLE, Child(*events), member=member) for member, events in enumerate(((int, str), (str,), ()), 1)
    )
    plan = Plan(children)
    before = len(looked)
    for _ in range(100):
        heard = [plan.subscribers(kind) for kind in (str, int, float)]
    assert heard == [("Child-1", "Child-2"), ("Child-1",), ()]
    assert len(looked) == before
    assert dataclasses.replace(plan, children=children[1:]).subscribers(str) == ("Child-2",)

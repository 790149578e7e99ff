"""The rules of supervision as pure functions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.runtime.actor.supervision import Backoff, Intensity, Restart, RestartLog, should_restart
from thespis.runtime.bases.exits import ExitStatus

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

"""Faults for the demonstration: kill, freeze, and how long until the tree is whole again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from thespis.deploy.launcher import RunningNode
from thespis.runtime.actor.envelopes import ChildState, ProcessRow
from thespis.runtime.errors import RuntimeFloorError

HEAL_TIMEOUT_S = 30.0
POLL_S = 0.01


class NotHealedError(RuntimeFloorError):
    """A role did not come back in time."""


def rows_of(node: RunningNode) -> dict[str, ProcessRow]:
    """The process table by role."""
    return {row.role: row for row in node.handle.processes().rows}


def pids_of(node: RunningNode, roles: tuple[str, ...]) -> dict[str, int]:
    """Process ids of roles; waits for the heartbeat that tells them."""
    deadline = time.monotonic() + HEAL_TIMEOUT_S
    while time.monotonic() < deadline:
        pids = {role: rows_of(node)[role].statistics.process_id for role in roles}
        if all(pids.values()):
            return pids
        time.sleep(0.1)
    raise NotHealedError(f"no heartbeat of {', '.join(roles)} within {HEAL_TIMEOUT_S} s")


def hurt(node: RunningNode, roles: tuple[str, ...], number: int) -> dict[str, float]:
    """Send a signal to the processes of roles at once; returns the seconds until each was ready again."""
    pids = pids_of(node, roles)
    before = {role: rows_of(node)[role].incarnation for role in roles}
    started = time.monotonic()
    for pid in pids.values():
        os.kill(pid, number)
    healed: dict[str, float] = {}
    while len(healed) < len(roles):
        rows = rows_of(node)
        now = time.monotonic()
        for role in roles:
            if role not in healed and rows[role].incarnation > before[role] and rows[role].state is ChildState.RUNNING:
                healed[role] = now - started
        if now - started > HEAL_TIMEOUT_S:
            missing = [role for role in roles if role not in healed]
            raise NotHealedError(f"{', '.join(missing)} did not come back within {HEAL_TIMEOUT_S} s")
        time.sleep(POLL_S)
    return healed


def run_script(
    node: RunningNode, roles: tuple[str, ...], report: Callable[[str, dict[str, float]], None], rounds: int = 1
) -> list[float]:
    """Kill each role in turn, `rounds` times, then four at once, then freeze one; returns the kills' recovery times."""
    times: list[float] = []
    for _ in range(rounds):
        for role in roles:
            healed = hurt(node, (role,), signal.SIGKILL)
            report(f"kill -9 {role}", healed)
            times += healed.values()
    several = roles[1:5]
    healed = hurt(node, several, signal.SIGKILL)
    report(f"kill -9 {', '.join(several)} at once", healed)
    times += healed.values()
    report(f"SIGSTOP {roles[-1]}", hurt(node, roles[-1:], signal.SIGSTOP))
    return times

"""Talking to a supervisor from outside its system: admin commands, tests, the daemon's own process."""

from __future__ import annotations

import itertools
from typing import Any

from thespian.actors import ActorAddress, ActorSystem
from thespis.runtime.actor.envelopes import (
    Failure,
    ListProcesses,
    ProcessTable,
    Reply,
    Request,
    RestartRole,
    StartChildren,
    StopChildren,
    TellRole,
)
from thespis.runtime.actor.supervisor import Told
from thespis.runtime.clock import Clock, SystemClock
from thespis.runtime.errors import AskTimeoutError, RemoteError


class SupervisorHandle:
    """One outside caller of one supervisor; replies are matched by number, whatever else arrives."""

    def __init__(self, system: ActorSystem, address: ActorAddress, clock: Clock | None = None) -> None:
        self._system = system
        self.address = address
        self._clock = clock or SystemClock()
        self._numbers = itertools.count(1)

    def ask(self, body: Any, deadline_s: float = 10.0) -> Any:
        """Ask the supervisor itself; raises RemoteError or AskTimeoutError."""
        number = next(self._numbers)
        end_s = self._clock.monotonic_s() + deadline_s
        self._system.tell(self.address, Request(number, 0, body))
        while (remaining_s := end_s - self._clock.monotonic_s()) > 0:
            answer = self._system.listen(remaining_s)
            if isinstance(answer, Reply) and answer.number == number:
                return answer.body
            if isinstance(answer, Failure) and answer.number == number:
                raise RemoteError(answer.kind, answer.detail)
        raise AskTimeoutError(f"the supervisor did not answer {type(body).__name__} within {deadline_s} s")

    def start(self, settings: Any = None, deadline_s: float = 120.0) -> None:
        """Start every child and wait until the last is ready."""
        self.ask(StartChildren(settings), deadline_s)

    def stop(self, deadline_s: float = 60.0) -> None:
        """Stop every child."""
        self.ask(StopChildren(), deadline_s)

    def processes(self) -> ProcessTable:
        """The process table."""
        table: ProcessTable = self.ask(ListProcesses())
        return table

    def restart(self, role: str, deadline_s: float = 30.0) -> None:
        """Restart one role and wait until it is ready."""
        self.ask(RestartRole(role), deadline_s)

    def tell_role(self, role: str, body: Any, deadline_s: float = 5.0) -> Any:
        """Ask one role through its supervisor."""
        told: Told = self.ask(TellRole(role, body, deadline_s), deadline_s + 5.0)
        return told.body

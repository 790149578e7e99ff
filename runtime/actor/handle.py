"""Talking to a supervisor from outside its system: admin commands, tests, the daemon's own process."""

from __future__ import annotations

import itertools
from typing import Any, TypeVar

from thespian.actors import ActorAddress, ActorSystem
from thespis.runtime.actor.conversation import Ask, Tell
from thespis.runtime.actor.envelopes import (
    Failure,
    ListProcesses,
    ProcessTable,
    Relay,
    Reply,
    Request,
    RestartRole,
    StartChildren,
    StopChildren,
)
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.clock import Clock, SystemClock
from thespis.runtime.errors import AskTimeoutError, RemoteError, error_named

R = TypeVar("R")
START_WITHIN_S, STOP_WITHIN_S, RESTART_WITHIN_S = 120.0, 60.0, 30.0


class SupervisorHandle:
    """One outside caller of one supervisor; replies are matched by number, whatever else arrives."""

    def __init__(self, system: ActorSystem, address: ActorAddress, clock: Clock | None = None) -> None:
        self._system = system
        self.address = address
        self._clock = clock or SystemClock()
        self._numbers = itertools.count(1)

    def ask_supervisor(self, question: Ask[R], within_s: float = 10.0) -> R:
        """The supervisor's own answer; raises what the question declares, RemoteError or AskTimeoutError."""
        number = next(self._numbers)
        end_s = self._clock.monotonic_s() + within_s
        self._system.tell(self.address, Request(number, 0, question))
        while (remaining_s := end_s - self._clock.monotonic_s()) > 0:
            answer = self._system.listen(remaining_s)
            if isinstance(answer, Reply) and answer.number == number:
                found: R = REGISTRY.reply_from_wire(type(question), answer.body)
                return found
            if isinstance(answer, Failure) and answer.number == number:
                raise error_named(answer.kind, answer.detail, question.expected_errors())
        raise AskTimeoutError(f"the supervisor did not answer {type(question).__name__} within {within_s} s")

    def start(self, settings: Any = None, within_s: float = START_WITHIN_S) -> None:
        """Start every child and wait until the last is ready."""
        self.ask_supervisor(StartChildren(settings), within_s)

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """Stop every child."""
        self.ask_supervisor(StopChildren(), within_s)

    def processes(self) -> ProcessTable:
        """The process table."""
        return self.ask_supervisor(ListProcesses())

    def restart(self, role: str, within_s: float = RESTART_WITHIN_S) -> None:
        """Restart one child and wait until it is ready."""
        self.ask_supervisor(RestartRole(role), within_s)

    def ask(self, question: Ask[R], *, member: int = 0, within_s: float | None = None) -> R:
        """The answer of a role, asked through its supervisor; raises as a subsystem's ask does."""
        relay = Relay(question, member, question.wait_s() if within_s is None else within_s)
        try:
            relayed = self.ask_supervisor(relay, relay.wait_s())
        except RemoteError as error:
            raise error_named(error.kind, error.detail, question.expected_errors()) from None
        answer: R = REGISTRY.reply_from_wire(type(question), relayed.body)
        return answer

    def tell(self, notice: Tell, *, member: int = 0) -> None:
        """Tell a role something through its supervisor."""
        relay = Relay(notice, member, 0.0)
        self.ask_supervisor(relay, relay.wait_s())

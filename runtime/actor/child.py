"""What a supervisor knows of one child."""

from __future__ import annotations

from typing import Any

from thespian.actors import ActorAddress
from thespis.runtime.actor.envelopes import ChildState, Peer, ProcessRow, Statistics
from thespis.runtime.actor.supervision import Cause, ChildSpec, Ending, RestartLog
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.bases.exits import ExitStatus

NO_STATISTICS = Statistics(0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0, 0.0)


class SupervisedChild:
    """State, incarnation and history of one role."""

    def __init__(self, spec: ChildSpec[Any]) -> None:
        self.spec = spec
        self.state = ChildState.STOPPED
        self.incarnation = 0
        self.address: ActorAddress = ActorAddress("nobody")
        self.log = RestartLog(spec.intensity)
        self.ready: Pending[None] = Pending()
        self.exited: Pending[None] = Pending()
        self.has_run = False
        self.restart_asked = False
        self._cause: Cause | None = None
        self._failure = ""
        self.pinged_s: float | None = None
        self.statistics = NO_STATISTICS
        self._rate = 0.0
        self._counted: tuple[float, int] | None = None

    def expect_ready(self) -> Pending[None]:
        """A pending for the next time this role is ready."""
        self.ready = Pending()
        return self.ready

    def new_process(self) -> None:
        """A new incarnation begins: forget what the old one owed."""
        self.exited = Pending()
        self.pinged_s = None
        self.statistics = NO_STATISTICS
        self._counted = None
        self._rate = 0.0

    def blame(self, cause: Cause, detail: str) -> None:
        """Note why this incarnation is about to be ended."""
        self._cause, self._failure = cause, detail

    def ended(self, status: ExitStatus) -> Ending:
        """The present incarnation is gone: how, and for what it was blamed."""
        ending = Ending(status, self._cause, self._failure)
        self._cause, self._failure = None, ""
        return ending

    def peer(self) -> Peer:
        """Where the role lives."""
        return Peer(self.spec.name, self.address, self.incarnation)

    def pong(self, now_s: float, statistics: Statistics) -> None:
        """Take a heartbeat's answer and what it says."""
        self.pinged_s = None
        self.statistics = statistics
        if self._counted is not None and now_s > self._counted[0]:
            self._rate = (statistics.handled - self._counted[1]) / (now_s - self._counted[0])
        self._counted = (now_s, statistics.handled)

    def row(self) -> ProcessRow:
        """This child's line of the process table."""
        return ProcessRow(
            self.spec.name,
            self.state,
            self.incarnation,
            self.log.total,
            tuple(self.log.reasons),
            dict(self.log.by_cause),
            self._rate,
            self.statistics,
        )

    @staticmethod
    def row_of_supervisor(role: str, statistics: Statistics) -> ProcessRow:
        """The supervisor's own line."""
        return ProcessRow(role, ChildState.RUNNING, 1, 0, (), {}, 0.0, statistics)

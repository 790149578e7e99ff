"""One simulated actor: its life, its mailbox while it cannot read it, and what Thespian lets it call."""

from __future__ import annotations

import traceback
from collections import deque
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ActorSystemException,
    PoisonMessage,
    Thespian_ActorStatus,
    Thespian_StatusReq,
    WakeupMessage,
)
from thespian.system.timing import ExpirationTimer
from thespis.runtime.bases import rules
from thespis.runtime.bases.counters import NO_COUNTERS, Counters
from thespis.runtime.bases.exits import START_FAILED_CODE, ChildExited, ExitStatus
from thespis.runtime.errors import MessageError
from thespis.runtime.simulation.faults import NANOSECONDS
from thespis.runtime.simulation.moments import SEND, Killed

if TYPE_CHECKING:
    from thespis.runtime.bases.simulated import SimulatedBase

EXIT_GRACE_NS = 5 * NANOSECONDS


class SimulatedActor(rules.UnsupportedCalls):
    """The simulated counterpart of an actor process; also what Thespian calls the actor's reference."""

    def __init__(
        self,
        base: SimulatedBase,
        details: str,
        actor_class: Any,
        requirements: Any,
        name: str | None,
        parent: SimulatedActor | None,
    ) -> None:
        self.base = base
        self.details = details
        self.address = ActorAddress(details)
        self.globalName = name
        self.parent = parent
        self.node: str = parent.node if parent else name or details
        self.environment = base.world.environment(self.node, details)
        self.children: dict[str, SimulatedActor] = {}
        self.stands = False
        self.hung = False
        self.exit: ExitStatus | None = None
        self.failure = ""
        self._class = actor_class
        self._requirements = requirements
        self._actor: Actor | None = None
        self._exiting = False
        self._pending: deque[tuple[Any, ActorAddress]] = deque()
        self._backlog: deque[tuple[str, bytes]] = deque()
        self._wakeups = 0
        if parent is not None:
            parent.children[details] = self

    # -- life ------------------------------------------------------------------------------------------------

    def construct(self) -> None:
        """Make the actor object; a failing constructor ends the actor with its own exit code."""
        if self.exit is not None:
            return
        if self._exiting:
            self._finish(ExitStatus(0, None))
            return
        try:
            actor = rules.instantiate(self._class, self.base.capabilities, self._requirements)
        except (Exception, SystemExit):
            self.failure = traceback.format_exc()
            self._finish(ExitStatus(START_FAILED_CODE, None))
            return
        actor._myRef = self
        self._actor = actor
        self.stands = True
        self.base.note("stands", self.details)
        self._drain()

    def receive(self, sender: str, payload: bytes) -> None:
        """A message arrives; it waits while the actor starts or hangs."""
        if not self.stands or self.hung or self._backlog:
            self._backlog.append((sender, payload))
            return
        self._open(sender, payload)

    def _drain(self) -> None:
        while self.stands and not self.hung and self.exit is None and (self._pending or self._backlog):
            if self._pending:
                self._handle(*self._pending.popleft())
            else:
                self._open(*self._backlog.popleft())

    def _open(self, sender: str, payload: bytes) -> None:
        if self._exiting:
            self.base.dead_letter(self.details, payload)
            return
        try:
            message = self.base.codec.decode(payload)
        except MessageError as error:
            self.base.reject(self.details, error)
            return
        self._handle(message, ActorAddress(sender))

    def local(self, message: Any, sender: ActorAddress) -> None:
        """A notice of the system itself (timer, child exit): handled now, or when the actor can."""
        if self.exit is not None or self._exiting:
            return
        if not self.stands or self.hung:
            self._pending.append((message, sender))
        else:
            self._handle(message, sender)

    def _handle(self, message: Any, sender: ActorAddress) -> None:
        assert self._actor is not None
        if isinstance(message, Thespian_StatusReq):
            self.actor_send(sender, self._status())
            return

        def poison(notice: PoisonMessage) -> None:
            if sender != self.address and self.exit is None:
                self.actor_send(sender, notice)

        try:
            rules.deliver(self._actor, message, sender, poison)
        except SystemExit as request:
            code = request.code if isinstance(request.code, int) else 0 if request.code is None else 1
            self.die(ExitStatus(code, None))
            return
        except Killed:
            return
        if isinstance(message, ActorExitRequest):
            self.begin_exit()

    def begin_exit(self) -> None:
        """Stop handling, have the children exit, then go; children that do not are killed."""
        if self._exiting or self.exit is not None:
            return
        self._exiting = True
        for child in list(self.children.values()):
            self.base.schedule(self.base.faults.delay_ns(self.base.rng), child.exit_request)
        if self.children:
            self.base.schedule(EXIT_GRACE_NS, self._kill_children)
        else:
            self._finish(ExitStatus(0, None))

    def exit_request(self) -> None:
        """The parent wants this actor gone."""
        if not self.stands:
            self._exiting = True
        else:
            self.local(ActorExitRequest(), self.parent.address if self.parent else self.address)

    def _kill_children(self) -> None:
        for child in list(self.children.values()):
            child.die(ExitStatus(None, 9))

    def die(self, status: ExitStatus) -> None:
        """End at once, with everything below; what was not synced to disk is lost."""
        for child in list(self.children.values()):
            child.die(ExitStatus(None, 9))
        self._finish(status)

    def _finish(self, status: ExitStatus) -> None:
        if self.exit is not None:
            return
        base = self.base
        self.exit = status
        self.stands = False
        base.note("exit", self.details, str(status))
        base.actors.pop(self.details, None)
        base.world.disk(self.node).crash(self.environment)
        self.environment.release()
        if self.globalName and base.names.get(self.globalName) == self.details:
            del base.names[self.globalName]
        if base.dead_letter_handler == self.details:
            base.dead_letter_handler = None
        for _sender, payload in self._backlog:
            base.dead_letter(self.details, payload)
        self._backlog.clear()
        parent = self.parent
        if parent is None or parent.exit is not None:
            return
        parent.children.pop(self.details, None)
        if parent._exiting:
            if not parent.children:
                parent._finish(ExitStatus(0, None))
            return
        notice = ChildExited(self.address, status)
        base.schedule(base.faults.delay_ns(base.rng), parent.local, notice, self.address)

    def resume(self) -> None:
        """Go on after a hang."""
        self.hung = False
        self._drain()

    def recheck_capabilities(self) -> None:
        """Exit when a required capability is gone."""
        try:
            rules.check_capabilities(self._class, self.base.capabilities, self._requirements)
        except ActorSystemException:
            self.local(ActorExitRequest(), self.address)

    def _status(self) -> Any:
        status = Thespian_ActorStatus(self.address, self._class.__name__, ActorAddress("root"))
        status.addWakeups([(self.address, ExpirationTimer(timedelta(0)))] * self._wakeups)
        for child in self.children.values():
            status.addChild(child.address)
        return status

    # -- what the actor may call (Thespian's names) ----------------------------------------------------------

    def actor_send(self, target: ActorAddress, message: Any) -> None:
        """Encode now, deliver later; the dead send nothing, whatever their abandoned coroutines do when collected."""
        if self.exit is not None:
            return
        base, environment, target_details = self.base, self.environment, target.addressDetails
        payload = base.codec.encode(message)
        observed = environment.moments.observer is not None and target_details != self.details
        if observed:  # what its own port says comes in the port's time and not in its own, so it is no such moment
            environment.moments.tell(environment, SEND, (target_details, message), False)
        base.post(self.details, target_details, payload)
        if observed:
            environment.moments.tell(environment, SEND, (target_details, message), True)

    def createActor(
        self, specification: Any, requirements: Any, globalName: str | None, sourceHash: Any = None
    ) -> ActorAddress:
        """Start a child and return its address at once."""
        if sourceHash:
            self.loadActorSource(sourceHash)
        if globalName and globalName in self.base.names:
            return ActorAddress(self.base.names[globalName])
        return self.base.start(specification, requirements, globalName, self).address

    def wakeupAfter(self, period: Any, payload: Any) -> None:
        """Deliver a WakeupMessage after `period` of virtual time, to this incarnation, and never early."""
        self._wakeups += 1
        self.base.schedule(
            max(0, int(rules.seconds_of(period) * NANOSECONDS)) + 1, self._wake, WakeupMessage(period, payload)
        )

    def _wake(self, wakeup: WakeupMessage) -> None:
        self._wakeups -= 1
        self.base.note("wake", self.details)
        self.local(wakeup, self.address)

    def handleDeadLetters(self, _address: ActorAddress, enable: bool) -> None:
        """Become the receiver of dead letters, or stop being it."""
        if enable:
            self.base.dead_letter_handler = self.details
        elif self.base.dead_letter_handler == self.details:
            self.base.dead_letter_handler = None

    def updateCapability(self, name: str, value: Any) -> None:
        """Change a capability of the whole system."""
        self.base.updateCapability(name, value)

    def actorSystemShutdown(self) -> None:
        """Stop everything."""
        self.base.schedule(0, self.base.shutdown)

    def kill_child(self, address: ActorAddress) -> None:
        """Kill a child that no longer answers."""
        child = self.children.get(str(address.addressDetails))
        if child is not None:
            child.die(ExitStatus(None, 9))

    def counters(self) -> Counters:
        """How many messages wait; a simulation has no channels to count more."""
        return replace(NO_COUNTERS, mailbox=len(self._backlog) + len(self._pending))

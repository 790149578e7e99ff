"""The supervisor: starts children in order, watches them, restarts them, routes their events, stops them in reverse.

One coroutine starts everything and one stops everything; between them each child has a small state machine driven
by three facts only: it reported ready, it reported failure, its process ended. A supervisor knows no subsystem by
name; a subclass gives it a plan.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, ClassVar

from thespian.actors import ActorAddress, ChildActorExited, PoisonMessage
from thespis.runtime.actor.child import SupervisedChild
from thespis.runtime.actor.conversation import SUPERVISOR, Ask, Tell
from thespis.runtime.actor.envelopes import (
    ChildState,
    ListProcesses,
    Peer,
    PeersChanged,
    Ping,
    Pong,
    ProcessTable,
    Publish,
    Relay,
    Relayed,
    RestartRole,
    Routed,
    StartChildren,
    StartSubsystem,
    StopChildren,
    StopSubsystem,
    SubsystemFailed,
    SubsystemReady,
)
from thespis.runtime.actor.handlers import answers
from thespis.runtime.actor.log_levels import LogLevels, SetLogLevel, changed
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.supervision import Cause, Ending, Plan, should_restart
from thespis.runtime.bases.exits import ExitStatus
from thespis.runtime.errors import ActorStartError, MessageError, RoleUnavailableError

logger = logging.getLogger(__name__)

EXIT_GAVE_UP = 75
"""Exit code of a supervisor whose child could not be kept alive; systemd or Kubernetes decides what then."""

UNKNOWN_EXIT = ExitStatus(None, None)


class Supervisor(Subsystem[None]):
    """Root of a tree of subsystems; subclasses set `plan`."""

    plan: ClassVar[Plan] = Plan(())
    copies_children: ClassVar[bool] = True
    """Its children come together and import the same: they are copies of a template (`runtime/bases/template.py`)."""

    def __init__(self) -> None:
        super().__init__()
        self._ready = True
        self.incarnation = 1
        self.children: dict[str, SupervisedChild] = {}
        self._choose(None)
        self._by_address: dict[str, SupervisedChild] = {}
        self._up = False
        self._giving_up = False
        self._pings = 0
        self._settings: Any = None

    def _choose(self, settings: Any) -> None:
        """Take the roles that a node with these settings has."""
        wanted = (spec for spec in self.plan.children if settings is None or spec.wanted(settings))
        self.children = {spec.name: self.children.get(spec.name) or SupervisedChild(spec) for spec in wanted}

    # -- orders ----------------------------------------------------------------------------------------------

    @answers(StartChildren, exclusive=True)
    async def start_children(self, order: StartChildren) -> None:
        """Start every child in order, each when the former is ready; a failure unwinds what was started.

        Raises PlanError before anything starts when the plan leaves a message without who takes it.
        Starting what is started already is no error and starts nothing twice.
        """
        if self._up:
            return
        self.plan.check()
        self._settings = order.settings
        self._choose(order.settings)
        for child in self.children.values():
            self._create(child)  # processes come up side by side, and are told to start one after the other
        for child in self.children.values():
            try:
                await self._start_first(child)
            except ActorStartError:
                await self._stop_all()
                raise
        self._up = True
        self.spawn(self._heartbeat())

    @answers(StopChildren, exclusive=True)
    async def stop_children(self, _order: StopChildren) -> None:
        """Stop every child in reverse order, each within its bound; stopping twice is no error."""
        await self._stop_all()

    @answers(RestartRole)
    async def restart_role(self, order: RestartRole) -> None:
        """End one child as asked; its policy does not matter, it is started again."""
        child = self._child(order.role)
        if child.state is not ChildState.RUNNING:
            raise RoleUnavailableError(f"{order.role} is {child.state.value}; wait until it runs")
        child.restart_asked = True
        ready = child.expect_ready()
        child.state = ChildState.STOPPING
        self._announce()
        self.send(child.address, StopSubsystem())
        self._kill_after(child, child.spec.stop_timeout_s)
        await ready

    @answers(ListProcesses)
    def list_processes(self, _order: ListProcesses) -> ProcessTable:
        """The process table, this supervisor first."""
        own = SupervisedChild.row_of_supervisor(self.role, self.statistics())
        return ProcessTable((own, *(child.row() for child in self.children.values())))

    @answers(SetLogLevel)
    def set_log_level(self, order: SetLogLevel) -> None:
        """Change what this process writes and every child's does; who is started later is told with its start."""
        self._take_levels(changed(self._log_levels, order, (self.role, *self.children)))
        self._tell_living(self._log_levels)

    @answers(Relay)
    async def relay(self, order: Relay) -> Relayed:
        """Ask in the name of the outside; what is only told is told."""
        spoken = order.body
        if isinstance(spoken, Ask):
            self._child(spoken.addressee.holder(order.member))
            answer = await self.ask(spoken, member=order.member, within_s=order.limit_s)
            return Relayed(REGISTRY.reply_to_wire(type(spoken), answer))
        if not isinstance(spoken, Tell):
            raise MessageError(f"{type(spoken).__name__} is neither asked nor told; see: thespis tell --help")
        self._child(spoken.addressee.holder(order.member))
        self.tell(spoken, member=order.member)
        return Relayed(None)

    def _child(self, role: str) -> SupervisedChild:
        child = self.children.get(role)
        if child is None:
            raise RoleUnavailableError(f"no role {role!r} in this node; the roles are {', '.join(self.children)}")
        return child

    # -- what children say -----------------------------------------------------------------------------------

    def receive_other(self, msg: Any, sender: ActorAddress) -> None:
        """Readiness, failures, heartbeats, events and ends of children."""
        child = self._by_address.get(str(sender.addressDetails))
        if isinstance(msg, ChildActorExited):
            self._child_exited(str(msg.childAddress.addressDetails), getattr(msg, "status", UNKNOWN_EXIT))
        elif isinstance(msg, PoisonMessage):
            logger.error("%s could not handle %s", sender, type(msg.poisonMessage).__name__)
        elif child is None:
            self._rejected += 1  # a stale incarnation, or a stranger
        elif isinstance(msg, SubsystemReady):
            self._child_ready(child)
        elif isinstance(msg, SubsystemFailed):
            child.blame(Cause.START_FAILED, msg.reason)
            self._kill(child)
        elif isinstance(msg, Pong):
            child.pong(self.now_s(), msg.statistics)
            if msg.peers_version != self._peers_version:
                self.send(child.address, self._peers())
            if msg.levels_version != self._log_levels.version:
                self.send(child.address, self._log_levels)
        elif isinstance(msg, Publish):
            self._route(msg.event)
        else:
            self._rejected += 1

    def _route(self, event: Any) -> None:
        for role in self.plan.subscribers(type(event)):
            child = self.children.get(role)
            if child is not None and child.state is ChildState.RUNNING:
                self.send(child.address, Routed(event))

    def _child_ready(self, child: SupervisedChild) -> None:
        if child.state is not ChildState.STARTING:
            return
        child.state = ChildState.RUNNING
        child.pinged_s = None
        self._announce()
        child.ready.resolve(None)

    def _child_exited(self, address: str, status: ExitStatus) -> None:
        child = self._by_address.pop(address, None)
        if child is None:
            return
        was = child.state
        child.state = ChildState.STOPPED
        child.exited.resolve(None)
        ending = child.ended(status)
        self._announce()
        if was is ChildState.STARTING and not child.has_run:
            child.state = ChildState.FAILED
            child.ready.fail(ActorStartError(f"{child.spec.name} failed to start: {ending.detail or ending}"))
        elif child.restart_asked or (was is not ChildState.STOPPING and should_restart(child.spec.restart, status)):
            self._restart(child, ending)

    # -- starting and restarting -----------------------------------------------------------------------------

    async def _start_first(self, child: SupervisedChild) -> None:
        self._order_start(child)
        await child.ready
        child.has_run = True

    def _create(self, child: SupervisedChild) -> None:
        child.has_run = False
        child.expect_ready()
        self._begin_process(child)

    def _launch(self, child: SupervisedChild) -> None:
        self._begin_process(child)
        self._order_start(child)

    def _begin_process(self, child: SupervisedChild) -> None:
        child.state = ChildState.STARTING
        child.incarnation += 1
        child.address = self.createActor(child.spec.actor)
        child.new_process()
        self._by_address[str(child.address.addressDetails)] = child

    def _order_start(self, child: SupervisedChild) -> None:
        settings = child.spec.settings(self._settings)
        self.send(
            child.address,
            StartSubsystem(
                child.spec.name, child.incarnation, self.myAddress, self._peers(), self._log_levels, settings
            ),
        )
        self.spawn(self._watch_start(child, child.incarnation))

    async def _watch_start(self, child: SupervisedChild, incarnation: int) -> None:
        await self.sleep(child.spec.start_timeout_s)
        if child.incarnation == incarnation and child.state is ChildState.STARTING:
            child.blame(Cause.START_TIMEOUT, f"not ready within {child.spec.start_timeout_s} s")
            self._kill(child)

    def _restart(self, child: SupervisedChild, ending: Ending) -> None:
        now_s = self.now_s()
        reason = Cause.ASKED.value if child.restart_asked else str(ending)
        logger.warning("%s ended: %s", child.spec.name, reason)
        if child.restart_asked:
            child.restart_asked = False
            child.log.reasons.append(reason)
            child.log.count(reason)
            self._launch(child)
            return
        child.log.count(ending.counted_as)
        number = child.log.note(now_s, reason)
        if child.log.exhausted(number):
            child.state = ChildState.FAILED
            self.spawn(self._give_up(child, reason))
            return
        child.state = ChildState.BACKOFF
        self.spawn(self._restart_after(child, child.spec.backoff.delay_s(number, self.environment.random)))

    async def _restart_after(self, child: SupervisedChild, delay_s: float) -> None:
        if delay_s:
            await self.sleep(delay_s)
        if child.state is ChildState.BACKOFF:
            self._launch(child)

    async def _give_up(self, child: SupervisedChild, reason: str) -> None:
        """Escalate: stop everything in order and end with a code that says so."""
        if self._giving_up:
            return
        self._giving_up = True
        intensity = child.spec.intensity
        logger.critical(
            "%s needed more than %d restarts in %s s (last: %s); giving up",
            child.spec.name, intensity.restarts, intensity.window_s, reason,
        )  # fmt: skip
        await self._stop_all()
        sys.exit(EXIT_GAVE_UP)

    # -- stopping --------------------------------------------------------------------------------------------

    async def _stop_all(self) -> None:
        self._up = False
        for child in reversed(self.children.values()):
            await self._stop_one(child)

    async def _stop_one(self, child: SupervisedChild) -> None:
        if child.state is ChildState.BACKOFF:
            child.state = ChildState.STOPPED
        if child.state not in (ChildState.RUNNING, ChildState.STARTING, ChildState.STOPPING):
            return
        child.state = ChildState.STOPPING
        child.restart_asked = False
        exited = child.exited
        self._announce()
        self.send(child.address, StopSubsystem())
        self._kill_after(child, child.spec.stop_timeout_s)
        await exited

    def _kill_after(self, child: SupervisedChild, seconds: float) -> None:
        incarnation = child.incarnation

        async def watch() -> None:
            await self.sleep(seconds)
            if child.incarnation == incarnation and child.state is ChildState.STOPPING:
                logger.error("%s did not stop within %s s; killed", child.spec.name, seconds)
                self._kill(child)

        self.spawn(watch())

    def _kill(self, child: SupervisedChild) -> None:
        kill = getattr(self._myRef, "kill_child", None)
        if kill is None:
            logger.error("%s hangs and this base cannot kill it", child.spec.name)
        else:
            kill(child.address)

    # -- watching --------------------------------------------------------------------------------------------

    async def _heartbeat(self) -> None:
        """One ping per child and period of the plan, at most one outstanding; who owes one too long is killed."""
        beats = self.plan.heartbeats
        while self._up:
            now_s = self.now_s()
            for child in self.children.values():
                if child.state is not ChildState.RUNNING:
                    continue
                if child.pinged_s is None:
                    self._pings += 1
                    child.pinged_s = now_s
                    self._send_past_mail(child.address, Ping(self._pings))
                elif now_s - child.pinged_s > beats.timeout_s:
                    child.blame(Cause.HEARTBEAT_MISSED, f"no heartbeat for {beats.timeout_s} s")
                    self._kill(child)
            await self.sleep(beats.every_s)

    def _peers(self) -> PeersChanged:
        own = Peer(SUPERVISOR.name, self.myAddress, self.incarnation)
        running = (child for child in self.children.values() if child.state is ChildState.RUNNING)
        return PeersChanged(self._peers_version, (own, *(child.peer() for child in running)))

    def _announce(self) -> None:
        """Tell every living child, and the supervisor's own asks, who holds which role now."""
        self._peers_version += 1
        peers = self._peers()
        self._asks.set_peers(peers.peers, self.send)
        self._tell_living(peers)

    def _tell_living(self, notice: PeersChanged | LogLevels) -> None:
        for child in self.children.values():
            if child.state in (ChildState.RUNNING, ChildState.STARTING, ChildState.STOPPING):
                self.send(child.address, notice)

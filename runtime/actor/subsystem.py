"""The base class of every subsystem: typed handlers, asks with deadlines, roles instead of addresses.

A handler takes one typed message and returns its reply. It may be ``async`` and await asks and sleeps; other
messages are handled meanwhile, so state may change across an await. ``exclusive=True`` keeps others out.
Handlers must be idempotent and must write what has to survive before they return: any process may be killed
at any line (design: architecture, section 3).
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from thespian.actors import Actor, ActorAddress, ActorExitRequest, ActorSystemMessage, WakeupMessage
from thespis.runtime.actor.asks import Asks
from thespis.runtime.actor.conversation import Ask, Event, Signal, Tell
from thespis.runtime.actor.envelopes import (
    Cast,
    Failure,
    PeersChanged,
    Ping,
    Pong,
    Publish,
    Reply,
    Request,
    Routed,
    StartSubsystem,
    Statistics,
    StopSubsystem,
    SubsystemFailed,
    SubsystemReady,
)
from thespis.runtime.actor.handlers import Handling, handlers_of
from thespis.runtime.actor.log_levels import NO_LEVELS, LogLevels
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.actor.tasks import Alarms, Pending, Task
from thespis.runtime.actor.timing import Durations
from thespis.runtime.bases.counters import NO_COUNTERS, Counters
from thespis.runtime.environment import Environment, ProcessEnvironment
from thespis.runtime.errors import MessageError, RemoteError, RuntimeFloorError, said

logger = logging.getLogger(__name__)

SettingsT = TypeVar("SettingsT")
R = TypeVar("R")
OpenedT = TypeVar("OpenedT", bound="Closable")
HELD_MESSAGES_MAX = 10_000
"""Messages held back while a subsystem starts or runs an exclusive handler; beyond it they are refused and counted."""


class Closable(Protocol):
    """What is opened when a subsystem starts, and closed when it stops."""

    def close(self) -> None:
        """Let go of it."""
        ...


class Subsystem(Actor, Generic[SettingsT]):
    """An isolated actor with a role and settings; subclasses declare handlers and may override `start` and `stop`.

    What `start` makes is declared as attributes without a value: no handler runs before `start` has ended, so none
    meets them absent. What is `opened` in it is closed when the subsystem stops, last opened first.
    """

    handlers: ClassVar[dict[type, Handling]] = {}
    preloads: ClassVar[tuple[str, ...]] = ()
    """Modules that `start` will import: a process that is a copy has them already (runtime/bases/template.py)."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        hidden = frozenset(name for name in vars(Subsystem) if name.startswith("_") and not name.startswith("__"))
        cls.handlers = handlers_of(cls, cls.handlers, hidden)

    def __init__(self) -> None:
        super().__init__()
        self.role = type(self).__name__
        self.incarnation = 0
        self.supervisor: ActorAddress | None = None
        self._ready = False
        self._stopping = False
        self._running = 0
        self._exclusive = self._overfull = False
        self._held: deque[tuple[Any, int | None, ActorAddress]] = deque()
        self._asks = Asks()
        self._alarms = Alarms()
        self._opened = ExitStack()
        self._wake_s: float | None = None
        self._peers_version = 0
        self._log_levels = NO_LEVELS
        self._durations = Durations()
        self._handled = self._failed = self._rejected = 0
        self._fallback: Environment | None = None

    # -- the world -------------------------------------------------------------------------------------------

    @property
    def environment(self) -> Environment:
        """What the base gives; Thespian's own bases give nothing, so there it is the real world."""
        environment: Environment | None = getattr(self._myRef, "environment", None)
        if environment is None:
            self._fallback = environment = self._fallback or ProcessEnvironment(".")
        return environment

    def now_s(self) -> float:
        """Monotonic seconds of this world's clock."""
        return self.environment.clock.monotonic_s()

    # -- to be overridden ------------------------------------------------------------------------------------

    async def start(self, settings: SettingsT) -> None:
        """Rebuild state from the subsystem's own store; called again after every crash."""

    async def stop(self) -> None:
        """Finish; what must survive was written before it was acknowledged, and what was `opened` is closed after."""

    # -- to be called ----------------------------------------------------------------------------------------

    def opened(self, resource: OpenedT) -> OpenedT:
        """The resource, which is closed when this subsystem stops."""
        self._opened.callback(resource.close)
        return resource

    def at_stop(self, callback: Callable[[], object]) -> None:
        """Call this when the subsystem stops, before what was opened earlier is closed."""
        self._opened.callback(callback)

    async def ask(self, question: Ask[R], *, member: int = 0, within_s: float | None = None) -> R:
        """The answer to a question from whoever holds its role, or is that member of it, within its or a given time.

        Raises an error that the question declares, AskTimeoutError, ActorRestartedError, RemoteError, or
        MailboxFullError. While nobody holds the role, the ask waits for the next incarnation within its deadline.
        """
        wait_s = question.wait_s() if within_s is None else within_s
        number, pending = self._asks.open(question.addressee.holder(member), question)
        alarm = self._alarm(wait_s)
        alarm.when_done(lambda: self._asks.expire(number, wait_s))
        try:
            self._asks.dispatch(number, self.send)
            answer: R = await pending
        finally:
            self._asks.close(number)
            alarm.resolve(None)
        return answer

    def tell(self, notice: Tell, *, member: int = 0) -> bool:
        """Send without an answer; returns whether anyone held the role."""
        peer = self._asks.peer(notice.addressee.holder(member))
        if peer is not None:
            self.send(peer.address, Cast(notice))
        return peer is not None

    def signal(self, event: Signal) -> None:
        """Put what an own port says into the mailbox; any thread may call it."""
        self.send(self.myAddress, Cast(event))

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; other messages are handled meanwhile."""
        await self._alarm(seconds)

    def publish(self, event: Event) -> None:
        """Give an event to the supervisor, which routes it to those who subscribe."""
        if self.supervisor is not None:
            self.send(self.supervisor, Publish(event))

    def spawn(self, coroutine: Any) -> Task:
        """Run a coroutine beside the handlers, for periodic work; its errors are logged and counted."""

        def finished(_result: Any, error: BaseException | None) -> None:
            if error is not None:
                self._failed += 1
                logger.error("%s: background work failed: %r", self.role, error)

        task = Task(coroutine, finished)
        self._arm()
        return task

    # -- machinery -------------------------------------------------------------------------------------------

    def receiveMessage(self, msg: Any, sender: ActorAddress) -> None:
        """Dispatch one message; nothing a message does can raise out of here."""
        kind = type(msg)
        if kind is Request:
            self._accept(msg.body, msg, sender)
        elif kind is Reply:
            self._asks.resolve(msg.number, msg.body)
        elif kind is Failure:
            self._asks.fail(msg.number, msg.kind, msg.detail)
        elif kind is Cast:
            self._accept(msg.body, None, sender)
        elif kind is Routed:
            self._accept(msg.event, None, sender)
        elif kind is Ping:
            self._send_past_mail(
                sender, Pong(msg.number, self._peers_version, self._log_levels.version, self.statistics())
            )
        elif kind is WakeupMessage:
            now_s = self.now_s()
            if self._wake_s is not None and self._wake_s <= now_s:
                self._wake_s = None  # not for one that an earlier alarm overtook: each would arm another
            self._alarms.fire(now_s)
        elif kind is PeersChanged:
            self._take_peers(msg)
        elif kind is LogLevels:
            self._take_levels(msg)
        elif kind is StartSubsystem:
            self._begin(msg)
        elif kind is StopSubsystem:
            self._finish()
        else:
            self.receive_other(msg, sender)
        self._arm()

    def _send_past_mail(self, target: ActorAddress, msg: Any) -> None:
        """Send what must not wait for mail, where the base has a way past it: a heartbeat is about the actor alone."""
        send = getattr(self._myRef, "send_past_mail", None) or self.send
        send(target, msg)

    def receive_other(self, msg: Any, _sender: ActorAddress) -> None:
        """What is none of the runtime's envelopes; supervisors take child exits here."""
        if not isinstance(msg, ActorSystemMessage):
            self._rejected += 1
            logger.warning("%s: %s is no envelope; refused", self.role, type(msg).__name__)

    def _begin(self, order: StartSubsystem) -> None:
        if self.incarnation:
            return
        self.role, self.incarnation, self.supervisor = order.role, order.incarnation, order.supervisor
        self._take_peers(order.peers)
        self._take_levels(order.log_levels)

        def finished(_result: Any, error: BaseException | None) -> None:
            if error is not None:
                reason = said(error)[:500]
                logger.debug("%s failed to start: %s", self.role, reason)  # the supervisor tells a person
                self.send(order.supervisor, SubsystemFailed(self.role, self.incarnation, reason))
                return
            self._ready = True
            self.send(order.supervisor, SubsystemReady(self.role, self.incarnation))
            settled = getattr(self._myRef, "settled", None)  # only a base with a process for each actor has it
            if settled is not None:
                settled()
            self._release()

        Task(self.start(cast("SettingsT", order.settings)), finished)

    def _take_peers(self, change: PeersChanged) -> None:
        if change.version > self._peers_version:
            self._peers_version = change.version
            self._asks.set_peers(change.peers, self.send)

    def _take_levels(self, levels: LogLevels) -> None:
        if levels.version > self._log_levels.version:
            self._log_levels = levels
            self.environment.set_log_levels(levels.of(self.role))
            logger.debug("%s: log levels of version %d", self.role, levels.version)

    def _finish(self) -> None:
        if self._stopping:
            return
        self._stopping = True

        def finished(_result: Any, error: BaseException | None) -> None:
            try:
                self._opened.close()
            except Exception as failure:
                error = error or failure
            if error is not None:
                logger.error("%s failed to stop cleanly: %r", self.role, error)
            self.send(self.myAddress, ActorExitRequest())

        if self.incarnation:
            Task(self.stop(), finished)
        else:
            finished(None, None)  # never told to start, so nothing is open

    def _accept(self, body: Any, request: Request | None, sender: ActorAddress) -> None:
        number = request.number if request else None
        if request is not None and request.incarnation not in (0, self.incarnation):
            detail = f"{self.role} is incarnation {self.incarnation}, incarnation {request.incarnation} was asked"
            self.send(sender, Failure(request.number, "ActorRestartedError", detail))
        elif type(body) not in self.handlers or (request is not None and not isinstance(body, Ask)):
            self._refuse(number, sender, "UnknownMessageError", f"{self.role} has no handler for {type(body).__name__}")
        elif not self._ready or self._exclusive or self._held or (self._running and self._wants_alone(body)):
            self._hold(body, number, sender)
        else:
            self._run(body, number, sender)

    def _hold(self, body: Any, number: int | None, sender: ActorAddress) -> None:
        """Keep a message until it can be handled. Beyond the bound it is refused and counted, whatever it is."""
        level = logging.DEBUG if self._overfull else logging.WARNING  # once, until there is room
        if not (full := len(self._held) >= HELD_MESSAGES_MAX):
            self._held.append((body, number, sender))
        else:
            logger.log(level, "%s holds %d messages; what comes now is refused", self.role, HELD_MESSAGES_MAX)
            self._refuse(number, sender, "MailboxFullError", f"{self.role} holds {HELD_MESSAGES_MAX} messages")
        self._overfull = full

    def _refuse(self, number: int | None, sender: ActorAddress, kind: str, detail: str) -> None:
        self._rejected += 1
        if number is not None:
            self.send(sender, Failure(number, kind, detail))

    def _wants_alone(self, body: Any) -> bool:
        return self.handlers[type(body)].exclusive

    def _release(self) -> None:
        while self._ready and self._held and not self._exclusive:
            if self._running and self._wants_alone(self._held[0][0]):
                return
            self._run(*self._held.popleft())

    def _run(self, body: Any, number: int | None, sender: ActorAddress) -> None:
        handling = self.handlers[type(body)]
        started_s = self.now_s()

        def finished(result: Any, error: BaseException | None) -> None:
            self._handled += 1
            self._durations.add(self.now_s() - started_s)
            if error is not None:
                self._failed += 1
                self._note_failure(body, error)
            if number is not None:
                self._answer(sender, number, body, result, error)

        try:
            result = handling.function(self, body)
        except Exception as error:
            finished(None, error)
            return
        if not inspect.iscoroutine(result):
            finished(result, None)
            return
        self._running += 1
        self._exclusive = handling.exclusive

        def ended(result: Any, error: BaseException | None) -> None:
            self._running -= 1
            if handling.exclusive:
                self._exclusive = False
            finished(result, error)
            self._release()

        Task(result, ended)

    def _note_failure(self, body: Any, error: BaseException) -> None:
        """An error that the question declares is an answer, for the asker; any other is this subsystem's fault."""
        declared = isinstance(error, (*getattr(body, "raises", ()), RuntimeFloorError))
        level = logging.DEBUG if declared else logging.ERROR
        logger.log(
            level, "%s: %s failed: %r", self.role, type(body).__name__, error, exc_info=None if declared else error
        )

    def _answer(
        self, sender: ActorAddress, number: int, question: Any, result: Any, error: BaseException | None
    ) -> None:
        if error is None:
            try:
                self.send(sender, Reply(number, REGISTRY.reply_to_wire(type(question), result)))
            except MessageError as failure:
                error = failure
            else:
                return
        kind, detail = type(error).__name__, str(error)
        if isinstance(error, RemoteError):
            kind, detail = error.kind, error.detail
        self.send(sender, Failure(number, kind, detail[:2000]))

    def _alarm(self, seconds: float) -> Pending[None]:
        return self._alarms.set(self.now_s() + seconds)

    def _arm(self) -> None:
        """Keep one wake-up pending for the earliest alarm."""
        due_s = self._alarms.next_due_s()
        if due_s is not None and (self._wake_s is None or due_s < self._wake_s):
            self._wake_s = due_s
            self.wakeupAfter(max(0.0, due_s - self.now_s()))

    def statistics(self) -> Statistics:
        """What `thespis ps` shows of this subsystem."""
        counters = getattr(self._myRef, "counters", None)
        channels: Counters = counters() if counters else NO_COUNTERS
        return Statistics(
            self.environment.process_id(),
            channels.mailbox + len(self._held),
            self._handled,
            self._failed,
            self._rejected + channels.rejected,
            channels.dead_letters,
            channels.blocked_s,
            self._durations.total_s,
            self._durations.quantile(0.5),
            self._durations.quantile(0.99),
            self.environment.memory_bytes(),
            self.environment.cpu_seconds(),
        )

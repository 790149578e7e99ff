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
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from thespian.actors import Actor, ActorAddress, ActorExitRequest, ActorSystemMessage, WakeupMessage
from thespis.runtime.actor.asks import Asks
from thespis.runtime.actor.envelopes import (
    Event,
    Failure,
    PeersChanged,
    Ping,
    Pong,
    Publish,
    Reply,
    Request,
    StartSubsystem,
    Statistics,
    StopSubsystem,
    SubsystemFailed,
    SubsystemReady,
    Tell,
)
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.actor.tasks import Alarms, Pending, Task
from thespis.runtime.actor.timing import Durations
from thespis.runtime.bases.counters import NO_COUNTERS, Counters
from thespis.runtime.environment import Environment, ProcessEnvironment
from thespis.runtime.errors import MessageError

logger = logging.getLogger(__name__)

Handler = TypeVar("Handler", bound=Callable[..., Any])
HELD_MESSAGES_MAX = 10_000
"""Messages held back while a subsystem starts or runs an exclusive handler; beyond it they are refused."""


@dataclass(frozen=True, slots=True)
class _Handling:
    function: Callable[..., Any]
    exclusive: bool


def handles(message_type: type, *, exclusive: bool = False) -> Callable[[Handler], Handler]:
    """Mark a method as the handler of one message type; the type must be a registered message."""
    if not REGISTRY.knows(message_type):
        raise MessageError(f"{message_type.__qualname__} is not a registered message; declare it with @message")

    def mark(function: Handler) -> Handler:
        function.__dict__.setdefault("_handles", []).append((message_type, exclusive))
        return function

    return mark


class Subsystem(Actor):
    """An isolated actor with a role; subclasses declare handlers and may override `start` and `stop`."""

    handlers: ClassVar[dict[type, _Handling]] = {}

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        found = dict(cls.handlers)
        for name, function in vars(cls).items():
            if name.startswith("_") and not name.startswith("__") and name in vars(Subsystem):
                raise MessageError(f"{cls.__name__}.{name} hides a part of Subsystem; give it another name")
            for message_type, exclusive in getattr(function, "_handles", ()):
                taken = found.get(message_type)
                if taken is not None and taken.function.__qualname__.startswith(cls.__qualname__ + "."):
                    raise MessageError(f"{cls.__name__}.{name}: {message_type.__name__} has a handler already")
                found[message_type] = _Handling(function, exclusive)
        cls.handlers = found

    def __init__(self) -> None:
        super().__init__()
        self.role = type(self).__name__
        self.incarnation = 0
        self.supervisor: ActorAddress | None = None
        self._ready = False
        self._stopping = False
        self._running = 0
        self._exclusive = False
        self._held: deque[tuple[Any, int | None, ActorAddress]] = deque()
        self._asks = Asks()
        self._alarms = Alarms()
        self._wake_s: float | None = None
        self._peers_version = 0
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

    async def start(self, settings: Any) -> None:
        """Rebuild state from the subsystem's own store; called again after every crash."""

    async def stop(self) -> None:
        """Let go of what was opened; what must survive was written before it was acknowledged."""

    # -- to be called ----------------------------------------------------------------------------------------

    async def ask(self, role: type | str, body: Any, deadline: float = 5.0) -> Any:
        """Send `body` to whoever holds `role` and await its reply, at most `deadline` seconds.

        Raises AskTimeoutError, ActorRestartedError, RemoteError, or MailboxFullError. While nobody holds the role,
        the ask waits for the next incarnation within its deadline.
        """
        name = role if isinstance(role, str) else role.__name__
        number, pending = self._asks.open(name)
        alarm = self._alarm(deadline)
        alarm.when_done(lambda: self._asks.expire(number, name, deadline))
        try:
            self._asks.dispatch(number, body, self.send)
            return await pending
        finally:
            self._asks.close(number)
            alarm.resolve(None)

    def tell(self, role: type | str, body: Any) -> bool:
        """Send without an answer; returns whether anyone held the role."""
        peer = self._asks.peer(role if isinstance(role, str) else role.__name__)
        if peer is not None:
            self.send(peer.address, Tell(body))
        return peer is not None

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; other messages are handled meanwhile."""
        await self._alarm(seconds)

    def publish(self, event: Any) -> None:
        """Give an event to the supervisor, which routes it to those who subscribe."""
        if self.supervisor is not None:
            self.send(self.supervisor, Publish(event))

    def spawn(self, coroutine: Any) -> None:
        """Run a coroutine beside the handlers, for periodic work; its errors are logged and counted."""

        def finished(_result: Any, error: BaseException | None) -> None:
            if error is not None:
                self._failed += 1
                logger.error("%s: background work failed: %r", self.role, error)

        Task(coroutine, finished)
        self._arm()

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
        elif kind is Tell:
            self._accept(msg.body, None, sender)
        elif kind is Event:
            self._accept(msg.event, None, sender)
        elif kind is Ping:
            self.send(sender, Pong(msg.number, self._peers_version, self.statistics()))
        elif kind is WakeupMessage:
            now_s = self.now_s()
            if self._wake_s is not None and self._wake_s <= now_s:
                self._wake_s = None  # not for one that an earlier alarm overtook: each would arm another
            self._alarms.fire(now_s)
        elif kind is PeersChanged:
            self._take_peers(msg)
        elif kind is StartSubsystem:
            self._begin(msg)
        elif kind is StopSubsystem:
            self._finish()
        else:
            self.receive_other(msg, sender)
        self._arm()

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

        def finished(_result: Any, error: BaseException | None) -> None:
            if error is not None:
                logger.error("%s failed to start: %r", self.role, error)
                reason = f"{type(error).__name__}: {error}"[:500]
                self.send(order.supervisor, SubsystemFailed(self.role, self.incarnation, reason))
                return
            self._ready = True
            self.send(order.supervisor, SubsystemReady(self.role, self.incarnation))
            settled = getattr(self._myRef, "settled", None)  # only a base with a process for each actor has it
            if settled is not None:
                settled()
            self._release()

        Task(self.start(order.settings), finished)

    def _take_peers(self, change: PeersChanged) -> None:
        if change.version > self._peers_version:
            self._peers_version = change.version
            self._asks.set_peers(change.peers, self.send)

    def _finish(self) -> None:
        if self._stopping:
            return
        self._stopping = True

        def finished(_result: Any, error: BaseException | None) -> None:
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
        elif type(body) not in self.handlers:
            self._rejected += 1
            if number is not None:
                detail = f"{self.role} has no handler for {type(body).__name__}"
                self.send(sender, Failure(number, "UnknownMessageError", detail))
        elif not self._ready or self._exclusive or self._held or (self._running and self._wants_alone(body)):
            if len(self._held) < HELD_MESSAGES_MAX:
                self._held.append((body, number, sender))
            elif number is not None:
                self.send(
                    sender, Failure(number, "MailboxFullError", f"{self.role} holds {HELD_MESSAGES_MAX} messages")
                )
        else:
            self._run(body, number, sender)

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
                logger.info("%s: %s failed: %r", self.role, type(body).__name__, error)
            if number is not None:
                self._answer(sender, number, result, error)

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

    def _answer(self, sender: ActorAddress, number: int, result: Any, error: BaseException | None) -> None:
        if error is None:
            try:
                self.send(sender, Reply(number, result))
            except MessageError as failure:
                error = failure
            else:
                return
        self.send(sender, Failure(number, type(error).__name__, str(error)[:2000]))

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
        environment = self.environment
        return Statistics(
            environment.process_id(),
            channels.mailbox + len(self._held),
            self._handled,
            self._failed,
            self._rejected + channels.rejected,
            channels.dead_letters,
            channels.blocked_s,
            self._durations.quantile(0.5),
            self._durations.quantile(0.99),
            environment.memory_bytes(),
        )

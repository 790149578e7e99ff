"""The main program of one actor process.

It reads its settings, ties its life to its parent's, greets the root, constructs its actor and runs the loop:
read frames, handle mail one message at a time, fire timers, watch children.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn

import msgpack
from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ActorSystemRequestTimeout,
    NoCompatibleSystemForActor,
    PoisonMessage,
    ThespianWatch,
    WakeupMessage,
    WatchMessage,
)
from thespis.runtime.bases import rules
from thespis.runtime.bases.channels import Channels
from thespis.runtime.bases.children import Child, Children
from thespis.runtime.bases.codec import load_codec
from thespis.runtime.bases.counters import Counters
from thespis.runtime.bases.directory import SocketDirectory
from thespis.runtime.bases.exits import START_FAILED_CODE, ChildExited, ExitStatus
from thespis.runtime.bases.frames import Frame, Kind
from thespis.runtime.bases.life import tie_to_parent
from thespis.runtime.bases.loop import TURN_WAIT_MAX_S, Loop
from thespis.runtime.bases.settings import ChildSettings
from thespis.runtime.bases.status import answer_status, is_status_request
from thespis.runtime.environment import Environment, load_environment
from thespis.runtime.errors import MessageError

logger = logging.getLogger(__name__)

YOUNG_GENERATIONS = 1
"""The collector's two younger generations, where garbage of a start is; the old one would take longer than it gives."""
MESSAGES_PER_TURN = 64
TURN_S = 0.05
"""Messages handled, or time taken, before timers, exits and urgent messages get their turn."""


class ActorProcess(rules.UnsupportedCalls):
    """One actor, its mailbox, its timers and its children; what Thespian calls the actor's reference."""

    def __init__(self, settings: ChildSettings) -> None:
        self.settings = settings
        self.address = ActorAddress(settings.address)
        self.globalName = settings.global_name
        self.environment: Environment = load_environment(settings.environment, settings.home, settings.clock_behind_s)
        self._codec = load_codec(settings.codec)
        self._thread = threading.get_ident()
        self.loop = Loop()
        self._directory = SocketDirectory(settings.directory)
        self.channels = Channels(self._directory, settings.address, settings.limits, self._control, self._dead_letter)
        self.children = Children(self.loop, self._directory, settings.limits, self._child_gone)
        self.loop.add_reader(self.channels.socket, self.channels.receive)
        self._local: deque[tuple[Any, ActorAddress]] = deque()
        self._watched: set[int] = set()
        self.capabilities: dict[str, Any] = {}
        self._actor: Actor | None = None
        self._requirements: Any = None
        self._running = True
        self._exit_requested = False
        self._welcomed = False
        self._name_replies: dict[bytes, str] = {}
        self.pending_wakeups: dict[int, tuple[float, Any]] = {}

    # -- life ------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Greet the root, construct the actor, handle mail until told to exit; returns the exit code."""
        settings = self.settings
        self.channels.control(Kind.HELLO, settings.root)
        deadline = time.monotonic() + settings.limits.request_timeout_s
        while not self._welcomed:
            self.loop.turn(max(0.0, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise ActorSystemRequestTimeout(f"the root of {settings.directory} did not welcome {settings.address}")
        try:
            self._requirements = rules.unpack_plain(base64.b64decode(settings.requirements))
            actor_class = rules.load_class(settings.actor_class)
            self._actor = rules.instantiate(actor_class, self.capabilities, self._requirements)
            self._actor._myRef = self
        except Exception:
            details = traceback.format_exc()
            logger.warning("%s failed to start\n%s", settings.actor_class, details)
            self.channels.control(Kind.START_FAILED, settings.parent, details[-4000:].encode())
            self.channels.close()
            return START_FAILED_CODE
        self.channels.control(Kind.STARTED, settings.parent)
        while self._running:
            self._turn()
        self._stop()
        return 0

    def _turn(self) -> None:
        mailbox = self.channels.mailbox
        self.loop.turn(0.0 if mailbox or self._local else TURN_WAIT_MAX_S)
        until_s = time.monotonic() + TURN_S
        for _ in range(MESSAGES_PER_TURN):
            if time.monotonic() > until_s:
                return
            if self._exit_requested:
                self._exit_requested = False
                self._handle(ActorExitRequest(), ActorAddress(self.settings.parent))
            elif self._local and self._running:
                self._handle(*self._local.popleft())
            elif mailbox and self._running:
                self._open(mailbox.popleft())
            else:
                return

    def _open(self, frame: Frame) -> None:
        try:
            message = self._codec.decode(frame.payload)
        except MessageError as error:
            self.channels.counters.rejected += 1
            logger.warning("rejected a message from %s: %s", frame.sender, error)
        else:
            self._handle(message, ActorAddress(frame.sender))
        if self.channels.handled(frame):
            self.loop.call_after(self.settings.limits.acknowledge_after_s, self.channels.acknowledge_all)

    def _handle(self, message: Any, sender: ActorAddress) -> None:
        assert self._actor is not None
        if is_status_request(message):
            self.actor_send(sender, answer_status(self, message))
            return

        def poison(notice: PoisonMessage) -> None:
            if sender != self.address:
                with contextlib.suppress(MessageError):
                    self.actor_send(sender, notice)

        result = rules.deliver(self._actor, message, sender, poison)
        if self._watched or isinstance(result, ThespianWatch):
            self._watch(result)
        if isinstance(message, ActorExitRequest):
            self._running = False

    def _stop(self) -> None:
        self.channels.acknowledge_all()
        self.children.stop_all(lambda address: self.channels.control(Kind.EXIT, address), self.loop.turn)
        self.channels.close()

    # -- what arrives beside mail ----------------------------------------------------------------------------

    def _control(self, frame: Frame) -> None:
        if frame.kind == Kind.EXIT:
            self._exit_requested = True
        elif frame.kind == Kind.GONE:
            self.channels.forget(frame.payload.decode())
        elif frame.kind == Kind.STARTED:
            self.children.started(frame.sender)
        elif frame.kind == Kind.START_FAILED:
            logger.warning("child %s failed to start:\n%s", frame.sender, frame.payload.decode(errors="replace"))
        elif frame.kind in (Kind.WELCOME, Kind.CAPABILITIES):
            self._welcomed = True
            self.capabilities.clear()
            self.capabilities.update(rules.unpack_plain(frame.payload))
            self._recheck_capabilities()
        elif frame.kind == Kind.URGENT:
            self._open_urgent(frame)
        elif frame.kind == Kind.NAME_REPLY:
            token, address = msgpack.unpackb(frame.payload)
            self._name_replies[token] = address

    def _open_urgent(self, frame: Frame) -> None:
        try:
            message = self._codec.decode(frame.payload)
        except MessageError as error:
            self.channels.counters.rejected += 1
            logger.warning("rejected an urgent message from %s: %s", frame.sender, error)
            return
        if self._actor is not None:
            self._handle(message, ActorAddress(frame.sender))

    def _recheck_capabilities(self) -> None:
        if self._actor is None:
            return
        try:
            rules.check_capabilities(type(self._actor), self.capabilities, self._requirements)
        except NoCompatibleSystemForActor:
            self._exit_requested = True

    def _child_gone(self, child: Child, status: ExitStatus) -> None:
        self.channels.receive()
        self.channels.control(Kind.CHILD_GONE, self.settings.root, child.address.encode())
        self.channels.forget(child.address)
        self._local.append((ChildExited(ActorAddress(child.address), status), ActorAddress(child.address)))

    def _dead_letter(self, sender: str, target: str, payload: bytes) -> None:
        self.channels.control(Kind.DEAD_LETTER, self.settings.root, msgpack.packb((sender, target, payload)))

    def _watch(self, result: Any) -> None:
        wanted = set(result.filenos) if isinstance(result, ThespianWatch) else set()
        for fd in self._watched - wanted:
            self.loop.remove_reader(fd)
        for fd in wanted - self._watched:
            self.loop.add_reader(fd, lambda fd=fd: self._ready(fd))  # type: ignore[misc]
        self._watched = wanted

    def _ready(self, fd: int) -> None:
        self._handle(WatchMessage([fd]), self.address)

    # -- what the actor may call (Thespian's names) ----------------------------------------------------------

    def actor_send(self, target: ActorAddress, message: Any) -> None:
        """Encode and send; a message from another thread of the actor is sent by the actor's own."""
        payload = self._codec.encode(message)
        if threading.get_ident() != self._thread:
            self.loop.post(lambda: self._send(target, payload))
        else:
            self._send(target, payload)

    def send_past_mail(self, target: ActorAddress, message: Any) -> None:
        """Send a message that is handled before all mail that waits, between two others; it may be lost."""
        self.channels.control(Kind.URGENT, str(target.addressDetails), self._codec.encode(message))

    def _send(self, target: ActorAddress, payload: bytes) -> None:
        if target == self.address:
            self._local.append((self._codec.decode(payload), self.address))
        else:
            self.channels.send(self.settings.address, str(target.addressDetails), payload)

    def createActor(
        self, specification: Any, requirements: Any, globalName: str | None, sourceHash: Any = None
    ) -> ActorAddress:
        """Start a child process for an actor class and return its address at once."""
        if sourceHash:
            self.loadActorSource(sourceHash)
        if globalName and (existing := self._reserve_name(globalName, "")):
            return ActorAddress(existing)
        actor_class = rules.resolve_class(specification)
        address = new_address(actor_class.__name__)
        if globalName and (existing := self._reserve_name(globalName, address)) != address:
            return ActorAddress(existing)
        settings = child_settings(self.settings, address, actor_class, globalName, requirements)
        self.children.start(settings, copied=getattr(self._actor, "copies_children", False))
        return ActorAddress(address)

    def _reserve_name(self, name: str, proposal: str) -> str:
        token = secrets.token_bytes(8)
        self.channels.control(Kind.RESERVE_NAME, self.settings.root, msgpack.packb((token, name, proposal)))
        deadline = time.monotonic() + self.settings.limits.request_timeout_s
        while token not in self._name_replies:
            if not self.channels.socket.poll(max(1, int((deadline - time.monotonic()) * 1000))):
                raise ActorSystemRequestTimeout(f"the root did not answer for global name {name!r}")
            self.channels.receive()
        return self._name_replies.pop(token)

    def wakeupAfter(self, period: Any, payload: Any) -> None:
        """Deliver a WakeupMessage after `period`."""
        seconds = rules.seconds_of(period)
        token = id(wakeup := WakeupMessage(period, payload))
        self.pending_wakeups[token] = (time.monotonic() + seconds, wakeup)

        def fire() -> None:
            self.pending_wakeups.pop(token)
            self._local.append((wakeup, self.address))

        self.loop.call_after(seconds, fire)

    def handleDeadLetters(self, _address: ActorAddress, enable: bool) -> None:
        """Register or unregister with the root as receiver of dead letters."""
        self.channels.control(Kind.HANDLE_DEAD_LETTERS, self.settings.root, msgpack.packb(bool(enable)))

    def updateCapability(self, name: str, value: Any) -> None:
        """Change a capability of the whole system."""
        self.channels.control(Kind.UPDATE_CAPABILITY, self.settings.root, rules.pack_plain((name, value)))

    def actorSystemShutdown(self) -> None:
        """Ask the root to stop everything."""
        self.channels.control(Kind.SHUTDOWN, self.settings.root)

    def kill_child(self, address: ActorAddress) -> None:
        """SIGKILL a child that no longer answers; its exit is reported like any other."""
        child = self.children.by_address.get(str(address.addressDetails))
        if child is not None:
            self.children.kill(child)

    def settled(self) -> None:
        """The actor is ready: take what it loaded out of the garbage collector's sight.

        Modules and what a start built stay as long as the process, and each full collection would walk them for
        nothing; what was garbage already is collected first, for later nobody would. A simulation has many nodes in
        one process, which come and go, so there is nothing of this there.
        """
        gc.collect(YOUNG_GENERATIONS)
        gc.freeze()

    def counters(self) -> Counters:
        """What this process's channels did, and how many messages wait."""
        waiting = len(self.channels.mailbox) + len(self._local)
        return Counters(**asdict(self.channels.counters), mailbox=waiting)


def new_address(class_name: str) -> str:
    """A fresh address: readable, and never used again (old addresses must not mean new actors)."""
    return f"{class_name[:40]}-{secrets.token_hex(6)}"


def child_settings(
    parent: ChildSettings, address: str, actor_class: type, global_name: str | None, requirements: Any
) -> ChildSettings:
    """Settings of a child, from those of its parent."""
    return ChildSettings(
        directory=parent.directory,
        address=address,
        parent=parent.address,
        root=parent.root,
        parent_pid=os.getpid(),
        actor_class=rules.class_path(actor_class),
        global_name=global_name,
        codec=parent.codec,
        requirements=base64.b64encode(rules.pack_plain(requirements)).decode(),
        environment=parent.environment,
        home=parent.home,
        log_level=parent.log_level,
        clock_behind_s=parent.clock_behind_s,
        sys_path=list(sys.path),
        limits=parent.limits,
    )


def _on_sigterm(process: ActorProcess) -> Callable[[int, Any], None]:
    def handler(_number: int, _frame: Any) -> None:
        process.loop.post(lambda: setattr(process, "_exit_requested", True))

    return handler


def main() -> None:
    """Run the actor that the settings on standard input name."""
    run_actor(ChildSettings.from_json(sys.stdin.buffer.read()))


def run_actor(settings: ChildSettings) -> NoReturn:
    """Be the process of one actor until it ends."""
    tie_to_parent(settings.parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = settings.sys_path
    logging.basicConfig(level=settings.log_level, format=f"%(asctime)s %(levelname)s {settings.address} %(message)s")
    with contextlib.suppress(ImportError):
        from setproctitle import setproctitle

        setproctitle(f"thespis: {settings.address}")
    process = ActorProcess(settings)
    signal.signal(signal.SIGTERM, _on_sigterm(process))
    code: int | None = 1
    try:
        code = process.run()
    except SystemExit as exit_request:
        code = exit_request.code if isinstance(exit_request.code, int) else 0 if exit_request.code is None else 1
    except BaseException:
        logger.exception("%s died", settings.address)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        # a thread that an actor left running must not keep a dead actor's process alive
        os._exit(code if code is not None else 0)

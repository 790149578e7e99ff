"""The root of an actor system: a thread of the process that started it.

It is the parent of primary actors, keeps the list of who lives, the global names, the capabilities and the
handlers of dead letters, and it is the mailbox of every caller from outside. It never waits for an actor, so
an actor may wait for it.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgpack
from thespian.actors import (
    ActorAddress,
    ActorExitRequest,
    ActorSystemFailure,
    DeadEnvelope,
    InvalidActorSpecification,
    Thespian_StatusReq,
)
from thespis.runtime.bases import rules
from thespis.runtime.bases.actor_process import child_settings, new_address
from thespis.runtime.bases.channels import Channels
from thespis.runtime.bases.children import Child, Children
from thespis.runtime.bases.codec import load_codec
from thespis.runtime.bases.directory import SocketDirectory, endpoint_of
from thespis.runtime.bases.exits import START_FAILED_CODE, ExitStatus
from thespis.runtime.bases.frames import Frame, Kind
from thespis.runtime.bases.loop import Loop
from thespis.runtime.bases.settings import ChildSettings
from thespis.runtime.errors import MessageError

logger = logging.getLogger(__name__)


class Root:
    """The root thread and its state; public methods may be called from any thread."""

    def __init__(self, settings: ChildSettings, capabilities: dict[str, Any]) -> None:
        self.settings = settings
        self.capabilities = capabilities
        self._codec = load_codec(settings.codec)
        self._directory = SocketDirectory.create(settings.directory)
        self._sweeper = self._directory.start_sweeper()
        self._directory.mark(settings.root, settings.root)
        self._loop = Loop()
        self._channels = Channels(self._directory, settings.root, settings.limits, self._control, self._on_dead_letter)
        self._children = Children(self._loop, self._directory, settings.limits, self._child_gone)
        self._loop.add_reader(self._channels.socket, self._receive)
        self._actors: set[str] = set()
        self._names: dict[str, str] = {}
        self._dead_letter_handler: str | None = None
        self._mailboxes: dict[str, queue.Queue[Any]] = {}
        self._creating: dict[str, tuple[Future[ActorAddress], str]] = {}
        self._exit_watchers: dict[str, Future[ExitStatus]] = {}
        self._open = True
        self.finished = threading.Event()
        self._thread = threading.Thread(target=self._run, name="thespis-root", daemon=True)
        self._thread.start()

    # -- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._open:
                self._loop.turn()
        except Exception:
            logger.exception("the root of %s died", self.settings.directory)
        finally:
            self._stop()

    def _stop(self) -> None:
        self._children.stop_all(lambda address: self._channels.control(Kind.EXIT, address), self._loop.turn)
        for future, _reason in self._creating.values():
            future.set_exception(ActorSystemFailure("the actor system is shutting down"))
        self._channels.close(linger_ms=200)
        os.close(self._sweeper)
        self._directory.remove()
        self._loop.close()
        self.finished.set()

    def _receive(self) -> None:
        self._channels.receive()
        while self._channels.mailbox:
            frame = self._channels.mailbox.popleft()
            self._deliver(frame)
            if self._channels.handled(frame):
                self._loop.call_after(self.settings.limits.acknowledge_after_s, self._channels.acknowledge_all)

    def _deliver(self, frame: Frame) -> None:
        mailbox = self._mailboxes.get(frame.target)
        if mailbox is None or mailbox.qsize() >= self.settings.limits.external_mailbox_messages:
            self._on_dead_letter(frame.sender, frame.target, frame.payload)
            return
        try:
            mailbox.put(self._codec.decode(frame.payload))
        except MessageError as error:
            self._channels.counters.rejected += 1
            logger.warning("rejected a message from %s: %s", frame.sender, error)

    # -- what actors tell the root ---------------------------------------------------------------------------

    def _control(self, frame: Frame) -> None:
        if frame.kind == Kind.HELLO:
            self._actors.add(frame.sender)
            self._channels.control(Kind.WELCOME, frame.sender, rules.pack_plain(self.capabilities))
        elif frame.kind == Kind.STARTED:
            self._children.started(frame.sender)
            if (creating := self._creating.pop(frame.sender, None)) is not None:
                creating[0].set_result(ActorAddress(frame.sender))
        elif frame.kind == Kind.START_FAILED:
            if (known := self._creating.get(frame.sender)) is not None:
                self._creating[frame.sender] = (known[0], frame.payload.decode(errors="replace"))
        elif frame.kind == Kind.CHILD_GONE:
            self._gone(frame.payload.decode())
        elif frame.kind == Kind.RESERVE_NAME:
            token, name, proposal = msgpack.unpackb(frame.payload)
            self._channels.control(Kind.NAME_REPLY, frame.sender, msgpack.packb((token, self._reserve(name, proposal))))
        elif frame.kind == Kind.DEAD_LETTER:
            self._on_dead_letter(*msgpack.unpackb(frame.payload))
        elif frame.kind == Kind.HANDLE_DEAD_LETTERS:
            if msgpack.unpackb(frame.payload):
                self._dead_letter_handler = frame.sender
            elif self._dead_letter_handler == frame.sender:
                self._dead_letter_handler = None
        elif frame.kind == Kind.UPDATE_CAPABILITY:
            self._update_capability(*rules.unpack_plain(frame.payload))
        elif frame.kind == Kind.SHUTDOWN:
            self._open = False

    def _reserve(self, name: str, proposal: str) -> str:
        if name not in self._names and proposal:
            self._names[name] = proposal
        return self._names.get(name, "")

    def _update_capability(self, name: str, value: Any) -> None:
        if value is None:
            self.capabilities.pop(name, None)
        else:
            self.capabilities[name] = value
        for address in list(self._actors):
            self._channels.control(Kind.CAPABILITIES, address, rules.pack_plain(self.capabilities))

    def _child_gone(self, child: Child, status: ExitStatus) -> None:
        self._channels.receive()
        self._gone(child.address)
        if (watcher := self._exit_watchers.pop(child.address, None)) is not None:
            watcher.set_result(status)
        if (creating := self._creating.pop(child.address, None)) is not None:
            future, reason = creating
            if status.code == START_FAILED_CODE:
                future.set_exception(InvalidActorSpecification(child.settings.actor_class, reason))
            else:
                future.set_exception(ActorSystemFailure(f"{child.settings.actor_class} ended with {status} at start"))

    def _gone(self, address: str) -> None:
        """Tell everyone that an actor and all below it are gone; its unanswered mail becomes dead letters."""
        for child in self._directory.children_of(address):
            if child != address:
                self._gone(child)
        self._directory.clear(address)
        self._actors.discard(address)
        self._names = {name: holder for name, holder in self._names.items() if holder != address}
        if self._dead_letter_handler == address:
            self._dead_letter_handler = None
        for other in list(self._actors):
            self._channels.control(Kind.GONE, other, address.encode())
        self._channels.forget(address)

    def _on_dead_letter(self, sender: str, target: str, payload: bytes) -> None:
        logger.debug("dead letter from %s to %s", sender, target)
        handler = self._dead_letter_handler
        if handler is None or handler == sender:
            return
        try:
            message = self._codec.decode(payload)
        except MessageError:
            return
        if not isinstance(message, DeadEnvelope | ActorExitRequest | Thespian_StatusReq):
            envelope = DeadEnvelope(ActorAddress(target), message)
            self._channels.send(self.settings.root, handler, self._codec.encode(envelope))

    # -- what the outside may call ---------------------------------------------------------------------------

    def call(self, function: Callable[[], Any]) -> Any:
        """Run `function` in the root's thread and return what it returns."""
        if self.finished.is_set() or not self._open:
            raise ActorSystemFailure("the actor system is shut down")
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        self._loop.post(run)
        return future.result()

    def open_mailbox(self, name: str) -> str:
        """A mailbox for a caller from outside; returns its address."""
        address = f"{name}@{self.settings.root}"
        self._mailboxes[address] = queue.Queue()
        return address

    def close_mailbox(self, address: str) -> None:
        """Messages to it are dead letters from now on."""
        self._mailboxes.pop(address, None)

    def mailbox(self, address: str) -> queue.Queue[Any]:
        """The queue behind an outside mailbox."""
        return self._mailboxes[address]

    def send(self, sender: str, target: ActorAddress, message: Any) -> None:
        """Send in the name of an outside mailbox; returns when the frame is on its way."""
        payload = self._codec.encode(message)
        details = str(target.addressDetails)
        if endpoint_of(details) == self.settings.root:
            frame = Frame(Kind.MESSAGE, 0, 0, sender, details, payload)
            self.call(lambda: self._deliver(frame))
        else:
            self.call(lambda: self._channels.send(sender, details, payload))

    def create(self, specification: Any, requirements: Any, global_name: str | None) -> ActorAddress:
        """Start a primary actor and wait until it stands; raises when it does not."""
        if global_name and (existing := self.call(lambda: self._reserve(global_name, ""))):
            return ActorAddress(existing)
        actor_class = rules.resolve_class(specification)
        rules.check_capabilities(actor_class, self.capabilities, requirements)
        address = new_address(actor_class.__name__)
        settings = child_settings(self.settings, address, actor_class, global_name, requirements)
        future: Future[ActorAddress] = Future()

        def start() -> str:
            holder = self._reserve(global_name, address) if global_name else address
            if holder == address:
                self._creating[address] = (future, "")
                self._exit_watchers[address] = Future()
                self._children.start(settings)
            return holder

        holder: str = self.call(start)
        return future.result() if holder == address else ActorAddress(holder)

    def exit_of(self, address: ActorAddress) -> Future[ExitStatus]:
        """A future of how a primary actor ends."""
        details = str(address.addressDetails)
        return self._exit_watchers.get(details) or Future()

    def shutdown(self) -> None:
        """Stop every actor, remove every socket; returns when nothing is left. Idempotent."""
        if not self.finished.is_set():
            self._loop.post(lambda: setattr(self, "_open", False))
        self.finished.wait()


def root_settings(
    directory: str,
    home: str,
    codec: str,
    environment: str,
    limits: Any,
    log_level: str,
    clock_behind_s: float = 0.0,
) -> ChildSettings:
    """Settings of the root itself, from which those of every actor derive."""
    return ChildSettings(
        directory=directory,
        address="root",
        parent="root",
        root="root",
        parent_pid=os.getpid(),
        actor_class="",
        global_name=None,
        codec=codec,
        requirements="",
        environment=environment,
        home=home,
        log_level=log_level,
        clock_behind_s=clock_behind_s,
        sys_path=list(sys.path),
        limits=limits,
    )

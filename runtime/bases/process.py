"""The process base: one operating system process per actor, messages over ZeroMQ.

Pass it to Thespian as an object: ``ActorSystem(ProcessBase(home), transientUnique=True)``.
"""

from __future__ import annotations

import queue
import secrets
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from thespian.actors import ActorAddress
from thespian.system import isInternalActorSystemMessage
from thespis.runtime.bases import rules
from thespis.runtime.bases.codec import DEFAULT_CODEC
from thespis.runtime.bases.exits import ExitStatus
from thespis.runtime.bases.root import Root, root_settings
from thespis.runtime.bases.settings import Limits
from thespis.runtime.environment import DEFAULT_ENVIRONMENT


class _Outside(rules.UnsupportedCalls):
    """One caller from outside the system, with a mailbox of its own."""

    def __init__(self, root: Root, name: str) -> None:
        self._root = root
        self._address = root.open_mailbox(name)

    def newPrimaryActor(
        self, specification: Any, requirements: Any, globalName: str | None, sourceHash: Any = None
    ) -> ActorAddress:
        """Start an actor below the root."""
        if sourceHash:
            self.loadActorSource(sourceHash)
        return self._root.create(specification, requirements, globalName)

    def tell(self, address: ActorAddress, message: Any) -> None:
        """Send without waiting for an answer."""
        self._root.send(self._address, address, message)

    def listen(self, timeout: Any) -> Any:
        """The next message for this caller, or None when `timeout` passes."""
        mailbox = self._root.mailbox(self._address)
        end_s = None if timeout is None else time.monotonic() + rules.seconds_of(timeout)
        while True:
            try:
                message = mailbox.get(timeout=None if end_s is None else max(0.0, end_s - time.monotonic()))
            except queue.Empty:
                return None
            if not isInternalActorSystemMessage(message):
                return message

    def ask(self, address: ActorAddress, message: Any, timeout: Any) -> Any:
        """Send, then return the next message from anyone, as Thespian does."""
        self.tell(address, message)
        return self.listen(timeout)

    def exit_context(self) -> None:
        """Close the mailbox of a private caller."""
        self._root.close_mailbox(self._address)


class ProcessBase(_Outside):
    """The base object of a system of processes.

    `home` is the node's directory; sockets live in ``<home>/run``, or in a private temporary directory when no
    home is given. `codec` and `environment` are ``module:factory`` names, because children are other processes. Their
    clocks are `clock_behind_s` behind the machine's.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        *,
        codec: str = DEFAULT_CODEC,
        environment: str = DEFAULT_ENVIRONMENT,
        capabilities: dict[str, Any] | None = None,
        limits: Limits | None = None,
        log_level: str = "WARNING",
        clock_behind_s: float = 0.0,
    ) -> None:
        directory = str(Path(home) / "run") if home else tempfile.mkdtemp(prefix="thespis-")
        settings = root_settings(
            directory, str(home or directory), codec, environment, limits or Limits(), log_level, clock_behind_s
        )
        self.capabilities = rules.base_capabilities("processBase", capabilities, watch=True)
        super().__init__(Root(settings, self.capabilities), "outside")

    @property
    def directory(self) -> str:
        """Where the sockets are."""
        return self._root.settings.directory

    def external_clone(self) -> _Outside:
        """A caller with a mailbox of its own, for another thread."""
        return _Outside(self._root, f"private-{secrets.token_hex(4)}")

    def exit_of(self, address: ActorAddress) -> Future[ExitStatus]:
        """A future of how a primary actor ends."""
        return self._root.exit_of(address)

    def updateCapability(self, name: str, value: Any = None) -> None:
        """Change a capability; actors that required it exit."""
        self._root.call(lambda: self._root._update_capability(name, value))

    def shutdown(self) -> None:
        """Stop everything and leave nothing behind."""
        self._root.shutdown()

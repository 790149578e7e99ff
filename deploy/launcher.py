"""Runs one node below this process: lock the home, start the tree, serve the admin channel, stop in order."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from thespian.actors import ActorSystem
from thespis.runtime.actor.conversation import Ask, Tell
from thespis.runtime.actor.envelopes import ListProcesses, RestartRole
from thespis.runtime.actor.handle import SupervisorHandle
from thespis.runtime.actor.supervisor import EXIT_GAVE_UP, Supervisor
from thespis.runtime.admin import AdminServer, AdminTell, StopNode, build_message, to_json
from thespis.runtime.bases.exits import ExitStatus
from thespis.runtime.bases.life import ORDERS, let_go_of_terminal
from thespis.runtime.bases.process import ProcessBase
from thespis.runtime.bases.settings import Limits
from thespis.runtime.errors import MessageError, RuntimeFloorError
from thespis.runtime.repo import Repo
from thespis.runtime.vault import give_passphrase, take_passphrase

logger = logging.getLogger(__name__)

EXIT_NODE_DIED = 70
SERVE_TURN_S = 0.2


@contextlib.contextmanager
def owned_home(home: Path, config: str = "") -> Iterator[Repo]:
    """The home as this process's own, made where there is none: nothing in it is changed before that."""
    repo = Repo.open(home) if (home / "version").exists() else Repo.init(home, config)
    repo.lock()
    try:
        yield repo
    finally:
        repo.close()


class RunningNode:
    """A node that runs as a tree of processes below this one, in an owned home; use it as a context manager."""

    def __init__(
        self,
        repo: Repo,
        node: type[Supervisor],
        *,
        settings: Any = None,
        log_level: str = "WARNING",
        clock_behind_s: float = 0.0,
    ) -> None:
        self.home = repo.home
        self._repo = repo
        self._node = node
        self._settings = settings
        self._log_level = log_level
        self._clock_behind_s = clock_behind_s
        self._stop_asked = False
        self._base: ProcessBase | None = None
        self._admin: AdminServer | None = None

    def __enter__(self) -> Self:
        try:
            self._base = ProcessBase(
                self.home, limits=Limits(), log_level=self._log_level, clock_behind_s=self._clock_behind_s
            )
            give_passphrase(self.home)
            system = ActorSystem(self._base, transientUnique=True)
            address = system.createActor(self._node)
            self._exit: Future[ExitStatus] = self._base.exit_of(address)
            self.handle = SupervisorHandle(system, address)
            self.handle.start(self._settings)
            self._admin = AdminServer(self._repo.run_path, self._answer)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        if not self._exit.done():
            try:
                self.handle.stop()
            except RuntimeFloorError as error:
                logger.error("the node did not stop in order: %s", error)  # noqa: TRY400
        self._release()

    def _release(self) -> None:
        if self._admin is not None:
            self._admin.close()
        take_passphrase(self.home)
        if self._base is not None:
            self._base.shutdown()

    def serve(self) -> int:
        """Serve the admin channel until told to stop or the node ends; returns the exit code."""
        for number in ORDERS:
            if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
                signal.signal(number, self._stop_ordered)
        while not self._stop_asked:
            self.turn()
            if self._exit.done():
                status = self._exit.result()
                logger.critical("the node ended: %s", status)
                return EXIT_GAVE_UP if status.code == EXIT_GAVE_UP else EXIT_NODE_DIED
        return 0

    def _stop_ordered(self, number: int, _frame: Any) -> None:
        self._stop_asked = True
        if number == signal.SIGHUP:
            let_go_of_terminal()

    def turn(self) -> None:
        """Serve at most one admin request."""
        assert self._admin is not None
        self._admin.serve(SERVE_TURN_S)

    def _answer(self, request: Any) -> Any:
        if isinstance(request, ListProcesses):
            return self.handle.processes()
        if isinstance(request, RestartRole):
            self.handle.restart(request.role)
            return None
        if isinstance(request, AdminTell):
            return to_json(self._relay(request))
        if isinstance(request, StopNode):
            self._stop_asked = True
            return None
        raise MessageError(f"{type(request).__name__} is no admin request")

    def _relay(self, order: AdminTell) -> Any:
        """Ask or tell a message of a person's to the role that it is for; raises MessageError for another's."""
        spoken = build_message(order.message, order.arguments)
        if not isinstance(spoken, Ask | Tell):
            raise MessageError(f"{order.message} is neither asked nor told; it is part of other messages")
        member = spoken.addressee.member_called(order.role)
        if member is None:
            raise MessageError(f"{order.message} is for {spoken.addressee.name}, not for {order.role}")
        if isinstance(spoken, Ask):
            return self.handle.ask(spoken, member=member, within_s=order.limit_s)
        return self.handle.tell(spoken, member=member)

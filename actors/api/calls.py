"""Calls in progress: each answered beside the others, and ended when its caller cancels it or is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from thespis.actors.api import dispatch
from thespis.actors.api.channels import Identity, same_identity
from thespis.actors.api.listings import LISTINGS, Listings
from thespis.actors.api.registry import APPLICATION, LIMIT, V1, ReadView, RpcError
from thespis.actors.api.settings import ApiSettings
from thespis.actors.chain.reader import ChainReader
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.pages import Page, all_pages
from thespis.runtime.actor.tasks import Pending, Task
from thespis.runtime.environment import Environment
from thespis.runtime.http.auth import PERMISSIONS
from thespis.runtime.http.port import CallArrived

if TYPE_CHECKING:
    from thespis.actors.api.actor import Api

R = TypeVar("R")
T = TypeVar("T")
CLIENT_CALLS_MAX = 128
"""Calls of one client in progress, those that wait for a message among them."""
ANSWERS_BYTES_MAX = 32 << 20
"""Of all answers that are being put together."""
INSIDE = "inside"


@dataclass
class _Reading:
    """What a method in a lane sees of the node: one head for a whole call, and the lane's own reader."""

    api: Api
    chain: ChainReader
    path: str
    _head: Tipset | None = None

    @property
    def settings(self) -> ApiSettings:
        """The Api's settings."""
        return self.api.settings

    @property
    def environment(self) -> Environment:
        """Clock and chance."""
        return self.api.environment

    @property
    def secret(self) -> bytes:
        """What tokens are signed with."""
        return self.api.secret

    @property
    def address_network(self) -> str:
        """The letter of addresses."""
        return self.chain.genesis.profile.address_network

    def tipset(self, key: TipsetKey) -> Tipset:
        """A tipset, or the head for an empty key."""
        if key:
            return self.chain.tipset(key)
        self._head = self._head or self.chain.head()
        return self._head


@dataclass
class _Progress:
    """One body that is being answered."""

    number: int
    connection: int
    client: str
    refused: bool = False
    held: int = 0
    task: Task | None = None
    requests: list[tuple[Identity, Callable[[], None]]] = field(default_factory=list)


@dataclass
class CallView(_Reading):
    """What one request may use of the node, on the mailbox."""

    progress: _Progress = field(kw_only=True)
    request: Identity = None

    def named(self, request: Identity) -> CallView:
        """The same for one request of the body."""
        return replace(self, request=request, _head=None)

    def tipset(self, key: TipsetKey) -> Tipset:
        """A tipset, or the head for an empty key, as it is now: a call may wait for another."""
        return self.chain.tipset(key) if key else self.chain.head()

    def admit(self) -> None:
        """Go on; raises RpcError where too many calls of the client are in progress."""
        if self.progress.refused:
            raise RpcError(LIMIT, f"{CLIENT_CALLS_MAX} calls of this client are in progress; await some answers first")

    async def beside(self, work: Callable[[ReadView], R], *, quick: bool = True) -> R:
        """Do it in a lane, when it is this client's turn."""
        readers = self.api.calls.readers

        def in_lane(lane: str) -> R:
            return work(_Reading(self.api, readers[lane], self.path))

        found: R = await self.api.turns.run(self.progress.client, self.progress.number, in_lane, quick=quick)
        return found

    def ask(self, question: Ask[R]) -> Awaitable[R]:
        """Ask a subsystem."""
        return self.api.ask(question)

    async def listing(self, question: Ask[Page[T]], form: Callable[[T], Any]) -> bytes:
        """All pages of an answer as JSON, gathered once for all who ask, and written in a lane."""
        network = self.address_network

        async def gather() -> bytes:
            found = await all_pages(self.api.ask, question)

            def write(_lane: str) -> bytes:
                return dispatch.put_together((form(each) for each in found), network)

            listed: bytes = await self.api.turns.run(LISTINGS, self.progress.number, write, quick=False)
            return listed

        return await self.api.calls.listings.get(type(question), gather)

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let time pass."""
        return self.api.sleep(seconds)

    def open_channel(self, topic: str) -> int:
        """Subscribe the caller's WebSocket."""
        return self.api.channels.open(self.progress.connection, self.progress.client, self.request, topic)

    def cancel(self, request: str | float) -> None:
        """End what a request of the same WebSocket began."""
        if self.progress.connection:
            self.api.calls.cancel(self.progress.connection, request)

    def hold(self, size: int) -> bool:
        """Book bytes of an answer."""
        return self.api.calls.hold(self.progress, size)

    async def cancellable(self, answering: Coroutine[Any, Any, bytes]) -> bytes:
        """Await it, unless the request is cancelled first."""
        pending: Pending[bytes] = Pending()

        def over(result: Any, error: BaseException | None) -> None:
            if error is not None:
                pending.fail(error)
            else:
                pending.resolve(result)

        task = Task(answering, over)
        entry = (self.request, lambda: pending.fail(RpcError(APPLICATION, "the call was cancelled")))
        self.progress.requests.append(entry)
        try:
            return await pending
        finally:
            self.progress.requests.remove(entry)
            task.cancel()


class Calls:
    """Every call that came in and is not answered, by the number that the port gave it."""

    def __init__(self, api: Api, readers: dict[str, ChainReader]) -> None:
        self.readers = readers
        self.listings = Listings(api.spawn)
        self._api = api
        self._open: dict[int, _Progress] = {}
        self._held = 0
        self._order = count(1)

    def begin(self, call: CallArrived) -> None:
        """Answer a call, or refuse it where too many of its client are in progress."""
        same = sum(each.client == call.client for each in self._open.values())
        progress = _Progress(next(self._order), call.connection, call.client, same >= CLIENT_CALLS_MAX)
        view = CallView(self._api, self._api.chain, call.path, progress=progress)
        self._open[call.number] = progress
        task = self._api.spawn(self._answer(view, call))
        if call.number in self._open:
            progress.task = task

    async def _answer(self, view: CallView, call: CallArrived) -> None:
        """Answer, and let the channels that were opened begin: after the answer that names them."""
        progress = view.progress
        try:
            body, status = await dispatch.answer(view, call.body, call.permissions)
            self._api.port.respond(call.number, body, status)
            self._api.channels.begin(call.connection, self._api.first_value)
        finally:
            self._held -= progress.held
            self._open.pop(call.number, None)

    async def answer_inside(self, body: bytes) -> bytes:
        """Answer a call of another subsystem or of an operator."""
        view = CallView(self._api, self._api.chain, V1, progress=_Progress(next(self._order), 0, INSIDE))
        try:
            answer, _status = await dispatch.answer(view, body, PERMISSIONS)
        finally:
            self._held -= view.progress.held
        return answer

    def hold(self, progress: _Progress, size: int) -> bool:
        """Book bytes until a body is answered; False at the bound."""
        if self._held + size > ANSWERS_BYTES_MAX:
            return False
        self._held += size
        progress.held += size
        return True

    def cancel(self, connection: int, request: Identity) -> None:
        """End what one request of a socket began, and nothing else."""
        for progress in list(self._open.values()):
            if progress.connection == connection:
                for identity, stop in list(progress.requests):
                    if same_identity(identity, request):
                        stop()
        self._api.channels.cancel(connection, request)

    def drop(self, number: int) -> None:
        """Nobody waits for the answer to a call: what it still does ends."""
        progress = self._open.get(number)
        if progress is not None and progress.task is not None:
            progress.task.cancel()

    def drop_connection(self, connection: int) -> None:
        """Nobody waits for the answers to the calls of a socket."""
        for number, progress in list(self._open.items()):
            if progress.connection == connection:
                self.drop(number)

"""The table of methods, and what each is given: a view of the node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from thespis.actors.api.settings import ApiSettings
from thespis.actors.chain.reader import ChainReader
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.pages import Page
from thespis.runtime.environment import Environment

Parser = Callable[[Any], Any]
R = TypeVar("R")
T = TypeVar("T")
Handler = TypeVar("Handler", bound=Callable[..., Any])


class RpcError(Exception):
    """An answer that is an error, with Lotus' code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


APPLICATION, PARSE, INVALID_REQUEST, NO_METHOD, WRONG_PARAMS = 1, -32700, -32600, -32601, -32602
ACTOR_NOT_FOUND, NULL_ROUND = 11, 12
V0, V1 = "/rpc/v0", "/rpc/v1"
"""Where the older interface is called, and the present one."""
LIMIT = -32005
"""Lotus' code for who asks for too much."""


@dataclass(frozen=True, slots=True)
class Entries:
    """An object as a result, its entries made one after the other while it is written."""

    pairs: Iterator[tuple[str, Any]]


class ReadView(Protocol):
    """What a method may use that only reads: it runs in a thread beside the mailbox, with a reader of its own."""

    @property
    def chain(self) -> ChainReader:
        """The chain."""
        ...

    @property
    def settings(self) -> ApiSettings:
        """The Api's settings."""
        ...

    @property
    def environment(self) -> Environment:
        """Clock and chance."""
        ...

    @property
    def secret(self) -> bytes:
        """What tokens are signed with."""
        ...

    @property
    def path(self) -> str:
        """Where the call was sent; ``/rpc/v0`` is the older interface."""
        ...

    @property
    def address_network(self) -> str:
        """The letter with which addresses are written: ``f`` on mainnet, ``t`` elsewhere, as Lotus has it."""
        ...

    def tipset(self, key: TipsetKey) -> Tipset:
        """A tipset, or the head for an empty key; the head is the same one for a whole call."""
        ...


class NodeView(ReadView, Protocol):
    """What a method may use of the node that asks other subsystems; it runs on the mailbox."""

    async def beside(self, work: Callable[[ReadView], R], *, quick: bool = True) -> R:
        """What work gives that only reads, done beside the mailbox when it is this client's turn."""
        ...

    def cancel(self, request: str | float) -> None:
        """End what a request of the caller's WebSocket began: its call if it is not answered, else its channel."""
        ...

    def ask(self, question: Ask[R]) -> Awaitable[R]:
        """Ask a subsystem."""
        ...

    async def listing(self, question: Ask[Page[T]], form: Callable[[T], Any]) -> bytes:
        """All pages of an answer, each item in its form, as JSON; for answers that grow with what an actor keeps."""
        ...

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let time pass."""
        ...

    def open_channel(self, topic: str) -> int:
        """Give the caller's WebSocket a channel of events; raises RpcError over plain HTTP."""
        ...


@dataclass(frozen=True, slots=True)
class Method:
    """One method: who may call it, what its parameters may be, and what runs.

    A coroutine runs on the mailbox and asks, and may give bytes, which are JSON already; a plain function only reads,
    and runs in a lane: that of quick calls, or that of those that may take long. A list that may be long is given as
    an iterator, and an object as `Entries`.
    """

    name: str
    permission: str
    signatures: tuple[Sequence[Parser], ...]
    function: Callable[..., Any]
    quick: bool = False


METHODS: dict[str, Method] = {}


def rpc(
    name: str, permission: str, *parsers: Parser, also: Sequence[Parser] | None = None, quick: bool = False
) -> Callable[[Handler], Handler]:
    """Declare ``Filecoin.<name>``; `also` is a second parameter list, for methods that v0 and v1 call differently.

    `quick` is for functions that read a few blocks of the store whatever they are asked.
    """

    def declare(function: Handler) -> Handler:
        full = name if "." in name else f"Filecoin.{name}"
        if full in METHODS:
            raise ValueError(f"{full} is declared twice")
        METHODS[full] = Method(full, permission, (parsers,) if also is None else (parsers, also), function, quick)
        return function

    return declare

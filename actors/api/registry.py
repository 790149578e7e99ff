"""The table of methods, and what each is given: a view of the node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from thespis.actors.api.settings import ApiSettings
from thespis.actors.chain.reader import ChainReader
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.environment import Environment

Parser = Callable[[Any], Any]
R = TypeVar("R")
Handler = TypeVar("Handler", bound=Callable[..., Any])


class RpcError(Exception):
    """An answer that is an error, with Lotus' code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


APPLICATION, PARSE, INVALID_REQUEST, NO_METHOD, WRONG_PARAMS = 1, -32700, -32600, -32601, -32602
ACTOR_NOT_FOUND, NULL_ROUND = 11, 12


class NodeView(Protocol):
    """What a method may use of the node."""

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

    def tipset(self, key: TipsetKey) -> Tipset:
        """A tipset, or the head for an empty key."""
        ...

    def ask(self, question: Ask[R]) -> Awaitable[R]:
        """Ask a subsystem."""
        ...

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let time pass."""
        ...

    def open_channel(self, topic: str) -> int:
        """Give the caller's WebSocket a channel of events; raises RpcError over plain HTTP."""
        ...


@dataclass(frozen=True, slots=True)
class Method:
    """One method: who may call it, what its parameters may be, and what runs."""

    name: str
    permission: str
    signatures: tuple[Sequence[Parser], ...]
    function: Callable[..., Any]


METHODS: dict[str, Method] = {}


def rpc(
    name: str, permission: str, *parsers: Parser, also: Sequence[Parser] | None = None
) -> Callable[[Handler], Handler]:
    """Declare ``Filecoin.<name>``; `also` is a second parameter list, for methods that v0 and v1 call differently."""

    def declare(function: Handler) -> Handler:
        full = name if "." in name else f"Filecoin.{name}"
        if full in METHODS:
            raise ValueError(f"{full} is declared twice")
        METHODS[full] = Method(full, permission, (parsers,) if also is None else (parsers, also), function)
        return function

    return declare

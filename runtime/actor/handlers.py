"""Which method of a subsystem takes which message; the types hold the method to what the message declares."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from thespis.runtime.actor.conversation import Ask, Event, Signal, Tell
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.errors import MessageError

R = TypeVar("R")
S = TypeVar("S")
Q_co = TypeVar("Q_co", bound=Ask[Any], covariant=True)
Told = TypeVar("Told", bound=Tell | Event | Signal)

_MARK = "_thespis_handles"


@dataclass(frozen=True, slots=True)
class Handling:
    """How one message type is handled; an exclusive handler runs while no other does."""

    function: Callable[..., Any]
    exclusive: bool


class Answers(Generic[Q_co]):
    """The decorator that `answers` returns: takes a method from the question to its answer, async or not."""

    def __init__(self, questions: tuple[type, ...], exclusive: bool) -> None:
        self._questions = questions
        self._exclusive = exclusive

    @overload
    def __call__(
        self: Answers[Ask[R]], function: Callable[[S, Q_co], Coroutine[Any, Any, R]]
    ) -> Callable[[S, Q_co], Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(self: Answers[Ask[R]], function: Callable[[S, Q_co], R]) -> Callable[[S, Q_co], R]: ...
    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Mark the method."""
        return _marked(function, self._questions, self._exclusive)


def answers(question: type[Q_co], *, exclusive: bool = False) -> Answers[Q_co]:
    """Mark a method as what answers a question; ``exclusive=True`` keeps every other handler out while it runs."""
    _must_be(question, Ask)
    return Answers((question,), exclusive)


def handles(
    *kinds: type[Told], exclusive: bool = False
) -> Callable[[Callable[[S, Told], Any]], Callable[[S, Told], Any]]:
    """Mark a method as what handles something told, an event, or a signal of an own port; what it returns is lost."""
    for kind in kinds:
        _must_be(kind, Tell | Event | Signal)
    return lambda function: _marked(function, kinds, exclusive)


def _must_be(kind: type, expected: Any) -> None:
    if not REGISTRY.knows(kind):
        raise MessageError(f"{kind.__qualname__} is not a registered message; declare it with @message")
    if not issubclass(kind, expected):
        raise MessageError(f"{kind.__qualname__} is not for this; questions are for @answers, the rest for @handles")


def _marked(function: Callable[..., Any], kinds: tuple[type, ...], exclusive: bool) -> Callable[..., Any]:
    function.__dict__.setdefault(_MARK, []).extend((kind, exclusive) for kind in kinds)
    return function


def handlers_of(cls: type, inherited: dict[type, Handling], hidden: frozenset[str]) -> dict[type, Handling]:
    """The handlers of a class and of its bases; raises MessageError for two of one message and for `hidden` names."""
    found = dict(inherited)
    for name, function in vars(cls).items():
        if name in hidden:
            raise MessageError(f"{cls.__name__}.{name} hides a part of Subsystem; give it another name")
        for kind, exclusive in getattr(function, _MARK, ()):
            taken = found.get(kind)
            if taken is not None and taken.function.__qualname__.startswith(cls.__qualname__ + "."):
                raise MessageError(f"{cls.__name__}.{name}: {kind.__name__} has a handler already")
            found[kind] = Handling(function, exclusive)
    return found


__all__ = ["Answers", "Handling", "answers", "handlers_of", "handles"]

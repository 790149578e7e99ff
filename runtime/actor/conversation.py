"""What a message declares of the conversation that it belongs to: who is spoken to, and what comes back, and when.

Whoever asks names neither a role nor a reply: ``await self.ask(SignBytes(worker, data))`` is a ``Signature``, because
`SignBytes` says so, and a type checker holds both sides to it. There are four kinds:

==========  =================================================  ===========================
kind        declared as                                        handled by a method with
==========  =================================================  ===========================
`Ask[R]`    ``class X(Ask[R], to=ROLE, raises=(...))``         ``@answers(X)``, returns R
`Tell`      ``class X(Tell, to=ROLE)``                         ``@handles(X)``
`Event`     ``class X(Event, by=ROLE)``, routed to all who     ``@handles(X)``
            handle it
`Signal`    ``class X(Signal)``: an actor's own port, to it    ``@handles(X)``
==========  =================================================  ===========================

When a supervisor starts, its plan is held against these declarations (`thespis.runtime.actor.supervision.Plan.check`).
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from thespis.runtime.errors import MessageError

R = TypeVar("R")

DEFAULT_WAIT_S = 5.0
"""How long a question that does not say otherwise may wait for its answer."""


if TYPE_CHECKING:
    Plain = Any
else:

    class Plain:
        """Annotation of a field that stands on the wire as it is: a reply, which the asker checks by its question."""


class Message:
    """Base of what actors send each other; as the annotation of a field it admits any registered message."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Role:
    """The name under which a subsystem is spoken to, whichever process holds it now.

    A crew is a role with several members, who are equal and told apart by a number from 1 on.
    """

    name: str
    tree: str
    """The supervision tree that it belongs to; a plan answers for every role of its tree."""
    members_max: int = 0

    def holder(self, member: int = 0) -> str:
        """The name of the one who holds it; raises MessageError for a member that cannot be."""
        if bool(self.members_max) != bool(member) or not 0 <= member <= self.members_max:
            known = f"members 1 to {self.members_max}" if self.members_max else "no members"
            raise MessageError(f"member {member} of {self.name}, which has {known}")
        return f"{self.name}-{member}" if member else self.name

    def member_called(self, name: str) -> int | None:
        """The member that `holder` gives a name to, 0 where there are none; None for a name that is no holder's."""
        if not self.members_max:
            return 0 if name == self.name else None
        prefix, _, number = name.rpartition("-")
        if prefix == self.name and number.isdecimal() and 1 <= int(number) <= self.members_max:
            return int(number)
        return None

    def is_held_by(self, name: str) -> bool:
        """Whether a name is a holder's."""
        return self.member_called(name) is not None


SUPERVISOR = Role("Supervisor", "")
"""Whoever supervises the one who asks; part of every tree."""


class Ask(Message, Generic[R]):
    """Base of a question: `to` whom it goes, with what it is answered (`R`), and which errors it `raises`.

    An answer that holds a list says how many bytes it has at most, `answer_bytes_max`, which must fit a frame, or comes
    in pages (`thespis.runtime.actor.pages`): what grows with a bound must not meet that of the frame one day. An error
    that is declared arrives as itself, with its subclasses; any other arrives as RemoteError, and is a fault of whoever
    answered.
    """

    __slots__ = ()
    addressee: ClassVar[Role]
    raises: ClassVar[tuple[type[Exception], ...]] = ()
    within_s: ClassVar[float] = DEFAULT_WAIT_S
    answer_bytes_max: ClassVar[int] = 0
    reply_hint: ClassVar[Any]

    def __init_subclass__(
        cls,
        *,
        to: Role | None = None,
        raises: tuple[type[Exception], ...] = (),
        within_s: float = DEFAULT_WAIT_S,
        answer_bytes_max: int = 0,
    ) -> None:
        super().__init_subclass__()
        if to is not None:  # a dataclass with slots is made twice, the second time without arguments
            cls.addressee, cls.raises, cls.within_s, cls.answer_bytes_max = to, raises, within_s, answer_bytes_max
            cls.reply_hint = _reply_hint(cls)

    def expected_errors(self) -> tuple[type[Exception], ...]:
        """The errors that may come in the place of an answer."""
        return self.raises

    def wait_s(self) -> float:
        """How long to wait for the answer; a question that carries a time limit of its own counts it in."""
        return self.within_s


def _reply_hint(cls: type) -> Any:
    for base in getattr(cls, "__orig_bases__", ()):
        if typing.get_origin(base) is Ask:
            [hint] = typing.get_args(base)
            return hint
    raise MessageError(f"{cls.__qualname__} does not say what it is answered with; derive it from Ask[...]")


class Tell(Message):
    """Base of what is told to a role and not answered; it may be lost with a process."""

    __slots__ = ()
    addressee: ClassVar[Role]

    def __init_subclass__(cls, *, to: Role | None = None) -> None:
        super().__init_subclass__()
        if to is not None:
            cls.addressee = to


class Event(Message):
    """Base of what a role publishes; the supervisor routes it to every role that handles it.

    An event is a hint: who missed one, being restarted, sees what it told of by itself, or is told again.
    """

    __slots__ = ()
    publisher: ClassVar[Role]

    def __init_subclass__(cls, *, by: Role | None = None) -> None:
        super().__init_subclass__()
        if by is not None:
            cls.publisher = by


class Signal(Message):
    """Base of what an actor's own port (network, HTTP server, threads) puts into the actor's mailbox."""

    __slots__ = ()

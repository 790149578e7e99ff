"""The error tree of the runtime floor; every error names the thing, the value, the bound and the remedy."""

from thespis.protocols.errors import ProtocolError


class RuntimeFloorError(Exception):
    """Root of every error this floor raises, so that a caller can catch the floor and not Python."""


class MessageError(RuntimeFloorError):
    """A message type cannot be declared, encoded or decoded."""


class UnknownMessageError(MessageError):
    """A frame names a message type this process never declared; it is rejected, never executed."""


class FrameError(RuntimeFloorError):
    """A frame on an actor socket is truncated, oversize or of an unknown kind."""


class ActorStartError(RuntimeFloorError):
    """An actor process could not be started, or failed before it was ready."""


class PlanError(RuntimeFloorError):
    """A plan leaves a question without an answerer, or something told or published without anyone who handles it."""


class AskError(RuntimeFloorError):
    """An ask ended without a reply; the subclasses say why."""


class AskTimeoutError(AskError):
    """The deadline of an ask passed before its reply came."""


class ActorRestartedError(AskError):
    """The incarnation that was asked is gone; the caller may ask the new one."""


class RoleUnavailableError(AskError):
    """No live incarnation holds the role that was asked."""


class RemoteError(AskError):
    """The handler on the other side raised; the message carries its type and text."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


class MailboxFullError(AskError):
    """Too many asks are in flight; wait for some to end before asking again."""


def said(error: BaseException) -> str:
    """What an error says to a person: ours speak for themselves, others' need their kind; of a group the first."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, RuntimeFloorError | ProtocolError) and str(error):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def error_named(kind: str, detail: str, declared: tuple[type[Exception], ...]) -> Exception:
    """The error that crossed from another actor by name: one of this floor's, a declared one or a subclass of it.

    Anything else becomes a RemoteError, which keeps the name.
    """
    own = globals().get(kind)
    if isinstance(own, type) and issubclass(own, RuntimeFloorError) and own is not RemoteError:
        return own(detail)
    waiting = list(declared)
    while waiting:
        cls = waiting.pop()
        if cls.__name__ == kind:
            return cls(detail)
        waiting += cls.__subclasses__()
    return RemoteError(kind, detail)

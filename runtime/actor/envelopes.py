"""The messages of the actor runtime itself: what carries a subsystem's messages, and what its supervisor says."""

from __future__ import annotations

import enum

from thespis.runtime.actor.message import ActorAddress, Message, message


@message
class Peer:
    """Where a role lives now."""

    role: str
    address: ActorAddress
    incarnation: int


@message
class SubsystemReady:
    """The incarnation has rebuilt itself and takes requests."""

    role: str
    incarnation: int


@message
class SubsystemFailed:
    """The incarnation could not start; the supervisor decides."""

    role: str
    incarnation: int
    reason: str


@message
class PeersChanged:
    """Who lives now; asks in flight to anyone else are over. A map older than the one known is ignored."""

    version: int
    peers: tuple[Peer, ...]


@message
class StartSubsystem:
    """The supervisor's first word to a new incarnation; what is asked before it is ready waits."""

    role: str
    incarnation: int
    supervisor: ActorAddress
    peers: PeersChanged
    settings: Message | None


@message
class Request:
    """One ask; `incarnation` is the one the caller means, 0 for any."""

    number: int
    incarnation: int
    body: Message


@message
class Reply:
    """The answer to an ask."""

    number: int
    body: Message | None


@message
class Failure:
    """The typed error that ended an ask."""

    number: int
    kind: str
    detail: str


@message
class Tell:
    """A message that wants no answer."""

    body: Message


@message
class Publish:
    """An event on its way to the supervisor, which routes it."""

    event: Message


@message
class Event:
    """A routed event."""

    event: Message


@message
class Ping:
    """Heartbeat; at most one is outstanding per child."""

    number: int


@message
class Statistics:
    """What a subsystem says of itself with each heartbeat.

    `rejected` counts messages it refused, in its channels or by type; `dead_letters` those that came back; `blocked_s`
    is how long it waited for full mailboxes of others.
    """

    process_id: int
    mailbox: int
    handled: int
    failed: int
    rejected: int
    dead_letters: int
    blocked_s: float
    p50_s: float
    p99_s: float
    memory_bytes: int


@message
class Pong:
    """Answer to a heartbeat; says which map of peers the child has, so that a lost one is sent again."""

    number: int
    peers_version: int
    statistics: Statistics


@message
class StopSubsystem:
    """Finish what runs, keep what must be kept, then exit."""


class ChildState(enum.Enum):
    """Where a supervised child stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    FAILED = "failed"


@message
class ProcessRow:
    """One line of the process table."""

    role: str
    state: ChildState
    incarnation: int
    restarts: int
    reasons: tuple[str, ...]
    rate: float
    statistics: Statistics


@message
class ListProcesses:
    """Ask a supervisor for its process table."""


@message
class ProcessTable:
    """Every child, in start order, the supervisor first."""

    rows: tuple[ProcessRow, ...]


@message
class StartChildren:
    """Start everything, in order."""

    settings: Message | None


@message
class StopChildren:
    """Stop everything, in reverse order."""


@message
class Done:
    """An order was carried out."""


@message
class RestartRole:
    """Restart one child now, whatever it does."""

    role: str


@message
class TellRole:
    """Hand a message to a role and return its reply."""

    role: str
    body: Message
    deadline_s: float

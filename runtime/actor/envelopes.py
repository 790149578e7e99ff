"""The messages of the actor runtime itself: what carries a subsystem's messages, and what its supervisor says."""

from __future__ import annotations

import enum

from thespis.runtime.actor.conversation import SUPERVISOR, Ask
from thespis.runtime.actor.log_levels import LogLevels
from thespis.runtime.actor.message import ActorAddress, Message, Plain, message
from thespis.runtime.errors import ActorStartError, AskError, PlanError, RoleUnavailableError

RELAY_MARGIN_S = 5.0


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
    log_levels: LogLevels
    settings: Message | None


@message
class Request:
    """One ask; `incarnation` is the one the caller means, 0 for any."""

    number: int
    incarnation: int
    body: Message


@message
class Reply:
    """The answer to an ask, as plain values: the asker knows by its question what they are."""

    number: int
    body: Plain


@message
class Failure:
    """The typed error that ended an ask."""

    number: int
    kind: str
    detail: str


@message
class Cast:
    """A message that wants no answer."""

    body: Message


@message
class Publish:
    """An event on its way to the supervisor, which routes it."""

    event: Message


@message
class Routed:
    """An event on its way from the supervisor to one who handles it."""

    event: Message


@message
class Ping:
    """Heartbeat; at most one is outstanding per child."""

    number: int


@message
class Statistics:
    """What a subsystem says of itself with each heartbeat.

    `rejected` counts messages it refused, in its channels, by type, or because it held too many; `dead_letters` those
    that came back; `blocked_s` is how long it waited for full mailboxes of others; `handler_s` is how long its handlers
    took in all, waiting for answers included, and `cpu_s` what its process took of the processors. All count from the
    start of the process.
    """

    process_id: int
    mailbox: int
    handled: int
    failed: int
    rejected: int
    dead_letters: int
    blocked_s: float
    handler_s: float
    p50_s: float
    p99_s: float
    memory_bytes: int
    cpu_s: float


@message
class Pong:
    """Answer to a heartbeat; says which map of peers and which levels the child has: lost ones are sent again."""

    number: int
    peers_version: int
    levels_version: int
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
    """One line of the process table.

    `restarts` are those that nobody asked for, and `reasons` tells of the last ten restarts; `restarts_by_cause` counts
    them all under few names, for who adds them up.
    """

    role: str
    state: ChildState
    incarnation: int
    restarts: int
    reasons: tuple[str, ...]
    restarts_by_cause: dict[str, int]
    rate: float
    statistics: Statistics


@message
class ProcessTable:
    """Every child, in start order, the supervisor first."""

    rows: tuple[ProcessRow, ...]


@message
class ListProcesses(Ask[ProcessTable], to=SUPERVISOR, answer_bytes_max=4 << 20):
    """The process table."""


@message
class StartChildren(Ask[None], to=SUPERVISOR, raises=(ActorStartError, PlanError)):
    """Start everything, in order."""

    settings: Message | None


@message
class StopChildren(Ask[None], to=SUPERVISOR):
    """Stop everything, in reverse order."""


@message
class RestartRole(Ask[None], to=SUPERVISOR, raises=(RoleUnavailableError,)):
    """Restart one child now, whatever it does."""

    role: str


@message
class Relayed:
    """What was answered to a question that was relayed, as plain values."""

    body: Plain


@message
class Relay(Ask[Relayed], to=SUPERVISOR):
    """Put a question of the outside to the role that answers it, or tell it what is only told."""

    body: Message
    member: int = 0
    limit_s: float = 5.0

    def expected_errors(self) -> tuple[type[Exception], ...]:
        """Those of asking, and those of the question that is relayed."""
        return (AskError, *self.body.expected_errors()) if isinstance(self.body, Ask) else (AskError,)

    def wait_s(self) -> float:
        """Whoever relays it waits for the answer first."""
        return self.limit_s + RELAY_MARGIN_S

"""The rules of supervision as data and pure functions: when to restart, how soon, and when to give up.

As in OTP: each child has a restart policy and an intensity. The intensity is counted per child, not per
supervisor as in OTP, so that the death of all children at once (an out-of-memory killer) is survived, while one
child that cannot live still ends the node.
"""

from __future__ import annotations

import enum
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from thespis.runtime.actor.conversation import Ask, Event, Role, Tell
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.bases.exits import START_FAILED_CODE, ExitStatus
from thespis.runtime.errors import PlanError

SettingsT = TypeVar("SettingsT")
CAUSES_MAX = 32
"""Causes of restarts that are counted apart for one child; any further one counts as `OTHER_CAUSES`."""
OTHER_CAUSES = "other"


class Restart(enum.Enum):
    """When a child that ended is started again."""

    PERMANENT = "always"
    TRANSIENT = "unless it ended by itself with code 0"
    TEMPORARY = "never"


class Cause(enum.Enum):
    """Why a child was ended, where its supervisor knows it better than the kernel."""

    HEARTBEAT_MISSED = "heartbeat missed"
    START_TIMEOUT = "start timeout"
    START_FAILED = "failed to start"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Ending:
    """How one incarnation ended: what the kernel says, and what its supervisor knows beside it."""

    status: ExitStatus
    cause: Cause | None = None
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.status}: {self.detail}" if self.detail else str(self.status)

    @property
    def counted_as(self) -> str:
        """A name out of few: a cause, the signal that ended the process, or its exit code."""
        if self.cause is not None:
            return self.cause.value
        return Cause.START_FAILED.value if self.status.code == START_FAILED_CODE else str(self.status)


@dataclass(frozen=True, slots=True)
class Intensity:
    """Give up on a child that needs more than `restarts` restarts within `window_s`."""

    restarts: int = 5
    window_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between restarts: none before the first, then doubling up to a bound, with jitter against herds."""

    first_s: float = 0.05
    factor: float = 2.0
    most_s: float = 5.0
    jitter: float = 0.5

    def delay_s(self, attempt: int, rng: random.Random) -> float:
        """Delay before restart number `attempt`, counted from 1 within the window."""
        if attempt <= 1:
            return 0.0
        delay = min(self.most_s, self.first_s * self.factor ** min(attempt - 2, 30))
        return delay * (1.0 + self.jitter * (2 * rng.random() - 1.0))


def always(_settings: Any) -> bool:
    """Whatever the settings are."""
    return True


def unchanged(settings: Any) -> Any:
    """The tree's settings as they are."""
    return settings


def nothing(_settings: Any) -> None:
    """No settings: the child needs none."""


@dataclass(frozen=True, slots=True)
class ChildSpec(Generic[SettingsT]):
    """One supervised child: the role it holds, its class, and what of the tree's settings it is given."""

    role: Role
    actor: type[Subsystem[SettingsT]]
    settings: Callable[[Any], SettingsT] = unchanged
    member: int = 0
    restart: Restart = Restart.PERMANENT
    intensity: Intensity = Intensity()
    backoff: Backoff = Backoff()
    start_timeout_s: float = 15.0
    stop_timeout_s: float = 5.0
    wanted: Callable[[Any], bool] = always
    """Whether a tree with given settings has this child at all."""

    @property
    def name(self) -> str:
        """What the child is called: its role, with its number in a crew."""
        return self.role.holder(self.member)


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """How the supervisor notices a child that lives but does not work."""

    every_s: float = 1.0
    timeout_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor runs: children in start order. Who hears of which event follows from what they handle."""

    children: tuple[ChildSpec[Any], ...]
    heartbeats: Heartbeats = Heartbeats()
    _subscribers: dict[type, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[type, list[str]] = {}
        for spec in self.children:
            for kind in spec.actor.handlers:
                found.setdefault(kind, []).append(spec.name)
        object.__setattr__(self, "_subscribers", {kind: tuple(names) for kind, names in found.items()})

    def subscribers(self, event: type) -> tuple[str, ...]:
        """The names of the children that handle an event, in start order; found once, for events are many."""
        return self._subscribers.get(event, ())

    def check(self, declared: Iterable[type] = ()) -> None:
        """Raise PlanError unless every declared message of this plan's trees has who takes it.

        A question has one role that answers it, and only that role; what is told has its role as a handler; an event
        has a publisher of this plan and somebody who handles it. `declared` defaults to every registered message.
        """
        messages = tuple(declared) or REGISTRY.declared()
        roles = {spec.role for spec in self.children}
        trees = {role.tree for role in roles}
        faults = [fault for kind in messages if (fault := self._fault(kind, roles, trees))]
        if faults:
            raise PlanError("; ".join(faults))

    def _fault(self, kind: type, roles: set[Role], trees: set[str]) -> str | None:
        holders = {spec.role for spec in self.children if kind in spec.actor.handlers}
        if issubclass(kind, Ask | Tell) and kind.addressee.tree in trees:
            wrong = sorted(role.name for role in holders - {kind.addressee})
            if wrong:
                return f"{kind.__name__} is for {kind.addressee.name} and {', '.join(wrong)} takes it"
            if not holders:
                return f"{kind.__name__} is for {kind.addressee.name}, and no child of that role takes it"
        if issubclass(kind, Event) and kind.publisher.tree in trees:
            if kind.publisher not in roles:
                return f"{kind.__name__} is published by {kind.publisher.name}, which is no child"
            if not holders:
                return f"{kind.__name__} is published and no child handles it"
        return None


def should_restart(policy: Restart, status: ExitStatus) -> bool:
    """Whether the policy asks for a restart after this end."""
    if policy is Restart.TEMPORARY:
        return False
    return policy is Restart.PERMANENT or not status.clean


class RestartLog:
    """The restarts of one child: how many within the window, and why the last ones happened."""

    def __init__(self, intensity: Intensity) -> None:
        self._intensity = intensity
        self._recent: deque[float] = deque()
        self.total = 0
        self.reasons: deque[str] = deque(maxlen=10)
        self.by_cause: dict[str, int] = {}

    def note(self, now_s: float, reason: str) -> int:
        """Record one more; returns its number within the window."""
        self.total += 1
        self.reasons.append(reason)
        self._recent.append(now_s)
        while self._recent and self._recent[0] <= now_s - self._intensity.window_s:
            self._recent.popleft()
        return len(self._recent)

    def count(self, cause: str) -> None:
        """Add one restart for `cause`; the names are few, because each is a time series of whoever scrapes."""
        if cause not in self.by_cause and len(self.by_cause) >= CAUSES_MAX - 1:
            cause = OTHER_CAUSES
        self.by_cause[cause] = self.by_cause.get(cause, 0) + 1

    def exhausted(self, number: int) -> bool:
        """Whether restart `number` of the window is one too many."""
        return number > self._intensity.restarts

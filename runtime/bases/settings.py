"""The bounds of the process base, and what a parent tells a child it starts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from thespis.runtime.bases.codec import DEFAULT_CODEC


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound of the process base in one place; units last in names.

    The window is what a receiver may owe one sender; the outbox is what the sender holds beyond it. Past both, the
    sender waits `send_block_s` and then gets its message back as a dead letter.
    """

    frame_bytes_max: int = 16 << 20
    window_messages: int = 1000
    window_bytes: int = 32 << 20
    outbox_messages: int = 10_000
    outbox_bytes: int = 64 << 20
    external_mailbox_messages: int = 100_000
    send_block_s: float = 5.0
    acknowledge_after_s: float = 0.02
    start_timeout_s: float = 30.0
    starting_at_once: int = 4
    exit_grace_s: float = 5.0
    remembered_dead: int = 10_000
    request_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """What a new actor process needs to know; travels as JSON through an anonymous file on its stdin."""

    directory: str
    address: str
    parent: str
    root: str
    parent_pid: int
    actor_class: str
    global_name: str | None
    codec: str
    requirements: str
    environment: str
    home: str
    log_level: str
    clock_behind_s: float = 0.0
    sys_path: list[str] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)

    def to_json(self) -> bytes:
        """Serialise for the child's stdin."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> ChildSettings:
        """Read what `to_json` wrote."""
        values = json.loads(data)
        return cls(**{**values, "limits": Limits(**values["limits"])})


__all__ = ["DEFAULT_CODEC", "ChildSettings", "Limits"]

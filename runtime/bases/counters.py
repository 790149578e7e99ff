"""What the channels of one actor process did, as a message that the process answers in its actor's stead."""

from __future__ import annotations

from thespis.runtime.actor.message import message


@message
class ReadCounters:
    """Ask an actor's process, not the actor, what its channels did."""


@message
class Counters:
    """What the channels of one process did."""

    sent: int
    received: int
    rejected: int
    duplicates: int
    lost: int
    dead_letters: int
    blocked_s: float
    mailbox: int


NO_COUNTERS = Counters(0, 0, 0, 0, 0, 0, 0.0, 0)
"""What bases without channels of our own report."""

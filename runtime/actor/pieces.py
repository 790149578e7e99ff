"""Long work of a subsystem, in pieces between which others get their answers."""

from __future__ import annotations

from typing import Any, TypeVar

from thespis.protocols.steps import Steps
from thespis.runtime.actor.subsystem import Subsystem

T = TypeVar("T")

PIECE_S = 0.1
"""How long to work before others get their turn; a small part of what a heartbeat may take (`supervision`)."""


async def in_pieces(owner: Subsystem[Any], steps: Steps[T]) -> T:
    """The end of work that pauses; the owner handles other messages in those pauses that come after `PIECE_S`."""
    since_s = owner.now_s()
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: T = stop.value
            return found
        if owner.now_s() >= since_s + PIECE_S:
            await owner.sleep(0)
            since_s = owner.now_s()

"""Work that pauses: whoever does it can answer others in its pauses, or take it to its end at once."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that pauses at every `yield`, with nothing half done that others could see."""


def at_once(steps: Steps[T]) -> T:
    """The end of work, without its pauses."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: T = stop.value
            return found

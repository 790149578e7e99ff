"""The moments at which a simulated actor may die so that it matters: before and after whatever it writes or sends.

Between two of them it changes nothing but its own memory, so that killing it at each is killing it everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Observer = Callable[[Any, str, Any, bool], None]
"""Is told whose environment, what kind, what of (`WRITE`: the store's name; `SEND`: to whom, and the message), and
whether it is done by now."""

WRITE, SEND = "write", "send"


class Killed(BaseException):
    """Raised by an observer that has killed the very actor that it was told of: nothing more of its code runs."""


class Moments:
    """Tells an observer, if there is one, of every moment in a simulated world."""

    def __init__(self) -> None:
        self.observer: Observer | None = None

    def tell(self, environment: Any, kind: str, what: Any, done: bool) -> None:
        """Say that something is about to be done, or is done; an observer may raise Killed."""
        if self.observer is not None:
            self.observer(environment, kind, what, done)

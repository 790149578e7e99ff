"""Listings that grow with what an actor keeps, gathered once for all who ask meanwhile.

A call whose answer is put together from pages holds all of them, and its caller pays nothing: two hundred strangers who
ask for a full pool at once would have the node hold it two hundred times. So of each listing one is gathered at a time.
Who asks while that is under way gets the next one, which begins behind it: what a caller knows to be there is in what
it is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from thespis.runtime.actor.tasks import Pending

LISTINGS = "listings"
"""Whose turn it is in a lane when a listing is written: nobody's own, for many wait for it."""


class Listings:
    """What is gathered now, and who waits for it or for the next."""

    def __init__(self, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._spawn = spawn
        self._waiting: dict[object, list[Pending[bytes]]] = {}

    async def get(self, kind: object, gather: Callable[[], Awaitable[bytes]]) -> bytes:
        """A listing of a kind that is gathered from now on."""
        pending: Pending[bytes] = Pending()
        if kind in self._waiting:
            self._waiting[kind].append(pending)
        else:
            self._waiting[kind] = [pending]
            self._spawn(self._gathered(kind, gather))
        return await pending

    async def _gathered(self, kind: object, gather: Callable[[], Awaitable[bytes]]) -> None:
        while waiting := self._waiting[kind]:
            self._waiting[kind] = []
            try:
                found = await gather()
            except Exception as error:
                for each in waiting:
                    each.fail(error)
            else:
                for each in waiting:
                    each.resolve(found)
        del self._waiting[kind]

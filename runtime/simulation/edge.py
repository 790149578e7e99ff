"""What stands at a simulated node's edge where the real host has trio's and libp2p's: turns in virtual time.

Bounds, rates, bans and scores are the real host's own (`runtime/p2p/limits.py`, `runtime/p2p/scores.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from thespis.protocols.encoding.cbor_length import item_length
from thespis.protocols.errors import CborError


@dataclass(frozen=True, slots=True)
class Ban:
    """A node let go of a peer and keeps it away for a while."""

    at_ns: int
    by: str
    peer: str


class Turn:
    """So many requests of one peer at once; the others wait in order."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken: set[int] = set()
        self._waiting: OrderedDict[int, Callable[[], None]] = OrderedDict()

    def take(self, number: int, begin: Callable[[], None]) -> None:
        """Begin now, or when a place is free."""
        self._waiting[number] = begin
        self._go_on()

    def leave(self, number: int) -> None:
        """A request is over, also one that waited only."""
        self._taken.discard(number)
        self._waiting.pop(number, None)
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and len(self._taken) < self._places:
            number, begin = self._waiting.popitem(last=False)
            self._taken.add(number)
            begin()


def read_item(data: bytes, bytes_max: int) -> tuple[bytes | None, str]:
    """One CBOR item as the real host reads it from a stream, or None; the text names what no honest peer sends."""
    try:
        length = item_length(data, bytes_max)
    except CborError as error:
        return None, str(error)
    return (None, "") if length is None else (data[:length], "")

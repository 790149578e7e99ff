"""What stands at a simulated node's edge where the real host has libp2p's: turns in virtual time, and gossip scores.

Bounds, rates and bans are the real host's own (`runtime/p2p/limits.py`).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from thespis.protocols.encoding.cbor_length import item_length
from thespis.protocols.errors import CborError
from thespis.runtime.p2p.limits import (
    GRAYLIST_THRESHOLD,
    INVALID_CAP,
    INVALID_DECAY_PER_HEARTBEAT,
    INVALID_PENALTY,
    PUBLISH_THRESHOLD,
    Now,
)


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


class Scores:
    """What malformed gossip costs whoever passed it on; forgotten with the connection, as in py-libp2p."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._invalid: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))

    def invalid(self, peer: str) -> None:
        """A payload did not pass its topic's validator."""
        self._invalid[peer] = (self._count(peer) + 1.0, self._now())

    def _count(self, peer: str) -> float:
        count, since_s = self._invalid[peer]
        decayed: float = count * INVALID_DECAY_PER_HEARTBEAT ** int(self._now() - since_s)
        return decayed

    def of(self, peer: str) -> float:
        """The score; 0 is that of a peer without fault."""
        return -INVALID_PENALTY * min(INVALID_CAP, self._count(peer)) if peer in self._invalid else 0.0

    def may_publish(self, peer: str) -> bool:
        """Whether what a peer passes on is looked at."""
        return self.of(peer) >= max(PUBLISH_THRESHOLD, GRAYLIST_THRESHOLD)

    def forget(self, peer: str) -> None:
        """The peer is gone."""
        self._invalid.pop(peer, None)


def read_item(data: bytes, bytes_max: int) -> tuple[bytes | None, str]:
    """One CBOR item as the real host reads it from a stream, or None; the text names what no honest peer sends."""
    try:
        length = item_length(data, bytes_max)
    except CborError as error:
        return None, str(error)
    return (None, "") if length is None else (data[:length], "")

"""Which peers answer: what the Syncer has seen of each, so that many silent ones do not stand before the few others."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

SILENT_S, SILENT_MAX_S = 60.0, 960.0
"""Who did not answer is asked after the others for so long, twice as long each further time, up to the second: each
time it takes a place among those that are asked at once."""


GREETED_MAX = 1024
"""Peers that answered a hello and may have gone since the last look; more than are connected at once, the oldest go."""


class Standing(IntEnum):
    """How much speaks for it that a peer answers, the most first: what costs a stranger nothing speaks for nothing."""

    PROVEN = 0
    """This node dialled it, which strangers cannot choose, or it has answered the chain exchange."""
    POLITE = 1
    """It answered our hello."""
    STRANGER = 2
    SILENT = 3


class Ways:
    """Of the connected peers: who was dialled, who has answered, and who keeps silent and for how long."""

    def __init__(self) -> None:
        self._dialled: frozenset[str] = frozenset()
        self._answered: set[str] = set()
        self._polite: dict[str, None] = {}
        self._silent: dict[str, tuple[float, int]] = {}
        self._now_s = 0.0

    def see(self, connected: Sequence[str], dialled: Sequence[str], now_s: float) -> None:
        """Take in who is connected; of others nothing is remembered."""
        there = set(connected)
        self._now_s, self._dialled = now_s, frozenset(dialled)
        self._answered &= there
        self._polite = {peer: None for peer in self._polite if peer in there}
        self._silent = {peer: silence for peer, silence in self._silent.items() if peer in there}

    def greeted(self, peer: str) -> None:
        """A peer answered a hello; who is gone by then is forgotten at the next look."""
        self._polite[peer] = None
        if len(self._polite) > GREETED_MAX:
            del self._polite[next(iter(self._polite))]

    def answered(self, peer: str) -> None:
        """A peer answered the chain exchange, anything at all."""
        self._answered.add(peer)
        self._silent.pop(peer, None)

    def kept_silent(self, peer: str, now_s: float) -> None:
        """A peer let the time of a request pass."""
        times = self._silent.get(peer, (0.0, 0))[1]
        self._silent[peer] = now_s + min(SILENT_MAX_S, SILENT_S * 2.0**times), times + 1
        self._answered.discard(peer)

    def standing(self, peer: str) -> Standing:
        """Where a peer stands now."""
        if self._silent.get(peer, (0.0, 0))[0] > self._now_s:
            return Standing.SILENT
        if peer in self._dialled or peer in self._answered:
            return Standing.PROVEN
        return Standing.POLITE if peer in self._polite else Standing.STRANGER

"""The table of bounds and rates that hold at a node's edge, and who keeps them: the real host and the simulated one.

Both worlds read the same names here and `HostSettings` in `runtime/p2p/port.py`, and both ask the same `Admission`,
`Turns` and `Buckets`; only the clock differs. A bound of one world alone would hide from a simulation what a stranger
can do, or let a simulation pass what a node refuses.
"""

from __future__ import annotations

import enum
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import trio

logger = logging.getLogger(__name__)

TurnT = TypeVar("TurnT")
Now = Callable[[], float]
"""Seconds of a clock that never goes back."""

STREAMS_PER_CONNECTION_MAX = 512
UNREAD_BYTES_MAX = 32 << 20
"""py-libp2p does not enforce its receive window, so whoever sends more than this unread is cut off."""
WATCH_EVERY_S = 0.25
UNREAD_TOTAL_MAX = 48 << 20
"""Of all connections together: one peer may open several."""
BAN_S = 60.0
BANNED_MAX = 4096
CONNECTIONS_PER_S, CONNECTIONS_BURST = 8.0, 64
"""New connections of one address; a handshake costs more than a refusal."""
INBOUND_SHARE = 0.9
"""Of a node's places, those that peers can take by connecting; the others are for whom the node dials, so that nobody
can surround it."""
REQUESTS_PER_S, REQUESTS_BURST = 30.0, 60
"""Requests of one peer, counted when its stream opens. Who asks faster is told so; that is an answer and no fault."""
PACE = 0.8
"""The share of these rates that a node takes itself, of each peer: clocks differ, and what was sent evenly arrives in
heaps. So an honest node is not told that it asks too fast."""
REFUSALS_PER_S, REFUSALS_BURST = 20.0, 200
"""Who was told so often and goes on is let go of, and may come back: refusing costs, too."""
STALLS_PER_S, STALLS_BURST = 0.2, 16
"""Requests of one peer that begin and do not end in time; who has more of them goes, and may come back."""
TURNS_PER_PEER = 2
"""Requests of one peer that are answered at once; the others of it wait, and nobody else for them."""
BUCKETS_MAX = 4096
ANSWER_TIMEOUT_S = 25.0
"""From a request's first byte to the end of its answer, waiting for a turn included."""
PAYLOADS_PER_S, PAYLOADS_BURST = 50.0, 500
"""New payloads of one peer and topic that are looked at; the others are dropped, and somebody else brings them."""
GOSSIP_THRESHOLD, PUBLISH_THRESHOLD, GRAYLIST_THRESHOLD = -500.0, -1000.0, -2500.0
JUDGE_EVERY_S = 0.5
"""How soon a peer whose score fell below `PUBLISH_THRESHOLD` is let go of."""


class Buckets:
    """A token bucket for each of many keys; the longest unused is forgotten first, which only favours its key."""

    def __init__(self, per_s: float, burst: int, now: Now = trio.current_time) -> None:
        self._per_s = per_s
        self._burst = burst
        self._now = now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """One token, if there is one."""
        return self.reserve(key, 0.0) is not None

    def reserve(self, key: str, within_s: float) -> float | None:
        """In how many seconds the next token is there, which is then taken; None, and none taken, if that is later."""
        now_s = self._now()
        level, since_s = self._levels.pop(key, (float(self._burst), now_s))
        level = min(self._burst, level + (now_s - since_s) * self._per_s)
        wait_s = max(0.0, (1 - level) / self._per_s)
        taken = wait_s <= within_s
        self._levels[key] = (level - taken, now_s)
        if len(self._levels) > BUCKETS_MAX:
            self._levels.popitem(last=False)
        return wait_s if taken else None


class Speed(enum.Enum):
    """How a peer's requests come."""

    FINE = "fine"
    TOO_FAST = "too fast"
    FLOOD = "a flood"


class OwnRequests:
    """What a node asks of each peer, by the bounds that it holds others to, so that no honest node passes those."""

    def __init__(self, per_peer_max: int, now: Now = trio.current_time) -> None:
        self._open_max = max(1, int(per_peer_max * PACE))
        self._rates = Buckets(REQUESTS_PER_S * PACE, int(REQUESTS_BURST * PACE), now)
        self._open: Counter[str] = Counter()

    def enter(self, peer: str, within_s: float) -> float | None:
        """In how many seconds to send one more request; None when that is too long, or too many are open."""
        wait_s = None if self._open[peer] >= self._open_max else self._rates.reserve(peer, within_s)
        self._open[peer] += wait_s is not None
        return wait_s

    def leave(self, peer: str) -> None:
        """A request that was let in is over."""
        self._open[peer] -= 1
        if self._open[peer] <= 0:
            del self._open[peer]


class Turns(Generic[TurnT]):
    """Requests of each peer: how many wait or are answered, how many are answered at once, and how fast they come.

    `turn` makes what lets so many go on at once, in the manner of the world.
    """

    def __init__(self, per_peer_max: int, turn: Callable[[int], TurnT], now: Now = trio.current_time) -> None:
        self._per_peer_max = per_peer_max
        self._turn = turn
        self._rates = Buckets(REQUESTS_PER_S, REQUESTS_BURST, now)
        self._refusals = Buckets(REFUSALS_PER_S, REFUSALS_BURST, now)
        self._stalls = Buckets(STALLS_PER_S, STALLS_BURST, now)
        self._open: Counter[str] = Counter()
        self._turns: dict[str, TurnT] = {}

    def speed(self, peer: str) -> Speed:
        """What one more request now is: in time, too fast, or one that does not heed having been told so."""
        if self._rates.take(peer):
            return Speed.FINE
        return Speed.TOO_FAST if self._refusals.take(peer) else Speed.FLOOD

    def may_stall(self, peer: str) -> bool:
        """Whether one more request that began and did not end is bad luck."""
        return self._stalls.take(peer)

    def enter(self, peer: str) -> TurnT | None:
        """Take a request in; answer it in its turn. None when the peer has too many open."""
        if self._open[peer] >= self._per_peer_max:
            return None
        self._open[peer] += 1
        if peer not in self._turns:
            self._turns[peer] = self._turn(TURNS_PER_PEER)
        return self._turns[peer]

    def leave(self, peer: str) -> None:
        """A request is over."""
        self._open[peer] -= 1
        if self._open[peer] <= 0:
            del self._open[peer]
            del self._turns[peer]


class Admission:
    """Who may connect, decided before a handshake."""

    def __init__(self, per_ip_max: int, peers_max: int, now: Now = trio.current_time) -> None:
        self._per_ip_max = per_ip_max
        self._inbound_max = int(peers_max * INBOUND_SHARE)
        self._now = now
        self._by_ip: Counter[str] = Counter()
        self._rates = Buckets(CONNECTIONS_PER_S, CONNECTIONS_BURST, now)
        self._banned: dict[str, float] = {}
        self._met: OrderedDict[str, None] = OrderedDict()
        self.blocked: frozenset[str] = frozenset()
        self.refused = 0

    def admit(self, ip: str) -> bool:
        """Take one more connection from an address, if there is a place, and it has not too many and not too fast."""
        full = self._by_ip.total() >= self._inbound_max or self._by_ip[ip] >= self._per_ip_max
        if full or not self._rates.take(ip):
            self.refused += 1
            return False
        self._by_ip[ip] += 1
        return True

    def leave(self, ip: str) -> None:
        """One connection of an address ended."""
        self._by_ip[ip] -= 1
        if self._by_ip[ip] <= 0:
            del self._by_ip[ip]

    def met(self, peer: str) -> None:
        """A connection to a peer stood."""
        self._met.pop(peer, None)
        self._met[peer] = None
        if len(self._met) > BANNED_MAX:
            self._met.popitem(last=False)

    def ban(self, peer: str) -> None:
        """Keep a peer away for a while; a name that never connected may be an invented one, and they have no end."""
        if peer not in self._met:
            return
        self._banned[peer] = self._now() + BAN_S
        while len(self._banned) > BANNED_MAX:
            self._banned.pop(next(iter(self._banned)))

    def is_banned(self, peer: str) -> bool:
        """Whether a peer is kept away, for what it did or on order."""
        if peer in self.blocked:
            return True
        until_s = self._banned.get(peer)
        if until_s is None:
            return False
        if until_s < self._now():
            del self._banned[peer]
            return False
        return True


async def watch_connections(network: Any) -> None:
    """Cut off connections that open too many streams or send what nobody reads, the worst first."""
    while True:
        await trio.sleep(WATCH_EVERY_S)
        loads = [(_unread(connection), connection) for connection in list(network.get_connections())]
        total = sum(unread for unread, _connection in loads)
        for unread, connection in sorted(loads, key=lambda load: load[0], reverse=True):
            streams = len(getattr(connection.muxed_conn, "streams", ()))
            if streams <= STREAMS_PER_CONNECTION_MAX and unread <= UNREAD_BYTES_MAX and total <= UNREAD_TOTAL_MAX:
                continue
            total -= unread
            peer = connection.muxed_conn.peer_id
            logger.warning("cutting off %s: %d streams, %d bytes unread", peer, streams, unread)
            getattr(connection.muxed_conn, "stream_buffers", {}).clear()
            with trio.move_on_after(1):
                await connection.close()


def _unread(connection: Any) -> int:
    return sum(map(len, list(getattr(connection.muxed_conn, "stream_buffers", {}).values())))

"""The table of bounds and rates that hold at a node's edge, and who keeps them: the real host and the simulated one.

Both worlds read the same names here and `HostSettings` in `runtime/p2p/port.py`, and both ask the same `Admission`,
`Turns` and `Buckets`; only the clock differs. A bound of one world alone would hide from a simulation what a stranger
can do, or let a simulation pass what a node refuses.
"""

from __future__ import annotations

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
"""Requests of one peer. A node that syncs asks one at a time and executes what it got before it asks again."""
TURNS_PER_PEER = 2
"""Requests of one peer that are answered at once; the others of it wait, and nobody else for them."""
BUCKETS_MAX = 4096
ANSWER_TIMEOUT_S = 25.0
"""From a request's first byte to the end of its answer, waiting for a turn included."""
INVALID_PENALTY = 1000.0
"""Weights of penalties are positive in py-libp2p, where the specification has them negative."""
INVALID_CAP = 100.0
INVALID_DECAY_PER_HEARTBEAT = 0.9987
"""To one hundredth in an hour of one-second heartbeats."""
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
        now_s = self._now()
        level, since_s = self._levels.pop(key, (float(self._burst), now_s))
        level = min(self._burst, level + (now_s - since_s) * self._per_s)
        taken = level >= 1
        self._levels[key] = (level - taken, now_s)
        if len(self._levels) > BUCKETS_MAX:
            self._levels.popitem(last=False)
        return taken


class Turns(Generic[TurnT]):
    """Requests of each peer: how many wait or are answered, how many are answered at once, and how fast they come.

    `turn` makes what lets so many go on at once, in the manner of the world.
    """

    def __init__(self, per_peer_max: int, turn: Callable[[int], TurnT], now: Now = trio.current_time) -> None:
        self._per_peer_max = per_peer_max
        self._turn = turn
        self._rates = Buckets(REQUESTS_PER_S, REQUESTS_BURST, now)
        self._open: Counter[str] = Counter()
        self._turns: dict[str, TurnT] = {}

    def within_rate(self, peer: str) -> bool:
        """Whether one more request now is no flood."""
        return self._rates.take(peer)

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

    def ban(self, peer: str) -> None:
        """Keep a peer away for a while."""
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

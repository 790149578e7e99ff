"""What one peer or one address may take: connections per IP, streams and unread bytes per connection, time in exile."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import trio

logger = logging.getLogger(__name__)

STREAMS_PER_CONNECTION_MAX = 512
UNREAD_BYTES_MAX = 32 << 20
"""py-libp2p does not enforce its receive window, so whoever sends more than this unread is cut off."""
WATCH_EVERY_S = 0.25
UNREAD_TOTAL_MAX = 48 << 20
"""Of all connections together: one peer may open several."""
BAN_S = 60.0
BANNED_MAX = 4096


class Admission:
    """Who may connect, decided before a handshake."""

    def __init__(self, per_ip_max: int) -> None:
        self._per_ip_max = per_ip_max
        self._by_ip: Counter[str] = Counter()
        self._banned: dict[str, float] = {}
        self.blocked: frozenset[str] = frozenset()
        self.refused = 0

    def admit(self, ip: str) -> bool:
        """Take one more connection from an address, if it has not too many."""
        if self._by_ip[ip] >= self._per_ip_max:
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
        self._banned[peer] = trio.current_time() + BAN_S
        while len(self._banned) > BANNED_MAX:
            self._banned.pop(next(iter(self._banned)))

    def is_banned(self, peer: str) -> bool:
        """Whether a peer is kept away, for what it did or on order."""
        if peer in self.blocked:
            return True
        until_s = self._banned.get(peer)
        if until_s is None:
            return False
        if until_s < trio.current_time():
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

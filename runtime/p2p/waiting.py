"""Gossip on its way from the host's thread to the actor's: how much of it waits, in number and in bytes."""

from __future__ import annotations


class Waiting:
    """Two threads count here and neither changes what the other counts, so that nothing has to be locked."""

    def __init__(self, count_max: int, bytes_max: int) -> None:
        self._count_max, self._bytes_max = count_max, bytes_max
        self._given = self._given_bytes = 0
        self._taken = self._taken_bytes = 0
        self.dropped = 0

    @property
    def count(self) -> int:
        """Payloads that wait."""
        return self._given - self._taken

    @property
    def size(self) -> int:
        """Their bytes."""
        return self._given_bytes - self._taken_bytes

    def give(self, size: int) -> bool:
        """Let one more in, in the host's thread; False, and it is dropped, when there is no room."""
        if self.count >= self._count_max or self.size + size > self._bytes_max:
            self.dropped += 1
            return False
        self._given += 1
        self._given_bytes += size
        return True

    def take(self, size: int) -> None:
        """One of them has been handled, in the actor's thread."""
        self._taken += 1
        self._taken_bytes += size

"""What is remembered beyond one use, within a bound of bytes: the values used last.

A bound by number would be either too small for a large state or, with large values, too large for the machine
(an LRU as ``hashicorp/golang-lru`` has it, counted in bytes). Any thread may use it, since the Api reads in threads
beside its mailbox; what is held is shared between them and must not be changed.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Values by key, the one used longest ago dropped first; sizes are the caller's estimates, in bytes."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._values: dict[Key, tuple[Value, int]] = {}
        self._lock = threading.RLock()

    @property
    def size_bytes(self) -> int:
        """The sum of the sizes of what is held now; never above the bound."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """The value of `key`, now the one used last, or None."""
        with self._lock:
            held = self._values.pop(key, None)
            if held is None:
                return None
            self._values[key] = held
            return held[0]

    def put(self, key: Key, value: Value, size_bytes: int) -> None:
        """Hold a value; one larger than the bound is not held at all, and nothing is dropped for it."""
        with self._lock:
            self.forget(key)
            if size_bytes > self._bytes_max:
                return
            self._values[key] = value, size_bytes
            self._bytes += size_bytes
            while self._bytes > self._bytes_max:
                self.forget(next(iter(self._values)))

    def forget(self, key: Key) -> None:
        """Drop the value of `key` if it is held."""
        with self._lock:
            held = self._values.pop(key, None)
            if held is not None:
                self._bytes -= held[1]

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0

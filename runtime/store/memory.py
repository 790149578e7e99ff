"""Stores in memory with the crash semantics of a disk, for tests and the simulation.

A batch written without `durable` is lost by a crash, with every batch after it up to the next durable one, as a
write-ahead log without fsync would lose them.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from thespis.runtime.store.checks import check_changes, check_family
from thespis.runtime.store.errors import StoreClosedError, StoreFullError, StoreLockedError
from thespis.runtime.store.interface import FAMILIES, Change, Put

JOURNAL_ENTRIES_MAX = 100_000
"""Changes kept for readers to catch up by; one that is further behind copies everything."""

_Tables = dict[str, dict[bytes, bytes]]


class _Volume:
    """What one store keeps: the tables as seen, and the tables a crash would leave."""

    def __init__(self) -> None:
        self.live: _Tables = {family: {} for family in FAMILIES}
        self._order: dict[str, list[bytes]] = {}
        self.unsynced: list[list[tuple[str, bytes, bytes | None]]] = []
        self.holder: MemoryStore | None = None
        self.journal: list[tuple[str, bytes, bytes | None]] = []
        self.journal_start = 0

    def ordered(self, family: str) -> list[bytes]:
        """A family's keys in byte order; sorted at the first scan and kept so from then on."""
        if family not in self._order:
            self._order[family] = sorted(self.live[family])
        return self._order[family]

    def copy(self, tables: _Tables) -> None:
        """Hold what another volume holds."""
        self.live = {family: dict(table) for family, table in tables.items()}
        self._order.clear()

    def apply(self, family: str, key: bytes, value: bytes | None) -> None:
        """Set or, with None, remove a key."""
        table, order = self.live[family], self._order.get(family)
        if order is not None and (key in table) == (value is None):
            place = bisect.bisect_left(order, key)
            order[place : place + (value is None)] = [] if value is None else [key]
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value

    def set(self, family: str, key: bytes, value: bytes | None) -> None:
        """Set or, with None, remove a key, and tell the readers."""
        self.apply(family, key, value)
        self.journal.append((family, key, value))
        if len(self.journal) > JOURNAL_ENTRIES_MAX:
            self.journal_start += len(self.journal)
            self.journal = []


class MemoryDisk:
    """The disk of one simulated node; it outlives the actors that write to it."""

    def __init__(self, capacity_bytes: int | None = None) -> None:
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self.sectors: dict[int, Any] = {}
        self.sectors_full = False
        self.files: dict[str, bytes] = {}
        self._volumes: dict[str, _Volume] = {}
        self._owners: dict[int, list[_Volume]] = {}

    def open(self, name: str, owner: object | None = None) -> MemoryStore:
        """Open a store for writing; raises StoreLockedError while another holder has it."""
        volume = self._volumes.setdefault(name, _Volume())
        if volume.holder is not None:
            raise StoreLockedError(f"store {name!r} is open for writing already; close it first")
        store = MemoryStore(self, volume)
        volume.holder = store
        if owner is not None:
            self._owners.setdefault(id(owner), []).append(volume)
        return store

    def open_reader(self, name: str) -> MemoryReader:
        """Open a store for reading; it sees what was written up to its last refresh."""
        return MemoryReader(self._volumes.setdefault(name, _Volume()))

    def look(self, name: str) -> MemoryView:
        """A reader that always sees what the writer sees, for checkers that stand outside the simulation."""
        return MemoryView(self._volumes.setdefault(name, _Volume()))

    def crash(self, owner: object | None = None) -> None:
        """Lose what was not synced, of one owner's stores or of all, and release their locks."""
        volumes = self._volumes.values() if owner is None else self._owners.pop(id(owner), [])
        for volume in volumes:
            for undo in reversed(volume.unsynced):
                for family, key, old in reversed(undo):
                    volume.set(family, key, old)
            volume.unsynced.clear()
            if volume.holder is not None:
                volume.holder._volume = None
                volume.holder = None


class _Reads:
    _volume: _Volume | None

    def _opened(self) -> _Volume:
        if self._volume is None:
            raise StoreClosedError("the store is closed; open it again")
        return self._volume

    def _tables(self) -> _Tables:
        return self._opened().live

    def get(self, family: str, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        check_family(family)
        return self._tables()[family].get(key)

    def has(self, family: str, key: bytes) -> bool:
        """Whether a key is there."""
        check_family(family)
        return key in self._tables()[family]

    def scan(self, family: str, prefix: bytes = b"", *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Keys with a prefix and their values, in byte order or against it."""
        check_family(family)
        table, keys = self._tables()[family], self._opened().ordered(family)
        first = bisect.bisect_left(keys, prefix)
        found = []
        for place in range(first, len(keys)):
            key = keys[place]
            if not key.startswith(prefix):
                break
            found.append((key, table[key]))
        return iter(found[::-1] if reverse else found)

    def refresh(self) -> None:
        """Nothing to do: reads are current."""

    def close(self) -> None:
        """Let go of the volume."""
        self._volume = None


class MemoryReader(_Reads):
    """A reader whose view stands still until it is refreshed, as a RocksDB secondary's does."""

    def __init__(self, volume: _Volume) -> None:
        self._source: _Volume | None = volume
        self._volume = _Volume()
        self._seen = -1
        self.refresh()

    def refresh(self) -> None:
        """See what the writer has written."""
        if self._source is None or self._volume is None:
            raise StoreClosedError("the store is closed; open it again")
        source = self._source
        if self._seen < source.journal_start:
            self._volume.copy(source.live)
        else:
            for family, key, value in source.journal[self._seen - source.journal_start :]:
                self._volume.apply(family, key, value)
        self._seen = source.journal_start + len(source.journal)


class MemoryView(_Reads):
    """A view of the live tables."""

    def __init__(self, volume: _Volume) -> None:
        self._volume = volume

    def refresh(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to let go of."""


def _nobody(_done: bool) -> None:
    """Watch nothing."""


class MemoryStore(_Reads):
    """The writer of one volume."""

    def __init__(self, disk: MemoryDisk, volume: _Volume) -> None:
        self._disk = disk
        self._volume = volume
        self.watcher: Callable[[bool], None] = _nobody

    def write(self, changes: Iterable[Change], *, durable: bool = True) -> None:
        """Apply changes atomically; with `durable` they survive a crash. The watcher is told before and after."""
        self.watcher(False)
        self._write(changes, durable=durable)
        self.watcher(True)

    def _write(self, changes: Iterable[Change], *, durable: bool) -> None:
        tables = self._tables()
        assert self._volume is not None
        batch = check_changes(changes)
        size = sum(len(change.key) + len(change.value) for change in batch if isinstance(change, Put))
        capacity = self._disk.capacity_bytes
        if capacity is not None and self._disk.used_bytes + size > capacity:
            raise StoreFullError(
                f"{size} bytes do not fit: {self._disk.used_bytes} of {capacity} are used; free space, then retry"
            )
        self._disk.used_bytes += size
        undo: list[tuple[str, bytes, bytes | None]] = []
        for change in batch:
            table = tables[change.family]
            undo.append((change.family, change.key, table.get(change.key)))
            self._volume.set(change.family, change.key, bytes(change.value) if isinstance(change, Put) else None)
        if durable:
            self._volume.unsynced.clear()
        else:
            self._volume.unsynced.append(undo)

    def close(self) -> None:
        """Close in order: everything written is kept."""
        if self._volume is not None:
            self._volume.unsynced.clear()
            self._volume.holder = None
        super().close()

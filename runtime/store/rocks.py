"""RocksDB behind the store interface: one locked writer, any number of secondary readers.

The writer appends to the write-ahead log with one fsync per durable batch; RocksDB replays the log at the next
open, so what was acknowledged survives `kill -9` and power loss. A reader opens the same files as a secondary
instance and catches up on `refresh`. Options are given at every open: with the library's defaults the on-disk
format would depend on who opened the store first.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rocksdict import AccessType, BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch, WriteOptions
from thespis.runtime.store.checks import check_changes, check_family
from thespis.runtime.store.errors import (
    StoreClosedError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreLockedError,
)
from thespis.runtime.store.interface import FAMILIES, Change, Put

CACHE_BYTES = 32 << 20
BLOOM_BITS_PER_KEY = 10
OPEN_FILES_MAX = 512


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_max_open_files(OPEN_FILES_MAX)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_write_buffer_size(16 << 20)
    options.set_keep_log_file_num(2)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(CACHE_BYTES))
    table.set_bloom_filter(BLOOM_BITS_PER_KEY, False)
    options.set_block_based_table_factory(table)
    return options


def _classify(error: Exception, path: Path) -> StoreError:
    """Turn the engine's text into the error that says what to do."""
    text = str(error)
    lower = text.lower()
    if isinstance(error, StoreError):
        return error
    if "lock" in lower and ("held" in lower or "unavailable" in lower or "hold" in lower):
        return StoreLockedError(f"store {path} is open for writing in another process; stop it first ({text})")
    if any(sign in lower for sign in ("no space", "space limit", "quota", "file too large")):
        return StoreFullError(f"no room on the disk of {path}; free space, then open the store again ({text})")
    if "corruption" in lower or "checksum" in lower or "invalid argument" in lower or "not an sst" in lower:
        return StoreCorruptError(
            f"store {path} is damaged: {text}; restore it from a snapshot, or remove the folder and sync again"
        )
    return StoreError(f"store {path}: {text}")


class _RocksReads:
    """Reads shared by the writer and the secondary readers."""

    def __init__(self, path: Path, database: Rdict) -> None:
        self.path = path
        self._database: Rdict | None = database
        try:
            self._tables = {family: database.get_column_family(family) for family in FAMILIES}
        except Exception as error:
            raise _classify(error, path) from error

    def _table(self, family: str) -> Rdict:
        check_family(family)
        if self._database is None:
            raise StoreClosedError(f"store {self.path} is closed; open it again")
        return self._tables[family]

    def get(self, family: str, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        try:
            value: bytes | None = self._table(family).get(key)
        except StoreError:
            raise
        except Exception as error:
            raise _classify(error, self.path) from error
        return value

    def has(self, family: str, key: bytes) -> bool:
        """Whether a key is there."""
        return self.get(family, key) is not None

    def scan(self, family: str, prefix: bytes = b"", *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Keys with a prefix and their values, in byte order or against it."""
        cursor = self._table(family).iter()
        if not reverse:
            cursor.seek(prefix) if prefix else cursor.seek_to_first()
        elif prefix and (end := _after(prefix)) is not None:
            cursor.seek_for_prev(end)
            if cursor.valid() and cursor.key() == end:
                cursor.prev()
        else:
            cursor.seek_to_last()
        while cursor.valid():
            key: bytes = cursor.key()
            if not key.startswith(prefix):
                break
            yield key, cursor.value()
            cursor.prev() if reverse else cursor.next()
        try:
            cursor.status()
        except Exception as error:
            raise _classify(error, self.path) from error

    def close(self) -> None:
        """Release files and locks; closing twice is no error."""
        if self._database is None:
            return
        for table in self._tables.values():
            table.close()
        self._tables.clear()
        self._database.close()
        self._database = None


def _after(prefix: bytes) -> bytes | None:
    """The smallest key above every key with this prefix, or None when there is none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else None


class RocksStore(_RocksReads):
    """The writer; RocksDB's own lock file keeps it the only one."""

    def __init__(self, path: Path, database: Rdict) -> None:
        super().__init__(path, database)
        self._handles: dict[str, Any] = {name: database.get_column_family_handle(name) for name in FAMILIES}
        self._durable = WriteOptions()
        self._durable.sync = True
        self._lazy = WriteOptions()

    @classmethod
    def open(cls, path: Path) -> RocksStore:
        """Open for writing, making the store when there is none.

        Raises StoreLockedError, StoreCorruptError, StoreFullError or StoreError, each naming the path.
        """
        path.mkdir(parents=True, exist_ok=True)
        families = {family: _options() for family in FAMILIES}
        try:
            return cls(path, Rdict(str(path), _options(), families, AccessType.read_write()))
        except Exception as error:
            raise _classify(error, path) from error

    def write(self, changes: Iterable[Change], *, durable: bool = True) -> None:
        """Apply changes atomically; with `durable`, one fsync and they survive a crash."""
        if self._database is None:
            raise StoreClosedError(f"store {self.path} is closed; open it again")
        batch = WriteBatch(raw_mode=True)
        for change in check_changes(changes):
            handle = self._handles[change.family]
            if isinstance(change, Put):
                batch.put(change.key, change.value, handle)
            else:
                batch.delete(change.key, handle)
        try:
            self._database.write(batch, self._durable if durable else self._lazy)
        except Exception as error:
            raise _classify(error, self.path) from error

    def refresh(self) -> None:
        """Nothing to do: the writer's reads are current."""

    def close(self) -> None:
        """Release files and the lock; the engine holds both while a column family handle lives."""
        self._handles.clear()
        super().close()


class RocksReader(_RocksReads):
    """A secondary instance: reads what the writer wrote, as of the last refresh."""

    def __init__(self, path: Path, database: Rdict, scratch: str) -> None:
        super().__init__(path, database)
        self._scratch = scratch

    @classmethod
    def open(cls, path: Path, run: Path | None = None) -> RocksReader:
        """Open for reading while another process may write.

        The engine wants a folder of its own for each secondary. A running node's stands in its `run` folder, where
        what a killed process leaves is swept; without one it is a temporary folder of whoever reads a home at rest.
        """
        if not (path / "CURRENT").exists():
            raise StoreError(f"there is no store at {path}; its writer makes it at the node's first start")
        if run is not None:
            run.mkdir(mode=0o700, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix="reader-", dir=run)
        families = {family: _options() for family in FAMILIES}
        try:
            return cls(path, Rdict(str(path), _options(), families, AccessType.secondary(scratch)), scratch)
        except Exception as error:
            shutil.rmtree(scratch, ignore_errors=True)
            raise _classify(error, path) from error

    def refresh(self) -> None:
        """Catch up with the writer; about a millisecond."""
        if self._database is None:
            raise StoreClosedError(f"store {self.path} is closed; open it again")
        try:
            self._database.try_catch_up_with_primary()
        except Exception as error:
            raise _classify(error, self.path) from error

    def close(self) -> None:
        """Release files and the reader's scratch folder."""
        super().close()
        with contextlib.suppress(OSError):
            shutil.rmtree(self._scratch)

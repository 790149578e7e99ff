"""What a store is, whoever keeps the bytes.

A store has column families. A batch is written whole or not at all and, once `write` returns, survives
`kill -9`. One process writes; others read through `open_reader` and see new batches after `refresh`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

BLOCKS = "blocks"
"""IPLD blocks by CID bytes."""
CHAIN_INDEX = "chain-index"
"""Tipsets by height, heads, weights."""
METADATA = "metadata"
"""Everything else that a subsystem remembers."""

FAMILIES = (BLOCKS, CHAIN_INDEX, METADATA)

KEY_BYTES_MAX = 4096
VALUE_BYTES_MAX = 64 << 20


@dataclass(frozen=True, slots=True)
class Put:
    """Set a key."""

    family: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key; a missing key is no error."""

    family: str
    key: bytes


Change = Put | Delete


class StoreReader(Protocol):
    """Reads of a store."""

    def get(self, family: str, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        ...

    def has(self, family: str, key: bytes) -> bool:
        """Whether a key is there."""
        ...

    def scan(self, family: str, prefix: bytes = b"", *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Keys with a prefix and their values, in byte order or against it."""
        ...

    def refresh(self) -> None:
        """Catch up with the writer; a writer's own reads are always current."""
        ...

    def close(self) -> None:
        """Release everything; closing twice is no error."""
        ...


class Store(StoreReader, Protocol):
    """The one writer of a store."""

    def write(self, changes: Iterable[Change], *, durable: bool = True) -> None:
        """Apply changes atomically; with `durable`, return only when they survive a crash (one fsync)."""
        ...

"""IPLD blocks in a store, behind the interface that protocols read and write through.

New blocks stay in memory until `commit`, so that a tipset's blocks become durable in one batch with one fsync. What is
read is checked against its CID: a damaged disk must not pass for a different chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockNotFoundError
from thespis.runtime.store.errors import StoreCorruptError, StoreError
from thespis.runtime.store.interface import BLOCKS, Change, Put, Store, StoreReader


class StoreBlockstore:
    """A block store over a reader, or over a writer and then with `commit`."""

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._new: dict[Cid, bytes] = {}

    def get(self, cid: Cid) -> bytes:
        """A block's bytes; raises BlockNotFoundError, or StoreCorruptError when they are not what the CID says."""
        block = self._new.get(cid)
        if block is not None:
            return block
        block = self._store.get(BLOCKS, cid.data)
        if block is None:
            raise BlockNotFoundError(f"block {cid} is not in the store; fetch it or import its CAR")
        if not cid.matches(block):
            raise StoreCorruptError(f"block {cid} is damaged on disk; restore it from a snapshot or fetch it again")
        return block

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block until the next commit."""
        self._new[cid] = block

    def has(self, cid: Cid) -> bool:
        """Whether a block is there, committed or not."""
        return cid in self._new or self._store.has(BLOCKS, cid.data)

    def commit(self, changes: Iterable[Change] = ()) -> None:
        """Write every new block, and `changes` with them, in one durable batch."""
        if not hasattr(self._store, "write"):
            raise StoreError("a reader cannot commit; only the store's one writer can")
        blocks = [Put(BLOCKS, cid.data, block) for cid, block in self._new.items()]
        cast("Store", self._store).write([*blocks, *changes])
        self._new.clear()

    def discard(self) -> None:
        """Forget the new blocks."""
        self._new.clear()

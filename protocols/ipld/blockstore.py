"""Where blocks are kept, as an interface, and the one that keeps them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockNotFoundError


class Blockstore(Protocol):
    """Blocks by CID; what is put under a CID never changes."""

    def get(self, cid: Cid) -> bytes:
        """A block's bytes; raises BlockNotFoundError."""
        ...

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block whose CID the caller computed."""
        ...

    def has(self, cid: Cid) -> bool:
        """Whether a block is there."""
        ...


class MemoryBlockstore:
    """Blocks in a dictionary."""

    def __init__(self) -> None:
        self._blocks: dict[Cid, bytes] = {}

    def get(self, cid: Cid) -> bytes:
        """A block's bytes; raises BlockNotFoundError."""
        block = self._blocks.get(cid)
        if block is None:
            raise BlockNotFoundError(f"block {cid} is not in the store; fetch it or import its CAR")
        return block

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block."""
        self._blocks[cid] = block

    def has(self, cid: Cid) -> bool:
        """Whether a block is there."""
        return cid in self._blocks

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[tuple[Cid, bytes]]:
        return iter(self._blocks.items())


class Overlay:
    """New blocks over another store, which is only read."""

    def __init__(self, below: Blockstore) -> None:
        self._below = below
        self.new: dict[Cid, bytes] = {}

    def get(self, cid: Cid) -> bytes:
        """A block's bytes; raises BlockNotFoundError."""
        block = self.new.get(cid)
        return self._below.get(cid) if block is None else block

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block here."""
        self.new[cid] = block

    def has(self, cid: Cid) -> bool:
        """Whether a block is here or below."""
        return cid in self.new or self._below.has(cid)


def load(store: Blockstore, cid: Cid) -> Any:
    """The DAG-CBOR value of a block; what comes from outside is checked before it enters a store."""
    return cbor.decode_stored(store.get(cid))


def save(store: Blockstore, value: Any) -> Cid:
    """Keep a value as a DAG-CBOR block and return its CID."""
    return save_block(store, cbor.encode(value))


def save_block(store: Blockstore, block: bytes) -> Cid:
    """Keep an encoded DAG-CBOR block and return its CID."""
    cid = Cid.of(block)
    store.put(cid, block)
    return cid

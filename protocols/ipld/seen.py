"""A store between a tree and its blocks that writes an unchanged node again without encoding it."""

from __future__ import annotations

from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.blockstore import Blockstore


class Seen:
    """A store that remembers what went through it."""

    def __init__(self, below: Blockstore) -> None:
        self._below = below
        self._blocks: dict[Cid, bytes] = {}

    def get(self, cid: Cid) -> bytes:
        """A block's bytes."""
        block = self._blocks[cid] = self._below.get(cid)
        return block

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block."""
        self._blocks[cid] = block
        self._below.put(cid, block)

    def has(self, cid: Cid) -> bool:
        """Whether a block is there."""
        return self._below.has(cid)

    def again(self, cid: Cid) -> Cid:
        """Write a block once more."""
        self._below.put(cid, self._blocks[cid])
        return cid

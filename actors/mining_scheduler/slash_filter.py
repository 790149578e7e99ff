"""The slash filter: never signs two blocks that together would be a consensus fault, whatever happens in between.

A block is written here, whole, before it is given to anyone. After a crash the same block is given out again, never
another one (reference: formats, section 6; Lotus ``chain/gen/slashfilter``).
"""

from __future__ import annotations

from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.tipset import TipsetKey, key_bytes
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import ProtocolError
from thespis.runtime.store.interface import METADATA, Change, Delete, Put, Store

HEIGHTS_KEPT = 2000
"""More than finality: below it no fault can be reported."""
_HEIGHT, _PARENTS = b"height/", b"parents/"


class SlashableError(ProtocolError):
    """Signing the block would be a consensus fault."""


class SlashFilter:
    """What one node's miners signed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(
        self, miner: Address, height: int, parents: TipsetKey, parent_parents: TipsetKey, parent_height: int
    ) -> None:
        """Raise SlashableError if a block here would be a fault beside one that was signed.

        Two at one height are double-fork mining, two over the same parents time-offset mining, and one over a tipset
        that leaves out the miner's own block beside it parent grinding.
        """
        if self._store.get(METADATA, _at_height(miner, height)) is not None:
            raise SlashableError(f"{miner} has signed a block at height {height} already")
        if self._store.get(METADATA, _over(miner, parents)) is not None:
            raise SlashableError(f"{miner} has signed a block over these parents already")
        own = self._store.get(METADATA, _at_height(miner, parent_height))
        if own is not None:
            signed = BlockHeader.decode(cbor.decode(own)[0])
            if signed.parents == parent_parents and signed.cid() not in parents:
                raise SlashableError(f"the parents leave out {miner}'s own block at height {parent_height}")

    def remember(self, header: BlockHeader, submission: tuple[bytes, ...]) -> None:
        """Write a signed block, with what is needed to give it out again, before it is given out."""
        changes: list[Change] = [
            Put(METADATA, _at_height(header.miner, header.height), cbor.encode([header.encode(), *submission])),
            Put(METADATA, _over(header.miner, header.parents), b""),
        ]
        old = _at_height(header.miner, header.height - HEIGHTS_KEPT) if header.height > HEIGHTS_KEPT else None
        stale = self._store.get(METADATA, old) if old else None
        if old is not None and stale is not None:
            parents = BlockHeader.decode(cbor.decode(stale)[0]).parents
            changes += [Delete(METADATA, old), Delete(METADATA, _over(header.miner, parents))]
        self._store.write(changes)

    def last(self, miner: Address) -> tuple[BlockHeader, tuple[bytes, ...]] | None:
        """The newest signed block, and what to give out again."""
        for _key, value in self._store.scan(METADATA, _HEIGHT + miner.data, reverse=True):
            encoded, *submission = cbor.decode(value)
            return BlockHeader.decode(encoded), tuple(submission)
        return None


def _at_height(miner: Address, height: int) -> bytes:
    return _HEIGHT + miner.data + height.to_bytes(8, "big")


def _over(miner: Address, parents: TipsetKey) -> bytes:
    return _PARENTS + miner.data + key_bytes(parents)

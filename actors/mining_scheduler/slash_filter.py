"""The slash filter: never signs two blocks that together would be a consensus fault, whatever happens in between.

A block is written here, whole, before it is given to anyone. After a crash the same block is given out again, never
another one (reference: formats, section 6; Lotus ``chain/gen/slashfilter``).

=====================================  ==============================================  ==========================
key                                    value                                           stands
=====================================  ==============================================  ==========================
``height/`` + miner + height           the header, and until it is settled the block   until it is final
                                       and its messages; empty: withdrawn
``parents/`` + miner + tipset key      empty                                           as its block; not withdrawn
``open/`` + miner + height             empty                                           until it is settled
=====================================  ==============================================  ==========================

A block is settled once nothing is left to be done for it: the chain has it, or has left it behind. Then its header is
all that a later one may be a fault beside. And below finality there is nothing to be a fault with: no block is made
over a tipset there, and nobody follows a chain that parts from ours there.

A block that this node's own Syncer refuses as invalid was given to nobody. Kept as signed it would end a chain of one
miner for ever: no block at any other height over the same parents may be signed beside it (time-offset mining), null
rounds do not change the parents, and over every older tipset stands a block of this miner already. A fault is shown
with both headers (specs-actors v2.3.6 ``miner_actor.go``, ReportConsensusFault), and a withdrawn one exists nowhere
else: its parents are free again at other heights, and its own height stays taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.tipset import TipsetKey, key_bytes
from thespis.protocols.consensus.finality import FINALITY_EPOCHS, final_height
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import ProtocolError
from thespis.runtime.store.interface import METADATA, Change, Delete, Put, Store, StoreReader

_HEIGHT, _PARENTS, _OPEN = b"height/", b"parents/", b"open/"


class SlashableError(ProtocolError):
    """Signing the block would be a consensus fault."""


class SlashFilter:
    """What one node's miners signed."""

    def __init__(self, store: Store, finality_epochs: int = FINALITY_EPOCHS) -> None:
        self._store = store
        self._finality_epochs = finality_epochs

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
        if own:
            signed = BlockHeader.decode(cbor.decode(own)[0])
            if signed.parents == parent_parents and signed.cid() not in parents:
                raise SlashableError(f"the parents leave out {miner}'s own block at height {parent_height}")

    def remember(self, header: BlockHeader, submission: tuple[bytes, ...]) -> None:
        """Write a signed block, with what is needed to give it out again, before it is given out."""
        miner, height = header.miner, header.height
        changes: list[Change] = [
            Put(METADATA, _at_height(miner, height), cbor.encode([header.encode(), *submission])),
            Put(METADATA, _over(miner, header.parents), b""),
            Put(METADATA, _open_at(miner, height), b""),
        ]
        for key, value in self._store.scan(METADATA, _HEIGHT + miner.data):
            if int.from_bytes(key[-8:], "big") >= final_height(height - 1, self._finality_epochs):
                break
            changes += [Delete(METADATA, key), Delete(METADATA, _OPEN + key[len(_HEIGHT) :])]
            if value:
                changes.append(Delete(METADATA, _over(miner, BlockHeader.decode(cbor.decode(value)[0]).parents)))
        self._store.write(changes)

    def settle(self, header: BlockHeader) -> None:
        """Nothing is left to be done for a block; not durable, for a crash only has it looked at once more."""
        place = _at_height(header.miner, header.height)
        changes: list[Change] = [Delete(METADATA, _open_at(header.miner, header.height))]
        if self._store.get(METADATA, place):
            changes.append(Put(METADATA, place, cbor.encode([header.encode()])))
        self._store.write(changes, durable=False)

    def withdraw(self, header: BlockHeader) -> None:
        """Free the parents of a block that was given to nobody and never will be; its height stays taken."""
        self._store.write(
            [
                Put(METADATA, _at_height(header.miner, header.height), b""),
                Delete(METADATA, _over(header.miner, header.parents)),
                Delete(METADATA, _open_at(header.miner, header.height)),
            ]
        )

    def outstanding(self, miner: Address) -> list[tuple[BlockHeader, tuple[bytes, ...]]]:
        """Signed blocks that may have to be given out again, oldest first: those that are not settled."""
        heights = sorted(key[-8:] for key, _ in self._store.scan(METADATA, _OPEN + miner.data))
        found = (self._signed(miner, int.from_bytes(height, "big")) for height in heights)
        return [signed for signed in found if signed is not None]

    def last(self, miner: Address) -> tuple[BlockHeader, tuple[bytes, ...]] | None:
        """The newest signed block, and what to give out again, which is nothing once it is settled."""
        for key, _value in self._store.scan(METADATA, _HEIGHT + miner.data, reverse=True):
            return self._signed(miner, int.from_bytes(key[-8:], "big"))
        return None

    def _signed(self, miner: Address, height: int) -> tuple[BlockHeader, tuple[bytes, ...]] | None:
        value = self._store.get(METADATA, _at_height(miner, height))
        if not value:
            return None
        encoded, *submission = cbor.decode(value)
        return BlockHeader.decode(encoded), tuple(submission)


def signed_blocks(store: StoreReader, miner: Address) -> Iterator[BlockHeader]:
    """Every signed block that is kept and not withdrawn, oldest first; for who stands beside the node and checks it."""
    for _key, value in store.scan(METADATA, _HEIGHT + miner.data):
        if value:
            yield BlockHeader.decode(cbor.decode(value)[0])


def _at_height(miner: Address, height: int) -> bytes:
    return _HEIGHT + miner.data + height.to_bytes(8, "big")


def _open_at(miner: Address, height: int) -> bytes:
    return _OPEN + miner.data + height.to_bytes(8, "big")


def _over(miner: Address, parents: TipsetKey) -> bytes:
    return _PARENTS + miner.data + key_bytes(parents)

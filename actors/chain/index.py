"""What the chain store remembers beside blocks, and under which keys.

===============================  ==========================================  ==================================
key in the chain-index family    value                                       changes
===============================  ==========================================  ==================================
``G``                            genesis CID                                 once
``H``                            head: a tipset key                          with the head
``K``                            checkpoint: a tipset key                    on order
``e`` + tipset key               execution: state, receipts, weight          once: the tipset is valid
``b`` + height + block CID       the block's parents                         once: the block is valid
``h`` + height                   tipset key of the heaviest chain            with the head
``m`` + message CID              height where the heaviest chain has it      with the head
===============================  ==========================================  ==================================

Heights are eight bytes, big-endian. A tipset counts as known when it has an execution: then it and everything below
it are valid, and their blocks, messages and states are in the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from thespis.protocols.chain.tipset import TipsetKey, key_bytes, parse_key
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, Record, record
from thespis.runtime.store.interface import CHAIN_INDEX, Change, Delete, Put, StoreReader

CHAIN_STORE = "chain"
GENESIS, HEAD, CHECKPOINT = b"G", b"H", b"K"
HEIGHT_BYTES = 8
_EXECUTION, _BLOCK, _HEIGHT, _MESSAGE = b"e", b"b", b"h", b"m"


@record
class Execution(Record):
    """What executing a tipset gave, and the weight of the chain that ends in it."""

    state_root: Cid
    receipts_root: Cid
    weight: BigInteger


@lru_cache(maxsize=4096)
def _execution(data: bytes) -> Execution:
    return Execution.decode(data)


@lru_cache(maxsize=4096)
def _key(data: bytes) -> TipsetKey:
    return parse_key(data)


def height_bytes(height: int) -> bytes:
    """A height as part of a key."""
    return height.to_bytes(HEIGHT_BYTES, "big")


class ChainIndex:
    """Reads of the index."""

    def __init__(self, store: StoreReader) -> None:
        self.store = store

    def _get(self, key: bytes) -> bytes | None:
        return self.store.get(CHAIN_INDEX, key)

    def genesis(self) -> Cid | None:
        """The genesis block, or None in a new store."""
        data = self._get(GENESIS)
        return None if data is None else Cid.parse(data)

    def head(self) -> TipsetKey | None:
        """The head of the heaviest chain."""
        data = self._get(HEAD)
        return None if data is None else _key(data)

    def checkpoint(self) -> TipsetKey | None:
        """The tipset below which nothing may be reorganised."""
        data = self._get(CHECKPOINT)
        return None if data is None else _key(data)

    def execution(self, key: TipsetKey) -> Execution | None:
        """A known tipset's execution."""
        data = self._get(_EXECUTION + key_bytes(key))
        return None if data is None else _execution(data)

    def knows(self, key: TipsetKey) -> bool:
        """Whether a tipset has been executed."""
        return self.store.has(CHAIN_INDEX, _EXECUTION + key_bytes(key))

    def at_height(self, height: int) -> TipsetKey | None:
        """The heaviest chain's tipset at a height; None for a null round or a height that is not reached."""
        data = self._get(_HEIGHT + height_bytes(height))
        return None if data is None else _key(data)

    def message_height(self, cid: Cid) -> int | None:
        """Where the heaviest chain has a message."""
        data = self._get(_MESSAGE + cid.data)
        return None if data is None else int.from_bytes(data, "big")

    def has_block(self, height: int, cid: Cid) -> bool:
        """Whether a block was found valid."""
        return self._get(_BLOCK + height_bytes(height) + cid.data) is not None

    def siblings(self, height: int, parents: TipsetKey) -> Iterator[Cid]:
        """Valid blocks of one height over the same parents."""
        prefix = _BLOCK + height_bytes(height)
        wanted = key_bytes(parents)
        for key, value in self.store.scan(CHAIN_INDEX, prefix):
            if value == wanted:
                yield Cid.parse(key[len(prefix) :])

    def newest_blocks(self, above: int) -> Iterator[tuple[int, Cid, TipsetKey]]:
        """Valid blocks above a height, the highest first: height, name and parents."""
        for key, value in self.store.scan(CHAIN_INDEX, _BLOCK, reverse=True):
            height = int.from_bytes(key[len(_BLOCK) : len(_BLOCK) + HEIGHT_BYTES], "big")
            if height <= above:
                return
            yield height, Cid.parse(key[len(_BLOCK) + HEIGHT_BYTES :]), _key(value)


def put_head(key: TipsetKey) -> Change:
    """Change the head."""
    return Put(CHAIN_INDEX, HEAD, key_bytes(key))


def put_checkpoint(key: TipsetKey) -> Change:
    """Change or, with an empty key, remove the checkpoint."""
    return Put(CHAIN_INDEX, CHECKPOINT, key_bytes(key)) if key else Delete(CHAIN_INDEX, CHECKPOINT)


def put_genesis(cid: Cid) -> Change:
    """Remember which chain this is."""
    return Put(CHAIN_INDEX, GENESIS, cid.data)


def put_execution(key: TipsetKey, execution: Execution) -> Change:
    """A tipset has become known."""
    return Put(CHAIN_INDEX, _EXECUTION + key_bytes(key), execution.encode())


def put_block(height: int, cid: Cid, parents: TipsetKey) -> Change:
    """A block has been found valid."""
    return Put(CHAIN_INDEX, _BLOCK + height_bytes(height) + cid.data, key_bytes(parents))


def on_chain(height: int, key: TipsetKey, messages: Iterable[Cid]) -> list[Change]:
    """A tipset joins the heaviest chain."""
    place = height_bytes(height)
    changes: list[Change] = [Put(CHAIN_INDEX, _HEIGHT + place, key_bytes(key))]
    return changes + [Put(CHAIN_INDEX, _MESSAGE + cid.data, place) for cid in messages]


def off_chain(height: int, messages: Iterable[Cid]) -> list[Change]:
    """A tipset leaves the heaviest chain."""
    changes: list[Change] = [Delete(CHAIN_INDEX, _HEIGHT + height_bytes(height))]
    return changes + [Delete(CHAIN_INDEX, _MESSAGE + cid.data) for cid in messages]

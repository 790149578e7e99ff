"""Tipsets: the blocks of one epoch over the same parents, in the order that their tickets give."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from thespis.protocols.chain.block import BlockHeader, Ticket
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import InvalidTipsetError

TIPSET_BLOCKS_MAX = 100
"""Far beyond what chance brings: of five expected leaders more than fifteen win about once in fifteen thousand epochs,
more than forty never in the age of the universe. The network sets no bound (Lotus v1.4.0 ``chain/types/tipset.go``,
NewTipSet); here a key of so many CIDs still fits the store's keys."""

TipsetKey = tuple[Cid, ...]


@dataclass(frozen=True, slots=True)
class Tipset:
    """Blocks with the same height and parents, sorted; build it with `Tipset.of`."""

    blocks: tuple[BlockHeader, ...]
    key: TipsetKey

    @classmethod
    def of(cls, headers: Iterable[BlockHeader]) -> Tipset:
        """Sort and check; raises InvalidTipsetError naming what does not match."""
        return cls.of_named([(header, header.cid()) for header in headers])

    @classmethod
    def of_named(cls, named: list[tuple[BlockHeader, Cid]]) -> Tipset:
        """As `of`, for headers whose CIDs are known."""
        if not named:
            raise InvalidTipsetError("a tipset has at least one block")
        if len(named) > TIPSET_BLOCKS_MAX:
            raise InvalidTipsetError(f"{len(named)} blocks; a tipset has at most {TIPSET_BLOCKS_MAX}")
        first, first_cid = named[0]
        for header, cid in named[1:]:
            for field in ("height", "parents", "parent_weight", "parent_state_root", "parent_message_receipts"):
                if getattr(header, field) != getattr(first, field):
                    raise InvalidTipsetError(f"blocks {first_cid} and {cid} have different {field}")
        if len({cid for _, cid in named}) != len(named):
            raise InvalidTipsetError("the same block stands twice in the tipset")
        if len({header.miner for header, _ in named}) != len(named):
            raise InvalidTipsetError("one miner has two blocks in the tipset")
        named.sort(key=lambda pair: (ticket_hash(pair[0].ticket), pair[1].data))
        return cls(tuple(header for header, _ in named), tuple(cid for _, cid in named))

    @property
    def height(self) -> int:
        """The epoch."""
        return self.blocks[0].height

    @property
    def parents(self) -> TipsetKey:
        """The key of the parent tipset."""
        return self.blocks[0].parents

    @property
    def parent_weight(self) -> int:
        """The weight of the chain below."""
        return self.blocks[0].parent_weight

    @property
    def minimum_ticket(self) -> Ticket | None:
        """The smallest ticket, which the next epoch's randomness starts from."""
        return self.blocks[0].ticket

    @property
    def minimum_timestamp(self) -> int:
        """The earliest timestamp, in Unix seconds."""
        return min(header.timestamp for header in self.blocks)

    def breaks_tie_before(self, other: Tipset) -> bool:
        """Whether, at equal weight, this tipset wins: position by position the first smaller ticket does."""
        for mine, theirs in zip(self.blocks, other.blocks, strict=False):
            left, right = ticket_hash(mine.ticket), ticket_hash(theirs.ticket)
            if left != right:
                return left < right
        return False


def ticket_hash(ticket: Ticket | None) -> bytes:
    """What tickets are ordered by."""
    return hashlib.blake2b(ticket.vrf_proof if ticket else b"", digest_size=32).digest()


def key_bytes(key: TipsetKey) -> bytes:
    """A tipset key as bytes: its CIDs one after the other."""
    return b"".join(cid.data for cid in key)


def key_cid(key: TipsetKey) -> Cid:
    """The CID of a tipset key, under which its bytes are stored."""
    return Cid.of(cbor.encode(key_bytes(key)))


def parse_key(data: bytes) -> TipsetKey:
    """The CIDs of `key_bytes`."""
    cids: list[Cid] = []
    offset = 0
    while offset < len(data):
        if len(cids) == TIPSET_BLOCKS_MAX:
            raise InvalidTipsetError(f"tipset key of more than {TIPSET_BLOCKS_MAX} blocks")
        cid, offset = Cid.read(data, offset)
        cids.append(cid)
    return tuple(cids)

"""Miners that sign several blocks of one height: the first ones count, the others are remembered and not executed.

A miner that won may sign as many variants of its block as it likes, at no cost, and every tipset of them would have to
be executed. What another block stands on is executed all the same, for then a part of the network follows it.
"""

from __future__ import annotations

from collections import OrderedDict

from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid

VARIANTS_MAX = 2
"""Blocks of one miner and height that are executed for their own sake: enough to prove the fault, and to follow most
of a network that saw another one first."""
PLACES_MAX = 8192
"""Miners and heights that are remembered, the oldest forgotten first."""


class Equivocations:
    """Which blocks of each miner and height came first, and how many came after them."""

    def __init__(self) -> None:
        self._first: OrderedDict[tuple[Address, int], list[Cid]] = OrderedDict()
        self.refused = 0

    def note(self, header: BlockHeader) -> None:
        """Remember a block that its miner did sign; those that nobody signed must not stand in an honest one's way."""
        first = self._first.setdefault((header.miner, header.height), [])
        if len(first) < VARIANTS_MAX and header.cid() not in first:
            first.append(header.cid())
        if len(self._first) > PLACES_MAX:
            self._first.popitem(last=False)

    def one_too_many(self, header: BlockHeader) -> bool:
        """Whether so many blocks of its miner and height came before this one that it is not executed."""
        first = self._first.get((header.miner, header.height), ())
        found = len(first) >= VARIANTS_MAX and header.cid() not in first
        self.refused += found
        return found

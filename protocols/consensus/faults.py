"""Consensus faults: two blocks by one miner that no honest miner signs.

Three shapes are punished (Lotus v1.4.0 ``chain/vm/syscalls.go``, VerifyConsensusFault; reference: formats, section 6):

* double-fork mining: two blocks at one height;
* time-offset mining: two blocks over the same parents at different heights;
* parent grinding: a block over parents that leave out the miner's own earlier block, although they hold a sibling of
  it, which a third block shows.
"""

from __future__ import annotations

from enum import IntEnum

from thespis.protocols.chain.block import BlockHeader


class ConsensusFault(IntEnum):
    """The kinds, numbered as on chain."""

    DOUBLE_FORK_MINING = 1
    PARENT_GRINDING = 2
    TIME_OFFSET_MINING = 3


def consensus_fault(first: BlockHeader, second: BlockHeader, extra: BlockHeader | None = None) -> ConsensusFault | None:
    """The fault that two headers show, `first` being no later than `second`, or None.

    Signatures are not checked here: a fault counts only if both are the miner's, which the caller verifies.
    """
    if first.cid() == second.cid() or first.miner != second.miner or first.height > second.height:
        return None
    if first.height == second.height:
        return ConsensusFault.DOUBLE_FORK_MINING
    if first.parents == second.parents:
        return ConsensusFault.TIME_OFFSET_MINING
    if (
        extra is not None
        and first.parents == extra.parents
        and first.height == extra.height
        and extra.cid() in second.parents
        and first.cid() not in second.parents
    ):
        return ConsensusFault.PARENT_GRINDING
    return None

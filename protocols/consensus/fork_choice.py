"""Which of two chains to follow: the heavier one, at equal weight the one with the smaller ticket, none past finality.

What a chain weighs says `weight`; which tipsets are final says `finality`.
"""

from __future__ import annotations

from collections.abc import Iterable

from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX, Tipset, TipsetKey, ticket_hash
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid


def widest_tipset(block: Cid, siblings: Iterable[tuple[BlockHeader, Cid]]) -> Tipset:
    """The tipset of a block and the valid blocks of its height and parents; `siblings` are all of them, itself too.

    More blocks make a chain heavier. A miner that made several has one in it: `block` itself, and of another miner's
    the first that is given (Lotus v1.4.0 ``chain/store/store.go``, ChainStore.expandTipset). Of more blocks than a
    tipset holds here those with the most wins are taken, of equal ones those with the smaller tickets, so that all who
    know the same blocks choose alike.
    """
    chosen: dict[Address, tuple[BlockHeader, Cid]] = {}
    for header, cid in siblings:
        if header.miner not in chosen or cid == block:
            chosen[header.miner] = (header, cid)
    ranked = sorted(chosen.values(), key=lambda named: (-_wins(named[0]), ticket_hash(named[0].ticket), named[1].data))
    return Tipset.of_named(ranked[:TIPSET_BLOCKS_MAX])


def _wins(header: BlockHeader) -> int:
    return header.election_proof.win_count if header.election_proof else 0


def prefers(candidate: Tipset, candidate_weight: int, head: Tipset, head_weight: int) -> bool:
    """Whether `candidate` should replace `head`; when nothing tells them apart the present head stays.

    Equal weights are common while two halves of a network mine apart, and if each node kept what it saw first they
    would stay apart (spec, Expected Consensus, "Chain Selection"; Lotus v1.12.0 ``chain/store/store.go``,
    breakWeightTie, where v1.4.0 MaybeTakeHeavierTipSet keeps what it has).
    """
    if candidate_weight != head_weight:
        return candidate_weight > head_weight
    return candidate.breaks_tie_before(head)


def may_leave(tipset: Tipset, final_height: int, checkpoint: TipsetKey | None) -> bool:
    """Whether a tipset of the present chain may be left for a heavier one: it is neither final nor the checkpoint.

    Source: Lotus v1.4.0 ``chain/sync.go``, Syncer.syncFork (ErrForkTooLong, ErrForkCheckpoint).
    """
    return tipset.height > final_height and tipset.key != checkpoint

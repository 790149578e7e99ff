"""The seal ticket: the randomness of the chain that a sector's labels begin with, and from which epoch it comes.

Labels that depend on a ticket cannot have been made before it, and a sector whose ticket a reorganisation takes back is
lost with all work in it; so the ticket is the newest one that is final.
"""

from __future__ import annotations

from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.finality import FINALITY_EPOCHS, final_height
from thespis.protocols.consensus.randomness import Purpose, draw_from_ticket, miner_entropy
from thespis.protocols.encoding.address import Address


def seal_ticket_epoch(head_height: int, finality_epochs: int = FINALITY_EPOCHS) -> int:
    """The epoch that a sector sealed now takes its ticket from: finality below the head, or genesis.

    The chain accepts older ones too, as long as the sector's PreCommitSector comes before finality and the longest
    sealing have passed (Lotus v1.4.0 ``extern/storage-sealing/states_sealing.go``, getTicket, with
    ``chain/actors/policy/policy.go``, SealRandomnessLookback).
    """
    return final_height(head_height, finality_epochs)


def seal_ticket(tipset: Tipset, epoch: int, miner: Address) -> bytes:
    """The 32 bytes of a miner's ticket; `tipset` is the one at the epoch, or the last before it, of the chain."""
    return draw_from_ticket(tipset.minimum_ticket, Purpose.SEAL_RANDOMNESS, epoch, miner_entropy(miner))

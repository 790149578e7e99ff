"""Randomness drawn from the chain and the beacon: one hash, separated by purpose.

A purpose tag, the epoch and an entropy (the miner's address) go into each draw, so that no draw can be used for another
purpose (Lotus v1.4.0 ``chain/store/store.go``, DrawRandomness; reference: formats, section 6).
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

from thespis.protocols.chain.block import Ticket
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address


class Purpose(IntEnum):
    """Domain separation tags."""

    TICKET_PRODUCTION = 1
    ELECTION_PROOF_PRODUCTION = 2
    WINNING_POST_CHALLENGE_SEED = 3
    WINDOWED_POST_CHALLENGE_SEED = 4
    SEAL_RANDOMNESS = 5
    INTERACTIVE_SEAL_CHALLENGE_SEED = 6
    WINDOWED_POST_DEADLINE_ASSIGNMENT = 7
    MARKET_DEAL_CRON_SEED = 8
    POST_CHAIN_COMMIT = 9


def draw(base: bytes, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
    """32 bytes for one purpose, epoch and entropy, from a beacon entry or ticket."""
    return draw_from_digest(hashlib.blake2b(base, digest_size=32).digest(), purpose, epoch, entropy)


def draw_from_digest(digest: bytes, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
    """The same from the entry's or ticket's digest."""
    hashed = hashlib.blake2b(digest_size=32)
    hashed.update(int(purpose).to_bytes(8, "big", signed=True))
    hashed.update(digest)
    hashed.update(epoch.to_bytes(8, "big", signed=True))
    hashed.update(entropy)
    return hashed.digest()


def draw_from_ticket(ticket: Ticket | None, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
    """The same from a tipset's smallest ticket; a block without a ticket counts as one with an empty one.

    Source: Lotus v1.4.0 ``chain/store/store.go``, ChainStore.GetChainRandomness.
    """
    return draw(ticket.vrf_proof if ticket else b"", purpose, epoch, entropy)


def randomness_height(epoch: int, newest: int) -> int:
    """Where on a chain that ends at `newest` to look for an epoch's ticket or beacon entry.

    Epochs before genesis have genesis' randomness. An epoch beyond the chain has its end's, so that the answer is a
    function of the chain alone; a null round has that of the tipset before it, which whoever reads the chain finds.
    """
    return min(max(0, epoch), newest)


def miner_entropy(miner: Address) -> bytes:
    """The entropy of a miner's draws: its address as CBOR."""
    return cbor.encode(miner.data)

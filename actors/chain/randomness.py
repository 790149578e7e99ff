"""Randomness that a chain gives: drawn from the smallest ticket at an epoch, or the last one before it."""

from __future__ import annotations

from thespis.actors.chain.reader import ChainReader
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.randomness import Purpose, draw


def from_tickets(reader: ChainReader, start: Tipset, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
    """32 bytes of the chain that ends in `start`; epochs below genesis give genesis' ticket."""
    ticket = reader.at_height(max(0, epoch), start).minimum_ticket
    return draw(ticket.vrf_proof if ticket else b"", purpose, epoch, entropy)
